"""`pitboss players evaluate` and `risk`: models of how players play, beside `players show`."""

import typer

from workbench import players_evaluate, players_risk, show


def register(parent: typer.Typer) -> None:
    """Add the commands to the group that `show` adds to the parent."""
    show.players.command("evaluate")(players_evaluate.evaluate)
    show.players.command("risk")(players_risk.risk)
