"""Standings in DynamoDB: who must not be made offers, and what is known of players for it.

| item | `pk` | `sk` | attributes |
|---|---|---|---|
| player's standing | `<property>/player/<player>` | `standing` | `version`, `body` |
| change of it | `<property>/player/<player>` | `change/<at, 13 digits>/<version>` | `body` |
| who is on a list | `<property>/list/<name>` | `<player>` | `since`, `until`, `added_at` |
| newest import of a list | `<property>/lists` | `import/<name>` | `as_of`, `began_at`, `by` |
| to when lists are complete | `<property>/lists` | `lists` | `version`, one by each list's name |
| that play is of high risk | `<property>/risk` | `<player>` | `body` |

A player's standing, their place on the list and the change that is kept of it are written in one
transaction, under the condition that the standing still has the version that was read. A standing
is never deleted, so its version only grows, and whoever acts on one can make sure in a transaction
of their own that it has not changed since.

What a model says of risk is no part of a standing, which people decide: it is written by the night,
over what the night before said, and in a partition of its own, so that who writes it can write
nothing else.

A whole list is imported player by player: first those who come onto it, then those who leave it,
and last the moment to which the list is complete. So nobody who is on the list before and after is
off it in between, and an import that was cut anywhere is run again. Each of its transactions checks
that no newer import has begun, whose view of the list it would spoil.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from msgspec.structs import replace

from pitboss.backoff import pause
from pitboss.errors import TransientError
from pitboss.offers.gate import (
    NOTHING_READ,
    Entry,
    Facts,
    ListName,
    Lists,
    Machine,
    Risk,
    Standing,
)
from pitboss.offers.lists import Patron, RefusedImport, Span, changes, check_as_of
from pitboss.stores.batches import write_batches
from pitboss.stores.pages import items_of
from pitboss.stores.ratings import Asset, head_key

READ_TRIES = 4
"""Times DynamoDB is asked for what it left unprocessed."""

WRITE_TRIES = 8
"""Times a batch of an import is made again because somebody else changed one of its players."""

_STANDING = "standing"
_LISTS = "lists"
_PLAYERS_A_TRANSACTION = 33
"""Three items each, and the check of the import: a hundred, which is what DynamoDB takes."""
_PASSING = frozenset(
    {
        *("None", "ConditionalCheckFailed", "TransactionConflict"),
        *("ThrottlingError", "ProvisionedThroughputExceeded"),
    }
)
"""Reasons of a cancelled transaction after which it may be made again."""

_standing_decoder = msgspec.json.Decoder(Standing)
_risk_decoder = msgspec.json.Decoder(Risk)


class UnreadStandingsError(TransientError):
    """What the gate needs was not read, in part or whole."""


class Change(Struct, frozen=True, kw_only=True):
    """A change of a player's standing, as it is kept for good."""

    at: int
    """Epoch milliseconds."""
    by: str
    """The principal, or who imported a file."""
    version: int
    """Of the standing after it."""
    list: ListName | None
    """None for a change of age or residence."""
    before: Entry | None = None
    after: Entry | None = None
    """None where the player was taken off the list."""
    of_age_from: int | None = None
    jurisdiction: str | None = None
    """What was proven after it, where it is a change of that."""
    note: str = ""


class Imported(NamedTuple):
    """What an import did, or would do."""

    players: int
    """Players the file names."""
    added: int
    """Players who came onto the list, or are on it for another time."""
    removed: int
    kept: int
    """Entries that are newer than the file, and stay."""


def next_version(known: Standing | None) -> int:
    """The version of a standing after a change of it."""
    return 1 if known is None else known.version + 1


class ReadsFacts(Protocol):
    """Reads what the gate looks at; see `DynamoStandings`."""

    def facts(self, property_id: str, player_id: str, asset_id: str | None) -> Facts: ...


def read_or_nothing(
    standings: ReadsFacts,
    property_id: str,
    player_id: str,
    asset_id: str | None,
    tell: Callable[[Exception], object] = lambda fault: None,
) -> Facts:
    """What the gate looks at; where it cannot be read, what makes the gate refuse.

    Args:
        standings: where it is read.
        property_id: the property.
        player_id: whose standing.
        asset_id: the machine where the player sits, None where it is about none.
        tell: is told why it could not be read, for the log.
    """
    try:
        return standings.facts(property_id, player_id, asset_id)
    except (TransientError, ClientError, BotoCoreError) as fault:
        tell(fault)
        return NOTHING_READ


