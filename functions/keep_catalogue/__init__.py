"""Keeps the catalogue of offers, a version at a time.

Trigger: `GET` and `PUT /v1/offers/catalogue`, `GET /v1/offers/catalogue/versions` (API Gateway
REST), behind `authorize_requests`.
Does: takes a whole catalogue of the caller's own property, checked by `catalogue.parse`, and only
where the one that is current still is the one that the caller knows (`If-Match`, or
`If-None-Match: *` for the first). Versions are kept.
Emits: JSON with the version as ETag, or problem details, with every fault of a catalogue that is
none; a log line of each change with who made it; metrics CataloguesApplied, CataloguesRefused.
"""
