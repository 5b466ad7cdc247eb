"""The demo's offers: a floor plays, games listen, players answer; what came of it, as stored."""

import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from workbench.console import out, step
from workbench.paths import ROOT

if TYPE_CHECKING:
    from pitboss.offers.deciding import Decided
    from pitboss.offers.issued import IssuedOffer

CATALOGUE = ROOT / "docs" / "offers-catalogue.yaml"
MACHINES, PLAYERS, MINUTES, SPEED = 20, 24, 6, 36.0
MINUTES_YESTERDAY = 15
SETTLE_SECONDS = 3.0
SELF_EXCLUDED, OPTED_OUT = 3, 2
"""Players, of those there are, who must not be made offers."""


def offers() -> dict[str, Any]:
    """Play a floor of its own for some seconds and count its offers, from the store."""
    import yaml

    from pitboss.offers.gate import ListName
    from workbench import endpoint, gateways, measure, offer_floor
    from workbench.games import Games, Player
    from workbench.simulation import Floor, FloorPlan
    from workbench.simulation.live import stream

    now = time.time_ns() // 1_000_000
    property_id = f"demo-{now // 1_000}"
    start = now - MINUTES * 60_000
    plan = FloorPlan(MACHINES, PLAYERS, MINUTES, now // 1_000, start, property_id)
    floor = Floor(plan)
    players = floor.player_ids
    listed = {
        ListName.SELF_EXCLUDED: players[:SELF_EXCLUDED],
        ListName.OPTED_OUT: players[SELF_EXCLUDED : SELF_EXCLUDED + OPTED_OUT],
    }
    catalogue = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    with ExitStack() as opened:
        sender = opened.enter_context(measure.gateway(property_id))
        reader = opened.enter_context(measure.reader(property_id))
        host = opened.enter_context(offer_floor.host(property_id))
        client = opened.enter_context(offer_floor.games(property_id))
        with step("applying the example catalogue, importing patrons and exclusion lists"):
            offer_floor.apply_catalogue(host, of_floor(catalogue, floor))
            offer_floor.admit(property_id, players, listed)
        with step(f"playing {MINUTES_YESTERDAY} minutes of yesterday, so that players are known"):
            offer_floor.play_yesterday(sender, reader, plan, MINUTES_YESTERDAY)
        with step(f"playing {MINUTES} minutes at {SPEED:.0f} times their speed, games listening"):
            games = opened.enter_context(Games(client, Player(1)))
            signer = measure.signer_of(gateways.workbench_games(property_id))
            assets = [machine.asset_id for machine in floor.machines]
            games.listen(endpoint.live_url(), signer.headers, assets)
            stream(floor, sender, SPEED, time.monotonic, _wait, lambda events, counts: None)
            time.sleep(SETTLE_SECONDS)
        return _counted(property_id, catalogue, {p for on_it in listed.values() for p in on_it})


def _wait(seconds: float) -> bool:
    time.sleep(max(0.0, seconds))
    return False


def of_floor(catalogue: dict[str, Any], floor: Any) -> dict[str, Any]:  # noqa: ANN401
    """The catalogue as the floor's own: its property, and its machines in the zones there are."""
    zones = sorted({one.get("zone") for one in catalogue.get("machines", {}).values()} - {None})
    machines = {
        machine.asset_id: {"zone": zones[index % len(zones)]} if zones else {}
        for index, machine in enumerate(floor.machines)
    }
    return catalogue | {"property_id": floor.plan.property_id, "machines": machines}


def _counted(property_id: str, catalogue: dict[str, Any], listed: set[str]) -> dict[str, Any]:
    found = _stored(property_id)
    made = [offer for _, offer in found if offer is not None]
    reached: Counter[tuple[str, str]] = Counter()
    for offer in made:
        reached.update({(offer.code, str(one.status)) for one in offer.steps})
    statuses = ("delivered", "accepted", "declined", "redeemed")
    budget = catalogue["house"]["daily_budget_cents"]
    promised = _promised(property_id, {decided.gaming_day for decided, _ in found})
    shown = [offer for offer in made if any(one.status == "delivered" for one in offer.steps)]
    told = next((offer for offer in shown if "accepted" in {*_statuses(offer)}), None)
    return {
        "decisions": len(found),
        "offers": [
            {"code": code, "made": count} | {status: reached[code, status] for status in statuses}
            for code, count in sorted(Counter(offer.code for offer in made).items())
        ],
        "no_offer": dict(sorted(_why_not(found).items(), key=lambda part: -part[1])),
        "promised_cents": promised,
        "budget_left_cents": budget - promised,
        "players_listed": len(listed),
        "shown_to_players_listed": sum(offer.player_id in listed for offer in shown),
        "example": None
        if told is None
        else {"player_id": told.player_id, "offer": told.name, "reasons": list(told.reasons)},
    }


def _statuses(offer: "IssuedOffer") -> list[str]:
    return [str(one.status) for one in offer.steps]


def _stored(property_id: str) -> "list[tuple[Decided, IssuedOffer | None]]":
    """Every decision of the floor's, with its offer as it is now."""
    from workbench import endpoint

    with endpoint.as_environment():
        today = datetime.now(UTC).date()
        days = [(today - timedelta(days=back)).isoformat() for back in (1, 0)]
        return [one for day in days for one in _store().decisions(property_id, day)]


def _promised(property_id: str, days: set[str]) -> int:
    """What the property's counters say is reserved or spent."""
    from workbench import endpoint

    with endpoint.as_environment():
        store = _store()
        return sum(
            store.budgets(property_id, "nobody", day, ()).of_property.reserved_cents for day in days
        )


def _store() -> Any:  # noqa: ANN401 - imported late
    from pitboss.stores.offers import DynamoOffers
    from workbench import endpoint

    found = endpoint.stack_outputs()
    return DynamoOffers(
        found["OffersTableName"],
        found["StandingsTableName"],
        found["RatingsTableName"],
        endpoint.target().region or endpoint.DEFAULT_REGION,
    )


def _why_not(found: "list[tuple[Decided, IssuedOffer | None]]") -> Counter[str]:
    """Why decisions were for nothing."""
    reasons: Counter[str] = Counter()
    for decided, offer in found:
        if offer is not None:
            continue
        if decided.no_offer:
            reasons.update(decided.no_offer)
        elif len(decided.actions) == 1:
            reasons["nothing in reach"] += 1
        else:
            reasons["nothing chosen"] += 1
    return reasons


def show(report: dict[str, Any]) -> None:
    """A small table."""
    from pitboss.money import dollars

    table = Table(title=f"Offers from {report['decisions']} decisions, as stored")
    columns = ("code", "made", "delivered", "accepted", "declined", "redeemed")
    for name in columns:
        table.add_column(name, justify="left" if name == "code" else "right")
    for row in report["offers"]:
        table.add_row(*(escape(str(row[name])) for name in columns))
    out.print(table)
    why = ", ".join(
        f"{name.replace('_', ' ')} {count}" for name, count in report["no_offer"].items()
    )
    out.print(f"no offer: {why or 'never'}")
    out.print(
        f"budget: ${dollars(report['promised_cents'])} promised, "
        f"${dollars(report['budget_left_cents'])} left of the day"
    )
    if report["example"]:
        example = report["example"]
        words = "; ".join(example["reasons"])
        out.print(
            f"accepted by {example['player_id']}: {escape(example['offer'])} ({escape(words)})"
        )
    leaks = report["shown_to_players_listed"]
    colour = "red" if leaks else "green"
    out.print(
        f"[{colour}]{leaks} offers were shown[/{colour}] to the {report['players_listed']} players "
        "on a list"
    )
