"""Lets games listen: keeps which WebSocket connection is there for which machines.

Trigger: `$connect` and `$disconnect` of the live API (API Gateway WebSocket), the former behind
`authorize_requests`.
Does: keeps a connection for the machines that the query parameter `machines` names, where its
principal may reach every one of them; forgets it when it ends. A principal has at most
`service.MOST_CONNECTIONS`.
Emits: items of the connections table; 200, or a refusal that ends the handshake: 400 for machines
that cannot be, 404 for those that are not the caller's, 429 for too many connections; metrics
ClientsConnected, ClientsRefused, ClientsDisconnected.
"""
