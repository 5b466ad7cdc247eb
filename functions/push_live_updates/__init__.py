"""Tells connected games that there is something to fetch, and connected people what changed.

Trigger: the stream of the offers table, filtered: offers that become `decided`, and machines whose
current offer is taken away (declined, expired, withdrawn, redeemed, or the player left); and the
stream of the floor table, filtered to the parts of floors.
Does: sends each connection that listens for the machine `{"type": "offer.ready" | "offer.gone",
"asset_id": ...}`; a connection that is gone is forgotten. A message to games names neither offer
nor player: what there is, the game fetches, through the gate (ADR 15). Whoever watches a floor is
sent the rows of it that changed, at most twice a second, without `player_id` where they may not see
players; a connection whose token has ended is closed.
Emits: messages over WebSockets; metrics UpdatesReceived, UpdatesUnreadable, PushesSent,
PushesUndelivered, ConnectionsGone; of the floor FloorChangesReceived, FloorChangesUnreadable,
FloorPushesSent, FloorPushesDeferred, FloorPushesUndelivered, FloorWatchersGone,
FloorWatchersClosed.

A push may come late, twice or not at all. One that a client does not take is not tried again where
it only says that there is something to fetch, for others wait behind it; what changed of a floor is
told with what changes next. Where the table of connections cannot be read the batch comes again.
"""
