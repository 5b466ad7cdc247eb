"""Says which partitions of the lake have to be refined.

Trigger: the state machine `refine_day`, first of all: `{"property_id", "gaming_day", "all",
"ended", "family"}`, each of which may be missing or null.
Does: lists what was archived and set aside, and holds it against the manifests: a partition whose
manifest is missing, names other objects than there are, or was not reconciled since, is refined.
With `all`, every one is; with `ended`, only gaming days that are over. A family is `slot` or
`game`, both unless told; of games, days whose tables are about to expire are left alone.
Emits: `{"partitions": [{"property_id", "gaming_day", "family", "has_ended"}], "left": n,
"current": n}`, of each family the newest days first, at most 500; `left` more wait for the next
run, `current` are as they should be. Metrics PartitionsStale, PartitionsCurrent.
"""
