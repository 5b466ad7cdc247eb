"""Serves the flags that experiments decide, to games and apps, a player at a time.

Trigger: `GET /v1/players/{player_id}/flags` (API Gateway REST), behind `authorize_requests`.
Does: finds the variant that the player is in of each experiment of the caller's property that runs,
and keeps the first time they were exposed to it; calls that come again keep nothing more.
Emits: JSON, never cached, or problem details with a correlation id; an exposure a player and
experiment; metrics FlagsServed, PlayersExposed, RequestsNotFound.
"""
