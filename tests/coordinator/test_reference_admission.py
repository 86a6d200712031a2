"""Copies of a round's reference at the coordinator: those with which the round was opened come in, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from circuits.errors import (
    ChainError,
    ClosedError,
    GradrollError,
    NotReadyError,
    SignatureError,
    UnknownError,
    WireError,
)
from circuits.statement import REFERENCE_INDEX, SubmissionHeader
from commons.protocol.receipts import receipt_digest
from commons.protocol.references import Copy, Opening
from commons.protocol.signing import sign_digest
from commons.protocol.status import SubmissionState
from commons.sharing import sealing
from coordinator.admission import Admission
from coordinator.events import HeaderAccepted
from coordinator.journal import Journal
from tests.coordinator.markets import Market, MemoryLog
from tests.simulation.world.chain import chain_of
from tests.support.gradednetwork import MODEL_OWNER, along, graded_with
from tests.support.network import Network, OwnerPlan, network_with
from tests.support.parameters import DevelopmentParameters
from tests.support.plain_batch import address_of, seed_of
from tests.support.uploads import sealed_upload

GOOD = OwnerPlan(along(1000, 5))


class World:
    """A coordinator to which a model owner hands its copies in."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.market = Market(chain_of(network))
        self.log = MemoryLog()
        self.journal = Journal(self.log)
        parameters, address = DevelopmentParameters(network.setup), network.terms.coordinator
        self.admission = Admission(self.market, self.journal, address, parameters, counted=5)

    def signed(self, header: SubmissionHeader, key: bytes = MODEL_OWNER) -> SubmissionHeader:
        return header.signed(self.network.context, partial(sign_digest, key))

    def submit(self, header: SubmissionHeader, provers: int = 3) -> SubmissionState:
        digest = receipt_digest(self.network.terms.market, header.digest(self.network.context))
        receipts = {p: sign_digest(self.network.prover_keys[p], digest) for p in range(provers)}
        return self.admission.submit(header, receipts).state

    def refuse(self, kind: type[GradrollError], reason: str, header: SubmissionHeader, provers: int = 3) -> None:
        with pytest.raises(kind, match=reason):
            self.submit(header, provers)
        assert not self.log.of(HeaderAccepted)


@pytest.fixture
def world() -> World:
    return World(graded_with((900, 500), copies=(GOOD, GOOD)))


@pytest.fixture
def copies(world: World) -> list[SubmissionHeader]:
    return list(world.network.references)  # type: ignore[attr-defined]


def test_copies_come_in_beside_the_owners(world: World, copies: list[SubmissionHeader]) -> None:
    for header in (*copies, *world.network.headers):
        assert world.submit(header) is SubmissionState.PENDING
    assert world.submit(copies[0]) is SubmissionState.PENDING, "the same header again"
    assert [event.header for event in world.log.of(HeaderAccepted)] == [*copies, *world.network.headers]


def test_copies_with_one_commitment_are_refused() -> None:
    """And with them the round: owners hand nothing in before all copies are there."""
    network = graded_with((), copies=(GOOD, GOOD))
    network.open_with_twins()
    network.submit(GOOD)
    world = World(network)
    for header in network.references:
        world.refuse(WireError, "another copy of this round's reference", header)
    world.refuse(NotReadyError, "0 of 2 copies", network.headers[0])


def test_reference_of_a_task_that_does_not_grade_is_refused(copies: list[SubmissionHeader]) -> None:
    plain = World(network_with(2))
    header = plain.signed(copies[0])
    plain.refuse(UnknownError, "no round with references", header)


def test_copy_is_the_one_with_which_the_round_was_opened(world: World, copies: list[SubmissionHeader]) -> None:
    one, other = copies
    world.refuse(SignatureError, "not copy 0", world.signed(replace(one, commitment=other.commitment)))
    world.refuse(SignatureError, "not copy 0", world.signed(replace(one, share_digests=other.share_digests)))
    world.refuse(SignatureError, "not copy 1", world.signed(replace(one, owner_index=REFERENCE_INDEX + 1)))
    world.refuse(WireError, "which has 2", world.signed(replace(one, owner_index=REFERENCE_INDEX + 2)))


def test_copy_is_held_against_the_rounds_digest(world: World, copies: list[SubmissionHeader]) -> None:
    """Attack: a node shows copies that the round was not opened with."""
    false = world.signed(replace(copies[0], commitment=copies[1].commitment))
    opening = world.network.opening
    world.market.chain.opening = Opening(opening.model_digest, (Copy.of(false), *opening.copies[1:]))
    world.refuse(ChainError, "other references", false)


def test_copy_is_signed_by_whom_it_names(world: World, copies: list[SubmissionHeader]) -> None:
    world.refuse(SignatureError, "sign", world.signed(copies[0], seed_of("somebody else")))


def test_copy_needs_a_quorum_of_receipts(world: World, copies: list[SubmissionHeader]) -> None:
    """Nobody but its dealer has shares with the digests that the round was opened with."""
    world.refuse(NotReadyError, "2 receipts are too few", copies[0], provers=2)


def test_copy_comes_in_once_whoever_it_names(world: World, copies: list[SubmissionHeader]) -> None:
    world.submit(copies[0])
    key = seed_of("owner", 0)
    stolen = world.signed(replace(copies[0], owner=world.network.headers[0].owner), key)
    with pytest.raises(ClosedError, match="is here already"):
        world.submit(stolen)


def test_owners_hand_nothing_in_before_all_copies_are_there(world: World, copies: list[SubmissionHeader]) -> None:
    """What they would be graded against may never come."""
    owner = world.network.headers[0]
    world.submit(copies[1])
    with pytest.raises(NotReadyError, match="handed in 1 of 2 copies"):
        world.submit(owner)
    world.submit(copies[0])
    assert world.submit(owner) is SubmissionState.PENDING


def test_nobody_but_the_model_owner_uploads_copies(world: World, copies: list[SubmissionHeader]) -> None:
    """What a copy commits to is public, so anybody can sign headers of it, and fill the room with uploads."""
    network, stranger = world.network, seed_of("a stranger")
    payloads = [memory.payloads[copies[0].digest(network.context)] for memory in network.memories]
    keys = [sealing.public_key(seed_of("hpke", p)) for p in range(network.provers)]
    world.market.chain.model_owner = address_of(MODEL_OWNER)

    def offered(key: bytes) -> bytes:
        header = world.signed(replace(copies[0], owner=address_of(key)), key)
        sign = partial(sign_digest, key)
        upload = sealed_upload(header, network.context, payloads, network.committee, keys, sign)
        return world.admission.check_offer(upload.head)[1]

    assert offered(MODEL_OWNER) == copies[0].digest(network.context)
    with pytest.raises(SignatureError, match=r"which the model owner 0x.* deals"):
        offered(stranger)


def test_copies_close_with_the_round(world: World, copies: list[SubmissionHeader]) -> None:
    world.market.be_at(world.market.chain.opened[0].settle + 1)
    world.refuse(ClosedError, "took batches until", copies[0])


def test_copy_is_no_gradient_of_the_model_owner_that_is_an_owner_too(
    world: World, copies: list[SubmissionHeader]
) -> None:
    world.market.chain.owners[9] = address_of(MODEL_OWNER)
    again = world.signed(replace(copies[0], owner_index=9))
    world.refuse(WireError, "a copy of the round's reference", again)
    for copy in copies:
        world.submit(copy)
    with pytest.raises(WireError, match="a copy of the round's reference"):  # although the copy itself is known
        world.submit(again)
