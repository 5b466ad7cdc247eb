"""The front door for slot events.

Trigger: `POST /v1/slot-events` (API Gateway REST), behind `authorize_requests`.
Does: checks the body against the hash the sender signed, unpacks it within limits, validates every
event by the schema of its type, and answers what became of each.
Emits: one stream record an asset (partition key: property and asset); quarantine objects; metrics
EventsReceived, EventsAccepted, EventsDuplicate, EventsQuarantined, EventsFailed, EventsForeign,
EventsUnrecognised, EventsOutOfTime, RequestsRefused (by status).

received = accepted + duplicate + quarantined + failed, in every answer.
"""
