"""DynamoDB in memory, by the rules of its API reference, on the JSON that clients send.

Items are kept as they are on the wire (`{"pk": {"S": "a"}}`, binary in base64), numbers in
DynamoDB's own form: exact decimals of up to 38 digits. Whatever is asked for that the stores do not
use is `UnknownToFake`, never a guess.
"""

import re
from base64 import b64decode
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from workbench.proof import AwsError, UnknownToFake
from workbench.proof.clock import Clock

type Value = dict[str, Any]
"""An attribute's value on the wire: one type and what it holds."""
type Item = dict[str, Value]
"""Never changed in place: a write puts another in its stead."""

ITEM_BYTES = 400 * 1024
PAGE_BYTES = 1024 * 1024
"""Of items that a Query or Scan reads for one page."""

BATCH_BYTES = 16 * 1024 * 1024
TRANSACTION_BYTES = 4 * 1024 * 1024
TRANSACTION_ITEMS = 100
BATCH_KEYS = 100
BATCH_WRITES = 25
HASH_KEY_BYTES = 2048
RANGE_KEY_BYTES = 1024
READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
TOKEN_MS = 10 * 60 * 1000
"""How long a ClientRequestToken is remembered after its transaction."""

PAST_MS = 60_000
"""How far back a table's eventually consistent reads can be made to lag."""


def invalid(message: str) -> AwsError:
    """A request that breaks a rule."""
    return AwsError("ValidationException", message)


