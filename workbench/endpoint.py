"""Which AWS the workbench talks to, decided in this one place.

In this order:

1. `--profile NAME` or an environment other than `local`: that real account.
2. `AWS_ENDPOINT_URL`: whatever answers there.
3. The local stack that `pitboss up` started.
4. `LOCALSTACK_HOST`: LocalStack, as localstack-client finds it.

Everything else in the workbench, in the tests and in the benchmarks calls `client`,
`stack_outputs` and `api_url`, and so runs against any of them.
"""

import os
import re
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench import emulator
from workbench.console import WorkbenchError

if TYPE_CHECKING:
    import boto3

DEFAULT_REGION = "us-east-1"
# What an emulator accepts from a caller that has no credentials.
_ANY_CREDENTIALS = "test"


def environment() -> str:
    """The environment of samconfig.toml in use: `local`, `dev` or `prod`."""
    return os.environ.get("PITBOSS_ENV", "local")


def stack_name() -> str:
    """The CloudFormation stack of the environment."""
    return f"pitboss-{environment()}"


_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


@dataclass(frozen=True)
class Target:
    """One AWS to talk to. `endpoint` None is the real one; credentials None are the ambient."""

    endpoint: str | None
    region: str | None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None

    def variables(self) -> dict[str, str]:
        """The target as environment variables, for programs such as `sam`.

        They stand alone: a caller removes its own AWS variables first.
        """
        values = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_PROFILE": self.profile,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }
        return {name: value for name, value in values.items() if value}


def _foreign(endpoint: str) -> Target:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    ambient = "AWS_ACCESS_KEY_ID" in os.environ or "AWS_PROFILE" in os.environ
    return Target(
        endpoint=endpoint.rstrip("/"),
        region=region or DEFAULT_REGION,
        access_key_id=None if ambient else _ANY_CREDENTIALS,
        secret_access_key=None if ambient else _ANY_CREDENTIALS,
    )


def chosen_target() -> Target | None:
    """What the caller's environment names, without looking for a stack of our own."""
    profile = os.environ.get("PITBOSS_PROFILE")
    if profile or environment() != "local":
        return Target(
            endpoint=os.environ.get("AWS_ENDPOINT_URL"),
            region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
            profile=profile or os.environ.get("AWS_PROFILE"),
        )
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        return _foreign(endpoint)
    return None


def _localstack() -> Target | None:
    if "LOCALSTACK_HOST" not in os.environ:
        return None
    from localstack_client.config import get_service_endpoint

    return _foreign(get_service_endpoint("cloudformation"))


def target() -> Target:
    """The AWS to talk to; WorkbenchError where there is none."""
    if chosen := chosen_target():
        return chosen
    if running := emulator.Running.load():
        return Target(
            endpoint=running.endpoint,
            region=running.region,
            access_key_id=running.access_key_id,
            secret_access_key=running.secret_access_key,
        )
    if localstack := _localstack():
        return localstack
    raise WorkbenchError("No stack is running: start one with `pitboss up`.")


def session() -> "boto3.Session":
    """A boto3 session for the target. Use `client`, which also knows the endpoint."""
    return _session(target())


@cache
def _session(where: Target) -> "boto3.Session":
    import boto3

    return boto3.Session(
        aws_access_key_id=where.access_key_id,
        aws_secret_access_key=where.secret_access_key,
        region_name=where.region,
        profile_name=where.profile,
    )


@contextmanager
def as_environment() -> Iterator[None]:
    """The target in this process's environment, for code that finds it there as a function does."""
    where = target()
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    if where.access_key_id:
        for name in before.keys() - {"AWS_CA_BUNDLE"}:
            del os.environ[name]
    os.environ.update(where.variables())
    try:
        yield
    finally:
        for name in where.variables():
            os.environ.pop(name, None)
        os.environ.update(before)


def client(service: str, **config: Any) -> Any:  # noqa: ANN401 - boto3 makes clients from data
    """A boto3 client of the target for one service.

    Further arguments become the client's `botocore.config.Config`, for example
    `client("kinesis", max_pool_connections=50)`.
    """
    from botocore.config import Config

    where = target()
    settings = {"retries": {"mode": "standard", "max_attempts": 3}, **config}
    make: Callable[..., Any] = _session(where).client
    return make(service, endpoint_url=where.endpoint, config=Config(**settings))


@cache
def _outputs(where: Target, stack: str) -> dict[str, str]:
    from botocore.exceptions import ClientError

    cloudformation = _session(where).client("cloudformation", endpoint_url=where.endpoint)
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "ValidationError":
            raise
        found = []
    if not found or found[0]["StackStatus"] == "DELETE_COMPLETE":
        raise WorkbenchError(f"The stack {stack} is not deployed: run `pitboss up`.")
    return {item["OutputKey"]: item["OutputValue"] for item in found[0].get("Outputs", [])}


def stack_outputs() -> dict[str, str]:
    """The outputs of the deployed stack by name; WorkbenchError when it is not deployed."""
    return dict(_outputs(target(), stack_name()))


