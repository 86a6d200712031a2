"""A round with many batches: whoever is slow, missing or corrupt holds nobody back, and everybody honest gets in."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
import pytest

import native
from circuits import payload
from circuits.statement import SubmissionHeader
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.protocol.status import SubmissionState
from commons.sharing.dealing import OwnerSeeds, owner_vector, share_vector
from tests.simulation.world.invariants import statuses
from tests.simulation.world.participants import PROVERS, Owner
from tests.simulation.world.schedule import Schedule
from tests.simulation.world.world import BOUND, DIMENSION, World
from tests.support.faults import REWRITES, lie
from tests.support.network import Fault, Network
from tests.support.tiers import deepened

LIAR = 0


class Kind(Enum):
    """What an owner does."""

    PROMPT = auto()
    LATE = auto()
    """Its shares are in time; the coordinator hears of them after submissions have ended."""
    REFUSED = auto()
    """One prover does not take its share."""
    MISSING = auto()
    """It never submits."""
    TOO_LONG = auto()
    """Corrupt: its norm is above the bound."""
    OTHER_SHARES = auto()
    """Corrupt: its shares do not open its commitment."""
    SPARING = auto()
    """Corrupt: it gives its shares to a quorum, with the liar in it."""


CORRUPT = (Kind.TOO_LONG, Kind.OTHER_SHARES, Kind.SPARING)
EVERY = {Kind.LATE: 11, Kind.REFUSED: 13, Kind.MISSING: 7, Kind.TOO_LONG: 29, Kind.OTHER_SHARES: 31}
"""One in so many owners."""


def kind_of(index: int) -> Kind:
    return next((kind for kind, nth in EVERY.items() if index % nth == nth - 1), Kind.PROMPT)


@dataclass
class Crowd:
    """Owners by what they do."""

    kinds: Sequence[Kind]

    def all(self, *kinds: Kind) -> set[int]:
        """Registration indices of those of some kinds."""
        return {index for index, kind in enumerate(self.kinds) if kind in kinds}

    @property
    def honest(self) -> set[int]:
        """Those that submit and keep to the rules."""
        return set(range(len(self.kinds))) - self.all(Kind.MISSING, *CORRUPT)


class Busy(World):
    """A round with a crowd of owners."""

    def __init__(self, crowd: Crowd, *, capacity: int, least: int, faults: Sequence[Fault] = ()) -> None:
        self.crowd = crowd
        super().__init__(Schedule(1, len(crowd.kinds), capacity=capacity, least=least))
        self.lines[LIAR]._faults = list(faults)
        self.peace = True

    def _deal(self, owner: Owner) -> None:
        kind = self.crowd.kinds[owner.index]
        if kind not in (Kind.TOO_LONG, Kind.OTHER_SHARES):
            super()._deal(owner)
            return
        values, tail_of = native.from_int64(owner.quantized.values), owner.quantized.values
        seeds = OwnerSeeds.from_bytes(secrets.token_bytes(OwnerSeeds.length(self.committee)))
        slack = BOUND - owner.quantized.squared_norm
        vector = owner_vector(values, slack - 1 if kind is Kind.TOO_LONG else slack, seeds)
        committed = self.setup.commitment.commit_small(tail_of, vector.tail)
        if kind is Kind.OTHER_SHARES:
            vector = replace(vector, values=native.add(values, native.from_ints([1] * DIMENSION)))
        sharing = share_vector(vector, committed, self.committee, seeds)
        header = SubmissionHeader(
            self.chain.terms.task_id, owner.round, owner.key.address, owner.index, sharing.commitment, sharing.digests
        )
        self._dealt(owner, header, sharing.payloads)

    def _share(self, owner: Owner, header: SubmissionHeader, prover: int) -> None:
        kind = self.crowd.kinds[owner.index]
        if (kind, prover) in ((Kind.REFUSED, LIAR), (Kind.SPARING, PROVERS - 1)):
            return
        super()._share(owner, header, prover)

    def play(self) -> None:
        """The round from its opening to its end."""
        self.chain.open_round()
        self._turn()
        self.hand_in(Kind.PROMPT, Kind.REFUSED, *CORRUPT, Kind.LATE)
        self.turns(6)
        self.clock.now = float(self.chain.opened[0].submit + 1)
        self.chain.mine()
        self.turns(6)
        self.enter(Kind.LATE)
        self.turns(8 * len(self.owners) // self.schedule.capacity + 60)
        self.clock.now = float(self.chain.opened[0].settle + 1)
        self.chain.mine()
        self.turns(20)

    def _submit(self, owner: Owner) -> None:
        """In this world owners act when they are told to."""

    def turns(self, count: int) -> None:
        for _ in range(count):
            self._turn()

    def hand_in(self, *kinds: Kind) -> None:
        """These owners share their gradients; all but the late ones hand their headers in."""
        for owner in self._of(*kinds):
            self._deal(owner)
            assert owner.header is not None
            for prover in range(PROVERS):
                self._share(owner, owner.header, prover)
        self.enter(*(set(kinds) - {Kind.LATE}))

    def enter(self, *kinds: Kind) -> None:
        for owner in self._of(*kinds):
            assert owner.header is not None
            self._coordinator().admission.submit(owner.header, owner.receipts)
            owner.entered = True

    def _of(self, *kinds: Kind) -> Iterator[Owner]:
        return (owner for owner in self.owners if self.crowd.kinds[owner.index] in kinds)

    def _renew(self, owner: Owner) -> None:
        """They do not submit again."""

    def accepted(self) -> set[int]:
        """Owners that are paid."""
        return self.chain.consumed(0)

    def check_sums(self) -> None:
        """Each batch has a sum, which is that of its owners' gradients."""
        quantized = {owner.index: owner.quantized.values for owner in self.owners}
        with self._coordinator().journal.reading() as state:
            batches = list(state.batches.values())
        assert len(batches) == len(self.chain.batches(0))
        for batch in batches:
            assert batch.payload_digest is not None
            opened = payload.decode(self._coordinator().results.get(batch.payload_digest), DIMENSION)
            plain = [quantized[self.headers[submission].owner_index] for submission in batch.submissions]
            assert np.array_equal(opened.values, np.sum(plain, axis=0))

    def states(self, *kinds: Kind) -> set[SubmissionState]:
        """What became of these owners' submissions."""
        with self._coordinator().journal.reading() as state:
            told = statuses(state)
        chosen = self.crowd.all(*kinds)
        return {told[s].state for s, header in self.headers.items() if header.owner_index in chosen and s in told}


