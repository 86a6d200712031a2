"""Shares that a prover's disk lost after the receipt: they are handed on again, and nobody is lost for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from circuits.errors import UnavailableError
from commons.protocol.bundle import AuditBundle
from commons.protocol.messages import Step, StepReply, StepRequest
from coordinator.deliveries import Deliveries
from tests.simulation.world.invariants import always
from tests.simulation.world.network import Line
from tests.simulation.world.participants import PROVERS, Owner
from tests.simulation.world.schedule import Schedule
from tests.simulation.world.world import World


class Uploading(World):
    """Everybody has uploaded to the coordinator, and has all receipts; of steps, provers answer some only."""

    def __init__(self) -> None:
        super().__init__(Schedule(1, PROVERS))
        self.peace = True
        self.answered: frozenset[Step] = frozenset()
        for line in self.lines:
            self._cut(line)
        self.chain.open_round()
        self.turns(2)
        assert all(len(owner.receipts) == PROVERS for owner in self.owners)
        self.clock.advance(self.chain.terms.windows.submit + 60)

    def _cut(self, line: Line) -> None:
        run = line.run

        def reachable(request: StepRequest, dimension: int, timeout: float | None = None) -> StepReply:
            if request.step not in self.answered:
                raise UnavailableError("the line is cut")
            return run(request, dimension, timeout)

        line.run = reachable  # type: ignore[method-assign]

    def _hands_on(self, owner: Owner) -> bool:
        return self.coordinator is not None

    def turns(self, count: int) -> None:
        for _ in range(count):
            self._turn()
            always(self)

    def share(self, prover: int, owner: int) -> Path:
        """The file of a share."""
        (submission,) = (digest for digest, header in self.headers.items() if header.owner_index == owner)
        return self.directory / f"prover-{prover}" / "state" / "shares" / submission.hex()

    def attesters(self) -> set[int]:
        """Who attested the round's batches."""
        assert self.coordinator is not None
        with self.coordinator.journal.reading() as state:
            digests = [batch.bundle_digest for batch in state.batches.values()]
        bundles = [AuditBundle.decode(self.coordinator.results.get(digest)) for digest in digests]
        return set.intersection(*({p for p, _ in bundle.certificate.attestations} for bundle in bundles))


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[7] ^= 1
    path.write_bytes(raw)


EVERY_STEP = frozenset(Step)
LOSSES: tuple[Callable[[Path], object], ...] = (
    flip, lambda path: path.write_bytes(path.read_bytes()[:-32]), Path.unlink, flip,
)  # fmt: skip
"""A bit, the end, all of it; of each prover's."""


def lose(world: Uploading) -> None:
    """Prover p loses the share of owner p, of four owners and provers: any two owners have two provers in common that
    lost neither, where a batch needs three.
    """
    for prover, damage in enumerate(LOSSES):
        damage(world.share(prover, owner=prover))


def test_shares_that_got_lost_are_handed_on_again_before_the_lock_and_behind_it() -> None:
    """Also those that a prover found whole when it first used them, and the round ends with everybody."""
    with Uploading() as world:
        world.answered = frozenset({Step.COIN, Step.PROJECT})
        world.turns(1)
        lose(world)
        world.answered = EVERY_STEP - {Step.RELEASE}
        world.turns(6)
        assert world.chain.consumed(0) == set(range(PROVERS))
        assert world.attesters() == set(range(PROVERS))
        lose(world)
        world.answered = EVERY_STEP
        world.turns(6)
        assert world.coordinator is not None
        with world.coordinator.journal.reading() as state:
            assert [bool(batch.payload_digest) for batch in state.batches.values()] == [True]


def test_without_a_second_delivery_the_round_ends_with_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above shows what it says."""
    monkeypatch.setattr(Deliveries, "hand_again", lambda *_: False)
    with Uploading() as world:
        lose(world)
        world.answered = EVERY_STEP
        world.turns(6)
        assert not world.chain.consumed(0)
