"""What a coordinator notices of provers that sign against themselves; and that it notices nothing of honest ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from commons.protocol.evidence import ConflictingAttestations, ConflictingMessages, Evidence
from commons.protocol.messages import Message, Step, StepReply, StepRequest
from commons.storage.evidencefiles import FOLDER, load_evidence
from coordinator.machine import Completed
from tests.coordinator.fleets import NetworkFleet, state_of
from tests.coordinator.markets import MORE_OWNERS, hand_in, proven
from tests.coordinator.test_batcher import World as Cohort
from tests.coordinator.test_driver import EVERYBODY, World
from tests.coordinator.test_takeovers import attested
from tests.simulation.world.network import InOrder
from tests.support.faults import lie_in_vector, silent
from tests.support.network import Network, network_with


def kept(directory: Path) -> dict[bytes, Evidence]:
    """Evidence in a state directory, by culprit."""
    found = map(load_evidence, (directory / FOLDER).iterdir() if (directory / FOLDER).exists() else ())
    return {evidence.culprit(): evidence for evidence in found}


class Again:
    """A fault: in a later step the prover sends another word for an earlier one, as a clone of it would.

    Attributes:
        forged: it is signed by another prover, as whoever sits on the line would do.
    """

    def __init__(self, step: Step, later: Step, *, forged: bool = False) -> None:
        self.step, self.later, self.forged = step, later, forged
        self.first: Message | None = None

    def __call__(self, network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is self.step:
            self.first = reply.message
        if request.step is not self.later or self.first is None:
            return reply
        body = self.first.body[:-1] + bytes([self.first.body[-1] ^ 1])
        signer = prover if not self.forged else (prover + 1) % network.provers
        signed = network.resign(signer, self.first, body)
        return replace(reply, message=replace(signed, sender=prover) if self.forged else signed)


def test_two_words_for_one_step_are_evidence_and_the_batch_is_proven_without_who_gave_them(tmp_path: Path) -> None:
    world = Cohort(tmp_path)
    faults = {1: [Again(Step.MASK, Step.CONFIRM)]}
    assert world.prove(NetworkFleet(world.network, faults=faults)) is None
    ((culprit, evidence),) = kept(tmp_path).items()
    assert culprit == world.network.committee.members[1]
    assert isinstance(evidence, ConflictingMessages)
    assert (evidence.step, evidence.sender) == (Step.MASK, 1)


@pytest.mark.parametrize(
    "fault",
    [Again(Step.MASK, Step.CONFIRM, forged=True), lie_in_vector(Step.COMBINE, signed=False), silent(Step.ATTEST),
     Again(Step.PROJECT, Step.MASK)],
)  # fmt: skip
def test_nothing_is_written_of_who_did_not_sign_against_itself(tmp_path: Path, fault: object) -> None:
    """A word that somebody else signed, one that does not fit, none, and one for a step that may be answered anew."""
    world = Cohort(tmp_path)
    world.prove(NetworkFleet(world.network, faults={1: [fault]}))  # type: ignore[list-item]
    assert kept(tmp_path) == {}


def of_owners(owners: Sequence[int]) -> Completed:
    """A batch of other owners of the same network, whose provers have forgotten what they are locked to."""
    network = network_with(MORE_OWNERS)
    network.headers = [network.headers[owner] for owner in owners]
    return network.run(first_attempt=7).completed


def test_who_attested_a_set_that_meets_an_accepted_one_is_found_when_that_is_taken_over(tmp_path: Path) -> None:
    """More than t lied: our batch was attested by a quorum, and so was the one that somebody else handed in."""
    world = World(tmp_path, InOrder(), round_age=0)
    ours, theirs = proven()[0], of_owners([1, 2])
    world.prove(ours, [0, 1])
    attested(world, theirs, 0, 2, 3)
    hand_in(world.market, theirs)
    world.network.accept(theirs)
    for _ in range(3):
        world.turn(after=10.0)
    found = kept(tmp_path)
    assert set(found) == {world.network.committee.members[p] for p in (0, 2, 3)}
    assert all(isinstance(evidence, ConflictingAttestations) for evidence in found.values())


def test_provers_that_serve_an_honest_batch_are_not_suspected(tmp_path: Path) -> None:
    world = World(tmp_path, InOrder(), round_age=0)
    (ours, theirs) = proven()
    world.prove(ours, [0, 1])
    hand_in(world.market, ours)
    attested(world, theirs, *EVERYBODY)
    hand_in(world.market, theirs)
    for _ in range(3):
        world.turn(after=10.0)
    assert [batch.accepted for batch in state_of(world.journal).batches.values()] == [True, True]
    assert kept(tmp_path) == {}
