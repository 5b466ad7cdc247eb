"""Learns when parts of shufflers fail, and lets what it learned serve if it is better.

Trigger: the state machine `maintain_shufflers`, at night: `{"run"}`.
Does: learns a model a part from the run's hours, finds the thresholds that cost least, judges both
on the last of the time against what serves, and promotes what is surely better.
Emits: `models/shufflers/versions/<version>/` with model and card, `models/shufflers/champion.json`;
metrics FailureModelsTrained, FailureModelsPromoted. What is too little to learn from is told, not
raised.
"""
