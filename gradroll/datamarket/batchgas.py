"""Gas that training and scoring take at most, so that a transaction takes as many samples as one may ask gas for.

The figures are above what the contract takes in a test of this house, whose shapes are from the least to the greatest:
a limit that is too low costs all of it, and what is not used costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from commons.samples.merkletrees import MAX_PROOF
from commons.samples.sampleschemas import SampleSchema

_BASE, _WORD_OF_WEIGHTS = 150_000, 25_000
"""A call; reading and writing a word of storage that was 0."""
_WEIGHT, _FEATURE, _SAMPLE, _SAMPLE_BYTE, _STEP = 150, 1_700, 45_000, 50, 22_000
"""For each sample: a weight in a score, a feature in training, the proof, its bytes; a place that is gone over."""


@dataclass(frozen=True, slots=True)
class PerceptronGas:
    """Of one shape of models."""

    weights: int
    words: int
    features: int
    sample_bytes: int

    @classmethod
    def of(cls, schema: SampleSchema, bits: int) -> Self:
        """Of models of a campaign's schema, with weights of so many bits."""
        weights = schema.classes * (schema.width + 1)
        return cls(weights, -(-weights * bits // 256), schema.width + 1, schema.longest + 32 * MAX_PROOF)

    def training(self, samples: int, steps: int) -> int:
        """Gas for so many samples, and the places that are gone over to the last of them."""
        return _BASE + _WORD_OF_WEIGHTS * self.words + self._sample * samples + _STEP * steps

    def scoring(self, samples: int) -> int:
        """Gas for so many tests."""
        return self.training(samples, 0)

    def going_on(self, steps: int) -> int:
        """Gas for going over so many places."""
        return _BASE + _STEP * steps

    def most_steps(self, gas: int) -> int:
        """Places that are gone over for so much gas."""
        return (gas - _BASE) // _STEP

    def most_tests(self, gas: int) -> int:
        """Tests that are scored for so much gas, at least 1."""
        return max(1, (gas - self.scoring(0)) // self._sample)

    @property
    def _sample(self) -> int:
        return _SAMPLE + _WEIGHT * self.weights + _FEATURE * self.features + _SAMPLE_BYTE * self.sample_bytes
