"""Who gets past a step's head: the task's coordinator, at the price of few questions to the node."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from circuits.errors import SignatureError, UnknownError
from circuits.hashing import keccak
from commons.protocol.messages import Step
from commons.protocol.signing import sign_digest
from commons.protocol.streamheads import StepHead
from provers.stepgate import StepGate
from tests.simulation.world.clock import NodeClock, WorldClock
from tests.support.plain_batch import address_of, seed_of

TASK, SESSION = 7, b"\x01" * 32
COORDINATOR, STRANGER = seed_of("coordinator"), seed_of("stranger")


@dataclass
class Chain:
    """Tasks, their coordinators, and what was asked."""

    coordinators: dict[int, bytes] = field(default_factory=lambda: {TASK: address_of(COORDINATOR)})
    asked: list[int] = field(default_factory=list)

    def coordinator(self, task_id: int) -> bytes:
        self.asked.append(task_id)
        if task_id not in self.coordinators:
            raise UnknownError("no such task")
        return self.coordinators[task_id]


def task_of(head: StepHead) -> int:
    if head.step is Step.COIN:
        return head.task_id
    if head.session != SESSION:
        raise UnknownError("no such session")
    return TASK


@dataclass
class World:
    """A gate, its clock and its chain."""

    chain: Chain = field(default_factory=Chain)
    clock: WorldClock = field(default_factory=WorldClock)

    def __post_init__(self) -> None:
        self.gate = StepGate(task_of, self.chain.coordinator, NodeClock(self.clock))


def signed(key: bytes, step: Step = Step.PROJECT, session: bytes = SESSION, task_id: int = 0) -> StepHead:
    head = StepHead(step, session, task_id, None, b"", 0, keccak(b""), 0, keccak(b""), 0)
    return replace(head, authorization=sign_digest(key, head.asked))


def test_the_tasks_coordinator_is_let_in_and_nobody_else() -> None:
    world = World()
    world.gate.admit(signed(COORDINATOR))
    world.gate.admit(signed(COORDINATOR, Step.COIN, b"\x02" * 32, TASK))
    for head in (signed(STRANGER), signed(STRANGER, Step.COIN, b"\x02" * 32, TASK)):
        with pytest.raises(SignatureError, match="the step is signed by"):
            world.gate.admit(head)


@pytest.mark.parametrize(
    "change",
    [
        {"session": b"\x02" * 32, "step": Step.COIN, "task_id": TASK}, {"step": Step.MASK}, {"owner": 1},
        {"payload_digest": bytes(32)}, {"relayed_digest": bytes(32)}, {"authorization": bytes(65)},
    ],
)  # fmt: skip
def test_a_signature_is_good_for_what_it_was_given_for(change: dict[str, object]) -> None:
    with pytest.raises(SignatureError):
        World().gate.admit(replace(signed(COORDINATOR), **change))  # type: ignore[arg-type]


def test_what_nobody_knows_or_signed_costs_the_node_nothing() -> None:
    world = World()
    with pytest.raises(UnknownError):
        world.gate.admit(signed(COORDINATOR, session=b"\x02" * 32))
    with pytest.raises(SignatureError):
        world.gate.admit(replace(signed(COORDINATOR), authorization=b"\xff" * 65))
    assert not world.chain.asked


def test_a_release_serves_anybody() -> None:
    world = World()
    world.gate.admit(replace(signed(STRANGER), step=Step.RELEASE, authorization=b""))
    assert not world.chain.asked


def test_however_often_strangers_ask_the_node_is_asked_once_in_a_while() -> None:
    world = World()
    for _ in range(100):
        with pytest.raises(SignatureError):
            world.gate.admit(signed(STRANGER))
        with pytest.raises(UnknownError):
            world.gate.admit(signed(STRANGER, Step.COIN, SESSION, 999))
    assert sorted(world.chain.asked) == [TASK, 999]


def test_another_coordinator_is_let_in_soon_after_it_was_named() -> None:
    world = World()
    world.gate.admit(signed(COORDINATOR))
    world.chain.coordinators[TASK] = address_of(STRANGER)
    world.clock.advance(5.0)
    world.gate.admit(signed(STRANGER))
    with pytest.raises(SignatureError):
        world.gate.admit(signed(COORDINATOR))


def test_of_many_tasks_that_are_none_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provers.stepgate._MOST", 4)
    world = World()
    for task in range(100, 120):
        with pytest.raises(UnknownError):
            world.gate.admit(signed(STRANGER, Step.COIN, SESSION, task))
    assert len(world.gate._known) == 4
