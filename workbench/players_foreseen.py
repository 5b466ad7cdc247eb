"""`pitboss players churn` and `propensity`: what the night foresees of players, for people.

Nothing follows from it by itself. It is of nobody whom the gate refuses: the night keeps no score
of who is on a list or of high risk, and what has changed since the night is asked for here.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from workbench import endpoint
from workbench.console import WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.players_risk import AsJson, Property

if TYPE_CHECKING:
    from pitboss.offers.gate import Refusal
    from pitboss.players.scores import Score, Scores

Top = Annotated[int, typer.Option(min=1, help="Players to print: the likeliest.")]


def churn(property_id: Property = DEFAULT_PROPERTY, top: Top = 20, as_json: AsJson = False) -> None:
    """Players who were there in the last 30 days and may not be back in the next, and why.

    By the property's own model, as of last night: docs/players.md. Of players who must not be made
    offers nothing is said.
    """
    _show("churn", "P(away)", property_id, top, as_json)


def propensity(
    property_id: Property = DEFAULT_PROPERTY, top: Top = 20, as_json: AsJson = False
) -> None:
    """Players who may take the offer that is shown the most, within 7 days, and why.

    As `churn`. Of any other offer the order of players is the same.
    """
    _show("propensity", "P(takes)", property_id, top, as_json)


def _show(family: str, heading: str, property_id: str, top: int, as_json: bool) -> None:
    must_be_id(property_id, "property")
    scores = _scores(family, property_id)
    shown, refused = allowed(scores.players, _gate(property_id), top)
    if as_json:
        print_json(_document(scores, shown, refused))
        return
    table = Table(
        title=f"{len(shown):,} of {len(scores.players):,} players, by {scores.model_version}, "
        f"{moment(scores.scored_at)}"
    )
    for column in ("player", heading, "because the player"):
        table.add_column(column, justify="right" if column == heading else "left")
    for one in shown:
        table.add_row(one.player_id, f"{one.probability:.3f}", "; ".join(one.reasons))
    out.print(table)
    if refused:
        why = ", ".join(f"{name} ({count:,})" for name, count in refused.most_common())
        out.print(f"The gate refuses others since: {why}.")


def allowed(
    players: "Iterable[Score]", refusals: "Callable[[str], tuple[Refusal, ...]]", top: int
) -> "tuple[list[Score], Counter[str]]":
    """The first players whom the gate does not refuse, and how often it refused, by why.

    Args:
        players: the likeliest first.
        refusals: the gate's, by player.
        top: how many are looked for.
    """
    found: list[Score] = []
    refused: Counter[str] = Counter()
    for one in players:
        if len(found) == top:
            break
        if why := refusals(one.player_id):
            refused.update(map(str, why))
        else:
            found.append(one)
    return found, refused


def _scores(family: str, property_id: str) -> "Scores":
    from pitboss.offers.learned import RULES
    from pitboss.players.scores import decode_scores
    from pitboss.stores.models import S3Models, of_property

    bucket = endpoint.stack_outputs()["LakeBucketName"]
    name = of_property(family, property_id)
    body = S3Models(bucket, client=endpoint.client("s3"), family=name).scores()
    if body is None:
        raise WorkbenchError(f"No night was at {property_id} yet: `pitboss retrain` makes one.")
    scores = decode_scores(body)
    if scores.model_version == RULES:
        raise WorkbenchError(
            f"No model of {family} serves at {property_id}, so that nobody has a score: "
            f"`pitboss models list --family {family} --property {property_id}` says why."
        )
    return scores


def _gate(property_id: str) -> "Callable[[str], tuple[Refusal, ...]]":
    """What the gate says of a player, now."""
    from pitboss.offers import gate
    from pitboss.stores.offers import DynamoOffers
    from pitboss.stores.standings import DynamoStandings, read_or_nothing

    outputs = endpoint.stack_outputs()
    with endpoint.as_environment():
        region = endpoint.session().region_name or endpoint.DEFAULT_REGION
        offers = DynamoOffers(outputs["OffersTableName"], "", "", region)
        catalogue = offers.catalogue(property_id)
    if catalogue is None:
        raise WorkbenchError(
            f"{property_id} has no catalogue, so that the gate lets nobody through: "
            "`pitboss offers catalogue apply FILE.yaml`."
        )
    client = endpoint.client("dynamodb")
    standings = DynamoStandings(outputs["StandingsTableName"], None, "", client)

    def refusals(player_id: str) -> tuple[gate.Refusal, ...]:
        now = time.time_ns() // 1_000_000
        facts = read_or_nothing(standings, property_id, player_id, None)
        return gate.refusals(facts, catalogue.house, now, at_machine=False)

    return refusals


def _document(scores: "Scores", shown: "list[Score]", refused: "Counter[str]") -> dict[str, Any]:
    return {
        "model_version": scores.model_version,
        "scored_at": scores.scored_at,
        "players": [
            {"player_id": one.player_id, "probability": one.probability, "reasons": one.reasons}
            for one in shown
        ],
        "refused": dict(sorted(refused.items())),
    }
