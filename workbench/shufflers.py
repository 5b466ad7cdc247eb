"""`pitboss shufflers`: card shufflers, and whether what foresees their failures is any good."""

import typer

from workbench import shufflers_evaluate, shufflers_show

app = typer.Typer(no_args_is_help=True, help="Card shufflers: states, and models of failures.")


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="shufflers")


app.command("evaluate")(shufflers_evaluate.evaluate)
app.command("list")(shufflers_show.list_all)
app.command("show")(shufflers_show.show)
app.command("history")(shufflers_show.history)
app.command("paces")(shufflers_show.paces)
