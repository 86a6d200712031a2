"""The provers of a committee, asked together over lines that break, by addresses that change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import NoReturn, cast

import pytest

from circuits.errors import (
    ClosedError,
    GradrollError,
    InvalidInputError,
    RuleViolationError,
    UnavailableError,
    UnknownError,
)
from commons.chain.facts import CommitteeRecord
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.keypackages import KeyConfirmation, KeyPackage
from commons.protocol.messages import Message, Step, StepReply, StepRequest
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.replies import Failure
from commons.protocol.status import ProverStatus
from commons.protocol.streamheads import ShareHead
from commons.sharing.sealedbodies import Chunks
from coordinator.fleet import Connection, Fleet, Fleets
from tests.coordinator.markets import Market, proven, status_of
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import NodeClock
from tests.simulation.world.network import InOrder
from tests.support.network import Network

EVERYBODY = range(4)
REQUESTS = {p: StepRequest(Step.COIN, bytes(32)) for p in EVERYBODY}


@dataclass
class Prover:
    """A prover behind a line.

    Attributes:
        status: what it says of itself; an error stands for a line that gives no answer.
        troubles: raised, one a request.
        before: called with each request.
        keys: what it was asked for when shared keys were set up.
        kept: the batch that it attested.
    """

    index: int
    status: ProverStatus | Exception
    troubles: list[Exception] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    timeouts: list[float | None] = field(default_factory=list)
    looks: list[float | None] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    mailbox: tuple[KeyPackage, ...] = ()
    confirmations: tuple[KeyConfirmation, ...] = ()
    kept: AuditBundle | Exception = field(default_factory=lambda: UnknownError("it attested none"))


@dataclass
class Line:
    """A connection.  Implements ``coordinator.fleet.Connection``."""

    endpoint: str
    prover: Prover
    closed: bool = False

    def close(self) -> None:
        self.closed = True

    def status(self, timeout: float | None = None, reference: bytes = b"") -> ProverStatus:
        assert not self.closed
        self.prover.looks.append(timeout)
        if isinstance(self.prover.status, Exception):
            raise self.prover.status
        return self.prover.status

    def submit_shares(self, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        assert not self.closed
        if isinstance(self.prover.status, Exception):
            raise self.prover.status
        return self.endpoint.encode()

    def run(self, request: StepRequest, dimension: int, timeout: float | None = None) -> StepReply:
        self.prover.timeouts.append(timeout)
        self.prover.before()
        if self.prover.troubles:
            raise self.prover.troubles.pop(0)
        return StepReply(Message(request.session, request.step, self.prover.index, b"", b""))

    def deal_keys(self, committee_id: int, reference: bytes = b"") -> tuple[KeyPackage, ...]:
        self.prover.keys.append("deal")
        others = [p for p in EVERYBODY if p != self.prover.index]
        return tuple(KeyPackage(self.prover.index, p, b"", b"") for p in others)

    def accept_keys(self, committee_id: int, packages: Sequence[KeyPackage], reference: bytes = b"") -> KeyConfirmation:
        self.prover.keys.append("accept")
        self.prover.mailbox = tuple(packages)
        return KeyConfirmation(self.prover.index, {}, b"")

    def confirm_keys(self, committee_id: int, confirmations: Sequence[KeyConfirmation], reference: bytes = b"") -> None:
        self.prover.keys.append("confirm")
        self.prover.confirmations = tuple(confirmations)

    def certificate(self, batch_id: bytes, timeout: float | None = None) -> Certificate:
        return self.audit_bundle(batch_id, 5, timeout).certificate

    def audit_bundle(self, batch_id: bytes, dimension: int, timeout: float | None = None) -> AuditBundle:
        if isinstance(self.prover.kept, Exception):
            raise self.prover.kept
        return self.prover.kept

    def availability(self, batch_id: bytes, payload: bytes = b"", timeout: float | None = None) -> AvailabilityReceipt:
        if isinstance(self.prover.kept, Exception):
            raise self.prover.kept
        return AvailabilityReceipt(self.prover.index, payload)


class World:
    """A committee of four, and the coordinator's connections to it."""

    def __init__(self, pool: Executor | None = None) -> None:
        self.market = Market(chain_of(Network()))
        self.clock = NodeClock(self.market.chain.clock)
        self.provers = [Prover(p, status_of(self.market, p)) for p in EVERYBODY]
        self.lines: list[Line] = []
        self.connecting: Callable[[], object] = lambda: None
        committee = self.market.chain.committee.committee_id
        self.fleet = Fleet(self.market, committee, 0, self.connect, self.clock, pool or InOrder(), status_timeout=2.5)

    def connect(self, endpoint: str) -> Connection:
        self.connecting()
        if not endpoint.startswith("prover-"):
            raise InvalidInputError(f"endpoint: {endpoint!r} is not host:port")
        prover = int(endpoint.removeprefix("prover-").partition(":")[0])
        self.lines.append(Line(endpoint, self.provers[prover]))
        return self.lines[-1]

    def move(self, prover: int, endpoint: str) -> None:
        """The prover registers another endpoint."""
        endpoints = list(self.market.chain.endpoints)
        endpoints[prover] = endpoint
        self.market.chain.endpoints = tuple(endpoints)

    def without_keys(self, *provers: int) -> None:
        for prover in provers:
            self.provers[prover].status = status_of(self.market, prover, keys_ready=False)

    def silence(self, *provers: int) -> None:
        for prover in provers:
            self.provers[prover].status = UnavailableError("connection refused")

    def asked_for_keys(self) -> list[str]:
        return [word for prover in self.provers for word in prover.keys]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def parallel() -> Iterator[World]:
    with ThreadPoolExecutor(4) as pool:
        yield World(pool)


