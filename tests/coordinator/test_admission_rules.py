"""Which submissions a coordinator enters: what it takes in has a quorum behind it, once an owner and round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from circuits.errors import (
    ClosedError,
    GradrollError,
    InvalidInputError,
    NotReadyError,
    SignatureError,
    UnknownError,
    WireError,
)
from circuits.statement import SubmissionHeader
from commons.protocol.receipts import receipt_digest
from commons.protocol.signing import sign_digest
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.protocol.streamheads import ModelHead, publication_digest
from coordinator.admission import Admission
from coordinator.events import RoundClosed
from coordinator.journal import Journal
from tests.coordinator.fleets import journal_in, state_of
from tests.simulation.world.chain import Acceptance, ModelChain, NodeView, chain_of
from tests.support.network import Network, OwnerPlan, gradients, network_with
from tests.support.plain_batch import seed_of

SKEW = 30


@dataclass
class World:
    """A round of a task that names this coordinator, as one node shows it."""

    network: Network
    chain: ModelChain
    journal: Journal

    @property
    def admission(self) -> Admission:
        own = self.network.terms.coordinator
        return Admission(NodeView(self.chain), self.journal, own, clock_skew=SKEW, counted=2)

    def receipts(self, header: SubmissionHeader, provers: range = range(3)) -> dict[int, bytes]:
        digest = receipt_digest(self.network.terms.market, header.digest(self.network.context))
        return {p: sign_digest(self.network.prover_keys[p], digest) for p in provers}

    def submit(self, header: SubmissionHeader, receipts: dict[int, bytes] | None = None) -> SubmissionStatus:
        return self.admission.submit(header, self.receipts(header) if receipts is None else receipts)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    network = network_with(2)
    made = World(network, chain_of(network), journal_in(tmp_path))
    yield made
    made.journal.close()


def check_refused(world: World, header: SubmissionHeader, error: type[GradrollError], match: str) -> None:
    with pytest.raises(error, match=match):
        world.submit(header)
    assert header.digest(world.network.context) not in state_of(world.journal).submissions


def test_a_header_with_a_quorum_of_receipts_is_entered_once(world: World) -> None:
    header = world.network.headers[0]
    status = world.submit(header)
    assert (status.submission, status.state) == (header.digest(world.network.context), SubmissionState.PENDING)
    assert world.submit(header, {}) == status  # asked again it needs no proof


def test_too_few_receipts_of_strangers_or_forged_ones_enter_nothing(world: World) -> None:
    header, other = world.network.headers
    two, three = world.receipts(header, range(2)), world.receipts(header)
    cases: list[tuple[dict[int, bytes], type[GradrollError]]] = [
        (two, NotReadyError),
        ({**two, 4: three[2]}, InvalidInputError),
        ({**two, 2: two[1]}, SignatureError),
        ({**two, 2: world.receipts(other)[2]}, SignatureError),
    ]
    for receipts, error in cases:
        with pytest.raises(error):
            world.submit(header, receipts)
    assert not state_of(world.journal).submissions
    assert sum(state_of(world.journal).rejections[world.network.terms.task_id].values()) == 2, "no more are logged"


def test_an_owner_has_one_submission_in_a_round_until_it_has_expired(world: World) -> None:
    header, bystander = world.network.headers
    status = world.submit(header)
    again = world.network.submit_again(0, OwnerPlan(gradients(1, 5, seed=9)[0]))
    check_refused(world, again, ClosedError, f"has submission 0x{status.submission.hex()}")
    world.submit(bystander)


def test_a_header_that_is_not_its_registered_owners_is_refused(world: World) -> None:
    header = world.network.headers[0]
    check_refused(world, replace(header, signature=header.dealing_signature), SignatureError, "the submission")
    check_refused(world, replace(header, dealing_signature=header.signature), SignatureError, "the dealing")
    check_refused(world, replace(header, share_digests=header.share_digests[1:]), WireError, "4 share digests")
    world.chain.owners[header.owner_index] = bytes(20)
    check_refused(world, header, SignatureError, "is not owner")
    stranger = Admission(NodeView(world.chain), world.journal, bytes(20), clock_skew=SKEW, counted=2)
    with pytest.raises(UnknownError, match="not this one"):
        stranger.submit(header, world.receipts(header))


def late(world: World) -> None:
    _, settle = world.chain.opened[0]
    world.chain.opened[0] = (world.chain.head.time - SKEW - 1, settle)


def paid(world: World) -> None:
    network = world.network
    done = network.run().completed
    batch = Acceptance(done.statement, done.proof, done.bundle.certificate.attestations)
    world.chain.waiting.append(batch)
    world.chain.mine()


@pytest.mark.parametrize(
    ("before", "match"), [(late, "took submissions until"), (paid, "in an accepted batch")], ids=["late", "paid"]
)
def test_what_could_be_paid_no_more_is_not_entered(world: World, before: Callable[[World], None], match: str) -> None:
    before(world)
    check_refused(world, world.network.headers[0], ClosedError, match)


def test_a_header_is_taken_until_the_last_second_of_the_allowance(world: World) -> None:
    _, settle = world.chain.opened[0]
    world.chain.opened[0] = (world.chain.head.time - SKEW, settle)
    world.submit(world.network.headers[0])


def test_a_round_that_is_over_takes_nothing(world: World) -> None:
    first, second = world.network.headers
    world.submit(first)
    world.journal.record(RoundClosed(world.network.terms.task_id, 0))
    check_refused(world, second, ClosedError, "full, or over")


def test_a_model_is_its_model_owners(world: World) -> None:
    network, key = world.network, seed_of("model owner")
    digest = publication_digest(network.terms.market, network.terms.task_id, bytes(32))
    head = ModelHead(network.terms.task_id, 100, bytes(32), sign_digest(key, digest))
    with pytest.raises(SignatureError, match="the model"):
        world.admission.check_publisher(head)


def test_what_is_entered_survives_a_restart(world: World, tmp_path: Path) -> None:
    header = world.network.headers[0]
    world.submit(header)
    world.journal.close()
    world.journal = journal_in(tmp_path)
    digest = header.digest(world.network.context)
    assert state_of(world.journal).submissions[digest].header == header
