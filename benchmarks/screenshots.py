"""`python -m benchmarks.screenshots`: the pictures of the live page in docs/, light and dark.

Of the real page, with a pretended floor.
"""

import time
from typing import Literal

from benchmarks.browser import mock, tab
from workbench.console import say
from workbench.paths import ROOT

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    """Write both."""
    with mock(240, 250) as address:
        for scheme in SCHEMES:
            path = ROOT / "docs" / f"page-{scheme}.png"
            with tab(color_scheme=scheme) as open_tab:
                open_tab.sign_in(address)
                time.sleep(4)  # some play, after what was there
                open_tab.page.screenshot(path=path, animations="disabled")
            say(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
