"""The shufflers' PostgreSQL: one engine and one connection a container, and its errors by kind.

    database = Database(DatabaseAddress.of(settings), connect_seconds=20)
    with database.begin() as connection:  # a transaction, committed at the end
        connection.execute(insert(ShufflerEventRow), rows)
    with database.connection() as connection:  # a snapshot to read from
        ...

A function logs in as a database role of its own, with what `functions/migrate_database/roles.py`
grants it: on Aurora by a token that its IAM role signs, elsewhere by a password from a secret.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import psycopg
import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pitboss.errors import TerminalError, TransientError

type Tls = Literal["verify-full", "require", "disable"]
"""Whether the server has to prove its name, has only to encrypt, or neither."""

RDS_AUTHORITIES = Path(__file__).with_name("rds-authorities.pem")
"""The authorities that sign for RDS and Aurora in every region, of AWS's trust store."""

_UNREACHABLE_MS = 10_000
"""How long sent data may wait to be acknowledged: a container may have slept for minutes, and the
other end be gone without a word."""

_PASSING = ("08", "40", "53", "55P03", "57", "58")
"""SQLSTATE classes and codes of what passes: connections, conflicts and deadlocks, no resources,
locks, shutdowns and cancelled statements, its disk.
https://www.postgresql.org/docs/16/errcodes-appendix.html"""

_REFUSALS = ("authentication failed", "no pg_hba.conf entry", "does not exist", "not permitted")
"""What a server says to who may not log in; libpq gives no SQLSTATE for it."""

_SHOWN_CHARACTERS = 300


class DatabaseUnavailable(TransientError):
    """The database cannot be reached, is busy, or gave way to another transaction."""

    def __init__(self, place: str, cause: str) -> None:
        super().__init__(f"{place}: {cause}")


class DatabaseRefused(TerminalError):
    """The database is there, and lets this role not log in."""

    def __init__(self, place: str, cause: str) -> None:
        super().__init__(f"{place}: {cause}")


