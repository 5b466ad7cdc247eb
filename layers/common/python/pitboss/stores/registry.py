"""The registry of keys in DynamoDB: one item a principal, `pk` its id.

Applications of games are in the same table (`pitboss.stores.applications`), by keys with a slash,
which no principal's id has.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import PutError, UpdateError
from pynamodb.models import Model

from pitboss.access import ALL_ASSETS, Algorithm, Credential, Kind, Principal, Status
from pitboss.errors import TerminalError


class KnownPrincipalError(TerminalError):
    """An id that is registered. One that was revoked is not given out again."""

    def __init__(self, principal_id: str) -> None:
        super().__init__(f"{principal_id} is registered already, or was and is revoked")


class UnknownPrincipalError(TerminalError):
    """An id that was never registered."""

    def __init__(self, principal_id: str) -> None:
        super().__init__(f"{principal_id} is not registered")


class Keys(NamedTuple):
    """AWS credentials, for a caller that does not have them in its environment."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class _Item(Model):
    pk = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute()
    property_id = UnicodeAttribute()
    assets = UnicodeSetAttribute()
    scopes = UnicodeSetAttribute()
    public_key = UnicodeAttribute()
    algorithm = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = NumberAttribute()
    revoked_at = NumberAttribute(null=True)


def _model(table: str, region: str, endpoint: str | None, keys: Keys | None) -> type[_Item]:
    meta = {
        "table_name": table,
        "region": region,
        "host": endpoint,
        "max_retry_attempts": 4,
        "connect_timeout_seconds": 2,
        "read_timeout_seconds": 3,
    }
    if keys is not None:
        meta |= {
            "aws_access_key_id": keys.access_key_id,
            "aws_secret_access_key": keys.secret_access_key,
            "aws_session_token": keys.session_token,
        }
    return type("RegistryItem", (_Item,), {"Meta": type("Meta", (), meta)})


class DynamoRegistry:
    """The registered keys of a stack. Every read is strongly consistent."""

    def __init__(
        self, table: str, region: str, endpoint: str | None = None, keys: Keys | None = None
    ) -> None:
        """
        Args:
            table: its name.
            region: where it is.
            endpoint: the address of DynamoDB where it is not AWS's own or the environment's.
            keys: credentials where they are not the environment's.
        """
        self._item = _model(table, region, endpoint, keys)

    def find(self, principal_id: str) -> Credential | None:
        """A principal's credential, revoked or not; None where it was never registered."""
        try:
            return _credential(self._item.get(principal_id, consistent_read=True))
        except self._item.DoesNotExist:
            return None

    def register(self, credential: Credential) -> None:
        """Keep a new credential.

        Raises:
            KnownPrincipalError: the id is taken, also by one that is revoked.
            InvalidPrincipalError: more assets than an authorizer can hand on.
        """
        principal = credential.principal
        principal.to_context()
        item = self._item(
            principal.principal_id,
            kind=str(principal.kind),
            property_id=principal.property_id,
            assets=set(principal.assets or {ALL_ASSETS}),
            scopes=set(principal.scopes),
            public_key=credential.public_key_pem,
            algorithm=str(credential.algorithm),
            status=str(credential.status),
            created_at=credential.created_at,
            revoked_at=credential.revoked_at,
        )
        try:
            item.save(condition=self._item.pk.does_not_exist())
        except PutError as fault:
            if fault.cause_response_code == "ConditionalCheckFailedException":
                raise KnownPrincipalError(principal.principal_id) from None
            raise

    def revoke(self, principal_id: str, at: int) -> Credential:
        """Refuse the principal from now on; the second time changes nothing.

        Args:
            principal_id: whose key.
            at: epoch milliseconds.

        Raises:
            UnknownPrincipalError: there is no such principal.
        """
        item = self._item(principal_id)
        try:
            item.update(
                [
                    self._item.status.set(str(Status.REVOKED)),
                    self._item.revoked_at.set(self._item.revoked_at | at),
                ],
                condition=self._item.pk.exists(),
            )
        except UpdateError as fault:
            if fault.cause_response_code == "ConditionalCheckFailedException":
                raise UnknownPrincipalError(principal_id) from None
            raise
        return _credential(item)

    def credentials(self) -> Iterator[Credential]:
        """Every credential, revoked ones included, in no order. Reads the whole table."""
        found = self._item.scan(self._item.public_key.exists(), consistent_read=True)
        return map(_credential, found)


def _credential(item: _Item) -> Credential:
    return Credential(
        Principal(
            item.pk,
            Kind(item.kind),
            item.property_id,
            None if item.assets == {ALL_ASSETS} else frozenset(item.assets),
            frozenset(item.scopes),
        ),
        item.public_key,
        Algorithm(item.algorithm),
        Status(item.status),
        int(item.created_at),
        None if item.revoked_at is None else int(item.revoked_at),
    )
