"""Serves the live floor to the people who keep it open, and takes what they say of it.

Trigger: `GET /v1/floor/live`, `GET` and `PUT /v1/floor/plan`, `GET /v1/floor/players`,
`GET /v1/floor/minutes`, `GET /v1/floor/hours`, `GET /v1/alerts`,
`POST /v1/alerts/{alert_id}/acknowledge`, `GET /v1/players/{player_id}/bill-ins`, `GET /v1/reviews`
and `POST /v1/reviews/{review_id}/decide` (API Gateway REST), behind `authorize_requests`.
Does: reads the floor table for the caller's own property; what is another's is not found. Who may
not see players is shown nobody. Of the players who sit at machines it reads sessions, rating and
offers besides, of as many as are shown. Keeps a plan where it replaces the one it says, and an
acknowledgement of an alert or a decision of a review where there is none. A person who is shown
players is in the audit log before the answer leaves; where that cannot be written there is no
answer.
Emits: JSON, of what is read often with an ETag; problem details with a correlation id; metrics
FloorsShown, PlayersShown, HistoriesShown, AlertsShown, BillsShown, PlansKept, PlansRefused,
AlertsAcknowledged, ReviewsShown, ReviewsDecided, AnswersRefused, RequestsNotFound, QueriesRefused.
"""