def cancelled(reasons: list[dict[str, Any]]) -> AwsError:
    """A transaction that was not written, and why not, item by item."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    return AwsError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


# --- values ---------------------------------------------------------------------------------------

_EXACT = Context(prec=200)
_PLAIN = re.compile(r"-?[1-9][0-9]{0,37}|0", re.ASCII)
_MAX_DIGITS = 38
_MAX_EXPONENT, _MIN_EXPONENT = 125, -130


@lru_cache(maxsize=65_536)
def number(text: str) -> str:
    """A number as DynamoDB gives it back: no leading or trailing zeros, no exponent."""
    if _PLAIN.fullmatch(text):
        return text
    try:
        value = _EXACT.create_decimal(text)
    except InvalidOperation:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from None
    if not value.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    value = value.normalize(_EXACT)
    if value.is_zero():
        return "0"
    if len(value.as_tuple().digits) > _MAX_DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    if value.adjusted() > _MAX_EXPONENT:
        raise invalid("Number overflow. Attempting to store a number with magnitude larger")
    if value.adjusted() < _MIN_EXPONENT:
        raise invalid("Number underflow. Attempting to store a number with magnitude smaller")
    return format(value, "f")


@lru_cache(maxsize=65_536)
def _number_bytes(text: str) -> int:
    digits = text.replace("-", "").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


@lru_cache(maxsize=4096)
def _name_bytes(name: str) -> int:
    return _text_bytes(name)


def _binary_bytes(text: str) -> int:
    return len(text) * 3 // 4 - text.count("=", -2)


_SIZES: dict[str, Callable[[Any], int]] = {
    "S": _text_bytes,
    "N": _number_bytes,
    "B": _binary_bytes,
    "BOOL": lambda value: 1,
    "NULL": lambda value: 1,
    "SS": lambda value: sum(map(_text_bytes, value)),
    "NS": lambda value: sum(map(_number_bytes, value)),
    "L": lambda value: 3 + sum(1 + _value_bytes(one) for one in value),
    "M": lambda value: (
        3 + sum(1 + _text_bytes(name) + _value_bytes(one) for name, one in value.items())
    ),
}


def _value_bytes(value: Value) -> int:
    ((kind, held),) = value.items()
    return _SIZES[kind](held)


def _value(value: Value) -> Value:
    """A value in the form it is stored in."""
    ((kind, held),) = value.items()
    if kind == "N":
        plain = number(held)
        return value if plain == held else {"N": plain}
    if kind in {"SS", "NS"}:
        held = [number(one) for one in held] if kind == "NS" else held
        if not held:
            raise invalid("One or more parameter values were invalid: a set may not be empty")
        if len(set(held)) < len(held):
            raise invalid("One or more parameter values were invalid: collection has duplicates")
        return {kind: sorted(held)}
    if kind == "L":
        return {"L": [_value(one) for one in held]}
    if kind == "M":
        return {"M": {name: _value(one) for name, one in held.items()}}
    if kind not in _SIZES:
        raise UnknownToFake(f"attributes of type {kind}")
    return value


def item_bytes(item: Item) -> int:
    """An item's size by DynamoDB's rule: names in UTF-8, and values by their type."""
    size = 0
    for name, value in item.items():
        ((kind, held),) = value.items()
        size += _name_bytes(name) + _SIZES[kind](held)
    return size


def _comparable(value: Value) -> Any:  # noqa: ANN401 - text, a number or bytes
    ((kind, held),) = value.items()
    if kind == "S":
        return held
    if kind == "N":
        return Decimal(held)
    if kind == "B":
        return b64decode(held)
    raise UnknownToFake(f"an order of {kind} values")


# --- expressions ----------------------------------------------------------------------------------

_RESERVED = """
ABORT ABSOLUTE ACTION ADD AFTER AGENT AGGREGATE ALL ALLOCATE ALTER ANALYZE AND ANY ARCHIVE ARE ARRAY
AS ASC ASCII ASENSITIVE ASSERTION ASYMMETRIC AT ATOMIC ATTACH ATTRIBUTE AUTH AUTHORIZATION AUTHORIZE
AUTO AVG BACK BACKUP BASE BATCH BEFORE BEGIN BETWEEN BIGINT BINARY BIT BLOB BLOCK BOOLEAN BOTH
BREADTH BUCKET BULK BY BYTE CALL CALLED CALLING CAPACITY CASCADE CASCADED CASE CAST CATALOG CHAR
CHARACTER CHECK CLASS CLOB CLOSE CLUSTER CLUSTERED CLUSTERING CLUSTERS COALESCE COLLATE COLLATION
COLLECTION COLUMN COLUMNS COMBINE COMMENT COMMIT COMPACT COMPILE COMPRESS CONDITION CONFLICT CONNECT
CONNECTION CONSISTENCY CONSISTENT CONSTRAINT CONSTRAINTS CONSTRUCTOR CONSUMED CONTINUE CONVERT COPY
CORRESPONDING COUNT COUNTER CREATE CROSS CUBE CURRENT CURSOR CYCLE DATA DATABASE DATE DATETIME DAY
DEALLOCATE DEC DECIMAL DECLARE DEFAULT DEFERRABLE DEFERRED DEFINE DEFINED DEFINITION DELETE
DELIMITED DEPTH DEREF DESC DESCRIBE DESCRIPTOR DETACH DETERMINISTIC DIAGNOSTICS DIRECTORIES DISABLE
DISCONNECT DISTINCT DISTRIBUTE DO DOMAIN DOUBLE DROP DUMP DURATION DYNAMIC EACH ELEMENT ELSE ELSEIF
EMPTY ENABLE END EQUAL EQUALS ERROR ESCAPE ESCAPED EVAL EVALUATE EXCEEDED EXCEPT EXCEPTION
EXCEPTIONS EXCLUSIVE EXEC EXECUTE EXISTS EXIT EXPLAIN EXPLODE EXPORT EXPRESSION EXTENDED EXTERNAL
EXTRACT FAIL FALSE FAMILY FETCH FIELDS FILE FILTER FILTERING FINAL FINISH FIRST FIXED FLATTERN FLOAT
FOR FORCE FOREIGN FORMAT FORWARD FOUND FREE FROM FULL FUNCTION FUNCTIONS GENERAL GENERATE GET GLOB
GLOBAL GO GOTO GRANT GREATER GROUP GROUPING HANDLER HASH HAVE HAVING HEAP HIDDEN HOLD HOUR
IDENTIFIED IDENTITY IF IGNORE IMMEDIATE IMPORT IN INCLUDING INCLUSIVE INCREMENT INCREMENTAL INDEX
INDEXED INDEXES INDICATOR INFINITE INITIALLY INLINE INNER INNTER INOUT INPUT INSENSITIVE INSERT
INSTEAD INT INTEGER INTERSECT INTERVAL INTO INVALIDATE IS ISOLATION ITEM ITEMS ITERATE JOIN KEY KEYS
LAG LANGUAGE LARGE LAST LATERAL LEAD LEADING LEAVE LEFT LENGTH LESS LEVEL LIKE LIMIT LIMITED LINES
LIST LOAD LOCAL LOCALTIME LOCALTIMESTAMP LOCATION LOCATOR LOCK LOCKS LOG LOGED LONG LOOP LOWER MAP
MATCH MATERIALIZED MAX MAXLEN MEMBER MERGE METHOD METRICS MIN MINUS MINUTE MISSING MOD MODE MODIFIES
MODIFY MODULE MONTH MULTI MULTISET NAME NAMES NATIONAL NATURAL NCHAR NCLOB NEW NEXT NO NONE NOT NULL
NULLIF NUMBER NUMERIC OBJECT OF OFFLINE OFFSET OLD ON ONLINE ONLY OPAQUE OPEN OPERATOR OPTION OR
ORDER ORDINALITY OTHER OTHERS OUT OUTER OUTPUT OVER OVERLAPS OVERRIDE OWNER PAD PARALLEL PARAMETER
PARAMETERS PARTIAL PARTITION PARTITIONED PARTITIONS PATH PERCENT PERCENTILE PERMISSION PERMISSIONS
PIPE PIPELINED PLAN POOL POSITION PRECISION PREPARE PRESERVE PRIMARY PRIOR PRIVATE PRIVILEGES
PROCEDURE PROCESSED PROJECT PROJECTION PROPERTY PROVISIONING PUBLIC PUT QUERY QUIT QUORUM RAISE
RANDOM RANGE RANK RAW READ READS REAL REBUILD RECORD RECURSIVE REDUCE REF REFERENCE REFERENCES
REFERENCING REGEXP REGION REINDEX RELATIVE RELEASE REMAINDER RENAME REPEAT REPLACE REQUEST RESET
RESIGNAL RESOURCE RESPONSE RESTORE RESTRICT RESULT RETURN RETURNING RETURNS REVERSE REVOKE RIGHT
ROLE ROLES ROLLBACK ROLLUP ROUTINE ROW ROWS RULE RULES SAMPLE SATISFIES SAVE SAVEPOINT SCAN SCHEMA
SCOPE SCROLL SEARCH SECOND SECTION SEGMENT SEGMENTS SELECT SELF SEMI SENSITIVE SEPARATE SEQUENCE
SERIALIZABLE SESSION SET SETS SHARD SHARE SHARED SHORT SHOW SIGNAL SIMILAR SIZE SKEWED SMALLINT
SNAPSHOT SOME SOURCE SPACE SPACES SPARSE SPECIFIC SPECIFICTYPE SPLIT SQL SQLCODE SQLERROR
SQLEXCEPTION SQLSTATE SQLWARNING START STATE STATIC STATUS STORAGE STORE STORED STREAM STRING STRUCT
STYLE SUB SUBMULTISET SUBPARTITION SUBSTRING SUBTYPE SUM SUPER SYMMETRIC SYNONYM SYSTEM TABLE
TABLESAMPLE TEMP TEMPORARY TERMINATED TEXT THAN THEN THROUGHPUT TIME TIMESTAMP TIMEZONE TINYINT TO
TOKEN TOTAL TOUCH TRAILING TRANSACTION TRANSFORM TRANSLATE TRANSLATION TREAT TRIGGER TRIM TRUE
TRUNCATE TTL TUPLE TYPE UNDER UNDO UNION UNIQUE UNIT UNKNOWN UNLOGGED UNNEST UNPROCESSED UNSIGNED
UNTIL UPDATE UPPER URL USAGE USE USER USERS USING UUID VACUUM VALUE VALUED VALUES VARCHAR VARIABLE
VARIANCE VARINT VARYING VIEW VIEWS VIRTUAL VOID WAIT WHEN WHENEVER WHERE WHILE WINDOW WITH WITHIN
WITHOUT WORK WRAPPED WRITE YEAR ZONE
"""
RESERVED_WORDS = frozenset(_RESERVED.split())
"""Words that may not be attribute names in an expression, as the developer guide lists them."""

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[#:]?[A-Za-z_0-9]+)|(?P<sign><>|<=|>=|[=<>(),+\-.\[\]]))", re.ASCII
)
_SIGNS = frozenset({"=", "<>", "<", "<=", ">", ">="})

type Node = tuple[Any, ...]


class Expression(NamedTuple):
    """A parsed expression, and the placeholders it uses."""

    node: Any
    names: frozenset[str]
    values: frozenset[str]
    paths: frozenset[str]


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise invalid(f"Invalid expression: Syntax error; near: {text[at : at + 20]!r}")
            self.tokens.append(found["name"] or found["sign"])
            at = found.end()
        self.at = 0
        self.names: set[str] = set()
        self.values: set[str] = set()
        self.paths: set[str] = set()

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        found = self.take()
        if found.upper() != token:
            raise invalid(f"Invalid expression: Syntax error; token: {found!r}, not {token}")

    def word(self, *words: str) -> bool:
        """Take the next token if it is one of these keywords."""
        if self.next.upper() in words:
            self.at += 1
            return True
        return False

    def done(self, node: object) -> Expression:
        if self.next:
            raise invalid(f"Invalid expression: Syntax error; token: {self.next!r}")
        return Expression(
            node, frozenset(self.names), frozenset(self.values), frozenset(self.paths)
        )

    def path(self) -> str:
        token = self.take()
        if token.startswith("#"):
            self.names.add(token)
        elif not token or not (token[0].isalpha()):
            raise invalid(f"Invalid expression: Syntax error; token: {token!r}")
        elif token.upper() in RESERVED_WORDS:
            raise invalid(
                "Invalid expression: Attribute name is a reserved keyword; reserved keyword: "
                + token
            )
        if self.next in {".", "["}:
            raise UnknownToFake(f"paths within attributes: {self.text}")
        self.paths.add(token)
        return token

    def operand(self) -> Node:
        if self.next.startswith(":"):
            self.values.add(self.next)
            return ("value", self.take())
        if self.tokens[self.at + 1 : self.at + 2] == ["("]:
            raise UnknownToFake(f"{self.next}() as an operand: {self.text}")
        return ("path", self.path())

    # Conditions.

    def condition(self) -> Node:
        left = self.conjunction()
        while self.word("OR"):
            left = ("or", left, self.conjunction())
        return left

    def conjunction(self) -> Node:
        left = self.negation()
        while self.word("AND"):
            left = ("and", left, self.negation())
        return left

    def negation(self) -> Node:
        if self.word("NOT"):
            return ("not", self.negation())
        if self.next == "(":
            self.take()
            inner = self.condition()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> Node:
        if self.tokens[self.at + 1 : self.at + 2] == ["("]:
            function = self.take()
            self.take()
            if function in {"attribute_exists", "attribute_not_exists"}:
                node: Node = (function, self.path())
            elif function == "begins_with":
                left = self.operand()
                self.expect(",")
                node = (function, left, self.operand())
            else:
                raise UnknownToFake(f"{function}(): {self.text}")
            self.expect(")")
            return node
        left = self.operand()
        if self.word("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            return ("between", left, low, self.operand())
        if self.word("IN"):
            self.expect("(")
            choices = [self.operand()]
            while self.word(","):
                choices.append(self.operand())
            self.expect(")")
            return ("in", left, choices)
        sign = self.take()
        if sign not in _SIGNS:
            raise invalid(f"Invalid expression: Syntax error; token: {sign!r}")
        return (sign, left, self.operand())

    # Updates.

    def update(self) -> list[Node]:
        actions: list[Node] = []
        clauses: set[str] = set()
        while self.next:
            clause = self.take().upper()
            if clause in clauses:
                raise invalid(f"Invalid UpdateExpression: The {clause} section can only be once")
            clauses.add(clause)
            actions.append(self.action(clause))
            while self.word(","):
                actions.append(self.action(clause))
        if not actions:
            raise invalid("Invalid UpdateExpression: The expression can not be empty;")
        return actions

    def action(self, clause: str) -> Node:
        path = self.path()
        if clause == "SET":
            self.expect("=")
            left = self.addend()
            if self.next in {"+", "-"}:
                return ("set", path, (self.take(), left, self.addend()))
            return ("set", path, left)
        if clause == "REMOVE":
            return ("remove", path)
        if clause == "ADD":
            return ("add", path, self.operand())
        if clause == "DELETE":
            raise UnknownToFake(f"DELETE from a set: {self.text}")
        raise invalid(f"Invalid UpdateExpression: Syntax error; token: {clause!r}")

    def addend(self) -> Node:
        if self.next == "if_not_exists" and self.tokens[self.at + 1 : self.at + 2] == ["("]:
            self.at += 2
            path = self.path()
            self.expect(",")
            node = ("if_not_exists", path, self.addend())
            self.expect(")")
            return node
        return self.operand()


@lru_cache(maxsize=1024)
def _parsed_condition(text: str) -> Expression:
    parser = _Parser(text)
    return parser.done(parser.condition())


@lru_cache(maxsize=1024)
def _parsed_update(text: str) -> Expression:
    parser = _Parser(text)
    return parser.done(parser.update())


@lru_cache(maxsize=1024)
def _parsed_projection(text: str) -> Expression:
    parser = _Parser(text)
    paths = [parser.path()]
    while parser.word(","):
        paths.append(parser.path())
    return parser.done(paths)


class _Bound:
    """The expressions of one request, with what their placeholders stand for."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.names: dict[str, str] = request.get("ExpressionAttributeNames") or {}
        self.values: dict[str, Value] = {
            name: _value(value)
            for name, value in (request.get("ExpressionAttributeValues") or {}).items()
        }
        self.condition = self._parse(_parsed_condition, request.get("ConditionExpression"))
        self.filter = self._parse(_parsed_condition, request.get("FilterExpression"))
        self.key = self._parse(_parsed_condition, request.get("KeyConditionExpression"))
        self.update = self._parse(_parsed_update, request.get("UpdateExpression"))
        projection = self._parse(_parsed_projection, request.get("ProjectionExpression"))
        self.projection: list[str] | None = (
            None if projection is None else [self.name(path) for path in projection.node]
        )
        expressions = (self.condition, self.filter, self.key, self.update, projection)
        used = [expression for expression in expressions if expression is not None]
        if not used and (self.names or self.values):
            raise invalid("ExpressionAttributeNames can only be specified when using expressions")
        for kind, given, wanted in (
            ("names", self.names, {name for one in used for name in one.names}),
            ("values", self.values, {name for one in used for name in one.values}),
        ):
            if given.keys() != wanted:
                if missing := wanted - given.keys():
                    raise invalid(f"Invalid expression: attribute {kind} not defined: {missing}")
                raise invalid(
                    f"ExpressionAttribute{kind.title()} unused in expressions: keys: "
                    f"{given.keys() - wanted}"
                )

    @staticmethod
    def _parse(parse: Callable[[str], Expression], text: str | None) -> Expression | None:
        return None if text is None else parse(text)

    @property
    def paths(self) -> set[str]:
        """The attributes that the filter names."""
        assert self.filter is not None
        return {self.name(path) for path in self.filter.paths}

    def name(self, path: str) -> str:
        return self.names[path] if path[0] == "#" else path

    def operand(self, node: Node, item: Item) -> Value | None:
        return self.values[node[1]] if node[0] == "value" else item.get(self.name(node[1]))

    def holds(self, item: Item | None) -> bool:
        """Whether the request's condition holds for the stored item."""
        return self.condition is None or self.true(self.condition.node, item or {})

    def true(self, node: Node, item: Item) -> bool:
        """A condition's value for an item."""
        kind = node[0]
        if kind == "and":
            return self.true(node[1], item) and self.true(node[2], item)
        if kind == "or":
            return self.true(node[1], item) or self.true(node[2], item)
        if kind == "not":
            return not self.true(node[1], item)
        if kind == "attribute_exists":
            return self.name(node[1]) in item
        if kind == "attribute_not_exists":
            return self.name(node[1]) not in item
        left = self.operand(node[1], item)
        if kind == "in":
            return any(self._compared("=", left, self.operand(one, item)) for one in node[2])
        right = self.operand(node[2], item)
        if kind == "begins_with":
            return _begins_with(left, right)
        if kind == "between":
            return self._compared(">=", left, right) and self._compared(
                "<=", left, self.operand(node[3], item)
            )
        return self._compared(kind, left, right)

    @staticmethod
    def _compared(sign: str, left: Value | None, right: Value | None) -> bool:
        if sign == "<>":
            return left != right
        if left is None or right is None:
            return False
        if sign == "=":
            return left == right
        if left.keys() != right.keys():
            return False
        one, other = _comparable(left), _comparable(right)
        if sign == "<":
            return bool(one < other)
        if sign == "<=":
            return bool(one <= other)
        if sign == ">":
            return bool(one > other)
        return bool(one >= other)

    def updated(self, item: Item, keys: Iterable[str]) -> Item:
        """The item as the update leaves it. Every operand is read from the item as it was."""
        assert self.update is not None
        actions = [(node[0], self.name(node[1]), node) for node in self.update.node]
        paths = [path for _, path, _ in actions]
        if len(set(paths)) < len(paths):
            raise invalid("Invalid UpdateExpression: Two document paths overlap with each other")
        for key in keys:
            if key in paths:
                raise invalid(f"Cannot update attribute {key}. This attribute is part of the key")
        new = dict(item)
        for action, path, node in actions:
            if action == "remove":
                new.pop(path, None)
            elif action == "set":
                new[path] = self._assigned(node[2], item)
            else:
                added = self.operand(node[2], item)
                new[path] = _sum("+", item.get(path, {"N": "0"}), added)
        return new

    def _assigned(self, node: Node, item: Item) -> Value:
        kind = node[0]
        if kind in {"+", "-"}:
            return _sum(kind, self._assigned(node[1], item), self._assigned(node[2], item))
        if kind == "if_not_exists":
            return item.get(self.name(node[1])) or self._assigned(node[2], item)
        value = self.operand(node, item)
        if value is None:
            raise _StoredItemFault(
                "The provided expression refers to an attribute that does not exist in the item"
            )
        return value


