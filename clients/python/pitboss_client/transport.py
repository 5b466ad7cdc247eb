"""Requests over HTTP with the standard library: one connection, kept as long as it is good."""

import http.client
import ssl
import threading
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

MAX_ANSWER_BYTES = 4_000_000


class NoAnswerError(Exception):
    """A request that had no whole answer. Whether it had an effect is not known."""


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes


class Transport(Protocol):
    """Carries requests."""

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body.

        Raises:
            NoAnswerError: there is no whole answer.
        """
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class HttpTransport:
    """Posts over HTTP/1.1, with TLS where the address says so. Safe to share between threads."""

    def __init__(
        self, address: str, timeout: float = 30.0, context: ssl.SSLContext | None = None
    ) -> None:
        """
        Args:
            address: the API's address with its stage, such as https://api.example.com/prod.
            timeout: seconds for each of connecting, sending and reading.
            context: of TLS, where the usual one does not do.

        Raises:
            ValueError: it is no such address.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{address!r} is no http or https address")
        self._host = parts.hostname
        self._port = parts.port
        self._base = parts.path.rstrip("/")
        self._timeout = timeout
        self._context = context or ssl.create_default_context()
        self._is_secure = parts.scheme == "https"
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body.

        Raises:
            NoAnswerError: there is no whole answer. It is never sent again here: who calls knows
                whether it may be.
        """
        with self._lock:
            try:
                return self._post(path, body, headers)
            except (OSError, http.client.HTTPException) as fault:
                self._forget()
                raise NoAnswerError(f"{type(fault).__name__}: {fault}") from fault

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._forget()

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = self._connection or self._connect()
        self._connection = connection
        connection.request("POST", self._base + path, body, dict(headers))
        with connection.getresponse() as response:
            read = response.read(MAX_ANSWER_BYTES)
            if not response.isclosed():
                raise http.client.HTTPException("the answer is too long")
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, read)
            if response.will_close:
                self._forget()
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        if self._is_secure:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # A socket that is cut says so again when it is closed.
            try:
                connection.close()
            except OSError:
                return
