"""Serves ratings to machines, apps and hosts.

Trigger: `GET /v1/machines/{asset_id}`, `/v1/players/{player_id}`, `/v1/floor` (API Gateway REST),
behind `authorize_requests`.
Does: reads the ratings table for the caller's own property; what is another's is not found. A
caller whose assets are limited reads those machines alone: no player, no floor.
Emits: JSON, or problem details with a correlation id; metrics RequestsServed, RequestsNotFound.
"""
