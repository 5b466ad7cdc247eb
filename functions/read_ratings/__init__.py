"""Serves ratings, and the ledgers that explain them, to machines, apps and hosts.

Trigger: `GET /v1/machines/{asset_id}`, `/v1/machines/{asset_id}/ledger`, `/v1/players/{player_id}`,
`/v1/players/{player_id}/sessions`, `/v1/players/{player_id}/ledger`, `/v1/floor` (API Gateway
REST), behind `authorize_requests`.
Does: reads the ratings table for the caller's own property; what is another's is not found. A
caller whose assets are limited reads those machines alone: no player, no floor. A ledger folds the
machines' pages anew; who may not see players (`machines:read`) reads a machine's without them. What
a person is shown of players is kept in the audit log before the answer. Lists go on by sealed
cursors (`pitboss.cursors`).
Emits: JSON with an ETag, 304 where the caller has it already, or problem details with a correlation
id; a log line for each cursor that was not given to its caller, and for what a broken table of
house rules leaves unanswered; metrics RequestsServed, RequestsNotFound, QueriesRefused,
CursorsRefused.
"""
