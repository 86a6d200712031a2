"""Which headers enter a round, and that whatever is refused leaves nothing but a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

import native
from circuits.errors import (
    ChainError,
    ClosedError,
    GradrollError,
    InvalidInputError,
    KeyMismatchError,
    NotReadyError,
    SignatureError,
    UnknownError,
    WireError,
)
from circuits.hashing import keccak
from circuits.keyfiles import save_verifying_key
from circuits.statement import SubmissionHeader
from commons.chain.facts import Participants, RoundRecord
from commons.protocol.receipts import receipt_digest
from commons.protocol.signing import sign_digest
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.protocol.streamheads import ModelHead, publication_digest
from commons.storage.parameters import PublicParameters
from coordinator.admission import Admission
from coordinator.events import (
    CohortBegun,
    CohortFailed,
    HeaderAccepted,
    HeaderRefused,
    OwnerDropped,
    RoundClosed,
    SetLocking,
)
from coordinator.journal import Journal
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import Market, MemoryLog, hand_in
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import START
from tests.support.network import network_with
from tests.support.parameters import DevelopmentParameters
from tests.support.plain_batch import address_of, seed_of

COUNTED, OWNERS = 5, 3
MODEL_OWNER = seed_of("model owner")


@dataclass
class Rounds(Market):
    """Attributes:
    finalized: what the node says of every round.
    on_look: called when it is asked whether an owner is in one.
    """

    finalized: bool = False
    on_look: Callable[[], object] = lambda: None

    def round(self, task_id: int, number: int) -> RoundRecord:
        return replace(super().round(task_id, number), finalized=self.finalized)

    def participants(self, task_id: int, number: int, indices: Sequence[int]) -> Participants:
        self.on_look()
        return super().participants(task_id, number, indices)


class World:
    """A coordinator to which the owners of a network hand headers in."""

    def __init__(self) -> None:
        self.network = network_with(OWNERS)
        self.market = Rounds(chain_of(self.network))
        self.context = self.market.context(self.network.terms.task_id, 0)
        self.headers = list(self.network.headers)
        self.log = MemoryLog()
        self.journal = Journal(self.log)
        self.parameters: PublicParameters = DevelopmentParameters(self.network.setup)
        self.admission = self.admission_of(self.network.terms.coordinator)

    def admission_of(self, address: bytes) -> Admission:
        return Admission(self.market, self.journal, address, self.parameters, counted=COUNTED)

    def signed(self, header: SubmissionHeader, owner: int) -> SubmissionHeader:
        return header.signed(self.context, partial(sign_digest, seed_of("owner", owner)))

    def another(self, owner: int, salt: bytes = b"another dealing") -> SubmissionHeader:
        """A second submission of an owner, with fresh masks."""
        commitment = native.g1_mul(native.g1_generator, int.from_bytes(salt, "big"))
        return self.signed(replace(self.dealt_again(owner, salt), commitment=commitment), owner)

    def dealt_again(self, owner: int, salt: bytes = b"another dealing") -> SubmissionHeader:
        """Another dealing of an owner's first commitment."""
        header = self.headers[owner]
        changed = tuple(keccak(salt + digest) for digest in header.share_digests)
        return self.signed(replace(header, share_digests=changed), owner)

    def digest(self, header: SubmissionHeader) -> bytes:
        return header.digest(self.context)

    def receipts(self, header: SubmissionHeader, provers: int = 3) -> dict[int, bytes]:
        digest = receipt_digest(self.network.terms.market, self.digest(header))
        return {p: sign_digest(self.network.prover_keys[p], digest) for p in range(provers)}

    def submit(self, header: SubmissionHeader) -> SubmissionStatus:
        return self.admission.submit(header, self.receipts(header))

    def refuse(
        self, kind: type[GradrollError], reason: str, header: SubmissionHeader, receipts: dict[int, bytes] | None = None
    ) -> None:
        """Exactly this error, and nothing entered."""
        before = self.log.of(HeaderAccepted)
        with pytest.raises(kind, match=reason) as caught:
            self.admission.submit(header, self.receipts(header) if receipts is None else receipts)
        assert type(caught.value) is kind
        assert self.log.of(HeaderAccepted) == before

    def have_accepted(self, owners: int) -> None:
        """The market accepts a batch of the first owners that another run of this coordinator has proven."""
        self.network.headers = self.network.headers[:owners]
        hand_in(self.market, self.network.run().completed)

    def give_up(self, *headers: SubmissionHeader) -> None:
        """A cohort of these ends unproven, for good."""
        key = (headers[0].task_id, headers[0].round)
        self.journal.record(
            CohortBegun(*key, tuple(map(self.digest, headers))), CohortFailed(*key, "too few owners", True, 100)
        )


