"""Finds games' events of the last 7 days, for people and services of a studio.

Trigger: `GET /v1/game-events` and `GET /v1/game-events/freshness` (API Gateway REST), behind
`authorize_requests`.
Does: reads which minutes have what is looked for, and of these the events, the newest first, a page
at a time; says how far each application has come, and the lake. Whose events a person is shown is
kept before the answer.
Emits: JSON, never cached, or problem details with a correlation id; a look in the audit log;
metrics EventsShown, SearchesCut, FreshnessShown, RequestsNotFound, QueriesRefused.
"""
