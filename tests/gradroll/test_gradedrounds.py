"""Rounds of a task that grades, as their model owner opens them: one reference a round, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from circuits.arrays import FloatArray
from circuits.errors import ChainError, InvalidInputError, StorageError, UnavailableError, UnknownError
from circuits.grading import Grades
from circuits.hashing import keccak
from circuits.statement import Committee
from commons.chain.facts import AcceptedBatch, RecordedBatch
from commons.protocol.bundle import Certificate
from commons.protocol.references import Opening
from commons.storage.accounts import SigningKey
from commons.storage.modelfiles import encode_model
from commons.storage.submissions import SubmissionStore
from commons.wire import handing
from gradroll.model_owner.buyer import ModelOwner
from gradroll.model_owner.gradedreading import grades_of
from gradroll.model_owner.gradedrounds import GradedRounds, KeptReference, KeptReferences, copies_for
from native import G1
from tests.gradroll.fakes import DIMENSION, GRADED, NOW, FakeCoordinator, FakeParameters, FakeProvers, GradedChain
from tests.support.graded_batch import Judge, graded_batch, gradient_at
from tests.support.plain_batch import bundle_of, development_setup

OWN = np.linspace(-1, 1, DIMENSION)
MODEL = b"\x55" * 32


@dataclass
class Chain(GradedChain):
    """Takes openings.  ``fails``: the next one is lost on its way."""

    fails: bool = False
    seats: list[int] = field(default_factory=list)

    def committee(self, committee_id: int) -> Committee:
        return self.committee_record(committee_id).committee

    def open_referenced_round(self, task_id: int, opening: Opening, seats: int) -> int:
        if self.fails:
            raise ChainError("the node is away")
        self.shown, self.model_digest = opening, opening.digest
        self.seats.append(seats)
        return self.opened


@dataclass
class World:
    chain: Chain
    coordinator: FakeCoordinator
    state: Path
    account: SigningKey
    made: int = 0

    def rounds(self) -> GradedRounds:
        """A fresh object, as after a restart."""
        writer = self.chain.writer(self.account, open_referenced_round=self.chain.open_referenced_round)
        return GradedRounds(
            writer, self.coordinator.client, FakeParameters().parameters, self.state, stall=60.0, tls_roots=None
        )  # fmt: skip

    def buyer(self) -> ModelOwner:
        writer, parameters = self.chain.writer(self.account), FakeParameters().parameters
        return ModelOwner(self.chain.view, writer, self.coordinator.client, parameters, state=self.state)

    def make(self) -> FloatArray:
        """A reference, each time another, as sums come."""
        self.made += 1
        return OWN + self.made

    def open(self, own: FloatArray = OWN, seats: int = 4) -> int:
        return self.rounds().open(GRADED, MODEL, own, seats, self.make)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    keys = tuple(SigningKey.generate() for _ in range(4))
    monkeypatch.setattr(handing, "ProverClient", FakeProvers(keys).client)
    yield World(Chain(keys, opened=0), FakeCoordinator(), tmp_path, SigningKey.generate())


@pytest.mark.parametrize(("seats", "copies"), [(1, 2), (31, 2), (32, 3), (62, 3), (63, 4), (465, 16), (60_000, 16)])
def test_there_is_a_copy_for_each_full_batch_and_one_more(seats: int, copies: int) -> None:
    assert copies_for(seats, 31) == copies


def test_the_round_is_opened_with_what_is_kept_and_handed_in(world: World) -> None:
    number = world.open()
    assert world.chain.shown is not None
    assert (number, world.chain.shown.model_digest, len(world.chain.shown.copies)) == (0, MODEL, 3)
    handed = world.rounds().hand_in(GRADED, number)
    assert [each.receipts for each in handed] == [(0, 1, 2, 3)] * 3
    assert [world.chain.shown.require_copy(header) for header, _ in world.coordinator.headers] == [0, 1, 2]


def test_who_was_interrupted_opens_with_the_same_reference(world: World) -> None:
    """The transaction of before may yet be mined."""
    world.chain.fails = True
    with pytest.raises(ChainError):
        world.open()
    (kept,) = world.state.glob("references/*")
    before = kept.read_bytes()
    world.chain.fails = False
    world.open()
    assert world.made == 1
    assert kept.read_bytes() == before
    assert kept.stat().st_mode & 0o777 == 0o600


def test_another_reference_takes_no_place(world: World) -> None:
    """Its seeds would be gone, and with them the round that its transaction opens."""
    world.open()
    first, files = world.chain.shown, {path: path.read_bytes() for path in world.state.rglob("*") if path.is_file()}
    for own, model in ((-OWN, MODEL), (OWN, b"\x77" * 32)):
        with pytest.raises(
            InvalidInputError, match=r"pass that one again, or remove .*/references/task-0-round-0-model"
        ):
            world.rounds().open(GRADED, model, own, 4, world.make)
    assert world.chain.shown == first
    assert {path: path.read_bytes() for path in files} == files
    (kept,) = world.state.glob("references/*")
    kept.unlink()
    world.open(-OWN)
    assert world.chain.shown != first


def test_other_seats_take_no_second_round_while_the_first_may_come(world: World) -> None:
    """Copies are signed for one round; a second transaction with them would open one that nobody can take part in."""
    world.chain.fails = True
    with pytest.raises(ChainError):
        world.open()
    world.chain.fails = False
    (kept,) = world.state.glob("references/*")
    with pytest.raises(InvalidInputError, match=rf"with 4 seats, not 2, .*\(--seats 4\), or remove {kept} once"):
        world.open(seats=2)
    assert world.chain.seats == []
    world.open()
    assert world.chain.seats == [4]


def test_who_registers_meanwhile_is_no_other_number_of_seats(world: World) -> None:
    """The market gives each a seat; so there are copies for them, too."""
    world.chain.fails = True
    with pytest.raises(ChainError):
        world.open(seats=1)
    world.chain.fails = False
    world.chain.owners = {bytes([1]) * 20: 0, bytes([2]) * 20: 1}
    world.open(seats=1)
    assert world.chain.seats == [1]


def test_registered_owners_have_copies_whatever_seats_are_asked_for(world: World) -> None:
    world.chain.owners = {bytes([index]) * 20: index for index in range(4)}
    world.open(seats=1)
    assert world.chain.shown is not None
    assert len(world.chain.shown.copies) == 3


def test_two_at_once_deal_no_two_references(world: World) -> None:
    """Each would keep its own masks, and one of them the round's."""
    held = SubmissionStore(world.state, world.chain.market_id).held

    def make() -> FloatArray:
        with pytest.raises(StorageError, match="in use by another process"):
            world.open()
        return world.make()

    number = world.rounds().open(GRADED, MODEL, OWN, 4, make)
    assert (world.made, world.chain.seats) == (1, [4])
    with held(), pytest.raises(StorageError, match="in use by another process"):
        world.rounds().hand_in(GRADED, number)
    assert world.rounds().hand_in(GRADED, number)


