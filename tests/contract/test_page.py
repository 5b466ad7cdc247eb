"""The page's files: what browsers are told of them agrees with what they are."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import PurePosixPath

import pytest

from workbench import page_files
from workbench.paths import ROOT

PAGES = {
    name: (page_files.FOLDER / name).read_text(encoding="utf-8")
    for name in ("index.html", "games.html")
}
FILES = {file.name: file for file in page_files.files()}
SCRIPTS = [name for name in FILES if name.endswith(".js")]
VENDORED = [name for name in FILES if name.startswith("vendor/") and not name.endswith(".md")]

_IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*['"]([^'"]+)['"]""")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ELSEWHERE = re.compile(rb"""https?://(?!127\.0\.0\.1|www\.w3\.org/)[\w.-]+""")


class _Page(HTMLParser):
    """What an HTML file refers to, and what of it a content-security policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[dict[str, str]] = []
        self.refused: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("link", "script", "img") and ("href" in given or "src" in given):
            self.links.append(given)
        elif tag == "style" or (tag == "script" and given.get("type") != "importmap"):
            self.refused.append(tag)
        self.refused += [name for name in given if name == "style" or name.startswith("on")]


PARSED = {name: _Page(text) for name, text in PAGES.items()}
IMPORT_MAP = json.loads(
    re.search(r'<script type="importmap">(.*?)</script>', PAGES["index.html"], re.DOTALL)[1]  # type: ignore[index]
)
each_page = pytest.mark.parametrize("page", PAGES)


def _sha384(name: str) -> str:
    digest = hashlib.sha384(FILES[name].content).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"


@each_page
def test_the_policy_lets_the_import_map_run(page: str) -> None:
    found = page_files.import_map_hash(PAGES[page])

    assert f"'{found}'" in page_files.headers()["Content-Security-Policy"]


@each_page
def test_nothing_in_the_page_is_what_the_policy_refuses(page: str) -> None:
    assert PARSED[page].refused == []


@each_page
def test_whatever_the_page_refers_to_is_there(page: str) -> None:
    named = [link.get("href") or link["src"] for link in PARSED[page].links]

    assert [name for name in named if name.removeprefix("./") not in FILES] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_script_imports_is_there(name: str) -> None:
    missing = []
    code = _COMMENT.sub("", FILES[name].content.decode())  # types are named in comments
    for imported in _IMPORTED.findall(code):
        if imported.startswith("."):
            target = PurePosixPath(name).parent / imported
            parts: list[str] = []
            for part in target.parts:
                if part == "..":
                    parts.pop()
                else:
                    parts.append(part)
            if "/".join(parts) not in FILES:
                missing.append(imported)
        elif imported not in IMPORT_MAP["imports"]:
            missing.append(imported)

    assert missing == []


@pytest.mark.parametrize("name", [n for n in FILES if not n.startswith("vendor/")])
def test_the_page_names_nobody_else(name: str) -> None:
    assert _ELSEWHERE.findall(FILES[name].content) == []


def test_a_vendored_module_runs_only_as_it_was_taken() -> None:
    modules = {name for name in VENDORED if name.endswith(".mjs")}

    assert set(IMPORT_MAP["integrity"]) == {f"./{name}" for name in modules}
    for name in modules:
        assert IMPORT_MAP["integrity"][f"./{name}"] == _sha384(name)


@each_page
def test_what_is_loaded_ahead_is_what_runs(page: str) -> None:
    ahead = {
        link["href"]: link.get("integrity")
        for link in PARSED[page].links
        if link.get("rel") == "modulepreload"
    }

    for name, integrity in ahead.items():
        # Another integrity than the import map's, or none, and the browser loads it twice.
        assert integrity == IMPORT_MAP["integrity"].get(f"./{name}"), name


def test_every_vendored_file_has_its_licence_version_and_hash() -> None:
    told = (page_files.FOLDER / "vendor" / "LICENSES.md").read_text(encoding="utf-8")

    for name in VENDORED:
        assert PurePosixPath(name).name in told
        assert _sha384(name) in told


def test_the_types_are_those_of_what_is_vendored() -> None:
    told = (page_files.FOLDER / "vendor" / "LICENSES.md").read_text(encoding="utf-8")
    checked = json.loads((page_files.FOLDER / "package.json").read_text())["devDependencies"]

    for name, version in checked.items():
        if name != "typescript":
            assert re.search(rf"{re.escape(name)}\b[^\n]*{re.escape(version)}", told), name


def test_what_checks_the_scripts_is_pinned_and_comes_from_wherever_npm_looks() -> None:
    text = (page_files.FOLDER / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]

    assert '"resolved"' not in text
    for name, package in packages.items():
        assert name == "" or package["integrity"].startswith("sha512-")


def test_what_is_not_the_page_is_not_served() -> None:
    assert not {"tsconfig.json", "package.json", "types.d.ts"} & set(FILES)
    assert page_files.file("../template.yaml") is None
    assert page_files.file("../README.md") is None
    assert page_files.file("package.json") is None
    assert (ROOT / "README.md").exists()
