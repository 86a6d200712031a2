"""Pauses between tries that grow, so that a node in trouble, or a nonce that is taken, is not asked for in haste."""

from __future__ import annotations

import random
from collections.abc import Iterator


def growing(first: float, longest: float) -> Iterator[float]:
    """Seconds to wait, without end: twice as many each time up to a limit, of which a random half is left out.

    Two processes that get in each other's way would go on doing so if they waited for the same time (AWS Architecture
    Blog, "Exponential Backoff And Jitter": equal jitter).
    """
    pause = min(first, longest)
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, longest)
