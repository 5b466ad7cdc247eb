"""Shows live metrics of games.

Trigger: `GET /v1/metrics` (API Gateway REST), behind `authorize_requests`.
Does: reads what the newest windows of the metrics of the caller's property come to, the one that
lasts included, and which thresholds are crossed.
Emits: JSON, never cached, or problem details with a correlation id; metrics MetricsShown,
QueriesRefused.
"""