class _StoredItemFault(AwsError):
    """A fault that depends on the stored item: in a transaction, a reason of cancellation."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


def _sum(sign: str, left: Value, right: Value | None) -> Value:
    if right is None or "N" not in right:
        if right is not None and ("SS" in right or "NS" in right or "BS" in right):
            raise UnknownToFake("ADD to a set")
        raise invalid("Invalid UpdateExpression: Incorrect operand type for operator or function")
    if "N" not in left:
        raise _StoredItemFault("An operand in the update expression has an incorrect data type")
    other = right["N"] if sign == "+" else _EXACT.minus(Decimal(right["N"]))
    try:
        return {"N": number(str(int(left["N"]) + int(other)))}
    except ValueError:
        return {"N": number(str(_EXACT.add(Decimal(left["N"]), Decimal(other))))}


def _begins_with(left: Value | None, right: Value | None) -> bool:
    if left is None or right is None or left.keys() != right.keys():
        return False
    one, other = _comparable(left), _comparable(right)
    return bool(one.startswith(other))


# --- tables ---------------------------------------------------------------------------------------


class _Partition:
    __slots__ = ("items", "order", "sizes")

    def __init__(self) -> None:
        self.order: list[Any] = []  # sort keys, comparable
        self.items: dict[Any, Item] = {}
        self.sizes: dict[Any, int] = {}  # of the items, in bytes


type _Key = tuple[str, Any]


class Index(NamedTuple):
    """A global secondary index that projects all attributes. An item without its keys is not in it;
    several items may have the same.
    """

    name: str
    hash_key: str
    range_key: str
    types: dict[str, str]


class Table:
    """A table: its items, by partition and sort key."""

    def __init__(
        self,
        name: str,
        hash_key: str,
        range_key: str | None,
        types: dict[str, str],
        clock: Clock,
        indexes: Iterable[Index] = (),
    ) -> None:
        self.name = name
        self.indexes = {index.name: index for index in indexes}
        self.hash_key = hash_key
        self.range_key = range_key
        self.keys = (hash_key,) if range_key is None else (hash_key, range_key)
        self.types = types
        self.lag_ms = 0
        """How old what an eventually consistent read sees may be; reads see it so old."""
        self.writes = 0
        """Items written or deleted."""
        self._clock = clock
        self._partitions: dict[str, _Partition] = {}
        self._past: dict[_Key, list[tuple[int, Item | None]]] = {}  # until when an item was so

    # Reading.

    def key(self, given: Item, *, whole: bool = True) -> _Key:
        """An item's place.

        Raises:
            AwsError: the key is not of the table's schema.
        """
        if whole and given.keys() != set(self.keys):
            raise invalid("The provided key element does not match the schema")
        held = []
        for name in self.keys:
            value = given.get(name)
            if value is None:
                raise invalid(
                    f"One or more parameter values were invalid: Missing the key {name} in the item"
                )
            ((kind, content),) = value.items()
            if kind != self.types[name]:
                raise invalid(
                    "One or more parameter values were invalid: Type mismatch for key "
                    f"{name} expected: {self.types[name]} actual: {kind}"
                )
            if content == "":
                raise invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key "
                    f"attribute cannot contain an empty string value. Key: {name}"
                )
            limit = HASH_KEY_BYTES if name == self.hash_key else RANGE_KEY_BYTES
            if _SIZES[kind](content) > limit:
                raise invalid(
                    "One or more parameter values were invalid: Size of hashkey or rangekey has "
                    f"exceeded the maximum size limit of {limit} bytes"
                )
            held.append(value)
        ((_, partition),) = _value(held[0]).items()
        return partition, "" if self.range_key is None else _comparable(held[1])

    def get(self, key: _Key, *, consistent: bool = True) -> Item | None:
        """The item of a key; as it was `lag_ms` ago where the read is eventually consistent."""
        partition = self._partitions.get(key[0])
        item = None if partition is None else partition.items.get(key[1])
        if consistent or not self.lag_ms:
            return item
        return self._then(key, item)

    def _then(self, key: _Key, item: Item | None) -> Item | None:
        assert self.lag_ms <= PAST_MS
        moment = self._clock.now_ms - self.lag_ms
        for until, old in self._past.get(key, ()):
            if until > moment:
                return old
        return item

    def partition(self, hash_value: str, *, consistent: bool) -> tuple[list[Any], list[Item]]:
        """A partition's sort keys and items, in order."""
        found = self._partitions.get(hash_value)
        if consistent or not self.lag_ms:
            if found is None:
                return [], []
            return found.order, [found.items[sort] for sort in found.order]
        sorts = {key[1] for key in self._past if key[0] == hash_value}
        sorts |= set(found.order if found is not None else ())
        seen = [
            (sort, item)
            for sort in sorted(sorts)
            if (item := self.get((hash_value, sort), consistent=False)) is not None
        ]
        return [sort for sort, _ in seen], [item for _, item in seen]

    def listed(self, index: Index, hash_value: str) -> tuple[list[Any], list[Item]]:
        """Sort keys and items of an index's partition, in order. An index is read `lag_ms` late."""
        keys: Iterable[_Key] = (
            (name, sort) for name, held in self._partitions.items() for sort in held.order
        )
        found = []
        for key in {*keys, *self._past} if self.lag_ms else keys:
            item = self.get(key, consistent=False) or {}
            if index.range_key in item and item.get(index.hash_key) == {"S": hash_value}:
                found.append((_comparable(item[index.range_key]), key, item))
        found.sort(key=lambda one: one[:2])
        return [sort for sort, _, _ in found], [item for _, _, item in found]

    def check_indexed(self, item: Item) -> None:
        """Refuse an item that an index cannot hold.

        Raises:
            AwsError: a key of an index is of another type, or empty.
        """
        for index in self.indexes.values():
            for name in (index.hash_key, index.range_key):
                if name not in item:
                    continue
                ((kind, content),) = item[name].items()
                if kind != index.types[name] or content == "":
                    raise invalid(
                        "One or more parameter values were invalid: Type mismatch for Index Key "
                        f"{name} Expected: {index.types[name]} Actual: {kind} IndexName: "
                        f"{index.name}"
                    )

    @property
    def partitions(self) -> list[str]:
        """Partition keys, in order."""
        return sorted(self._partitions)

    def items(self) -> list[Item]:
        """Every item, by its key."""
        return [
            item
            for hash_value in self.partitions
            for item in self.partition(hash_value, consistent=True)[1]
        ]

    def snapshot(self) -> list[bytes]:
        """Every item by its key, as canonical JSON: two tables can be compared byte by byte."""
        return [msgspec.json.encode(item, order="sorted") for item in self.items()]

    # Writing.

    def size(self, key: _Key) -> int:
        """Bytes of the item that is stored; 0 for none."""
        partition = self._partitions.get(key[0])
        return 0 if partition is None else partition.sizes.get(key[1], 0)

    def put(self, key: _Key, item: Item | None, size: int | None = None) -> None:
        """Store an item, whose size may be known, or delete it (None)."""
        hash_value, sort = key
        partition = self._partitions.get(hash_value)
        old = None if partition is None else partition.items.get(sort)
        if old is None and item is None:
            return
        self.writes += 1
        past = self._past.setdefault(key, [])
        now = self._clock.now_ms
        while past and past[0][0] <= now - PAST_MS:
            del past[0]
        past.append((now, old))
        if item is None:
            assert partition is not None
            del partition.items[sort], partition.sizes[sort]
            partition.order.remove(sort)
            if not partition.order:
                del self._partitions[hash_value]
            return
        if partition is None:
            partition = self._partitions[hash_value] = _Partition()
        if old is None:
            insort(partition.order, sort)
        partition.items[sort] = item
        partition.sizes[sort] = item_bytes(item) if size is None else size