def test_provers_that_answer_as_who_they_should_be_are_reachable(world: World) -> None:
    world.silence(1)
    assert world.fleet.reachable() == {0, 2, 3}


def test_a_connection_is_kept_while_the_endpoint_stays(world: World) -> None:
    world.fleet.reachable()
    world.fleet.ready_provers()
    assert [line.endpoint for line in world.lines] == [f"prover-{p}:1" for p in EVERYBODY]


def test_a_prover_that_moves_is_found_at_its_new_endpoint(world: World) -> None:
    world.fleet.reachable()
    world.move(2, "prover-2:99")
    assert world.fleet.reachable() == set(EVERYBODY)
    assert world.lines[-1].endpoint == "prover-2:99"
    assert [line.endpoint for line in world.lines if line.closed] == ["prover-2:1"]
    assert len(world.lines) == 5


def test_a_member_that_has_not_joined_is_not_connected_to(world: World) -> None:
    world.move(3, "")
    assert world.fleet.reachable() == {0, 1, 2}
    assert len(world.lines) == 3
    world.move(3, "prover-3:1")
    assert world.fleet.reachable() == set(EVERYBODY)


def test_a_member_with_an_address_that_is_none_stops_nobody_else(world: World) -> None:
    world.fleet.reachable()
    world.move(1, "nonsense")
    assert world.fleet.reachable() == {0, 2, 3}
    assert [line.endpoint for line in world.lines if line.closed] == ["prover-1:1"]
    world.move(1, "prover-1:7")
    assert world.fleet.reachable() == set(EVERYBODY)


def test_an_answer_that_makes_a_library_stumble_is_that_provers_trouble_alone(world: World) -> None:
    world.fleet.reachable()
    trouble = ValueError("Exceeds the limit for integer string conversion")
    world.provers[2].troubles, world.provers[2].status = [trouble], trouble
    assert world.fleet.reachable() == {0, 1, 3}
    answers = world.fleet.ask(REQUESTS, 1, 1.0)
    assert answers[2] == Failure("refused", GradrollError.code, "its answer could not be read")
    assert all(isinstance(answers[p], StepReply) for p in (0, 1, 3))


def test_a_member_that_is_no_longer_registered_is_let_go(world: World) -> None:
    """A reorganisation takes a registration back."""
    world.fleet.reachable()
    world.move(3, "")
    assert world.fleet.reachable() == {0, 1, 2}
    assert [line.endpoint for line in world.lines if line.closed] == ["prover-3:1"]


