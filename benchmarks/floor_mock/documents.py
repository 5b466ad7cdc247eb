"""Documents that other functions answer with: machines, players, shufflers, maintenance."""

import random
from datetime import date, timedelta

from benchmarks.floor_mock import world as floor
from benchmarks.floor_mock.world import PROPERTY, Machine, World
from pitboss.events.shuffler import Part
from pitboss.floor.plan import Place
from pitboss.floor.rows import MINUTE_MS
from pitboss.money import theoretical_dollars
from pitboss.offers.catalogue import Kind
from pitboss.offers.issued import Status
from pitboss.shufflers.maintenance import Status as WorkStatus
from pitboss.shufflers.maintenance import Urgency
from pitboss.shufflers.metrics import figures
from pitboss.shufflers.state import OpenFault
from pitboss.shufflers.sums import HOUR_MS, Sums
from read_ratings import ledgers
from read_ratings import service as ratings
from serve_maintenance.service import EntryDocument, MaintenanceDocument, RecommendationDocument
from serve_offers.documents import OfferDocument, PlayerOffers, StepDocument
from serve_shufflers import service as shufflers


def machine(world: World, asset_id: str) -> ratings.MachineDocument | None:
    """`GET /v1/machines/{asset_id}`."""
    found = world.machines.get(asset_id)
    if found is None:
        return None
    today = date.fromisoformat(world.day)
    chance = random.Random(asset_id)
    days = [ratings.PlayOfDay(world.day, _play(found))]
    for back in range(1, 8):
        cents = chance.randrange(100_000, 2_000_000)
        days.append(
            ratings.PlayOfDay((today - timedelta(back)).isoformat(), _of(cents, found, chance))
        )
    return ratings.MachineDocument(PROPERTY, asset_id, found.hold, 0, days)


def machine_ledger(world: World, asset_id: str, now: int) -> ledgers.LedgerDocument | None:
    """`GET /v1/machines/{asset_id}/ledger`: its last games."""
    found = world.machines.get(asset_id)
    if found is None:
        return None
    chance = random.Random(asset_id)
    lines: list[ledgers.LedgerLine] = []
    games = min(found.sums.games, 60)
    for number in range(games):
        bet = found.bet_cents * chance.choice((1, 1, 2))
        won = int(bet * chance.choice((0, 0, 0, 0.5, 2, 5)))
        at = now - (games - number) * 6_500
        lines.append(
            ledgers.GameLine(
                number=number + 1,
                asset_id=asset_id,
                player_id=found.player,
                session_started_at=found.sums.seated_since,
                rule="game_completed",
                started_at=at - 4_000,
                ended_at=at,
                game_number=1,
                coin_in_cents=bet,
                coin_out_cents=won,
                handpaid_cents=0,
                hold_basis_points=found.hold,
                theoretical_win=theoretical_dollars(bet * found.hold),
                unvalued_credits=0,
            )
        )
    whole = _amounts(_play(found))
    total = ledgers.LedgerTotal(games, whole, whole, True, None, None)
    return ledgers.LedgerDocument(
        PROPERTY, None, asset_id, world.day, lines, None, [], [], total, False
    )


def player(world: World, player_id: str, now: int) -> ratings.PlayerDocument | None:
    """`GET /v1/players/{player_id}`."""
    if not player_id.startswith(("p-", "emp-")):
        return None
    chance = random.Random(player_id)
    today = date.fromisoformat(world.day)
    machines = list(world.machines.values())
    rank = chance.randrange(4)
    sessions = _sessions(world, player_id, now)
    days: dict[str, int] = {}
    for session in sessions:
        days[session.gaming_day] = days.get(session.gaming_day, 0) + session.play.coin_in_cents
    total = sum(days.values())
    tiers = ("member", "silver", "gold", "platinum")
    first = (today - timedelta(89)).isoformat()
    rating = ratings.PlayerRating(
        world.day,
        "2026-01-01",
        len(days),
        ("low", "middle", "high", "top")[rank],
        ratings.Adt(first, world.day, len(days), f"{chance.randrange(20, 400)}.50", None, 0, 0),
        ratings.TierStanding(
            tiers[rank],
            (today - timedelta(100)).isoformat(),
            (today + timedelta(265)).isoformat(),
            f"{today.year}-01-01",
            f"{today.year}-12-31",
            3_200 * (rank + 1),
            tiers[rank + 1] if rank < 3 else None,
            1_400 if rank < 3 else None,
            [
                ratings.TierChange(
                    (today - timedelta(100)).isoformat(),
                    "promoted",
                    tiers[rank - 1] if rank else None,
                    tiers[rank],
                    3_200 * rank,
                    "2026-01-01",
                )
            ],
        ),
        ratings.Pace("1.25", "540.00", 320, 300),
        [
            ratings.Trip(
                day, day, 1, day == world.day, cents // 120, cents, cents // 12,
                theoretical_dollars(cents * 850), 140,
            )
            for day, cents in list(days.items())[:10]
        ],
        len(days),
        [],
        0,
    )  # fmt: skip
    return ratings.PlayerDocument(
        PROPERTY,
        player_id,
        rating,
        len(sessions),
        _of(total, machines[0], chance),
        [ratings.PlayOfDay(day, _of(cents, machines[0], chance)) for day, cents in days.items()],
        sessions,
        [],
        False,
    )