class _Write(NamedTuple):
    """One item's write: what it will be is worked out before anything is stored."""

    table: Table
    key: _Key
    kind: str
    item: Item | None
    """What is put; for an update, the key's attributes."""
    size: int
    """Bytes of what is put."""
    bound: _Bound
    returns: str

    def check(self, old: Item | None) -> bool:
        return self.bound.holds(old)

    def result(self, old: Item | None) -> tuple[Item | None, int]:
        """The item after the write, and its size."""
        if self.kind == "Delete":
            return None, 0
        if self.kind == "ConditionCheck":
            return old, self.table.size(self.key)
        assert self.item is not None
        if self.kind == "Put":
            self.table.check_indexed(self.item)
            return self.item, self.size
        new = old or self.item
        if self.bound.update is not None:
            new = self.bound.updated(new, self.table.keys)
            self.table.check_indexed(new)
        size = item_bytes(new)
        if size > ITEM_BYTES:
            raise _StoredItemFault("Item size to update has exceeded the maximum allowed size")
        return new, size


_EXPRESSION = frozenset({"ExpressionAttributeNames", "ExpressionAttributeValues"})
_CONDITIONAL = _EXPRESSION | {"ConditionExpression", "ReturnValuesOnConditionCheckFailure"}
_READS = frozenset({"ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"})
_PARAMETERS = {
    "GetItem": {"TableName", "Key"} | _READS,
    "BatchGetItem": {"RequestItems"},
    "BatchWriteItem": {"RequestItems"},
    "Query": {"TableName", "KeyConditionExpression", "FilterExpression", "Limit"}
    | {"ScanIndexForward", "ExclusiveStartKey", "Select", "IndexName"}
    | _READS
    | _EXPRESSION,
    "Scan": {"TableName", "FilterExpression", "Limit", "ExclusiveStartKey"} | _READS | _EXPRESSION,
    "PutItem": {"TableName", "Item", "ReturnValues"} | _CONDITIONAL,
    "UpdateItem": {"TableName", "Key", "UpdateExpression", "ReturnValues"} | _CONDITIONAL,
    "DeleteItem": {"TableName", "Key", "ReturnValues"} | _CONDITIONAL,
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
    "CreateTable": {"TableName", "KeySchema", "AttributeDefinitions", "BillingMode"}
    | {"GlobalSecondaryIndexes"},
    "DeleteTable": {"TableName"},
    "DescribeTable": {"TableName"},
}
_ACTIONS = {
    "Put": {"TableName", "Item"} | _CONDITIONAL,
    "Update": {"TableName", "Key", "UpdateExpression"} | _CONDITIONAL,
    "Delete": {"TableName", "Key"} | _CONDITIONAL,
    "ConditionCheck": {"TableName", "Key"} | _CONDITIONAL,
}


