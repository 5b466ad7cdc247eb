"""What is under version control: nothing of this machine, nothing large, and locks that agree."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE_BYTES = 1_000_000
_MACHINE_PATH = re.compile(
    rb"(?<![\w./-])/(?:" + b"|".join((b"work", b"root", b"home")) + rb")/[\w.]"
)


def tracked() -> list[Path]:
    """Every file that is committed, or would be."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("not a clone: git knows no files here")
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_file_names_a_path_of_a_machine() -> None:
    naming = {
        str(path.relative_to(ROOT)): found[0]
        for path in tracked()
        if (found := _MACHINE_PATH.search(path.read_bytes()))
    }

    assert naming == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cd /" + "work/main", True),
        ('"/' + 'root/.aws"', True),
        ("cd /workbench/main", False),
        ("see https://example.com/work/main", False),
        ("tests/work/x", False),
    ],
)
def test_what_is_a_path_of_a_machine(text: str, found: bool) -> None:
    assert bool(_MACHINE_PATH.search(text.encode())) is found


def test_no_file_is_large() -> None:
    large = [str(p.relative_to(ROOT)) for p in tracked() if p.stat().st_size > MAX_FILE_BYTES]

    assert large == []


def test_no_file_holds_a_private_key() -> None:
    mark = b"-----BEGIN " + b"PRIVATE KEY"
    marks = (mark, mark.replace(b"PRIVATE", b"EC PRIVATE"))

    assert [p for p in tracked() if any(m in p.read_bytes() for m in marks)] == []


# --- the layer ships what is locked ---------------------------------------------------------------

LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
REQUIREMENTS = (ROOT / "layers/common/python/requirements.txt").read_text()


def locked_for_the_layer() -> dict[str, dict[str, Any]]:
    """The packages of the `layer` group and all they need, as the lock has them."""
    packages = {package["name"]: package for package in LOCK["package"]}
    waiting = list(packages["pitboss"]["dev-dependencies"]["layer"])
    found: dict[str, dict[str, Any]] = {}
    seen = set()
    while waiting:
        needed = waiting.pop()
        extras = tuple(needed.get("extra", ()))
        if (needed["name"], extras) in seen:
            continue
        seen.add((needed["name"], extras))
        package = packages[needed["name"]]
        found[needed["name"]] = package
        waiting += package.get("dependencies", [])
        for extra in extras:
            waiting += package.get("optional-dependencies", {}).get(extra, [])
    return found


def shipped() -> dict[str, tuple[str, frozenset[str]]]:
    """The layer's requirements: versions and hashes by name."""
    found = {}
    for entry in re.split(r"\n(?=\S)", REQUIREMENTS.strip()):
        match = re.match(r"([\w.-]+)==(\S+)", entry)
        assert match is not None, entry
        found[match[1]] = (match[2], frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)))
    return found


def test_the_layer_ships_all_of_the_lock_and_nothing_else() -> None:
    """What `scripts/lock-layer` writes, without needing uv."""
    locked = {
        name: (
            package["version"],
            frozenset(
                file["hash"].removeprefix("sha256:")
                for file in [*package.get("wheels", ()), package.get("sdist")]
                if file is not None
            ),
        )
        for name, package in locked_for_the_layer().items()
    }

    assert {"pynamodb", "cryptography", "botocore"} <= locked.keys()
    assert shipped() == locked


def test_the_projects_layer_group_is_the_locks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {re.split(r"[\[<>=~! ]", text)[0] for text in project["dependency-groups"]["layer"]}
    (pitboss,) = [package for package in LOCK["package"] if package["name"] == "pitboss"]

    assert declared == {entry["name"] for entry in pitboss["dev-dependencies"]["layer"]}
