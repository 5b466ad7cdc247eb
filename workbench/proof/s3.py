"""S3 in memory: objects by bucket and key, as the quarantine and the archive put and read them."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5
from typing import Any, NamedTuple
from urllib.parse import quote
from xml.sax.saxutils import escape
from zlib import crc32

from workbench.proof import AwsError, UnknownToFake
from workbench.proof.clock import Clock

KEY_BYTES = 1024
PAGE_KEYS = 1000


class StoredObject(NamedTuple):
    """An object: its bytes, and the headers that were stored with it."""

    body: bytes
    content_type: str
    metadata: dict[str, str]
    modified_ms: int

    @property
    def etag(self) -> str:
        return f'"{md5(self.body, usedforsecurity=False).hexdigest()}"'

    @property
    def crc32(self) -> str:
        return b64encode(crc32(self.body).to_bytes(4, "big")).decode()


class HttpAnswer(NamedTuple):
    """What goes back over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Bucket:
    """Objects by key. What is put at a key that is taken replaces it."""

    def __init__(self, clock: Clock) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.puts = 0
        """Objects written, those that replaced another included."""
        self._clock = clock

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "binary/octet-stream",
        metadata: dict[str, str] | None = None,
    ) -> StoredObject:
        """Store an object."""
        self.puts += 1
        stored = StoredObject(body, content_type, metadata or {}, self._clock.now_ms)
        self.objects[key] = stored
        return stored

    def snapshot(self) -> list[tuple[str, bytes]]:
        """Keys and contents, by key."""
        return [(key, found.body) for key, found in sorted(self.objects.items())]


# Of what the clients send: what changes nothing here, and what is stored.
_PASSED_OVER = frozenset(
    {"user-agent", "host", "expect", "transfer-encoding", "content-encoding", "content-length"}
    | {"authorization", "amz-sdk-invocation-id", "amz-sdk-request", "accept-encoding"}
    | {"x-amz-date", "x-amz-content-sha256", "x-amz-trailer", "x-amz-decoded-content-length"}
    | {"x-amz-sdk-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-crc32"}
    | {"x-amz-security-token", "content-md5", "content-type"}
    | {"if-none-match", "if-match"}
)


class S3:
    """The service: its buckets, and its answers."""

    def __init__(self, clock: Clock) -> None:
        self.buckets: dict[str, Bucket] = {}
        self._clock = clock

    def create_bucket(self, name: str) -> Bucket:
        """A new bucket."""
        self.buckets[name] = Bucket(self._clock)
        return self.buckets[name]

    def answer(self, operation: str, request: dict[str, Any]) -> HttpAnswer:
        """What the service answers, its effect done.

        Raises:
            AwsError: it refuses.
            UnknownToFake: the fake has no rule for the request.
        """
        bucket = self.buckets.get(request["Bucket"])
        if bucket is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        if len(request["Key"].encode()) > KEY_BYTES:
            raise AwsError("KeyTooLongError", "Your key is too long")
        for name in request["headers"]:
            if name not in _PASSED_OVER and not name.startswith("x-amz-meta-"):
                raise UnknownToFake(f"S3 {operation} with the header {name}")
        if operation == "ListObjectsV2":
            return _listed(request, bucket)
        if request["query"].keys() - {"x-id"}:
            raise UnknownToFake(f"S3 {operation} with {request['query']}")
        if operation == "PutObject":
            return self._put(request, bucket)
        if operation == "DeleteObject":
            bucket.objects.pop(request["Key"], None)
            return HttpAnswer(204, {}, b"")
        found = bucket.objects.get(request["Key"])
        if found is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        headers = {
            "Content-Type": found.content_type,
            "Content-Length": str(len(found.body)),
            "ETag": found.etag,
            "Last-Modified": format_datetime(_date(found.modified_ms), usegmt=True),
            **{f"x-amz-meta-{name}": value for name, value in found.metadata.items()},
        }
        if request["headers"].get("x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-crc32"] = found.crc32
        return HttpAnswer(200, headers, b"" if operation == "HeadObject" else found.body)

    def _put(self, request: dict[str, Any], bucket: Bucket) -> HttpAnswer:
        headers, key = request["headers"], request["Key"]
        if headers.get("if-none-match") == "*" and key in bucket.objects:
            raise AwsError(
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
                412,
            )
        if "if-match" in headers:
            there = bucket.objects.get(key)
            if there is None:
                raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
            if there.etag != headers["if-match"]:
                raise AwsError(
                    "PreconditionFailed",
                    "At least one of the pre-conditions you specified did not hold",
                    412,
                )
        stored = bucket.put(
            key,
            request["Body"],
            headers.get("content-type", "binary/octet-stream"),
            {
                name.removeprefix("x-amz-meta-"): value
                for name, value in headers.items()
                if name.startswith("x-amz-meta-")
            },
        )
        return HttpAnswer(200, {"ETag": stored.etag, "x-amz-checksum-crc32": stored.crc32}, b"")

    def error(self, error: AwsError, request: dict[str, Any]) -> HttpAnswer:
        """An error, as S3 writes it."""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
            f"<Resource>/{escape(request['Bucket'])}/{escape(request['Key'])}</Resource></Error>"
        )
        return HttpAnswer(error.status, {"Content-Type": "application/xml"}, body.encode())


def _date(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _listed(request: dict[str, Any], bucket: Bucket) -> HttpAnswer:
    query = dict(request["query"])
    if query.pop("list-type", None) != "2":
        raise UnknownToFake("a bucket is listed by ListObjectsV2 alone")
    prefix = query.pop("prefix", "")
    after = query.pop("start-after", "")
    if (token := query.pop("continuation-token", None)) is not None:
        after = b64decode(token).decode()
    most = min(int(query.pop("max-keys", PAGE_KEYS)), PAGE_KEYS)
    by_url = query.pop("encoding-type", None) == "url"
    encode = quote if by_url else escape
    encoding = "<EncodingType>url</EncodingType>" if by_url else ""
    if query:
        raise UnknownToFake(f"ListObjectsV2 with {query}")
    # By the bytes of their names, as UTF-8; the token holds the last key of the page before.
    keys = sorted(
        (key for key in bucket.objects if key.startswith(prefix) and key.encode() > after.encode()),
        key=str.encode,
    )
    page = keys[:most]
    found = "".join(
        f"<Contents><Key>{encode(key)}</Key>"
        f"<LastModified>{_date(bucket.objects[key].modified_ms):%Y-%m-%dT%H:%M:%S.000Z}"
        f"</LastModified><ETag>{escape(bucket.objects[key].etag)}</ETag>"
        f"<Size>{len(bucket.objects[key].body)}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key in page
    )
    more = (
        f"<NextContinuationToken>{b64encode(page[-1].encode()).decode()}</NextContinuationToken>"
        if len(keys) > len(page)
        else ""
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{escape(request['Bucket'])}</Name><Prefix>{encode(prefix)}</Prefix>"
        f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{most}</MaxKeys>"
        f"{encoding}<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
        f"{more}{found}</ListBucketResult>"
    )
    return HttpAnswer(200, {"Content-Type": "application/xml"}, body.encode())
