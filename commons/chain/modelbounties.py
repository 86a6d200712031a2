"""Transactions of the contract of bounties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from commons.chain import calldata
from commons.chain.account import SMALL, Creation
from commons.chain.calldata import BOUNTIES
from commons.chain.mined import Mined
from commons.chain.modelaccount import ModelAccount, known
from commons.chain.modeldecoding import coordinates
from commons.chain.modelfacts import BountyTerms
from commons.chain.ownblocks import require_own_blocks
from commons.protocol.bountydraws import HiddenGroup
from native import G1

_SHOW, _SHOW_GROUP, _ENTRANT = 1_200_000, 60_000, 60_000


def group_words(index: int, group: HiddenGroup) -> tuple[int | bytes, ...]:
    """The contract's ``GroupOpening``."""
    return index, group.samples, group.salt, group.group_hash, group.file_digest


class BountyAccount(ModelAccount):
    """An account that owns bounties, or enters them.

    On a chain whose contracts see another chain's blocks nothing is paid: ``open_bounty``, ``enter`` and ``pin_anchor``
    raise ChainError.
    """

    def open_bounty(self, terms: BountyTerms, nonce: int = 0) -> bytes:
        """Open a bounty and escrow its money; returns its identifier.

        Args:
            nonce: as of ``list_model``.
        """
        require_own_blocks(self.models.chain.rpc)
        place = self.models.places.bounties

        def named(at: int) -> bytes:
            return terms.bounty_id(self.models.bounties_deployment, self.address, at)

        def data(at: int) -> bytes:
            return calldata.call(BOUNTIES, "open", terms.words, at)

        def exists(at: int) -> bool:
            return known(self.models.bounty, named(at))

        value = self.value_of(terms.token, terms.escrow, place)
        _, used = self.create(Creation(place, data, "BountyExists", exists, value), nonce, _SHOW)
        return self._made(self.models.bounty, named(used), "bounty")

    def pin_anchor(self, bounty: bytes) -> Mined:
        """Have the hash that the next draw waits for written down; any account may, and more than once."""
        require_own_blocks(self.models.chain.rpc)
        return self._bounties("pin", bounty, repeatable=True)

    def draw_training(self, bounty: bytes, seed: bytes) -> Mined:
        """Draw the training groups with s1, which is public from then on."""
        return self._bounties("drawTraining", bounty, seed)

    def draw_tests(self, bounty: bytes, seed: bytes) -> Mined:
        """Draw the tests with s0, which is public from then on."""
        return self._bounties("drawTests", bounty, seed)

    def show_training(
        self, bounty: bytes, leaves: Sequence[bytes], groups: Mapping[int, HiddenGroup],
        receipts: Sequence[tuple[int, bytes]],
    ) -> Mined:  # fmt: skip
        """Show the training groups.

        Args:
            leaves: all of them.
            groups: that were drawn, by their index in the commitment.
            receipts: (index of a member, its 65-byte signature), a quorum of them.
        """
        return self._show("revealTraining", bounty, leaves, groups, receipts)

    def show_tests(
        self, bounty: bytes, leaves: Sequence[bytes], groups: Mapping[int, HiddenGroup],
        receipts: Sequence[tuple[int, bytes]],
    ) -> Mined:  # fmt: skip
        """Show the tests; the arguments are those of ``show_training``."""
        return self._show("revealTests", bounty, leaves, groups, receipts)

    def cancel_bounty(self, bounty: bytes) -> Mined:
        """End a bounty whose training groups were not shown in time; any account may."""
        return self._bounties("cancel", bounty)

    def enter(self, bounty: bytes, listing: bytes) -> Mined:
        """Enter a listing of this account, and stake the bond."""
        require_own_blocks(self.models.chain.rpc)
        terms = self.models.bounty(bounty).terms
        value = self.value_of(terms.token, terms.bond, self.models.places.bounties)
        return self._bounties("enter", bounty, listing, value=value)

    def close_entries(self, bounty: bytes) -> Mined:
        """End the entries after their window; any account may."""
        return self._bounties("closeEntries", bounty)

    def report_withheld(self, bounty: bytes) -> Mined:
        """End a bounty whose tests were not shown in time; any account may."""
        return self._bounties("withheld", bounty, gas=self._settling(bounty))

    def settle_bounty(self, bounty: bytes) -> Mined:
        """Count the entries and name the winner; any account may."""
        return self._bounties("settle", bounty, gas=self._settling(bounty))

    def lock_offer(self, bounty: bytes, public: G1, offer: bytes, signature: bytes) -> Mined:
        """Lock the winner's offer, which this account, the bounty's owner, checked."""
        return self._bounties("lockOffer", bounty, *coordinates(public), offer, signature)

    def lock_by_receipts(self, bounty: bytes, public: G1, offer: bytes, receipts: Sequence[tuple[int, bytes]]) -> Mined:
        """Lock this account's winning offer, which a quorum checked in the owner's place."""
        signed = calldata.signed(receipts)
        return self._bounties("lockByReceipts", bounty, *coordinates(public), offer, signed, gas=_SHOW)

    def pass_over(self, bounty: bytes) -> Mined:
        """Name the next winner where one did not do its part in time; any account may."""
        return self._bounties("passOver", bounty, gas=_SHOW, repeatable=True)

    def step_down(self, bounty: bytes, entry: int) -> Mined:
        """Leave with the bond of an entry of this account that does not win at present."""
        return self._bounties("stepDown", bounty, entry)

    def reveal_won_key(self, bounty: bytes, key: int) -> Mined:
        """Reveal the key of the offer that was locked: prize and bond are the winner's."""
        return self._bounties("reveal", bounty, key, gas=self._settling(bounty), secret=True)

    def _show(
        self, function: str, bounty: bytes, leaves: Sequence[bytes], groups: Mapping[int, HiddenGroup],
        receipts: Sequence[tuple[int, bytes]],
    ) -> Mined:  # fmt: skip
        shown = [group_words(index, group) for index, group in sorted(groups.items())]
        gas = _SHOW + _SHOW_GROUP * len(groups)
        return self._bounties(function, bounty, list(leaves), shown, calldata.signed(receipts), gas=gas)

    def _settling(self, bounty: bytes) -> int:
        """Gas for what goes through all entries."""
        return SMALL + _ENTRANT * self.models.bounty(bounty).entries

    def _bounties(
        self, name: str, *arguments: object, gas: int = SMALL, value: int = 0, repeatable: bool = False,
        secret: bool = False,
    ) -> Mined:  # fmt: skip
        data, place = calldata.call(BOUNTIES, name, *arguments), self.models.places.bounties
        return self._sender.send(place, data, gas=gas, value=value, repeatable=repeatable, secret=secret)
