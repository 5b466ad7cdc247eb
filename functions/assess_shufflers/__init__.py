"""Says of each part of each shuffler how probable its failure is, and why.

Trigger: the state machine `maintain_shufflers`, every hour and at the end of a night: `{"run"}`.
Does: asks the models that serve about the run's hours. Where none serves, or what serves is broken,
the rules say what is due: the maker's intervals and limits of the sensors.
Emits: `models/shufflers/runs/<run>/assessment.msgpack.zst`; metrics ShufflersAssessed,
FailureModelFallbacks.
"""