def test_a_round_that_asks_a_prover_while_another_reconnects_to_it_gets_its_answer(world: World) -> None:
    """Rounds are worked on by several threads, which share the committee's connections."""
    world.fleet.reachable()
    answers: list[StepReply | Failure] = []
    world.connecting = lambda: answers.append(world.fleet.ask({2: REQUESTS[2]}, 5, 1.0)[2])
    world.move(2, "prover-2:99")
    world.fleet.reachable()
    assert [type(answer) for answer in answers] == [StepReply]


def test_closing_the_fleet_closes_every_connection(world: World) -> None:
    world.fleet.reachable()
    world.fleet.close()
    assert all(line.closed for line in world.lines)


def test_shares_are_handed_over_by_one_look_at_the_endpoints_until_it_is_old_or_nobody_answers(world: World) -> None:
    looks = 0
    known = world.market.committee_record

    def looking(committee_id: int, epoch: int | None = None) -> CommitteeRecord:
        nonlocal looks
        looks += 1
        return known(committee_id, epoch)

    world.market.committee_record = looking  # type: ignore[method-assign]

    def handed() -> bytes:
        return world.fleet.hand_over(2, cast(ShareHead, None), cast(Chunks, None), bytes(32))

    assert {handed() for _ in range(5)} == {b"prover-2:1"}
    assert looks == 1
    world.move(2, "prover-2:99")
    world.clock.sleep(6)
    assert (handed(), looks) == (b"prover-2:99", 2)
    world.silence(2)
    with pytest.raises(UnavailableError):
        handed()
    world.provers[2].status = status_of(world.market, 2)
    world.move(2, "prover-2:100")
    assert (handed(), looks) == (b"prover-2:100", 3)


