"""Signing in as the page does, through the pages of the user pool of an embedded AWS."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx

from workbench import page


class Tokens(NamedTuple):
    """What a sign-in comes to."""

    id_token: str
    access_token: str
    refresh_token: str


class NotSignedInError(Exception):
    """The pool's page says why not."""


class _Form(HTMLParser):
    """The hidden fields of a page, and what it says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"] or ""] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        self.text += data


def code_of(username: str, password: str, verifier: str, **changed: str) -> str:
    """An authorization code, by typing a name and a password into the pool's page.

    Raises:
        NotSignedInError: the page refuses them, or the request for a code.
    """
    where = page.config()
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": where["client_id"],
        "redirect_uri": where["redirect_uri"],
        "scope": "openid",
        "state": secrets.token_urlsafe(),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    } | changed
    with httpx.Client(timeout=30) as browser:
        form = browser.get(where["authorization_endpoint"], params=asked)
        if form.status_code != httpx.codes.OK:
            raise NotSignedInError(form.headers.get("location") or form.text)
        typed = _Form(form.text).fields | {"username": username, "password": password}
        login = where["authorization_endpoint"].replace("/oauth2/authorize", "/login")
        answer = browser.post(login, data=typed)
    if answer.status_code != httpx.codes.FOUND:
        raise NotSignedInError(_Form(answer.text).text)
    assert answer.headers["location"].startswith(where["redirect_uri"])
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["state"] == [asked["state"]]
    return query["code"][0]


def token_answer(**form: str) -> httpx.Response:
    """What the token endpoint says."""
    where = page.config()
    data = {"client_id": where["client_id"], **form}
    return httpx.post(where["token_endpoint"], data=data, timeout=30)


def signed_in(username: str, password: str) -> Tokens:
    """Sign in by the authorization code flow with PKCE."""
    verifier = secrets.token_urlsafe(48)
    answer = token_answer(
        grant_type="authorization_code",
        code=code_of(username, password, verifier),
        code_verifier=verifier,
        redirect_uri=page.config()["redirect_uri"],
    )
    said: dict[str, Any] = answer.raise_for_status().json()
    return Tokens(said["id_token"], said["access_token"], said["refresh_token"])
