"""`pitboss models` and `pitboss retrain`: which models serve, what they are worth, and the night
that learns the next one of offers.
"""

import json
import time
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, err, moment, out, print_json, say
from workbench.gateways import must_be_id

if TYPE_CHECKING:
    from pitboss.stores.models import S3Models

POLL_SECONDS = 0.5


class Family(StrEnum):
    """What models are of, as `pitboss.stores.models` has it."""

    OFFERS = "offers"
    SHUFFLERS = "shufflers"
    RISK = "risk"
    CHURN = "churn"
    PROPENSITY = "propensity"

    @property
    def of_players(self) -> bool:
        """Whether each property has models of its own, of its players."""
        return self in _OF_PLAYERS

    @property
    def does(self) -> str:
        """What they do, in words."""
        return _DOES[self]

    @property
    def learned_by(self) -> str:
        """The command that learns one."""
        return "maintenance refresh --learn" if self is Family.SHUFFLERS else "retrain"


_DOES = {
    Family.OFFERS: "make offers",
    Family.SHUFFLERS: "foresee failures",
    Family.RISK: "say who is of high risk",
    Family.CHURN: "foresee who stays away",
    Family.PROPENSITY: "foresee who takes offers",
}
_OF_PLAYERS = {
    Family.RISK: "excluded themselves",
    Family.CHURN: "did not come back",
    Family.PROPENSITY: "took the offer",
}
"""Each property has models of its own of these; what those did whom they foresee."""

