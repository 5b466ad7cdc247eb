"""Shows games and apps what their players are offered, and takes their answers.

Trigger: `GET /v1/machines/{asset_id}/offer`, `GET /v1/players/{player_id}/offers`,
`POST /v1/players/{player_id}/offers/{offer_id}/accept|decline|redeem|withhold|approve|refuse` and
`GET /v1/offers/pending` (API Gateway REST), behind `authorize_requests`.
Does: lets an offer through only past the gate, in one transaction with the standing and the machine
that the gate saw; what was withheld looks like what there is not. Takes each answer once, by its
`Idempotency-Key`. A redemption passes the gate too, and one that must not be withdraws the offer.
An approval is handed to the state machine `approve_offer`, which waits for it. A caller whose
assets are limited reaches offers at those machines alone. Somebody who signed in looks at offers as
a host, which delivers none; what they accept or decline for a player they have told them of. They
may withhold an offer, and say why: it is withdrawn, and gives back what was reserved. Each is kept
in the audit log before it is answered.
Emits: JSON, never cached; problem details with a correlation id; metrics OffersShown,
OffersDelivered, OffersWithheld (by reason), OffersAccepted, OffersDeclined, OffersRedeemed,
OffersWithdrawn, AnswersRepeated, AnswersRefused, RequestsNotFound, StandingsUnread; a log line
where standings cannot be read, and for each answer of a person.
"""
