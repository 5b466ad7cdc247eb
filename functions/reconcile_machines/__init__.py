"""Reconciles a property's gaming day: meters against games, archive against ledger, hold against
theory.

Trigger: the state machine `refine_day`, after the export: `{"property_id", "gaming_day"}`.
Does: reads the refined events, what was exported of the ledger and the holds of earlier days;
explains each machine's difference by cause, to the cent, and ranks machines by how surprising their
hold is.
Emits: the refined table `reconciliations` of the partition, a summary under `refined/summaries/`, a
message to the operations topic where something needs a person, once for the
same findings; metrics MachinesReconciled, MachinesWithGaps, HoldsReported, NoticesSent.

The same tables give the same bytes. The summary that says what was told is written after the
message: a run that breaks off in between tells it again, in the same words and under the same name.
"""
