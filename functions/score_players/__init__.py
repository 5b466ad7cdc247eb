"""Scores the offers of active players, for their hosts.

Trigger: the state machine `nightly_retraining`: `{"property_id", "days"}` of its plan.
Does: asks the champion what it expects of the offers that each player was in reach of at their
newest decision. Players whom the gate refused then, or who are held out, are not scored.
Emits: an item `scores` for each player in the table of offers, for two days; metrics PlayersScored,
ModelFallbacks.
"""
