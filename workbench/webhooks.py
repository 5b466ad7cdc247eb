"""`pitboss metrics webhook`: where notices of thresholds may be posted."""

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    from pitboss.metrics.definition import Metric
    from pitboss.metrics.webhooks import Webhook
    from pitboss.stores.webhooks import DynamoWebhooks

FUNCTION = "run_actions"

app = typer.Typer(no_args_is_help=True, help="Where notices of thresholds are posted.")

Property = Annotated[str, typer.Option("--property", help="Whose webhooks they are.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="As a metric's file names it.")]


@app.command("add")
def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post, by https.")],
    property_id: Property = DEFAULT_PROPERTY,
    anew: Annotated[
        bool, typer.Option("--anew", help="In place of the one of this name: a new secret.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register a webhook, and show the secret of its posts: this once."""
    import msgspec

    from pitboss.metrics.definition import Action
    from pitboss.metrics.webhooks import Webhook, faults_of_url, secret_of, shown
    from pitboss.stores.secrets import secret_text
    from workbench.stack import settings_of

    must_be_id(property_id, "property")
    try:
        msgspec.convert({"webhook": name}, Action)
    except msgspec.ValidationError:
        raise UsageError("NAME has small letters, digits and hyphens, 40 at most.") from None
    settings = settings_of(FUNCTION)
    if faults := list(faults_of_url(url, loopback=settings["WEBHOOK_LOOPBACK"] == "true")):
        raise UsageError(f"{'; '.join(faults)}.")
    made = Webhook(name=name, url=url, salt=secrets.token_hex(16), added_at=int(time.time()))
    with _store() as webhooks:
        if not anew and webhooks.find(property_id, name) is not None:
            raise WorkbenchError(
                f"Property {property_id} has a webhook {name}: --anew puts this one in its place."
            )
        key = secret_text(settings["WEBHOOK_KEY_SECRET"], _region())
        webhooks.add(property_id, made)
    secret = shown(secret_of(key, property_id, name, made.salt))
    if as_json:
        print_json(described(made) | {"secret": secret})
        return
    out.print(escape(f"Webhook {name} of property {property_id} is registered."))
    out.print(f"Its secret, which is not shown again: {secret}", soft_wrap=True)


@app.command("list")
def show_all(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """List a property's webhooks, and what came of the last post to each."""
    must_be_id(property_id, "property")
    with _store() as webhooks:
        found = webhooks.all(property_id)
    if as_json:
        print_json([described(one) for one in found])
        return
    table = Table(title=escape(f"Webhooks of property {property_id}"), title_justify="left")
    for heading in ("name", "url", "status", "last post (UTC)", "notice", "answer", "came of it"):
        table.add_column(heading)
    for one in found:
        last = one.last
        said = ("", "", "", "")
        if last is not None:
            said = (moment(last.at * 1_000), last.notice_id, escape(last.answer), last.became)
        table.add_row(one.name, escape(one.url), one.status, *said)
    out.print(table)


@app.command("remove")
def remove(name: Name, property_id: Property = DEFAULT_PROPERTY) -> None:
    """Post to a webhook no more; one that a metric names stays."""
    from pitboss.stores.metrics import DynamoMetrics
    from pitboss.stores.webhooks import DynamoWebhooks

    must_be_id(property_id, "property")
    with table_of_metrics() as where:
        webhooks, metrics = DynamoWebhooks(*where), DynamoMetrics(*where)
        if webhooks.find(property_id, name) is None:
            raise WorkbenchError(_unknown(property_id, name))
        using = [one.key for one in metrics.definitions(property_id) if name in named_by(one)]
        if using:
            raise WorkbenchError(f"Webhook {name} is an action of {', '.join(using)}.")
        webhooks.remove(property_id, name)
    out.print(f"Webhook {name} is posted to no more.")


def named_by(metric: "Metric") -> list[str]:
    """The webhooks that a metric's threshold names."""
    actions = () if metric.threshold is None else metric.threshold.actions
    return [one.webhook for one in actions if one.webhook is not None]


def must_be_registered(property_id: str, metrics: "Iterable[Metric]") -> None:
    """Raises: WorkbenchError: a threshold names a webhook that the property has not."""
    wanted = {name: one.key for one in metrics for name in named_by(one)}
    if not wanted:
        return
    with _store() as webhooks:
        known = {one.name for one in webhooks.all(property_id)}
    for name, key in wanted.items():
        if name not in known:
            raise WorkbenchError(f"{key}: threshold.actions: {_unknown(property_id, name)}")


def described(webhook: "Webhook") -> dict[str, Any]:
    """A webhook as it is shown."""
    import msgspec

    return {name: value for name, value in msgspec.to_builtins(webhook).items() if name != "salt"}


@contextmanager
def table_of_metrics() -> Iterator[tuple[str, str]]:
    """The name of the stack's table of metrics and webhooks, and its region."""
    table = endpoint.stack_outputs().get("MetricsTableName")
    if table is None:
        raise WorkbenchError("The stack has no metrics yet: deploy it anew with `pitboss up`.")
    with endpoint.as_environment():
        yield table, _region()


@contextmanager
def _store() -> "Iterator[DynamoWebhooks]":
    from pitboss.stores.webhooks import DynamoWebhooks

    with table_of_metrics() as where:
        yield DynamoWebhooks(*where)


def _region() -> str:
    return endpoint.target().region or endpoint.DEFAULT_REGION


def _unknown(property_id: str, name: str) -> str:
    return (
        f"Property {property_id} has no webhook {name!r}: `pitboss metrics webhook list` names "
        "those there are."
    )
