"""Gradients for one model are graded in one round, whatever is opened beside it, unless their owner says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import (
    GradientError,
    RuleViolationError,
    StorageError,
    UnavailableError,
)
from circuits.quantize import quantize
from commons.protocol.references import Copy, Opening
from commons.storage.accounts import SigningKey
from commons.wire import handing
from commons.wire.resuming import gradient_digest
from gradroll.data_owner.gradedmodels import GradedModels, GradedRound
from gradroll.data_owner.owner import DataOwner
from native import g1_generator
from tests.gradroll.fakes import (
    DIMENSION,
    GRADED,
    MARKET,
    FakeCoordinator,
    FakeParameters,
    FakeProvers,
    GradedChain,
)

GRADIENT = np.linspace(-1, 1, DIMENSION)
MODEL, OTHER_MODEL = b"\x11" * 32, b"\x12" * 32


def opening(model: bytes, reference: int = 0) -> Opening:
    return Opening(model, (Copy(g1_generator, bytes([reference]) * 32),))


@dataclass
class World:
    chain: GradedChain
    provers: FakeProvers
    account: SigningKey
    state: Path
    coordinator: FakeCoordinator = field(default_factory=FakeCoordinator)
    opened: Opening = field(default_factory=lambda: opening(MODEL))

    def owner(self) -> DataOwner:
        """A fresh object, as after a restart; only the directory is the same."""
        self.chain.model_digest, self.chain.shown = self.opened.digest, self.opened
        return DataOwner(
            self.chain.writer(self.account), self.coordinator.client, FakeParameters().parameters, self.state,
            patience=0.0,
        )  # fmt: skip

    def open_next(self, model: bytes, reference: int) -> None:
        self.opened, self.chain.opened = opening(model, reference), self.chain.opened + 1


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    keys = tuple(SigningKey.generate() for _ in range(4))
    account = SigningKey.generate()
    provers = FakeProvers(keys)
    monkeypatch.setattr(handing, "ProverClient", provers.client)
    yield World(GradedChain(keys, {account.address: 3}), provers, account, tmp_path)


@pytest.fixture
def unanswered(world: World) -> World:
    """No prover answered, and the owner was restarted since."""
    world.provers.down = {0, 1, 2, 3}
    with pytest.raises(UnavailableError):
        world.owner().submit(0, GRADIENT)
    world.provers.down = set()
    return world


def received(world: World) -> int:
    return sum(map(len, world.provers.received.values()))


def test_a_second_round_on_one_model_is_refused_whatever_its_reference(unanswered: World) -> None:
    """Although nothing is known to have come of the first: a prover may have had its share."""
    unanswered.open_next(MODEL, reference=1)
    with pytest.raises(RuleViolationError, match=r"round 1 .*before, in round 0 of .*up to 3\.17 bits.*--reuse-model"):
        unanswered.owner().submit(0, GRADIENT)
    assert not received(unanswered)
    assert unanswered.owner().submit(0, GRADIENT, reuse_model=True).round == 1


def test_another_model_and_the_same_round_again_are_taken(unanswered: World) -> None:
    assert unanswered.owner().submit(0, GRADIENT).round == 0
    unanswered.open_next(OTHER_MODEL, reference=0)
    assert unanswered.owner().submit(0, GRADIENT).round == 1


def test_who_accepted_it_once_is_asked_again_in_the_next_round(unanswered: World) -> None:
    unanswered.open_next(MODEL, reference=1)
    unanswered.provers.down = {0, 1}
    with pytest.raises(UnavailableError):
        unanswered.owner().submit(0, GRADIENT, reuse_model=True)
    unanswered.provers.down = set()
    assert unanswered.owner().submit(0, GRADIENT).round == 1, "the same round goes on without the word"
    unanswered.open_next(MODEL, reference=2)
    with pytest.raises(RuleViolationError, match="before, in round 1"):
        unanswered.owner().submit(0, GRADIENT)


def test_it_is_written_before_anything_leaves(world: World) -> None:
    """Also where the process dies in the middle of the first share."""

    def die(prover: int, digest: bytes) -> bytes:
        raise KeyboardInterrupt

    world.provers.signs = die
    with pytest.raises(KeyboardInterrupt):
        world.owner().submit(0, GRADIENT)
    world.provers.signs = None
    world.open_next(MODEL, reference=1)
    with pytest.raises(RuleViolationError):
        world.owner().submit(0, GRADIENT)


def test_where_it_cannot_be_written_nothing_leaves(world: World) -> None:
    (world.state / "graded-models").write_text("no directory")
    with pytest.raises(StorageError):
        world.owner().submit(0, GRADIENT)
    assert not received(world)
    assert not list(world.state.rglob("*-round-*.json"))


def test_a_damaged_record_is_no_leave(unanswered: World) -> None:
    (path,) = (unanswered.state / "graded-models").iterdir()
    path.write_text("{}")
    unanswered.open_next(MODEL, reference=1)
    with pytest.raises(StorageError, match="does not say which rounds had this model"):
        unanswered.owner().submit(0, GRADIENT, reuse_model=True)


def test_what_another_task_or_market_graded_counts(tmp_path: Path) -> None:
    first = GradedRound(MARKET, 7, 3)
    GradedModels(tmp_path).enter(MODEL, first, again=False, bits=3.0)
    GradedModels(tmp_path).enter(MODEL, first, again=False, bits=3.0)
    for other in (replace(first, round=4), replace(first, task=8), replace(first, market=replace(MARKET, chain_id=9))):
        with pytest.raises(RuleViolationError, match="in round 3 of task 0x"):
            GradedModels(tmp_path).enter(MODEL, other, again=False, bits=3.0)
    GradedModels(tmp_path).enter(OTHER_MODEL, replace(first, round=4), again=False, bits=3.0)


def test_gradients_that_are_graded_are_brought_to_the_bound_whatever_their_length(world: World) -> None:
    done = world.owner().submit(0, GRADIENT * 1e-3)
    assert done.scale > 1
    whole = quantize(GRADIENT * 1e9, fraction_bits=16, bound=GRADED.bound, dimension=DIMENSION)
    assert GRADED.bound * 0.999 < whole.squared_norm
    (path,) = world.state.rglob("*-round-0.json")
    assert gradient_digest(whole).hex() in path.read_text()


def test_a_zero_gradient_is_not_graded(world: World) -> None:
    with pytest.raises(GradientError, match="no direction"):
        world.owner().submit(0, np.zeros(DIMENSION))
    assert not received(world)
