"""Reads a ledger: the pages that its lines come from, and no more than those."""

from collections.abc import Callable, Iterable, Sequence

from pitboss.rating.fold import House, SessionNote, Tally
from pitboss.rating.history import PAGE_MS, Page, page_of
from pitboss.rating.ledger import (
    Line,
    Walk,
    Wanted,
    is_same_money,
    may_go_on,
    total,
    waiting,
)

PAGES_A_QUERY = 60

PAGES_WITHOUT_PLAY = 12
"""Pages in which the end of a session is still looked for when all money has been found: an hour of
a machine that is not played and yet reports something."""

FAR = 10**15 - 1
"""After every page: the largest moment that a page's key has room for."""

type Pages = Callable[[int, int, int], Sequence[Page]]
"""A machine's pages that start in a range (epoch milliseconds), so many of the earliest, in order;
see `pitboss.stores.ratings.DynamoRatings.pages`."""


class LedgerReader:
    """Reads pages of machines, in order, until they are too many."""

    def __init__(self, house: House, max_pages: int) -> None:
        self._house = house
        self._left = max_pages
        self.truncated = False

    def lines(
        self, pages: Pages, first_play: int, last_play: int, wanted: Wanted, stored: Tally
    ) -> list[Line]:
        """A machine's lines from first to last play, and those after that may be wanted.

        `stored` is what those that are wanted should add up to.
        """
        walk = Walk(self._house)
        lines: list[Line] = []
        first, through = page_of(first_play), page_of(last_play)
        read, without_play = first - 1, 0
        for page in self._from(pages, first):
            if page.start > through and not may_go_on(walk.end, wanted):
                break
            if page.start > through and _are_all(lines, wanted, stored):
                without_play += 1
                if without_play > PAGES_WITHOUT_PLAY:
                    break
            lines += walk.lines(page)
            read = page.start
        if not _are_all(lines, wanted, stored):
            lines += self._rated_later(pages, read, walk, wanted)
        keys = [line.key for line in lines if line.key is not None and wanted(line.key)]
        for session in {(key.player_id, key.started_at) for key in keys if key.started_at < first}:
            lines[:0] = self._beginning(pages, *session)
        return lines

    def _from(self, pages: Pages, start: int) -> Iterable[Page]:
        while True:
            found = pages(start, FAR, PAGES_A_QUERY)
            for page in found:
                if not self._may_read():
                    return
                yield page
            if len(found) < PAGES_A_QUERY:
                return
            start = found[-1].start + 1

    def _may_read(self) -> bool:
        self._left -= 1
        self.truncated = self.truncated or self._left < 0
        return not self.truncated

    def _rated_later(self, pages: Pages, read: int, walk: Walk, wanted: Wanted) -> list[Line]:
        """The lines, in later pages, that rate play which waited for the first paytable."""
        lines: list[Line] = []
        while count := waiting(walk.end, wanted):
            page = _last_waiting(pages, read, wanted, count)
            if page is None or not self._may_read():
                break
            lines += walk.lines(page)
            read = page.start
        return lines

    def _beginning(self, pages: Pages, player_id: str | None, started_at: int) -> list[Line]:
        """How a session began that began in an earlier page."""
        if player_id is None:
            return []
        page = _first(pages, page_of(started_at), page_of(started_at))
        if page is None or not self._may_read():
            return []
        return [
            line
            for line in Walk(self._house).lines(page)
            if line.note == SessionNote(player_id, started_at, started_at)
        ]


def _last_waiting(pages: Pages, read: int, wanted: Wanted, count: int) -> Page | None:
    """The last page, after the one read, before which so much play still waited.

    What waits is rated or given up, and never waits again: pages are halved to find it.
    """
    found = _first(pages, read + 1, FAR)
    if found is None or waiting(found.carry, wanted) < count:
        return None
    low, high = found.start // PAGE_MS + 1, 0
    step = 1
    while not high:  # look ahead in growing steps
        page = _first(pages, (low + step) * PAGE_MS, FAR)
        if page is None or waiting(page.carry, wanted) < count:
            high = low + step
        else:
            found, low, step = page, page.start // PAGE_MS + 1, step * 2
    while low < high:
        middle = (low + high) // 2
        page = _first(pages, middle * PAGE_MS, high * PAGE_MS - 1)
        if page is None or waiting(page.carry, wanted) < count:
            high = middle
        else:
            found, low = page, page.start // PAGE_MS + 1
    return found


def _first(pages: Pages, first: int, last: int) -> Page | None:
    return next(iter(pages(first, last, 1)), None)


def _are_all(lines: Iterable[Line], wanted: Wanted, stored: Tally) -> bool:
    """Whether the lines that are wanted add up to what is stored."""
    counted = [line for line in lines if line.key is not None and wanted(line.key)]
    return is_same_money(total(counted), stored)
