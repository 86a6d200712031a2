"""Quantising a vector whose blocks have scales of their own, and reading sums of such vectors.

One bound holds for the whole integer vector, as it does without blocks: the proof knows one vector.  So bound and
grades are of the vector in units of the finest block, which is what ``to_units`` makes of one in its own units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray, float_vector
from circuits.errors import GradientError, InvalidInputError
from circuits.quantize import IntArray, Quantized, quantize
from circuits.terms import NO_DIGEST, NewTask
from commons.protocol.modelmanifests import Block, ModelManifest


@dataclass(frozen=True, slots=True)
class BlockScales:
    """The scales of a task's vector.

    Attributes:
        blocks: from the first coordinate on; one, where the task has no manifest.
    """

    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, terms: NewTask, manifest: ModelManifest | None) -> BlockScales:
        """Of a task: its manifest's, or the one of its terms.

        Raises:
            InvalidInputError: the manifest is not the task's, or the task has one and it is not given.
        """
        if manifest is None and terms.manifest != NO_DIGEST:
            raise InvalidInputError("the task has a model manifest, without which its vectors have no scales; name it")
        if manifest is None:
            return cls((Block("gradient", terms.dimension, terms.fraction_bits),))
        manifest.require_of(terms)
        return cls(manifest.blocks)

    @property
    def dimension(self) -> int:
        """Coordinates of the vector."""
        return sum(block.length for block in self.blocks)

    @property
    def fraction_bits(self) -> int:
        """Of the finest block, in whose units the bound is."""
        return max(block.fraction_bits for block in self.blocks)

    def parts(self) -> Iterator[tuple[Block, slice]]:
        """Each block with its coordinates."""
        start = 0
        for block in self.blocks:
            yield block, slice(start, start + block.length)
            start += block.length

    def quantize(self, gradient: npt.ArrayLike, bound: int, *, stretch: bool = False) -> Quantized:
        """Clips and rounds a vector, as ``circuits.quantize.quantize``, each block by its scale.

        Args:
            gradient: floats or integers of shape (d,), in its own units.
            bound: on the sum of squares of the integers of all blocks.

        Raises:
            GradientError: as of ``circuits.quantize.quantize``.
        """
        values = float_vector(gradient, self.dimension, "gradient", GradientError)
        quantized = quantize(
            self.to_units(values), fraction_bits=self.fraction_bits, bound=bound, dimension=self.dimension,
            stretch=stretch,
        )  # fmt: skip
        if self._is_even:
            return quantized
        return replace(quantized, max_error=self._largest_error(values, quantized))

    def dequantize(self, values: IntArray) -> FloatArray:
        """float64[d]: integers, of shape (d,), by the scales of their blocks; exact for |values| < 2^53."""
        out = values.astype(np.float64)
        for block, part in self.parts():
            out[part] = np.ldexp(out[part], -block.fraction_bits)
        return out

    def to_units(self, vector: FloatArray) -> FloatArray:
        """A vector in its own units, float64[d], in those in which all blocks have the scale of the finest one.

        In these, lengths and angles are those of the integers.  What a coarser block loses where float64 ends, below
        2^-1022, is far below its step.
        """
        return self._shifted(vector, -1)

    def from_units(self, vector: FloatArray) -> FloatArray:
        """What ``to_units`` made of a vector, in its own units again."""
        return self._shifted(vector, 1)

    @property
    def _is_even(self) -> bool:
        """Whether all blocks have one scale."""
        return all(block.fraction_bits == self.fraction_bits for block in self.blocks)

    def _shifted(self, vector: FloatArray, sign: int) -> FloatArray:
        if len(vector) != self.dimension:
            raise InvalidInputError(f"the blocks have {self.dimension} coordinates, the vector {len(vector)}")
        if self._is_even:
            return vector
        out = vector.copy()
        for block, part in self.parts():
            out[part] = np.ldexp(out[part], sign * (self.fraction_bits - block.fraction_bits))
        return out

    def _largest_error(self, values: FloatArray, quantized: Quantized) -> float:
        """Largest distance of a coordinate from the clipped vector's, in the vector's units."""
        largest = 0.0
        for block, part in self.parts():
            scaled = np.ldexp(values[part] * quantized.scale, block.fraction_bits)
            error = float(np.max(np.abs(quantized.values[part] - scaled)))
            largest = max(largest, math.ldexp(error, -block.fraction_bits))
        return largest
