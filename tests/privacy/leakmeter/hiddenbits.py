"""The noise of graded cohorts under the meter: squares are public, and the bits behind them are secrets.

Provers share a uniform r and open r^2, which fixes a root; r is that root or its opposite, and b = (r / root + 1) / 2
is the bit.  To first order the square would give r away, though it says nothing about the sign.  So here the root is a
constant and the bit the secret: r = (2 b - 1) root moves with b alone.  An honest prover's share of the square is that
of r^2 plus a share of zero, which hides all but the value: given the value and the corrupt provers' shares it depends
on no sign.  What the opened value moves by is taken off accordingly, along the polynomial of degree t that is 1 at 0
and 0 at the corrupt provers; the share of zero has to hide the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.statement import Committee
from commons.sharing.prss import KeySet, PrssKeys, Purpose, key_sets, vanishing_at
from native import FrArray, R
from tests.privacy.leakmeter.kernel import real
from tests.privacy.leakmeter.tangents import Tracker

_SESSIONS = 6
"""Most sessions from which a schedule draws noise."""


class HiddenBits:
    """Directions of all bits of noise.

    Attributes:
        count: bits that a session can have.
    """

    def __init__(self, tracker: Tracker, keys: Sequence[PrssKeys], corrupt: frozenset[int], count: int) -> None:
        self.count = count
        self._tracker = tracker
        self._keys = keys
        self._corrupt = corrupt
        self._free = tracker.directions(_SESSIONS * count)
        self._columns: dict[bytes, list[int]] = {}
        self._roots: dict[bytes, list[int]] = {}

    @property
    def committee(self) -> Committee:
        """Whose noise it is."""
        return self._keys[0].committee

    def columns(self, session: bytes) -> list[int]:
        """One direction a bit; a session that has drawn no noise gets new ones too."""
        if session not in self._columns:
            assert len(self._free) >= self.count, "more sessions draw noise than the meter has directions for"
            self._columns[session], self._free = self._free[: self.count], self._free[self.count :]
        return self._columns[session]

    def signs(self, session: bytes) -> list[int]:
        """2 b - 1 of each bit: 1 or -1."""
        return [1 if r <= R // 2 else -1 for r in self._values(session)]

    def held(self, session: bytes, prover: int, bits: FrArray, numbers: Sequence[int]) -> list[int]:
        """2 R - 1 of what provers hold for bits, R = (r / root' + 1) / 2: 1 or -1, if root' is the root.

        Args:
            bits: a prover's shares of them.
            numbers: which bits of the session they are.
        """
        values, shares = self._values(session), real("to_ints")(self._shares(session, prover))
        made = zip(numbers, real("to_ints")(bits), strict=True)
        return [(2 * bit - 1) * pow(shares[k], -1, R) * values[k] % R for k, bit in made]

    def enter(self, session: bytes) -> None:
        """Enter the directions of what the provers derive in a session, before they derive it."""
        if session in self._roots:
            return
        columns, values = self.columns(session), self._values(session)
        self._roots[session] = roots = [min(r, R - r) for r in values]
        bits = self._units(columns, [2 * root for root in roots])
        first, *others = (s for s in key_sets(self.committee) if not self._corrupt & set(s))
        rest = real("zeros")(bits.size // 4)
        for members in others:
            own = self._units(self._tracker.directions(self.count), [1] * self.count)
            self._tracker.give(self._seed(members, session), own)
            rest = real("add")(_flat(self._wide(rest.reshape(self.count, -1, 4))), _flat(own))
        free = real("sub")(_flat(self._wide(bits)), _flat(self._wide(rest.reshape(self.count, -1, 4))))
        self._tracker.give(self._seed(first, session), free.reshape(self.count, -1, 4))
        self._note_squares(session, columns, values, roots)

    def _note_squares(self, session: bytes, columns: list[int], values: list[int], roots: list[int]) -> None:
        """What the opened square of each share's value moves by: 2 r times 2 root."""
        for prover in range(self.committee.size):
            weight = vanishing_at(sorted(self._corrupt), prover)
            by = [4 * r * root * weight for r, root in zip(values, roots, strict=True)]
            for share, tangent in zip(self._shares(session, prover), self._units(columns, by), strict=True):
                self._tracker.note_square(share.tobytes(), tangent)

    def _units(self, columns: list[int], factors: list[int]) -> FrArray:
        out = np.zeros((len(columns), self._tracker.width, 4), np.uint64)
        out[np.arange(len(columns)), columns] = real("from_ints")([factor % R for factor in factors])
        return out

    def _wide(self, tangents: FrArray) -> FrArray:
        missing = self._tracker.width - tangents.shape[1]
        return np.concatenate((tangents, np.zeros((len(tangents), missing, 4), np.uint64)), axis=1)

    def _elements(self, session: bytes, members: KeySet) -> FrArray:
        out: FrArray = real("expand")(self._seed(members, session), self.count, 0)
        return out

    def _seed(self, members: KeySet, session: bytes) -> bytes:
        return PrssKeys._seed(self._keys[members[0]], members, session, Purpose.NOISE)

    def _values(self, session: bytes) -> list[int]:
        sets = [self._elements(session, members) for members in key_sets(self.committee)]
        out: list[int] = real("to_ints")(real("linear_combination")(sets, [1] * len(sets)))
        return out

    def _shares(self, session: bytes, prover: int) -> FrArray:
        own = [members for members in key_sets(self.committee) if prover in members]
        weights = [vanishing_at([p for p in range(self.committee.size) if p not in s], prover) for s in own]
        out: FrArray = real("linear_combination")([self._elements(session, s) for s in own], weights)
        return out


def _flat(tangents: FrArray) -> FrArray:
    return np.ascontiguousarray(tangents).reshape(-1, 4)