def test_a_running_round_takes_no_other_reference_and_says_so(world: World) -> None:
    """Its copies are on the chain; the command goes on handing those in."""
    model = np.arange(float(DIMENSION))
    number = world.rounds().open(GRADED, keccak(encode_model(model)), OWN, 4, world.make)
    world.chain.opened, world.chain.deadline = 1, NOW + 60
    for own, said in ((OWN, 0), (-OWN, 1)):
        told = list[str]()
        assert world.buyer().open_round(0, model, reference=own, warn=told.append) == number
        assert sum("reference of another gradient than you name" in text for text in told) == said
    assert world.made == 1


def test_a_round_of_another_state_directory_is_not_handed_in(world: World) -> None:
    world.open()
    world.state = world.state / "another"
    with pytest.raises(UnknownError, match="nothing is kept here of the reference of round 0"):
        world.rounds().hand_in(GRADED, 0)
    assert not world.coordinator.headers


def test_references_are_kept_by_round_and_model(tmp_path: Path) -> None:
    kept = KeptReferences(tmp_path)
    kept.save(7, 1, MODEL, KeptReference(bytes(32), 5, OWN))
    assert kept.load(7, 2, MODEL, DIMENSION) is None
    assert kept.load(7, 1, bytes(32), DIMENSION) is None
    found = kept.load(7, 1, MODEL, DIMENSION)
    assert found is not None
    assert (found.own, found.seats, found.values.tolist()) == (bytes(32), 5, OWN.tolist())
    with pytest.raises(InvalidInputError, match="no model"):
        kept.load(7, 1, MODEL, DIMENSION + 1)


def graded(values: tuple[int, ...] = (990, 980, -900)) -> tuple[Certificate, AcceptedBatch]:
    """A certificate of a batch, and what the chain has of it."""
    setup, bound = development_setup("reference", 6, 10), 1 << 32
    rule = GRADED.grading_rule
    assert rule is not None
    batch = graded_batch(setup, [gradient_at(v, 10, bound) for v in values], Judge(gradient_at(1000, 10, bound), rule))
    record = RecordedBatch(0, batch.batch_id, G1(bytes(64)), (0, 1, 2))
    return bundle_of(batch).certificate, AcceptedBatch(0, 0, record, (bytes(20),) * 3, 0, ())


def test_grades_are_those_of_the_batch_that_the_chain_recorded() -> None:
    certificate, batch = graded()
    other, _ = graded((980, 990, 900))
    context = certificate.statement.context

    def away() -> list[Certificate]:
        raise UnavailableError("nobody is there")

    sources = [away, lambda: [other], lambda: [other, certificate]]
    assert grades_of(batch, context, sources) == Grades((3, 3, 0), (3, 3, 0), fallback=False)
    with pytest.raises(UnavailableError, match="nobody is there; a certificate was served of another batch"):
        grades_of(batch, context, sources[:2])
    with pytest.raises(UnavailableError, match="of another batch"):
        grades_of(batch, replace(context, round=5), sources[2:])
