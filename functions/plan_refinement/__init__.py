"""Says which partitions of the lake have to be refined.

Trigger: the state machine `refine_day`, first of all: `{"property_id", "gaming_day", "all"}`, each
of which may be missing or null.
Does: lists what was archived and set aside, and holds it against the manifests: a partition whose
manifest is missing, or names other objects than there are, is refined. With `all`, every one is.
Emits: `{"partitions": [{"property_id", "gaming_day"}], "left": n, "current": n}`, the newest days
first, at most a thousand; `left` more wait for the next run, `current` are as they should be.
Metrics PartitionsStale, PartitionsCurrent.
"""
