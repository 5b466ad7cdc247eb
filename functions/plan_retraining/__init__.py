"""Says what a night of retraining has to export and to learn from.

Trigger: the state machine `nightly_retraining`, when the day is refined: `{"execution",
"started_at", "asked": {"run", "train_in", "hyperparameters"}}`; what is asked may be missing.
Does: begins the night, which only one execution can; lists the gaming days with play that are over
and not older than `TrainingDays`. A day is exported where it was not, or where something could
still become of one of its offers when it was last.
Emits: `{"run", "is_ours", "exports": [{"property_id", "gaming_day"}], "properties":
[{"property_id", "days", "known_to"}], "train_in", "hyperparameters"}`; `begun.json` of the run.
"""
