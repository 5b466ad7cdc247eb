"""Lets games listen and people watch: keeps which WebSocket connection is there for what.

Trigger: `$connect` and `$disconnect` of the live API (API Gateway WebSocket), the former behind
`authorize_requests`.
Does: keeps a connection for the machines that the query parameter `machines` names, where its
principal may reach every one of them, and a person's for the floor, with players or without;
forgets it when it ends. A principal has at most `service.MOST_CONNECTIONS`, a person `MOST_PAGES`.
Emits: items of the connections table; where a person will be shown players, a look in the audit
log; 200 with the subprotocol that is spoken, or a refusal that ends the handshake: 400 for machines
that cannot be, 404 for those that are not the caller's, 429 for too many connections; metrics
ClientsConnected, ClientsRefused, ClientsDisconnected.
"""
