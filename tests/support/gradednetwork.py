"""A network whose task grades: its round is opened with copies of a reference, against which owners are graded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from circuits.grading import GradingRule
from circuits.policies.graded import REFERENCE
from circuits.statement import REFERENCE_INDEX, Context, SubmissionHeader
from circuits.terms import Grading
from commons.protocol.messages import Cohort
from commons.protocol.references import Copy, Opening
from coordinator.machine import Resources
from tests.support.network import MODEL_DIGEST, IntArray, Network, OwnerPlan
from tests.support.plain_batch import address_of, seed_of

BOUND = 1 << 34
MODEL_OWNER = seed_of("model owner")


@dataclass(eq=False)
class GradedNetwork(Network):
    """As ``Network``; ``headers`` are the owners'.

    Attributes:
        capacity: rows, of which the reference is one.
        copies: what the model owner deals, one plan a copy; honest with the same gradient by default.
        copy: number of the copy against which the next batch is graded.
        references: the copies' headers.
    """

    capacity: int = 5
    proves: str = REFERENCE.name
    step: int = 4
    dither: int = 4
    copies: Sequence[OwnerPlan] = ()
    copy: int = 0
    references: list[SubmissionHeader] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.terms = replace(self.terms, bound=BOUND, grading=Grading(self.step, self.dither, seed_of("data")))
        self.copies = self.copies or (OwnerPlan(along(1000, self.dimension)),)
        owner, numbered = address_of(MODEL_OWNER), list(enumerate(self.copies))
        dealt = [
            self.dealt(plan, nth, REFERENCE_INDEX + nth, owner, ("reference", nth), ("reference", nth))
            for nth, plan in numbered
        ]
        self._opening = Opening(MODEL_DIGEST, tuple(Copy.of(header) for header, _ in dealt))
        self.model_digest = self._opening.digest
        self.context = Context.of(self.terms, 0, self.model_digest, self.policy)
        self.references = [
            self.handed_in(plan, header, payloads, MODEL_OWNER)
            for plan, (header, payloads) in zip(self.copies, dealt, strict=True)
        ]

    @property
    def rule(self) -> GradingRule:
        """By which owners are graded."""
        return GradingRule(self.step, self.dither, self.least_owners)

    @property
    def opening(self) -> Opening:
        """What the round was opened with."""
        return self._opening

    @property
    def resources(self) -> Resources:
        """With the terms as the chain has them: the least number of owners is part of the rule."""
        return replace(super().resources, terms=self.terms)

    @property
    def cohort(self) -> Cohort:
        """All submissions, behind the copy of the reference whose turn it is."""
        return Cohort(self.context, (self.references[self.copy], *self.headers))

    def open_with_twins(self) -> None:
        """The round is opened anew: all copies have the commitment of the first, each with the shares that it has."""
        first, before = self.references[0], list(self.references)
        twins = [replace(header, commitment=first.commitment) for header in before]
        self._opening = Opening(MODEL_DIGEST, tuple(map(Copy.of, twins)))
        self.model_digest = self._opening.digest
        dealt = [[memory.payloads[header.digest(self.context)] for memory in self.memories] for header in before]
        self.context = Context.of(self.terms, 0, self.model_digest, self.policy)
        self.references = [
            self.handed_in(plan, header, payloads, MODEL_OWNER)
            for plan, header, payloads in zip(self.copies, twins, dealt, strict=True)
        ]

    def products(self) -> list[int]:
        """Each owner's inner product with the reference."""
        reference = self.copies[self.copy].gradient
        return [sum(int(a) * int(b) for a, b in zip(p.gradient, reference, strict=True)) for p in self.plans]


def along(thousandths: int, dimension: int) -> IntArray:
    """A gradient of nearly the longest norm, which has this cosine with ``along(1000, dimension)``."""
    longest = int((BOUND * 0.99) ** 0.5)
    cosine = thousandths / 1000
    out = np.zeros(dimension, np.int64)
    out[0], out[1] = int(longest * cosine), int(longest * (1 - cosine**2) ** 0.5)
    return out


def graded_with(owners: Sequence[int | OwnerPlan], **options: Any) -> GradedNetwork:
    """A network with owners of these cosines, in thousandths, with the reference, or that follow the given plans."""
    network = GradedNetwork(**options)
    for owner in owners:
        network.submit(owner if isinstance(owner, OwnerPlan) else OwnerPlan(along(owner, network.dimension)))
    return network
