"""Measures games' events as they come, for live metrics.

Trigger: the game event stream (Kinesis), a batch of records every second.
Does: brings each event into the panes of the metrics that count it, and into its player's days and
sessions, and each report of a crash into its group (`pitboss.metrics`); what is late goes where it
belongs.
Emits: items of the metrics table; metrics RecordsReceived, RecordsUnreadable, EventsReceived,
EventsTooLate, EventsAhead, EventsKnown, EventsMeasured, EventsUnmeasured, EventsCrowded,
CrashesCounted, CrashesUngrouped, PanesFull, LanesWritten, LanesContended.

An event is known by its id, and written with what it counts for in one transaction, so that each
counts once whatever comes again. A record that cannot be read is left out, for `archive_events`
keeps it as it is; unless one that is known to be good cannot be read either: then it is this
release that is broken, and the batch waits for the one before.
"""
