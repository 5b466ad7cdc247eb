"""Tells connected games that there is something to fetch, or no longer.

Trigger: the stream of the offers table, filtered: offers that become `decided`, and machines whose
current offer is taken away (declined, expired, withdrawn, redeemed, or the player left).
Does: sends each connection that listens for the machine `{"type": "offer.ready" | "offer.gone",
"asset_id": ...}`; a connection that is gone is forgotten. A message names neither offer nor player:
what there is, the game fetches, through the gate (ADR 15).
Emits: messages over WebSockets; metrics UpdatesReceived, UpdatesUnreadable, PushesSent,
PushesUndelivered, ConnectionsGone.

A push may come late, twice or not at all. One that a client does not take is not tried again, for
others wait behind it; where the table of connections cannot be read the batch comes again.
"""
