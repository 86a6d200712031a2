// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {MemberView} from "../src/types/Committees.sol";
import {SignedBody} from "../src/types/Reports.sol";
import {EvidenceScene} from "./support/EvidenceScene.sol";

/// @title Two messages of a prover for one step
contract SlashingMessagesTest is EvidenceScene {
    function test_reportMessages_costsTheBond() external {
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.KeyRevoked(id, 1, vm.addr(2));
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.MembershipEnding(id, 1, time() + UNBONDING_DELAY);
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.MemberSlashed(id, 1, vm.addr(2), REPORTER, address(0), BOND);
        reportTwoBodies(2, 1);
        MemberView memory member = memberOf(1);
        isTrue(member.revoked && member.withdrawableAt != 0, "without a voice, and out");
        equal(member.bond, 0, "bond");
        equal(credited(address(0), REPORTER), BOND / 4, "reporter");
        equal(burnt(address(0)), BOND - BOND / 4, "burnt");
        equal(address(registry).balance, SIZE * BOND, "all of it is still there");
        isTrue(!ready(), "no new rounds");
    }

    function test_reportMessages_ofEveryStepTakenOnce() external {
        uint8[10] memory steps = [3, 4, 5, 6, 7, 8, 10, 11, 14, 15];
        uint256 state = vm.snapshotState();
        for (uint256 i = 0; i < steps.length; ++i) {
            _report(steps[i], 2, keccak256("one"), keccak256("another"));
            equal(memberOf(1).bond, 0, "slashed");
            vm.revertToState(state);
        }
    }

    /// @dev COIN, PROJECT, RELEASE and REVEAL: an honest prover answers them anew, perhaps differently.
    function test_reportMessages_ofStepsThatVary() external {
        uint8[8] memory steps = [0, 1, 2, 9, 12, 13, 16, 255];
        for (uint256 i = 0; i < steps.length; ++i) {
            SignedBody memory first = signBody(2, steps[i], 1, keccak256("one"));
            SignedBody memory second = signBody(2, steps[i], 1, keccak256("another"));
            refused(ICommitteeRegistry.StepRepeatable.selector, steps[i]);
            registry.reportMessages(id, SESSION, steps[i], 1, first, second);
        }
    }

    /// @dev An honest repetition: the same message twice.
    function test_reportMessages_sameBodyTwice() external {
        SignedBody memory once = signBody(2, VALIDATE, 1, keccak256("one"));
        vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
        registry.reportMessages(id, SESSION, VALIDATE, 1, once, once);
    }

    /// @dev Messages of two sessions, steps or senders, or of two members, are no two messages of one.
    function test_reportMessages_ofDifferentThings() external {
        SignedBody memory first = signBody(2, VALIDATE, 1, keccak256("one"));
        SignedBody[4] memory others = [
            signBody(2, VALIDATE + 1, 1, keccak256("another")),
            signBody(2, VALIDATE, 2, keccak256("another")),
            signBody(3, VALIDATE, 1, keccak256("another")),
            signBody(2, VALIDATE, 1, keccak256("another"))
        ];
        others[3].bodyHash = keccak256("a third");
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectPartialRevert(ICommitteeRegistry.SignersDiffer.selector);
            registry.reportMessages(id, SESSION, VALIDATE, 1, first, others[i]);
        }
        SignedBody memory second = signBody(2, VALIDATE, 1, keccak256("another"));
        vm.expectPartialRevert(ICommitteeRegistry.SignersDiffer.selector);
        registry.reportMessages(id, keccak256("another session"), VALIDATE, 1, first, second);
    }

    function testFuzz_reportMessages_forged(uint256 word, bytes32 delta) external {
        SignedBody memory first = signBody(2, VALIDATE, 1, keccak256("one"));
        SignedBody memory second = signBody(2, VALIDATE, 1, keccak256("another"));
        vm.assume(delta != 0);
        word %= 6;
        if (word == 0) first.bodyHash ^= delta;
        if (word == 1) first.r ^= delta;
        if (word == 2) first.vs ^= delta;
        if (word == 3) second.bodyHash ^= delta;
        if (word == 4) second.r ^= delta;
        if (word == 5) second.vs ^= delta;
        vm.expectRevert();
        registry.reportMessages(id, SESSION, VALIDATE, 1, first, second);
    }

    /// @dev No signature at all is nobody's, and nobody is no member.
    function test_reportMessages_unsigned() external {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NotAMember.selector, id, address(0)));
        registry.reportMessages(id, SESSION, VALIDATE, 1, SignedBody("a", 0, 0), SignedBody("b", 0, 0));
    }

    function test_reportMessages_byStrangers() external {
        notAMember(FRESH);
        _report(VALIDATE, FRESH, keccak256("one"), keccak256("another"));
        uint64 other = create(etherTerms(1), 3);
        SignedBody memory first = signBody(4, VALIDATE, 3, keccak256("one"));
        SignedBody memory second = signBody(4, VALIDATE, 3, keccak256("another"));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NotAMember.selector, other, vm.addr(4)));
        registry.reportMessages(other, SESSION, VALIDATE, 3, first, second);
        refused(ICommitteeRegistry.CommitteeUnknown.selector, 5);
        registry.reportMessages(5, SESSION, VALIDATE, 3, first, second);
    }

    /// @dev Who equivocates and reports itself would have a quarter back.
    function test_reportMessages_byTheCulprit() external {
        SignedBody memory first = signBody(2, VALIDATE, 1, keccak256("one"));
        SignedBody memory second = signBody(2, VALIDATE, 1, keccak256("another"));
        address[2] memory culprits = [vm.addr(2), controllerOf(1)];
        for (uint256 i = 0; i < 2; ++i) {
            refused(ICommitteeRegistry.ReporterIsCulprit.selector, culprits[i]);
            vm.prank(culprits[i]);
            registry.reportMessages(id, SESSION, VALIDATE, 1, first, second);
        }
    }

    function test_reportMessages_twice() external {
        reportTwoBodies(2, 1);
        refused(ICommitteeRegistry.NoBond.selector, 1);
        reportTwoBodies(2, 1);
        equal(burnt(address(0)), BOND - BOND / 4, "once");
    }

    /// @dev Leaving, revoking the key, or both, saves no bond as long as it is held.
    function test_reportMessages_whileUnbonding() external {
        vm.prank(vm.addr(2));
        registry.revoke(id, vm.addr(2));
        vm.prank(controllerOf(1));
        registry.retire(id, 1);
        uint256 withdrawableAt = memberOf(1).withdrawableAt;
        vm.warp(withdrawableAt);
        reportTwoBodies(2, 1);
        equal(memberOf(1).withdrawableAt, withdrawableAt, "ended once");
        refused(ICommitteeRegistry.NoBond.selector, 1);
        vm.prank(controllerOf(1));
        registry.withdrawBond(id, 1, controllerOf(1));
    }

    /// @dev A bond that was withdrawn is gone, of nobody else's anything is taken; the key's voice in open rounds goes
    /// still.
    function test_reportMessages_afterWithdrawal() external {
        vm.prank(controllerOf(1));
        registry.retire(id, 1);
        vm.warp(memberOf(1).withdrawableAt);
        vm.prank(controllerOf(1));
        registry.withdrawBond(id, 1, controllerOf(1));
        reportTwoBodies(2, 1);
        isTrue(memberOf(1).revoked, "without a voice");
        equal(credited(address(0), REPORTER) + burnt(address(0)), 0, "nothing there");
        equal(address(registry).balance, 3 * BOND, "the others' bonds");
        refused(ICommitteeRegistry.NoBond.selector, 1);
        reportTwoBodies(2, 1);
    }

    /// @dev The one who was replaced pays, its successor does not.
    function test_reportMessages_afterReplacement() external {
        replaced(1, FRESH, controllerOf(9));
        isTrue(ready(), "complete again");
        reportTwoBodies(2, 1);
        (address controller, uint256 amount,) = registry.bond(id, 1);
        equal(controller, controllerOf(1), "the first one's");
        equal(amount, 0, "slashed");
        MemberView memory member = memberOf(1);
        isTrue(member.bond == BOND && !member.revoked && member.withdrawableAt == 0, "the successor is as it was");
        isTrue(ready(), "and the committee");
        reportTwoBodies(FRESH, 1);
        isTrue(memberOf(1).bond == 0 && !ready(), "until it does the same");
        equal(burnt(address(0)), 2 * (BOND - BOND / 4), "both");
    }

    /// @dev A rotation washes nothing off: one membership, one bond. Its present key is silenced as well.
    function test_reportMessages_afterRotation() external {
        rotated(1, FRESH);
        rotate(1, FRESH + 1);
        reportTwoBodies(2, 1);
        MemberView memory member = memberOf(1);
        isTrue(member.bond == 0 && member.revoked && member.withdrawableAt != 0, "out");
        equal(member.signer, vm.addr(FRESH), "under its new key");
        equal(member.pending.due, 0, "without the next one");
        isTrue(!ready(), "no new rounds");
        for (uint256 epoch = 0; epoch < 2; ++epoch) {
            uint256[] memory keys = keysUpTo(SIZE);
            keys[1] = epoch == 0 ? 2 : FRESH;
            equal(registry.requireQuorum(id, epoch, DIGEST, signedBy(keys, DIGEST)), 13, "all voices but its own");
        }
        refused(ICommitteeRegistry.NoBond.selector, 1);
        reportTwoBodies(2, 1);
    }

    /// @dev Keys that it had between the slashed one and the present one lose their voice in rounds of their epochs as soon as
    /// anybody says so, who need not pay for all of them at once. Of other memberships nobody else revokes a key.
    function test_revoke_keysOfTheSlashed() external {
        rotated(1, FRESH);
        rotated(1, FRESH + 1);
        reportTwoBodies(2, 1);
        uint256[] memory keys = keysUpTo(SIZE);
        keys[1] = FRESH;
        equal(registry.requireQuorum(id, 1, DIGEST, signedBy(keys, DIGEST)), 15, "has a voice in its epoch");
        vm.prank(REPORTER);
        registry.revoke(id, vm.addr(FRESH));
        equal(registry.requireQuorum(id, 1, DIGEST, signedBy(keys, DIGEST)), 13, "and has none");
        refused(ICommitteeRegistry.KeyIsRevoked.selector, vm.addr(FRESH));
        registry.revoke(id, vm.addr(FRESH));
        bytes memory refusal =
            abi.encodeWithSelector(ICommitteeRegistry.NotController.selector, REPORTER, controllerOf(2));
        vm.prank(REPORTER);
        vm.expectRevert(refusal);
        registry.revoke(id, vm.addr(3));
    }

    /// @dev A key that is to come has no voice yet. What it signed before counts once it sits.
    function test_reportMessages_ofAKeyThatWaits() external {
        rotate(1, FRESH);
        notAMember(FRESH);
        reportTwoBodies(FRESH, 1);
        applied(1);
        reportTwoBodies(FRESH, 1);
        equal(memberOf(1).bond, 0, "slashed");
    }

    /// @dev A replacement that waits keeps waiting: it is somebody else's.
    function test_reportMessages_whileAReplacementWaits() external {
        replace(1, FRESH, controllerOf(9), others(1));
        join(id, FRESH, controllerOf(9));
        reportTwoBodies(2, 1);
        applied(1);
        isTrue(ready() && memberOf(1).bond == BOND, "replaced");
    }

    function test_reportMessages_noWayBack() external {
        reportTwoBodies(2, 1);
        refused(ICommitteeRegistry.KeyIsRevoked.selector, vm.addr(2));
        join(id, 2, controllerOf(1));
        refused(ICommitteeRegistry.MembershipEnded.selector, 1);
        vm.prank(controllerOf(1));
        registry.retire(id, 1);
        (bytes32 r, bytes32 vs) = signCompact(FRESH, membershipDigest(1, vm.addr(FRESH), controllerOf(1)));
        refused(ICommitteeRegistry.MembershipEnded.selector, 1);
        vm.prank(controllerOf(1));
        registry.rotate(id, 1, vm.addr(FRESH), hpkeOf(FRESH), r, vs);
        replaced(1, FRESH + 1, controllerOf(9));
        isTrue(ready(), "the others replace it");
    }

    /// @dev Before the committee was ever ready: a member that has not even joined loses what it has, its seat.
    function test_reportMessages_ofAMemberThatHasNotJoined() external {
        id = create(etherTerms(1), SIZE);
        join(id, 1, controllerOf(0));
        reportTwoBodies(3, 2);
        isTrue(memberOf(2).revoked && memberOf(2).withdrawableAt != 0, "out");
        isTrue(!memberOf(0).revoked && memberOf(0).bond == BOND && memberOf(0).withdrawableAt == 0, "the first is not");
        refused(ICommitteeRegistry.KeyIsRevoked.selector, vm.addr(3));
        join(id, 3, controllerOf(2));
    }

    /// @dev Members that bond nothing lose their voice.
    function test_reportMessages_withoutBonds() external {
        id = createCommittee(1, SIZE);
        SignedBody memory first = signBody(proverKey(1), VALIDATE, 1, keccak256("one"));
        SignedBody memory second = signBody(proverKey(1), VALIDATE, 1, keccak256("another"));
        registry.reportMessages(id, SESSION, VALIDATE, 1, first, second);
        isTrue(memberOf(1).revoked && !ready(), "out");
    }

    function _report(uint8 step, uint256 key, bytes32 one, bytes32 another) private {
        SignedBody memory first = signBody(key, step, 1, one);
        SignedBody memory second = signBody(key, step, 1, another);
        vm.prank(REPORTER);
        registry.reportMessages(id, SESSION, step, 1, first, second);
    }
}
