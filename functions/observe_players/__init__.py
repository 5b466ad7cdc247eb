"""Looks at how a property's players play, for models of them.

Trigger: the state machine `nightly_retraining`: `{"run", "property_id", "days", "known_to"}`.
Does: sums up each carded player's games of 30 days before now, and before each earlier moment that
there are days for; notes who of them excluded themselves and who came back within 30 days after it.
Emits: `models/<family>/runs/<run>/<property>.json`, of risk and of churn; metric PlayersObserved.
"""