@pytest.fixture
def world() -> World:
    return World()


def test_a_header_with_a_quorum_of_receipts_enters(world: World) -> None:
    header = world.headers[0]
    status = world.submit(header)
    assert status == SubmissionStatus(world.digest(header), SubmissionState.PENDING)
    assert world.log.of(HeaderAccepted) == [HeaderAccepted(world.digest(header), header, (0, 1, 2))]
    assert not world.log.of(HeaderRefused)


def test_the_same_header_again_gives_its_present_status_and_no_second_event(world: World) -> None:
    header = world.headers[0]
    assert world.submit(header) == world.submit(header)
    world.journal.record(CohortBegun(header.task_id, 0, (world.digest(header),)))
    assert world.submit(header).state is SubmissionState.PROVING
    world.market.be_at(START + 10_000)
    assert world.admission.submit(header, {}).state is SubmissionState.PROVING, "it entered in time"
    assert len(world.log.of(HeaderAccepted)) == 1
    assert not world.log.of(HeaderRefused)


def test_the_same_header_twice_at_a_time_enters_once_and_both_callers_get_its_status(world: World) -> None:
    """An owner whose line broke asks again while its first call is still being checked."""
    header, answers = world.headers[0], []

    def again() -> None:
        world.market.on_look = lambda: None
        answers.append(world.submit(header))

    world.market.on_look = again
    answers.append(world.submit(header))
    assert answers == [SubmissionStatus(world.digest(header), SubmissionState.PENDING)] * 2
    assert len(world.log.of(HeaderAccepted)) == 1
    assert not world.log.of(HeaderRefused)


def test_tasks_and_rounds_that_nobody_knows_are_unknown(world: World) -> None:
    header = world.headers[0]
    world.refuse(UnknownError, "no such task", replace(header, task_id=8))
    world.refuse(UnknownError, "no such round", replace(header, round=1))


def test_another_coordinators_task_is_unknown_here(world: World) -> None:
    header = world.headers[0]
    other = world.admission_of(b"\x99" * 20)
    with pytest.raises(UnknownError, match="not this one"):
        other.submit(header, world.receipts(header))
    assert not world.log.records


def test_an_owner_stands_at_its_own_registration_index_only(world: World) -> None:
    neighbour = world.headers[1].owner_index
    world.refuse(SignatureError, f"is not owner {neighbour}", replace(world.headers[0], owner_index=neighbour))
    world.refuse(UnknownError, "no such owner", replace(world.headers[0], owner_index=1000))


@pytest.mark.parametrize("name", ["signature", "dealing_signature"])
@pytest.mark.parametrize("forged", ["another owner's", "another submission's", "the other one", "none"])
def test_both_signatures_of_a_header_are_its_owners(world: World, name: str, forged: str) -> None:
    header = world.headers[0]
    sources = {
        "another owner's": world.signed(header, 1),
        "another submission's": world.signed(replace(header, share_digests=(bytes(32),) * 4, round=1), 0),
        "the other one": replace(header, signature=header.dealing_signature, dealing_signature=header.signature),
        "none": SubmissionHeader(7, 0, header.owner, 0, header.commitment, ()),
    }
    with pytest.raises(SignatureError):
        world.submit(replace(header, **{name: getattr(sources[forged], name)}))
    assert not world.log.of(HeaderAccepted)


def test_a_receipt_is_its_provers_and_of_this_submission(world: World) -> None:
    header = world.headers[0]
    mine, others = world.receipts(header, 4), world.receipts(world.headers[1])
    world.refuse(SignatureError, "the receipt is signed by", header, {**mine, 2: mine[3]})
    world.refuse(SignatureError, "the receipt is signed by", header, {**mine, 0: others[0]})
    world.refuse(SignatureError, "65 bytes", header, {**mine, 3: b""})


