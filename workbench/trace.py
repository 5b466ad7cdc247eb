"""`pitboss trace`: one post's way to the offer, hop by hop, from logs and from what is stored."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import UsageError, WorkbenchError, out, print_json

HOPS: Mapping[str, str] = {
    "received": "the post reached `ingest_slot_events`",
    "accepted": "its events were on their way, and the gateway was answered",
    "on the stream": "the slot stream took the first record of them",
    "rated": "ratings were stored",
    "change published": "what changed about the player was in the queue of `decide_offers`",
    "decided": "it was decided which offer to make, if any",
    "pushed": "connected games were told that there is an offer",
    "delivered": "the offer was shown for the first time",
    "accepted by the player": "",
    "redeemed": "",
}
"""In the order in which they happen; what each means."""

LOGS = (
    *("ingest_slot_events", "rate_players", "decide_offers"),
    *("push_live_updates", "serve_offers"),
)
"""Functions whose lines name a post or an offer."""

_OFFER = re.compile(r"\d{13}-[0-9a-f]{16}")
_POST = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

type Line = Mapping[str, Any]
type Lines = Mapping[str, list[Line]]
"""Lines of logs that are JSON, by the function."""


class Hop(NamedTuple):
    """A moment on the way (epoch milliseconds), and what is known of it."""

    name: str
    at: int
    detail: str


class Missing(NamedTuple):
    """A hop that was not found, and why, as far as it is known."""

    name: str
    why: str


class Trace(NamedTuple):
    """A post's way."""

    correlation_id: str
    hops: list[Hop]
    missing: list[Missing]
    xray: list[str]
    """X-Ray's own ids of the requests, where it sampled them."""

    def as_json(self) -> dict[str, Any]:
        """One JSON document, with the milliseconds from hop to hop."""
        return {
            "correlation_id": self.correlation_id,
            "hops": [
                {**hop._asdict(), "ms": None if before is None else hop.at - before}
                for before, hop in self._paired()
            ],
            "missing": [one._asdict() for one in self.missing],
            "xray_trace_ids": self.xray,
        }

    def _paired(self) -> Iterator[tuple[int | None, Hop]]:
        before: int | None = None
        for hop in self.hops:
            yield before, hop
            before = hop.at

    def table(self) -> Table:
        """The hops for people."""
        table = Table(title=f"Post {self.correlation_id}", title_justify="left")
        table.add_column("hop")
        table.add_column("at (UTC)")
        table.add_column("ms", justify="right")
        table.add_column("")
        for before, hop in self._paired():
            moment = datetime.fromtimestamp(hop.at / 1000, UTC)
            since = "" if before is None else f"{hop.at - before:+,}"
            table.add_row(
                hop.name, f"{moment:%H:%M:%S}.{hop.at % 1000:03d}", since, escape(hop.detail)
            )
        for one in self.missing:
            table.add_row(f"[yellow]{one.name}[/yellow]", "-", "", escape(one.why))
        return table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trace")(trace)


