"""Telemetry of games: a studio's events, its applications, their schemas and mappings.

A studio is a property, an application is an asset, a client is a player. What comes in by other
people's envelopes is made into `pitboss.games.events.GameEvent` at the door, and is one kind of
event from there on.
"""
