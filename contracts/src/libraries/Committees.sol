// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {Change, ChangeView, Committee, MemberView, Membership, Place, Tenure} from "../types/Committees.sol";
import {MemberWord, firstMember} from "../types/MemberWord.sol";
import {Attestation} from "../types/Types.sol";
import {Signatures} from "./Signatures.sol";

/// @title Members of a committee, by index and epoch
/// @dev A member word is never copied when an epoch begins: an index has a chain of tenures, the present one in
/// `members`, and an epoch's is the last that began by then. So an attestation of a member that did not change since costs
/// one word, and revoking a key is one write, however many epochs it sat in.
library Committees {
    uint256 internal constant MAX_MEMBERS = 32;

    /// @notice The larger of 2t + 1 and floor((N + t) / 2) + 1.
    function quorumOf(uint256 threshold, uint256 size) internal pure returns (uint256) {
        uint256 majority = (size + threshold) / 2 + 1;
        uint256 openings = 2 * threshold + 1;
        return openings > majority ? openings : majority;
    }

    /// @notice Puts the first signers at their indices, as memberships 0 to N - 1.
    function seat(Committee storage self, address[] calldata signers) internal {
        uint256 size = signers.length;
        uint256 needed = quorumOf(self.terms.threshold, size);
        for (uint256 i = 0; i < size; ++i) {
            _reserve(self, signers[i], Place({known: true, index: uint8(i), tenure: 0}));
            self.members[i] = firstMember(signers[i], needed);
        }
        self.size = uint8(size);
        self.memberships = uint32(size);
    }

    /// @notice Bit set of the members of an epoch that signed; reverts unless they are a quorum.
    /// @dev A revoked key has no voice, but its signature is passed over: its member may revoke it in front of a transaction that
    /// has that in it, and whoever sent it would have paid the gas of a whole batch.
    function requireQuorum(Committee storage self, uint256 epoch, bytes32 digest, Attestation[] calldata attestations)
        internal
        view
        returns (uint256 mask)
    {
        uint256 needed = attestations.length == 0 ? self.members[0].quorumOf() : 0;
        uint256 count = 0;
        uint256 next = 0;
        for (uint256 i = 0; i < attestations.length; ++i) {
            Attestation calldata attestation = attestations[i];
            uint256 index = attestation.member;
            if (index < next) revert ICommitteeRegistry.AttestationsNotAscending(index);
            MemberWord member = self.members[index];
            if (member.since() > epoch) member = _before(self, index, epoch, member);
            address signer = Signatures.recover(digest, attestation.r, attestation.vs);
            if (!member.isSigner(signer)) revert ICommitteeRegistry.AttestationInvalid(index);
            needed = member.quorumOf();
            unchecked {
                next = index + 1;
            }
            if (member.isRevoked()) continue;
            mask |= 1 << index;
            unchecked {
                ++count;
            }
        }
        if (count < needed) revert ICommitteeRegistry.TooFewAttestations(count, needed);
    }

    /// @notice The word at an index in an epoch that has begun.
    function memberAt(Committee storage self, uint256 index, uint256 epoch) internal view returns (MemberWord) {
        MemberWord member = self.members[index];
        return member.since() > epoch ? _before(self, index, epoch, member) : member;
    }

    /// @notice What a signer that calls `join` joins: the present tenure of its index, or a replacement that waits.
    /// @return index Its index.
    /// @return number Number of the tenure there.
    /// @return present Whether it sits there already.
    function awaited(Committee storage self, uint256 committeeId, address signer)
        internal
        view
        returns (uint256 index, uint256 number, bool present)
    {
        Place memory place = self.places[signer];
        (index, number) = (place.index, place.tenure);
        MemberWord member = self.members[index];
        if (!place.known || number < member.tenure()) revert ICommitteeRegistry.NotAMember(committeeId, signer);
        present = number == member.tenure();
        if (present && member.isRevoked()) revert ICommitteeRegistry.KeyIsRevoked(signer);
        uint256 membershipId = membershipAt(self, index, number);
        Membership storage stay = self.stays[membershipId];
        if (stay.withdrawableAt != 0) revert ICommitteeRegistry.MembershipEnded(membershipId);
        // What others may have sealed to is fixed, and the key of a rotation is the controller's word.
        bool fixedKey = present ? self.complete : membershipId == seatedAt(self, index);
        if (stay.joined && fixedKey) revert ICommitteeRegistry.AlreadyJoined(signer);
    }

    /// @notice Tenure of a signer that sits or sat in the committee.
    /// @return index Its index.
    /// @return number Number of the tenure there.
    /// @return present Whether it still sits there.
    function known(Committee storage self, uint256 committeeId, address signer)
        internal
        view
        returns (uint256 index, uint256 number, bool present)
    {
        Place memory place = self.places[signer];
        (index, number) = (place.index, place.tenure);
        uint256 last = self.members[index].tenure();
        if (!place.known || number > last) revert ICommitteeRegistry.NotAMember(committeeId, signer);
        present = number == last;
    }

    /// @notice Word of a tenure that began.
    function wordAt(Committee storage self, uint256 index, uint256 number) internal view returns (MemberWord) {
        MemberWord member = self.members[index];
        return number == member.tenure() ? member : self.tenures[index][number].ended;
    }

    /// @notice Makes a tenure's attestations count no more, in all its epochs.
    function revoke(Committee storage self, uint256 committeeId, uint256 index, uint256 number) internal {
        MemberWord member = wordAt(self, index, number).revoked();
        emit ICommitteeRegistry.KeyRevoked(committeeId, index, member.signerOf());
        if (number != self.members[index].tenure()) {
            self.tenures[index][number].ended = member;
            return;
        }
        self.members[index] = member;
        disable(self, index);
    }

    /// @notice Membership of a tenure. The first ones have their index' number, so that creation need not write it.
    function membershipAt(Committee storage self, uint256 index, uint256 number) internal view returns (uint256) {
        return number == 0 ? index : self.tenures[index][number].membershipId;
    }

    /// @notice Membership of the present member at an index.
    function seatedAt(Committee storage self, uint256 index) internal view returns (uint256 membershipId) {
        return membershipAt(self, index, self.members[index].tenure());
    }

    /// @notice Membership of the member that waits at an index; meaningless unless one does.
    function pendingAt(Committee storage self, uint256 index) internal view returns (uint256 membershipId) {
        return membershipAt(self, index, self.members[index].tenure() + 1);
    }

    /// @notice Whether the change that waits at an index is the member's own.
    function rotationWaits(Committee storage self, uint256 index) internal view returns (bool) {
        return self.changes[index].due != 0 && pendingAt(self, index) == seatedAt(self, index);
    }

    function isReady(Committee storage self) internal view returns (bool) {
        return self.able == (1 << self.size) - 1;
    }

    /// @notice Marks the member at an index as able to serve.
    function enable(Committee storage self, uint256 committeeId, uint256 index) internal {
        uint32 bit = uint32(1 << index);
        if (self.able & bit != 0) return;
        self.able |= bit;
        if (!isReady(self)) return;
        self.complete = true;
        emit ICommitteeRegistry.CommitteeReady(committeeId, self.epoch);
    }

    /// @notice Marks the member at an index as not able to serve.
    function disable(Committee storage self, uint256 index) internal {
        self.able &= ~uint32(1 << index);
    }

    /// @notice Puts signer and key of a membership on an index, from `due` on.
    function propose(Committee storage self, uint256 index, address signer, bytes32 hpkeKey, uint256 membershipId)
        internal
        returns (uint256 due)
    {
        uint256 number = self.members[index].tenure() + 1;
        _reserve(self, signer, Place({known: true, index: uint8(index), tenure: uint32(number)}));
        Tenure storage next = self.tenures[index][number];
        (next.hpkeKey, next.membershipId) = (hpkeKey, uint32(membershipId));
        due = block.timestamp + self.terms.changeDelay;
        Change storage change = self.changes[index];
        (change.signer, change.due) = (signer, uint40(due));
    }

    /// @notice Forgets the change that waits at an index. A membership that waited ends, with its bond.
    function drop(Committee storage self, uint256 committeeId, uint256 index) internal {
        Change storage change = self.changes[index];
        address signer = change.signer;
        bool rotation = rotationWaits(self, index);
        uint256 membershipId = pendingAt(self, index);
        delete self.places[signer];
        delete self.tenures[index][self.members[index].tenure() + 1];
        (change.signer, change.due) = (address(0), 0);
        emit ICommitteeRegistry.ChangeDropped(committeeId, index, signer);
        if (!rotation) end(self, committeeId, membershipId);
    }

    /// @notice Begins the epoch with the change that waits at an index.
    function advance(Committee storage self, uint256 committeeId, uint256 index) internal {
        Change storage change = self.changes[index];
        uint256 due = change.due;
        if (due == 0) revert ICommitteeRegistry.NoChange(index);
        if (block.timestamp < due) revert ICommitteeRegistry.ChangeNotDue(due);
        uint256 going = seatedAt(self, index);
        uint256 coming = pendingAt(self, index);
        if (!self.stays[coming].joined) revert ICommitteeRegistry.NotJoined(coming);
        MemberWord last = self.members[index];
        self.tenures[index][last.tenure()].ended = last;
        (address signer, uint32 epoch) = (change.signer, self.epoch + 1);
        MemberWord next = last.succeeded(signer, epoch);
        (self.epoch, self.members[index]) = (epoch, next);
        (change.signer, change.due) = (address(0), 0);
        bytes32 hpkeKey = self.tenures[index][next.tenure()].hpkeKey;
        emit ICommitteeRegistry.EpochBegan(committeeId, epoch, index, coming, signer, hpkeKey);
        if (coming != going && self.stays[going].withdrawableAt == 0) end(self, committeeId, going);
        enable(self, committeeId, index);
    }

    /// @notice Ends the membership that sits at an index, and drops its rotation if one waits.
    function unseat(Committee storage self, uint256 committeeId, uint256 index, uint256 membershipId) internal {
        if (rotationWaits(self, index)) drop(self, committeeId, index);
        disable(self, index);
        end(self, committeeId, membershipId);
    }

    /// @notice Ends a membership: its bond is free after the unbonding delay.
    function end(Committee storage self, uint256 committeeId, uint256 membershipId) internal {
        uint256 withdrawableAt = block.timestamp + self.terms.unbondingDelay;
        self.stays[membershipId].withdrawableAt = uint40(withdrawableAt);
        emit ICommitteeRegistry.MembershipEnding(committeeId, membershipId, withdrawableAt);
    }

    /// @notice All about the member at an index.
    function report(Committee storage self, uint256 index) internal view returns (MemberView memory) {
        MemberWord member = self.members[index];
        uint256 membershipId = seatedAt(self, index);
        Membership storage stay = self.stays[membershipId];
        return MemberView({
            membershipId: membershipId,
            signer: member.signerOf(),
            controller: stay.controller,
            endpoint: stay.endpoint,
            hpkeKey: self.tenures[index][member.tenure()].hpkeKey,
            since: member.since(),
            joined: stay.joined,
            revoked: member.isRevoked(),
            bond: stay.bond,
            withdrawableAt: stay.withdrawableAt,
            replacements: self.changes[index].replacements,
            pending: _pending(self, index)
        });
    }

    function _pending(Committee storage self, uint256 index) private view returns (ChangeView memory pending) {
        Change storage change = self.changes[index];
        if (change.due == 0) return pending;
        uint256 membershipId = pendingAt(self, index);
        return ChangeView({
            due: change.due,
            signer: change.signer,
            hpkeKey: self.tenures[index][self.members[index].tenure() + 1].hpkeKey,
            membershipId: membershipId,
            joined: self.stays[membershipId].joined
        });
    }

    /// @dev The word in an earlier epoch than that in which a later one began.
    function _before(Committee storage self, uint256 index, uint256 epoch, MemberWord later)
        private
        view
        returns (MemberWord member)
    {
        member = later;
        do {
            member = self.tenures[index][member.tenure() - 1].ended;
        } while (member.since() > epoch);
    }

    /// @dev A signer is known for one tenure, so that signers are distinct and a revoked one never comes back.
    function _reserve(Committee storage self, address signer, Place memory place) private {
        if (signer == address(0) || self.places[signer].known) revert ICommitteeRegistry.MemberInvalid(signer);
        self.places[signer] = place;
    }
}