class DatabaseFault(TerminalError):
    """A statement is wrong, not allowed, or against a constraint. Its values are not named."""

    def __init__(self, place: str, sqlstate: str | None, cause: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(f"{place}: {sqlstate or 'no SQLSTATE'}: {cause}")


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """The variables of every function that has a database; a function's `Settings` inherit them."""

    database_host: str
    database_port: int
    database_name: str
    database_user: str
    """The role that the function logs in as."""
    database_password_secret: str | None = None
    """The secret with its password, bare or as RDS writes it; without one the function's IAM role
    signs a token.
    """
    database_tls: Tls = "verify-full"
    aws_region: str


class _HasSecret(Protocol):
    def __call__(self, secret_id: str, region: str, /) -> str: ...


@dataclass(frozen=True, kw_only=True)
class DatabaseAddress:
    """A database, and who logs in to it."""

    host: str
    port: int
    name: str
    user: str
    password: Callable[[], str]
    """Asked for whenever a connection is made."""
    tls: Tls

    @classmethod
    def of(
        cls, settings: DatabaseSettings, secret_text: _HasSecret | None = None
    ) -> "DatabaseAddress":
        """The address that settings say. A secret is read when the first connection is made."""
        region = settings.aws_region
        host, port, user = settings.database_host, settings.database_port, settings.database_user
        secret = settings.database_password_secret

        def password() -> str:
            from pitboss.stores import secrets

            if secret is None:
                return iam_token(host, port, user, region)
            return _password_in((secret_text or secrets.secret_text)(secret, region))

        return cls(
            host=host,
            port=port,
            name=settings.database_name,
            user=user,
            password=password,
            tls=settings.database_tls,
        )

    def __str__(self) -> str:
        return f"{self.user} at {self.host}:{self.port}/{self.name}"


class Database:
    """One database, over one connection that is made when it is first needed.

    A connection that has died is found out before it is used, and made anew.
    """

    def __init__(
        self,
        address: DatabaseAddress,
        *,
        connect_seconds: int = 10,
        statement_seconds: int = 60,
    ) -> None:
        """Nothing is connected yet.

        Args:
            connect_seconds: how long a connection may take; Aurora needs about 15 s to resume
                after a pause.
            statement_seconds: after which the server ends a statement.
        """
        self.address = address
        self._engine = _engine(address, connect_seconds, statement_seconds)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back where anything is raised.

        Raises:
            DatabaseUnavailable: nothing is known to have been written.
            DatabaseRefused, DatabaseFault: nothing was written.
        """
        with self._errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One consistent sight of the database, for reading alone.

        Raises:
            DatabaseUnavailable, DatabaseRefused, DatabaseFault: it could not be read.
        """
        with self._errors(), self._reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let the connection go."""
        self._engine.dispose()

    @property
    def _reader(self) -> Engine:
        return self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Errors of SQLAlchemy as the kinds of this module."""
        place = str(self.address)
        try:
            yield
        except PoolTimeout as fault:  # two threads of a container, one connection
            raise DatabaseUnavailable(place, "its one connection is in use") from fault
        except DBAPIError as fault:
            raise _named(place, fault.orig or fault) from fault
        except psycopg.Error as fault:  # of what is done by the driver itself
            raise _named(place, fault) from fault
        except SQLAlchemyError as fault:
            raise DatabaseFault(place, None, _first_line(fault)) from fault


def _password_in(secret: str) -> str:
    """A secret's password: RDS keeps those that it manages in `{"username", "password"}`."""
    if not secret.startswith("{"):
        return secret
    password: str = json.loads(secret)["password"]
    return password


def iam_token(host: str, port: int, user: str, region: str) -> str:
    """What a role that has `rds_iam` logs in with, good for 15 minutes; signed here, over no wire.

    As `generate_db_auth_token` of botocore's RDS client, whose service model is not shipped.
    """
    import botocore.session
    from botocore.awsrequest import prepare_request_dict
    from botocore.model import ServiceId
    from botocore.signers import RequestSigner

    session = botocore.session.get_session()
    signer = RequestSigner(
        ServiceId("RDS"),
        region,
        "rds-db",
        "v4",
        session.get_credentials(),  # type: ignore[arg-type]
        session.get_component("event_emitter"),
    )
    request: dict[str, Any] = {
        "url_path": "/",
        "query_string": "",
        "headers": {},
        "body": {"Action": "connect", "DBUser": user},
        "method": "GET",
    }
    prepare_request_dict(request, f"https://{host}:{port}")
    url: str = signer.generate_presigned_url(
        request_dict=request,
        operation_name="connect",
        region_name=region,
        expires_in=900,
        signing_name="rds-db",
    )
    return url.removeprefix("https://")


def _engine(address: DatabaseAddress, connect_seconds: int, statement_seconds: int) -> Engine:
    tls: dict[str, str] = {"sslmode": address.tls}
    if address.tls == "verify-full":
        tls["sslrootcert"] = str(_authorities(address.host))
    engine = sqlalchemy.create_engine(
        URL.create(
            "postgresql+psycopg",
            username=address.user,
            host=address.host,
            port=address.port,
            database=address.name,
        ),
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=connect_seconds,
        connect_args={
            **tls,
            "connect_timeout": connect_seconds,
            "application_name": "pitboss",
            "tcp_user_timeout": _UNREACHABLE_MS,
            "options": f"-c statement_timeout={statement_seconds * 1000} -c timezone=UTC",
        },
    )

    @event.listens_for(engine, "do_connect")
    def _log_in(
        _dialect: object, _record: object, _arguments: object, parameters: dict[str, object]
    ) -> None:
        parameters["password"] = address.password()

    return engine


def _authorities(host: str) -> Path:
    """Whose signature proves the name of a server."""
    if host.endswith((".rds.amazonaws.com", ".rds.amazonaws.com.cn")):
        return RDS_AUTHORITIES
    import botocore

    return Path(botocore.__file__).with_name("cacert.pem")  # what AWS's own clients trust


def _named(place: str, fault: BaseException) -> TransientError | TerminalError:
    sqlstate: str | None = getattr(fault, "sqlstate", None)
    text = _first_line(fault)
    if sqlstate is None and isinstance(fault, psycopg.OperationalError):
        if any(refusal in text for refusal in _REFUSALS):
            return DatabaseRefused(place, text)
        return DatabaseUnavailable(place, text)
    if (sqlstate or "").startswith(_PASSING):
        return DatabaseUnavailable(place, f"{sqlstate}: {text}")
    return DatabaseFault(place, sqlstate, text)


def _first_line(fault: BaseException) -> str:
    """What is wrong, without the row that it is about: that is in the lines after."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:_SHOWN_CHARACTERS]
