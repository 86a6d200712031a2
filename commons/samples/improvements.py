"""What bundles improve: right answers on revealed tests, counted bundle by bundle in the order of their commitments.

docs/protocol-data.md, section "Pay by improvement".  After each bundle the model is scored; a bundle is paid for what
it adds to the best score so far.  That telescopes: all pay together is for the final best, whoever cuts data into how
many bundles.  A copy gets what training on the same again adds, and cannot take from its original, as where each bundle
is left out in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, words
from commons.samples.merkletrees import MerkleTree
from commons.samples.nearcopies import near_to
from commons.samples.perceptrons import Perceptron
from commons.samples.sampleschemas import SampleSchema

__all__ = ["Improvement", "ImprovementTable", "Learner", "improvement_leaf", "improvement_table"]


class Learner(Protocol):
    """A model that everybody trains alike: a deterministic rule, as `Perceptron` is."""

    def train(self, samples: Iterable[bytes]) -> int:
        """Train on samples in their order."""

    def right(self, samples: list[bytes]) -> int:
        """How many samples are predicted as they are labelled."""


@dataclass(frozen=True, slots=True)
class Improvement:
    """A bundle's part.

    Attributes:
        bundle: its number.
        right: right answers after it.
        amount: its pay, in the token's smallest unit.
    """

    bundle: int
    right: int
    amount: int


@dataclass(frozen=True, slots=True)
class ImprovementTable:
    """All bundles' parts, in the order of their numbers.

    Attributes:
        base: right answers before the first bundle.
        tests: how many tests there are.
    """

    base: int
    tests: int
    parts: tuple[Improvement, ...]

    @property
    def paid(self) -> tuple[Improvement, ...]:
        """Parts that are not zero: the leaves of the tree, in this order."""
        return tuple(part for part in self.parts if part.amount > 0)

    @property
    def root(self) -> bytes:
        """32 bytes: root over ``improvement_leaf`` of all parts that are paid; zero if none is."""
        return self.tree().root if self.paid else bytes(32)

    def tree(self) -> MerkleTree:
        """The tree.  Raises InvalidInputError where nothing is paid."""
        return MerkleTree([improvement_leaf(part.bundle, part.amount) for part in self.paid])


def improvement_leaf(bundle: int, amount: int) -> bytes:
    """32 bytes that stand for a bundle's pay: ``keccak256(bytes.concat(keccak256(abi.encode(bundle, amount))))``."""
    return keccak(keccak(words(bundle, amount)))


def improvement_table(
    schema: SampleSchema,
    tests: list[bytes],
    initial: Sequence[bytes],
    bundles: Sequence[tuple[int, Sequence[bytes]]],
    budget: int,
    learner: Learner | None = None,
) -> ImprovementTable:
    """What each bundle is paid.

    A budget B over T tests pays floor(B M / T) for a best score of M; a bundle gets the difference that it makes.
    Samples within tau of a test are not trained on: whoever knew a test would otherwise be paid for it.

    Args:
        tests: that were revealed, all of which fit the schema.
        initial: the owner's own data, trained on first and paid to nobody.
        bundles: number and accepted samples of each, ascending by number.
        learner: before any training; a perceptron of 32-bit weights without margin, if it is None.

    Raises:
        InvalidInputError: there are no tests, a number does not ascend, or samples do not fit the schema.
    """
    numbers = [number for number, _ in bundles]
    if not tests or budget < 0 or any(later <= before for before, later in pairwise(numbers)):
        raise InvalidInputError("improvement needs tests, a budget, and bundles in the order of their numbers")
    learner = learner or Perceptron(schema)
    learner.train(_unseen(schema, tests, initial))
    base = best = learner.right(tests)
    parts = []
    for number, samples in bundles:
        learner.train(_unseen(schema, tests, samples))
        right = learner.right(tests)
        after = max(best, right)
        parts.append(Improvement(number, right, budget * after // len(tests) - budget * best // len(tests)))
        best = after
    return ImprovementTable(base, len(tests), tuple(parts))


def _unseen(schema: SampleSchema, tests: list[bytes], samples: Sequence[bytes]) -> list[bytes]:
    """Samples that are near to no test."""
    near = near_to(schema, tests, samples)
    return [sample for place, sample in enumerate(samples) if place not in near]
