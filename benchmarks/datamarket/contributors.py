"""Who hands in samples: one class a strategy.  docs/data-simulation.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.datamarket.samplepools import Content, Pool


@dataclass(slots=True)
class Contributor:
    """Honest: fresh samples, labelled by looking.

    Attributes:
        name: account.
        size: samples a bundle.
        concedes: whether it gives up a bad sample that was caught.
        insures: challenges own bad samples beforehand, and opens that only after somebody else opened one.
        corrects: challenges own bad samples and always opens that.
        available: whether a committee can fetch its bundles.
        shows: whether it shows them at all.
        delay: steps for which it shows a bundle later than it could.
        challenger: account from which it challenges itself; its own, if it is empty.
        original: account of the same party, whose bundle of the same step has the originals of its own: that it
            challenges beforehand, and opens only after somebody else opened a challenge.
    """

    name: str
    size: int = 5
    concedes: bool = True
    insures: bool = False
    corrects: bool = False
    available: bool = True
    shows: bool = True
    delay: int = 0
    challenger: str = ""
    original: str = ""

    @property
    def works(self) -> bool:
        """Whether a sample costs it work."""
        return True

    @property
    def harms(self) -> bool:
        """Whether a bad sample that gets through is worth something to it outside the market."""
        return False

    def batch(self, pool: Pool, public: Sequence[Content], rng: np.random.Generator) -> list[Content]:
        """The next bundle; empty where it has nothing."""
        return [self.made(content, rng) for content in pool.take(self.size)]

    def made(self, fresh: Content, rng: np.random.Generator) -> Content:
        """What is handed in for a fresh sample."""
        return fresh


class Malicious(Contributor):
    """Fresh samples under the next class's label."""

    @property
    def works(self) -> bool:
        return False

    @property
    def harms(self) -> bool:
        return True

    def made(self, fresh: Content, rng: np.random.Generator) -> Content:
        return fresh.labelled((fresh.truth + 1) % fresh.classes)


@dataclass(slots=True)
class Leader(Malicious):
    """Malicious, in as many bundles of the same content as it has accounts.

    Attributes:
        last: what it handed in last.
    """

    last: list[Content] = field(default_factory=list)

    def batch(self, pool: Pool, public: Sequence[Content], rng: np.random.Generator) -> list[Content]:
        self.last = [self.made(content, rng) for content in pool.take(self.size)]
        return self.last


@dataclass(slots=True)
class Follower(Malicious):
    """An account of a leader's that hands in the same at the same step, after it."""

    leader: Leader = field(default_factory=lambda: Leader(""))

    def batch(self, pool: Pool, public: Sequence[Content], rng: np.random.Generator) -> list[Content]:
        return self.leader.last


@dataclass(slots=True)
class Careless(Contributor):
    """Honest, but for a share of samples under the next class's label.

    Attributes:
        share: of samples that are wrong.
    """

    share: float = 0.0

    def made(self, fresh: Content, rng: np.random.Generator) -> Content:
        """Wrong sometimes."""
        return fresh.labelled((fresh.truth + 1) % fresh.classes) if rng.random() < self.share else fresh


class Lazy(Contributor):
    """Fresh samples under labels of chance."""

    @property
    def works(self) -> bool:
        return False

    def made(self, fresh: Content, rng: np.random.Generator) -> Content:
        return fresh.labelled(int(rng.integers(fresh.classes)))


@dataclass(slots=True)
class Copier(Contributor):
    """What others made public, with noise.

    Attributes:
        noise: by how much a copy differs; above the campaign's distance it is a sample of its own.
    """

    noise: int = 0

    @property
    def works(self) -> bool:
        return False

    def batch(self, pool: Pool, public: Sequence[Content], rng: np.random.Generator) -> list[Content]:
        if not public:
            return []
        chosen = rng.choice(len(public), min(self.size, len(public)), replace=False)
        return [pool.varied(public[at], self.noise, rng) for at in chosen]


@dataclass(slots=True)
class Flooder(Contributor):
    """One fresh sample, and near-duplicates of it."""

    noise: int = 1

    @property
    def works(self) -> bool:
        return False

    def batch(self, pool: Pool, public: Sequence[Content], rng: np.random.Generator) -> list[Content]:
        return [pool.varied(first, self.noise, rng) for first in pool.take(1) for _ in range(self.size)]


class Poisoner(Contributor):
    """Samples whose label is what anybody sees, drawn towards another class."""

    @property
    def works(self) -> bool:
        return False

    def batch(self, pool: Pool, public: Sequence[Content], rng: np.random.Generator) -> list[Content]:
        fresh = pool.take(self.size)
        return [pool.blended(each, rng) for each in fresh]
