"""Changes of players' ratings in, offers out."""

import os
import time
from functools import cache, partial
from typing import Any

from decide_offers.service import STAGE, Became, DecideOffers, Outcome
from decide_offers.settings import Settings
from pitboss.backoff import pause
from pitboss.events.player import PlayerChanged, decode
from pitboss.offers.catalogue import NO_OFFER
from pitboss.offers.deciding import NoOffer, decision_id
from pitboss.offers.gate import Refusal
from pitboss.offers.learned import PolicySource
from pitboss.rating.house_rules import shipped
from pitboss.settings import read
from pitboss.stores.approvals import StepFunctionsStarts
from pitboss.stores.models import S3Models
from pitboss.stores.offers import DynamoOffers
from pitboss.stores.ratings import DynamoRatings
from pitboss.stores.standings import DynamoStandings, read_or_nothing
from pitboss.telemetry import logger, metrics

REFUSALS = frozenset(Refusal)

log = logger(STAGE)
count = metrics(STAGE)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _unread(fault: Exception) -> None:
    log.error("no offer: what the gate looks at cannot be read", extra={"fault": repr(fault)})
    count.count("StandingsUnread")


def _fell_back(why: str) -> None:
    log.error("the champion cannot be asked, and offers are made without it", extra={"why": why})
    count.count("ModelFallbacks")


@cache
def _wiring() -> DecideOffers:
    settings = read(os.environ, Settings)
    log.setLevel(settings.log_level)
    region = settings.aws_region
    tables = settings.offers_table, settings.standings_table, settings.ratings_table
    standings = DynamoStandings(settings.standings_table, settings.ratings_table, region)
    models = S3Models(settings.lake_bucket, region)
    return DecideOffers(
        DynamoRatings(settings.ratings_table, region),
        DynamoOffers(*tables, region),
        partial(read_or_nothing, standings, tell=_unread),
        PolicySource(models, _now, fell_back=_fell_back),
        StepFunctionsStarts(settings.approve_offer_state_machine, region),
        shipped().of,
        settings.gaming_days.rule_of,
        now=_now,
        pause=pause,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Decide on a batch of changes.

    Returns:
        The messages that failed: they come again, the others do not. Nothing is raised for one
        message, so that none stands in another's way.
    """
    decide = _wiring()
    failed: list[str] = []
    for record in event["Records"]:
        change: PlayerChanged | None = None
        try:
            change = decode(record["body"])
            outcome = decide(change)
            _tell(change, outcome)
            _trace(change, outcome, record.get("attributes", {}).get("SentTimestamp"))
        except Exception as fault:  # noqa: BLE001 - poison, an outage or a bug: of this message
            failed.append(record["messageId"])
            _tell_failed(record["messageId"], change, fault)
    count.count("TriggersReceived", len(event["Records"]))
    count.count("TriggersUnreadable", 0)
    count.count("TriggersFailed", 0)
    count.count("StandingsUnread", 0)
    count.count("ModelFallbacks", 0)
    count.flush()
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _trace(change: PlayerChanged, outcome: Outcome, queued_at: str | None) -> None:
    """What `pitboss trace` shows of a change: that it came, and what became of it."""
    decided = outcome.decided
    count.tell(
        "changes",
        correlation_id=change.correlation_id,
        change_id=change.change_id,
        decision_id=decision_id(change),
        queued_at=None if queued_at is None else int(queued_at),
        decided_at=_now(),
        became=outcome.became,
        chosen=None if decided is None else decided.chosen,
        no_offer=[] if decided is None else list(decided.no_offer),
    )


@cache
def _tell_unoffered(property_id: str) -> None:
    """Once a container: a house that makes no offers wants to hear of it no more often."""
    log.warning("no catalogue", extra={"property_id": property_id})


def _tell_failed(message: str, change: PlayerChanged | None, fault: Exception) -> None:
    if change is None:
        count.count("TriggersUnreadable")
        log.error("a message is no change", extra={"message_id": message, "fault": repr(fault)})
        return
    count.count("TriggersFailed")
    what = {"message_id": message, "change_id": change.change_id}
    log.error("a change is not decided", extra=what, exc_info=fault)


def _tell(change: PlayerChanged, outcome: Outcome) -> None:
    became, decided, offer = outcome
    count.count("TriggersEnded", int(became is Became.ENDED))
    count.count("TriggersStale", int(became is Became.STALE))
    count.count("TriggersUnoffered", int(became is Became.UNOFFERED))
    count.count("DecisionsMade", int(became is Became.DECIDED))
    count.count("DecisionsRepeated", int(became is Became.REPEATED))
    if became is Became.UNOFFERED:
        _tell_unoffered(change.property_id)
    if decided is None:
        return
    count.count("OffersMade", int(decided.chosen != NO_OFFER))
    count.count("OffersHeldOut", int(NoOffer.HELD_OUT in decided.no_offer))
    count.count("OffersRefused", int(not REFUSALS.isdisjoint(decided.no_offer)))
    if offer is not None:
        log.info(
            "offered",
            extra={
                "offer_id": offer.offer_id,
                "correlation_id": offer.correlation_id,
                "player_id": offer.player_id,
                "asset_id": offer.asset_id,
                "code": offer.code,
                "cost_cents": offer.cost_cents,
                "status": offer.status,
                "reasons": offer.reasons,
                "model_version": decided.model_version,
                "catalogue_version": decided.catalogue_version,
            },
        )
