"""Keeps games' events of the last 7 days where they are found by player, type, level and time.

Trigger: the game event stream (Kinesis), a batch of records as soon as there are some.
Does: packs each batch's events by minute and lane, leaves out the types that their application
leaves out, and names in lists where there are some of which type, level and player.
Emits: items of the table of recent events; metrics RecordsReceived, RecordsUnreadable,
EventsReceived, EventsIndexed, EventsKnown, EventsLeftOut, EventsTooOld, BlocksWritten,
PlacesListed.

received = indexed + known + left out + too old. What comes again, in whatever company and order,
is the same item, or is found to be the same event when it is read. A record that cannot be read is
left out, for `archive_events` keeps it as it is; unless one that is known to be good cannot be read
either: then it is this release that is broken, and the batch waits for the one before.
"""
