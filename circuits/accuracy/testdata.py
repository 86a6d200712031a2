"""Labelled data as accuracy proofs see it: chunks of n samples, their commitments, and the digest of a group.

A chunk's columns are its P features, then its C labels one-hot. With x_(i,col) the entry of sample i,

    f_X(T) = sum_col T^(n col) sum_i x_(i,col) T^i        C_X = [f_X(tau)]_1

Nothing is hidden: anybody who has the file recomputes C_X. A group is up to 16 chunks; rows that fill its last one have
zero features and no label. The chain keeps H(W(samples, C_X_0, .., C_X_(q-1))).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

import native
from circuits.accuracy.inference import NO_LABEL, Int64Array
from circuits.accuracy.sizeclasses import MAX_CHUNKS, SizeClass
from circuits.errors import InvalidInputError
from circuits.hashing import keccak, words
from circuits.srs import Srs
from native import G1, FrArray

FEATURE_LIMIT = 1 << 15
"""Features are 16-bit signed integers."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """The samples that one circuit takes.

    Attributes:
        features: int64 (n, P).
        labels: int64 (n,), in 0..C-1 or `NO_LABEL`.
    """

    features: Int64Array = field(repr=False)
    labels: Int64Array = field(repr=False)

    def columns(self, size: SizeClass) -> Int64Array:
        """(P + C, n): features column by column, then labels one-hot."""
        hot = np.arange(size.classes)[:, None] == self.labels[None, :]
        return np.concatenate([self.features.T, hot.astype(np.int64)])

    def polynomial(self, size: SizeClass) -> FrArray:
        """Coefficients of f_X, (n (P + C), 4), lowest degree first."""
        return native.from_int64(self.columns(size).reshape(-1))


def chunks(size: SizeClass, features: npt.NDArray[np.integer], labels: npt.NDArray[np.integer]) -> list[Chunk]:
    """A group's chunks in order, from features (samples, P) and labels (samples,); the last one is filled up.

    Raises:
        InvalidInputError: other shapes or kinds of numbers, no samples or more than 16 n, a feature that has more than
            16 bits, or a label that is no class; the message names the sample.
    """
    samples = _check(size, features, labels)
    count = -(-samples // size.samples)
    rows = np.zeros((count * size.samples, size.inputs), dtype=np.int64)
    marks = np.full(count * size.samples, NO_LABEL, dtype=np.int64)
    rows[:samples], marks[:samples] = features, labels
    shaped = zip(np.split(rows, count), np.split(marks, count), strict=True)
    return [Chunk(part, of) for part, of in shaped]


def commit_chunk(srs: Srs, size: SizeClass, chunk: Chunk) -> G1:
    """C_X of a chunk.

    Raises:
        KeyMismatchError: the SRS is too short.
    """
    return srs.commit(chunk.polynomial(size))


def group_hash(samples: int, commitments: Sequence[G1]) -> bytes:
    """What a set registers of a group: H(W(samples, C_X_0, .., C_X_(q-1))).

    Raises:
        InvalidInputError: no commitment or more than 16, or no sample.
    """
    if not 1 <= len(commitments) <= MAX_CHUNKS or not 1 <= samples < 1 << 32:
        raise InvalidInputError(f"a group has 1..{MAX_CHUNKS} chunks and at least one sample")
    return keccak(words(samples, *commitments))


def _check(size: SizeClass, features: npt.NDArray[np.integer], labels: npt.NDArray[np.integer]) -> int:
    if features.dtype.kind not in "iu" or labels.dtype.kind not in "iu":
        raise InvalidInputError("features and labels are integers; round the features to 16 bits first")
    if features.ndim != 2 or features.shape[1] != size.inputs or labels.shape != (len(features),):
        raise InvalidInputError(
            f"features {features.shape} and labels {labels.shape} do not fit class {size.name}: it takes (samples, "
            f"{size.inputs}) and (samples,)"
        )
    if not 1 <= len(features) <= MAX_CHUNKS * size.samples:
        raise InvalidInputError(f"a group of class {size.name} has 1..{MAX_CHUNKS * size.samples} samples")
    wide = np.flatnonzero(((features < -FEATURE_LIMIT) | (features >= FEATURE_LIMIT)).any(axis=1))
    if len(wide):
        raise InvalidInputError(f"sample {wide[0]} has a feature outside 16 bits; scale the features down")
    strange = np.flatnonzero((labels < 0) | (labels >= size.classes))
    if len(strange):
        raise InvalidInputError(
            f"sample {strange[0]} has the label {labels[strange[0]]}; class {size.name} has labels "
            f"0..{size.classes - 1}"
        )
    return len(features)
