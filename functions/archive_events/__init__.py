"""Keeps every record of the slot stream and of the game stream in the lake, to the byte.

Trigger: the slot event stream (Kinesis), beside the rating, and the game event stream: a batch
every archive window.
Does: unpacks each record and writes its events, as received and as envelopes, into one object for
each property and gaming day that the batch has events of.
Emits: raw objects in the lake, `raw/slot/...` and `raw/game/...`, and records that cannot be read,
as they are, under `raw/unreadable/`; metrics RecordsReceived, RecordsUnreadable, EventsArchived,
BytesReceived, BytesStored, ObjectsStored.

An object is named by the batch and its bytes follow from the batch alone: what comes again
overwrites itself. Anything that fails raises, and the whole batch comes again. Before a record is
kept as unreadable a known one is read: where that fails, it is this release that is broken, and the
batch waits for the one before.
"""
