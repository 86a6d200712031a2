"""The samples that a campaign's log of decisions counts, in the order of the log: what everybody trains on alike."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from circuits.errors import ChainError, UnknownError
from commons.chain.dataaccount import ProvenSample
from commons.chain.dataview import DataView
from commons.samples.canonicalsamples import fits
from commons.samples.contributions import ALL_SAMPLES, Decision, Outcome
from commons.samples.merkletrees import MerkleTree
from commons.samples.samplebundles import SampleBundle
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.epochs import correction_of

SamplesOf = Callable[[int], SampleBundle]
"""Gives the bundle with a number, 0 for the initial data.  Raises UnknownError, UnavailableError, ProofError."""


@dataclass(frozen=True, slots=True)
class DecidedSample:
    """A sample that counts.

    Attributes:
        position: of its decision in the log.
        bundle: its number, 0 for the initial data.
        index: its place there.
        steps: places and decisions that the contract goes over from the one before to behind this one.
        corrected: whether it is a correction, by somebody else than the bundle's contributor.
        show: the sample with the hashes beside its way, none for a correction.  Raises as ``SamplesOf``.
    """

    position: int
    bundle: int
    index: int
    steps: int
    corrected: bool
    show: Callable[[], ProvenSample] = field(repr=False, compare=False)


class DecidedSamples:
    """What a campaign's log counts, read anew when it has grown.

    Args:
        samples_of: gives bundles; each is asked for when the first of its samples is shown.
    """

    def __init__(self, data: DataView, campaign: bytes, samples_of: SamplesOf) -> None:
        self._data, self._campaign, self._samples_of = data, campaign, samples_of
        self._decisions: list[Decision] = []
        self._held: tuple[int, SampleBundle, MerkleTree] | None = None

    def __len__(self) -> int:
        """Decisions that were read."""
        return len(self._decisions)

    def refresh(self) -> None:
        """Read what was decided since.  Raises ChainError where what was read is not the log's beginning any more."""
        if self._data.campaign(self._campaign).decisions == len(self._decisions):
            return
        told = self._data.decisions(self._campaign)
        if told[: len(self._decisions)] != self._decisions:
            raise ChainError("a reorganisation changed the log of decisions; run the command again")
        self._decisions = told

    def between(self, first: int, last: int | None = None) -> Iterator[DecidedSample]:
        """What counts of the decisions from one position to before another, the end of what was read if None."""
        steps = 0
        for position, decision in enumerate(self._decisions[first:last], first):
            for index, counts in self._places(decision):
                steps += 1
                if counts:
                    yield self._sample(position, decision, index, steps)
                    steps = 0

    def trained_on(
        self, passed_over: Container[tuple[int, int]], last: int | None = None
    ) -> Iterator[tuple[DecidedSample, bytes]]:
        """What a model is trained on by the decisions before a position: what fits, without what it passed over."""
        schema = self._data.schema(self._campaign)
        for each in self.between(0, last):
            if (each.bundle, each.index) not in passed_over and fits(schema, sample := each.show().sample):
                yield each, sample

    def steps_after(self, position: int, index: int) -> int:
        """Places that the log goes over behind a sample that counts and is the last one, to its end."""
        return sum(
            (at, place) > (position, index)
            for at, decision in enumerate(self._decisions[position:], position) for place, _ in self._places(decision)
        )  # fmt: skip

    def _places(self, decision: Decision) -> Iterator[tuple[int, bool]]:
        """Places that a decision goes over, and whether each counts."""
        counts = decision.outcome in (Outcome.ACCEPTED, Outcome.CORRECTED)
        if decision.index != ALL_SAMPLES:
            yield decision.index, counts
        elif decision.bundle == 0:
            yield from ((index, counts) for index in range(decision.count))
        else:
            record = self._data.bundle(decision.bundle)
            challenged = set(self._data.challenged_samples(record))
            yield from ((index, counts and index not in challenged) for index in range(record.count))

    def _sample(self, position: int, decision: Decision, index: int, steps: int) -> DecidedSample:
        corrected = decision.outcome is Outcome.CORRECTED

        def show() -> ProvenSample:
            if corrected:
                return ProvenSample(correction_of(self._data, decision), ())
            return self._proven(decision.bundle, index)

        return DecidedSample(position, decision.bundle, index, steps, corrected, show)

    def _proven(self, number: int, index: int) -> ProvenSample:
        if self._held is None or self._held[0] != number:
            bundle = self._samples_of(number)
            self._held = number, bundle, bundle.tree()
        _, bundle, tree = self._held
        return ProvenSample(bundle.samples[index], tree.proof(index))


def kept_bundles(library: BundleLibrary, campaign: bytes, fetch: SamplesOf | None = None) -> SamplesOf:
    """Bundles of a library, which are those of the chain, and what it does not have from elsewhere.

    Args:
        fetch: gives a bundle that the library does not have, and holds it against the chain.
    """

    def samples_of(number: int) -> SampleBundle:
        if number == 0:
            initial = library.initial(campaign)
            if initial is None:
                raise UnknownError("the initial data are not here; name their file first (gradroll data initial)")
            return initial
        kept = library.find(number)
        return kept if kept is not None else library.get(number) if fetch is None else fetch(number)

    return samples_of
