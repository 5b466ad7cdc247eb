"""Rates players and machines from the slot stream.

Trigger: the slot event stream (Kinesis), a batch of records every flush interval.
Does: unpacks each record, keeps the event types rating looks at, and applies each machine's events
to its history; one transaction writes what changed, marker and effect together. Then it tells
of sessions that started, ended or came to more, and of tiers reached, where that is of now.
Emits: items of the ratings table; `PlayerChanged` messages to the player topic; records and events
that cannot be rated to the quarantine; metrics RecordsReceived, EventsReceived, EventsRated,
EventsDuplicate, EventsUnrelated, EventsQuarantined, RecordsUnreadable, Gaps, CorrectionsPosted,
ChangesPublished, ChangesUnpublished.

Safe without any help of the event source: poison is quarantined and the batch succeeds; anything
transient raises and the whole batch comes again, which changes nothing that was applied already.
Before anything is set aside because it cannot be read or rated, a known record is read or a known
game rated: where that fails, it is this release that is broken, and the batch waits for the one
before.
"""
