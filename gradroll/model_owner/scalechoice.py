"""Choosing the scale of each block of a task's vector by samples of it, and what each block loses by rounding.

The budget is the bound on the sum of squares of all integers.  Where blocks spend it in proportion to their lengths, a
usual coordinate of each is about as many steps long as one of any other, which is the least sum of relative errors.
Scales are powers of two, so some of it is left; that goes to the blocks that are worst off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray, float_vector
from circuits.errors import InvalidInputError
from circuits.quantize import MAX_FRACTION_BITS, Quantized
from circuits.terms import MAX_BOUND
from commons.protocol.blockscales import BlockScales
from commons.protocol.modelmanifests import Block

USUAL_HEADROOM = 2.0
SMALL = 0.01
"""Relative error above which a coordinate counts as lost."""


@dataclass(frozen=True, slots=True)
class BlockLoss:
    """What rounding does to the coordinates of a block, over all samples; zeros stay zero, and are left out.

    Attributes:
        coordinates: how many there are, in all samples together.
        off: share of them that are off by more than a hundredth of themselves, 0 to 1.
        median, largest: relative errors; 1 is a coordinate that became zero.
    """

    coordinates: int
    off: float
    median: float
    largest: float


@dataclass(frozen=True, slots=True)
class ScaleChoice:
    """Scales for a task, and what they do to the samples.

    Attributes:
        blocks: with the fraction bits that were chosen.
        bound: of the task, on the sum of squares of the integers.
        losses: by block, against the sample as it is once it is clipped or stretched.
        factors: by sample, by which it is brought to the bound; below 1 it is clipped.
        unseen: names of blocks that are zero in all samples, so that nothing says how large they become.
    """

    blocks: tuple[Block, ...]
    bound: int
    losses: tuple[BlockLoss, ...]
    factors: tuple[float, ...]
    unseen: tuple[str, ...]

    @property
    def clipped(self) -> int:
        """How many samples are beyond the bound."""
        return sum(factor < 1 for factor in self.factors)


def choose_scales(
    blocks: Sequence[Block],
    samples: Sequence[npt.ArrayLike],
    *,
    most: int = MAX_BOUND,
    headroom: float = USUAL_HEADROOM,
    graded: bool = False,
) -> ScaleChoice:
    """Scales with which vectors like the samples fit a bound.

    Args:
        blocks: names and lengths; their fraction bits are chosen anew.
        samples: floats of shape (d,) each, vectors as owners will hand them in.
        most: largest bound.
        headroom: a vector so many times as long as the largest sample still fits; below 1 samples are clipped.
        graded: the task grades, so all vectors are brought to the bound, which then has no headroom.

    Raises:
        InvalidInputError: no sample, or one that is no vector of this length, or zero; a number out of range; or a
            block whose integers would be too large with no fraction bits at all.
    """
    if not samples:
        raise InvalidInputError("scales are chosen by samples; name one vector at least")
    if not 1 <= most <= MAX_BOUND or not 2.0**-10 <= headroom <= 2.0**10:
        raise InvalidInputError(f"a bound lies in [1, {MAX_BOUND}], and the headroom in [2^-10, 2^10]")
    scales = BlockScales(tuple(blocks))
    vectors = [float_vector(each, scales.dimension, f"sample {n}") for n, each in enumerate(samples)]
    if not all(vector.any() for vector in vectors):
        raise InvalidInputError("a sample is zero, so it does not say how large a vector becomes; name another")
    # What is brought to the bound has no length of its own.
    alike = [vector / _norm(vector) for vector in vectors] if graded else vectors
    room = 1.0 if graded else headroom
    norms = [room * max(_norm(vector[part]) for vector in alike) for _, part in scales.parts()]
    bits = _bits(scales, alike, norms, most)
    chosen = BlockScales(tuple(replace(block, fraction_bits=each) for block, each in zip(blocks, bits, strict=True)))
    spent = sum(_cost(norm, each) for norm, each in zip(norms, bits, strict=True))
    rounded = (math.sqrt(spent) + math.sqrt(scales.dimension) / 2) ** 2  # rounding adds half a step a coordinate
    bound = most if graded else min(most, math.ceil(rounded * (1 + 2.0**-20)))
    done = [chosen.quantize(vector, bound, stretch=graded) for vector in vectors]
    unseen = tuple(block.name for block, norm in zip(blocks, norms, strict=True) if not norm)
    return ScaleChoice(
        chosen.blocks, bound, _losses(chosen, vectors, done), tuple(each.scale for each in done), unseen
    )  # fmt: skip


def _bits(scales: BlockScales, vectors: Sequence[FloatArray], norms: Sequence[float], most: int) -> list[int]:
    """Fraction bits by block: those of its part of the budget, and what is left for the worst of them."""
    budget = most * (1 - 2.0**-20)
    bits = _by_length(scales, norms, budget)
    magnitudes = [_magnitudes(vectors, part) for _, part in scales.parts()]
    off = [_off(*each) for each in zip(magnitudes, bits, strict=True)]
    left = budget - sum(_cost(*each) for each in zip(norms, bits, strict=True))
    seen = [n for n, norm in enumerate(norms) if norm]
    growing = {n for n in seen if bits[n] < MAX_FRACTION_BITS}
    while growing:
        worst = max(growing, key=lambda n: (off[n], -n))
        more = 3 * _cost(norms[worst], bits[worst])  # one bit more is four times the square
        if more <= left:
            bits[worst], left = bits[worst] + 1, left - more
            off[worst] = _off(magnitudes[worst], bits[worst])
        if more > left or bits[worst] == MAX_FRACTION_BITS:
            growing.remove(worst)
    least = min(bits[n] for n in seen)
    return [each if norm else least for each, norm in zip(bits, norms, strict=True)]


def _by_length(scales: BlockScales, norms: Sequence[float], budget: float) -> list[int]:
    """Fraction bits of parts of the budget by length; what a block takes more in whole numbers, the others go without.

    Raises:
        InvalidInputError: whole numbers alone are beyond the budget.
    """
    sharing = {n for n, norm in enumerate(norms) if norm}
    while sharing:
        each = budget / sum(scales.blocks[n].length for n in sharing)
        over = {n for n in sharing if _cost(norms[n], 0) > each * scales.blocks[n].length}
        if not over:
            return [
                _most_bits(norm, each * block.length) if n in sharing else 0
                for n, (block, norm) in enumerate(zip(scales.blocks, norms, strict=True))
            ]
        sharing -= over
        budget -= sum(_cost(norms[n], 0) for n in over)
        if budget < 0:
            break
    if budget < 0:
        largest = max(range(len(norms)), key=lambda n: norms[n])
        raise InvalidInputError(
            f"block {scales.blocks[largest].name} has a norm of up to {norms[largest]:.3g} with the headroom, too "
            "large for the bound even in whole numbers; multiply it by a small power of two before it is handed in, or "
            "ask for less headroom"
        )
    return [0] * len(norms)


def _most_bits(norm: float, budget: float) -> int:
    """Fraction bits with which a vector of this norm, at most the budget's, spends no more."""
    return min(max(math.floor(math.log2(budget) / 2 - math.log2(norm)), 0), MAX_FRACTION_BITS)


