// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {MemberView} from "../src/types/Committees.sol";
import {Attestation} from "../src/types/Types.sol";
import {CommitteeScene} from "./support/CommitteeScene.sol";

/// @title Members replace one of them
contract CommitteeReplacementTest is CommitteeScene {
    address private _next = controllerOf(77);

    function setUp() external {
        stageCommittee();
        joinAll();
    }

    function test_replace_delayedJoinedAndApplied() external {
        uint256 due = time() + CHANGE_DELAY;
        Attestation[] memory signed = _signed(others(1), 1, FRESH, _next);
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.ReplacementProposed(id, 1, vm.addr(FRESH), 4, _next, due);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
        isTrue(memberOf(1).signer == vm.addr(2) && ready() && epochOf(id) == 0, "nothing changed yet");
        isTrue(memberOf(1).replacements == 1 && !memberOf(1).pending.joined, "waits");
        equal(memberOf(1).pending.membershipId, 4, "a new membership");

        vm.warp(due);
        refused(ICommitteeRegistry.NotJoined.selector, 4);
        registry.applyChange(id, 1);
        join(id, FRESH, _next);
        isTrue(memberOf(1).pending.joined && memberOf(1).pending.hpkeKey == hpkeOf(FRESH), "joined");
        registry.applyChange(id, 1);

        MemberView memory member = memberOf(1);
        isTrue(member.membershipId == 4 && member.signer == vm.addr(FRESH) && member.controller == _next, "member");
        isTrue(member.bond == BOND && member.hpkeKey == hpkeOf(FRESH) && member.since == 1, "member");
        isTrue(ready() && epochOf(id) == 1, "ready");
        (address controller, uint256 bond, uint256 withdrawableAt) = registry.bond(id, 1);
        isTrue(controller == controllerOf(1) && bond == BOND, "the bond of the one before is apart");
        equal(withdrawableAt, time() + UNBONDING_DELAY, "and free later");
    }

    /// @dev It may join at any time before, also after the delay, and not be applied before the delay.
    function test_replace_notBeforeItsTime() external {
        replace(1, FRESH, _next, others(1));
        join(id, FRESH, _next);
        uint256 due = time() + CHANGE_DELAY;
        vm.warp(due - 1);
        refused(ICommitteeRegistry.ChangeNotDue.selector, due);
        registry.applyChange(id, 1);
    }

    function test_replace_controllerIsTheSigner() external {
        replace(1, FRESH, address(0), others(1));
        join(id, FRESH, address(0));
        equal(registry.membership(id, 1).pending.membershipId, 4, "membership");
        (address controller,,) = registry.bond(id, 4);
        equal(controller, vm.addr(FRESH), "controller");
    }

    /// @dev The quorum is Q of the members as they are, whoever they are.
    function test_replace_byFewerThanQ() external {
        uint256[] memory two = others(1);
        two[3] = 0;
        Attestation[] memory signed = _signed(two, 1, FRESH, _next);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 0, 3));
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), new Attestation[](0));
        signed = _signed(two, 1, FRESH, _next);
        Attestation[] memory twice = new Attestation[](3);
        (twice[0], twice[1], twice[2]) = (signed[0], signed[1], signed[1]);
        refused(ICommitteeRegistry.AttestationsNotAscending.selector, 2);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), twice);
    }

    function test_replace_withItsConsent() external {
        uint256[] memory keys = keysUpTo(SIZE);
        keys[3] = 0;
        Attestation[] memory signed = _signed(keys, 1, FRESH, _next);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
    }

    /// @dev Signatures say who, where, whose, how long, and for which one of the replacements at an index.
    function test_replace_signaturesBind() external {
        Attestation[] memory signed = _signed(others(1), 1, FRESH, _next);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 2, vm.addr(FRESH), _next, time(), signed);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, vm.addr(FRESH + 1), _next, time(), signed);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, vm.addr(FRESH), address(this), time(), signed);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, vm.addr(FRESH), _next, time() + 1, signed);
        uint64 other = create(etherTerms(1), SIZE);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(other, 1, vm.addr(FRESH), _next, time(), signed);
        vm.chainId(block.chainid + 1);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
        vm.chainId(block.chainid - 1);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
    }

    /// @dev An attestation of a batch is no vote for a replacement: the digest is the registry's own.
    function test_replace_withAttestationsOfSomethingElse() external {
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signedBy(others(1), DIGEST));
    }

    function test_replace_expired() external {
        Attestation[] memory signed = _signed(others(1), 1, FRESH, _next);
        uint256 deadline = time();
        vm.warp(deadline + 1);
        refused(ICommitteeRegistry.ReplacementExpired.selector, deadline);
        registry.replace(id, 1, vm.addr(FRESH), _next, deadline, signed);
    }

    function test_replace_signerKnown() external {
        rotated(0, FRESH);
        uint256[] memory keys = others(1);
        keys[0] = FRESH;
        uint256[3] memory known = [uint256(1), 2, FRESH];
        for (uint256 i = 0; i < known.length; ++i) {
            Attestation[] memory signed = _signed(keys, 1, known[i], _next);
            refused(ICommitteeRegistry.MemberInvalid.selector, vm.addr(known[i]));
            registry.replace(id, 1, vm.addr(known[i]), _next, time(), signed);
        }
    }

    /// @dev Past signers and revoked ones do not vote.
    function test_replace_byPastSigners() external {
        Attestation[] memory signed = _signed(others(1), 1, FRESH, _next);
        rotated(0, FRESH + 1);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
        vm.prank(controllerOf(2));
        registry.revoke(id, vm.addr(3));
        uint256[] memory keys = others(1);
        keys[0] = FRESH + 1;
        signed = _signed(keys, 1, FRESH, _next);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
    }

    /// @dev The member that is to go keeps a rotation in reserve and begins an epoch just before: the others' signatures
    /// name no epoch and hold.
    function test_replace_notBlockedByARotation() external {
        rotate(1, FRESH + 5);
        vm.warp(time() + CHANGE_DELAY);
        Attestation[] memory signed = _signed(others(1), 1, FRESH, _next);
        registry.applyChange(id, 1);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
        equal(memberOf(1).pending.signer, vm.addr(FRESH), "waits");
    }

    /// @dev A rotation that waits does not stop them either: it is dropped, and its key is free again.
    function test_replace_dropsARotation() external {
        rotate(1, FRESH + 5);
        Attestation[] memory signed = _signed(others(1), 1, FRESH, _next);
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.ChangeDropped(id, 1, vm.addr(FRESH + 5));
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
        equal(memberOf(1).withdrawableAt, 0, "the member has not ended yet");
        rotate(0, FRESH + 5);
    }

    /// @dev Nothing that the member, its signer or strangers can call stops a replacement that waits.
    function test_replace_cannotBeStopped() external {
        replace(1, FRESH, _next, others(1));
        refused(ICommitteeRegistry.ReplacementNotCancellable.selector, 1);
        vm.prank(controllerOf(1));
        registry.cancelChange(id, 1);
        notController(_next, controllerOf(1));
        vm.prank(_next);
        registry.cancelChange(id, 1);
        (bytes32 r, bytes32 vs) = signCompact(FRESH + 1, membershipDigest(1, vm.addr(FRESH + 1), controllerOf(1)));
        refused(ICommitteeRegistry.ChangePending.selector, 1);
        vm.prank(controllerOf(1));
        registry.rotate(id, 1, vm.addr(FRESH + 1), hpkeOf(1), r, vs);
        vm.prank(vm.addr(2));
        registry.revoke(id, vm.addr(2));
        vm.prank(controllerOf(1));
        registry.retire(id, 1);
        uint256 retired = memberOf(1).withdrawableAt;
        notController(controllerOf(1), _next);
        vm.prank(controllerOf(1));
        registry.retire(id, 4);
        join(id, FRESH, _next);
        applied(1);
        isTrue(ready(), "ready");
        (,, uint256 withdrawableAt) = registry.bond(id, 1);
        equal(withdrawableAt, retired, "free since it retired, not since it was replaced");
    }

    /// @dev A committee of 2t + 1 needs all signatures, so nobody is replaced there who does not agree.
    function test_replace_smallestCommittee() external {
        id = create(etherTerms(1), 3);
        uint256[] memory keys = keysUpTo(3);
        keys[1] = 0;
        Attestation[] memory signed = _signed(keys, 1, FRESH, _next);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
        keys[1] = 2;
        signed = _signed(keys, 1, FRESH, _next);
        registry.replace(id, 1, vm.addr(FRESH), _next, time(), signed);
    }

    /// @dev A member that never joined holds the committee up until the others replace it. It has no bond to lose.
    function test_replace_ofOneWhoNeverJoined() external {
        id = create(etherTerms(1), SIZE);
        for (uint256 i = 1; i < SIZE; ++i) {
            join(id, i + 1, controllerOf(i));
        }
        replaced(0, FRESH, _next);
        isTrue(ready(), "ready");
        notAMember(1);
        vm.prank(vm.addr(1));
        registry.join(id, "late", hpkeOf(1), address(0));
        vm.warp(time() + UNBONDING_DELAY);
        refused(ICommitteeRegistry.NoBond.selector, 0);
        vm.prank(address(0));
        registry.withdrawBond(id, 0, address(this));
    }

    function test_join_replacementByStrangers() external {
        replace(1, FRESH, _next, others(1));
        uint256[3] memory strangers = [uint256(FRESH + 1), 77, 2];
        for (uint256 i = 0; i < 2; ++i) {
            notAMember(strangers[i]);
            vm.prank(vm.addr(strangers[i]));
            registry.join(id, "here", hpkeOf(1), _next);
        }
        refused(ICommitteeRegistry.AlreadyJoined.selector, vm.addr(2));
        vm.prank(vm.addr(2));
        registry.join(id, "here", hpkeOf(1), controllerOf(1));
        refused(ICommitteeRegistry.ControllerFixed.selector, _next);
        vm.prank(vm.addr(FRESH));
        registry.join(id, "here", hpkeOf(1), address(0));
    }

    /// @dev Until it sits there, a replacement corrects what it published, with one bond; and not afterwards.
    function test_join_replacementAgain() external {
        replace(1, FRESH, _next, others(1));
        join(id, FRESH, _next);
        vm.prank(vm.addr(FRESH));
        registry.join(id, "corrected", hpkeOf(5), _next);
        equal(memberOf(1).pending.hpkeKey, hpkeOf(5), "key");
        equal(memberOf(1).hpkeKey, hpkeOf(2), "of the one who still sits there");
        equal(keccak256(bytes(memberOf(1).endpoint)), keccak256("first"), "likewise");
        equal(address(registry).balance, (SIZE + 1) * BOND, "one bond each");
        applied(1);
        refused(ICommitteeRegistry.AlreadyJoined.selector, vm.addr(FRESH));
        vm.prank(vm.addr(FRESH));
        registry.join(id, "corrected", hpkeOf(6), _next);
    }

    /// @dev The others change their mind: the one who waited has its bond back after the delay, and waits no more.
    function test_replace_again() external {
        replace(1, FRESH, _next, others(1));
        join(id, FRESH, _next);
        replace(1, FRESH + 1, controllerOf(78), others(1));
        equal(memberOf(1).replacements, 2, "nonce");
        (, uint256 bond, uint256 withdrawableAt) = registry.bond(id, 4);
        isTrue(bond == BOND && withdrawableAt == time() + UNBONDING_DELAY, "unbonding");
        notAMember(FRESH);
        vm.prank(vm.addr(FRESH));
        registry.join(id, "here", hpkeOf(1), _next);
        join(id, FRESH + 1, controllerOf(78));
        applied(1);
        equal(memberOf(1).membershipId, 5, "the second");
    }

    function test_replace_calledOff() external {
        Attestation[] memory none = _signedOff(1);
        refused(ICommitteeRegistry.NoChange.selector, 1);
        registry.replace(id, 1, address(0), address(0), time(), none);
        replace(1, FRESH, _next, others(1));
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, address(0), address(0), time(), none);
        none = _signedOff(1);
        registry.replace(id, 1, address(0), address(0), time(), none);
        equal(memberOf(1).pending.due, 0, "none");
        vm.warp(time() + CHANGE_DELAY);
        refused(ICommitteeRegistry.NoChange.selector, 1);
        registry.applyChange(id, 1);
        isTrue(ready() && memberOf(1).membershipId == 1, "the member stays");
        rotated(1, FRESH);
    }

    /// @dev One who waits may decline, before or after it joined.
    function test_retire_beforeItSits() external {
        replace(1, FRESH, _next, others(1));
        vm.prank(_next);
        registry.retire(id, 4);
        equal(memberOf(1).pending.due, 0, "declined");
        isTrue(ready(), "the member that sits there is none the worse");
        replace(1, FRESH, _next, others(1));
        join(id, FRESH, _next);
        vm.prank(_next);
        registry.retire(id, 5);
        refused(ICommitteeRegistry.MembershipEnded.selector, 5);
        vm.prank(_next);
        registry.retire(id, 5);
        (, uint256 bond, uint256 withdrawableAt) = registry.bond(id, 5);
        isTrue(bond == BOND && withdrawableAt == time() + UNBONDING_DELAY, "unbonding");
        vm.warp(time() + CHANGE_DELAY);
        refused(ICommitteeRegistry.NoChange.selector, 1);
        registry.applyChange(id, 1);
    }

    /// @dev All are replaced one after the other; the old quorum has nothing to say any more, the new one has.
    function test_replace_all() external {
        uint256[] memory keys = keysUpTo(SIZE);
        for (uint256 i = 0; i < SIZE; ++i) {
            uint256[] memory by = keysUpTo(SIZE);
            for (uint256 j = 0; j < SIZE; ++j) {
                by[j] = j == i ? 0 : keys[j];
            }
            replace(i, FRESH + i, controllerOf(FRESH + i), by);
            join(id, FRESH + i, controllerOf(FRESH + i));
            applied(i);
            keys[i] = FRESH + i;
        }
        isTrue(ready() && epochOf(id) == SIZE, "ready");
        registry.requireQuorum(id, SIZE, DIGEST, signedBy(keys, DIGEST));
        registry.requireQuorum(id, 0, DIGEST, signedBy(keysUpTo(SIZE), DIGEST));
        Attestation[] memory signed = _signed(others(1), 1, FRESH + 9, _next);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.replace(id, 1, vm.addr(FRESH + 9), _next, time(), signed);
    }

    /// @dev Signatures until now over a replacement.
    function _signed(uint256[] memory keys, uint256 index, uint256 key, address controller)
        private
        view
        returns (Attestation[] memory)
    {
        uint256 nonce = memberOf(index).replacements;
        return signedBy(keys, replacementDigest(index, nonce, vm.addr(key), controller, time()));
    }

    function _signedOff(uint256 index) private view returns (Attestation[] memory) {
        uint256 nonce = memberOf(index).replacements;
        return signedBy(others(index), replacementDigest(index, nonce, address(0), address(0), time()));
    }
}
