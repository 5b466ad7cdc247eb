"""How long to wait before trying again what failed or was lost to another."""

import random
import time


def pause(attempt: int, seconds: float = 0.02) -> None:
    """Wait before the n-th try, with full jitter, so that those who collided part.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Args:
        attempt: 1 before the second try.
        seconds: half of the longest wait before it; the longest doubles with every try.
    """
    time.sleep(random.uniform(0, seconds * 2**attempt))
