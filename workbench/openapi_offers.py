"""The part of the OpenAPI document that is about offers."""

from typing import Any

from workbench.openapi_parts import IDEMPOTENCY_KEY, answers, body, identifier, operation
from workbench.schemas import Document, prose

_PROBLEM = "application/problem+json"

_IDS = {
    "asset_id": "The machine; padding zeros are cut.",
    "player_id": "The player's pseudonym.",
    "offer_id": "The offer.",
}
_NEVER_KEPT = {"Cache-Control": "no-store: each time it is shown it passes the gate anew."}
_VERSION_TAG = {"ETag": "The catalogue's version, for `If-Match`."}


def _ids(*names: str) -> list[Document]:
    return [identifier(name, _IDS[name]) for name in names]


def tags() -> list[Document]:
    """What the functions are for."""
    import keep_catalogue
    import keep_exclusions
    import serve_offers

    return [
        {"name": "offers", "description": prose(serve_offers.__doc__).partition("\n")[0]},
        {"name": "catalogue", "description": prose(keep_catalogue.__doc__).partition("\n")[0]},
        {"name": "exclusions", "description": prose(keep_exclusions.__doc__).partition("\n")[0]},
    ]


def structs() -> list[Any]:
    """What is answered and sent."""
    from keep_catalogue.service import AppliedDocument, CatalogueDocument, VersionsDocument
    from keep_exclusions.service import Exclude, StandingDocument
    from pitboss.offers.catalogue import Catalogue
    from serve_offers.documents import AnsweredOffer, MachineOffer, PendingOffers, PlayerOffers
    from serve_offers.service import Withheld

    return [
        Withheld,
        *(MachineOffer, PlayerOffers, PendingOffers, AnsweredOffer),
        *(Catalogue, CatalogueDocument, AppliedDocument, VersionsDocument),
        *(Exclude, StandingDocument),
    ]


def paths() -> Document:
    """The routes."""
    from pitboss.access import Action

    player = "/v1/players/{player_id}/offers"
    one = f"{player}/{{offer_id}}"
    again = "The same key with the same request has the same answer for a day."
    return {
        "/v1/machines/{asset_id}/offer": {
            "get": operation(
                "offers",
                "getMachineOffer",
                "Read what who is seated at a machine may be shown.",
                "An offer that is shown is delivered. Nothing, a refusal of the gate and an offer "
                "for somebody else look the same: `null`.",
                Action.READ_OFFERS,
                _ids("asset_id"),
                {"200": answers("What may be shown now.", "MachineOffer", _NEVER_KEPT)},
            )
        },
        player: {
            "get": operation(
                "offers",
                "getPlayerOffers",
                "Read a player's offers.",
                "Those that are open and may be shown, and are delivered by this. A service is "
                "told why they were made, and those that are over.",
                Action.READ_OFFERS,
                _ids("player_id"),
                {"200": answers("What may be shown now.", "PlayerOffers", _NEVER_KEPT)},
            )
        },
        f"{one}/accept": {"post": _answer("accept", "Accept an offer.", again)},
        f"{one}/decline": {"post": _answer("decline", "Decline an offer.", again)},
        f"{one}/redeem": {
            "post": _answer(
                "redeem",
                "Redeem an accepted offer.",
                "Passes the gate: who must not be made an offer any more has it withdrawn. Free "
                f"play and multipliers are redeemed at the offer's machine. {again}",
            )
        },
        f"{one}/withhold": {"post": _withhold(again)},
        f"{one}/approve": {"post": _settle("approve", "Approve an offer that awaits it.")},
        f"{one}/refuse": {"post": _settle("refuse", "Refuse an offer that awaits approval.")},
        "/v1/offers/pending": {
            "get": operation(
                "offers",
                "getPendingOffers",
                "List the offers that await approval.",
                "Those that expire first, first; a second late.",
                Action.APPROVE_OFFERS,
                [],
                {"200": answers("They.", "PendingOffers")},
            )
        },
        "/v1/offers/catalogue": {
            "get": operation(
                "catalogue",
                "getCatalogue",
                "Read the catalogue in force.",
                "",
                Action.WRITE_CATALOGUE,
                [],
                {"200": answers("The one in force.", "CatalogueDocument", _VERSION_TAG)},
            ),
            "put": _put_catalogue(),
        },
        "/v1/offers/catalogue/versions": {
            "get": operation(
                "catalogue",
                "getCatalogueVersions",
                "List the catalogues that were applied.",
                "The last first.",
                Action.WRITE_CATALOGUE,
                [],
                {"200": answers("They.", "VersionsDocument")},
            )
        },
        "/v1/players/{player_id}/exclusions": {"get": _exclusion("get", "Read a player's lists.")},
        "/v1/players/{player_id}/exclusions/{list}": {
            "put": _exclusion("put", "Put a player on a list, at once."),
            "delete": _exclusion("delete", "Take a player off a list."),
        },
    }