def _known(what: str, given: dict[str, Any], known: set[str] | frozenset[str]) -> None:
    if not known >= given.keys():
        raise UnknownToFake(f"{what} with {sorted(given.keys() - known)}")


class DynamoDB:
    """The service: its tables, and its answers."""

    def __init__(self, clock: Clock) -> None:
        self.tables: dict[str, Table] = {}
        self._clock = clock
        self.units: defaultdict[tuple[str, str], float] = defaultdict(float)
        """Capacity units consumed, by table and operation; a half for what is read late."""
        self._used: dict[str, float] = {}
        self._tokens: dict[str, tuple[int, Any]] = {}  # when it was completed, what it asked

    def create_table(
        self,
        name: str,
        hash_key: str,
        range_key: str | None = None,
        types: dict[str, str] | None = None,
        indexes: dict[str, tuple[str, str]] | None = None,
    ) -> Table:
        """A new table, at once active; keys are strings unless `types` says otherwise.

        `indexes` are global secondary ones by name: their hash and range keys.
        """
        keys = [hash_key] if range_key is None else [hash_key, range_key]
        kinds = {key: (types or {}).get(key, "S") for key in keys}
        found = [
            Index(index, *of, {key: (types or {}).get(key, "S") for key in of})
            for index, of in (indexes or {}).items()
        ]
        self.tables[name] = Table(name, hash_key, range_key, kinds, self._clock, found)
        return self.tables[name]

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """What the service answers, its effect done.

        Raises:
            AwsError: it refuses.
            UnknownToFake: the fake has no rule for the request.
        """
        known = _PARAMETERS.get(operation)
        if known is None:
            raise UnknownToFake(f"DynamoDB {operation}")
        _known(operation, request, known | {"ReturnConsumedCapacity"})
        self._used = {}
        found: dict[str, Any] = getattr(self, f"_{operation}")(request)
        for name, units in self._used.items():
            self.units[name, operation] += units
        if request.get("ReturnConsumedCapacity", "NONE") != "NONE":
            used = [{"TableName": name, "CapacityUnits": n} for name, n in self._used.items()]
            several = "TableName" not in request
            found["ConsumedCapacity"] = used if several else (used[0] if used else {})
        return found

    def _read_units(self, table: Table, size: int, *, consistent: bool) -> None:
        units = max(-(-size // READ_UNIT_BYTES), 1) * (1 if consistent else 0.5)
        self._used[table.name] = self._used.get(table.name, 0) + units

    def _write_units(self, table: Table, size: int, times: int = 1) -> None:
        units = max(-(-size // WRITE_UNIT_BYTES), 1) * times
        self._used[table.name] = self._used.get(table.name, 0) + units

    def answer_in_part(
        self,
        operation: str,
        request: dict[str, Any],
        entries: tuple[int, ...] | None,
        code: str,
        stored: bool,
    ) -> dict[str, Any]:
        """The answer to a batch of which these entries, or the second half, were left undone."""
        if operation not in {"BatchGetItem", "BatchWriteItem"}:
            raise UnknownToFake(f"{operation} is not done in part")
        wanted = request["RequestItems"]
        reads = operation == "BatchGetItem"
        every = [
            (table, one)
            for table, asked in wanted.items()
            for one in (asked["Keys"] if reads else asked)
        ]
        left = set(range(len(every) // 2, len(every)) if entries is None else entries)
        parts: tuple[dict[str, list[Any]], ...] = ({}, {})  # done, and left undone
        for index, (table, one) in enumerate(every):
            parts[index in left].setdefault(table, []).append(one)
        done, rest = parts
        if not done and rest:
            raise AwsError("ProvisionedThroughputExceededException", "none could be processed")
        if not reads:
            found = self.answer(operation, {**request, "RequestItems": done})
            found["UnprocessedItems"] = rest
            return found
        items = {table: {**wanted[table], "Keys": keys} for table, keys in done.items()}
        found = self.answer(operation, {**request, "RequestItems": items})
        for table, missed in found["UnprocessedKeys"].items():
            rest.setdefault(table, []).extend(missed["Keys"])
        found["UnprocessedKeys"] = {
            table: {**wanted[table], "Keys": keys} for table, keys in rest.items()
        }
        return found

    def _table(self, name: str) -> Table:
        table = self.tables.get(name)
        if table is None:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return table

    # Tables.

    def _CreateTable(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = request["TableName"]
        if name in self.tables:
            raise AwsError("ResourceInUseException", f"Table already exists: {name}")
        keys = {key["KeyType"]: key["AttributeName"] for key in request["KeySchema"]}
        types = {
            one["AttributeName"]: one["AttributeType"] for one in request["AttributeDefinitions"]
        }
        indexes = {}
        for index in request.get("GlobalSecondaryIndexes", ()):
            _known("an index", index, {"IndexName", "KeySchema", "Projection"})
            of = {key["KeyType"]: key["AttributeName"] for key in index["KeySchema"]}
            if index["Projection"] != {"ProjectionType": "ALL"} or len(of) < 2:
                raise UnknownToFake(f"an index such as {index}")
            indexes[index["IndexName"]] = (of["HASH"], of["RANGE"])
        used = {*keys.values(), *(key for of in indexes.values() for key in of)}
        if types.keys() != used:
            raise invalid("Number of attributes in KeySchema does not match AttributeDefinitions")
        self.create_table(name, keys["HASH"], keys.get("RANGE"), types, indexes)
        return {"TableDescription": self._described(name)}

    def _DeleteTable(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._table(request["TableName"])
        described = self._described(request["TableName"])
        del self.tables[request["TableName"]]
        return {"TableDescription": described}

    def _DescribeTable(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._table(request["TableName"])
        return {"Table": self._described(request["TableName"])}

    def _described(self, name: str) -> dict[str, Any]:
        table = self.tables[name]
        return {
            "TableName": name,
            "TableStatus": "ACTIVE",
            "KeySchema": [
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(table.keys, ("HASH", "RANGE"), strict=False)
            ],
            "AttributeDefinitions": [
                {"AttributeName": key, "AttributeType": kind} for key, kind in table.types.items()
            ],
        }

    # Reading.

    def _GetItem(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        table, bound = self._table(request["TableName"]), _Bound(request)
        consistent = request.get("ConsistentRead") is True
        item = table.get(table.key(request["Key"]), consistent=consistent)
        self._read_units(table, item_bytes(item or {}), consistent=consistent)
        return {} if item is None else {"Item": _projected(item, bound)}

    def _BatchGetItem(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        asked = request["RequestItems"]
        count = sum(len(one["Keys"]) for one in asked.values())
        if not 1 <= count <= BATCH_KEYS:
            raise invalid("Too many items requested for the BatchGetItem call")
        responses: dict[str, list[Item]] = {}
        unprocessed: dict[str, Any] = {}
        size = 0
        for name, one in asked.items():
            _known("BatchGetItem", one, {"Keys"} | _READS)
            table, bound = self._table(name), _Bound(one)
            keys = [table.key(key) for key in one["Keys"]]
            if len(set(keys)) < len(keys):
                raise invalid("Provided list of item keys contains duplicates")
            found = responses.setdefault(name, [])
            consistent = one.get("ConsistentRead") is True
            of_partition: dict[str, int] = {}
            for key, given in zip(keys, one["Keys"], strict=True):
                item = table.get(key, consistent=consistent)
                if item is None:
                    self._read_units(table, 0, consistent=consistent)
                    continue
                its_size = item_bytes(item)
                in_partition = of_partition.get(key[0], 0) + its_size
                # Up to 16 MB an answer, and 1 MB of each partition.
                if size + its_size > BATCH_BYTES or (
                    in_partition > PAGE_BYTES and in_partition > its_size
                ):
                    unprocessed.setdefault(name, {**one, "Keys": []})["Keys"].append(given)
                    continue
                self._read_units(table, its_size, consistent=consistent)
                size += its_size
                of_partition[key[0]] = in_partition
                found.append(_projected(item, bound))
        return {"Responses": responses, "UnprocessedKeys": unprocessed}

    def _Query(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        table, bound = self._table(request["TableName"]), _Bound(request)
        if bound.key is None:
            raise invalid("Either the KeyConditions or KeyConditionExpression must be specified")
        index = self._index(table, request)
        keyed = table if index is None else index
        if bound.filter is not None and not {keyed.hash_key, keyed.range_key}.isdisjoint(
            bound.paths
        ):
            raise invalid("Filter Expression can only contain non-primary key attributes")
        hash_value, sort_condition = self._key_condition(keyed, bound)
        consistent = request.get("ConsistentRead") is True
        if index is None:
            order, items = table.partition(hash_value, consistent=consistent)
        else:
            order, items = table.listed(index, hash_value)
        first, last = _range(sort_condition, order)
        chosen = items[first:last]
        sorts = order[first:last]
        if request.get("ScanIndexForward") is False:
            chosen, sorts = chosen[::-1], sorts[::-1]
        start = request.get("ExclusiveStartKey")
        if start is not None and index is not None:
            chosen = _after(table, index, start, hash_value, chosen, request)
        elif start is not None:
            begun, after = table.key(start)
            if begun != hash_value:
                raise invalid("The provided starting key is outside query boundaries")
            backward = request.get("ScanIndexForward") is False
            skip = next(
                (i for i, sort in enumerate(sorts) if (sort < after if backward else sort > after)),
                len(sorts),
            )
            chosen = chosen[skip:]
        keys = table.keys if index is None else (*table.keys, index.hash_key, index.range_key)
        return self._page(table, chosen, request, bound, keys)

    def _index(self, table: Table, request: dict[str, Any]) -> Index | None:
        name = request.get("IndexName")
        if name is None:
            return None
        index = table.indexes.get(name)
        if index is None:
            raise invalid(f"The table does not have the specified index: {name}")
        if request.get("ConsistentRead") is True:
            raise invalid("Consistent reads are not supported on global secondary indexes")
        return index

    def _Scan(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        table, bound = self._table(request["TableName"]), _Bound(request)
        start = request.get("ExclusiveStartKey")
        begun = None if start is None else table.key(start)
        consistent = request.get("ConsistentRead") is True
        # Taken as far as the page goes: there may be many pages.
        chosen = (
            item
            for hash_value in table.partitions
            if begun is None or hash_value >= begun[0]
            for sort, item in zip(*table.partition(hash_value, consistent=consistent), strict=True)
            if begun is None or (hash_value, sort) > begun
        )
        return self._page(table, chosen, request, bound, table.keys)

    def _key_condition(self, table: Table | Index, bound: _Bound) -> tuple[str, Node | None]:
        assert bound.key is not None
        node = bound.key.node
        parts = [node[1], node[2]] if node[0] == "and" else [node]
        hash_value: str | None = None
        sort: Node | None = None
        for part in parts:
            if part[0] in {"and", "or", "not", "in", "<>"} or part[1][0] != "path":
                raise invalid("Query key condition not supported")
            name = bound.name(part[1][1])
            given = [bound.operand(operand, {}) for operand in part[2:]]
            values = [value for value in given if value is not None]
            for value in values:
                if name in table.types and [*value] != [table.types[name]]:
                    raise invalid("One or more parameter values were invalid: Condition type")
            if name == table.hash_key and part[0] == "=" and hash_value is None:
                ((_, hash_value),) = values[0].items()
            elif name == table.range_key and sort is None:
                sort = (part[0], *[_comparable(value) for value in values])
            else:
                raise invalid(f"Query condition missed key schema element: {table.hash_key}")
        if hash_value is None:
            raise invalid(f"Query condition missed key schema element: {table.hash_key}")
        return hash_value, sort

    def _page(
        self,
        table: Table,
        chosen: Iterable[Item],
        request: dict[str, Any],
        bound: _Bound,
        keys: tuple[str, ...],
    ) -> dict[str, Any]:
        limit = request.get("Limit")
        if limit is not None and limit < 1:
            raise invalid("Limit must be greater than or equal to 1")
        if request.get("Select") not in {None, "ALL_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT"}:
            raise UnknownToFake(f"Select {request['Select']}")
        read: list[Item] = []
        size = 0
        last: Item | None = None
        for item in chosen:
            its_size = item_bytes(item)
            if read and size + its_size > PAGE_BYTES:
                last = read[-1]
                break
            size += its_size
            read.append(item)
            if len(read) == limit:
                last = item  # there may be no more: a caller finds out by asking
                break
        self._read_units(table, size, consistent=request.get("ConsistentRead") is True)
        seen = [
            _projected(item, bound)
            for item in read
            if bound.filter is None or bound.true(bound.filter.node, item)
        ]
        page: dict[str, Any] = {"Items": seen, "Count": len(seen), "ScannedCount": len(read)}
        if request.get("Select") == "COUNT":
            del page["Items"]
        if last is not None:
            page["LastEvaluatedKey"] = {key: last[key] for key in keys}
        return page

    # Writing.

    def _write(self, kind: str, request: dict[str, Any]) -> _Write:
        """What one item's request asks for, checked as far as it can be without the item."""
        table, bound = self._table(request["TableName"]), _Bound(request)
        if kind == "Put":
            item = {name: _value(value) for name, value in request["Item"].items()}
            key = table.key(item, whole=False)
            size = item_bytes(item)
            if size > ITEM_BYTES:
                raise invalid("Item size has exceeded the maximum allowed size")
        else:
            key = table.key(request["Key"])
            size = 0
            item = {name: _value(value) for name, value in request["Key"].items()}
        if kind == "ConditionCheck" and bound.condition is None:
            raise invalid("The ConditionExpression is required")
        returns = request.get("ReturnValuesOnConditionCheckFailure", "NONE")
        return _Write(table, key, kind, item, size, bound, returns)

    def _write_one(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        write = self._write(kind, request)
        old = write.table.get(write.key)
        if not write.check(old):
            shown: dict[str, Any] = {"Item": old} if write.returns == "ALL_OLD" and old else {}
            raise AwsError(
                "ConditionalCheckFailedException", "The conditional request failed", **shown
            )
        before = write.table.size(write.key)
        new, size = write.result(old)
        write.table.put(write.key, new, size)
        self._write_units(write.table, max(before, size))
        returned = {"ALL_OLD": old, "ALL_NEW": new, "NONE": None}
        wanted = request.get("ReturnValues", "NONE")
        if wanted not in returned or (wanted == "ALL_NEW" and kind != "Update"):
            raise UnknownToFake(f"{kind} with ReturnValues {wanted}")
        found = returned[wanted]
        return {} if found is None else {"Attributes": found}

    def _PutItem(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._write_one("Put", request)

    def _UpdateItem(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._write_one("Update", request)

    def _DeleteItem(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._write_one("Delete", request)

    def _BatchWriteItem(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        writes = []
        for name, asked in request["RequestItems"].items():
            for one in asked:
                ((kind, given),) = one.items()
                writes.append(
                    self._write(kind.removesuffix("Request"), {"TableName": name, **given})
                )
        if not 1 <= len(writes) <= BATCH_WRITES:
            raise invalid("Too many items requested for the BatchWriteItem call")
        if len({(write.table.name, write.key) for write in writes}) < len(writes):
            raise invalid("Provided list of item keys contains duplicates")
        for write in writes:
            before = write.table.size(write.key)
            new, size = write.result(None)
            write.table.put(write.key, new, size)
            self._write_units(write.table, max(before, size))
        return {"UnprocessedItems": {}}

    def _TransactWriteItems(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        asked = request["TransactItems"]
        if not 1 <= len(asked) <= TRANSACTION_ITEMS:
            raise invalid(
                "1 validation error detected: Value at 'transactItems' failed to satisfy "
                f"constraint: Member must have length less than or equal to {TRANSACTION_ITEMS}"
            )
        token = request.get("ClientRequestToken")
        if token is not None and self._is_done(token, asked):
            return {}
        writes = list(self._transaction(asked))
        if len({(write.table.name, write.key) for write in writes}) < len(writes):
            raise invalid("Transaction request cannot include multiple operations on one item")
        results: list[tuple[Item | None, int]] = []
        reasons: list[dict[str, Any]] = []
        units: list[int] = []
        size = 0
        for write in writes:
            old = write.table.get(write.key)
            before = write.table.size(write.key)
            reason: dict[str, Any] = {"Code": "None"}
            new, after = old, before
            if not write.check(old):
                reason = {
                    "Code": "ConditionalCheckFailed",
                    "Message": "The conditional request failed",
                }
                if write.returns == "ALL_OLD" and old is not None:
                    reason["Item"] = old
            else:
                try:
                    new, after = write.result(old)
                except _StoredItemFault as fault:
                    reason = {"Code": "ValidationError", "Message": fault.message}
            reasons.append(reason)
            results.append((new, after))
            size += after or before
            units.append(max(after, before))
        if size > TRANSACTION_BYTES:
            raise invalid("Collective size of items in a transaction cannot exceed 4MB")
        if any(reason["Code"] != "None" for reason in reasons):
            raise cancelled(reasons)
        for write, (new, after), larger in zip(writes, results, units, strict=True):
            self._write_units(write.table, larger, times=2)
            if write.kind != "ConditionCheck":
                write.table.put(write.key, new, after)
        if token is not None:
            self._tokens[token] = (self._clock.now_ms, asked)
        return {}

    def _transaction(self, asked: list[dict[str, Any]]) -> Iterator[_Write]:
        for one in asked:
            if len(one) != 1:
                raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
            ((kind, given),) = one.items()
            if kind not in _ACTIONS:
                raise UnknownToFake(f"{kind} in a transaction")
            _known(kind, given, _ACTIONS[kind])
            yield self._write(kind, given)

    def _is_done(self, token: str, asked: object) -> bool:
        """Whether a transaction of this token was written within the last 10 minutes."""
        found = self._tokens.get(token)
        if found is None or self._clock.now_ms - found[0] > TOKEN_MS:
            return False
        if found[1] != asked:
            raise AwsError("IdempotentParameterMismatchException", "the request has changed")
        return True


def _projected(item: Item, bound: _Bound) -> Item:
    if bound.projection is None:
        return item
    return {name: item[name] for name in bound.projection if name in item}


def _after(
    table: Table,
    index: Index,
    start: Item,
    hash_value: str,
    chosen: list[Item],
    request: dict[str, Any],
) -> list[Item]:
    """Of an index's items in the order of a Query, those behind the one it starts after."""
    if start.keys() != {*table.keys, index.hash_key, index.range_key}:
        raise invalid("The provided starting key is invalid")
    if start[index.hash_key] != {"S": hash_value}:
        raise invalid("The provided starting key is outside query boundaries")
    is_backward = request.get("ScanIndexForward") is False

    def place(item: Item) -> tuple[Any, _Key]:
        key = {name: item[name] for name in table.keys}
        return _comparable(item[index.range_key]), table.key(key)

    after = place(start)
    return [
        item for item in chosen if (place(item) < after if is_backward else place(item) > after)
    ]


def _range(condition: Node | None, order: list[Any]) -> tuple[int, int]:
    """Where, in sorted keys, those lie that a sort key's condition names."""
    if condition is None:
        return 0, len(order)
    sign, value = condition[0], condition[1]
    if sign == "between":
        if condition[2] < value:
            raise invalid("The BETWEEN operator requires upper bound to be at least lower bound")
        return bisect_left(order, value), bisect_right(order, condition[2])
    if sign == "begins_with":
        first = bisect_left(order, value)
        last = first
        while last < len(order) and order[last].startswith(value):
            last += 1
        return first, last
    low = bisect_left(order, value)
    high = bisect_right(order, value)
    return {
        "=": (low, high),
        "<": (0, low),
        "<=": (0, high),
        ">": (high, len(order)),
        ">=": (low, len(order)),
    }[sign]
