"""Pseudo-random secret sharing (Cramer, Damgard, Ishai 2005): shared randomness without messages.

Each set of N - t provers holds one key.  A value is the sum over all sets of a pseudo-random element known to the set,
so t colluding provers lack the key of the set that excludes them all, and know nothing of the value.  Every derivation
is named by a session (an attempt's digest names its provers, its submissions and its number) and a purpose; a name is
used for one thing only.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from itertools import combinations

import native
from circuits.errors import InvalidInputError
from circuits.hashing import tag, words
from circuits.statement import Committee
from native import FrArray, R

KeySet = tuple[int, ...]
"""Committee indices of the provers that hold one shared key, ascending."""
_TAG = tag("gradroll/v1/prss")
_BLOCK = 1 << 15


class Purpose(IntEnum):
    """What a shared random value is for."""

    COIN = 1
    MASK_ROW = 2
    PRODUCT_MASK = 3
    PRODUCT_ZERO = 4
    RESIDUAL_ZERO = 5
    GRAM_BLINDER = 6
    PROOF_BLINDERS = 7
    PROOF_ZERO = 8
    NOISE = 9
    SQUARE_ZERO = 10
    CHECK_MASK = 11
    CHECK_PRODUCT_MASK = 12
    CHECK_PRODUCT_ZERO = 13


def key_sets(committee: Committee) -> tuple[tuple[int, ...], ...]:
    """All sets of N - t provers, in lexicographic order."""
    return tuple(combinations(range(committee.size), committee.size - committee.threshold))


def vanishing_at(provers: Sequence[int], index: int) -> int:
    """Value for prover ``index`` of the polynomial of least degree that is 1 at 0 and 0 at ``provers``, modulo r."""
    x, out = index + 1, 1
    for prover in provers:
        zero = prover + 1
        out = out * (zero - x) % R * pow(zero, -1, R) % R
    return out


@dataclass(frozen=True, slots=True)
class PrssKeys:
    """One prover's keys: 32 bytes for each set of N - t provers that it belongs to."""

    index: int
    committee: Committee
    keys: Mapping[tuple[int, ...], bytes] = field(repr=False)

    def __post_init__(self) -> None:
        wanted = {s for s in key_sets(self.committee) if self.index in s}
        if set(self.keys) != wanted or any(len(k) != 32 for k in self.keys.values()):
            raise InvalidInputError("the shared-randomness keys do not belong to this prover and committee")

    def random(self, session: bytes, purpose: Purpose, count: int) -> FrArray:
        """Shares, of degree t, of ``count`` uniform values: FrArray (count, 4)."""
        return self._combine([(s, [self._weight(s)]) for s in self.keys], session, purpose, count)

    def zero(self, session: bytes, purpose: Purpose, count: int) -> FrArray:
        """Shares, of degree 2t and otherwise uniform, of ``count`` zeros: FrArray (count, 4)."""
        x = self.index + 1
        powers = [pow(x, power, R) for power in range(1, self.committee.threshold + 1)]
        terms = [(s, [self._weight(s) * p % R for p in powers]) for s in self.keys]
        return self._combine(terms, session, purpose, count)

    def _combine(
        self, terms: list[tuple[tuple[int, ...], list[int]]], session: bytes, purpose: Purpose, count: int
    ) -> FrArray:
        """Sum over sets and powers; block by block, so that long vectors of many sets are never held together."""
        sources = [
            (self._seed(members, session, purpose), nth * count, coefficient)
            for members, coefficients in terms
            for nth, coefficient in enumerate(coefficients)
        ]
        weights = [coefficient for _, _, coefficient in sources]
        out = native.zeros(count)
        for start in range(0, count, _BLOCK):
            size = min(_BLOCK, count - start)
            rows = [native.expand(seed, size, offset + start) for seed, offset, _ in sources]
            out[start : start + size] = native.linear_combination(rows, weights)
        return out

    def _seed(self, members: tuple[int, ...], session: bytes, purpose: Purpose) -> bytes:
        return hmac.digest(self.keys[members], words(_TAG, session, int(purpose)), sha256)

    def _weight(self, members: tuple[int, ...]) -> int:
        return vanishing_at([p for p in range(self.committee.size) if p not in members], self.index)
