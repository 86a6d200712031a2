"""What a reviewer finds in a bundle by itself: samples that do not fit, and copies of samples that came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.errors import InvalidInputError
from commons.chain.datafacts import BundleRecord
from commons.chain.dataview import DataView
from commons.samples.bundlechecks import sample_problems
from commons.samples.contributions import Outcome
from commons.samples.nearcopies import near_copies
from gradroll.datamarket.bundlefetching import BundleLibrary


@dataclass(frozen=True, slots=True)
class Copy:
    """A sample that is a copy.

    Attributes:
        index: its place.
        bundle, original: bundle of the original, 0 for the initial data, and its place there.
        distance: between both.
    """

    index: int
    bundle: int
    original: int
    distance: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What can be proven of a bundle.

    Attributes:
        misfits: place and fault of samples that do not fit the schema.
        copies: of samples that came before.
        missing: earlier bundles that are not at hand, 0 for the initial data: copies of theirs are not found.
        crowded: why copies were not looked for, empty where they were: whoever makes so many samples that are nearly
            copies of each other would hide others by it that do not fit.
    """

    misfits: tuple[tuple[int, str], ...]
    copies: tuple[Copy, ...]
    missing: tuple[int, ...]
    crowded: str = ""


def review(data: DataView, library: BundleLibrary, number: int) -> Findings:
    """Look through a bundle that is in the library.

    Raises:
        UnknownError: it is not.
    """
    record = data.bundle(number)
    schema, bundle = data.schema(record.campaign), library.get(number)
    earlier, missing = _earlier(data, library, record)
    out = _decided_out(data, record.campaign)
    places = [(of, at) for of, samples in earlier for at in range(len(samples)) if (of, at) not in out]
    samples_of = dict(earlier)
    together = [samples_of[of][at] for of, at in places]
    since = len(together)
    places += [(number, index) for index in range(record.count)]
    crowded = ""
    try:
        found = near_copies(schema, [*together, *bundle.samples], since)
    except InvalidInputError as error:
        found, crowded = [], str(error)
    copies = tuple(Copy(each.index - since, *places[each.original], each.distance) for each in found)
    return Findings(tuple(sample_problems(schema, bundle.samples)), copies, missing, crowded)


def _earlier(
    data: DataView, library: BundleLibrary, record: BundleRecord
) -> tuple[list[tuple[int, Sequence[bytes]]], tuple[int, ...]]:
    """The samples that are originals of a bundle's copies by the contract's rules, and the bundles that are missing."""
    found: list[tuple[int, Sequence[bytes]]] = []
    missing: list[int] = []
    terms = data.campaign(record.campaign).terms
    if terms.initial_count:
        initial = library.initial(record.campaign)
        if initial is None:
            missing.append(0)
        else:
            found.append((0, initial.samples))
    for number in data.bundles(record.campaign):
        if not is_original(data.bundle(number), record, terms.review_window):
            continue
        kept = library.find(number)
        if kept is None:
            missing.append(number)
        else:
            found.append((number, kept.samples))
    return found, tuple(missing)


def _decided_out(data: DataView, campaign: bytes) -> set[tuple[int, int]]:
    """Bundle and place of samples that were decided BAD or VOID.

    The contract takes those as originals whose copy was committed to before that decision.  A reviewer leaves all of
    them out: it loses some copies, and no stake.
    """
    return {(each.bundle, each.index) for each in data.decisions(campaign) if is_out(each.outcome)}


def is_out(outcome: Outcome) -> bool:
    """Whether a sample is no original of what is committed to after its decision."""
    return outcome in (Outcome.BAD, Outcome.VOID)


def is_original(other: BundleRecord, of: BundleRecord, review_window: int) -> bool:
    """Whether the contract takes samples of another bundle as originals of one under review.

    It does so of the one of both that was committed to first, unless that came under review when more than half the
    review of the other was over.

    Args:
        review_window: seconds, of the terms of the campaign.
    """
    if other.campaign != of.campaign or not other.shown or other.number == of.number:
        return False
    first, second = sorted((other, of), key=lambda each: each.number)
    hid = first.since > second.since + review_window // 2
    return other is (second if hid else first)
