"""Collecting the sums of accepted batches from real parties, and publishing them where the task wants that."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import coordinator.releases
from circuits import payload
from circuits.errors import ChainError, UnavailableError
from circuits.hashing import keccak
from circuits.payload import largest_payload
from commons.chain.facts import HeldFees, RecordedBatch
from commons.chain.mined import Mined
from commons.chain.writer import ChainWriter
from commons.protocol import release, sealedreplies
from commons.protocol.messages import Step
from commons.protocol.release import SumAsked
from commons.protocol.sealedsums import opener
from commons.settings.values import Depth
from commons.sharing.sealing import public_key
from coordinator.events import BatchProven, BatchSettled, HeaderAccepted
from coordinator.feesettlement import FeeSettlement
from coordinator.journal import Journal
from coordinator.machine import Completed
from coordinator.releases import Releases
from coordinator.resultroom import room_for
from coordinator.roundstate import ProvenBatch
from tests.coordinator.fleets import NetworkFleet, blobs_in, journal_in, state_of
from tests.support.faults import lie_in_vector, silent
from tests.support.network import Fault, Network, network_with

OWNERS, INDEX = 3, 4
SECRET = bytes(range(1, 33))


@dataclass
class FakeChain:
    """The market has accepted the batch as the round's fifth."""

    done: Completed
    published: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    lags: bool = False

    @property
    def view(self) -> FakeChain:
        return self

    def recorded(self, task_id: int, number: int, batch_id: bytes, depth: Depth) -> RecordedBatch | None:
        if batch_id != self.done.batch_id or self.lags:
            return None
        return RecordedBatch(INDEX, batch_id, self.done.proof.commitment_sum, (1, 3, 5))

    def held_fees(self, task_id: int, number: int, batch: int | None = None) -> dict[int, HeldFees]:
        return {}

    def publish_aggregate(self, task_id: int, number: int, batch_index: int, encoded: bytes) -> Mined:
        self.published.append((task_id, number, batch_index, encoded))
        return Mined(b"\xee" * 32, 1, 1, None, ())


@dataclass
class World:
    network: Network
    done: Completed
    directory: Path
    journal: Journal
    chain: FakeChain
    others: int = 0
    lost: dict[int, frozenset[bytes]] = field(default_factory=dict)

    @property
    def batch(self) -> ProvenBatch:
        return state_of(self.journal).batches[self.done.batch_id]

    def handed_again(self, prover: int, submissions: Collection[bytes]) -> bool:
        self.lost[prover] = frozenset(submissions)
        return True

    def collect(self, fleet: NetworkFleet | None = None, *, publish: bool = False, private: bool = False) -> None:
        chain, blobs = cast(ChainWriter, self.chain), blobs_in(self.directory)
        blobs._quota.add(99, self.others)
        fees = FeeSettlement(chain, self.journal, blobs, timeout=1.0)
        releases = Releases(chain, fees, self.journal, blobs, step_timeout=1.0, hand_again=self.handed_again)
        asked = (fleet or NetworkFleet(self.network)).fleet
        key = self.network.setup.commitment
        releases.collect(self.done.batch_id, asked, key, publish=publish, private=private)

    def check(self) -> None:
        """What is stored is the sum of all owners' gradients."""
        assert self.batch.payload_digest is not None
        encoded = blobs_in(self.directory).get(self.batch.payload_digest)
        opened = payload.decode(encoded, self.network.dimension)
        assert np.array_equal(opened.values, np.sum([plan.gradient for plan in self.network.plans], axis=0))


def begun(tmp_path: Path, network: Network) -> World:
    """A batch of the network's is accepted."""
    done, journal = network.run().completed, journal_in(tmp_path)
    key, digests = (network.terms.task_id, 0), network.cohort.digests
    bundle = blobs_in(tmp_path).put(done.bundle.encode(), key[0])
    journal.record(
        *(
            HeaderAccepted(digest, header, (0, 1, 2, 3))
            for digest, header in zip(digests, network.headers, strict=True)
        ),
        BatchProven(*key, done.batch_id, digests, bundle),
        BatchSettled(done.batch_id, True, ""),
    )
    network.accept(done)
    return World(network, done, tmp_path, journal, FakeChain(done))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = begun(tmp_path, network_with(OWNERS))
    yield made
    made.journal.close()


@pytest.fixture
def secret_world(tmp_path: Path) -> Iterator[World]:
    """The task has a key for sums."""
    made = begun(tmp_path, network_with(OWNERS, sum_key=public_key(SECRET)))
    yield made
    made.journal.close()


def test_a_sum_is_opened_stored_and_recorded(world: World) -> None:
    world.collect()
    world.check()
    assert not world.batch.published
    assert not world.chain.published
    again = journal_in_copy(world)
    assert state_of(again).batches[world.done.batch_id].payload_digest == world.batch.payload_digest


def test_a_sum_is_stored_though_others_have_taken_its_room(world: World) -> None:
    """There was room when its batch was begun, and the provers have released it."""
    world.others = 1 << 30
    world.collect()
    world.check()


def journal_in_copy(world: World) -> Journal:
    """What a restart would read."""
    world.journal.close()
    world.journal = journal_in(world.directory)
    return world.journal


