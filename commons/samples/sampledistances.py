"""How far two samples are apart, as the contract counts.

Arrays: the sum of the features' differences.  Texts: how many words the one has and not the other, each as often as it
stands there.  Labels do not count: a copy under another label is a copy, or a lie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import contract_problem
from commons.samples.sampleschemas import LABEL_BYTES, SampleKind, SampleSchema

__all__ = ["array_rows", "distance", "words_of"]


def distance(schema: SampleSchema, first: bytes, second: bytes) -> int:
    """Distance of two samples that fit the schema.

    Raises:
        InvalidInputError: one does not; its distance to anything is undefined.
    """
    for sample in (first, second):
        problem = contract_problem(schema, sample)
        if problem is not None:
            raise InvalidInputError(f"there is no distance to a sample that does not fit: {problem}")
    if schema.kind is SampleKind.ARRAY:
        one, other = array_rows(schema, [first, second]).astype(np.int64)
        return int(np.abs(one - other).sum())
    counted = words_of(first)
    counted.subtract(words_of(second))
    return sum(map(abs, counted.values()))


def words_of(sample: bytes) -> Counter[bytes]:
    """How often each word stands in a text's sample; a word is a run of bytes without a space."""
    return Counter(sample[LABEL_BYTES:].split(b" "))


def array_rows(schema: SampleSchema, samples: Sequence[bytes]) -> npt.NDArray[Any]:
    """Features of samples that fit: uint8 or uint16 [samples, width]."""
    raw = np.frombuffer(b"".join(samples), np.uint8).reshape(len(samples), schema.longest)[:, LABEL_BYTES:]
    if schema.size == 1:
        return raw
    return np.ascontiguousarray(raw).view(">u2").astype(np.uint16)
