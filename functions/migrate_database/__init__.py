"""Brings the shufflers' database to the schema of this release, and keeps its partitions.

Trigger: a deploy, with `{"task": "migrate"}`; a schedule, with `{"task": "partitions"}`; a person,
with `{"task": "downgrade", "revision"}` before an older release is deployed.
Does: in one transaction, under a lock that one at a time can have: runs the revisions of `versions`
that are missing; makes the partitions of the months to come, and drops those older than
`ShufflerRetentionMonths`; gives the functions' database roles exactly the rights of `roles`.
Emits: `{"revision", "made", "dropped"}`: what the database is at, and partitions by name; the
metrics PartitionsMade and PartitionsDropped.
"""