def sessions(world: World, player_id: str, now: int) -> ratings.SessionsDocument:
    """`GET /v1/players/{player_id}/sessions`."""
    return ratings.SessionsDocument(PROPERTY, player_id, _sessions(world, player_id, now), None)


def offers(world: World, player_id: str, now: int) -> PlayerOffers:
    """`GET /v1/players/{player_id}/offers`, as a host sees them."""
    seat = world.at_machine(player_id)
    shown = [_offer(seat, now)] if seat and seat.offer else []
    is_open = [one for one in shown if one.status in ("decided", "delivered", "accepted")]
    past = [one for one in shown if one not in is_open]
    chance = random.Random(player_id)
    past += [
        OfferDocument(
            offer_id=f"of-past-{back}",
            player_id=player_id,
            asset_id=next(iter(world.machines)),
            kind=Kind.FREE_PLAY,
            text="$5 free play, with our thanks",
            status=chance.choice((Status.REDEEMED, Status.EXPIRED, Status.DECLINED)),
            expires_at=now - back * 86_400_000,
            name="Free play $5",
            code="FP5",
            cost_cents=500,
            gaming_day=world.day,
            decided_at=now - back * 86_400_000 - 3_600_000,
            reasons=("worth of the session",),
            steps=[StepDocument(Status.DECIDED, now - 90_000_000, "decide_offers")],
        )
        for back in range(1, chance.randrange(2, 6))
    ]
    return PlayerOffers(property_id=PROPERTY, player_id=player_id, offers=is_open, past=past)


def _offer(seat: Machine, now: int) -> OfferDocument:
    found = floor.offer_of(seat)
    assert found is not None
    offer_id, name, cents, reason = found
    return OfferDocument(
        offer_id=offer_id,
        player_id=seat.player or "",
        asset_id=seat.asset_id,
        kind=Kind.FREE_PLAY,
        text=f"{name}, with our thanks",
        status=Status(seat.offer_status),
        expires_at=now + 3_600_000,
        name=name,
        code=name[:4].upper().strip(),
        cost_cents=cents,
        gaming_day=None,
        decided_at=now - 60_000,
        reasons=(reason,),
        steps=[StepDocument(Status.DECIDED, now - 60_000, "decide_offers")],
    )


def _sessions(world: World, player_id: str, now: int) -> list[ratings.SessionDocument]:
    chance = random.Random(player_id + "sessions")
    today = date.fromisoformat(world.day)
    found = []
    seat = world.at_machine(player_id)
    if seat:
        since = seat.sums.seated_since or now
        play = _of(seat.session_cents, seat, chance)
        found.append(ratings.SessionDocument(seat.asset_id, since, world.day, play))
    machines = list(world.machines.values())
    for back in range(chance.randrange(2, 14)):
        at = chance.choice(machines)
        found.append(
            ratings.SessionDocument(
                at.asset_id,
                now - (back + 1) * 86_400_000 - chance.randrange(20_000_000),
                (today - timedelta(back + 1)).isoformat(),
                _of(chance.randrange(2_000, 200_000), at, chance),
            )
        )
    return found


def _play(machine: Machine) -> ratings.Play:
    sums = machine.sums
    return ratings.Play(
        sums.games,
        0,
        sums.coin_in_cents,
        sums.coin_out_cents,
        sums.coin_in_cents - sums.coin_out_cents,
        theoretical_dollars(sums.theoretical_win),
        0,
        sums.handpaid_cents,
        sums.gaps,
        sums.meter_difference_cents,
        sums.last_play - 20_000_000,
        sums.last_play,
    )


def _of(cents: int, machine: Machine, chance: random.Random) -> ratings.Play:
    out = int(cents * chance.uniform(0.8, 1.05))
    theoretical = theoretical_dollars(cents * machine.hold)
    return ratings.Play(
        cents // max(1, machine.bet_cents), 0, cents, out, cents - out, theoretical,
        0, 0, 0, 0, machine.sums.last_play - 3_600_000, machine.sums.last_play,
    )  # fmt: skip


def _amounts(play: ratings.Play) -> ratings.Amounts:
    names = ratings.Amounts.__struct_fields__
    return ratings.Amounts(*(getattr(play, name) for name in names))


# --- shufflers and their maintenance --------------------------------------------------------------


def _places(world: World) -> list[Place]:
    return [place for place in world.plan.places if place.kind == "shuffler"]


def _state(place: Place, now: int) -> shufflers.ShufflerState:
    chance = random.Random(place.asset_id)
    is_online = chance.random() < 0.93
    heard = now - (chance.randrange(20_000) if is_online else 2_000_000)
    faults = []
    if chance.random() < 0.2:
        faults = [OpenFault("E31", Part.ROLLERS, chance.random() < 0.5, now - 500_000)]
    return shufflers.ShufflerState(
        asset_id=place.asset_id,
        is_online=is_online,
        status_at=heard,
        heard_at=heard,
        age_seconds=(now - heard) // 1000,
        table_id=place.table_id,
        firmware="4.2.1",
        failure=next((fault for fault in faults if fault.is_failure), None),
        open_faults=faults,
    )


