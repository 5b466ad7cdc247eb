"""Serves card shufflers: their states and figures, and the pace of the tables they are at.

Trigger: `GET /v1/shufflers`, `/v1/shufflers/{asset_id}`, `/v1/shufflers/{asset_id}/history`,
`/v1/tables/paces` (API Gateway REST), behind `authorize_requests`.
Does: reads the shufflers' database for the caller's own property; what is another's is not found.
A caller whose assets are limited reads those shufflers alone: no list, no tables. The list goes on
by sealed cursors (`pitboss.cursors`).
Emits: JSON with an ETag, 304 where the caller has it already, or problem details with a correlation
id; 503 where the database does not answer; metrics RequestsServed, RequestsNotFound,
QueriesRefused, CursorsRefused, RequestsUnanswered.
"""