def trace(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A correlation id (of an answer's `x-amzn-requestid`), an offer or an event.",
        ),
    ],
    minutes: Annotated[int, typer.Option(min=1, max=2_880, help="How far back to look.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the way of a post from the gateway to the offer, with the time at every hop."""
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    found = follow(identity, Stack(since))
    if as_json:
        print_json(found.as_json())
    else:
        out.print(found.table())
        for xray in found.xray:
            out.print(f"X-Ray: {xray}")


class Stack:
    """What a deployed stack knows, since a moment."""

    def __init__(self, since: datetime) -> None:
        self._since = since

    def lines(self, function: str, text: str) -> list[Line]:
        """Lines of a function's log that have a text, in order."""
        from workbench import endpoint
        from workbench.stack import log_group

        pages = (
            endpoint.client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=log_group(function),
                filterPattern=f'"{text}"',
                startTime=int(self._since.timestamp() * 1000),
            )
        )
        return [
            line
            for page in pages
            for event in page["events"]
            if (line := _line(event["message"])) is not None
        ]

    def posts_of_event(self, event_id: str) -> list[str]:
        """The posts that brought an event, by what the stream still has."""
        from pitboss.events.batch import UnreadableRecord, unpack_metered
        from pitboss.traces import readable
        from workbench.stream import records

        found = []
        for record in records(self._since, datetime.now(UTC)):
            try:
                header, events = unpack_metered(record["Data"])
            except UnreadableRecord:
                continue
            if header.request and any(event.event_id == event_id for event in events):
                found.append(readable(header.request))
        return found

    def offer(self, property_id: str, player_id: str, offer_id: str) -> Any:  # noqa: ANN401
        """An offer as it is stored; None where there is none."""
        from pitboss.stores.offers import DynamoOffers
        from workbench import endpoint

        outputs = endpoint.stack_outputs()
        offers, standings, ratings = (
            outputs[f"{name}TableName"] for name in ("Offers", "Standings", "Ratings")
        )
        with endpoint.as_environment():
            region = endpoint.session().region_name or endpoint.DEFAULT_REGION
            store = DynamoOffers(offers, standings, ratings, region)
            return store.offer(property_id, player_id, offer_id)


def _line(message: str) -> Line | None:
    start = message.find("{")
    try:
        found = json.loads(message[start:]) if start >= 0 else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def follow(identity: str, stack: Stack) -> Trace:
    """Find a post by what somebody has of it, and follow it.

    Raises:
        WorkbenchError: nothing is known of it since the moment that the stack is asked from.
        UsageError: it can be no id.
    """
    post = _post_of(identity, stack)
    lines = {function: stack.lines(function, post) for function in LOGS}
    if not any(lines.values()):
        raise WorkbenchError(
            f"No log has {post}: look further back with --minutes, or see whether the id is one "
            "of this stack's."
        )
    offer_id = identity if _OFFER.fullmatch(identity) else None
    return assemble(post, lines, stack.offer, offer_id)


def _post_of(identity: str, stack: Stack) -> str:
    if _POST.fullmatch(identity):
        return identity
    if _OFFER.fullmatch(identity):
        for line in stack.lines("decide_offers", identity):
            for change in line.get("changes", ()):
                if change["decision_id"] == identity and change["correlation_id"]:
                    return str(change["correlation_id"])
        raise WorkbenchError(
            f"The log of decide_offers does not have {identity}: look further back with --minutes, "
            "or it follows from no post, as what was decided anew by hand."
        )
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", identity):
        raise UsageError(f"{identity!r} is no correlation id, no offer and no event.")
    posts = stack.posts_of_event(identity)
    if not posts:
        raise WorkbenchError(
            f"The slot stream has no event {identity}: look further back with --minutes; what is "
            "older than SlotStreamRetentionHours is in the archive, whose records name no post."
        )
    return posts[0]


def assemble(
    post: str,
    lines: Lines,
    offer_of: Callable[[str, str, str], Any],
    offer_id: str | None = None,
) -> Trace:
    """A post's way, of what the logs say of it.

    Args:
        post: its correlation id.
        lines: of each function in `LOGS`, those that name it.
        offer_of: reads an offer, of property, player and its id.
        offer_id: the offer that is asked about; without it the first that followed, if any did.
    """
    changes = _changes(lines, post)
    offered = [one for one in changes if one["chosen"] not in (None, "none")]
    if offer_id is not None:
        offered = [one for one in offered if one["decision_id"] == offer_id]
    hops = [*_ingested(lines, post), *_rated(lines, post), *_decided(offered or changes)]
    for change in offered[:1]:
        property_id, player_id = _place(change["change_id"])
        hops += _pushed(lines, change["decision_id"])
        hops += _lived(offer_of(property_id, player_id, change["decision_id"]))
    first: dict[str, Hop] = {}
    for hop in sorted(hops, key=lambda hop: hop.at):
        first.setdefault(hop.name, hop)
    # The order of the way, not of clocks: machines of AWS differ by some milliseconds.
    found = [first[name] for name in HOPS if name in first]
    return Trace(
        post,
        found,
        _missing(found, changes, is_offered=bool(offered)),
        sorted({one for some in lines.values() for line in some if (one := _xray(line))}),
    )


def _of(line: Line) -> int:
    """When a line of counts was printed."""
    moment: int = line["_aws"]["Timestamp"]
    return moment


def _counts(lines: Iterable[Line]) -> Iterator[Line]:
    return (line for line in lines if "_aws" in line)


def _ingested(lines: Lines, post: str) -> Iterator[Hop]:
    for line in _counts(lines["ingest_slot_events"]):
        if line.get("correlation_id") != post or "received_at" not in line:
            continue
        counted = {name: int(line[name][0]) for name in ("EventsReceived", "EventsAccepted")}
        yield Hop("received", line["received_at"], f"from {line['sender']}")
        took = f"{counted['EventsAccepted']} of {counted['EventsReceived']} events"
        yield Hop("accepted", line["accepted_at"], took)


def _rated(lines: Lines, post: str) -> Iterator[Hop]:
    for line in _counts(lines["rate_players"]):
        arrived = line.get("posts", {}).get(post)
        if arrived is None:
            continue
        yield Hop("on the stream", arrived, "")
        several = f"in a batch of {int(line['RecordsReceived'][0])} records"
        yield Hop("rated", line["rated_at"], several)


def _changes(lines: Lines, post: str) -> list[Line]:
    return [
        change
        for line in _counts(lines["decide_offers"])
        for change in line.get("changes", ())
        if change["correlation_id"] == post
    ]


def _decided(changes: Iterable[Line]) -> Iterator[Hop]:
    for change in changes:
        what = change["change_id"].partition("/")[0]
        if change["queued_at"] is not None:
            yield Hop("change published", change["queued_at"], what)
        became = change["became"]
        if change["chosen"] is not None:
            why = ", ".join(change["no_offer"])
            became = f"{what}: {change['chosen']}" + (f" ({why})" if why else "")
        yield Hop("decided", change["decided_at"], became)


def _place(change_id: str) -> tuple[str, str]:
    _, property_id, player_id, *_ = change_id.split("/")
    return property_id, player_id


def _pushed(lines: Lines, offer_id: str) -> Iterator[Hop]:
    for line in _counts(lines["push_live_updates"]):
        if any(one["offer_id"] == offer_id for one in line.get("pushed", ())):
            sent = int(line.get("PushesSent", [0])[0])
            yield Hop("pushed", _of(line), f"{sent} messages in that batch")


_LIVED = {"delivered": "delivered", "accepted": "accepted by the player", "redeemed": "redeemed"}


def _lived(offer: Any) -> Iterator[Hop]:  # noqa: ANN401 - an IssuedOffer, imported late
    if offer is None:
        return
    for step in offer.steps:
        if str(step.status) in _LIVED:
            yield Hop(_LIVED[str(step.status)], step.at, f"offer {offer.offer_id} by {step.by}")


def _missing(hops: list[Hop], changes: list[Line], *, is_offered: bool) -> list[Missing]:
    names = {hop.name for hop in hops}
    decided = [one for one in changes if one["chosen"] is not None]
    nothing = "no offer was made"
    if changes and not decided:
        nothing = f"nothing was decided: {', '.join(sorted({one['became'] for one in changes}))}"
    unchanged = (
        "it changed nothing about a player: no card, no further step of worth, or it was known"
    )
    why = {
        "received": "the log of ingest_slot_events has no line of it",
        "accepted": "the log of ingest_slot_events has no line of it",
        "on the stream": "rate_players has not read it: it is behind, or no event was accepted",
        "rated": "rate_players has not read it: it is behind, or no event was accepted",
        "change published": unchanged,
        "decided": unchanged,
        "pushed": "nobody was told yet" if is_offered else nothing,
        "delivered": "no screen has shown it yet" if is_offered else nothing,
    }
    return [Missing(name, reason) for name, reason in why.items() if name not in names]


def _xray(line: Line) -> str | None:
    found = line.get("xray_trace_id")
    return str(found) if found else None
