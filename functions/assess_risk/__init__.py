"""Learns who plays like players who excluded themselves, and closes the gate of offers for them.

Trigger: the state machine `nightly_retraining`: `{"run", "property_id"}`, once the run has looked
at the property's players.
Does: learns a model of what was seen, judges it on the last 30 days against the one that serves,
and promotes what is surely better. By the model that serves it says which players are of high risk;
where none does, nobody is.
Emits: `models/risk/properties/<property>/versions/<version>/` with model and card, its
`champion.json`; an item for each player of high risk in the table of standings; metrics
RiskModelsTrained, RiskModelsPromoted, PlayersAtRisk. What is too little to learn from is told, not
raised. A model that serves and cannot be read is raised: then whom the gate is closed for stays.
"""