class DynamoStandings:
    """The standings of all properties of a stack. Every read is strongly consistent."""

    def __init__(
        self,
        standings_table: str,
        ratings_table: str | None,
        region: str,
        client: Any = None,  # noqa: ANN401 - botocore makes it from data
        pause: Callable[[int], object] = pause,
    ) -> None:
        """
        Args:
            standings_table: its name.
            ratings_table: where machines' heads are; None for who needs no facts of machines.
            region: where both are.
            client: of DynamoDB, where it is not made from the environment.
            pause: waits before the n-th retry.
        """
        self._table = standings_table
        self._ratings_table = ratings_table
        self._pause = pause
        self._client: Any = client or botocore.session.get_session().create_client(
            "dynamodb",
            region_name=region,
            config=Config(
                parameter_validation=False,
                connect_timeout=1,
                read_timeout=2,
                retries={"total_max_attempts": 3},
            ),
        )

    # What the gate needs.

    def facts(self, property_id: str, player_id: str, asset_id: str | None) -> Facts:
        """What the gate looks at, by one consistent BatchGetItem.

        Args:
            property_id: the property.
            player_id: whose standing.
            asset_id: the machine where the player sits; None where it is about none.

        Raises:
            UnreadStandingsError: DynamoDB left a part of it unprocessed, or it is not readable.
            ClientError, BotoCoreError: it could not be asked.
        """
        keys = (
            _lists_key(property_id),
            _standing_key(property_id, player_id),
            risk_key(property_id, player_id),
        )
        wanted: dict[str, Any] = {self._table: {"Keys": [*keys], "ConsistentRead": True}}
        if asset_id is not None:
            assert self._ratings_table is not None, "facts of machines need the ratings table"
            pk, sk = head_key(Asset(property_id, asset_id))
            wanted[self._ratings_table] = {
                "Keys": [_key(pk, sk)],
                "ConsistentRead": True,
                "ProjectionExpression": "pk, seated, locked_since",
            }
        found = self._all(wanted)
        of_table = {_place(item): item for item in found.get(self._table, ())}
        lists, kept, risk = (of_table.get(_place(key)) for key in keys)
        head = next(iter(found.get(self._ratings_table or "", ())), None)
        return Facts(
            Lists(_complete_to(lists)),
            None if kept is None else _standing(kept),
            None if head is None else _machine(head),
            None if risk is None else _risk(risk),
        )

    def _all(self, wanted: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The items of a BatchGetItem, also those that DynamoDB leaves for another time.

        An item that was left unprocessed is not there in the answer, just as one that does not
        exist: to take the one for the other would be to think that nobody is excluded.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for attempt in range(READ_TRIES):
            if attempt:
                self._pause(attempt)
            answer = self._client.batch_get_item(RequestItems=wanted)
            for table, items in answer["Responses"].items():
                found.setdefault(table, []).extend(items)
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return found
        raise UnreadStandingsError("DynamoDB left keys unprocessed")

    # One player.

    def standing(self, property_id: str, player_id: str) -> Standing | None:
        """What is known of a player; None where nobody said anything."""
        found = self._client.get_item(
            TableName=self._table, Key=_standing_key(property_id, player_id), ConsistentRead=True
        ).get("Item")
        return None if found is None else _standing(found)

    def changes(self, property_id: str, player_id: str, newest: int) -> list[Change]:
        """The newest changes of a player's standing, the newest first."""
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :change)",
            ExpressionAttributeValues={
                ":pk": {"S": _player_partition(property_id, player_id)},
                ":change": {"S": "change/"},
            },
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=newest,
        )
        return [msgspec.json.decode(item["body"]["B"], type=Change) for item in page["Items"]]

    def change(
        self, property_id: str, player_id: str, known: Standing | None, change: Change
    ) -> Standing | None:
        """Put a player on a list or take them off it, and keep that it was done.

        Args:
            property_id: the property.
            player_id: whose standing.
            known: the standing as it was read.
            change: what is done; its version is the one after `known`'s.

        Returns:
            The standing after it; None where it is no longer the one that was read.

        Raises:
            ClientError, BotoCoreError: whether it is written is not known. Doing it again is right.
        """
        after = _changed(known or Standing(0), change)
        actions = self._actions(property_id, player_id, known, after, change)
        return after if self._write(actions) is None else None

    # What the night's model says.

    def risk(self, property_id: str, player_id: str) -> Risk | None:
        """Why the newest night closed the gate for a player; None where it did not."""
        found = self._client.get_item(
            TableName=self._table, Key=risk_key(property_id, player_id), ConsistentRead=True
        ).get("Item")
        return None if found is None else _risk(found)

    def risks(self, property_id: str) -> set[str]:
        """For whom the newest night closed the gate."""
        return {item["sk"]["S"] for item in self._partition(_risk_partition(property_id))}

    def put_risks(self, property_id: str, found: Mapping[str, Risk]) -> None:
        """Make these the players of high risk, and nobody else: first those, then who no longer is.

        Raises:
            UnwrittenItems, ClientError, BotoCoreError: part of it may be done. The same again does
                the rest.
        """
        before = self.risks(property_id)
        puts = (
            risk_key(property_id, player_id) | {"body": {"B": msgspec.json.encode(risk)}}
            for player_id, risk in found.items()
        )
        over = (risk_key(property_id, player_id) for player_id in sorted(before - found.keys()))
        requests = (
            *({"PutRequest": {"Item": item}} for item in puts),
            *({"DeleteRequest": {"Key": key}} for key in over),
        )
        write_batches(self._client, self._table, requests, self._pause)

    # Whole lists.

    def lists(self, property_id: str) -> Lists:
        """To when each list is complete."""
        found = self._client.get_item(
            TableName=self._table, Key=_lists_key(property_id), ConsistentRead=True
        )
        return Lists(_complete_to(found.get("Item")))

    def members(self, property_id: str, name: ListName) -> dict[str, Entry]:
        """Everybody on a list, by player."""
        members = self._partition(_list_partition(property_id, name))
        return {item["sk"]["S"]: _entry(item) for item in members}

    def import_list(
        self,
        property_id: str,
        name: ListName,
        named: Mapping[str, Span],
        as_of: int,
        *,
        at: int,
        by: str,
        removes: Callable[[int, int], None] = lambda removed, known: None,
        progress: Callable[[int], object] = lambda players: None,
    ) -> Imported:
        """Make a list what a file says it was at a moment; what was added later stays.

        Args:
            property_id: the property.
            name: the list.
            named: who is on it.
            as_of: when it was complete, epoch milliseconds.
            at: now.
            by: who imports it.
            removes: is told how many of how many leave the list, and raises where it must not be.
            progress: is told after each batch of players how many are done.

        Raises:
            RefusedImport: the list is older than the one that is known, or of the future, or a
                newer import began meanwhile.
            UnreadStandingsError, ClientError, BotoCoreError: part of it may be done. The same again
                does the rest.
        """
        check_as_of(as_of, at, self.lists(property_id).complete_to.get(name))
        self._begin(property_id, name, as_of, at, by)
        known = self.members(property_id, name)
        todo = changes(known, named, as_of)
        removes(len(todo.removals), len(known))
        # In this order, so that nobody who stays on the list is ever off it.
        wanted: dict[str, Entry | None] = {**todo.additions, **dict.fromkeys(todo.removals)}
        fence = self._fence(property_id, name, as_of)

        def step(player_id: str, standing: Standing | None) -> Change | None:
            before = None if standing is None else standing.entries.get(name)
            after = wanted[player_id]
            if before == after or (before is not None and before.added_at > as_of):
                return None  # done meanwhile, or newer than the file
            version = next_version(standing)
            return Change(at=at, by=by, version=version, list=name, before=before, after=after)

        done = 0
        for some in batched(wanted, _PLAYERS_A_TRANSACTION, strict=False):
            self._apply(property_id, some, step, [fence])
            done += len(some)
            progress(done)
        self._complete(property_id, name, as_of)
        return Imported(len(named), len(todo.additions), len(todo.removals), todo.kept)

    def import_patrons(
        self,
        property_id: str,
        patrons: Mapping[str, Patron],
        *,
        at: int,
        by: str,
        progress: Callable[[int], object] = lambda players: None,
    ) -> int:
        """Make age and residence of these players what a file says; others stay as they are.

        Returns:
            How many changed, of those that this call got to.

        Raises:
            UnreadStandingsError, ClientError, BotoCoreError: part of it may be done. The same again
                does the rest.
        """
        changed = done = 0

        def step(player_id: str, known: Standing | None) -> Change | None:
            patron = patrons[player_id]
            if known is not None and (known.of_age_from, known.jurisdiction) == patron:
                return None
            version = next_version(known)
            return Change(at=at, by=by, version=version, list=None, **patron._asdict())

        for some in batched(patrons, _PLAYERS_A_TRANSACTION, strict=False):
            changed += self._apply(property_id, some, step, [])
            done += len(some)
            progress(done)
        return changed

    def _begin(self, property_id: str, name: ListName, as_of: int, at: int, by: str) -> None:
        """Say which import is under way, so that older ones under way come to an end."""
        item = _import_key(property_id, name)
        numbers = {"as_of": {"N": str(as_of)}, "began_at": {"N": str(at)}}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item | numbers | {"by": {"S": by}},
                ConditionExpression="attribute_not_exists(pk) OR as_of <= :as_of",
                ExpressionAttributeValues={":as_of": {"N": str(as_of)}},
            )
        except ClientError as fault:
            if fault.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise RefusedImport("an import of a newer list has begun") from None

    def _fence(self, property_id: str, name: ListName, as_of: int) -> dict[str, Any]:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _import_key(property_id, name),
                "ConditionExpression": "as_of = :as_of",
                "ExpressionAttributeValues": {":as_of": {"N": str(as_of)}},
            }
        }

    def _complete(self, property_id: str, name: ListName, as_of: int) -> None:
        update = {
            "TableName": self._table,
            "Key": _lists_key(property_id),
            "UpdateExpression": "SET #list = :as_of ADD version :one",
            "ConditionExpression": "attribute_not_exists(#list) OR #list <= :as_of",
            "ExpressionAttributeNames": {"#list": str(name)},
            "ExpressionAttributeValues": {":as_of": {"N": str(as_of)}, ":one": {"N": "1"}},
        }
        for attempt in range(WRITE_TRIES):
            if attempt:
                self._pause(attempt)
            failed = self._write([{"Update": update}, self._fence(property_id, name, as_of)])
            if failed is None:
                return
            if "ConditionalCheckFailed" in failed:
                raise RefusedImport("an import of a newer list has begun")
        raise UnreadStandingsError("others were at the list each time it was to be finished")

    def _apply(
        self,
        property_id: str,
        players: Sequence[str],
        step: Callable[[str, Standing | None], Change | None],
        checks: list[dict[str, Any]],
    ) -> int:
        """Change these players' standings in one transaction; how many changed."""
        for attempt in range(WRITE_TRIES):
            if attempt:
                self._pause(attempt)
            known = self._standings(property_id, players)
            actions: list[dict[str, Any]] = []
            changed = 0
            for player_id in players:
                before = known.get(player_id)
                change = step(player_id, before)
                if change is not None:
                    after = _changed(before or Standing(0), change)
                    actions += self._actions(property_id, player_id, before, after, change)
                    changed += 1
            if not actions:
                return 0
            failed = self._write([*checks, *actions])
            if failed is None:
                return changed
            if "ConditionalCheckFailed" in failed[: len(checks)]:
                raise RefusedImport("an import of a newer list has begun")
        raise UnreadStandingsError("others changed the same players each time")

    def _standings(self, property_id: str, players: Sequence[str]) -> dict[str, Standing]:
        keys = {_player_partition(property_id, player_id): player_id for player_id in players}
        wanted = {"Keys": [_key(pk, _STANDING) for pk in keys], "ConsistentRead": True}
        found = self._all({self._table: wanted}).get(self._table, ())
        return {keys[item["pk"]["S"]]: _standing(item) for item in found}

    def _partition(self, partition: str) -> Iterator[dict[str, Any]]:
        return items_of(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
            ConsistentRead=True,
        )

    # Writing.

    def _actions(
        self,
        property_id: str,
        player_id: str,
        known: Standing | None,
        after: Standing,
        change: Change,
    ) -> list[dict[str, Any]]:
        partition = _player_partition(property_id, player_id)
        put = {
            "TableName": self._table,
            "Item": _standing_key(property_id, player_id)
            | {"version": {"N": str(after.version)}, "body": {"B": msgspec.json.encode(after)}},
        }
        if known is None:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "version = :known"
            put["ExpressionAttributeValues"] = {":known": {"N": str(known.version)}}
        kept = _key(partition, f"change/{change.at:013d}/{change.version:09d}")
        log = {
            "TableName": self._table,
            "Item": kept | {"body": {"B": msgspec.json.encode(change)}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        actions = [{"Put": put}, {"Put": log}]
        if change.list is not None:
            place = _key(_list_partition(property_id, change.list), player_id)
            if change.after is None:
                actions.append({"Delete": {"TableName": self._table, "Key": place}})
            else:
                item = place | _entry_attributes(change.after)
                actions.append({"Put": {"TableName": self._table, "Item": item}})
        return actions

    def _write(self, actions: list[dict[str, Any]]) -> list[str] | None:
        """Write a transaction; None where it is written, else what each action failed of."""
        try:
            self._client.transact_write_items(TransactItems=actions, ClientRequestToken=uuid4().hex)
        except self._client.exceptions.TransactionCanceledException as fault:
            codes = [str(reason["Code"]) for reason in fault.response["CancellationReasons"]]
            if not _PASSING.issuperset(codes):
                raise
            return codes
        return None


def _changed(known: Standing, change: Change) -> Standing:
    """A standing after a change of it."""
    if change.list is None:
        return replace(
            known,
            version=change.version,
            of_age_from=change.of_age_from,
            jurisdiction=change.jurisdiction,
        )
    entries = {name: entry for name, entry in known.entries.items() if name != change.list}
    if change.after is not None:
        entries[change.list] = change.after
    return replace(known, version=change.version, entries=entries)


def _player_partition(property_id: str, player_id: str) -> str:
    return f"{property_id}/player/{player_id}"


def _list_partition(property_id: str, name: ListName) -> str:
    return f"{property_id}/list/{name}"


def standing_key(property_id: str, player_id: str) -> tuple[str, str]:
    """Where a player's standing is: `pk` and `sk`. Whoever delivers an offer checks its version."""
    return _player_partition(property_id, player_id), _STANDING


def _standing_key(property_id: str, player_id: str) -> dict[str, Any]:
    return _key(*standing_key(property_id, player_id))


def _import_key(property_id: str, name: ListName) -> dict[str, Any]:
    return _key(f"{property_id}/lists", f"import/{name}")


def _lists_key(property_id: str) -> dict[str, Any]:
    return _key(f"{property_id}/lists", _LISTS)


def _risk_partition(property_id: str) -> str:
    return f"{property_id}/risk"


def risk_key(property_id: str, player_id: str) -> dict[str, Any]:
    """Where it is said that a player is of high risk."""
    return _key(_risk_partition(property_id), player_id)


def _place(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _standing(item: Mapping[str, Any]) -> Standing:
    try:
        return _standing_decoder.decode(item["body"]["B"])
    except (KeyError, msgspec.MsgspecError) as fault:
        # A newer release's, perhaps. Whoever cannot read it must not take it for an empty one.
        raise UnreadStandingsError(f"{item['pk']['S']}: {fault}") from fault


def _risk(item: Mapping[str, Any]) -> Risk:
    try:
        return _risk_decoder.decode(item["body"]["B"])
    except (KeyError, msgspec.MsgspecError) as fault:
        raise UnreadStandingsError(f"{item['pk']['S']}/{item['sk']['S']}: {fault}") from fault


def _complete_to(item: Mapping[str, Any] | None) -> dict[ListName, int]:
    if item is None:
        return {}
    return {name: int(item[name]["N"]) for name in ListName if name in item}


def _machine(item: Mapping[str, Any]) -> Machine:
    locked, seated = item.get("locked_since"), item.get("seated")
    return Machine(
        None if locked is None else int(locked["N"]), None if seated is None else seated["S"]
    )


def _entry(item: Mapping[str, Any]) -> Entry:
    since, until, added_at = (
        None if value is None else int(value["N"])
        for value in (item["since"], item.get("until"), item["added_at"])
    )
    return Entry(since or 0, until, added_at or 0)


def _entry_attributes(entry: Entry) -> dict[str, Any]:
    numbers = {"since": entry.since, "until": entry.until, "added_at": entry.added_at}
    return {name: {"N": str(value)} for name, value in numbers.items() if value is not None}
