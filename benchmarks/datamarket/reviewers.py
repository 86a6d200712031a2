"""Who looks at what others handed in: one class a strategy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from benchmarks.datamarket.samplepools import Content


@dataclass(slots=True)
class Reviewer:
    """Looks at a share of all samples, and challenges the bad ones among them.

    It looks at everything of a contributor while more than the tolerated share of what it saw of it was bad, and
    otherwise at the share that it always looks at, so that nobody becomes careless.

    Attributes:
        always: share of samples that it looks at whoever handed them in.
        tolerated: share of bad samples at which looking stops to pay.
        seen, bad: samples of each contributor that it looked at, and bad ones among them.
    """

    name: str
    always: float
    tolerated: float = 1.0
    seen: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)

    def looks(self, contributor: str, count: int, rng: np.random.Generator) -> list[int]:
        """Samples of a bundle that it looks at."""
        worth = self.bad[contributor] > self.tolerated * max(1, self.seen[contributor])
        share = 1.0 if worth else self.always
        return [at for at in range(count) if rng.random() < share]

    def challenges(self, contributor: str, content: Content) -> bool:
        """Whether it challenges what it has looked at."""
        self.seen[contributor] += 1
        self.bad[contributor] += not content.is_good
        return not content.is_good


class FalseChallenger(Reviewer):
    """Challenges good samples, and hopes that the arbiter errs."""

    def challenges(self, contributor: str, content: Content) -> bool:
        return content.is_good
