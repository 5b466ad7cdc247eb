"""`pitboss players evaluate`, `risk`, `churn`, `propensity` and `survival`."""

import typer

from workbench import players_evaluate, players_foreseen, players_risk, players_survival, show


def register(parent: typer.Typer) -> None:
    """Add the commands to the group that `show` adds to the parent."""
    show.players.command("evaluate")(players_evaluate.evaluate)
    show.players.command("risk")(players_risk.risk)
    show.players.command("churn")(players_foreseen.churn)
    show.players.command("propensity")(players_foreseen.propensity)
    show.players.command("survival")(players_survival.survival)
