"""The refined tables as the catalogue has them: their columns, Glue types and what they mean.

The columns are those of the modules that write the tables (`pitboss.lake.tables`,
`pitboss.lake.rated`, `pitboss.lake.decided`, `pitboss.imports.sources`, `pitboss.lake.manifest`).
What is said here in addition is what a column means, with its unit. All else follows from here: the
Glue tables of `template.yaml`, the tables of `docs/sql.md` and the columns agreed on in `docs/lake-
tables.json`, which `pitboss schemas` writes, and the views of `pitboss query --local`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from pitboss.events import slot
from pitboss.imports.sources import SOURCES, Kind, Source
from pitboss.lake import decided, rated
from pitboss.lake import tables as lake
from pitboss.lake.layout import GAME, MANIFESTS_OF, REFINED, SLOT

PARQUET, JSON = "parquet", "json"
"""What a table's files are."""

MANIFEST_TABLES = {"manifests": SLOT, "game_manifests": GAME}
"""Of which family's partitions they are."""


class Column(NamedTuple):
    """A column: its name, its DuckDB type and its meaning."""

    name: str
    kind: str
    meaning: str

    @property
    def glue_kind(self) -> str:
        """Its type in Glue's catalogue."""
        return glue_kind(self.kind)


class Table(NamedTuple):
    """A table of the catalogue."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    """In the order of its files; without those of the partition."""
    file_format: str
    partition: tuple[str, ...] = lake.PARTITION
    """Columns that are in the path and not in the files, all text."""

    @property
    def prefix(self) -> str:
        """Where its files lie in the lake's bucket."""
        family = MANIFEST_TABLES.get(self.name)
        return f"{REFINED}{self.name}/" if family is None else MANIFESTS_OF[family]


_DECIMAL = re.compile(r"DECIMAL\((\d+), (\d+)\)")
_MAP = re.compile(r"MAP\(VARCHAR, (.+)\)")
_STRUCT = re.compile(r"STRUCT\((.+)\)")


