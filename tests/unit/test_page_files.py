"""The page's scripts are served without their comments, and mean the same."""

import json
import shutil
import subprocess

import pytest

from workbench import page_files

PARSE = """
import { readFileSync } from 'node:fs';
import { SourceTextModule } from 'node:vm';
const broken = [];
for (const [name, text] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
  try { new SourceTextModule(text); } catch (error) { broken.push(`${name}: ${error.message}`); }
}
console.log(JSON.stringify(broken));
"""


def node() -> str:
    """The one that comes with the driver of browser tests, or else that of the machine."""
    try:
        from playwright._impl._driver import compute_driver_executable
    except ImportError:
        found = shutil.which("node")
    else:
        found = shutil.which(compute_driver_executable()[0])
    return found or pytest.skip("There is no Node.js.")


def test_every_script_that_is_served_can_be_read() -> None:
    scripts = {
        file.name: file.content.decode()
        for file in page_files.files()
        if file.name.endswith((".js", ".mjs"))
    }

    told = subprocess.run(
        [node(), "--no-warnings", "--experimental-vm-modules", "--input-type=module", "-e", PARSE],
        input=json.dumps(scripts),
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(scripts) > 40
    assert json.loads(told.stdout) == []


def test_no_comment_is_served() -> None:
    written = (
        "/** What. */\n\n// Why.\n  const a = /** @type {x} */ (b); // here\n\n  /* c */ d();\n"
    )

    assert page_files.slim(written) == "const a =   (b);\nd();\n"


@pytest.mark.parametrize(
    "text",
    [
        "`\n  // a line\n\n    /** a block */\n`;",
        "`${`\n  // within\n`}\n  // after ${{ a: { b: 1 } }.a}\n  `;",
        "`\\`\n  // escaped \\${\n`;",
        "a('// no', \"/* no */\", 'it\\'s // no');",
        "a(/[/'`]\\/* */, b / c, (d) / e); `\n  // a line\n`;",
        "a = b / `\n  //`.length / 2;",
    ],
)
def test_what_is_written_in_strings_stays(text: str) -> None:
    assert page_files.slim(text) == text


def test_a_comment_is_worth_what_it_was_between_words() -> None:
    assert page_files.slim("return/* a */b;") == "return b;"
    assert page_files.slim("a/*\n*/b") == "a\nb"


def test_vendored_modules_are_served_as_they_were_taken() -> None:
    for file in page_files.files():
        if file.name.startswith("vendor/"):
            assert file.content == (page_files.FOLDER / file.name).read_bytes()
