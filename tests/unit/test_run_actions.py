"""Actions of thresholds: what a post says, where it may go, and what becomes of it."""

import json
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pitboss.metrics.webhooks import (
    MAX_WAIT_SECONDS,
    WAITS,
    Answer,
    Became,
    Status,
    Webhook,
    became,
    faults_of_url,
    is_public,
    secret_of,
    shown,
    signed,
    wait_seconds,
)
from pitboss.stores.webhooks import DynamoWebhooks, WebhookPosts
from run_actions import handler as lambda_handler
from run_actions.service import Message, RunActions
from tests.contract.test_template import FUNCTIONS, TEMPLATE
from tests.fakes.network import tables
from tests.receiving import answering, receiver
from tests.sample_events import load, notice
from workbench.console import moment

NOW = 1_780_000_000
KEY = "the stack's"
OPS = Webhook(name="ops", url="https://hooks.example/pitboss", salt="a1", added_at=NOW - 60)
POSTED = {"webhook": "ops"}
PAUSE = {"function": "pitboss-action-pause"}


# --- what a post says, and what an answer means ---------------------------------------------------


def test_a_post_is_signed_as_the_specification_has_it() -> None:
    """Source: the vector of the specification's own libraries, libraries/python/tests."""
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert shown(secret) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_each_webhook_has_a_secret_of_its_own_and_another_when_it_is_added_anew() -> None:
    made = {
        secret_of(key, property_id, name, salt)
        for key in ("k-1", "k-2")
        for property_id in ("north", "east")
        for name in ("ops", "on-call")
        for salt in ("a", "b")
    }
    assert (len(made), {len(one) for one in made}) == (16, {32})


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *((code, Became.DONE) for code in (200, 204, 299)),
        *((code, Became.LATER) for code in (408, 425, 429, 500, 502, 503, 504)),
        *((code, Became.REFUSED) for code in (301, 302, 307, 400, 401, 404, 422)),
        (410, Became.GONE),
    ],
)
def test_a_status_says_whether_it_is_tried_again(status: int, meaning: Became) -> None:
    assert became(status) is meaning


@settings(max_examples=50)
@given(
    st.integers(1, 20),
    st.one_of(st.none(), st.text("0123-:, GMTuh", max_size=20), st.integers(0, 10**12)),
)
def test_a_try_waits_no_less_than_it_would_and_no_longer_than_the_queue_can(
    tries: int, asked: str | int | None
) -> None:
    wait = wait_seconds(tries, None if asked is None else str(asked), NOW)
    assert WAITS[min(tries, len(WAITS)) - 1] <= wait <= MAX_WAIT_SECONDS
    if isinstance(asked, int) and asked <= MAX_WAIT_SECONDS:
        assert wait >= asked


def test_a_date_to_wait_for_is_understood() -> None:
    # 2026-05-28 20:26:40 UTC is NOW
    assert moment(NOW * 1_000) == "2026-05-28 20:26:40"
    assert wait_seconds(1, "Thu, 28 May 2026 20:36:40 GMT", NOW) == 600
    assert wait_seconds(1, "Thu, 28 May 2026 20:36:40 -0000", NOW) == 600
    assert wait_seconds(1, "Thu, 28 May 2020 20:36:40 GMT", NOW) == WAITS[0]


def test_there_are_tries_for_an_hour_and_as_many_as_the_queue_gives() -> None:
    redrive = TEMPLATE["Resources"]["ActionsToRun"]["Properties"]["RedrivePolicy"]

    assert len(WAITS) == redrive["maxReceiveCount"] >= 5
    assert sum(WAITS[:4]) > 3_600, "before the fifth try"
    hidden = TEMPLATE["Resources"]["ActionsToRun"]["Properties"]["VisibilityTimeout"]
    assert hidden == 6 * FUNCTIONS["RunActionsFunction"]["Timeout"]


