"""Looks at how a property's players play, for a model of risk.

Trigger: the state machine `nightly_retraining`: `{"run", "property_id", "days", "known_to"}`.
Does: sums up each carded player's games of 30 days before now, and before each earlier moment that
there are days for; notes who of them excluded themselves within 30 days after it.
Emits: `models/risk/runs/<run>/<property>.json`; metric PlayersObserved.
"""