@pytest.mark.parametrize(
    "wrong",
    [{"address": b"\x77" * 20}, {"prover": 1}, {"chain_id": 1}, {"market": b"\x77" * 20}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_endpoint_that_runs_somebody_else_is_left_out(
    world: World, wrong: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    status = status_of(world.market, 2)
    world.provers[2].status = replace(status, **wrong)  # type: ignore[arg-type]
    assert world.fleet.reachable() == world.fleet.ready_provers() == {0, 1, 3}
    assert "prover-mistaken prover=2" in caplog.text


def test_a_prover_has_the_configured_time_to_say_that_it_is_there(world: World) -> None:
    world.fleet.reachable()
    world.fleet.ready_provers()
    assert [prover.looks for prover in world.provers] == [[2.5, 2.5]] * 4


def test_everybody_answers_a_step(world: World) -> None:
    world.fleet.reachable()
    replies = world.fleet.ask(REQUESTS, 5, 30.0)
    assert [reply.message.sender for reply in replies.values() if isinstance(reply, StepReply)] == list(EVERYBODY)
    assert [prover.timeouts for prover in world.provers] == [[30.0]] * 4


def test_only_those_that_are_asked_get_a_request(world: World) -> None:
    world.fleet.reachable()
    assert world.fleet.ask({1: REQUESTS[1]}, 5, 30.0).keys() == {1}
    assert [len(prover.timeouts) for prover in world.provers] == [0, 1, 0, 0]


def test_a_broken_connection_is_tried_again_within_the_steps_time(world: World) -> None:
    world.fleet.reachable()
    world.provers[1].troubles = [UnavailableError("the line broke")] * 3
    assert isinstance(world.fleet.ask({1: REQUESTS[1]}, 5, 10.0)[1], StepReply)
    assert world.provers[1].timeouts == [10.0, 9.5, 9.0, 8.5]


def test_after_the_steps_time_nobody_is_asked_any_more(world: World) -> None:
    world.fleet.reachable()
    world.provers[1].troubles = [UnavailableError("the line broke")] * 100
    began = world.clock.monotonic()
    assert world.fleet.ask({1: REQUESTS[1]}, 5, 2.0)[1] == Failure("unreachable", "unavailable", "the line broke")
    assert world.provers[1].timeouts == [2.0, 1.5, 1.0, 0.5]
    assert world.clock.monotonic() - began <= 2.0


def test_a_prover_that_is_gone_does_not_cost_the_steps_time(world: World) -> None:
    """Nobody listens at its endpoint: that is told at once, and the others wait."""
    world.fleet.reachable()
    world.provers[1].troubles = [UnavailableError("connection refused")] * 100
    began = world.clock.monotonic()
    failed = world.fleet.ask({1: REQUESTS[1]}, 5, 120.0)[1]
    assert failed == Failure("unreachable", "unavailable", "connection refused")
    assert world.clock.monotonic() - began <= 2.5
    world.provers[1].troubles = [UnavailableError("it is restarted")] * 3
    assert isinstance(world.fleet.ask({1: REQUESTS[1]}, 5, 120.0)[1], StepReply)


def test_a_prover_that_moves_in_the_middle_of_a_step_is_asked_at_its_new_endpoint(world: World) -> None:
    world.fleet.reachable()
    world.provers[1].troubles = [UnavailableError("the line broke")]

    def move() -> None:
        world.move(1, "prover-1:99")
        world.fleet.reachable()

    world.provers[1].before = move
    assert isinstance(world.fleet.ask({1: REQUESTS[1]}, 5, 10.0)[1], StepReply)
    assert len(world.provers[1].timeouts) == 2


def test_a_refusal_is_an_answer_and_not_asked_for_again(world: World) -> None:
    world.fleet.reachable()
    world.provers[1].troubles = [RuleViolationError("attempt 1 is used up")]
    replies = world.fleet.ask(REQUESTS, 5, 10.0)
    assert replies[1] == Failure("refused", "rule-violation", "attempt 1 is used up")
    assert [type(replies[p]) for p in (0, 2, 3)] == [StepReply] * 3
    assert len(world.provers[1].timeouts) == 1


def test_requests_of_one_step_go_out_together(parallel: World) -> None:
    """Each prover answers only when all have been asked; none is waited for before the next one is asked."""
    parallel.fleet.reachable()
    all_asked = threading.Barrier(4)
    for prover in parallel.provers:
        prover.before = lambda: all_asked.wait(5)
    replies = parallel.fleet.ask(REQUESTS, 5, 30.0)
    assert [type(replies[p]) for p in EVERYBODY] == [StepReply] * 4


def test_a_quorum_with_keys_is_ready_and_the_keys_are_not_set_up_again(world: World) -> None:
    world.silence(3)
    assert world.fleet.ready_provers() == {0, 1, 2}
    assert not world.asked_for_keys()


def test_a_member_that_missed_the_end_of_the_setup_gets_its_keys_once_all_answer(world: World) -> None:
    """A lost message would leave it out of every round of its epoch, and with it owners that others have not taken."""
    world.without_keys(3)
    assert world.fleet.ready_provers() == set(EVERYBODY)
    for prover in world.provers:
        assert prover.keys == ["deal", "accept", "confirm"]


def test_a_member_that_only_says_that_it_has_no_keys_holds_nobody_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: int, __: bytes) -> NoReturn:
        raise ClosedError("dealt before")

    world.without_keys(3)
    world.fleet._connect_all()
    world.lines[3].deal_keys = refuse  # type: ignore[method-assign, assignment]
    for _ in range(3):
        assert world.fleet.ready_provers() == {0, 1, 2}
    assert world.asked_for_keys() == ["deal"] * 3
    assert "event=keys-incomplete code=closed" in caplog.text
    world.clock.sleep(600.0)
    assert world.fleet.ready_provers() == {0, 1, 2}
    assert world.asked_for_keys() == ["deal"] * 6


def test_a_member_with_another_key_by_now_is_asked_for_sums_and_takes_no_part(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process runs with the members of a later epoch."""
    committee, later = world.market.chain.committee, b"\x66" * 20
    present = replace(committee, members=(committee.members[0], later, *committee.members[2:]))
    world.provers[1].status = replace(status_of(world.market, 1), address=later)
    monkeypatch.setattr(world.market, "committee", lambda _, epoch=None: present if epoch is None else committee)
    assert world.fleet.committee == committee
    assert world.fleet.reachable() == set(EVERYBODY)
    assert world.fleet.ready_provers() == {0, 2, 3}


def test_whose_key_was_revoked_is_not_asked_to_take_part(world: World) -> None:
    """Its attestation would be missing from a quorum; it still answers, and releases sums."""
    world.market.chain.revoked.add(world.market.chain.committee.members[1])
    assert world.fleet.ready_provers() == {0, 2, 3}
    assert world.fleet.reachable() == set(EVERYBODY)


def test_fewer_with_keys_are_ready_when_nobody_else_answers(world: World) -> None:
    """Who is away will have its keys; to set up new ones would need it too."""
    world.silence(2, 3)
    assert world.fleet.ready_provers() == {0, 1}
    assert not world.asked_for_keys()


def test_at_first_use_the_keys_are_set_up_among_all_members(world: World) -> None:
    world.without_keys(*EVERYBODY)
    assert world.fleet.ready_provers() == set(EVERYBODY)
    for prover in world.provers:
        assert prover.keys == ["deal", "accept", "confirm"]
        assert {package.recipient for package in prover.mailbox} == {prover.index}
        assert [package.dealer for package in prover.mailbox] == [p for p in EVERYBODY if p != prover.index]
        assert [word.member for word in prover.confirmations] == list(EVERYBODY)


def test_the_next_step_of_the_setup_waits_for_all_members(world: World) -> None:
    """A member that confirms what others have not accepted yet would compare with nothing."""
    world.without_keys(*EVERYBODY)
    order: list[str] = []
    for prover in world.provers:
        prover.keys = order
    world.fleet.ready_provers()
    assert order == ["deal"] * 4 + ["accept"] * 4 + ["confirm"] * 4


def test_a_member_without_keys_below_the_quorum_has_them_set_up_again(world: World) -> None:
    """A setup that broke off in the middle is repeated by whoever is asked next."""
    world.without_keys(2, 3)
    assert world.fleet.ready_provers() == set(EVERYBODY)
    assert world.asked_for_keys().count("confirm") == 4


def test_the_setup_of_keys_needs_all_members(world: World) -> None:
    world.without_keys(*EVERYBODY)
    world.silence(1, 3)
    with pytest.raises(UnavailableError, match=r"needs all members; missing: provers \[1, 3\]"):
        world.fleet.ready_provers()
    assert not world.asked_for_keys()


def test_batches_are_read_from_those_that_have_them(world: World) -> None:
    """Whatever one of them makes a library raise is no trouble of the others."""
    bundle = proven()[0].bundle
    world.provers[1].kept = bundle
    world.provers[2].kept = ZeroDivisionError("nobody thought of this")
    found = world.fleet.certificates(bundle.certificate.batch_id, 1.0)
    assert found == {1: bundle.certificate}
    assert world.fleet.audit_bundles((0, 1, 2), bundle.certificate.batch_id, 5, 1.0) == {1: bundle}


def test_who_says_that_it_serves_a_sum_is_heard_and_the_others_do_no_harm(world: World) -> None:
    batch = proven()[0].bundle.certificate.batch_id
    world.provers[1].kept = world.provers[3].kept = proven()[0].bundle
    world.provers[2].kept = ZeroDivisionError("nobody thought of this")
    expected = {prover: AvailabilityReceipt(prover, b"the sum") for prover in (1, 3)}
    assert world.fleet.availability(batch, b"the sum", 1.0, EVERYBODY) == expected
    assert world.fleet.availability(batch, b"the sum", 1.0, (0, 2, 3, 9)) == {3: expected[3]}


def test_the_members_of_each_epoch_of_a_committee_have_one_fleet(world: World) -> None:
    made: list[tuple[int, int]] = []

    def new(committee: int, epoch: int) -> Fleet:
        made.append((committee, epoch))
        return World().fleet if committee or epoch else world.fleet

    fleets = Fleets(new)
    assert fleets.of(0, 0) is fleets.of(0, 0) is world.fleet
    assert fleets.of(1, 0) is not world.fleet
    assert fleets.of(0, 1) is not world.fleet
    assert made == [(0, 0), (1, 0), (0, 1)]
    world.fleet.reachable()
    fleets.close()
    assert all(line.closed for line in world.lines)
