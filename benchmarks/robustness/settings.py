"""What is run: the numbers of every run, and the grid of cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

OWNERS = 20
ROUNDS = 200
BATCH = 32
"""Samples that an owner draws from its own for a gradient."""
REFERENCE_SAMPLES = 100
"""Samples that the model owner has itself."""
HIDDEN = 32
"""Width of the MLP's hidden layer."""
CHANNELS = 8
"""Of the CNN's convolution."""
NORM = 1.0
FRACTION_BITS = 16
BOUND = int(NORM * (1 << FRACTION_BITS)) ** 2
STEP = DITHER = 4
MIN_OWNERS = 4
MORE_OWNERS = 8
"""What a task asks for that is created without more words; so large a part of 20 owners costs accuracy."""
PAST_SUMS = 5
"""Public sums that the model owner of an open task takes out of its reference."""
CLIPPING = 1.0
"""Radius of centred clipping."""
CONCENTRATION = 0.5
"""Of the Dirichlet distribution by which each class is divided among the owners."""
LAST = 10
"""Rounds at the end over whose models the accuracy is averaged."""
SEEDS = (1, 2, 3, 4, 5)
PERCENTS = (10, 20, 30, 45)
SPREADS = ("iid", "dirichlet")
ATTACKS = (
    "label flip", "sign flip", "inner product", "a little is enough", "noise", "scaling", "back door", "adaptive",
    "informed", "replay",
)  # fmt: skip
NONE = "none"
MEAN = "mean"
HEADLINE = "reference open"
"""What `gradroll` does unless it is told otherwise."""
WIDER = "reference open, 8"
"""The same with larger classes."""
PEERS = ("krum", "multi-krum", "trimmed mean", "median", "centred clipping")
WIDER_PERCENTS = (0, 30)
RULES = ("norm", "reference", HEADLINE, *PEERS)
RATES = {
    MEAN: 1.5, "norm": 1.0, "reference": 2.0, HEADLINE: 2.0, WIDER: 2.0, "krum": 1.0, "multi-krum": 1.0,
    "trimmed mean": 1.0, "median": 1.0, "centred clipping": 1.0,
}  # fmt: skip
"""Step lengths at the start; they fall to zero in a straight line."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One training that is attacked in one way.

    Attributes:
        data: "digits" or "cancer".
        model: "mlp" or "cnn".
        spread: how samples are divided among the owners, "iid" or "dirichlet".
        attack: one of `ATTACKS`, or "none".
        percent: attackers among the owners.
    """

    data: str
    model: str
    spread: str
    attack: str
    percent: int

    @property
    def name(self) -> str:
        """As its result file is called."""
        return f"{self.data}-{self.model}-{self.spread}-{self.attack.replace(' ', '-')}-{self.percent}"

    @property
    def attackers(self) -> int:
        """How many of the owners attack."""
        return OWNERS * self.percent // 100

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules that are run: the plain mean only where nobody attacks it, larger classes in a part of the cells."""
        first = (MEAN,) if self.attack == NONE else ()
        return (*first, *RULES, *((WIDER,) if self.percent in WIDER_PERCENTS else ()))


def grid() -> Iterator[Cell]:
    """Every cell of the MLP on digits: those without attack, then all attacks."""
    for spread in SPREADS:
        yield Cell("digits", "mlp", spread, NONE, 0)
    for spread, attack, percent in product(SPREADS, ATTACKS, PERCENTS):
        yield Cell("digits", "mlp", spread, attack, percent)


def moved(cell: Cell) -> Iterator[Cell]:
    """A cell of the grid with the other model, and with the other data."""
    yield Cell("digits", "cnn", cell.spread, cell.attack, cell.percent)
    yield Cell("cancer", "mlp", cell.spread, cell.attack, cell.percent)
