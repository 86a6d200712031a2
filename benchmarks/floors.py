"""The least CPU time that a step can take on this machine: its operations at the rates measured in `kernels`.

The counts are what the protocol asks for, not what the code does, so measured / floor says how much is left to gain
without another protocol or faster primitives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb

from benchmarks.cases import Case
from benchmarks.kernels import additions
from circuits.statement import TAIL, domain_size, share_length
from commons.sharing.replicated import PACKED_BYTES

_SCALAR = 32
_MASK = 16
"""Bytes of keystream for one mask."""
_SHORT = 0.5
"""A product of a number of 128 bits and a residue, in multiplications of residues."""
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
        mask = self._seeds_held * d * _SCALAR / self.rates["expand"] + self._msm(d + TAIL)
        summed = rows * d / self.rates["lazy_multiplications"] + self._moved(rows + 1)
        return {
            "share": self.intake,
            "PROJECT": self._projection(self.case.owners),
            "MASK": products + mask + self._projection(1),
            "COMBINE": summed + self._hashed(1),
            "ATTEST": self._msm(d + TAIL) + self._projection(1) + self._hashed(2),
            "RELEASE": self._moved(rows) + self._hashed(1),
        }

    @property
    def prover(self) -> float:
        """One prover, whole batch."""
        return sum(self.prover_steps.values())

    @property
    def intake(self) -> float:
        """Decrypt and hash what is sent, expand masks, weigh them and the corrections, write the scalars."""
        masks, d = self.case.owners * self._seeds_held, self.case.dimension
        sent = self._corrected * d * PACKED_BYTES
        wire = sent / self.rates["seal"] + sent / self.rates["sha256"]
        weighed = _SHORT * (masks + self._corrected) * d / self.rates["lazy_multiplications"]
        return wire + masks * d * _MASK / self.rates["masks"] + weighed + self._moved(self.case.owners)

    @property
    def coordinator(self) -> float:
        """Decode two rows, check the combination, prove the sum-check: five full multiplications, seven transforms."""
        n, d = domain_size(self.case.dimension), self.case.dimension
        rows = 2 * self.case.provers * d * (1 / self.rates["lazy_multiplications"] + _SCALAR / self.rates["sha256"])
        transforms = 7 * n * max(n.bit_length(), 1) / self.rates["lazy_multiplications"]
        return rows + transforms + self._projection(1) + 5 * self._msm(n) + self._msm(d, self._sum_bits)

    @property
    def owner(self) -> float:
        """Commit to 16-bit integers, expand C(N, t) masks, seal one correction, hash it 1 + N - t times."""
        d, t, n = self.case.dimension, self.case.threshold, self.case.provers
        sent = d * PACKED_BYTES
        wire = sent / self.rates["seal"] + (1 + n - t) * sent / self.rates["sha256"]
        return self._msm(d, 16) + comb(n, t) * d * _MASK / self.rates["masks"] + wire

    @property
    def upload(self) -> float:
        """Bytes a coordinate: one correction, whoever gets it."""
        return float(PACKED_BYTES)

    @property
    def shares_held(self) -> int:
        """Bytes of the shares of a batch as scalars."""
        return self.case.owners * share_length(self.case.dimension) * _SCALAR

    @property
    def _corrected(self) -> float:
        """Shares of a batch that come with a correction, on average over provers."""
        return self.case.owners * (1 - self.case.threshold / self.case.provers)

    @property
    def _seeds_held(self) -> int:
        """Sets of t provers that a prover does not belong to: masks of a submission, and keys of shared randomness."""
        return comb(self.case.provers - 1, self.case.threshold)

    @property
    def _sum_bits(self) -> int:
        return 16 + self.case.owners.bit_length()

    def _projection(self, rows: int) -> float:
        return 64 * rows * self.case.dimension / self.rates["projections"]

    def _moved(self, rows: int) -> float:
        return rows * self.case.dimension * _SCALAR / self.rates["memory"]

    def _hashed(self, rows: int) -> float:
        return rows * self.case.dimension * _SCALAR / self.rates["sha256"]

    def _msm(self, points: int, bits: int = _FIELD_BITS) -> float:
        window = min(range(3, 20), key=lambda width: additions(points, bits, width))
        return additions(points, bits, window) / self.rates["additions"]
