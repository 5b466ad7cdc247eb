"""The `pitboss` command.

Each group of commands is a module with a `register(app)` that adds them; a module imports what is
heavy (boto3, the layer) inside its commands, so that `pitboss --help` answers at once.
"""

import os
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from workbench import (
    apps,
    crashes,
    demo,
    devices,
    endpoint,
    events,
    exclusions,
    experiments,
    game_report,
    games,
    gateways,
    generate,
    imports,
    leaderboards,
    maintenance,
    metrics,
    models,
    offers,
    page,
    plan,
    players,
    prove,
    quarantine,
    query,
    rate,
    reconcile,
    refine,
    replay,
    report,
    rerate,
    review,
    schemas,
    show,
    shufflers,
    simulate,
    stack,
    stream,
    top,
    trace,
    users,
)
from workbench.console import UsageError, WorkbenchError, err
from workbench.machine import environments


class _Commands(TyperGroup):
    """Commands whose failures are one sentence, not a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own signature
        try:
            with endpoint.refusals_explained():
                return super().invoke(ctx)
        except WorkbenchError as failure:
            err.print(f"[red]{escape(failure.sentence)}[/red]")
            if failure.log is not None:
                err.print(f"log: {escape(str(failure.log))}")
            raise typer.Exit(failure.status) from failure


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Real-time player analytics for a casino floor: the local stack and the tools around it.",
)


@app.callback()
def choose_target(
    env: Annotated[
        str | None,
        typer.Option(
            envvar="PITBOSS_ENV",
            help="The environment of samconfig.toml: local, dev or prod. Default local.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            envvar="PITBOSS_PROFILE",
            help="Talk to the real account of this profile of your AWS configuration.",
        ),
    ] = None,
) -> None:
    """Choose which AWS the command talks to. AWS_ENDPOINT_URL chooses any other endpoint."""
    if env:
        known = environments()
        if env not in known:
            raise UsageError(
                f"samconfig.toml has no environment {env!r}: choose {', '.join(known[:-1])} "
                f"or {known[-1]}, or add it there."
            )
        os.environ["PITBOSS_ENV"] = env
    if profile:
        os.environ["PITBOSS_PROFILE"] = profile


for commands in (
    *(stack, demo, simulate, replay, rate, show, gateways, quarantine, stream, schemas),
    generate,
    apps,
    prove,
    refine,
    models,
    rerate,
    reconcile,
    imports,
    query,
    report,
    game_report,
    offers,
    games,
    events,
    leaderboards,
    exclusions,
    experiments,
    plan,
    players,
    devices,
    shufflers,
    maintenance,
    metrics,
    crashes,
    review,
    users,
    page,
    top,
    trace,
):
    commands.register(app)
