"""Judges a trained model on days that it has not seen, and writes its card.

Trigger: the state machine `nightly_retraining`: `{"run", "model", "hyperparameters"}`.
Does: estimates off-policy what the model, the champion, each single offer and making none would
have earned on the held-out days, and asks the gate whether the model is better than the champion.
Emits: a version with its card under `models/offers/versions/`, whatever the verdict;
`{"version", "promote", "why", "replaces"}`; metric ModelsEvaluated.
"""
