"""Owners whose shares different provers lacked in time: they are handed on late, and nobody is lost for it."""

from __future__ import annotations

from circuits.errors import UnavailableError
from commons.protocol.streamheads import ShareHead
from commons.sharing.sealedbodies import Chunks
from tests.simulation.world.invariants import always
from tests.simulation.world.participants import PROVERS, Owner
from tests.simulation.world.schedule import Schedule
from tests.simulation.world.world import World


class Differing(World):
    """Prover p answers nobody who brings the share of owner p, until it is said otherwise."""

    def __init__(self, owners: int) -> None:
        super().__init__(Schedule(1, owners))
        self.peace = self.cut_off = True
        for prover, line in enumerate(self.lines):
            self._cut(prover, line.submit_shares)

    def _cut(self, prover: int, hand_in: object) -> None:
        assert callable(hand_in)

        def reachable(head: ShareHead, body: Chunks, submission: bytes) -> bytes:
            if self.cut_off and head.header.owner_index == prover:
                raise UnavailableError("the line between them is cut")
            receipt = hand_in(head, body, submission)
            assert isinstance(receipt, bytes)
            return receipt

        self.lines[prover].submit_shares = reachable  # type: ignore[method-assign]

    def _hands_on(self, owner: Owner) -> bool:
        return self.coordinator is not None

    def turns(self, count: int) -> None:
        for _ in range(count):
            self._turn()
            always(self)


def test_owners_whose_shares_different_provers_lacked_are_proven_together() -> None:
    """Of four provers any two owners have two in common, where a batch needs three; then the lines are whole again."""
    with Differing(PROVERS) as world:
        world.chain.open_round()
        world.turns(3)
        assert all(len(owner.receipts) == PROVERS - 1 for owner in world.owners)
        world.clock.advance(world.chain.terms.windows.submit + 60)
        world.turns(1)
        assert not world.chain.consumed(0)
        world.cut_off = False
        world.turns(20)
        assert world.chain.consumed(0) == set(range(PROVERS))


def test_without_them_such_owners_are_lost_to_the_round() -> None:
    """So the test above shows what it says."""
    with Differing(PROVERS) as world:
        world.chain.open_round()
        world.turns(3)
        world.clock.advance(world.chain.terms.windows.submit + 60)
        world.turns(20)
        assert not world.chain.consumed(0)
