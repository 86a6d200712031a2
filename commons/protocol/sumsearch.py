"""Finding the sum among provers' shares of which some are wrong: what it must open decides, not who is believed.

Where decoding locates the wrong shares, it is enough.  Where it does not (fewer than 3t + 1 shares, as a coordinator
keeps of a private sum), sets of t + 1 shares are tried.  Commitments are linear, so each share is committed to once,
and a set costs t + 1 multiplications of a point, not a commitment to a vector as long as the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha512
from itertools import combinations
from math import comb

import native
from circuits.commitment import CommitmentKey
from circuits.errors import BlamedProversError, InconsistentError
from commons.sharing.reconstruct import open_vector
from native import G1, FrArray

_MOST_SETS = 1 << 20
"""Sets that are tried, some minutes.  Of 3t + 1 to 32 provers with t liars any quorum has a right one among them: of 21
shares with t = 10 one in 352716.  Where not all are tried, one is found but for a chance of 2^-80."""
_MOST_TO_NAME = 1 << 12
"""Sets that are tried to tell liars from others, once the sum is found."""
_WHAT = "aggregate"


@dataclass(frozen=True, slots=True, eq=False)
class FoundVector:
    """The sum, and whose share of it was wrong.

    Attributes:
        vector: FrArray (n, 4); it opens the commitment.
        liars: provers that lied, if at most t did.  Fewer than lied, where shares alone cannot tell who did.
    """

    vector: FrArray = field(repr=False)
    liars: tuple[int, ...] = ()


def find_vector(
    shares: Mapping[int, FrArray], threshold: int, key: CommitmentKey, commitment: G1
) -> FoundVector | None:
    """The vector that opens a commitment, from shares of degree t by prover, whoever lies; None if none is found."""
    if len(shares) <= threshold:
        return None
    found = _decoded(shares, threshold)
    if found is not None and key.commit_long(found.vector) == commitment:
        return found
    points = {prover: key.commit_long(share) for prover, share in sorted(shares.items())}
    search = _Search(points, threshold, commitment)
    chosen = search.first()
    if chosen is None:
        return None
    vector = open_vector({p: shares[p] for p in chosen}, threshold, 0, _WHAT)
    return FoundVector(vector, search.liars(chosen))


def _decoded(shares: Mapping[int, FrArray], threshold: int) -> FoundVector | None:
    """What fits all shares, or all but those that can be located."""
    try:
        return FoundVector(open_vector(shares, threshold, threshold, _WHAT))
    except BlamedProversError as error:
        kept = {p: s for p, s in shares.items() if p not in error.provers}
        return FoundVector(open_vector(kept, threshold, 0, _WHAT), tuple(error.provers))
    except InconsistentError:
        return None


@dataclass(frozen=True, slots=True)
class _Search:
    """Sets of t + 1 provers, in the exponent.

    Attributes:
        points: commitments to shares, by prover in ascending order.
    """

    points: Mapping[int, G1]
    threshold: int
    commitment: G1

    def first(self) -> tuple[int, ...] | None:
        """A set whose shares open the commitment."""
        return next((chosen for chosen in self._sets() if self._at(chosen, 0) == self.commitment), None)

    def liars(self, chosen: tuple[int, ...]) -> tuple[int, ...]:
        """Who certainly lied, if at most t did.

        t >= 2 liars can agree on another polynomial with the same sum, through t - 1 shares of honest provers: where
        fewer than 2t shares fit, that may be the one that was found.  So all of them are looked for, and who is on one
        that leaves at most t provers out is named by none.
        """
        fits = self._fitting(chosen)
        if len(fits) >= 2 * self.threshold:
            return self._others(fits)
        if self._count > _MOST_TO_NAME:
            return ()
        cleared = set[int]()
        for other in combinations(self.points, self.threshold + 1):
            if not cleared.issuperset(other) and self._at(other, 0) == self.commitment:
                fits = self._fitting(other)
                cleared |= fits if len(fits) >= len(self.points) - self.threshold else set()
        return self._others(cleared) if cleared else ()

    @property
    def _count(self) -> int:
        return comb(len(self.points), self.threshold + 1)

    def _sets(self) -> Iterator[tuple[int, ...]]:
        """All of them, or as many as there is time for: drawn by a hash of all shares, at which nobody can aim."""
        size = self.threshold + 1
        if self._count <= _MOST_SETS:
            yield from combinations(self.points, size)
            return
        seed = sha512(b"".join(self.points.values())).digest()
        for number in range(_MOST_SETS):
            drawn = sha512(seed + number.to_bytes(4)).digest()  # two bytes for each of at most 32 provers
            ranks = {p: drawn[2 * at : 2 * at + 2] for at, p in enumerate(self.points)}
            yield tuple(sorted(sorted(ranks, key=lambda p: ranks[p])[:size]))

    def _fitting(self, chosen: tuple[int, ...]) -> set[int]:
        """Provers whose shares lie on the polynomial through a set's."""
        rest = (p for p in self.points if p not in chosen)
        return {*chosen, *(p for p in rest if self._at(chosen, p + 1) == self.points[p])}

    def _others(self, fits: set[int]) -> tuple[int, ...]:
        return tuple(p for p in self.points if p not in fits)

    def _at(self, chosen: tuple[int, ...], at: int) -> G1:
        """Commitment to what the polynomial through a set's shares is there."""
        coefficients = native.lagrange_coefficients([p + 1 for p in chosen], at)
        return native.g1_linear_combination([self.points[p] for p in chosen], coefficients)
