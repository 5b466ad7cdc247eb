"""Says which partitions of the lake have to be refined.

Trigger: the state machine `refine_day`, first of all: `{"property_id", "gaming_day", "all",
"ended"}`, each of which may be missing or null.
Does: lists what was archived and set aside, and holds it against the manifests: a partition whose
manifest is missing, names other objects than there are, or was not reconciled since, is refined.
With `all`, every one is; with `ended`, only gaming days that are over.
Emits: `{"partitions": [{"property_id", "gaming_day", "has_ended"}], "left": n, "current": n}`, the
newest days first, at most 500; `left` more wait for the next run, `current` are as they
should be. Metrics PartitionsStale, PartitionsCurrent.
"""
