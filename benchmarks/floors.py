"""The least CPU time that a step can take on this machine: its operations at the rates measured in `kernels`.

The counts are what the protocol asks for, not what the code does, so measured / floor says how much is left to gain
without another protocol or faster primitives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.cases import Case
from benchmarks.kernels import additions
from circuits.statement import TAIL, domain_size, share_length

_SCALAR = 32
_FIELD_BITS = 254
Rates = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Floors:
    """Floors of one case, in CPU seconds."""

    case: Case
    rates: Rates

    @property
    def prover_steps(self) -> dict[str, float]:
        """By step, for one prover and a whole batch; steps that do not grow with the model are left out."""
        d, rows = self.case.dimension, self.case.owners + 1
        products = rows * (rows + 1) / 2 * d / self.rates["lazy_multiplications"]
        mask = self._key_sets() * d * _SCALAR / self.rates["expand"] + self._msm(d + TAIL)
        summed = rows * d / self.rates["lazy_multiplications"] + self._moved(rows + 1)
        return {
            "share": self.intake,
            "COIN": self._expanded,
            "PROJECT": self._projection(self.case.owners),
            "MASK": products + mask + self._projection(1),
            "COMBINE": summed + self._hashed(1),
            "AGGREGATE": self._moved(rows) + self._hashed(1),
            "ATTEST": self._msm(d, self._sum_bits),
        }

    @property
    def prover(self) -> float:
        """One prover, whole batch."""
        return sum(self.prover_steps.values())

    @property
    def intake(self) -> float:
        """Decrypt, hash, check and write the shares that are not seeds."""
        size = self._dense * share_length(self.case.dimension) * _SCALAR
        return size / self.rates["seal"] + size / self.rates["sha256"] + 2 * size / self.rates["memory"]

    @property
    def coordinator(self) -> float:
        """Decode two rows, check the combination, prove the sum-check: five full multiplications, seven transforms."""
        n, d = domain_size(self.case.dimension), self.case.dimension
        rows = 2 * self.case.provers * d * (1 / self.rates["lazy_multiplications"] + _SCALAR / self.rates["sha256"])
        transforms = 7 * n * max(n.bit_length(), 1) / self.rates["lazy_multiplications"]
        return rows + transforms + self._projection(1) + 5 * self._msm(n) + self._msm(d, self._sum_bits)

    @property
    def owner(self) -> float:
        """Commit to 16-bit integers, expand t seeds, share, hash and seal N - t vectors."""
        length, t, n = share_length(self.case.dimension), self.case.threshold, self.case.provers
        dense = (n - t) * length
        field = dense * t / self.rates["lazy_multiplications"] + t * length * _SCALAR / self.rates["expand"]
        wire = dense * _SCALAR * (1 / self.rates["seal"] + 1 / self.rates["sha256"])
        return self._msm(self.case.dimension, 16) + field + wire

    @property
    def upload(self) -> float:
        """Bytes a coordinate: N - t vectors of field elements."""
        return float(_SCALAR * (self.case.provers - self.case.threshold))

    @property
    def shares_held(self) -> int:
        """Bytes of the shares of a batch, seeds expanded."""
        return self.case.owners * share_length(self.case.dimension) * _SCALAR

    @property
    def _dense(self) -> float:
        """Shares of a batch that come as scalars, on average over provers."""
        return self.case.owners * (1 - self.case.threshold / self.case.provers)

    @property
    def _expanded(self) -> float:
        """Expanding the shares that come as seeds."""
        return (self.case.owners - self._dense) * self.case.dimension * _SCALAR / self.rates["expand"]

    @property
    def _sum_bits(self) -> int:
        return 16 + self.case.owners.bit_length()

    def _key_sets(self) -> float:
        """Sets of N - t provers that a prover belongs to."""
        members, count = self.case.provers - self.case.threshold, 1.0
        for i in range(1, members):
            count = count * (self.case.provers - i) / i
        return count

    def _projection(self, rows: int) -> float:
        return 64 * rows * self.case.dimension / self.rates["projections"]

    def _moved(self, rows: int) -> float:
        return rows * self.case.dimension * _SCALAR / self.rates["memory"]

    def _hashed(self, rows: int) -> float:
        return rows * self.case.dimension * _SCALAR / self.rates["sha256"]

    def _msm(self, points: int, bits: int = _FIELD_BITS) -> float:
        window = min(range(3, 20), key=lambda width: additions(points, bits, width))
        return additions(points, bits, window) / self.rates["additions"]