@contextmanager
def refusals_explained() -> Iterator[None]:
    """Turn what boto3 raises when the target cannot be reached or refuses the caller as such
    into a WorkbenchError. Refusals of a single call stay what they are.
    """
    try:
        yield
    except Exception as failure:
        sentence = _explain(failure)
        if sentence is None:
            raise
        raise WorkbenchError(sentence) from failure


def _explain(failure: Exception) -> str | None:
    if not type(failure).__module__.startswith("botocore."):
        return None
    from botocore import exceptions, parsers

    match failure:
        case exceptions.EndpointConnectionError() | exceptions.ConnectTimeoutError():
            where = os.environ.get("AWS_ENDPOINT_URL", "AWS")
            return f"Nothing answers at {where}: check the address, or unset AWS_ENDPOINT_URL."
        case parsers.ResponseParserError():
            where = os.environ.get("AWS_ENDPOINT_URL", "the address in use")
            return f"What answers at {where} is no AWS: check the address, or unset it."
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError():
            return "There are no AWS credentials: sign in, or name a profile with --profile."
        case exceptions.ProfileNotFound() | exceptions.NoRegionError():
            return f"{failure}: see `aws configure`, or name another profile with --profile."
        case exceptions.ClientError() if failure.response["Error"]["Code"] in _BAD_CREDENTIALS:
            return f"AWS refuses the credentials in use ({failure}): sign in again."
    return None


def forget() -> None:
    """Drop what was cached about the stack; for a caller that has just deployed it."""
    _outputs.cache_clear()


_API_URL = re.compile(r"https://(?P<api>[a-z0-9]+)\.execute-api\.[^/]+/(?P<stage>[^/]+)/?")


def api_url() -> str:
    """The address of the deployed REST API, without a slash at its end."""
    return address_of_api(target(), stack_outputs())


def live_url() -> str:
    """The address of the deployed WebSocket API."""
    where, found = target(), stack_outputs()
    if "LiveApiUrl" not in found:
        raise WorkbenchError("The stack has no WebSocket API: run `pitboss up`.")
    if where.endpoint is None:
        return found["LiveApiUrl"].rstrip("/")
    scheme, _, host = where.endpoint.partition("://")
    # The same path as for REST APIs; a host of its own resolves in browsers alone.
    path = f"_aws/execute-api/{found['LiveApiId']}/{found['ApiStage']}"
    return f"{'wss' if scheme == 'https' else 'ws'}://{host}/{path}"


class MqttPlace(NamedTuple):
    """Where devices connect, and the authorities that the server's certificate may be of (PEM)."""

    host: str
    port: int
    ca_pem: str


MQTT_PORT = 8883


def mqtt_place() -> MqttPlace:
    """Where the devices of the target connect.

    Raises:
        WorkbenchError: the local stack was started by a release that took no devices.
    """
    where = target()
    running = None if chosen_target() else emulator.Running.load()
    if running is None:
        found = client("iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        host, _, port = found.partition(":")
        return MqttPlace(host, int(port or MQTT_PORT), _amazon_root())
    if running.mqtt_port is None:
        raise WorkbenchError("The stack takes no devices: run `pitboss down` and `pitboss up`.")
    with urllib.request.urlopen(f"{where.endpoint}/_ministack/iot/ca.pem", timeout=10) as answer:
        return MqttPlace(emulator.HOST, running.mqtt_port, answer.read().decode())


def _amazon_root() -> str:
    """Amazon Root CA 1, which AWS IoT's endpoints are certified by, as botocore ships it."""
    import botocore.httpsession

    authorities = ssl.create_default_context(cafile=botocore.httpsession.get_cert_path(True))
    known = zip(authorities.get_ca_certs(), authorities.get_ca_certs(True), strict=True)
    for certificate, der in known:
        if "Amazon Root CA 1" in str(certificate["subject"]):
            return ssl.DER_cert_to_PEM_cert(der)
    raise WorkbenchError("There is no certificate of Amazon Root CA 1: install botocore again.")


def address_of_api(where: Target, found: dict[str, str]) -> str:
    """The REST API's address on this target, from the stack's outputs."""
    if "ApiUrl" not in found and "ApiId" not in found:
        raise WorkbenchError("The stack has no API yet: run `pitboss up` and see that it succeeds.")
    if where.endpoint is None:
        return found["ApiUrl"].rstrip("/")
    if "ApiId" in found and "ApiStage" in found:
        api, stage = found["ApiId"], found["ApiStage"]
    else:
        match = _API_URL.fullmatch(found["ApiUrl"])
        if match is None:
            raise WorkbenchError(
                f"The stack's ApiUrl {found['ApiUrl']!r} names no API and stage: "
                "give the template the outputs ApiId and ApiStage."
            )
        api, stage = match["api"], match["stage"]
    # The one path that every emulator of AWS serves REST APIs at, MiniStack and LocalStack alike.
    return f"{where.endpoint}/_aws/execute-api/{api}/{stage}"
