"""What is known of one node: whether it is set aside, since when it has been silent, how high its chain is.  Pure.

Two things are kept apart.  A node is set aside so that nobody waits for it; to be wrong costs a question more.  It is
silent when it was really asked, and gave no answer: after long enough another one decides without it what cannot be
taken back.  So nothing that another node says makes a node silent; any answer ends it, an error too; a time in which
nobody asked is no silence.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST, LONGEST = 2.0, 300.0
"""Seconds for which a node is set aside, twice as many each time that it fails again, until it has worked for as long
as the longest: one that answers to looks and hangs when it is asked is no node that works."""
_UNASKED = 2 * LONGEST
"""Seconds without a question after which a silence begins anew: more than lie between two looks at a node that is set
aside, while anybody asks anything."""
_STILL = 60.0
"""Seconds without a new block after which a node stands still: five slots of Ethereum."""


@dataclass(slots=True)
class Standing:
    """What is known of a node; the times are of one clock that never goes back.

    Attributes:
        reason: why it is set aside; none for one that works.
        until: when it is looked at again.
        failures: since it last worked for long.
        back: when a look brought it back.
        silent: since when it has given no answer, looks included; None while it does.
        asked: when it last gave none.
        head: the latest block that it showed, -1 for none yet.
        moved: when that became a later one.
        chain: number of the chain that it said it is on; None where it has to say so anew.
    """

    reason: str = ""
    until: float = 0.0
    failures: int = 0
    back: float = 0.0
    silent: float | None = None
    asked: float = 0.0
    head: int = -1
    moved: float = 0.0
    chain: int | None = None

    def gave_no_answer(self, now: float) -> None:
        """It was asked.  What answers next at its place may be another one."""
        if self.silent is None or now - self.asked > _UNASKED:
            self.silent = now
        self.asked, self.chain = now, None

    def is_absent(self, now: float, after: float) -> bool:
        """Whether it has been silent for so many seconds."""
        return self.silent is not None and now - self.silent >= after

    def is_due(self, now: float) -> bool:
        """Whether it works, or is to be looked at again."""
        return not self.reason or self.until <= now

    def saw(self, block: int, now: float, *, latest: bool) -> None:
        """It shows a block."""
        if block > self.head:
            self.moved = now
        self.head = block if latest else max(block, self.head)

    def stands_still(self, now: float) -> bool:
        """Whether it has shown no later block for a while."""
        return now - self.moved > _STILL

    def set_aside(self, reason: str, now: float) -> bool:
        """Set it aside, for longer than the last time; nothing is added while it is, as many threads find out at once.

        Returns:
            Whether it was not.
        """
        if self.reason and now < self.until:
            return False
        if not self.reason and now - self.back > LONGEST:
            self.failures = 0
        fresh, self.reason = not self.reason, reason
        self.until = now + min(FIRST * 2**self.failures, LONGEST) * random.uniform(0.5, 1.5)
        self.failures = min(self.failures + 1, 16)
        return fresh

    def works(self, now: float) -> bool:
        """Take it back.  Returns whether it was set aside."""
        if not self.reason:
            return False
        self.reason, self.back = "", now
        return True
