"""Serves leaderboards, and what players were given, to games' servers.

Trigger: `GET /v1/applications/{application_id}/leaderboards/{board_id}`,
`GET /v1/players/{player_id}/entitlements` and
`POST /v1/players/{player_id}/entitlements/{entitlement_id}/consume` (API Gateway REST), behind
`authorize_requests`.
Does: reads the first players of a board of the caller's property, and a player's rank and
neighbours; lists what a player was given; marks it as used, once.
Emits: JSON, never cached, or problem details with a correlation id; metrics LeaderboardsServed,
EntitlementsServed, EntitlementsConsumed, RequestsNotFound, QueriesRefused.
"""