def _cost(norm: float, bits: int) -> float:
    """Sum of squares of the integers; infinite beyond float64."""
    return math.ldexp(norm, bits) ** 2 if norm < 2.0**400 else math.inf


def _norm(part: FloatArray) -> float:
    largest = float(np.max(np.abs(part)))
    return largest * float(np.linalg.norm(part / largest)) if largest else 0.0


def _magnitudes(vectors: Sequence[FloatArray], part: slice) -> FloatArray:
    """Of a block's coordinates in all samples that are not zero."""
    values: FloatArray = np.abs(np.concatenate([vector[part] for vector in vectors]))
    return np.extract(values, values)


def _off(magnitudes: FloatArray, bits: int) -> float:
    """Share of coordinates that rounding to nearest may move by more than a hundredth of them."""
    return float(np.mean(magnitudes < math.ldexp(0.5 / SMALL, -bits))) if len(magnitudes) else 0.0


def _losses(scales: BlockScales, vectors: Sequence[FloatArray], done: Sequence[Quantized]) -> tuple[BlockLoss, ...]:
    """By block."""
    wanted = [vector * each.scale for vector, each in zip(vectors, done, strict=True)]
    got = [scales.dequantize(each.values) for each in done]
    return tuple(
        _loss(np.concatenate([w[part] for w in wanted]), np.concatenate([g[part] for g in got]))
        for _, part in scales.parts()
    )


def _loss(wanted: FloatArray, got: FloatArray) -> BlockLoss:
    there = wanted != 0
    if not there.any():
        return BlockLoss(0, 0.0, 0.0, 0.0)
    errors = np.abs(got[there] / wanted[there] - 1)
    return BlockLoss(len(errors), float(np.mean(errors > SMALL)), float(np.median(errors)), float(np.max(errors)))
