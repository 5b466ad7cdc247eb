"""The front door for games' events.

Trigger: `POST /v1/game-events` and `POST /applications/{application_id}/events` (API Gateway REST),
behind `authorize_requests`.
Does: checks what a server signed, or how much an install has posted this minute; reads the body
within limits, in whichever of three envelopes; asks of every event whether its sender may say it,
and its application's schema whether it is right; and answers what became of each.
Emits: one stream record for each of an application's lanes that has events; quarantine objects;
metrics EventsReceived, EventsAccepted, EventsDuplicate, EventsQuarantined, EventsFailed,
EventsForeign, EventsUnrecognised, EventsOutOfTime, RequestsRefused (by status).

received = accepted + duplicate + quarantined + failed, in every answer.
"""