def test_there_are_no_receipts_of_provers_that_do_not_exist(world: World) -> None:
    header = world.headers[0]
    mine = world.receipts(header)
    world.refuse(InvalidInputError, "only 4 provers", header, {**mine, 4: mine[0]})


def test_fewer_receipts_than_a_quorum_are_too_few_yet(world: World) -> None:
    header = world.headers[0]
    world.refuse(NotReadyError, "2 receipts are too few.* 3 provers", header, world.receipts(header, 2))
    assert world.submit(header).state is SubmissionState.PENDING


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_header_names_one_share_a_prover(world: World, count: int) -> None:
    header = replace(world.headers[0], share_digests=(bytes(32),) * count)
    world.refuse(WireError, "4 share digests", world.signed(header, 0))


@pytest.mark.parametrize("point", [bytes(31) + b"\x05" + bytes(31) + b"\x07", b"\xff" * 64])
def test_a_commitment_is_a_point_of_the_curve(world: World, point: bytes) -> None:
    """Whichever way it comes: a cohort with another one ends at every prover in an error that blames nobody."""
    header = replace(world.headers[0], commitment=native.G1(point))
    world.refuse(WireError, "the header's commitment is no point", world.signed(header, 0))
    assert world.submit(world.headers[0]).state is SubmissionState.PENDING


@pytest.mark.parametrize("late", [0, 1])
def test_a_header_whose_shares_provers_have_gets_in_as_long_as_the_round_takes_batches(world: World, late: int) -> None:
    """That they came in time is what the receipts say; the owner may have been looking for another coordinator."""
    world.market.be_at(world.market.chain.opened[0].settle + late)
    if late:
        world.refuse(ClosedError, "took batches until", world.headers[0])
    else:
        assert world.submit(world.headers[0]).state is SubmissionState.PENDING


def test_a_finalized_round_takes_nothing(world: World) -> None:
    world.market.finalized = True
    world.refuse(ClosedError, "took batches until", world.headers[0])


def test_an_owner_that_registered_when_all_seats_were_taken_is_told_to_take_the_next_round(world: World) -> None:
    """It would be attested by nobody, and everybody in its cohort would wait in vain."""
    chain = world.market.chain
    index = world.headers[2].owner_index
    chain.opened[0] = chain.opened[0]._replace(limit=index)
    world.refuse(ClosedError, f"owner {index} registered when all seats of round 0 were taken", world.headers[2])
    assert world.submit(world.headers[1]).state is SubmissionState.PENDING


def test_an_owner_that_leaves_is_in_the_rounds_that_were_open_and_in_none_after(world: World) -> None:
    header = world.headers[0]
    world.market.chain.resign(header.owner_index)
    assert world.submit(header).state is SubmissionState.PENDING
    number = world.market.chain.open_round()
    world.context = world.market.context(header.task_id, number)
    world.refuse(ClosedError, "leaves: none from 1 on", world.signed(replace(header, round=number), 0))
    stays = world.headers[1]
    assert world.submit(world.signed(replace(stays, round=number), 1)).state is SubmissionState.PENDING


def test_headers_go_to_the_tasks_present_coordinator(world: World) -> None:
    """Its model owner named another one when this one was silent; then it came back."""
    header, chain, other = world.headers[0], world.market.chain, b"\x99" * 20
    chain.clock.now = chain.halfway(0) + 1
    chain.set_coordinator(other)
    with pytest.raises(UnknownError, match="not this one"):
        world.submit(header)
    assert world.admission_of(other).submit(header, world.receipts(header)).state is SubmissionState.PENDING
    chain.set_coordinator(world.network.coordinator)
    assert world.submit(world.headers[1]).state is SubmissionState.PENDING


def test_an_owner_that_the_market_has_accepted_is_in_the_round(world: World) -> None:
    world.have_accepted(2)
    world.refuse(ClosedError, "accepted batch of this round already", world.headers[0])
    assert world.submit(world.headers[2]).state is SubmissionState.PENDING


