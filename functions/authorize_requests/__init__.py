"""Says who is calling, before any other function runs.

Trigger: API Gateway, as the REQUEST authorizer of every route under `/v1` and of the live API's
`$connect`; its answers must not be cached, for a token may be bound to one body.
Does: verifies the JWT in `Authorization: Bearer ...`, or in the subprotocols that a browser offers
for a WebSocket, and that who it is of may take the route (`service.ROUTES`). A gateway's or a
service's is signed by the key registered for its issuer, whose scopes count; a person's by the user
pool that they signed in to, and their groups count (`pitboss.access.GROUPS`). The pool's keys are
fetched by HTTP and kept. What is not listed in `service.ROUTES` is nobody's.
Emits: a policy for this one call with the principal and the hash of the body it signed as context;
401 where nothing is proven, 403 for a revoked key, a missing scope and a group that may not, 500
where the pool's keys cannot be had; a log line with the reason of each refusal; metrics
RequestsAllowed, RequestsUnauthorized, RequestsForbidden.

The body is not shown to an authorizer: the function behind it checks the body against the hash. A
person's token is bound to none.
"""
