"""Shows live metrics of games, and what they crash of.

Trigger: `GET /v1/metrics`, `/v1/crashes` and `/v1/crashes/{crash_group}` (API Gateway REST), behind
`authorize_requests`.
Does: reads what the newest windows of the metrics of the caller's property come to, the one that
lasts included, and which thresholds are crossed; groups of crash reports of an application, with
their versions, counts and an example.
Emits: JSON, never cached, or problem details with a correlation id; metrics MetricsShown,
CrashesShown, QueriesRefused.
"""