def _exclusion(method: str, summary: str) -> Document:
    from pitboss.access import Action
    from pitboss.offers.gate import ListName

    if method == "get":
        return operation(
            "exclusions",
            "getExclusions",
            summary,
            "And what else the gate knows of them.",
            Action.READ_EXCLUSIONS,
            _ids("player_id"),
            {"200": answers("Where the player stands.", "StandingDocument")},
        )
    document = operation(
        "exclusions",
        f"{method}Exclusion",
        summary,
        "Again is the same. A self-exclusion is only ever made longer.",
        Action.WRITE_EXCLUSIONS,
        _ids("player_id"),
        {
            "200": answers("Where the player stands now.", "StandingDocument"),
            "400": {"$ref": "#/components/responses/WrongExclusion"},
            "409": {"$ref": "#/components/responses/StillExcluded"},
            "503": {"$ref": "#/components/responses/StandingInMotion"},
        },
    )
    names = {"type": "string", "enum": [str(name) for name in ListName]}
    document["parameters"].append(
        {"name": "list", "in": "path", "required": True, "description": "The list."}
        | {"schema": names}
    )
    is_put = method == "put"
    said = "Without one, from now on for ever." if is_put else "Only its `note` is looked at."
    document["requestBody"] = body("Exclude", said, required=False)
    return document


def responses() -> dict[str, Document]:
    """What several of them answer."""
    meanings = {
        "NoIdempotencyKey": "The `Idempotency-Key` is missing, or not 1 to 64 of the characters.",
        "OfferRefuses": "The offer's state does not allow it, or the gate; `offer_status` is what "
        "the offer is now.",
        "WrongReason": "The `Idempotency-Key` is missing, or the body does not say why.",
        "KeyReused": "The `Idempotency-Key` was used for another request.",
        "OfferInMotion": "The offer, the standing or the machine kept changing: send the same "
        "again.",
        "CatalogueMoved": "Another catalogue is in force than the request names.",
        "FaultyCatalogue": "It is no catalogue of the caller's property; `faults` says why.",
        "WrongExclusion": "The body is none, or its times make no sense.",
        "StillExcluded": "It would end a self-exclusion before the end that was agreed.",
        "StandingInMotion": "Others kept changing the same player: send the same again.",
        "PreconditionRequired": "Neither `If-Match` nor `If-None-Match: *`.",
    }
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        name: {"description": meaning, "content": {_PROBLEM: problem}}
        for name, meaning in meanings.items()
    }


def _answer(verb: str, summary: str, description: str) -> Document:
    from pitboss.access import Action

    actions = {"redeem": Action.REDEEM_OFFERS, "withhold": Action.WITHHOLD_OFFERS}
    action = actions.get(verb, Action.ANSWER_OFFERS)
    document = operation(
        "offers",
        f"{verb}Offer",
        summary,
        description,
        action,
        _ids("player_id", "offer_id"),
        {
            "200": answers("What the offer came to by it.", "AnsweredOffer"),
            "400": {"$ref": "#/components/responses/NoIdempotencyKey"},
            "409": {"$ref": "#/components/responses/OfferRefuses"},
            "422": {"$ref": "#/components/responses/KeyReused"},
            "503": {"$ref": "#/components/responses/OfferInMotion"},
        },
    )
    document["parameters"].append(IDEMPOTENCY_KEY)
    return document


def _withhold(again: str) -> Document:
    document = _answer(
        "withhold",
        "Withhold an offer.",
        "Shown or not, while nothing came of it: it is withdrawn, and gives back what was "
        f"reserved. Who did it and why stays in its steps. {again}",
    )
    document["responses"]["400"] = {"$ref": "#/components/responses/WrongReason"}
    document["requestBody"] = body("Withheld")
    return document


def _settle(verb: str, summary: str) -> Document:
    from pitboss.access import Action

    return operation(
        "offers",
        f"{verb}Offer",
        summary,
        "The first to say so decides. The same said again changes nothing.",
        Action.APPROVE_OFFERS,
        _ids("player_id", "offer_id"),
        {
            "200": answers("It was settled so before: the offer.", "OfferDocument"),
            "202": answers("Taken on: the offer as it was.", "OfferDocument"),
            "409": {"$ref": "#/components/responses/OfferRefuses"},
        },
    )


def _put_catalogue() -> Document:
    from keep_catalogue.service import MAX_BYTES
    from pitboss.access import Action

    document = operation(
        "catalogue",
        "putCatalogue",
        "Put a catalogue in force.",
        "As a whole, in place of the one that is named by `If-Match`.",
        Action.WRITE_CATALOGUE,
        [],
        {
            "200": answers("It is in force.", "AppliedDocument", _VERSION_TAG),
            "412": {"$ref": "#/components/responses/CatalogueMoved"},
            "422": {"$ref": "#/components/responses/FaultyCatalogue"},
            "428": {"$ref": "#/components/responses/PreconditionRequired"},
        },
    )
    document["parameters"] += [
        {
            "name": name,
            "in": "header",
            "description": meaning,
            "schema": {"type": "string"},
        }
        for name, meaning in (
            ("If-Match", "The ETag of the catalogue in force."),
            ("If-None-Match", "`*`, where there is none yet."),
        )
    ]
    document["requestBody"] = body("Catalogue", f"At most {MAX_BYTES:,} bytes.")
    return document
