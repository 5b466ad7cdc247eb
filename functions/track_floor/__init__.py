"""Keeps what machines say of themselves, and what comes at all, as rows that pages are sent.

Trigger: the slot event stream (Kinesis), a batch of records every second.
Does: follows each machine's hand-pays, doors, tilts, calls for service, lost events and meters, and
when it was heard of; raises an alert for what somebody is to go to, and says when it is over; keeps
which bills went in; counts events by minute of arrival.
Emits: items `conditions/<block>`, `rates/<shard>`, `alert/...` and bills of the floor table;
metrics RecordsReceived, RecordsUnreadable, EventsReceived, AlertsRaised, BillsKept, BlocksReplaced,
BlocksContended.

Everything is made of the newest event by the machine's clock, or kept by the event's own name, so
that what comes again or out of order changes nothing. What counts carries the mark of the last
record it counted. A record that cannot be read is left out, for `rate_players` sets it aside;
unless one that is known to be good cannot be read either: then it is this release that is broken,
and the batch waits for the one before.
"""
