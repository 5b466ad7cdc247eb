"""`pitboss sim`: the deployed handlers under a deterministic simulation with faults."""

from typing import Annotated

import typer
from rich.markup import escape

from workbench.console import UsageError, err, out, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="sim")(sim)


def sim(
    seed: Annotated[
        int, typer.Option(help="Decides everything: the floor, its faults, their order.")
    ] = 1,
    schedules: Annotated[
        int, typer.Option(min=1, help="So many schedules, of this seed and the ones after it.")
    ] = 1,
    faults: Annotated[
        str | None,
        typer.Option(
            help="Kinds of faults, separated by commas; `all`, or `none`.", show_default="all"
        ),
    ] = None,
    script: Annotated[
        str | None, typer.Option(help="These very faults instead, as a failing seed prints them.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the schedules.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove the ratings: run the deployed handlers against faults, on one thread and a seed.

    Prints schedules, events, virtual hours, faults fired and violations; a seed that fails prints
    the least script that makes it fail and the command that runs it again. Exits 1 on violations.
    """
    from workbench.proof import campaign as proof
    from workbench.proof.faults import KINDS, read_script

    if script is not None and faults is not None:
        raise UsageError("--script names the very faults: leave --faults out, or --script.")
    faults = "all" if faults is None else faults
    kinds = {"all": list(KINDS), "none": []}.get(faults) or [
        kind.strip() for kind in faults.split(",") if faults != "none"
    ]
    for kind in kinds:
        if kind not in KINDS:
            known = ", ".join(sorted(KINDS))
            raise UsageError(f"{kind!r} is no kind of fault: choose from {known}.")
    try:
        given = None if script is None else read_script(script)
    except ValueError as fault:
        raise UsageError(f"{fault}.") from None
    if not kinds and given is None:
        given = ()
    with err.status("") as status:

        def progress(so_far: proof.Campaign) -> None:
            line = (
                f"{so_far.schedules:,} of {schedules:,} schedules, {so_far.events:,} events, "
                f"{so_far.virtual_hours:,.0f} virtual hours, {len(so_far.failures)} failing"
            )
            if err.is_terminal:
                status.update(line)
            elif so_far.schedules % 500 == 0:
                err.print(line)

        found = proof.run(
            range(seed, seed + schedules), kinds, given, workers=workers, progress=progress
        )
    if as_json:
        print_json(found.document())
    else:
        _show(found)
    idle = sorted({fault.kind for fault in given or ()} - {k for k, n in found.fired.items() if n})
    if idle:
        err.print(f"[yellow]These faults of the script never struck: {', '.join(idle)}.[/yellow]")
    if found.failures:
        raise typer.Exit(1)


def _show(found: "object") -> None:
    from workbench.proof.campaign import Campaign
    from workbench.proof.faults import KINDS

    assert isinstance(found, Campaign)
    out.print(
        f"{found.schedules:,} schedules, {found.events:,} events, "
        f"{found.virtual_hours:,.1f} virtual hours"
    )
    for kind, about in sorted(KINDS.items(), key=lambda entry: (entry[1].number, entry[0])):
        if found.fired[kind]:
            out.print(f"{about.number:>4}  {kind:<24}{found.fired[kind]:>9,}  {about.what}")
    out.print(f"violations: {sum(len(failure.violations) for failure in found.failures)}")
    for failure in found.failures:
        out.print(f"\nseed {failure.seed}:")
        for violation in failure.violations[:5]:
            out.print(f"  {escape(violation)}")
        out.print(f"  {escape(failure.command)}")
