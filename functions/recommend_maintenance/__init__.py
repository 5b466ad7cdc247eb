"""Keeps the recommendations of maintenance up to date, and says what people are to be told of.

Trigger: the state machine `maintain_shufflers`, every hour and at the end of a night: `{"run"}`;
and `{"sent"}`, the messages that it has sent.
Does: opens, updates and closes recommendations by the run's assessment, one open of a device and
part, in one transaction a device with the messages of each rise of urgency. A part that was mended
has its recommendation done. Messages stay to be sent until they are known to be: one whose sending
was not heard of is sent again.
Emits: rows of the tables `recommendations`, `recommendation_entries` and `recommendation_notices`;
metrics RecommendationsOpened, RecommendationsClosed, RecommendationsRaised.
"""
