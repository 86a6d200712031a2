"""A model that is small enough for a contract: a perceptron of many classes over whole numbers, with a margin.

Sources: Rosenblatt 1958; of many classes, Crammer and Singer 2003, who move one other class; the margin, Krauth and
Mezard 1987.  docs/protocol-data.md, section "A model that is small enough for a contract".  Nothing is rounded, so
everybody who recomputes has the same weights, and the order of the samples is all that they depend on.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import fits, label_of
from commons.samples.sampledistances import array_rows
from commons.samples.sampleschemas import SampleKind, SampleSchema

__all__ = ["MAX_MARGIN", "MAX_WEIGHTS", "WEIGHT_BITS", "Perceptron"]

MAX_WEIGHTS = 1024
WEIGHT_BITS = (16, 32)
"""Widths of a weight that a contract packs into words."""
MAX_MARGIN = 2**32 - 1
_BATCH = 4096
"""Samples that are predicted at a time."""


class Perceptron:
    """Weights of each class for each feature, and last for a feature that is always 1; all begin at 0.

    A class scores the sum of weight times feature.  The class with the highest score is predicted, the first of equals.
    In training, a sample's rival is the other class with the highest score, the first of equals.  Unless the label
    scores more than ``margin`` above it, the sample is added to the weights of its label, and taken from the rival's.
    A weight that would leave its width stays at the end of it.

    Attributes:
        weights: int64 [classes, width + 1].

    Raises:
        InvalidInputError: the schema is one of texts or of one class, there are more than 1,024 weights, no such width
            of weights, or no such margin.
    """

    def __init__(self, schema: SampleSchema, weight_bits: int = 32, margin: int = 0) -> None:
        if schema.kind is not SampleKind.ARRAY or schema.classes < 2:
            raise InvalidInputError("a perceptron is trained on arrays of two classes or more, not on texts")
        if schema.classes * (schema.width + 1) > MAX_WEIGHTS:
            raise InvalidInputError(
                f"a perceptron has at most {MAX_WEIGHTS} weights; {schema.classes} classes of {schema.width} features "
                f"and a bias make {schema.classes * (schema.width + 1)}"
            )
        if weight_bits not in WEIGHT_BITS:
            raise InvalidInputError(f"a weight has 16 or 32 bits, not {weight_bits}")
        if not 0 <= margin <= MAX_MARGIN:
            raise InvalidInputError(f"a margin is 0 to {MAX_MARGIN}, not {margin}")
        self.schema, self.margin = schema, margin
        self.weights: npt.NDArray[np.int64] = np.zeros((schema.classes, schema.width + 1), np.int64)
        self._least, self._most = -(1 << weight_bits - 1), (1 << weight_bits - 1) - 1

    def train(self, samples: Iterable[bytes]) -> int:
        """Train on samples in their order; how many changed the weights.

        Raises:
            InvalidInputError: a sample does not fit the schema; those before it were trained on.
        """
        return sum(map(self._trained, samples))

    def _trained(self, sample: bytes) -> bool:
        row, label = self._inputs([sample])[0], label_of(sample)
        scores = self.weights @ row
        own, scores[label] = int(scores[label]), np.iinfo(np.int64).min
        rival = int(np.argmax(scores))
        if own > int(scores[rival]) + self.margin:
            return False
        self.weights[label] = np.minimum(self.weights[label] + row, self._most)
        self.weights[rival] = np.maximum(self.weights[rival] - row, self._least)
        return True

    def predict(self, samples: list[bytes]) -> list[int]:
        """The class of each sample.  Raises InvalidInputError for one that does not fit the schema."""
        found: list[int] = []
        for at in range(0, len(samples), _BATCH):
            scores = self._inputs(samples[at : at + _BATCH]) @ self.weights.T
            found += map(int, np.argmax(scores, axis=1))
        return found

    def right(self, samples: list[bytes]) -> int:
        """How many samples are predicted as they are labelled."""
        return sum(predicted == label_of(each) for predicted, each in zip(self.predict(samples), samples, strict=True))

    def _inputs(self, samples: list[bytes]) -> npt.NDArray[np.int64]:
        """Features and the one that is always 1: [samples, width + 1].  A score has less than 58 bits."""
        if not all(fits(self.schema, sample) for sample in samples):
            raise InvalidInputError("a perceptron takes samples that fit its schema")
        rows = array_rows(self.schema, samples)
        return np.hstack([rows, np.ones((len(samples), 1), rows.dtype)]).astype(np.int64)