def glue_kind(kind: str) -> str:
    """A DuckDB type as Glue and Athena call it.

    >>> glue_kind("DECIMAL(20, 5)"), glue_kind("VARCHAR[]"), glue_kind("MAP(VARCHAR, BIGINT)")
    ('decimal(20,5)', 'array<string>', 'map<string,bigint>')
    >>> glue_kind('STRUCT("archived" BIGINT, "unique" BIGINT)')
    'struct<archived:bigint,unique:bigint>'
    """
    if found := _DECIMAL.fullmatch(kind):
        return f"decimal({found[1]},{found[2]})"
    if found := _MAP.fullmatch(kind):
        return f"map<string,{glue_kind(found[1])}>"
    if kind.endswith("[]"):
        return f"array<{glue_kind(kind[:-2])}>"
    if found := _STRUCT.fullmatch(kind):
        fields = (field.split(" ", 1) for field in found[1].split(", "))
        inner = ",".join(f"{name.strip('"')}:{glue_kind(of)}" for name, of in fields)
        return f"struct<{inner}>"
    return {
        "VARCHAR": "string",
        "BIGINT": "bigint",
        "TIMESTAMP": "timestamp",
        "BOOLEAN": "boolean",
        "DOUBLE": "double",
    }[kind]


@cache
def tables() -> tuple[Table, ...]:
    """Every table of the catalogue."""
    return (
        *(_described(t) for t in (*lake.TABLES, *rated.RATED_TABLES, decided.DECISIONS)),
        *(_imported(source) for source in SOURCES.values()),
        *(_manifests(name) for name in MANIFEST_TABLES),
    )


def undescribed() -> list[str]:
    """Columns and tables of which nothing is said here, as `table.column` or `table`."""
    return [
        *(table.name for table in tables() if not table.meaning),
        *(f"{table.name}.{c.name}" for table in tables() for c in table.columns if not c.meaning),
    ]


def agreed() -> dict[str, dict[str, str]]:
    """The columns of each table and their Glue types: what `docs/lake-tables.json` holds."""
    return {table.name: {c.name: c.glue_kind for c in table.columns} for table in tables()}


def broken_promises(before: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What of the columns agreed on before is gone or of another type, each with what to do.

    Queries, dashboards and models read what has been written; a table of Athena reads files of all
    ages by name. So a column is added, never taken away or changed.
    """
    now = agreed()
    faults = []
    for table, columns in before.items():
        for name, kind in columns.items():
            found = now.get(table, {}).get(name)
            if found is None:
                faults.append(
                    f"{table}.{name} is gone: give it back (it may stay null), and put a new name "
                    "beside it"
                )
            elif found != kind:
                faults.append(
                    f"{table}.{name} was {kind} and is {found}: give it its type back, and put the "
                    "new one under a name of its own"
                )
    return faults


def _described(table: lake.Table) -> Table:
    columns = tuple(Column(c.name, c.kind, _meaning(table.name, c.name)) for c in table.columns)
    return Table(table.name, _TABLES.get(table.name, ""), columns, PARQUET)


def _imported(source: Source) -> Table:
    columns = tuple(
        Column(name, kind, _meaning(source.table, name)) for name, kind in _import_columns(source)
    )
    return Table(source.table, _TABLES.get(source.table, ""), columns, PARQUET)


def _import_columns(source: Source) -> Iterator[tuple[str, str]]:
    """As `pitboss.imports.accounts` writes them."""
    for column in source.columns:
        if column.kind is Kind.MOMENT:
            yield f"{column.name}_local", "TIMESTAMP"
            yield f"{column.name}_at", "BIGINT"
        else:
            yield column.name, column.sql_type
    if source.rated:
        yield "game", "VARCHAR"
        yield "theoretical_win_units", "DECIMAL(38, 0)"
        yield "theoretical_win_amount", "DECIMAL(38, 9)"
    yield "flags", "VARCHAR[]"
    yield "source_file", "VARCHAR"
    yield "source_line", "BIGINT"


def _meaning(table: str, name: str) -> str:
    return _COLUMNS.get(f"{table}.{name}") or _COLUMNS.get(name) or ""


_COUNTS = 'STRUCT("archived" BIGINT, "unique" BIGINT, "duplicate" BIGINT, "conflicting" BIGINT)'


def _manifests(name: str) -> Table:
    columns = [
        Column("gaming_day", "VARCHAR", "ISO date."),
        Column("events", _COUNTS, "Events: archived = unique + duplicate + conflicting."),
        Column("unreadable", "BIGINT", "Lines of raw objects that are no events."),
        Column("quarantined", "MAP(VARCHAR, BIGINT)", "Set aside, by stage/reason."),
        Column("event_types", f"MAP(VARCHAR, {_COUNTS})", "The counts of events by event type."),
    ]
    if MANIFEST_TABLES[name] == GAME:
        said = "When the newest event was received, epoch milliseconds."
        columns.append(Column("newest_received_at", "BIGINT", said))
    return Table(name, _TABLES[name], tuple(columns), JSON, ("property_id",))


_TABLES = {
    "game_events": "Games that started or ended, and games that were selected, as reported.",
    "paytable_events": "Paytables as machines reported them.",
    "card_events": "Cards inserted and removed.",
    "cash_events": "Bills, and hand-pays as machines reported them.",
    "meter_events": "Meters reported and reset, and events that machines lost.",
    "machine_events": "Doors, tilts and whatever else a machine reports.",
    "unrecognised_events": "Events of a type or version that no schema is known for.",
    "quarantine": "What was set aside, by whom and why; a row's day is that of its arrival.",
    "application_events": "Events of studios' games, of all types, each once.",
    "application_quarantine": "What refining set aside of games' events: copies and lines.",
    "games": "Every game as it was rated, and amounts of no game in particular.",
    "gaps": "Gaps that rating found between coin-in by meter and by events.",
    "holds": "What hold is judged by, for each machine and paytable.",
    "reconciliations": "Meters against games, for each machine and measure.",
    "decisions": "What was decided to offer to whom, with its odds, and what came of it.",
    "slot_meters": "Imported: meters of a machine and hour.",
    "promotions": "Imported: promotions issued to players.",
    "table_sessions": "Imported: rated sessions at gaming tables.",
    "manifests": (
        "Of what each partition of the tables of events is made: one row for each gaming day."
    ),
    "game_manifests": "The same of games' events.",
}

_CUMULATIVE = "rolls over at 10^8"
_OF_CURRENCY = "In units of the row's currency."

_COLUMNS = {
    # --- every table of events
    "event_id": "Unique for its asset within five minutes of device time.",
    "event_type": "What happened.",
    "schema_version": "Of the event type.",
    "asset_id": "The machine, without padding zeros.",
    "occurred_at": "The device's clock, epoch milliseconds.",
    "occurred": "The same, UTC.",
    "received_at": "The server's clock when it arrived first, epoch milliseconds.",
    "sequence": "The device's queue index; gaps are normal.",
    "player_id": "The player's pseudonym; null is uncarded play.",
    "sender": "Who signed the request.",
    "record": "Sequence number of the stream record it came in.",
    "index": "Its place in that record.",
    # --- fields of events
    "wager_cents": "The wager, cents.",
    "coin_in_meter_credits": f"The coin-in meter with this wager, credits; {_CUMULATIVE}.",
    "wager_credits": "The wager, credits, where the machine gives no cents.",
    "win_cents": "The win, cents; null with win_credits null is a win of zero.",
    "win_credits": "The win, credits, where the machine gives no cents.",
    "game_number": "Number of a game on the machine; 0 is the machine.",
    "base_basis_points": "Theoretical payback, hundredths of a percent; the hold is 10,000 less.",
    "accounting_denomination_cents": "What a credit is worth from here on, cents.",
    "paytable_id": "The paytable.",
    "game_id": "The game's title, as the machine reports it.",
    "max_bet_credits": "The largest bet, credits.",
    "amount_cents": "The amount, cents.",
    "country_code": "SAS code of the bill's country.",
    "bills_accepted": f"Bills of this value so far; {_CUMULATIVE}.",
    "partial_pay_cents": "Part of the hand-pay that was paid before, cents.",
    "level": "Progressive level, SAS table 7.8.1b.",
    "meters": f"Meters that changed by name, units in the name; each {_CUMULATIVE}.",
    "door": "Which door.",
    "code": "SAS code.",
    "name": "What the code means.",
    "unrecognised_events.data": "What was posted, JSON.",
    # --- meters beside an event
    **{
        f"{lake.METER_PREFIX}{name}": (
            f"Meter beside the event, {'credits' if name.endswith('credits') else 'games'}; "
            f"{_CUMULATIVE}."
        )
        for name in slot.Meters.__struct_fields__
    },
    # --- quarantine
    "reason": "Why, as docs/reference.md lists them.",
    "detail": "What was wrong.",
    "stage": "Who set it aside.",
    "quarantine.received_at": "When it arrived, the server's clock, epoch milliseconds.",
    "quarantine.index": "Its place in the request, batch or raw object.",
    # --- application_events
    "application_events.event_id": "Unique in its application.",
    "application_id": "The game.",
    "application_events.event_type": "What happened, in the studio's words.",
    "event_version": "Of the event type; may be empty.",
    "application_events.occurred_at": "The sender's clock, epoch milliseconds.",
    "app_version": "The version of the game that sent it; may be empty.",
    "application_events.player_id": "The client; null where the sender names none.",
    "level_id": "The level, where it says one.",
    "x": "Where in the level, in its own units.",
    "y": "The same, upwards or downwards as the level has it.",
    "application_events.data": "All else it says, a JSON object.",
    "is_trusted": "Whether a server said it; a client can say anything.",
    "application_quarantine.received_at": "When it arrived, the server's clock, epoch ms.",
    "application_quarantine.index": "Its place in the batch or raw object.",
    # --- games and gaps
    "kind": "game; or an amount of no game in particular: handpay, first_paytable.",
    "started_at": "Start, epoch milliseconds; null where it is missing.",
    "ended_at": "End, epoch milliseconds; null where it is missing. Of an amount, its moment.",
    "session_started_at": "Start of the player's session, epoch milliseconds.",
    "hold_basis_points": "Hold in force, hundredths of a percent; null where none was known.",
    "coin_in_cents": "Wagers, cents.",
    "coin_out_cents": "Wins, cents, with what was paid by hand.",
    "handpay_cents": "What of coin-out was paid by hand, cents.",
    "theoretical_win": "Theoretical win, ten-thousandths of a cent.",
    "complete": "Whether start and end are known; null where kind is not game.",
    "since": "When the meter was seen before, epoch milliseconds; null for never.",
    "at": "Start of the game that showed it, epoch milliseconds.",
    "gaps.amount_cents": "What the meter says more than the events, cents.",
    "is_overflow": "Whether the machine said that events were lost.",
    # --- holds
    "games": "Games.",
    "samples": "Games, or blocks of them where only their sums are known.",
    "squares": "Sum of e^2, e a game's actual less theoretical win in ten-thousandths of a cent.",
    "products": "Sum of e x coin-in (cents).",
    "coin_in_squares": "Sum of coin-in^2 (cents).",
    # --- reconciliations
    "measure": "coin_in or coin_out (cents), or games.",
    "metered": "What the meters moved.",
    "rated": "What the games come to.",
    "difference": "metered - rated, the sum of the columns after it.",
    "roll_over": "Explained: a meter rolled over.",
    "reset": "Explained: meters went back to 0, and the machine said so.",
    "silent_reset": "Explained: they did, and it did not.",
    "day_end": "Explained: a game or meter over the day's end.",
    "unread": "Explained: play before the meter was first known.",
    "unfinished": "Explained: a game without an end that the machine does not count.",
    "overflow": "Lost in the machine's buffer.",
    "offline": "Lost while the machine was not heard of.",
    "gap": "What nothing explains.",
    # --- decisions
    "decision_id": "The decision, and the offer that follows from it.",
    "change_id": "What it was decided on.",
    "trigger": "What kind of change that was.",
    "decisions.player_id": "The player's pseudonym.",
    "decided_at": "When, epoch milliseconds.",
    "context": "What was known, JSON: categories by feature.",
    "context_hash": "Names the context.",
    "actions": "What there was to choose from, JSON: [[code, kind, cents, millionths], ...].",
    "out_of_reach": "Offers that were no action and why, JSON, by code.",
    "no_offer": "Why nothing was to choose, JSON; [] where there was a choice.",
    "chosen": "Code of what was chosen; none is no offer.",
    "propensity": "How likely that was, millionths.",
    "is_explored": "Whether it was not what the policy thought best.",
    "model_version": "The policy that decided.",
    "catalogue_version": "The catalogue.",
    "reasons": "Why, JSON, in words for a host.",
    "reward_hours": "Hours after it whose play counts.",
    "status": "What became of the offer; null where none was made.",
    "steps": "How it came to that, JSON: [[status, epoch milliseconds, by], ...].",
    "delivered_at": "When it was, epoch milliseconds.",
    "accepted_at": "When it was, epoch milliseconds.",
    "redeemed_at": "When it was, epoch milliseconds.",
    "cost_reserved_cents": "What is reserved for it, cents; 0 where it was given back.",
    "cost_redeemed_cents": "What it cost, cents; 0 where it was not redeemed.",
    # --- imports
    "model": "The machine's model.",
    "maker": "The machine's maker.",
    "currency": "Of the amounts.",
    "hour_local": "The hour, the property's wall clock.",
    "hour_at": "The same, epoch milliseconds.",
    "coin_in_amount": f"Wagers. {_OF_CURRENCY}",
    "actual_win_amount": f"What the house won. {_OF_CURRENCY}",
    "theoretical_win_amount": f"Theoretical win. {_OF_CURRENCY}",
    "hold_share": "Hold, a share of 1.",
    "promotions.player_id": "The player's pseudonym.",
    "promotion": "Which promotion.",
    "issued_local": "When it was issued, the property's wall clock.",
    "issued_at": "The same, epoch milliseconds.",
    "card_level": "The player's card.",
    "value_amount": f"What it is worth to the player. {_OF_CURRENCY}",
    "cost_amount": f"What it costs the house. {_OF_CURRENCY}",
    "table_sessions.player_id": "The player's pseudonym.",
    "table_sessions.started_at": "The same, epoch milliseconds.",
    "table_sessions.ended_at": "The same, epoch milliseconds.",
    "table_name": "The gaming table.",
    "started_local": "Start, the property's wall clock.",
    "ended_local": "End, the property's wall clock.",
    "minutes": "Minutes, as stated.",
    "average_bet_amount": f"Average bet. {_OF_CURRENCY}",
    "decisions_an_hour": "Bets an hour, where they were measured.",
    "house_edge_share": "House edge, a share of 1, where it was measured.",
    "cash_in_amount": f"Cash in. {_OF_CURRENCY}",
    "chips_in_amount": f"Chips in. {_OF_CURRENCY}",
    "cash_out_amount": f"Cash out. {_OF_CURRENCY}",
    "game": "The game at that table.",
    "theoretical_win_units": "Theoretical win, exact: units of 1/600,000,000 of the currency.",
    "flags": "What a person should look at.",
    "source_file": "The file it came in.",
    "source_line": "Its line there.",
}
"""Meanings by column, or by `table.column` where a table means something else."""


# --- the template ---------------------------------------------------------------------------------

_HADOOP = "org.apache.hadoop.hive.ql.io.parquet"
_ION = "com.amazon.ionhiveserde"
_LINE = 100


def template_block() -> str:
    """The tables as resources of `template.yaml`, between its `generated` marks.

    What tables have in common stands in the first of them, and the others point there.
    """
    return "\n".join(_resource(table, is_first=table is tables()[0]) for table in tables())


def logical_id(table: Table) -> str:
    """The table's name in the template.

    >>> logical_id(tables()[0])
    'LakeGameEvents'
    """
    return "Lake" + "".join(part.capitalize() for part in table.name.split("_"))


def _resource(table: Table, *, is_first: bool) -> str:
    if table.file_format == JSON:
        parameters = """
          classification: json
          projection.enabled: "true"
          projection.property_id.type: injected"""
        keys = " [{ Name: property_id, Type: string }]"
        # Unlike others it reads an object that takes more than one line.
        storage = f"""
          InputFormat: {_ION}.formats.IonInputFormat
          OutputFormat: {_ION}.formats.IonOutputFormat
          SerdeInfo: {{ SerializationLibrary: {_ION}.IonHiveSerDe }}"""
    elif is_first:
        parameters = """ &by_property_and_day
          classification: parquet
          projection.enabled: "true"
          projection.property_id.type: injected # a statement has to say which
          projection.gaming_day.type: date
          projection.gaming_day.format: yyyy-MM-dd
          projection.gaming_day.range: !Sub "${LakeFirstDay},NOW+1DAYS\""""
        keys = """ &property_and_day
          - { Name: property_id, Type: string }
          - { Name: gaming_day, Type: string }"""
        storage = f"""
          InputFormat: {_HADOOP}.MapredParquetInputFormat
          OutputFormat: {_HADOOP}.MapredParquetOutputFormat
          SerdeInfo: &parquet
            SerializationLibrary: {_HADOOP}.serde.ParquetHiveSerDe"""
    else:
        parameters, keys = " *by_property_and_day", " *property_and_day"
        storage = f"""
          InputFormat: {_HADOOP}.MapredParquetInputFormat
          OutputFormat: {_HADOOP}.MapredParquetOutputFormat
          SerdeInfo: *parquet"""
    parts = [
        f"  # {table.meaning}",
        f"  {logical_id(table)}:",
        "    Type: AWS::Glue::Table",
        "    Properties:",
        "      CatalogId: !Ref AWS::AccountId",
        "      DatabaseName: !Ref LakeDatabase",
        "      TableInput:",
        f"        Name: {table.name}",
        f'        Description: "{table.meaning}"',
        "        TableType: EXTERNAL_TABLE",
        f"        Parameters:{parameters}",
        f"        PartitionKeys:{keys}",
        "        StorageDescriptor:",
        f"          Location: !Sub s3://${{LakeBucket}}/{table.prefix}{storage}",
        "          Columns: [",
        *_lines(
            f"{{ Name: {column.name}, Type: {_yaml(column.glue_kind)} }}"
            for column in table.columns
        ),
        "          ]",
    ]
    return "\n".join(parts) + "\n"


def _yaml(text: str) -> str:
    return f'"{text}"' if "," in text else text


def _lines(items: Iterable[str]) -> Iterator[str]:
    """Items of a list, as many on a line as it takes."""
    line = ""
    for item in items:
        joined = f"{line} {item}," if line else f"{' ' * 12}{item},"
        if line and len(joined) > _LINE:
            yield line
            joined = f"{' ' * 12}{item},"
        line = joined
    yield line


# --- the documents --------------------------------------------------------------------------------


def reference_block() -> str:
    """The tables of `docs/sql.md`."""
    event_columns = [c.name for c in (*lake.COMMON, *lake.METER_COLUMNS)]
    parts = [_listing("Columns of every table of events", _common_columns())]
    for table in tables():
        is_of_events = table.name in {one.name for one in lake.EVENT_TABLES}
        own = [c for c in table.columns if not (is_of_events and c.name in event_columns)]
        title = f"`{table.name}`"
        more = ["And the columns of every table of events.", ""] if is_of_events else []
        parts.append(_listing(title, own, [table.meaning, "", *more]))
    return "\n".join(parts)


def _common_columns() -> list[Column]:
    return [
        Column(c.name, c.kind, _meaning("", c.name)) for c in (*lake.COMMON, *lake.METER_COLUMNS)
    ]


def _listing(title: str, columns: Iterable[Column], before: Iterable[str] = ()) -> str:
    rows = [f"| `{c.name}` | `{c.glue_kind}` | {c.meaning} |" for c in columns]
    head = ["| column | type | meaning |", "| --- | --- | --- |"] if rows else []
    return "\n".join([f"### {title}", "", *before, *head, *rows, ""])
