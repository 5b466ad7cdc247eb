"""`pitboss devices`: shufflers that may connect, each with a certificate of its own."""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.paths import home

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Shuffler = Annotated[str, typer.Argument(help="The shuffler's asset number, for example 4711.")]
Property = Annotated[str, typer.Option("--property", help="The property it is of.")]
Only = Annotated[str | None, typer.Option("--property", help="Only those of this property.")]

NONE = "NONE"
"""The status of a device that was never given a certificate: half added."""

devices = typer.Typer(no_args_is_help=True, help="The shufflers that may connect over MQTT.")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(devices, name="devices")


@dataclass(frozen=True)
class Device:
    """A shuffler as AWS IoT has it."""

    property: str
    asset: str
    thing: str
    certificate_id: str | None
    status: str
    """Of the certificate: ACTIVE, INACTIVE, REVOKED; or NONE where there is none."""
    created: str | None
    """When the certificate was made, in UTC."""


@dataclass(frozen=True)
class Files:
    """What a device needs to connect, in a folder of its own."""

    folder: Path

    @property
    def key(self) -> Path:
        """The private key, which was made here and goes nowhere else."""
        return self.folder / "key.pem"

    @property
    def certificate(self) -> Path:
        """The certificate of that key."""
        return self.folder / "certificate.pem"

    @property
    def authority(self) -> Path:
        """What the server's certificate is of."""
        return self.folder / "ca.pem"


def files_of(property_id: str, asset_id: str, folder: Path | None = None) -> Files:
    """Where the files of a device are: in that folder, or where the stack's state is."""
    return Files(folder or home() / "devices" / property_id / asset_id)


