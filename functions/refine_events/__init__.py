"""Makes a refined partition, one property's gaming day, from all that was archived of it.

Trigger: the state machine `refine_day`, a partition at a time: `{"property_id", "gaming_day"}`.
Does: reads the partition's raw objects and its entries in quarantine, keeps each event once, and
writes a Parquet file a table and, last of all, the manifest (ADR 9). A partition that is refined
again from the same objects has the same bytes.
Emits: objects under `refined/`; metrics EventsRefined, EventsDuplicate, EventsConflicting,
LinesUnreadable. Raises RefinedMeanwhile, where another run of the same partition was first,
RawObjectsGone, UnreadableArchive and PartitionTooLarge.
"""
