"""Looks at how a property's players play, for models of them.

Trigger: the state machine `nightly_retraining`: `{"run", "property_id", "days", "known_to"}`, and
once more with `"family": "propensity"`.
Does: sums up each carded player's games of 30 days before now, and before each earlier moment that
there are days for; notes who of them excluded themselves and who came back within 30 days after it.
Of propensity: before each offer that a player was shown, and whether it was redeemed within 7 days.
Emits: `models/<family>/runs/<run>/<property>.json`; metric PlayersObserved.
"""
