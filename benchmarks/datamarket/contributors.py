"""Who hands in samples: one class a strategy.  docs/data-simulation.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """

    name: str
    size: int = 5
    concedes: bool = True
    insures: bool = False
    corrects: bool = False
    available: bool = True
    shows: bool = True

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
