"""Learns of each property who plays like who excluded themselves, stays away, or takes offers.

Trigger: the state machine `nightly_retraining`: `{"run", "property_id"}`, once the run has looked
at the property's players; and then `{"run", "property_id", "family"}` for each other family.
Does: learns a model of what was seen, judges it on the last 30 days against the one that serves,
and promotes what is surely better. By the model of risk that serves it closes the gate of offers
for players of high risk; where none does, for nobody. By that of another family it keeps what is
foreseen of players, for people; nothing of players of high risk, or on a list.
Emits: `models/<family>/properties/<property>/versions/<version>/` with model and card, its
`champion.json`, and but for risk `scores.json`; of risk an item for each player of high risk in the
table of standings; metrics PlayerModelsTrained, PlayerModelsPromoted, PlayersAtRisk,
PlayersForeseen. What is too little to learn from is told, not raised. A model that serves and
cannot be read is raised: then whom the gate is closed for stays, and so do the scores.
"""
