"""Transactions of the committee registry: committees, their members, keys and bonds."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.terms import CHANGE_DELAY, ETHER, UNBONDING_DELAY, CommitteeTerms
from commons.chain import calldata
from commons.chain.account import SMALL, ChainAccount, Creation, topic
from commons.chain.bonds import bond
from commons.chain.calldata import REGISTRY
from commons.chain.mined import Mined
from commons.protocol.memberships import Replacement, Rotation

_MEMBER, _JOIN = 150_000, 1_000_000
_NOBODY = bytes(20)
"""As a controller: the member's own signer."""


class CommitteeAccount(ChainAccount):
    """An account that creates committees, or is a member of one, or a member's controller."""

    def create_committee(
        self,
        threshold: int,
        members: Sequence[bytes],
        *,
        nonce: int = 0,
        bond_token: bytes = ETHER,
        bond: int = 0,
        change_delay: int = CHANGE_DELAY,
        unbonding_delay: int = UNBONDING_DELAY,
    ) -> int:
        """Register a committee of signing addresses; returns its number.

        Args:
            nonce: the first to try; a committee of the same terms and members in the same block (or the last, for a
                node that tries transactions there) gets the next that is free.  After an interruption the same call
                finds its own transaction again.

        What follows it is in ``CommitteeTerms``.
        """
        wanted = CommitteeTerms(threshold, bond_token, bond, change_delay, unbonding_delay)
        signers, registry = list(members), self.view.registry

        def data(at: int) -> bytes:
            return calldata.call(REGISTRY, "createCommittee", wanted.words, signers, at)

        new = Creation(registry, data, "CommitteeExists")
        mined, _ = self.create(new, nonce, SMALL + _MEMBER * len(signers))
        return topic(mined, registry, REGISTRY, "CommitteeCreated", 1)

    def join(self, committee_id: int, endpoint: str, hpke_key: bytes, *, controller: bytes | None = None) -> Mined:
        """Publish this member's endpoint and 32-byte X25519 key, and pay the committee's bond when it joins first.

        Args:
            controller: 20-byte address of the account that rotates its keys and gets the bond back; without, the one
                that was named before, or this one.
        """
        terms, (before, joined) = self.view.committee_terms(committee_id), self._standing(committee_id)
        value = 0 if joined else self.value_of(terms.bond_token, terms.bond, self.view.registry)
        arguments = committee_id, endpoint, hpke_key, controller or before
        return self._registry("join", *arguments, gas=_JOIN, value=value, repeatable=True)

    def set_endpoint(self, committee_id: int, endpoint: str) -> Mined:
        """Say where this member, which has joined, listens from now on."""
        return self._registry("setEndpoint", committee_id, endpoint, repeatable=True)

    def rotate(self, rotation: Rotation, hpke_key: bytes, signature: bytes) -> Mined:
        """Give a member that this account controls another key, from the committee's change delay on.

        Args:
            hpke_key: its 32-byte X25519 key.
            signature: the new key's, 65 bytes, over ``rotation``.
        """
        place = rotation.committee_id, rotation.index, rotation.signer
        return self._registry("rotate", *place, hpke_key, *calldata.compact(signature), repeatable=True)

    def replace_member(self, replacement: Replacement, attestations: Sequence[tuple[int, bytes]]) -> Mined:
        """Put another member at an index, from the committee's change delay on, once it has joined.

        Args:
            attestations: (index of a present member, its 65-byte signature over ``replacement``), a quorum of them.
        """
        given = replacement.committee_id, replacement.index, replacement.signer, replacement.controller
        signed = replacement.deadline, calldata.signed(attestations)
        return self._registry("replace", *given, *signed, gas=_JOIN, repeatable=True)

    def cancel_change(self, committee_id: int, index: int) -> Mined:
        """Take back a rotation of a member that this account controls."""
        return self._registry("cancelChange", committee_id, index, repeatable=True)

    def apply_change(self, committee_id: int, index: int) -> Mined:
        """Begin the epoch with the change of an index that is due; any account may."""
        return self._registry("applyChange", committee_id, index, repeatable=True)

    def revoke_key(self, committee_id: int, signer: bytes) -> Mined:
        """Have a member's key count no more, in no epoch, for good; its own account, or its controller."""
        return self._registry("revoke", committee_id, signer)

    def retire(self, committee_id: int, membership: int) -> Mined:
        """End a membership that this account controls: no round is opened until another member sits there."""
        return self._registry("retire", committee_id, membership)

    def withdraw_bond(self, committee_id: int, membership: int, to: bytes | None = None) -> Mined:
        """Take the bond of an ended membership back, to this account if no other is named."""
        return self._registry("withdrawBond", committee_id, membership, to or self.address)

    def _standing(self, committee_id: int) -> tuple[bytes, bool]:
        """The controller of this account's membership, zeros where none was named, and whether it has joined."""
        members = self.view.committee(committee_id).members
        if self.address in members:
            own = self.view.member(committee_id, members.index(self.address))
            return own.controller, own.joined
        waiting = (self.view.member(committee_id, index).pending for index in range(len(members)))
        for change in waiting:
            if change is not None and change.signer == self.address:
                return bond(self.view, committee_id, change.membership).controller, change.joined
        return _NOBODY, False
