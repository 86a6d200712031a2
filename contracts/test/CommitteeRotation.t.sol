// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {MemberView} from "../src/types/Committees.sol";
import {Attestation} from "../src/types/Types.sol";
import {CommitteeScene} from "./support/CommitteeScene.sol";

/// @title Members exchange and revoke their keys
contract CommitteeRotationTest is CommitteeScene {
    function setUp() external {
        stageCommittee();
        joinAll();
    }

    function test_eip712Domain() external view {
        // typedDigest takes the rest from the contract, so the names are compared here.
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain_ = keccak256(
            abi.encode(kind, keccak256("gradroll registry"), keccak256("1"), block.chainid, address(registry))
        );
        bytes32 expected = keccak256(abi.encodePacked(hex"1901", domain_, keccak256("encoded")));
        equal(typedDigest("encoded"), expected, "digest");
    }

    function test_rotate_delayedAndAppliedByAnyone() external {
        uint256 due = time() + CHANGE_DELAY;
        (bytes32 r, bytes32 vs) = _possession(1, FRESH, controllerOf(1));
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.RotationProposed(id, 1, vm.addr(FRESH), hpkeOf(FRESH), due);
        vm.prank(controllerOf(1));
        registry.rotate(id, 1, vm.addr(FRESH), hpkeOf(FRESH), r, vs);
        MemberView memory member = memberOf(1);
        isTrue(member.pending.due == due && member.pending.signer == vm.addr(FRESH), "pending");
        isTrue(member.pending.hpkeKey == hpkeOf(FRESH) && member.pending.membershipId == 1, "pending");
        equal(member.signer, vm.addr(2), "still the old one");
        isTrue(ready() && epochOf(id) == 0, "nothing changed yet");

        vm.warp(due - 1);
        refused(ICommitteeRegistry.ChangeNotDue.selector, due);
        registry.applyChange(id, 1);
        vm.warp(due);
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.EpochBegan(id, 1, 1, 1, vm.addr(FRESH), hpkeOf(FRESH));
        vm.prank(address(0xABCD));
        registry.applyChange(id, 1);

        member = memberOf(1);
        isTrue(member.signer == vm.addr(FRESH) && member.hpkeKey == hpkeOf(FRESH) && member.since == 1, "in force");
        isTrue(member.membershipId == 1 && member.bond == BOND && member.controller == controllerOf(1), "same member");
        equal(keccak256(bytes(member.endpoint)), keccak256("first"), "same endpoint");
        isTrue(member.pending.due == 0 && ready() && epochOf(id) == 1, "done");
        refused(ICommitteeRegistry.NoChange.selector, 1);
        registry.applyChange(id, 1);
    }

    function test_rotate_byStrangers() external {
        (bytes32 r, bytes32 vs) = _possession(1, FRESH, vm.addr(2));
        address[3] memory strangers = [vm.addr(2), controllerOf(0), vm.addr(FRESH)];
        for (uint256 i = 0; i < strangers.length; ++i) {
            notController(strangers[i], controllerOf(1));
            vm.prank(strangers[i]);
            registry.rotate(id, 1, vm.addr(FRESH), hpkeOf(FRESH), r, vs);
        }
    }

    /// @dev Nobody is made a signer that did not sign for exactly this index, committee and controller.
    function test_rotate_possessionUnproven() external {
        uint64 other = create(etherTerms(1), SIZE);
        bytes32[2][6] memory proofs;
        (proofs[0][0], proofs[0][1]) = signCompact(FRESH + 1, membershipDigest(1, vm.addr(FRESH), controllerOf(1)));
        (proofs[1][0], proofs[1][1]) = _possession(0, FRESH, controllerOf(1));
        (proofs[2][0], proofs[2][1]) = _possession(1, FRESH, controllerOf(0));
        (id, other) = (other, id);
        (proofs[3][0], proofs[3][1]) = _possession(1, FRESH, controllerOf(1));
        (id, other) = (other, id);
        vm.chainId(block.chainid + 1);
        (proofs[4][0], proofs[4][1]) = _possession(1, FRESH, controllerOf(1));
        vm.chainId(block.chainid - 1);
        for (uint256 i = 0; i < proofs.length; ++i) {
            refused(ICommitteeRegistry.PossessionUnproven.selector, vm.addr(FRESH));
            vm.prank(controllerOf(1));
            registry.rotate(id, 1, vm.addr(FRESH), hpkeOf(FRESH), proofs[i][0], proofs[i][1]);
        }
        // A signature that recovers to nobody does not prove that nobody has a key.
        refused(ICommitteeRegistry.MemberInvalid.selector, address(0));
        vm.prank(controllerOf(1));
        registry.rotate(id, 1, address(0), hpkeOf(FRESH), 0, 0);
    }

    function test_rotate_keyInvalid() external {
        (bytes32 r, bytes32 vs) = _possession(1, FRESH, controllerOf(1));
        vm.expectRevert(ICommitteeRegistry.HpkeKeyInvalid.selector);
        vm.prank(controllerOf(1));
        registry.rotate(id, 1, vm.addr(FRESH), 0, r, vs);
    }

    /// @dev A signer sits at one index, once: present, past, awaited and revoked ones are not taken again.
    function test_rotate_signerKnown() external {
        rotated(0, FRESH);
        rotate(2, FRESH + 1);
        vm.prank(vm.addr(4));
        registry.revoke(id, vm.addr(4));
        uint256[5] memory keys = [uint256(1), 2, 4, FRESH, FRESH + 1];
        for (uint256 i = 0; i < keys.length; ++i) {
            (bytes32 r, bytes32 vs) = _possession(1, keys[i], controllerOf(1));
            refused(ICommitteeRegistry.MemberInvalid.selector, vm.addr(keys[i]));
            vm.prank(controllerOf(1));
            registry.rotate(id, 1, vm.addr(keys[i]), hpkeOf(FRESH), r, vs);
        }
    }

    function test_rotate_oneAtATime() external {
        rotate(1, FRESH);
        (bytes32 r, bytes32 vs) = _possession(1, FRESH + 1, controllerOf(1));
        refused(ICommitteeRegistry.ChangePending.selector, 1);
        vm.prank(controllerOf(1));
        registry.rotate(id, 1, vm.addr(FRESH + 1), hpkeOf(FRESH), r, vs);
    }

    function test_rotate_afterRetiring() external {
        vm.prank(controllerOf(1));
        registry.retire(id, 1);
        (bytes32 r, bytes32 vs) = _possession(1, FRESH, controllerOf(1));
        refused(ICommitteeRegistry.MembershipEnded.selector, 1);
        vm.prank(controllerOf(1));
        registry.rotate(id, 1, vm.addr(FRESH), hpkeOf(FRESH), r, vs);
    }

    /// @dev Before it named a controller, a member has nobody who could rotate for it; not the zero address either.
    function test_rotate_beforeJoining() external {
        id = create(etherTerms(1), SIZE);
        (bytes32 r, bytes32 vs) = _possession(1, FRESH, address(this));
        notController(address(this), address(0));
        registry.rotate(id, 1, vm.addr(FRESH), hpkeOf(FRESH), r, vs);
    }

    /// @dev The controller of member 0 has no say at an index whose member has not joined, though its membership would
    /// be 0 there if the first ones were not numbered by their index.
    function test_rotate_atAnIndexNotJoined() external {
        id = create(etherTerms(1), SIZE);
        join(id, 1, controllerOf(0));
        (bytes32 r, bytes32 vs) = _possession(2, FRESH, controllerOf(0));
        notController(controllerOf(0), address(0));
        vm.prank(controllerOf(0));
        registry.rotate(id, 2, vm.addr(FRESH), hpkeOf(FRESH), r, vs);
    }

    /// @dev What the controller chose, the signer that it chose does not alter.
    function test_join_asRotatedSigner() external {
        rotate(1, FRESH);
        refused(ICommitteeRegistry.AlreadyJoined.selector, vm.addr(FRESH));
        vm.prank(vm.addr(FRESH));
        registry.join(id, "here", hpkeOf(1), controllerOf(1));
        applied(1);
        refused(ICommitteeRegistry.AlreadyJoined.selector, vm.addr(FRESH));
        vm.prank(vm.addr(FRESH));
        registry.join(id, "here", hpkeOf(1), controllerOf(1));
        notAMember(2);
        vm.prank(vm.addr(2));
        registry.join(id, "here", hpkeOf(1), controllerOf(1));
        vm.prank(vm.addr(FRESH));
        registry.setEndpoint(id, "moved");
        equal(keccak256(bytes(memberOf(1).endpoint)), keccak256("moved"), "endpoint");
    }

    function test_cancelChange() external {
        rotate(1, FRESH);
        notController(vm.addr(2), controllerOf(1));
        vm.prank(vm.addr(2));
        registry.cancelChange(id, 1);
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.ChangeDropped(id, 1, vm.addr(FRESH));
        vm.prank(controllerOf(1));
        registry.cancelChange(id, 1);
        isTrue(memberOf(1).pending.due == 0 && memberOf(1).pending.signer == address(0), "none");
        isTrue(memberOf(1).withdrawableAt == 0 && ready(), "the member stays");
        vm.warp(time() + CHANGE_DELAY);
        refused(ICommitteeRegistry.NoChange.selector, 1);
        registry.applyChange(id, 1);
        refused(ICommitteeRegistry.NoChange.selector, 1);
        vm.prank(controllerOf(1));
        registry.cancelChange(id, 1);
        rotated(3, FRESH); // the signer is free for another index
        equal(memberOf(3).signer, vm.addr(FRESH), "signer");
    }

    function test_revoke_byController() external {
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.KeyRevoked(id, 1, vm.addr(2));
        vm.prank(controllerOf(1));
        registry.revoke(id, vm.addr(2));
        isTrue(!ready() && memberOf(1).revoked, "revoked");
        (,,,, bool isReady) = registry.committee(id);
        isTrue(!isReady, "not ready");
        refused(ICommitteeRegistry.KeyIsRevoked.selector, vm.addr(2));
        vm.prank(controllerOf(1));
        registry.revoke(id, vm.addr(2));
        rotated(1, FRESH);
        isTrue(ready() && !memberOf(1).revoked, "a new key");
        tooFew(id, 0, keysUpTo(3), 2);
    }

    function test_revoke_bySigner() external {
        vm.prank(vm.addr(2));
        registry.revoke(id, vm.addr(2));
        isTrue(!ready(), "not ready");
        tooFew(id, 0, keysUpTo(3), 2);
        registry.requireQuorum(id, 0, DIGEST, signedBy(others(1), DIGEST));
    }

    /// @dev A key that was given up and is stolen afterwards may still be pinned by a round.
    function test_revoke_past() external {
        rotated(1, FRESH);
        rotated(1, FRESH + 1);
        vm.prank(controllerOf(1));
        registry.revoke(id, vm.addr(FRESH));
        isTrue(ready() && !memberOf(1).revoked, "the present key is another one");
        vm.prank(vm.addr(2));
        registry.revoke(id, vm.addr(2));
        isTrue(ready(), "still");
        for (uint256 epoch = 0; epoch < 3; ++epoch) {
            uint256[] memory keys = keysUpTo(3);
            keys[1] = epoch == 0 ? 2 : FRESH + epoch - 1;
            if (epoch < 2) tooFew(id, epoch, keys, 2);
            else registry.requireQuorum(id, epoch, DIGEST, signedBy(keys, DIGEST));
        }
        refused(ICommitteeRegistry.KeyIsRevoked.selector, vm.addr(FRESH));
        vm.prank(controllerOf(1));
        registry.revoke(id, vm.addr(FRESH));
    }

    function test_revoke_byStrangers() external {
        address[3] memory strangers = [vm.addr(1), controllerOf(0), address(this)];
        for (uint256 i = 0; i < strangers.length; ++i) {
            notController(strangers[i], controllerOf(1));
            vm.prank(strangers[i]);
            registry.revoke(id, vm.addr(2));
        }
        notAMember(FRESH);
        vm.prank(vm.addr(FRESH));
        registry.revoke(id, vm.addr(FRESH));
        rotate(1, FRESH);
        notAMember(FRESH);
        vm.prank(vm.addr(FRESH));
        registry.revoke(id, vm.addr(FRESH));
    }

    /// @dev One who was replaced keeps the right to revoke the key that it had.
    function test_revoke_ofAReplacedMember() external {
        replaced(1, FRESH, controllerOf(9));
        notController(controllerOf(9), controllerOf(1));
        vm.prank(controllerOf(9));
        registry.revoke(id, vm.addr(2));
        notController(controllerOf(1), controllerOf(9));
        vm.prank(controllerOf(1));
        registry.revoke(id, vm.addr(FRESH));
        vm.prank(controllerOf(1));
        registry.revoke(id, vm.addr(2));
        isTrue(ready(), "ready");
    }

    /// @dev The revocation of a key costs the same after a hundred epochs of its neighbours.
    /// forge-config: default.isolate = true
    function test_revoke_boundedByNothing() external {
        for (uint256 i = 0; i < 100; ++i) {
            rotated(i % 3, FRESH + i);
        }
        vm.prank(vm.addr(4));
        registry.revoke(id, vm.addr(4));
        isTrue(vm.lastCallGas().gasTotalUsed < 60_000, "gas");
        Attestation[] memory signed = _at(50);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        registry.requireQuorum(id, 50, DIGEST, signed);
    }

    /// @dev A member that rotates again and again inside a round makes its own attestation dear, and no other's.
    function test_rotate_manyTimesInARound() external {
        for (uint256 i = 0; i < 50; ++i) {
            rotated(0, FRESH + i);
        }
        uint256 before = gasleft();
        registry.requireQuorum(id, 0, DIGEST, signedBy(others(0), DIGEST));
        isTrue(before - gasleft() < 60_000, "gas without it");
        equal(registry.requireQuorum(id, 0, DIGEST, signedBy(keysUpTo(3), DIGEST)), 7, "with it");
    }

    /// @dev Attestations by members 1 to 3 of an epoch of the test above.
    function _at(uint256 epoch) private view returns (Attestation[] memory) {
        (, address[] memory signers,,,) = registry.committeeAtEpoch(id, epoch);
        uint256[] memory keys = keysUpTo(SIZE);
        keys[0] = 0;
        for (uint256 i = 1; i < 3; ++i) {
            for (uint256 key = FRESH; key < FRESH + epoch; ++key) {
                if (vm.addr(key) == signers[i]) keys[i] = key;
            }
        }
        return signedBy(keys, DIGEST);
    }

    function _possession(uint256 index, uint256 key, address controller) private view returns (bytes32 r, bytes32 vs) {
        return signCompact(key, membershipDigest(index, vm.addr(key), controller));
    }
}
