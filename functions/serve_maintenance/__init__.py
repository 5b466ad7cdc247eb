"""Shows technicians what maintenance is recommended, and takes what they say of it.

Trigger: `GET /v1/maintenance`, `GET /v1/maintenance/{recommendation_id}` and
`POST /v1/maintenance/{recommendation_id}/acknowledge|done|dismiss` (API Gateway REST), behind
`authorize_requests`.
Does: lists what is open first, the most urgent first, by a sealed cursor. Takes each answer once,
by its `Idempotency-Key`; every answer is an entry that stays. A caller whose assets are limited
reaches recommendations for those devices alone.
Emits: JSON, never cached; problem details with a correlation id; metrics RecommendationsShown,
RecommendationsAcknowledged, RecommendationsDone, RecommendationsDismissed, AnswersRepeated,
AnswersRefused, RequestsNotFound, QueriesRefused, CursorsRefused.
"""
