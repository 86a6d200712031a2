"""Sharing in 13 bytes a coordinate: replicated seeds and one correction of small integers.

Replicated secret sharing (Cramer, Damgard, Ishai 2005), dealt by the owner.  Every set A of t provers stands for a seed
that all the others hold.  The seed expands to masks m_A: integers of `mask_bits` for the coordinates, uniform field
elements for the rest of the vector.  The correction is c = secret + sum_A m_A, and prover p computes

    share(p) = c Z(x) - sum_(A without p) m_A F_A(x),   x = p + 1,

where F_A and Z are the polynomials of degree t that are 1 at 0 and 0 at the provers of A, and at t provers of the
owner's choice: those need no correction.  That is a Shamir sharing of degree t like any other; nothing behind this
module knows the difference.

t colluding provers lack the masks of their own set, which hide a coordinate g up to a statistical distance of
|g| 2^-mask_bits.  Over all coordinates that is at most sqrt(d * BOUND) 2^-mask_bits: 2^-60 for a million coordinates, N
= 4 and the largest bound there is, 2^-75 for one of 2^32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, pairwise
from math import comb

import native
from circuits.errors import WireError
from circuits.statement import Committee, Membership, share_length
from commons.sharing.prss import vanishing_at
from commons.sharing.scalars import from_little_endian
from native import FrArray, R

SEED_BYTES = 32
PACKED_BYTES = 13
MAX_SETS = 64
"""Most sets, so most seeds of a dealing: beyond, expanding them costs more than sending field elements."""
BLOCK = 1 << 15
"""Coordinates expanded at once."""
_MASK_ROOM = 103
"""The sum of all masks stays below 2^103; the other half of 104 bits is for the secret and its sign."""


def fits(committee: Committee) -> bool:
    """Whether a committee is small enough for this form of sharing."""
    return comb(committee.size, committee.threshold) <= MAX_SETS


def seed_count(committee: Committee) -> int:
    """Seeds of a dealing: C(N, t)."""
    return comb(committee.size, committee.threshold)


def mask_bits(committee: Committee) -> int:
    """Width of a coordinate's mask: 101 bits for N = 4, t = 1; 98 for N = 7, t = 2."""
    return _MASK_ROOM - (seed_count(committee) - 1).bit_length()


def head_bytes(committee: Committee) -> int:
    """Bytes of a payload, without its first, in front of the correction: exempt provers and seeds."""
    return committee.threshold + SEED_BYTES * comb(committee.size - 1, committee.threshold)


def payload_sizes(dimension: int, committee: Committee) -> tuple[int, int]:
    """Bytes of a payload, without its first: for a prover without the correction, and for one with it."""
    head = head_bytes(committee)
    return head, head + PACKED_BYTES * dimension + 32 * (share_length(dimension) - dimension)


def largest_payload(dimension: int) -> int:
    """No less than `payload_sizes` for any committee that fits: each prover is named once, each set has one seed."""
    return MAX_SETS * (1 + SEED_BYTES) + PACKED_BYTES * dimension + 32 * (share_length(dimension) - dimension)


def deal(
    values: FrArray, rest: FrArray, committee: Committee, exempt: Sequence[int], seeds: Sequence[bytes]
) -> Iterator[bytes]:
    """One payload a prover, by index.

    Args:
        values: (d, 4), integers of absolute value below 2^102, negative ones modulo r.
        rest: (192, 4), any field elements.
        exempt: the t provers that get no correction, ascending.
        seeds: `seed_count` seeds, for the sets of t provers in lexicographic order.

    Raises:
        ValueError: a value is out of range.
    """
    masks = [native.expand(seed, len(rest)) for seed in seeds]
    corrected = native.linear_combination([rest, *masks], [1] * (len(masks) + 1))
    correction = native.integer_correction(values, seeds, mask_bits(committee)) + corrected.astype("<u8").tobytes()
    sets = list(combinations(range(committee.size), committee.threshold))
    for prover in range(committee.size):
        held = b"".join(seed for members, seed in zip(sets, seeds, strict=True) if prover not in members)
        yield bytes(exempt) + held + (b"" if prover in exempt else correction)


@dataclass(frozen=True)
class IntegerShare:
    """One prover's payload, taken apart.

    Attributes:
        payload: without its first byte.
    """

    holder: Membership
    dimension: int
    payload: memoryview = field(repr=False)

    def __post_init__(self) -> None:
        """Raises WireError for a payload of another length, or exempt provers that do not ascend or do not exist."""
        committee = self.holder.committee
        ascending = all(a < b for a, b in pairwise((*self._exempt, committee.size)))
        if len(self._exempt) < committee.threshold or not ascending:
            raise WireError(f"a share names {committee.threshold} provers without correction, ascending")
        wanted = payload_sizes(self.dimension, committee)[self.holder.index not in self._exempt]
        if len(self.payload) != wanted:
            raise WireError(f"this share for {self.dimension} coordinates has {wanted + 1} bytes, not {self.size}")

    @property
    def size(self) -> int:
        """Bytes of the whole payload."""
        return len(self.payload) + 1

    @cached_property
    def _exempt(self) -> bytes:
        return bytes(self.payload[: self.holder.committee.threshold])

    @cached_property
    def _seeds(self) -> list[bytes]:
        start = len(self._exempt)
        end = head_bytes(self.holder.committee)
        return [bytes(self.payload[i : i + SEED_BYTES]) for i in range(start, end, SEED_BYTES)]

    @cached_property
    def _weights(self) -> list[int]:
        committee, index = self.holder.committee, self.holder.index
        sets = combinations(range(committee.size), committee.threshold)
        return [-vanishing_at(members, index) % R for members in sets if index not in members]

    @cached_property
    def _weight_of_correction(self) -> int:
        return vanishing_at(self._exempt, self.holder.index)

    @cached_property
    def _correction(self) -> memoryview:
        return self.payload[head_bytes(self.holder.committee) :]

    def blocks(self) -> Iterator[FrArray]:
        """The share, FrArray (share_length, 4), in consecutive pieces.

        Raises:
            WireError: the correction holds an element that is not below r.
        """
        yield from (self._coordinates(start) for start in range(0, self.dimension, BLOCK))
        yield self._rest()

    def _coordinates(self, start: int) -> FrArray:
        size = min(BLOCK, self.dimension - start)
        packed = bytes(self._correction[PACKED_BYTES * start : PACKED_BYTES * (start + size)])
        bits = mask_bits(self.holder.committee)
        return native.integer_share(self._seeds, self._weights, bits, packed, self._weight_of_correction, start, size)

    def _rest(self) -> FrArray:
        count = share_length(self.dimension) - self.dimension
        rows = [native.expand(seed, count) for seed in self._seeds]
        weights = list(self._weights)
        if self._correction:
            rows.append(from_little_endian(bytes(self._correction[PACKED_BYTES * self.dimension :]), "a share"))
            weights.append(self._weight_of_correction)
        return native.linear_combination(rows, weights)
