"""An owner's vector, its commitment and its shares, with a direction for everything in them that is secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import native
from native import G1, FrArray, R
from tests.privacy.leakmeter.kernel import Bases
from tests.privacy.leakmeter.tangents import Tracker
from tests.privacy.leakmeter.toy import DIMENSION, SLACK_BITS, TAIL, Toy, slack_bits
from tests.support.plain_batch import seed_of

Bend = Callable[[list[FrArray]], None]
"""What a corrupt owner does to its shares before it signs their digests."""


@dataclass(frozen=True, eq=False)
class Secrets:
    """Columns of an honest owner's directions of x, what must not leak."""

    gradient: tuple[int, ...]
    bits: tuple[int, ...]


def secret_directions(tracker: Tracker) -> Secrets:
    """Directions of one owner's gradient and bits."""
    return Secrets(tuple(tracker.directions(DIMENSION)), tuple(tracker.directions(SLACK_BITS)))


@dataclass(frozen=True, eq=False)
class Vector:
    """What an owner shares: gradient, blinder, masks, bits, mask of the dealing check.

    Attributes:
        tangents: one direction an element.
    """

    elements: FrArray
    tangents: FrArray

    @classmethod
    def draw(cls, tracker: Tracker, values: tuple[int, ...], secrets: Secrets, name: object) -> Vector:
        """A vector with fresh randomness, named so that it can be drawn again."""
        elements = np.concatenate(
            (
                native.from_int64(np.array(values)),
                native.expand(seed_of("blinder", name), 1),
                native.expand_bounded(seed_of("masks", name), TAIL - 1, 107),
                slack_bits(values),
                native.expand(seed_of("check", name), 1),
            )
        )
        tail, check = tracker.directions(TAIL), tracker.directions(1)
        columns = [*secrets.gradient, *tail, *secrets.bits, *check]
        return cls(tracker.moved(elements, columns), _units(tracker, columns))

    def commitment(self, toy: Toy) -> G1:
        """The commitment to gradient and tail."""
        end, bases = DIMENSION + TAIL, toy.commitment.bases
        assert isinstance(bases, Bases)
        row = np.ascontiguousarray(self.elements[:end])
        return G1(bases.msm_with(row, self.tangents[:end]))

    def shares(self, tracker: Tracker, size: int, threshold: int, name: object) -> list[FrArray]:
        """A fresh dealing of degree ``threshold``, one share for each prover."""
        length, xs = len(self.elements), [p + 1 for p in range(size)]
        columns = [tracker.directions(length) for _ in range(threshold)]
        drawn = [native.expand(seed_of("coefficient", name, c), length) for c in range(threshold)]
        coefficients = [tracker.moved(vector, own) for vector, own in zip(drawn, columns, strict=True)]
        shares = native.shamir_share(self.elements, coefficients, xs)
        unknown = [_units(tracker, own) for own in columns]
        for x, share in zip(xs, shares, strict=True):
            terms = [(1, self.tangents), *((pow(x, power, R), one) for power, one in enumerate(unknown, start=1))]
            tracker.note(share, np.stack([tracker.combined((c, t[i]) for c, t in terms) for i in range(length)]))
        return shares


def _units(tracker: Tracker, columns: list[int]) -> FrArray:
    """Tangents of elements that are one direction each."""
    out = np.zeros((len(columns), tracker.width, 4), np.uint64)
    out[np.arange(len(columns)), columns, 0] = 1
    return out
