"""Gives games on players' devices the tokens that they send events with.

Trigger: `POST /v1/applications/{application_id}/installs` (API Gateway REST), behind
`authorize_requests`: a game's own server asks, which knows its players.
Does: signs a token for one application and one client, for an hour, by the stack's secret.
Emits: the token; metrics InstallsIssued, RequestsRefused (by status).

Nothing is kept of a token: it ends by itself, or with its application.
"""
