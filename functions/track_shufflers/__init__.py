"""Keeps what card shufflers report: every event once, their states, and sums by hour and day.

Trigger: the shuffler stream (Kinesis), a record an MQTT message.
Does: reads the messages and writes a batch's events into PostgreSQL in one transaction; those that
were not known are added to the sums of their device's hour and gaming day and of their table's
gaming day, and bring the device's state up to date.
Emits: rows of the shufflers' database, quarantine objects for what is refused or reuses a key;
metrics RecordsReceived, EventsReceived, EventsAccepted, EventsDuplicate, EventsQuarantined,
EventsForeign, EventsUnrecognised.

An event is known by property, asset, sequence and time. What comes again, in whatever order and
batch, changes nothing. A transaction that failed is tried again a few times; then the batch fails,
and comes again.
"""
