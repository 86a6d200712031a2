"""One owner's vector, commitment and shares, with a direction for everything in it that is secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import native
from native import FrArray, R
from tests.privacy.leakmeter.kernel import Bases
from tests.privacy.leakmeter.tangents import Tracker
from tests.privacy.leakmeter.toy import DIMENSION, SLACK_BITS, TAIL, Toy, slack_bits
from tests.support.plain_batch import seed_of

Bend = Callable[[list[FrArray]], None]
"""What a corrupt owner does to its shares before it signs their digests."""


@dataclass(frozen=True, eq=False)
class Secrets:
    """Columns of an honest owner's directions.

    Attributes:
        gradient, bits: x, what must not leak.
    """

    gradient: tuple[int, ...]
    bits: tuple[int, ...]


def secret_directions(tracker: Tracker) -> Secrets:
    """Directions of one owner's gradient and bits."""
    return Secrets(tuple(tracker.directions(DIMENSION)), tuple(tracker.directions(SLACK_BITS)))


@dataclass(frozen=True, eq=False)
class Dealing:
    """What an owner hands in: a commitment and one share for each prover."""

    commitment: native.G1
    shares: list[FrArray]


def deal(toy: Toy, nth: int, values: tuple[int, ...], size: int, threshold: int, secrets: Secrets | None) -> Dealing:
    """An honest dealing of a gradient; without ``secrets`` it is the adversary's own, and nothing in it is secret."""
    vector = _vector(nth, values)
    coefficients = [native.expand(seed_of("coefficient", nth, c), len(vector)) for c in range(threshold)]
    xs = [p + 1 for p in range(size)]
    shares = native.shamir_share(vector, coefficients, xs)
    tangents = None if secrets is None else _of_vector(toy.tracker, secrets, len(vector))
    if tangents is not None:
        unknown = [_diagonal(toy.tracker, len(vector)) for _ in range(threshold)]
        for x, share in zip(xs, shares, strict=True):
            terms = [(1, tangents), *((pow(x, power, R), one) for power, one in enumerate(unknown, start=1))]
            toy.tracker.note(share, _sum(toy.tracker, terms))
    row = np.ascontiguousarray(vector[: DIMENSION + TAIL])
    bases = toy.commitment.bases
    assert isinstance(bases, Bases)
    commitment = bases.msm_with(row, None if tangents is None else tangents[: len(row)])
    return Dealing(native.G1(commitment), shares)


def _vector(nth: int, values: tuple[int, ...]) -> FrArray:
    """Gradient, blinder, masks, bits, mask of the dealing check."""
    return np.concatenate(
        (
            native.from_int64(np.array(values)),
            native.expand(seed_of("blinder", nth), 1),
            native.expand_bounded(seed_of("masks", nth), TAIL - 1, 107),
            slack_bits(values),
            native.expand(seed_of("check", nth), 1),
        )
    )


def _of_vector(tracker: Tracker, secrets: Secrets, length: int) -> FrArray:
    tail, check = tracker.directions(TAIL), tracker.directions(1)
    return _units(tracker, [*secrets.gradient, *tail, *secrets.bits, *check], length)


def _diagonal(tracker: Tracker, length: int) -> FrArray:
    """Tangents of ``length`` fresh uniform elements."""
    return _units(tracker, tracker.directions(length), length)


def _units(tracker: Tracker, columns: list[int], length: int) -> FrArray:
    out = np.zeros((length, tracker.width, 4), np.uint64)
    out[np.arange(length), columns, 0] = 1
    return out


def _sum(tracker: Tracker, terms: list[tuple[int, FrArray]]) -> FrArray:
    """The sum of coefficient * tangents over whole vectors."""
    return np.stack([tracker.combined((c, t[i]) for c, t in terms) for i in range(len(terms[0][1]))])
