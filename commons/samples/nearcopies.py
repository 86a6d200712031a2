"""Which samples are copies of earlier ones, over whole bundles, without comparing every pair.

A copy is at distance tau or nearer.  Nothing is missed; which of several earlier samples is named as the original, the
search decides.  Crowds that are near each other without being copies can only be told apart by comparing them all, and
somebody may make such a crowd to keep reviewers busy: comparisons are bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.errors import InvalidInputError
from commons.samples.arraycopies import array_copies
from commons.samples.bundlechecks import unfit_samples
from commons.samples.sampleschemas import LABEL_BYTES, SampleKind, SampleSchema
from commons.samples.textcopies import text_copies

__all__ = ["MOST_COMPARED", "NearCopy", "near_copies", "near_to"]

MOST_COMPARED = 50_000_000
"""Pairs that are compared before a search is given up."""


@dataclass(frozen=True, slots=True, order=True)
class NearCopy:
    """A sample that is a copy.

    Attributes:
        index: its place.
        original: place of an earlier sample that it is near to.
        distance: between both, at most tau.
    """

    index: int
    original: int
    distance: int


def near_copies(
    schema: SampleSchema, samples: Sequence[bytes], since: int = 0, most: int = MOST_COMPARED
) -> list[NearCopy]:
    """Every sample that is near to an earlier one, in their order, each with one original.

    Args:
        samples: in the order that decides what is original: initial data, then bundles as they were committed to.
            Those that do not fit the schema are near to none.
        since: only copies from this place on are looked for; the others are known already.
        most: pairs that are compared at most.

    Raises:
        InvalidInputError: there are more pairs that might be near.
    """
    places, copies = _without_equals(samples, set(unfit_samples(schema, samples)), since)
    if schema.tau > 0 or schema.kind is SampleKind.TEXT:  # texts of the same words in another order are at distance 0
        search = array_copies if schema.kind is SampleKind.ARRAY else text_copies
        first = int(np.searchsorted(np.asarray(places, np.int64), since))
        found = search(
            schema, [samples[place] for place in places], range(first, len(places)), None, _Budget(most).spend
        )
        copies += [NearCopy(places[index], places[original], distance) for index, original, distance in found]
    return sorted(copies)


def near_to(
    schema: SampleSchema, known: Sequence[bytes], samples: Sequence[bytes], most: int = MOST_COMPARED
) -> set[int]:
    """Places of samples that are near to one of those that are known; what does not fit the schema is near to none.

    Raises:
        InvalidInputError: there are more pairs that might be near than are compared at most.
    """
    together = [*known, *samples]
    bad = set(unfit_samples(schema, together))
    places: dict[bytes, list[int]] = {}
    for place, sample in enumerate(together):
        if place not in bad:
            places.setdefault(sample[LABEL_BYTES:], []).append(place)
    held = list(places.values())  # those of known samples come first
    originals = sum(each[0] < len(known) for each in held)
    search = array_copies if schema.kind is SampleKind.ARRAY else text_copies
    kept = [together[each[0]] for each in held]
    found = search(schema, kept, range(originals, len(kept)), originals, _Budget(most).spend)
    near = [*range(originals), *(index for index, _, _ in found)]
    return {place - len(known) for index in near for place in held[index] if place >= len(known)}


def _without_equals(samples: Sequence[bytes], bad: set[int], since: int) -> tuple[list[int], list[NearCopy]]:
    """Places of samples that equal no earlier one but for the label, and those that do."""
    first: dict[bytes, int] = {}
    copies = []
    for place, sample in enumerate(samples):
        if place in bad:
            continue
        original = first.setdefault(sample[LABEL_BYTES:], place)
        if original < place and place >= since:
            copies.append(NearCopy(place, original, 0))
    return list(first.values()), copies


class _Budget:
    """Comparisons that are left."""

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self, pairs: int) -> None:
        """Raise InvalidInputError when too many pairs were compared."""
        self._left -= pairs
        if self._left < 0:
            raise InvalidInputError(
                "too many samples might be near each other to compare them all; look for copies in parts, or allow "
                "more comparisons"
            )