def test_a_round_that_the_coordinator_has_closed_takes_nothing(world: World) -> None:
    world.submit(world.headers[0])
    world.journal.record(RoundClosed(world.headers[0].task_id, 0, ""))
    world.refuse(ClosedError, "full, or over", world.headers[1])


def test_an_owner_is_in_a_round_once(world: World) -> None:
    first = world.headers[0]
    world.submit(first)
    world.refuse(ClosedError, f"this owner has submission 0x{world.digest(first).hex()}", world.another(0))
    world.submit(world.headers[1])
    assert len(world.log.of(HeaderAccepted)) == 2


def test_an_owner_whose_submission_was_rejected_may_hand_in_another(world: World) -> None:
    world.submit(world.headers[0])
    world.journal.record(OwnerDropped(world.digest(world.headers[0]), "validity: norm above the bound", True))
    assert world.submit(world.another(0)).state is SubmissionState.PENDING


def test_an_owner_whose_submission_expired_may_hand_in_another_but_only_one(world: World) -> None:
    """With two in one round no cohort could be made of them, and the round would stand still for everybody."""
    world.submit(world.headers[0])
    world.give_up(world.headers[0])
    assert world.submit(world.headers[0]).state is SubmissionState.EXPIRED
    second = world.another(0)
    assert world.submit(second).state is SubmissionState.PENDING
    world.refuse(
        ClosedError, f"this owner has submission 0x{world.digest(second).hex()}", world.another(0, b"a third one")
    )
    world.give_up(second)
    assert world.submit(world.another(0, b"a fourth one")).state is SubmissionState.PENDING


def test_a_commitment_comes_in_once_a_round(world: World) -> None:
    """Provers bind it to its cohort, and refuse another one with it: everybody in that would wait in vain."""
    world.submit(world.headers[0])
    world.journal.record(OwnerDropped(world.digest(world.headers[0]), "dealing: no polynomial", True))
    world.refuse(InvalidInputError, "this commitment was handed in before", world.dealt_again(0))


def test_an_owner_whom_provers_may_have_locked_is_told_to_take_the_next_round(world: World) -> None:
    """They refuse a cohort with another submission of its: everybody in that would wait in vain."""
    first, second = world.headers[:2]
    world.submit(first)
    world.submit(second)
    members = (world.digest(first), world.digest(second))
    world.journal.record(
        CohortBegun(first.task_id, 0, members),
        SetLocking(first.task_id, 0, members[:1]),
        CohortFailed(first.task_id, 0, "an owner fell out of a signed set", True, 100),
    )
    world.refuse(ClosedError, "may have signed a set with this owner", world.another(0))
    assert world.submit(world.another(1)).state is SubmissionState.PENDING


def test_a_refusal_is_counted_once_a_header(world: World) -> None:
    """An owner's client that asks again and again is one refused submission, not many."""
    for _ in range(3):
        world.refuse(NotReadyError, "too few", world.headers[0], {})
    assert state_of(world.journal).task_status(world.headers[0].task_id).rejections == {"not-ready": 1}
    assert len(world.log.of(HeaderRefused)) == 1


def test_refusals_are_counted_by_cause_up_to_a_limit(world: World) -> None:
    """Beyond it they are refused all the same: nobody fills the disk with them."""
    header = world.headers[0]
    world.refuse(NotReadyError, "too few", header, {})
    world.submit(header)
    world.refuse(ClosedError, "this owner has", world.another(0))
    for nth in range(COUNTED):
        world.refuse(NotReadyError, "too few", world.another(1, bytes([nth + 1])), {})
    assert state_of(world.journal).rejections[header.task_id] == {"not-ready": COUNTED, "closed": 1}
    assert len(world.log.of(HeaderRefused)) == COUNTED + 1


def test_forged_headers_do_not_keep_owners_refusals_from_being_counted(world: World) -> None:
    for nth in range(COUNTED + 5):
        world.refuse(SignatureError, "is not owner", replace(world.headers[0], owner=bytes([nth + 1]) * 20))
    world.refuse(NotReadyError, "too few", world.headers[0], {})
    counted = state_of(world.journal).rejections[world.headers[0].task_id]
    assert counted["not-ready"] == 1
    assert counted[SignatureError.code] == COUNTED
    assert world.submit(world.headers[1]).state is SubmissionState.PENDING


