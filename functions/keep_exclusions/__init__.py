"""Keeps who must not be made offers, one player at a time and at once.

Trigger: `PUT`, `DELETE /v1/players/{player_id}/exclusions/{list}`, `GET
/v1/players/{player_id}/exclusions` (API Gateway REST), behind `authorize_requests`. Whole lists
come by `pitboss exclusions import`.
Does: checks the body against the hash the caller signed; puts a player on one of the lists of
`pitboss.offers.gate.ListName`, takes them off it, or says where they stand, of the caller's own
property; what is another's is not found. Who excluded themselves stays excluded until the end that
was agreed.
Emits: of somebody who signed in a look in the audit log, before what is done or shown; a standing,
a place on a list and the change that is kept of it, in one transaction; a JSON document, or problem
details with a correlation id; a log line for each change; metrics
ExclusionsAdded, ExclusionsLifted, ExclusionsRefused.

From the answer on, no offer reaches the player: whoever delivers one checks, in the transaction
that does it, that the standing is still the one that let it through.
"""