# --- where it may go ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255"),
        *("192.0.2.1", "198.18.0.1", "240.0.0.1"),
    ],
)
def test_no_address_but_a_public_one_is_posted_to(address: str) -> None:
    assert not is_public(address)

    posts = WebhookPosts(addresses=lambda host, port: ["93.184.215.14", address])
    answer = posts.post("https://hooks.example/", {}, b"")

    assert answer == Answer(Became.REFUSED, "not a public address")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hooks.example/", "url begins with https://"),
        ("ftp://hooks.example/", "url begins with https://"),
        ("https://", "url names no host"),
        ("https://[::1]/", "url names a host by name, or by IPv4"),
        ("https://jo:pw@hooks.example/", "url has no user, password or fragment"),
        ("https://hooks.example/#top", "url has no user, password or fragment"),
        ("https://hooks.example/\r\nX: y", "characters, of printable ASCII"),
        ("https://hooks.example:99999/", "url is no address"),
        (f"https://hooks.example/{'a' * 2_000}", "at most 2,000 characters"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(url: str, said: str) -> None:
    assert any(said in fault for fault in faults_of_url(url, loopback=False))


def test_an_address_without_tls_is_one_for_this_machine_alone() -> None:
    assert list(faults_of_url("https://hooks.example:8443/a?b=c", loopback=False)) == []
    assert list(faults_of_url("http://127.0.0.1:8000/", loopback=True)) == []
    posts = WebhookPosts(loopback=True, addresses=lambda host, port: ["93.184.215.14"])
    assert posts.post("http://hooks.example/", {}, b"").became is Became.REFUSED
    at_home = WebhookPosts().post("http://127.0.0.1:9/", {}, b"")
    assert at_home == Answer(Became.REFUSED, "not a public address")


# --- a post, to a server of this machine ----------------------------------------------------------


def test_a_post_comes_whole_and_its_answer_is_understood() -> None:
    with receiver(answering(503, Retry_After="7")) as (port, seen):
        url = f"http://127.0.0.1:{port}/in?a=1"
        answer = WebhookPosts(loopback=True).post(url, {"webhook-id": "n-1"}, b'{"a":1}')

    assert answer == Answer(Became.LATER, "503", "7")
    ((path, headers, body),) = seen
    assert (path, headers["webhook-id"], body) == ("/in?a=1", "n-1", b'{"a":1}')
    assert headers["Host"] == f"127.0.0.1:{port}"


def test_no_redirection_is_followed() -> None:
    with receiver(answering(204)) as (inside, not_seen):
        away = answering(307, Location=f"http://127.0.0.1:{inside}/")
        with receiver(away) as (port, seen):
            answer = WebhookPosts(loopback=True).post(f"http://127.0.0.1:{port}/", {}, b"")

    assert (answer.became, len(seen), not_seen) == (Became.REFUSED, 1, [])


def test_nobody_is_waited_for_who_answers_a_byte_at_a_time_or_never_ends() -> None:
    closed = threading.Event()

    def dripping(handler: BaseHTTPRequestHandler) -> None:
        while not closed.wait(0.02):
            handler.wfile.write(b"H")

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not closed.is_set():
            handler.wfile.write(b"x" * 65_536)

    with receiver(dripping) as (slow, _), receiver(endless) as (long, _):
        posts = WebhookPosts(loopback=True, seconds=0.3)
        answers = [posts.post(f"http://127.0.0.1:{port}/", {}, b"") for port in (slow, long)]
        closed.set()

    assert answers == [Answer(Became.LATER, "no answer in time"), Answer(Became.DONE, "200")]


def test_who_is_not_reached_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        answer = WebhookPosts(loopback=True).post(f"http://127.0.0.1:{port}/", {}, b"")
    assert answer.became is Became.LATER

    def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror

    assert WebhookPosts(addresses=nobody).post(OPS.url, {}, b"").became is Became.LATER


def test_a_receiver_proves_by_tls_that_it_is_the_host_that_was_named(tmp_path: Path) -> None:
    authority, server = tmp_path / "authority.pem", tmp_path / "server.pem"
    _make_certificate("hooks.example", authority, server)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(server)
    with receiver(answering(204), tls) as (port, seen):

        def answered(host: str, authorities: Path | None) -> Answer:
            posts = WebhookPosts(
                loopback=True,
                addresses=lambda host, port: ["127.0.0.1"],
                authorities=None if authorities is None else str(authorities),
            )
            return posts.post(f"https://{host}:{port}/", {}, b"")

        assert answered("hooks.example", authority) == Answer(Became.DONE, "204")
        assert answered("other.example", authority).became is Became.LATER
        assert answered("hooks.example", None).became is Became.LATER
    assert len(seen) == 1


def _make_certificate(host: str, authority: Path, server: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    authority.write_bytes(made)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server.write_bytes(secret + made)


# --- a message ------------------------------------------------------------------------------------


class Outside:
    """Posts and functions that answer as they are told, and a queue that notes what is asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.started: list[tuple[str, bytes]] = []
        self.sent: list[str] = []
        self.hidden: list[tuple[str, int]] = []
        self.aside: list[str] = []

    def post(self, url: str, headers: Any, body: bytes) -> Answer:
        self.posts.append((url, dict(headers), body))
        return self.answers.pop(0)

    def start(self, function: str, body: bytes) -> Answer:
        self.started.append((function, body))
        return self.answers.pop(0)

    def send(self, bodies: Any) -> None:
        self.sent += bodies

    def hide(self, receipt: str, seconds: int) -> None:
        self.hidden.append((receipt, seconds))

    def set_aside(self, body: str) -> None:
        self.aside.append(body)


WEBHOOKS = DynamoWebhooks("metrics", "us-east-1")
"""One for all tests: its client takes long to make."""


@pytest.fixture
def webhooks() -> Iterator[DynamoWebhooks]:
    with tables(NOW * 1_000, "metrics"):
        yield WEBHOOKS


def runner(webhooks: DynamoWebhooks, outside: Outside) -> RunActions:
    return RunActions(webhooks, outside, outside, outside, lambda: KEY, lambda: NOW)


def test_a_notice_is_posted_signed_and_the_post_is_kept(webhooks: DynamoWebhooks) -> None:
    webhooks.add("north", OPS)
    outside = Outside(Answer(Became.DONE, "204"))

    ran = runner(webhooks, outside)(Message(notice(POSTED), "r-1", 1))

    assert ran is not None
    ((url, headers, body),) = outside.posts
    said = json.loads(body)
    assert (url, said) == (OPS.url, json.loads(notice()))
    assert headers["webhook-id"] == said["notice_id"]
    signature = signed(secret_of(KEY, "north", "ops", "a1"), said["notice_id"], NOW, body)
    assert headers.items() >= signature.items()
    found = webhooks.find("north", "ops")
    assert found is not None
    assert found.last is not None
    assert (found.last.became, found.last.answer, found.last.at) == (Became.DONE, "204", NOW)
    assert (outside.hidden, outside.aside) == ([], [])


def test_each_action_has_a_message_of_its_own(webhooks: DynamoWebhooks) -> None:
    outside = Outside(Answer(Became.DONE, "202"))
    run = runner(webhooks, outside)

    assert run(Message(notice(POSTED, PAUSE), "r-1", 1)) is None
    assert outside.sent == [replaced(notice(POSTED)), replaced(notice(PAUSE))]
    run(Message(outside.sent[1], "r-2", 1))

    assert outside.started == [("pitboss-action-pause", replaced(notice()).encode())]
    assert outside.posts == []


def replaced(said: str) -> str:
    """The same without blanks."""
    return json.dumps(json.loads(said), separators=(",", ":"))


def test_what_fails_in_passing_waits_longer_and_longer(webhooks: DynamoWebhooks) -> None:
    webhooks.add("north", OPS)
    outside = Outside(
        Answer(Became.LATER, "503"), Answer(Became.LATER, "429", "900"), Answer(Became.LATER, "503")
    )
    run = runner(webhooks, outside)

    for tries in (1, 2, 3):
        run(Message(notice(POSTED), f"r-{tries}", tries))

    assert outside.hidden == [("r-1", 5), ("r-2", 900), ("r-3", 1_800)]
    assert {headers["webhook-id"] for _, headers, _ in outside.posts} == {
        json.loads(notice())["notice_id"]
    }
    assert outside.aside == []


def test_what_fails_for_good_is_set_aside_at_once(webhooks: DynamoWebhooks) -> None:
    outside = Outside(Answer(Became.REFUSED, "404"), Answer(Became.REFUSED, "no function"))
    run = runner(webhooks, outside)

    run(Message(notice(POSTED), "r-1", 1))  # nobody has registered it
    assert (outside.posts, outside.aside) == ([], [notice(POSTED)])
    webhooks.add("north", OPS)
    run(Message(notice(POSTED), "r-2", 1))
    run(Message(notice(PAUSE), "r-3", 1))

    assert outside.aside == [notice(POSTED), notice(POSTED), notice(PAUSE)]
    assert outside.hidden == []


def test_who_is_gone_is_posted_to_no_more_until_it_is_added_anew(webhooks: DynamoWebhooks) -> None:
    webhooks.add("north", OPS)
    outside = Outside(Answer(Became.GONE, "410"), Answer(Became.DONE, "200"))
    run = runner(webhooks, outside)

    for _ in range(2):
        run(Message(notice(POSTED), "r-1", 1))
    (found,) = webhooks.all("north")
    assert (found.status, len(outside.posts)) == (Status.DISABLED, 1)
    assert found.last is not None
    assert found.last.answer == "410"
    assert (outside.hidden, outside.aside) == ([], [])

    webhooks.add("north", replace(OPS, salt="b2"))
    run(Message(notice(POSTED), "r-1", 1))
    assert len(outside.posts) == 2


def test_what_came_of_a_post_is_not_kept_of_a_webhook_that_took_its_place(
    webhooks: DynamoWebhooks,
) -> None:
    webhooks.add("north", OPS)

    class Meanwhile(Outside):
        def post(self, url: str, headers: Any, body: bytes) -> Answer:
            webhooks.add("north", replace(OPS, salt="b2"))
            return super().post(url, headers, body)

    runner(webhooks, Meanwhile(Answer(Became.GONE, "410")))(Message(notice(POSTED), "r-1", 1))

    (found,) = webhooks.all("north")
    assert (found.status, found.last) == (Status.ACTIVE, None)
    webhooks.remove("north", "ops")
    assert webhooks.all("north") == []


# --- the handler ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", load("run_actions"))
def test_samples_are_run(
    case: str, webhooks: DynamoWebhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks.add("north", OPS)
    outside = Outside(Answer(Became.LATER, "503"))
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: runner(webhooks, outside))
    event = load("run_actions")[case]
    again = [
        {"itemIdentifier": one["messageId"]}
        for one in event["Records"]
        if "odd" in one["body"] or "webhook" in one["body"]
    ]

    assert lambda_handler.handler(event, SimpleNamespace()) == {"batchItemFailures": again}
    assert len(again) == (case != "nothing_to_do")
    assert len(outside.hidden) == (case == "webhook")


def test_neither_secret_nor_address_is_in_what_is_told(
    webhooks: DynamoWebhooks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    webhooks.add("north", OPS)
    outside = Outside(Answer(Became.DONE, "204"))
    monkeypatch.setattr(lambda_handler, "_wiring", lambda: runner(webhooks, outside))

    lambda_handler.handler(load("run_actions")["webhook"], SimpleNamespace())

    told = capsys.readouterr().out
    assert "ActionsDone" in told
    secret = secret_of(KEY, "north", "ops", "a1")
    assert not any(one in told for one in (OPS.url, shown(secret), secret.hex(), KEY))