def test_before_the_acceptance_is_final_nothing_is_recorded(world: World) -> None:
    for memory in world.network.memories[1:]:
        memory.acceptances.clear()
    with pytest.raises(UnavailableError, match=r"needs the shares of 2 provers.*not accepted this batch yet"):
        world.collect()
    assert world.batch.payload_digest is None
    world.network.accept(world.done)
    world.collect()
    world.check()


@pytest.mark.parametrize("fault", [lie_in_vector(Step.RELEASE), silent(Step.RELEASE)])
def test_one_lying_or_silent_prover_hinders_nobody(world: World, fault: Fault) -> None:
    world.collect(NetworkFleet(world.network, faults={1: [fault]}))
    world.check()


def test_two_provers_are_enough_for_the_sum(world: World) -> None:
    world.collect(NetworkFleet(world.network, down={0, 3}))
    world.check()


def test_a_prover_that_lost_shares_under_the_sum_is_handed_them_again(world: World) -> None:
    """One that is silent is not."""
    world.network.memories[0].payloads.clear()
    faults = {1: [silent(Step.RELEASE)]}
    world.collect(NetworkFleet(world.network, faults=faults))
    world.check()
    assert world.lost == {0: frozenset(world.network.cohort.digests)}


def test_one_prover_is_not(world: World) -> None:
    with pytest.raises(UnavailableError, match="needs the shares of 2 provers"):
        world.collect(NetworkFleet(world.network, down={0, 1, 3}))


def test_a_small_aggregate_is_published_once(world: World) -> None:
    world.collect(publish=True)
    world.check()
    ((task_id, number, index, encoded),) = world.chain.published
    assert (task_id, number, index) == (*world.batch.round_key, INDEX)
    assert keccak(encoded) == world.batch.payload_digest
    assert world.batch.published
    world.collect(publish=True)
    assert len(world.chain.published) == 1


def test_a_node_that_does_not_show_the_batch_is_asked_again_later(world: World) -> None:
    world.chain.lags = True
    with pytest.raises(ChainError, match="does not show a batch"):
        world.collect(publish=True)
    assert not world.chain.published
    world.chain.lags = False
    world.collect(publish=True)
    assert len(world.chain.published) == 1


def test_after_a_crash_between_opening_and_publishing_only_the_rest_is_done(world: World) -> None:
    world.collect()
    journal_in_copy(world)
    world.collect(NetworkFleet(world.network, down={0, 1, 2, 3}), publish=True)
    assert len(world.chain.published) == 1
    assert world.batch.published


def test_an_aggregate_that_is_too_long_for_the_log_is_served_and_not_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round must be able to close; readers have the coordinator and the provers."""
    monkeypatch.setattr(coordinator.releases, "MAX_INLINE", 10)
    world.collect(publish=True)
    world.check()
    assert not world.chain.published
    assert world.batch.published


def gathered(world: World) -> tuple[sealedreplies.SealedShare, ...]:
    """What is stored of a private sum."""
    assert world.batch.payload_digest is not None
    raw = blobs_in(world.directory).get(world.batch.payload_digest)
    return sealedreplies.decode(raw, world.network.dimension + 129)


def test_of_a_private_sum_the_sealed_shares_of_all_that_answer_are_kept(secret_world: World) -> None:
    world = secret_world
    world.collect(private=True)
    shares = gathered(world)
    assert [share.prover for share in shares] == [0, 1, 2, 3]
    digest = world.batch.payload_digest
    journal_in_copy(world)
    world.collect(NetworkFleet(world.network, down={0, 1, 2, 3}), private=True)
    assert world.batch.payload_digest == digest
    for memory in world.network.memories:  # what is kept opens, whatever becomes of the provers
        memory.payloads.clear()
    certificate = world.done.bundle.certificate
    asked, replies = SumAsked.of(certificate), {s.prover: s.reply(world.done.batch_id) for s in gathered(world)}
    opens = opener(SECRET, asked.context, asked.batch_id)
    key = world.network.setup.commitment
    found = release.opened(world.network.committee, key, asked, replies, opens=opens)
    values = payload.decode(found.payload, world.network.dimension).values
    assert np.array_equal(values, np.sum([plan.gradient for plan in world.network.plans], axis=0))


def test_a_quorum_of_sealed_shares_is_waited_for(secret_world: World) -> None:
    """Of fewer the coordinator could not know that honest ones are enough: it sees into none."""
    world = secret_world
    with pytest.raises(UnavailableError, match="needs the sealed shares of 3 provers"):
        world.collect(NetworkFleet(world.network, down={0, 1}), private=True)
    assert world.batch.payload_digest is None
    world.collect(NetworkFleet(world.network, down={1}), private=True)
    assert [share.prover for share in gathered(world)] == [0, 2, 3]


def test_a_prover_that_lost_shares_under_a_private_sum_is_handed_them_again(secret_world: World) -> None:
    world = secret_world
    world.network.memories[1].payloads.clear()
    world.collect(private=True)
    assert world.lost == {1: frozenset(world.network.cohort.digests)}


def test_there_is_room_for_a_share_of_every_prover(secret_world: World) -> None:
    world = secret_world
    world.collect(private=True)
    held = sum(len(blobs_in(world.directory).get(digest)) for digest in (
        world.batch.bundle_digest, world.batch.payload_digest or b"",
    ))  # fmt: skip
    size, rows = world.network.dimension, OWNERS
    assert room_for(size, rows, 4) - room_for(size, rows) > 4 * 32 * (size + 129) - largest_payload(size)
    headers = held - room_for(size, rows, 4)
    assert headers < 4096