def test_refusals_of_strangers_tasks_take_no_room_from_others(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can make tasks that name this coordinator, and send it headers for them that it refuses."""
    world.admission._refusals._most = most = 100
    task = world.headers[0].task_id
    forged = [HeaderRefused(1000 + n % 10, f"cause-{n % 7}", n.to_bytes(32, "big"), 0) for n in range(most - 2)]
    world.journal.record(*forged)
    world.admission.recount()
    for owner in (0, 1):
        world.refuse(NotReadyError, "too few", world.headers[owner], {})
    assert state_of(world.journal).rejections[task] == {"not-ready": 1}
    assert caplog.text.count("event=refusals-not-counted") == 1
    world.refuse(NotReadyError, "too few", world.headers[2], {})
    assert caplog.text.count("event=refusals-not-counted") == 1, "once in a while"
    assert world.submit(world.headers[1]).state is SubmissionState.PENDING


def test_a_restart_knows_how_many_refusals_there_are(world: World) -> None:
    world.refuse(NotReadyError, "too few", world.headers[0], {})
    world.refuse(NotReadyError, "too few", world.headers[1], {})
    assert world.admission._refusals._held == {world.headers[0].task_id: 2}
    world.admission.recount()
    assert world.admission._refusals._held == {world.headers[0].task_id: 2}


def test_a_refusal_for_a_round_that_is_forgotten_is_not_counted(world: World) -> None:
    world.journal.forget({world.headers[0].task_id: 0})
    world.refuse(ClosedError, "over for good", world.headers[0])
    assert not world.log.of(HeaderRefused)


def test_while_the_node_is_down_nothing_enters_and_later_it_does(world: World) -> None:
    world.market.down = 1
    world.refuse(ChainError, "cannot be reached", world.headers[0])
    assert world.submit(world.headers[0]).state is SubmissionState.PENDING


@pytest.fixture
def owned(world: World) -> World:
    """Its task is that of a model owner whose key is known here."""
    chain = world.market.chain
    chain.model_owner = address_of(MODEL_OWNER)
    return world


def published(world: World, key: bytes, task_id: int, signed_task: int | None = None) -> ModelHead:
    digest = keccak(b"the model")
    asked = publication_digest(world.network.terms.market, task_id if signed_task is None else signed_task, digest)
    return ModelHead(task_id, 9, digest, sign_digest(key, asked))


def test_the_model_owner_may_publish_a_model(owned: World) -> None:
    task = owned.network.terms.task_id
    assert owned.admission.check_publisher(published(owned, MODEL_OWNER, task)) == owned.market.chain.terms


def test_nobody_else_publishes_a_model(owned: World) -> None:
    task = owned.network.terms.task_id
    for head in (
        published(owned, seed_of("owner", 0), task),
        published(owned, owned.network.coordinator_key, task),
        published(owned, MODEL_OWNER, task, signed_task=task + 1),
        replace(published(owned, MODEL_OWNER, task), digest=keccak(b"another model")),
    ):
        with pytest.raises(SignatureError, match="the model is signed by"):
            owned.admission.check_publisher(head)


def test_models_of_others_tasks_are_unknown_here(owned: World) -> None:
    task = owned.network.terms.task_id
    with pytest.raises(UnknownError, match="no such task"):
        owned.admission.check_publisher(published(owned, MODEL_OWNER, task + 1))
    with pytest.raises(UnknownError, match="not this one"):
        owned.admission_of(b"\x99" * 20).check_publisher(published(owned, MODEL_OWNER, task))


def test_a_header_of_a_task_that_this_coordinators_files_do_not_serve_is_refused(tmp_path: Path) -> None:
    """Its owner hears it at once, instead of a round that fails."""
    world = World()
    world.network.setup.srs.save(tmp_path / "srs")
    world.parameters = PublicParameters(tmp_path / "srs", tmp_path, allow_insecure=True)
    world.admission = world.admission_of(world.network.terms.coordinator)
    world.refuse(KeyMismatchError, r"no .*verifying file", world.headers[0])
    save_verifying_key(world.network.setup.verifying, tmp_path / "norm.verifying")
    assert world.submit(world.headers[0]).state is SubmissionState.PENDING
