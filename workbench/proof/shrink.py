"""Shrinking: the least of a script that still fails, by delta debugging.

Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002): parts of the
script are left out, first large ones, then small ones, as long as what is left still fails. The
result is 1-minimal: without any one of its faults it does not fail.
"""

from collections.abc import Callable, Sequence

MAX_TRIES = 300
"""Scripts that are tried at most; what is least by then is the result."""


def ddmin[T](whole: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A 1-minimal part of what fails, in its order.

    >>> ddmin([1, 2, 3, 4, 5, 6, 7, 8], lambda part: 3 in part and 6 in part)
    [3, 6]
    """
    tries = 0

    def tried(part: Sequence[T]) -> bool:
        nonlocal tries
        tries += 1
        return tries <= MAX_TRIES and fails(part)

    least = list(whole)
    if least and tried([]):
        return []
    parts = 2
    while len(least) >= 2:
        size = -(-len(least) // parts)
        cuts = [least[at : at + size] for at in range(0, len(least), size)]
        complements = [
            [one for other in cuts[:n] + cuts[n + 1 :] for one in other] for n in range(len(cuts))
        ]
        smaller = next((part for part in cuts if len(part) < len(least) and tried(part)), None)
        if smaller is not None:
            least, parts = smaller, 2
            continue
        if len(cuts) > 2:
            smaller = next((part for part in complements if tried(part)), None)
            if smaller is not None:
                least, parts = smaller, max(parts - 1, 2)
                continue
        if parts >= len(least):
            break
        parts = min(parts * 2, len(least))
    return least