@devices.command("add")
def add_device(
    shuffler: Shuffler,
    property_id: Property = DEFAULT_PROPERTY,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write its key and certificate into this folder. "
            "Default: devices/<property>/<shuffler> where the stack's state is.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Let a shuffler connect: a thing, a key and a certificate. Its key is written once.

    Where it failed half way, the same again finishes it.
    """
    asset_id = asset_of(shuffler, property_id)
    files = files_of(property_id, asset_id, folder)
    device = add(property_id, asset_id, files)
    place = endpoint.mqtt_place()
    if json:
        names = {"key": files.key, "certificate": files.certificate, "ca": files.authority}
        print_json(asdict(device) | {"host": place.host, "port": place.port} | names)
        return
    out.print(f"{device.thing} may connect to {place.host}:{place.port} as {device.thing}.")
    out.print(f"Its key, certificate and the server's authority are in {escape(str(files.folder))}")


@devices.command("list")
def list_devices(property_id: Only = None, json: AsJson = False) -> None:
    """List the shufflers, revoked ones included."""
    found = [device for device in known() if property_id is None or device.property == property_id]
    if json:
        print_json([asdict(device) for device in found])
        return
    if not found:
        out.print("There are none: `pitboss devices add` adds one.")
        return
    table = Table()
    for heading in ("property", "asset", "thing", "certificate", "status", "created"):
        table.add_column(heading)
    for device in found:
        table.add_row(*(value or "" for value in asdict(device).values()))
    out.print(table)


@devices.command("revoke")
def revoke_device(
    shuffler: Shuffler, property_id: Property = DEFAULT_PROPERTY, json: AsJson = False
) -> None:
    """Refuse a shuffler's certificate from now on, and end its connection.

    It can be added again, with a new key.
    """
    device = revoke(property_id, asset_of(shuffler, property_id))
    if json:
        print_json(asdict(device))
    else:
        out.print(f"{device.thing} may connect no more: its certificate is {device.status}.")


def asset_of(shuffler: str, property_id: str) -> str:
    """An asset number without padding zeros, where AWS IoT can name a thing by it.

    Raises:
        UsageError: it, or the property's id, is no id, or none that a thing's name can have.
    """
    from pitboss.events.envelope import is_identifier

    asset_id = shuffler.lstrip("0")
    must_be_id(property_id, "property")
    for text, what in ((asset_id, "shuffler"), (property_id, "property")):
        if not is_identifier(text) or set(text) & {":", "."}:
            given = shuffler if text is asset_id else text
            raise UsageError(
                f"{given!r} is no id of a device's {what}: that is 1 to 64 letters, digits, '_' "
                "and '-', and not zeros alone."
            )
    return asset_id


def known() -> Iterator[Device]:
    """Every shuffler there is, by property and asset."""
    iot = endpoint.client("iot")
    things = [
        thing
        for page in iot.get_paginator("list_things").paginate()
        for thing in page["things"]
        if {"property", "asset"} <= thing.get("attributes", {}).keys()
    ]
    for thing in sorted(things, key=lambda thing: (*_of(thing),)):
        yield _device(iot, *_of(thing), thing["attributes"].get("certificate"))


def _of(thing: dict[str, Any]) -> tuple[str, str]:
    return thing["attributes"]["property"], thing["attributes"]["asset"]


def _device(iot: Any, property_id: str, asset_id: str, certificate_id: str | None) -> Device:  # noqa: ANN401 - a boto3 client
    from pitboss.shufflers.topics import thing_name

    certificate = certificate_id and _certificate(iot, certificate_id)
    return Device(
        property_id,
        asset_id,
        thing_name(property_id, asset_id),
        certificate["certificateId"] if certificate else None,
        certificate["status"] if certificate else NONE,
        moment(int(certificate["creationDate"].timestamp() * 1000)) if certificate else None,
    )


def _certificate(iot: Any, certificate_id: str) -> dict[str, Any] | None:  # noqa: ANN401 - as above
    try:
        found: dict[str, Any] = iot.describe_certificate(certificateId=certificate_id)
    except iot.exceptions.ResourceNotFoundException:
        return None
    described: dict[str, Any] = found["certificateDescription"]
    return described


def _thing(iot: Any, name: str) -> dict[str, str] | None:  # noqa: ANN401 - as above
    """A thing's attributes; None where there is no such thing."""
    try:
        attributes: dict[str, str] = iot.describe_thing(thingName=name)["attributes"]
    except iot.exceptions.ResourceNotFoundException:
        return None
    return attributes


def add(property_id: str, asset_id: str, files: Files) -> Device:
    """Register a shuffler and give it a certificate of a key that is made here.

    The certificate is inactive until all is done, and its id is kept with the thing before it can
    do anything: an `add` that ended half way is gone on with by the next.

    Raises:
        WorkbenchError: the shuffler has a certificate; or the folder has the key of another, or of
            one that was revoked.
    """
    from pitboss.shufflers.topics import thing_name

    iot = endpoint.client("iot")
    policy = _output("ShufflerPolicyName")
    name = thing_name(property_id, asset_id)
    attributes = _thing(iot, name)
    device = _device(iot, property_id, asset_id, (attributes or {}).get("certificate"))
    if device.status == "ACTIVE":
        raise WorkbenchError(
            f"{name} is a device, with the certificate {device.certificate_id}: "
            f"to give it another, `pitboss devices revoke {asset_id} --property {property_id}` it."
        )
    key = _key(files)
    certificate = _certificate_of(iot, files)
    if certificate is not None and certificate["status"] != "INACTIVE":
        raise WorkbenchError(
            f"{files.key} is of a certificate that is {certificate['status']}: "
            "move it away, or name another folder with --out."
        )
    if attributes is None:
        iot.create_thing(
            thingName=name,
            attributePayload={"attributes": {"property": property_id, "asset": asset_id}},
        )
    if certificate is None:
        made = iot.create_certificate_from_csr(
            certificateSigningRequest=_request(key, name), setAsActive=False
        )
        files.certificate.write_text(made["certificatePem"])
        certificate = {name: made[name] for name in ("certificateId", "certificateArn")}
    files.authority.write_text(endpoint.mqtt_place().ca_pem)
    iot.update_thing(
        thingName=name,
        attributePayload={
            "attributes": {"certificate": certificate["certificateId"]},
            "merge": True,
        },
    )
    iot.attach_thing_principal(thingName=name, principal=certificate["certificateArn"])
    iot.attach_policy(policyName=policy, target=certificate["certificateArn"])
    iot.update_certificate(certificateId=certificate["certificateId"], newStatus="ACTIVE")
    return _device(iot, property_id, asset_id, certificate["certificateId"])


def revoke(property_id: str, asset_id: str) -> Device:
    """End what a shuffler's certificates are good for; again changes nothing.

    Who is connected by one is cut off: by AWS within minutes, and at once it may publish nothing.

    Raises:
        WorkbenchError: there is no such shuffler.
    """
    from pitboss.shufflers.topics import thing_name

    iot = endpoint.client("iot")
    name = thing_name(property_id, asset_id)
    attributes = _thing(iot, name)
    if attributes is None:
        raise WorkbenchError(f"There is no device {name}: `pitboss devices list` shows them.")
    principals = iot.list_thing_principals(thingName=name)["principals"]
    for principal in principals:
        iot.update_certificate(certificateId=principal.rpartition("/")[2], newStatus="REVOKED")
        for policy in iot.list_attached_policies(target=principal)["policies"]:
            iot.detach_policy(policyName=policy["policyName"], target=principal)
        iot.detach_thing_principal(thingName=name, principal=principal)
    _forget(iot, files_of(property_id, asset_id))
    return _device(iot, property_id, asset_id, attributes.get("certificate"))


def _forget(iot: Any, files: Files) -> None:  # noqa: ANN401 - as above
    """Remove a key that is good for nothing any more, where it is where `add` puts it."""
    certificate = _certificate_of(iot, files)
    if certificate is not None and certificate["status"] == "REVOKED":
        for path in (files.key, files.certificate, files.authority):
            path.unlink(missing_ok=True)


def _output(name: str) -> str:
    outputs = endpoint.stack_outputs()
    if name not in outputs:
        raise WorkbenchError(f"The stack has no {name}: run `pitboss up`.")
    return outputs[name]


def _key(files: Files) -> bytes:
    """The key in the folder; made and written, for its owner alone, where there is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if files.key.exists():
        try:
            kept = files.key.read_bytes()
            known = serialization.load_pem_private_key(kept, None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
            known = None
        if not isinstance(known, ec.EllipticCurvePrivateKey):
            raise WorkbenchError(
                f"{files.key} exists, is no key of a device and is never overwritten: "
                "move it away, or name another folder with --out."
            )
        return kept
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as fault:
        raise WorkbenchError(f"{files.key} cannot be written: {fault.strerror}.") from None
    with os.fdopen(opened, "wb") as file:
        file.write(key)
    return key


def _request(key: bytes, name: str) -> str:
    """A certificate signing request of the key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)  # `_key` saw to it
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = request.sign(private, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _certificate_of(iot: Any, files: Files) -> dict[str, Any] | None:  # noqa: ANN401 - as above
    """The certificate in the folder as AWS IoT has it; None where it has none, or there is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    if not files.certificate.exists():
        return None
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    return _certificate(iot, certificate.fingerprint(SHA256()).hex())
