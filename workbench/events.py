"""`pitboss events`: what players of games did in the last 7 days, found and followed."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import UsageError, WorkbenchError, moment, out, print_json, say
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.report.text import shown

if TYPE_CHECKING:
    from workbench.client import PitbossClient

ROUTE = "/v1/game-events"
PAGE = 500

LATE_MS = 60_000
"""How long ago what `tail` shows may have occurred when it is found: clients gather events, and
clocks differ."""

MAX_TAIL_PAGES = 20
"""Pages that `tail` reads at a time, each second."""

_AGO = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

Application = Annotated[str, typer.Option("--application", help="The game, as it is registered.")]
Property = Annotated[str, typer.Option("--property", help="The studio it is of.")]
Player = Annotated[str | None, typer.Option("--player", help="Only of this client.")]
Type = Annotated[str | None, typer.Option("--type", help="Only of this event type.")]
Level = Annotated[str | None, typer.Option("--level", help="Only of this level.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(no_args_is_help=True, help="Games' events of the last 7 days.")

type Event = dict[str, Any]


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="events")


@app.command("search")
def search(
    application: Application,
    player: Player = None,
    event_type: Type = None,
    level: Level = None,
    since: Annotated[
        str | None, typer.Option("--from", help="From then on: 2026-01-31T18:00, or 90m ago.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Before then.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="As many at most.")] = 100,
    cursor: Annotated[
        str | None, typer.Option("--cursor", help="Go on where an answer ended: its `next`.")
    ] = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Find events, the newest first. Times are UTC unless they say another zone."""
    from workbench import measure

    must_be_id(property_id, "property")
    now = _now_ms()
    asked = {
        **_filters(application, player, event_type, level),
        "since": None if since is None else epoch_ms(since, now),
        "until": None if until is None else epoch_ms(until, now),
    }
    with measure.analyst(property_id) as client:
        events, following = gather(client, asked, limit, cursor)
    if as_json:
        print_json({"events": events, "next": following})
    elif not events:
        out.print(f"{escape(application)} has no such events in these 7 days.")
    else:
        out.print(_table(events))
    if following is not None and not as_json:
        say(f"there are more: --cursor '{escape(following)}'")


@app.command("tail")
def tail(
    application: Application,
    player: Player = None,
    event_type: Type = None,
    level: Level = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Print events as they are found, a line each, until Ctrl-C.

    What is found more than a minute after it occurred is not shown.
    """
    from workbench import measure

    must_be_id(property_id, "property")
    asked = _filters(application, player, event_type, level)
    with measure.analyst(property_id) as client:
        try:
            for event in follow(client, asked, _now_ms, lambda: time.sleep(1)):
                print(json.dumps(event) if as_json else _line(event), flush=True)
        except KeyboardInterrupt:
            return


def gather(
    client: "PitbossClient", asked: dict[str, Any], limit: int, cursor: str | None = None
) -> tuple[list[Event], str | None]:
    """As many events as are asked for, page by page, and where to go on.

    Args:
        client: calls the API.
        asked: the query, without paging.
        limit: as many at most.
        cursor: `next` of an answer.

    Raises:
        WorkbenchError: the API refuses, or does not answer.
    """
    found: list[Event] = []
    while len(found) < limit:
        page = _page(client, asked, min(PAGE, limit - len(found)), cursor)
        found += page["events"]
        cursor = page["next"]
        if cursor is None:
            break
    return found, cursor


def follow(
    client: "PitbossClient",
    asked: dict[str, Any],
    now: Callable[[], int],
    wait: Callable[[], object],
) -> Iterator[Event]:
    """Events as they are found, each once, those of a look in the order of time; without end.

    Args:
        client: calls the API.
        asked: the query, without times.
        now: epoch milliseconds.
        wait: waits for the next look.
    """
    begins = now()
    seen: dict[tuple[Any, ...], int] = {}
    is_told = False
    while True:
        since = max(begins, now()) - LATE_MS
        found, following = gather(client, asked | {"since": since}, MAX_TAIL_PAGES * PAGE)
        if following is not None and not is_told:
            is_told = True
            say("there are more than can be followed: name a player, a type or a level")
        keys = {_key(one): one for one in found}
        new = [key for key in reversed(keys) if key not in seen]
        seen = {key: at for key, at in seen.items() if at >= since}
        seen |= {key: keys[key]["occurred_at"] for key in new}
        yield from (keys[key] for key in new if keys[key]["received_at"] >= begins)
        wait()


def epoch_ms(text: str, now: int) -> int:
    """A moment as people write it, in epoch milliseconds.

    >>> epoch_ms("2026-01-31T18:00", 0), epoch_ms("90m", 5_400_001)
    (1769882400000, 1)

    Raises:
        UsageError: it is none.
    """
    ago = _AGO.fullmatch(text.removesuffix(" ago"))
    if ago is not None:
        return max(0, now - int(ago[1]) * _SECONDS[ago[2]] * 1_000)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time, such as 2026-01-31T18:00 or 90m.") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000)


def _filters(
    application: str, player: str | None, event_type: str | None, level: str | None
) -> dict[str, Any]:
    must_be_id(application, "application")
    return {"application": application, "player": player, "type": event_type, "level": level}


def _page(
    client: "PitbossClient", asked: dict[str, Any], limit: int, cursor: str | None
) -> dict[str, Any]:
    from workbench.client import document_of

    query = {**asked, "limit": limit, "before": cursor}
    said = {name: value for name, value in query.items() if value is not None}
    answer = client.get(f"{ROUTE}?{urlencode(said)}")
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise WorkbenchError(
            f"There is no application {asked['application']} at this property: `pitboss apps list`."
        )
    return document_of(answer, "workbench-analyst")


def _key(event: Event) -> tuple[Any, ...]:
    return event["occurred_at"], event["player_id"], event["event_id"]


def _table(events: list[Event]) -> Table:
    table = Table("time (UTC)", "type", "player", "level", "said by", "data")
    for one in events:
        table.add_row(*map(escape, _cells(one)))
    return table


def _line(event: Event) -> str:
    return "  ".join(_cells(event))


def _cells(event: Event) -> list[str]:
    # Levels and data are whatever a client sent.
    cells = [
        moment(event["occurred_at"]),
        event["event_type"],
        event["player_id"] or "-",
        event["level_id"] or "-",
        "server" if event["is_trusted"] else "client",
        json.dumps(event["data"], ensure_ascii=False),
    ]
    return list(map(shown, cells))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
