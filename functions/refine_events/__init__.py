"""Makes a refined partition, one property's gaming day of slots or games, from what was archived.

Trigger: the state machine `refine_day`, a partition at a time: `{"property_id", "gaming_day",
"family"}`, where the family is `slot`, which it is unless told, or `game`.
Does: reads the partition's raw objects and, of slots, its entries in quarantine, keeps each event
once, and writes a Parquet file a table and, last of all, the manifest (ADR 9). A partition that is
refined again from the same objects has the same bytes.
Emits: objects under `refined/`; metrics EventsRefined, EventsDuplicate, EventsConflicting,
LinesUnreadable. Raises RefinedMeanwhile, where another run of the same partition was first,
RawObjectsGone, UnreadableArchive and PartitionTooLarge.
"""
