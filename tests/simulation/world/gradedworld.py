"""A run of a task that grades: a model owner deals copies of its reference, and every number that is opened is seen."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

import native
from circuits.arrays import FloatArray
from circuits.grading import NOISE_BITS
from circuits.quantize import Quantized, quantize
from circuits.statement import REFERENCE_INDEX, SubmissionHeader
from circuits.terms import Grading, TaskTerms, Windows
from commons.protocol.gradedbodies import LockBody, OpenBody
from commons.protocol.messages import Cohort, Proposal, Step, StepReply, StepRequest
from commons.protocol.references import Copy, Opening
from commons.sharing.dealing import OwnerSeeds, Sharing, share_gradient
from commons.storage.accounts import SigningKey
from native import FrArray, R
from tests.simulation.world.disk import CrashError
from tests.simulation.world.network import Line
from tests.simulation.world.participants import Owner
from tests.simulation.world.schedule import Death, Lie, Schedule
from tests.simulation.world.world import DIMENSION, FRACTION_BITS, THRESHOLD, World
from tests.support.gradedlies import graded_lies
from tests.support.network import Fault, Network
from tests.support.plain_batch import Setup, development_setup, seed_of

GRADED_BOUND = 1 << 34
GRADING = Grading(4, 4, seed_of("data"))
SUBMIT_SECONDS = 100
"""Within the turns in which things go wrong: numbers are opened when nobody hands anything in any more."""


@dataclass
class Numbers:
    """What can be known of the owners' numbers by whoever sees what honest provers send.

    Attributes:
        opened: numbers by round and owner's index.
        sets: by round and owner's index, the set for which they were opened.
    """

    quorum: int
    liars: frozenset[int]
    opened: dict[tuple[int, int], int] = field(default_factory=dict)
    sets: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _cohorts: dict[bytes, Cohort] = field(default_factory=dict)
    _proposals: dict[bytes, Proposal] = field(default_factory=dict)
    _bound: dict[bytes, dict[int, bytes]] = field(default_factory=dict)
    _shares: dict[bytes, dict[int, FrArray]] = field(default_factory=dict)

    def watch(self, prover: int, request: StepRequest, reply: StepReply) -> None:
        """Take note of what a prover is asked, and of its answer."""
        if request.cohort is not None:
            self._cohorts[request.session] = request.cohort
        if request.proposal is not None:
            self._proposals[request.session] = request.proposal
        if prover in self.liars:
            return
        if request.step is Step.LOCK:
            self._bound.setdefault(request.session, {})[prover] = LockBody.decode(reply.message.body).selection
        if request.step is Step.OPEN:
            self._see(request.session, prover, reply.message.body)

    def _see(self, session: bytes, prover: int, body: bytes) -> None:
        proposal = self._proposals[session]
        bound = self._bound[session]
        assert len(proposal.active) >= self.quorum, "numbers are opened by fewer provers than a quorum"
        assert set(proposal.active) - self.liars <= bound.keys(), "a number is opened before its provers are bound"
        assert len(set(bound.values())) == 1, "provers of an attempt are bound to several sets"
        cohort = self._cohorts[proposal.cohort_id]
        owners = [cohort.headers[i] for i in proposal.kept[1:]]
        shares = self._shares.setdefault(session, {})
        shares[prover] = OpenBody.decode(body, len(owners)).values
        if len(shares) <= THRESHOLD:
            return
        known = sorted(shares)[: THRESHOLD + 1]
        values = native.to_ints(native.interpolate([shares[p] for p in known], [p + 1 for p in known]))
        for header, value in zip(owners, values, strict=True):
            key, number = (header.round, header.owner_index), value if value <= R // 2 else value - R
            assert self.opened.setdefault(key, number) == number, "an owner has two numbers in a round"
            assert self.sets.setdefault(key, bound[known[0]]) == bound[known[0]], "an owner's number is in two sets"


class GradedWorld(World):
    """Everything of one run of a task that grades.

    Attributes:
        copies: the references' copies, as whoever hands them in has them.
        numbers: what is known of the owners' numbers.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.model_owner = SigningKey.from_secret(seed_of("model owner"))
        self.copies: list[Owner] = []
        self._dealings: dict[tuple[int, int], Sharing] = {}
        self._alive = set(schedule.deaths)
        self._times: dict[Death, int] = {}
        super().__init__(schedule)
        self.numbers = Numbers(self.committee.quorum, self.liars)

    @property
    def dealers(self) -> list[Owner]:
        return [*self.copies, *self.owners]

    def inner_products(self, number: int) -> Mapping[int, int]:
        """By owner's index, of its gradient of a round with the reference."""
        (reference, *_) = (copy.quantized.values for copy in self.copies if copy.round == number)
        own = (owner for owner in self.owners if owner.round == number)
        return {o.index: sum(int(a) * int(b) for a, b in zip(o.quantized.values, reference, strict=True)) for o in own}

    def _open_round(self) -> None:
        """Deal the copies of a reference, and open the next round with them."""
        number = len(self.chain.opened)
        quantized = self._quantized(np.random.default_rng(self.schedule.seed + number).normal(1, 1, DIMENSION))
        for copy in range(self.schedule.copies):
            seeds = OwnerSeeds.from_bytes(secrets.token_bytes(OwnerSeeds.length(self.committee)))
            index = REFERENCE_INDEX + copy
            self._dealings[number, index] = share_gradient(
                quantized, GRADED_BOUND, self.setup.commitment, self.committee, seeds
            )
            self.copies.append(Owner(index, number, self.model_owner, quantized))
        headers = [self._header(copy) for copy in self.copies if copy.round == number]
        self.chain.open_referenced_round(Opening(b"\x45" * 32, tuple(map(Copy.of, headers))))

    def _header(self, copy: Owner) -> SubmissionHeader:
        dealt, task = self._dealings[copy.round, copy.index], self.chain.terms.task_id
        return SubmissionHeader(task, copy.round, copy.key.address, copy.index, dealt.commitment, dealt.digests)

    def _deal(self, owner: Owner) -> None:
        if owner in self.copies:
            self._dealt(owner, self._header(owner), self._dealings[owner.round, owner.index].payloads)
            return
        super()._deal(owner)

    def _setup(self) -> Setup:
        return development_setup("reference", self.schedule.capacity + 1, DIMENSION)

    def _terms(self) -> TaskTerms:
        return replace(
            super()._terms(), bound=GRADED_BOUND, grading=GRADING, windows=Windows(SUBMIT_SECONDS, 86_400),
            creator=self.model_owner.address,
        )  # fmt: skip

    def _quantized(self, gradient: FloatArray) -> Quantized:
        return quantize(gradient, fraction_bits=FRACTION_BITS, bound=GRADED_BOUND, dimension=DIMENSION, stretch=True)

    def _lie(self, one: Lie) -> Fault:
        return graded_lies(one.times)[one.name]

    def _line(self, prover: int) -> Line:
        line = super()._line(prover)
        line.add(self._watched)
        return line

    def _watched(self, network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        """See an answer; or the prover dies before it leaves."""
        for death in [one for one in self._alive if (one.prover, one.step) == (prover, request.step)]:
            self._times[death] = self._times.get(death, -1) + 1
            if self._times[death] == death.nth:
                self._alive.remove(death)
                self.events[f"died-at-{request.step.name}"] += 1
                self.back[prover] = self.turn + death.turns
                raise CrashError
        self.numbers.watch(prover, request, reply)
        return reply


def numbers_agree(world: GradedWorld) -> None:
    """What the market has of an owner is what was opened of it: F times its inner product, under 40 bits of noise."""
    rule = world.chain.terms.grading_rule
    assert rule is not None
    for number in range(len(world.chain.opened)):
        products = world.inner_products(number)
        for _, batch in world.chain.batches(number):
            graded = batch.statement.graded
            assert graded is not None
            for header, value in zip(batch.statement.owners, graded.values, strict=True):
                assert world.numbers.opened[number, header.owner_index] == value
        scale = rule.scale(GRADED_BOUND)
        for (opened, index), value in world.numbers.opened.items():
            if opened == number:
                assert 0 <= value - scale * products[index] < 1 << NOISE_BITS, "a number is not its owner's"
