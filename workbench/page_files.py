"""The live page's files as the front door serves them, on the laptop as on AWS.

What browsers are told besides (the content-security policy above all) is written once, in the
template's `PageHeaders`.
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from workbench.paths import ROOT

FOLDER = ROOT / "dashboard"

CACHE_CONTROL = "no-cache"
"""Names of files stay as they are from release to release: asked about each time they are used,
and not sent again where they have not changed."""

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".md": "text/plain; charset=utf-8",
}
"""What of the folder is the page; what checks its scripts is not."""

_COMPRESSED = ("text/", "image/svg", "application/")
_TOKEN = re.compile(
    r"""/\*.*?\*/|//[^\n]*                       # a comment
    |'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"        # a string
    |/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n\[])+/  # a regular expression, where one may begin
    |[`{}]""",
    re.DOTALL | re.VERBOSE,
)
_BEFORE_EXPRESSION = re.compile(r"(?:^|[(,=:\[!&|?{};+*%<>~^-]|\breturn|\btypeof)\s*\Z")
_TEMPLATE_TEXT = re.compile(r"(?:\\.|\$(?!\{)|[^`\\$])*(?:`|\$\{)", re.DOTALL)
_LINE_END = re.compile(r"\s*\n\s*")
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
_CONNECT = re.compile(r"connect-src[^;]*")


class PageFile(NamedTuple):
    """A file of the page."""

    name: str
    """Its path from the folder, with slashes."""
    content: bytes
    content_type: str

    @property
    def etag(self) -> str:
        """A strong validator of the content."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    def compressed(self) -> bytes | None:
        """By gzip; None of what is compressed already."""
        if not self.content_type.startswith(_COMPRESSED):
            return None
        return gzip.compress(self.content, 9, mtime=0)


def files() -> Iterator[PageFile]:
    """Every file of the page, by name."""
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in CONTENT_TYPES and path.is_file():
            name = path.relative_to(FOLDER).as_posix()
            yield PageFile(name, _content(path), CONTENT_TYPES[path.suffix])


def file(name: str) -> PageFile | None:
    """A file of the page by its path; None where there is none."""
    path = (FOLDER / name).resolve()
    if not path.is_relative_to(FOLDER) or path.suffix not in CONTENT_TYPES or not path.is_file():
        return None
    return PageFile(name, _content(path), CONTENT_TYPES[path.suffix])


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    # Vendored modules (.mjs) are sent as they were taken: the import map has their hashes.
    return _slim(content) if path.suffix == ".js" else content


@lru_cache(maxsize=256)
def _slim(content: bytes) -> bytes:
    return slim(content.decode()).encode()


def slim(script: str) -> str:
    """A script without its comments, indentation and empty lines; it means the same.

    What is in strings, regular expressions and the text of template literals stays as it is. Lines
    stay lines, so that semicolons are put in where they were before: a comment is worth a space, or
    a line's end where it has one in it (ECMA-262, section 12.4).
    """
    parts: list[str] = []
    code = ""  # since the last of what stays as it is
    braces = [0]  # open ones of the script, then of each template's expression that it is within
    at = 0
    while found := _TOKEN.search(script, at):
        token = found[0]
        code += script[at : found.start()]
        at = found.end()
        if token.startswith(("/*", "//")):
            code += "\n" if "\n" in token else " "
            continue
        if token.startswith("/") and not _BEFORE_EXPRESSION.search(code):
            code += "/"  # divides
            at = found.start() + 1
            continue
        if token == "{":
            braces[-1] += 1
        elif token == "}" and braces[-1]:
            braces[-1] -= 1
        elif token in "`}":
            if token == "}":
                braces.pop()
            text = _TEMPLATE_TEXT.match(script, at)
            assert text is not None, "a template literal ends"
            token += text[0]
            at = text.end()
            if token.endswith("${"):
                braces.append(0)
        if token in "{}":
            code += token
        else:
            parts += [_LINE_END.sub("\n", code), token]
            code = ""
    parts.append(_LINE_END.sub("\n", code + script[at:]))
    return "".join(parts).lstrip()


def import_map_hash(page: str) -> str | None:
    """The import map of a page as a content-security policy names it: `sha256-...`."""
    found = _IMPORT_MAP.search(page)
    if found is None:
        return None
    digest = hashlib.sha256(found[1].encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def headers(connects_to: tuple[str, ...] = ()) -> dict[str, str]:
    """What every answer says besides its own.

    Args:
        connects_to: origins besides the page's own that it connects to, instead of those on AWS.
    """
    config = _template_headers()
    security = config["SecurityHeadersConfig"]
    policy: str = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    connect = " ".join(("connect-src 'self'", *connects_to))
    transport = security["StrictTransportSecurity"]
    return {
        "Content-Security-Policy": _CONNECT.sub(connect, " ".join(policy.split())),
        "Strict-Transport-Security": f"max-age={transport['AccessControlMaxAgeSec']}"
        + ("; includeSubDomains" if transport.get("IncludeSubdomains") else ""),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        **{item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]},
    }


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as what they are given."""


def _argument(loader: yaml.Loader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _argument)


@cache
def _template_headers() -> dict[str, Any]:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    # Its resource alone: the whole template takes seconds to parse.
    block = re.search(r"^  PageHeaders:\n(?:(?:    .*)?\n)+", text, re.MULTILINE)
    assert block is not None, "the template has the resource"
    resource = yaml.load(block[0], _Loader)["PageHeaders"]
    config: dict[str, Any] = resource["Properties"]["ResponseHeadersPolicyConfig"]
    return config
