"""Says who is calling, before any other function runs.

Trigger: API Gateway, as the REQUEST authorizer of every route under `/v1` and of the live API's
`$connect`; its answers must not be cached, for each token is bound to one body.
Does: verifies the JWT in `Authorization: Bearer ...` with the key registered for its issuer, and
that the issuer's scopes allow the route: `slot-events:write` for `POST /v1/slot-events`,
`ratings:read` for every `GET` (machines, players, their sessions and ledgers, the floor),
`offers:read` for a WebSocket, whose token is bound to no body; offers, catalogue and exclusions
have scopes of their own, for reading too. What is not listed in `service.ROUTES` is nobody's.
Emits: a policy for this one call with the principal and the hash of the body it signed as context;
401 where nothing is proven, 403 for a revoked key or a missing scope; a log line with the reason
of each refusal; metrics RequestsAllowed, RequestsUnauthorized, RequestsForbidden.

The body is not shown to an authorizer: the function behind it checks the body against the hash.
"""
