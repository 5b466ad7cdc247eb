"""Reading the data set `gaming1`: per-player summaries of an online slot game.

Four files, as Chen, Doekemeijer, Noël and Verbruggen published them with "Winning and losing in
online gambling" (PLOS ONE 17(8), 2022, e0273359): `descriptive_data.csv` has a row for each player,
`stop.csv`, `stake_change.csv` and `rt.csv` one for each player and outcome of the game before. `NA`
is not known. A player of whom one of the last three says nothing is read all the same.
"""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pitboss.players.features import After, Behaviour
from workbench.console import UsageError

HIGH_RISK, LOW_RISK = "High-Risk", "Low-Risk"
OUTCOMES = ("loss", "win")
_CENTS = 100
"""Stakes are in whole units of a currency."""

_PLAYER, _GROUP = "id_player", "group"
_SUMMARY, _STOP, _CHANGE, _RESPONSE = "descriptive_data", "stop", "stake_change", "rt"
_OUTCOME_OF = {_STOP: "outcome", _CHANGE: "prev_outcome", _RESPONSE: "prev_outcome"}
NEEDED = {
    _SUMMARY: (_GROUP, _PLAYER, "n_session", "n_round_total", "bet_mean", "bet_max"),
    _STOP: (_PLAYER, "outcome", "total_count", "stop_count"),
    _CHANGE: (_PLAYER, "prev_outcome", "n_round_change", "stake_change_size"),
    _RESPONSE: (_PLAYER, "prev_outcome", "n_round", "rt_mean"),
}
"""Columns that are read, by file; others may be there, in any order."""

type Row = dict[str, str]


class Player(NamedTuple):
    """A player, and the group that the operator put them in."""

    player_id: str
    high_risk: bool
    behaviour: Behaviour
    everything: dict[str, float]
    """All numbers that the files say of them, which an untuned model is given; see
    `players_evaluate`."""


def read(folder: Path) -> list[Player]:
    """The players of a folder, in the order of their ids.

    Raises:
        UsageError: a file or a column is missing, or says something that cannot be.
    """
    summaries: dict[str, Row] = {}
    for line, row in _rows(folder, _SUMMARY):
        player_id = row[_PLAYER].strip()
        if player_id in summaries:
            raise UsageError(
                f"{_SUMMARY}.csv, line {line}: player {player_id} has a row already; keep one."
            )
        if row[_GROUP] not in {HIGH_RISK, LOW_RISK}:
            raise UsageError(
                f"{_SUMMARY}.csv, line {line}: the group is {HIGH_RISK} or {LOW_RISK}, not "
                f"{row[_GROUP]!r}."
            )
        summaries[player_id] = row
    details: dict[tuple[str, str], dict[str, Row]] = {}
    for name, column in _OUTCOME_OF.items():
        for line, row in _rows(folder, name):
            if row[column] not in OUTCOMES:
                raise UsageError(
                    f"{name}.csv, line {line}: {column} is loss or win, not {row[column]!r}."
                )
            details.setdefault((row[_PLAYER].strip(), row[column]), {})[name] = row
    return [
        _player(
            player_id, summaries[player_id], [details.get((player_id, o), {}) for o in OUTCOMES]
        )
        for player_id in sorted(summaries)
    ]


def _rows(folder: Path, name: str) -> Iterator[tuple[int, Row]]:
    """A file's rows and their lines."""
    file = folder / f"{name}.csv"
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            missing = [one for one in NEEDED[name] if one not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(
                    f"{file.name} has no column {', '.join(missing)}: take the file as it was "
                    "published; age and gender are not needed."
                )
            for row in reader:
                if None in row or None in row.values():
                    raise UsageError(
                        f"{file.name}, line {reader.line_num}: not as many fields as the header "
                        "has; is the file whole?"
                    )
                for column in NEEDED[name]:
                    if column not in {_PLAYER, _GROUP, "outcome", "prev_outcome"}:
                        _checked(row[column], column, f"{file.name}, line {reader.line_num}")
                yield reader.line_num, row
    except OSError as fault:
        raise UsageError(
            f"{file} cannot be read ({fault.strerror}): DIR is the folder of "
            f"{', '.join(f'{one}.csv' for one in NEEDED)}."
        ) from None
    except (UnicodeDecodeError, csv.Error) as fault:
        raise UsageError(f"{file} is no comma-separated text: {fault}.") from None


def _checked(text: str, column: str, where: str) -> None:
    if text.strip() not in {"", "NA"} and _number(text) is None:
        raise UsageError(f"{where}: {column} is a number or NA, not {text!r}.")


def _number(text: str | None) -> float | None:
    """A finite number; None for anything else."""
    try:
        found = float(text or "nan")
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _player(player_id: str, summary: Row, details: list[dict[str, Row]]) -> Player:
    after_loss, after_win = (_after(one) for one in details)
    behaviour = Behaviour(
        sessions=_number(summary["n_session"]),
        games=_number(summary["n_round_total"]),
        mean_stake_cents=_cents(summary["bet_mean"]),
        highest_stake_cents=_cents(summary["bet_max"]),
        after_loss=after_loss,
        after_win=after_win,
    )
    everything = _numbers(summary, "")
    for outcome, files in zip(OUTCOMES, details, strict=True):
        for name, row in files.items():
            everything |= _numbers(row, f"{name}.{outcome}.")
    return Player(player_id, summary[_GROUP] == HIGH_RISK, behaviour, everything)


def _after(files: dict[str, Row]) -> After:
    stop, change, response = (files.get(one, {}) for one in _OUTCOME_OF)
    return After(
        games=_number(stop.get("total_count")) or 0.0,
        stops=_number(stop.get("stop_count")) or 0.0,
        responses=_number(response.get("n_round")) or 0.0,
        response_ms=_number(response.get("rt_mean")),
        changes=_number(change.get("n_round_change")) or 0.0,
        change_cents=_cents(change.get("stake_change_size")),
    )


def _cents(text: str | None) -> float | None:
    found = _number(text)
    return None if found is None else found * _CENTS


def _numbers(row: Row, prefix: str) -> dict[str, float]:
    return {
        prefix + column: found
        for column, text in row.items()
        if column not in {_PLAYER, _GROUP} and (found := _number(text)) is not None
    }