@pytest.mark.parametrize(("owners", "capacity"), deepened([(45, 8), (320, 32)], fast=[(45, 8)]))
def test_everybody_honest_is_accepted_in_some_batch_whoever_else_is_there(owners: int, capacity: int) -> None:
    crowd = Crowd([kind_of(index) for index in range(owners)])
    assert all(crowd.all(kind) for kind in EVERY)
    with Busy(crowd, capacity=capacity, least=3) as world:
        world.play()
        assert world.accepted() == crowd.honest
        world.check_sums()
        named = world.states(Kind.TOO_LONG, Kind.OTHER_SHARES)
        assert named <= {SubmissionState.REJECTED, SubmissionState.EXPIRED}, "a quorum alone cannot say who is at fault"
        assert world.states(Kind.PROMPT, Kind.LATE, Kind.REFUSED) == {SubmissionState.ACCEPTED}
        begun = [block.time for block in world.chain.blocks if block.accepted]
        assert begun[0] <= world.chain.opened[0].submit, "whole batches do not wait for the last owner"
        assert all(world.chain.earned(index) == 1 for index in crowd.honest)


def lying_where_it_is_needed(corrupt: set[int]) -> Fault:
    """A liar that spoils the cohorts with these owners, which it can, and no others, in which it would be found."""
    spoilt: set[bytes] = set()
    residual = lie(*REWRITES["one-residual"])

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply | Failure:
        if request.cohort is not None and corrupt & {header.owner_index for header in request.cohort.headers}:
            spoilt.add(request.session)
        if request.proposal is not None and request.proposal.cohort_id in spoilt:
            spoilt.add(request.session)
        if request.step is Step.VALIDATE and request.session in spoilt:
            return residual(network, prover, request, reply)
        return reply

    return fault


def test_a_corrupt_owner_and_a_liar_cost_the_round_at_most_a_quarter_of_its_honest_owners() -> None:
    """Attack: with shares at just a quorum, the liar among it, the owner's cohort can be stopped by the liar alone.  It
    is made last, with a batch or a quarter of the others, and none after it has failed.
    """
    kinds = [Kind.PROMPT] * 26 + [Kind.SPARING]
    crowd = Crowd(kinds)
    with Busy(crowd, capacity=8, least=3, faults=[lying_where_it_is_needed(crowd.all(Kind.SPARING))]) as world:
        world.play()
        lost = crowd.honest - world.accepted()
        assert len(lost) == 6, "a quarter of them keep it company"
        world.check_sums()
        assert world.states(Kind.SPARING) == {SubmissionState.EXPIRED}


def test_too_few_that_are_left_wait_and_are_told_why() -> None:
    """Two late ones of a task whose batches have three: nobody can be put with them any more."""
    crowd = Crowd([Kind.PROMPT] * 4 + [Kind.LATE] * 2 + [Kind.MISSING] * 3)
    with Busy(crowd, capacity=4, least=3) as world:
        world.play()
        assert world.accepted() == crowd.all(Kind.PROMPT)
        assert world.states(Kind.LATE) == {SubmissionState.EXPIRED}
        with world._coordinator().journal.reading() as state:
            reasons = {status.reason for status in statuses(state).values() if status.state is SubmissionState.EXPIRED}
        assert reasons == {
            "the round ended before a batch took it: too few owners: 2 of the 3 that a batch needs"
        }  # fmt: skip
