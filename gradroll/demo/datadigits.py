"""Digits as samples of the data market's demo: what each contributor brings, and what somebody sees who looks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from commons.samples.canonicalsamples import array_sample, features_of, label_of
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampledistances import array_rows
from commons.samples.schemadocuments import SchemaDocument, parse_document
from gradroll.demo.developers import Images

CLASSES, PIXELS = 10, 64
TAU = 15
"""No two of scikit-learn's 1,797 digits are nearer than 16."""
INITIAL, BUNDLE, GROUP = 3, 30, 64
"""Samples of each digit that a campaign begins with, of an honest contributor, and in a hidden group."""
HONEST, GROUPS = 3, 2
BAD, COPIES = 10, 6
"""Samples of a cheater's bundle that are no good; half as many are, of who labels wrongly."""


def schema_document() -> SchemaDocument:
    """8 x 8 pixels of 0 to 16, and which of ten digits they show."""
    content = {"dtype": "uint8", "shape": [8, 8], "classes": CLASSES, "maximum": 16, "tau": TAU}
    return parse_document(json.dumps({"array": content}).encode())


@dataclass(frozen=True, eq=False)
class Stock:
    """Who has which samples before the campaign is opened.

    Attributes:
        document: the campaign's schema.
        initial: of the campaign's owner, public.
        groups: of the owner, hidden until the end.
        honest: of honest contributors, a bundle each.
        wrong: of who labels some samples wrongly, knowing better; the first of them are these.
        guessed: of who labels without looking.
        copied: of who copies samples that are public, with a pixel changed.
    """

    document: SchemaDocument
    initial: SampleBundle
    groups: tuple[SampleBundle, ...]
    honest: tuple[SampleBundle, ...]
    wrong: SampleBundle
    guessed: SampleBundle
    copied: SampleBundle
    _known: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, images: Images) -> Stock:
        """Divide digits; the same for the same images."""
        document, random = schema_document(), np.random.default_rng(11)
        known = tuple(
            array_sample(document.schema, int(label), list(map(int, row)))
            for row, label in zip(images.features, images.labels, strict=True)
        )
        of_each = [[each for each in known if label_of(each) == label][:INITIAL] for label in range(CLASSES)]
        first = [each for group in zip(*of_each, strict=True) for each in group]
        left = (each for each in known if each not in first)

        def take(count: int) -> list[bytes]:
            return [next(left) for _ in range(count)]

        def made(samples: Sequence[bytes]) -> SampleBundle:
            return SampleBundle(document.schema.digest, tuple(samples))

        initial = made(first)
        groups = tuple(made(take(GROUP)) for _ in range(GROUPS))
        honest = tuple(made(take(BUNDLE)) for _ in range(HONEST))
        wrong = [labelled(each, (label_of(each) + 1) % CLASSES) for each in take(BAD)] + take(BAD // 2)
        guessed = [labelled(each, int(random.integers(CLASSES))) for each in take(BAD)]
        public = [*initial.samples[: COPIES // 2], *honest[0].samples[: COPIES - COPIES // 2]]
        copied = [altered(each) for each in public]
        return cls(document, initial, groups, honest, made(wrong), made(guessed), made(copied), known)

    def seen(self, sample: bytes) -> bytes:
        """A sample under the label that somebody gives it who looks: that of the digit that it shows."""
        rows, own = array_rows(self.document.schema, list(self._known)), features_of(self.document.schema, sample)
        nearest = int(np.argmin(np.abs(rows - np.asarray(own)).sum(axis=1)))
        return labelled(sample, label_of(self._known[nearest]))

    def clean(self, samples: Sequence[bytes]) -> list[bytes]:
        """Samples as honest contributors would have brought them: each once, under its right label."""
        found = dict[bytes, bytes]()
        for each in samples:
            if each[2:] not in found:
                found[each[2:]] = self.seen(each)
        return list(found.values())


def labelled(sample: bytes, label: int) -> bytes:
    """The same pixels under another label."""
    return label.to_bytes(2, "big") + sample[2:]


def altered(sample: bytes) -> bytes:
    """A sample with one pixel changed by 1."""
    return sample[:-1] + bytes([sample[-1] + 1 if sample[-1] < 16 else 15])