PropertyOption = Annotated[
    str | None, typer.Option("--property", help="Whose, of players: each property has its own.")
]
FamilyOption = Annotated[Family, typer.Option("--family", help="Models of what.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Why = Annotated[str, typer.Option(help="Why; it is kept with who did it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")]

models_app = typer.Typer(
    no_args_is_help=True,
    help="Models that choose offers, and foresee failures and what players do.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models_app, name="models")
    app.command("retrain")(retrain)


@models_app.command("list")
def list_models(
    family: FamilyOption = Family.OFFERS,
    property_id: PropertyOption = None,
    as_json: AsJson = False,
) -> None:
    """Every version, the newest first, and which of them serves."""
    from pitboss.offers.learned import RULES

    models = _models(family, property_id)
    champion = models.champion()
    serves = RULES if champion is None else champion.version
    cards = [_card(models, version, family) for version in reversed(models.versions())]
    if as_json:
        history = [] if champion is None else champion.history
        print_json(
            {
                "champion": serves,
                "versions": [_IN_SHORT[family](card) for card in cards],
                "history": [
                    {name: getattr(one, name) for name in one.__struct_fields__} for one in history
                ],
            }
        )
        return
    table = Table()
    for heading in ("", "version", *_HEADINGS[family]):
        table.add_column(heading)
    for card in cards:
        is_serving = "serves" if card["version"] == serves else ""
        table.add_row(is_serving, card["version"], *_ROW[family](card))
    if cards:
        out.print(table)
    else:
        out.print(f"No version yet: `pitboss {family.learned_by}` learns one.")
    if serves == RULES:
        out.print(_NONE_SERVES.get(family, f"The rules of the house ({RULES}) serve."))
    for one in () if champion is None else champion.history[:10]:
        said = f"{one.version} by {one.promoted_by}: {one.why}"
        out.print(f"{moment(one.promoted_at)} {escape(said)}")


@models_app.command("show")
def show_model(
    version: Annotated[str, typer.Argument(help="A version, or `champion`.")],
    family: FamilyOption = Family.OFFERS,
    property_id: PropertyOption = None,
    html: Annotated[Path | None, typer.Option(help="Write its card as a page, too.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write its card as a picture, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """A version's card: what it was learned from, what it is worth, and what the gate said."""
    from pitboss.offers.learned import RULES
    from workbench import failure_card, model_card

    models = _models(family, property_id)
    if version == "champion":
        champion = models.champion()
        version = RULES if champion is None else champion.version
    if version == RULES:
        raise WorkbenchError(f"{RULES} are the rules of the house: no model, and so no card.")
    card = _card(models, version, family)
    if family.of_players and (html is not None or png is not None):
        raise UsageError(f"A card of {family} is not drawn: leave --html and --png away.")
    drawn = model_card if family is Family.OFFERS else failure_card
    for path, made in ((html, drawn.page), (png, drawn.picture)):
        if path is not None:
            content = made(card)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            say(f"wrote {path}")
    if as_json:
        print_json(card)
    elif family is Family.OFFERS:
        _show(card)
    elif family.of_players:
        _show_players(card, family)
    else:
        _show_failures(card)


@models_app.command("promote")
def promote(
    version: Annotated[str, typer.Argument(help="The version, or `rules-1`.")],
    family: FamilyOption = Family.OFFERS,
    property_id: PropertyOption = None,
    why: Why = "by hand",
    yes: Yes = False,
) -> None:
    """Let a version serve, whatever the gate said of it."""
    from pitboss.offers.learned import RULES
    from pitboss.stores.models import UnknownVersion

    models = _models(family, property_id)
    champion = models.champion()
    serves = None if champion is None else champion.version
    if version == (serves or RULES):
        raise WorkbenchError(f"{version} serves already.")
    _meant(f"{version} is to {family.does} instead of {serves or RULES}, {_SOON[family]}?", yes)
    try:
        done = models.promote(version, _who(), _now(), serves, why)
    except UnknownVersion as fault:
        raise _unknown(version, family) from fault
    if not done:
        raise WorkbenchError("Another version was promoted meanwhile: look again.")
    back = f"pitboss models rollback{_option(family, property_id)}"
    out.print(f"{version} serves; `{back}` goes back to {serves or RULES}.")


@models_app.command("rollback")
def roll_back(
    family: FamilyOption = Family.OFFERS,
    property_id: PropertyOption = None,
    why: Why = "rolled back by hand",
    yes: Yes = False,
) -> None:
    """Let the version serve again that served before."""
    from pitboss.offers.learned import RULES

    models = _models(family, property_id)
    champion = models.champion()
    if champion is None or champion.version == RULES:
        raise WorkbenchError("The rules of the house serve: there is nothing to go back to.")
    before = champion.previous or RULES
    question = f"{before} is to {family.does} again instead of {champion.version}"
    _meant(f"{question}, {_SOON[family]}?", yes)
    if models.roll_back(_who(), _now(), why) is None:
        raise WorkbenchError("Another version was promoted meanwhile: look again.")
    out.print(f"{before} serves.")


@models_app.command("scores")
def scores(
    player_id: Annotated[str, typer.Argument(help="The player.")],
    property_id: Annotated[str, typer.Option("--property", help="The property.")],
    as_json: AsJson = False,
) -> None:
    """What the model expects of the offers to a player, as of last night, for their host."""
    import msgspec

    from pitboss.stores.scores import DynamoScores

    table = endpoint.stack_outputs()["OffersTableName"]
    found = DynamoScores(table, client=endpoint.client("dynamodb")).of(property_id, player_id)
    if found is None:
        raise WorkbenchError(
            f"Player {player_id} of {property_id} was not scored last night: not active of late, "
            "refused by the gate, or never made offers."
        )
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    out.print(f"by {found.model_version}, {moment(found.scored_at)}")
    for offer in found.offers:
        said = f"{offer.code} ({offer.name}): {offer.value:+.0f}; {', '.join(offer.reasons)}"
        out.print(escape(said))


def retrain(
    run: Annotated[
        str | None, typer.Option(help="What to call it; each is made once. Default: by the time.")
    ] = None,
    train_in: Annotated[
        str | None, typer.Option(help="lambda or sagemaker. Default: the stack's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the night now: refine, export, build, train, evaluate, promote or keep, score."""
    if train_in not in (None, "lambda", "sagemaker"):
        raise UsageError(f"{train_in!r} is no place to train in: choose lambda or sagemaker.")
    name = run or time.strftime("%Y-%m-%d-%H%M%S", time.gmtime())
    answer = run_night(name, {"train_in": train_in} if train_in else {})
    if as_json:
        print_json(answer)
    else:
        out.print(times_table(answer["states"]))
    if answer["status"] != "SUCCEEDED":
        raise WorkbenchError(
            f"The night failed ({answer['error']}): {answer['cause']}. The model that served "
            "before goes on."
        )
    if not as_json:
        outcome = answer["output"].get("outcome")
        said = (
            "another execution made it"
            if outcome is None
            else (f"{outcome['verdict']} (version {outcome['version']}): {outcome['why']}")
        )
        out.print(escape(f"Run {name}: {said}"))


def run_night(run: str, asked: dict[str, Any], test_case: str = "") -> dict[str, Any]:
    """Start the state machine, wait for its end, and say how long each state took.

    Args:
        run: what to call the run.
        asked: what else its input says.
        test_case: of mocked service integrations, where an emulator has any.
    """
    machine = endpoint.stack_outputs()["NightlyRetrainingStateMachineArn"]
    if test_case:
        machine += f"#{test_case}"
    name = f"retrain-{run}-{time.time_ns() // 1_000_000}"
    return {"run": run, **run_machine(machine, name, {"run": run, **asked}, "retraining")}


def run_machine(machine: str, name: str, asked: dict[str, Any], doing: str) -> dict[str, Any]:
    """Start a state machine, wait for its end, and say how long each state took.

    Args:
        machine: its ARN.
        name: of the execution.
        asked: its input.
        doing: what is said meanwhile.
    """
    client = endpoint.client("stepfunctions")
    started = time.monotonic()
    execution = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(asked))[
        "executionArn"
    ]
    with err.status(f"{doing} ...") as line:
        while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            line.update(f"{doing} ... {time.monotonic() - started:.0f} s")
            time.sleep(POLL_SECONDS)
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution)
    events = [event for page in pages for event in page["events"]]
    return {
        "status": found["status"],
        "seconds": round(time.monotonic() - started, 1),
        "states": state_times(events),
        "error": found.get("error"),
        "cause": found.get("cause"),
        "output": json.loads(found["output"]) if found.get("output") else {},
    }


def times_table(states: dict[str, float]) -> Table:
    """Seconds of each state, for people."""
    table = Table()
    for heading in ("state", "seconds"):
        table.add_column(heading, justify="left" if heading == "state" else "right")
    for state, seconds in states.items():
        table.add_row(state, f"{seconds:.1f}")
    return table


def state_times(events: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds from entering each state to leaving it, in the order in which they were entered.

    A state that is entered several times, in a map, has the sum of them.
    """
    entered: dict[str, list[Any]] = {}
    found: dict[str, float] = {}
    for event in events:
        if name := event.get("stateEnteredEventDetails", {}).get("name"):
            entered.setdefault(name, []).append(event["timestamp"])
            found.setdefault(name, 0.0)
        elif (name := event.get("stateExitedEventDetails", {}).get("name")) and entered.get(name):
            found[name] += (event["timestamp"] - entered[name].pop(0)).total_seconds()
    return {name: round(seconds, 2) for name, seconds in found.items()}


def _models(family: Family, property_id: str | None) -> "S3Models":
    from pitboss.stores.models import S3Models, of_property

    name = str(family)
    if family.of_players:
        if property_id is None:
            raise UsageError(f"Each property has models of {family} of its own: say --property.")
        must_be_id(property_id, "property")
        name = of_property(name, property_id)
    elif property_id is not None:
        raise UsageError(f"Models that {family.does} are of all properties: leave --property away.")
    bucket = endpoint.stack_outputs()["LakeBucketName"]
    return S3Models(bucket, client=endpoint.client("s3"), family=name)


def _option(family: Family, property_id: str | None = None) -> str:
    """As it is said to a command."""
    of = "" if property_id is None else f" --property {property_id}"
    return "" if family is Family.OFFERS else f" --family {family}{of}"


def _unknown(version: str, family: Family) -> UsageError:
    listed = f"pitboss models list{_option(family)}"
    return UsageError(f"There is no model {version!r}: `{listed}` names them.")


def _card(models: "S3Models", version: str, family: Family) -> dict[str, Any]:
    from pitboss.stores.models import UnknownVersion

    try:
        card: dict[str, Any] = json.loads(models.card(version))
    except UnknownVersion as fault:
        raise _unknown(version, family) from fault
    return card


def _show(card: dict[str, Any]) -> None:
    from workbench.model_card import dollars, sentence, uplift_in_words

    data = card["data"]
    out.print(escape(f"{card['version']}: {sentence(card)}"))
    out.print(
        f"learned from {data['train_rows']:,} decisions of {len(data['days'])} days, judged on "
        f"{data['held_out_rows']:,} of {', '.join(data['held_out_days'])}; play counted as "
        f"{dollars(data['cap_cents'])} at most, {data['capped']:,} were above"
    )
    out.print(f"uplift over the holdout: {uplift_in_words(data['uplift'])}")
    table = Table()
    for heading in ("policy", "ips", "snips", "dr", "95 % interval", "effective rows"):
        table.add_column(heading, justify="left" if heading == "policy" else "right")
    for name, one in card["policies"].items():
        table.add_row(
            name,
            *(dollars(one[how]["value"]) for how in ("ips", "snips", "dr")),
            f"{dollars(one['dr']['low'])} to {dollars(one['dr']['high'])}",
            f"{one['effective_rows']:,.0f}",
        )
    out.print(table)


def _show_failures(card: dict[str, Any]) -> None:
    from workbench import failure_card

    out.print(escape(f"{card['version']}: {failure_card.sentence(card)}"))
    for name, said in failure_card.facts(card)[1:]:
        out.print(escape(f"{name}: {said}"))
    table = Table()
    for heading in ("part", "failures", "foreseen", "precision", "recall", "PR-AUC", "lead, days"):
        table.add_column(heading, justify="left" if heading == "part" else "right")
    for heading in ("advised from", "in time", "too late", "early"):
        table.add_column(heading, justify="right")
    for part, one in failure_card.foreseen(card):
        lead, limit = one["median_lead"], card["thresholds"][part]
        probability = limit["probability"]
        table.add_row(
            *(part, f"{one['failures']:,}", f"{one['failures_foreseen']:,}"),
            *(f"{one[name]:.2f}" for name in ("precision", "recall", "pr_auc")),
            "" if lead is None else f"{lead / 24:.1f}",
            "never" if probability is None else f"{probability:.1%}",
            *(f"{limit[name]:,}" for name in ("prevented", "failures", "early")),
        )
    out.print(table)


def _show_players(card: dict[str, Any], family: Family) -> None:
    verdict, area, did = card["verdict"], card["auroc"], _OF_PLAYERS[family]
    out.print(escape(f"{card['version']}: {verdict['reason']}"))
    out.print(
        f"learned from {card['players']:,} players, of whom {card['happened']:,} {did}; judged on "
        f"{card['held_out_players']:,} and {card['held_out_happened']:,}"
    )
    told = "not known" if area is None else f"{area[0]:.3f} ({area[1]:.3f} to {area[2]:.3f})"
    out.print(
        f"AUROC {told}, average precision {card['average_precision']:.3f}, Brier score "
        f"{card['brier']:.4f} ({card['guessed_brier']:.4f} by guessing)"
    )
    above = "the gate is closed: for" if family is Family.RISK else "it is said of"
    out.print(
        f"from {card['threshold']:.3f} on {above} {card['above']:.1%} of the players held out, "
        f"{card['found']:.0%} of those who {did} among them"
    )
    table = Table()
    for heading in ("said", "players", "expected", "observed"):
        table.add_column(heading, justify="right")
    for one in card["reliability"]:
        if one["rows"]:
            said = f"{one['low']:.2f} to {one['high']:.2f}"
            shares = (f"{one[name]:.3f}" for name in ("expected", "observed"))
            table.add_row(said, f"{one['rows']:,}", *shares)
    out.print(table)


def _players_in_short(card: dict[str, Any]) -> dict[str, Any]:
    short = ("version", "run", "players", "happened", "auroc", "above", "found", "verdict")
    return {name: card[name] for name in short}


def _players_row(card: dict[str, Any], did: str) -> tuple[str, ...]:
    learned = f"{card['players']:,} players, {card['happened']:,} {did}"
    area = "" if card["auroc"] is None else f"{card['auroc'][0]:.3f}"
    gate = "promote" if card["verdict"]["promote"] else "keep"
    return learned, area, f"{card['above']:.1%}", gate


def _offers_in_short(card: dict[str, Any]) -> dict[str, Any]:
    value = card["policies"]["challenger"]["dr"]
    return {name: card[name] for name in ("version", "run", "gate")} | {"value": value}


def _failures_in_short(card: dict[str, Any]) -> dict[str, Any]:
    short = {name: card[name] for name in ("version", "devices", "failures", "verdict")}
    return short | {"parts": list(card["parts"])}


def _offers_row(card: dict[str, Any]) -> tuple[str, ...]:
    from workbench.model_card import dollars

    value = card["policies"]["challenger"]["dr"]
    span = f"{dollars(value['value'])} ({dollars(value['low'])} to {dollars(value['high'])})"
    gate = "promote" if card["gate"]["promote"] else "keep"
    return f"{card['data']['train_rows']:,}", span, gate


def _failures_row(card: dict[str, Any]) -> tuple[str, ...]:
    learned = f"{card['devices']:,} shufflers, {card['failures']:,} failures"
    gate = "promote" if card["verdict"]["promote"] else "keep"
    return learned, ", ".join(card["parts"]), gate


_SOON = {
    Family.OFFERS: "in a minute",
    Family.SHUFFLERS: "from the next hour on",
    **dict.fromkeys(_OF_PLAYERS, "from the next night on"),
}
_NONE_SERVES = {
    Family.RISK: "No model serves, and the gate is closed for nobody by one.",
    Family.CHURN: "No model serves, and nobody has a score.",
    Family.PROPENSITY: "No model serves, and nobody has a score.",
}
_HEADINGS = {
    Family.OFFERS: ("learned from", "value a decision", "gate"),
    Family.SHUFFLERS: ("learned from", "parts", "gate"),
    **dict.fromkeys(_OF_PLAYERS, ("learned from", "AUROC", "said of", "gate")),
}
_IN_SHORT: dict[Family, Callable[[dict[str, Any]], dict[str, Any]]] = {
    Family.OFFERS: _offers_in_short,
    Family.SHUFFLERS: _failures_in_short,
    **dict.fromkeys(_OF_PLAYERS, _players_in_short),
}
_ROW: dict[Family, Callable[[dict[str, Any]], tuple[str, ...]]] = {
    Family.OFFERS: _offers_row,
    Family.SHUFFLERS: _failures_row,
    **{family: partial(_players_row, did=did) for family, did in _OF_PLAYERS.items()},
}


def _meant(question: str, yes: bool) -> None:
    if not yes and not typer.confirm(question, err=True):
        raise WorkbenchError("Nothing was changed.")


def _who() -> str:
    """The caller, as AWS knows them."""
    arn: str = endpoint.client("sts").get_caller_identity()["Arn"]
    return arn


def _now() -> int:
    return time.time_ns() // 1_000_000
