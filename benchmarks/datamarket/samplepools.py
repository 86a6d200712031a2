"""Samples with what is true of them, for a simulated market: scikit-learn's digits, and texts that are made here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from commons.samples.sampleschemas import SampleSchema

DIGITS_TAU = 15
"""No two of the 1,797 digits are nearer than 16."""
TEXT_TAU = 4
"""A changed word counts twice."""
TEXT_CLASSES, TEXT_WORDS, TEXT_OWN, TEXT_LENGTH = 4, 400, 60, 24
TEXT_CLEAR = 0.22
"""Share of a text's words that are typical of its class; the others are anybody's."""
TEXT_SAMPLES = 3600


@dataclass(frozen=True, slots=True)
class Content:
    """A sample: its features, the label it is handed in with, and the true one.

    Attributes:
        features: int64[k]: pixels, or how often each word stands in a text.
    """

    features: npt.NDArray[np.int64]
    label: int
    truth: int
    classes: int

    @property
    def is_good(self) -> bool:
        """Whether the label is true."""
        return self.label == self.truth

    def labelled(self, label: int) -> Content:
        """The same under another label."""
        return replace(self, label=label)


class Pool:
    """Fresh samples, given out once each, and a test.

    Attributes:
        tau: copies are at this distance, or nearer.
        most: largest value of a feature.
        initial: what a campaign begins with.
        test: nobody's.
    """

    def __init__(
        self, contents: Sequence[Content], most: int, tau: int, rng: np.random.Generator, initial: int, test: int
    ) -> None:
        order = [contents[at] for at in rng.permutation(len(contents))]
        self.initial, self.test, self._fresh = order[:initial], order[initial : initial + test], order[initial + test :]
        self.most, self.tau, self._given = most, tau, 0

    def take(self, count: int) -> list[Content]:
        """Fresh samples; fewer where no more are left."""
        given = self._fresh[self._given : self._given + count]
        self._given += len(given)
        return given

    def varied(self, content: Content, noise: int, rng: np.random.Generator) -> Content:
        """The same with so much added to, or taken from, its features."""
        features = content.features.copy()
        left = noise
        while left:
            at = int(rng.integers(len(features)))
            change = 1 if features[at] < self.most else -1
            features[at] += change
            left -= 1
        return replace(content, features=features)

    def blended(self, content: Content, rng: np.random.Generator) -> Content:
        """Drawn by 45% towards a sample of another class, under its own label."""
        others = [each for each in self.initial if each.truth != content.truth]
        other = others[int(rng.integers(len(others)))]
        return replace(content, features=np.rint(0.55 * content.features + 0.45 * other.features).astype(np.int64))


def digits(rng: np.random.Generator) -> Pool:
    """8 x 8 pixels of 0 to 16; ten classes."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    features, labels = load_digits(return_X_y=True)
    contents = [
        Content(row.astype(np.int64), int(label), int(label), 10) for row, label in zip(features, labels, strict=True)
    ]
    return Pool(contents, 16, DIGITS_TAU, rng, initial=100, test=400)


def texts(rng: np.random.Generator) -> Pool:
    """Texts of 24 words: each class has words of its own, and most words are anybody's.  The same for all seeds."""
    made = np.random.default_rng(20_260_101)
    shared = made.dirichlet(np.full(TEXT_WORDS, 0.3))
    contents = []
    own = [made.choice(TEXT_WORDS, TEXT_OWN, replace=False) for _ in range(TEXT_CLASSES)]
    for at in range(TEXT_SAMPLES):
        truth = at % TEXT_CLASSES
        clear = int(made.binomial(TEXT_LENGTH, TEXT_CLEAR))
        words = np.concatenate([made.choice(own[truth], clear), made.choice(TEXT_WORDS, TEXT_LENGTH - clear, p=shared)])
        contents.append(Content(np.bincount(words, minlength=TEXT_WORDS).astype(np.int64), truth, truth, TEXT_CLASSES))
    return Pool(contents, TEXT_LENGTH, TEXT_TAU, rng, initial=100, test=800)


class Endless(Pool):
    """Samples without end, which no model is trained on: each is far from all others."""

    def __init__(self) -> None:
        self.initial, self.test, self.tau, self.most, self._given = [], [], 10, 2**62, 0

    def take(self, count: int) -> list[Content]:
        """Fresh samples of ten classes in turn."""
        first, self._given = self._given, self._given + count
        return [Content(np.array([1000 * at, *([0] * 15)]), at % 10, at % 10, 10) for at in range(first, self._given)]


POOLS = {"digits": digits, "texts": texts}


def schema_of(pool: str) -> SampleSchema:
    """The campaign's schema: arrays of pixels, or of counts of words."""
    if pool == "digits":
        return SampleSchema.array(10, [16], 64, 1, DIGITS_TAU)
    return SampleSchema.array(TEXT_CLASSES, [TEXT_LENGTH], TEXT_WORDS, 1, TEXT_TAU)