def all_shufflers(world: World, now: int) -> shufflers.ShufflersDocument:
    """`GET /v1/shufflers`."""
    found = [_state(place, now) for place in _places(world)]
    return shufflers.ShufflersDocument(PROPERTY, found, None)


def _figures(seed: str, days: int) -> Sums:
    chance = random.Random(seed)
    cycles = chance.randrange(150, 260) * days
    return Sums(
        cycles=cycles,
        cycle_ms=cycles * chance.randrange(38_000, 52_000),
        jams=chance.randrange(4) * days,
        jams_recovered=chance.randrange(9) * days,
        misreads=chance.randrange(6) * days,
        operating_ms=20 * HOUR_MS * days,
        down_ms=chance.randrange(3) * 600_000 * days,
        failures=chance.randrange(2),
        energy_j=cycles * 310,
    )


def _recent(world: World, asset_id: str) -> shufflers.Recent:
    last = date.fromisoformat(world.day)
    return shufflers.Recent(
        (last - timedelta(29)).isoformat(),
        world.day,
        figures(_figures(asset_id, 30)),
        random.Random(asset_id).uniform(-5, 60),
        [shufflers.FaultFigures("E31", "rollers", 4, 1, 1_200_000)],
    )


def shuffler(world: World, asset_id: str, now: int) -> shufflers.ShufflerDocument | None:
    """`GET /v1/shufflers/{asset_id}`."""
    place = next((one for one in _places(world) if one.asset_id == asset_id), None)
    if place is None:
        return None
    return shufflers.ShufflerDocument(
        property_id=PROPERTY,
        state=_state(place, now),
        readings=shufflers.Readings(
            now - 30_000, 86_000_000, 820, 412, 2_100, 130, 40, 25, 9_970, 23_900
        ),
        gaming_day=world.day,
        today=figures(_figures(asset_id + world.day, 1)),
        recent=_recent(world, asset_id),
        table=shufflers.TablePace(place.table_id, world.day, 190, 1_500, 72_000_000, 75),
    )


def shuffler_history(world: World, asset_id: str) -> shufflers.HistoryDocument | None:
    """`GET /v1/shufflers/{asset_id}/history`."""
    if all(place.asset_id != asset_id for place in _places(world)):
        return None
    last = date.fromisoformat(world.day)
    days = [(last - timedelta(back)).isoformat() for back in range(29, -1, -1)]
    return shufflers.HistoryDocument(
        PROPERTY,
        asset_id,
        [shufflers.ShufflerDay(day, figures(_figures(asset_id + day, 1)), []) for day in days],
        _recent(world, asset_id),
    )


def paces(world: World) -> shufflers.PacesDocument:
    """`GET /v1/tables/paces`."""
    tables = [
        shufflers.TablePace(place.table_id, world.day, 190, 1_500, 72_000_000, 75)
        for place in _places(world)
    ]
    return shufflers.PacesDocument(PROPERTY, world.day, world.day, tables)


def recommendations(world: World, now: int) -> list[RecommendationDocument]:
    """Those of every shuffler that has one."""
    found = []
    for place in _places(world):
        chance = random.Random(place.asset_id + "work")
        if chance.random() > 0.5:
            continue
        one = RecommendationDocument(
            recommendation_id=f"rec-{place.asset_id}",
            property_id=PROPERTY,
            asset_id=place.asset_id,
            part=chance.choice(list(Part)),
            status=WorkStatus.OPEN,
            urgency=chance.choice(list(Urgency)),
            probability=round(chance.uniform(0.05, 0.9), 3),
            horizon_hours=168.0,
            cost_of_waiting_cents=chance.randrange(-2_000, 60_000),
            due_at=now + chance.randrange(600_000_000),
            reasons=(
                "jams per 1,000 shuffles 9.1, four times its own mean",
                "rollers slip 2.4 %",
            ),
            model_version="2026-11-20",
            opened_at=now // MINUTE_MS * MINUTE_MS - 86_400_000,
            updated_at=now // MINUTE_MS * MINUTE_MS,
        )
        changes = world.recommendations.get(one.recommendation_id)
        found.append(floor._with(one, **changes) if changes else one)
    return found


def maintenance(world: World, now: int) -> MaintenanceDocument:
    """`GET /v1/maintenance`."""
    return MaintenanceDocument(PROPERTY, recommendations(world, now), None)


def recommendation(world: World, wanted: str, now: int) -> RecommendationDocument | None:
    """`GET /v1/maintenance/{recommendation_id}`, with its entries."""
    one = next((r for r in recommendations(world, now) if r.recommendation_id == wanted), None)
    if one is None or one.entries:
        return one
    opened = EntryDocument(
        one.opened_at, "recommend_maintenance", WorkStatus.OPEN, one.urgency, one.reasons[0]
    )
    return floor._with(one, entries=[opened])
