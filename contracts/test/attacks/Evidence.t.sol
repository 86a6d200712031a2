// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../src/interfaces/ICommitteeRegistry.sol";
import {AttestedBatch, CommonOwner, SignedBody} from "../../src/types/Reports.sol";
import {CommitteeTerms} from "../../src/types/Committees.sol";
import {EvidenceScene} from "../support/EvidenceScene.sol";
import {Burning} from "../support/Recipients.sol";

/// @dev A market that answers with too little.
contract Terse {
    fallback() external {
        assembly ("memory-safe") {
            mstore(0, 1)
            return(0, 0x20)
        }
    }
}

/// @dev A market that answers with words that are no addresses and no booleans.
contract Garbled {
    fallback() external {
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, 0x200) { i := add(i, 0x20) } { mstore(i, not(0)) }
            return(0, 0x200)
        }
    }
}

/// @title Culprits that would keep bond or voice although there is evidence
contract EvidenceAttackTest is EvidenceScene {
    /// @dev EIP-7825.
    uint256 private constant MOST_GAS = 1 << 24;

    /// @dev Provers attest for a market that is gone (a proxy's, one that a reorganisation took): nobody may slash them.
    function test_attack_marketWithoutCodeProtectsNobody() external {
        _reportWithMarket("");
    }

    function test_attack_marketThatAnswersTooLittleProtectsNobody() external {
        _reportWithMarket(address(new Terse()).code);
    }

    function test_attack_marketThatAnswersGarbageProtectsNobody() external {
        _reportWithMarket(address(new Garbled()).code);
    }

    function test_attack_marketThatBurnsGasProtectsNobody() external {
        _reportWithMarket(address(new Burning()).code);
    }

    /// @dev The same with the largest sets, in the largest transaction, against a culprit whose rotation waits: the
    /// market is handed no more than a part of the gas.
    function test_attack_marketThatBurnsGasProtectsNobodyInLargeSets() external {
        stageMarket(200);
        rotate(1, FRESH);
        AttestedBatch memory first = attestedBy(2, batchOf(task, 0, 0, 120));
        AttestedBatch memory second = attestedBy(2, batchOf(task, 0, 80, 120));
        CommonOwner memory common = commonAt(80, 0);
        vm.etch(MARKET, address(new Burning()).code);
        vm.prank(REPORTER);
        try registry.reportAttestations{gas: MOST_GAS - 1_000_000}(id, first, second, common) {} catch {}
        equal(memberOf(1).bond, 0, "slashed all the same");
    }

    /// @dev A committee without bonds: the voice is all there is to lose. The culprit rotates, and revokes the key that it
    /// signed with in front of the report. Its present key would go on.
    function test_attack_culpritWithoutABondRevokesItsKeyAndLosesTheNextOne() external {
        CommitteeTerms memory with = etherTerms(1);
        with.bond = 0;
        id = create(with, SIZE);
        for (uint256 i = 0; i < SIZE; ++i) {
            vm.prank(vm.addr(i + 1));
            registry.join(id, "first", hpkeOf(i + 1), controllerOf(i));
        }
        rotated(1, FRESH);
        vm.prank(controllerOf(1));
        registry.revoke(id, vm.addr(2));
        SignedBody memory first = signBody(2, VALIDATE, 1, keccak256("one"));
        SignedBody memory second = signBody(2, VALIDATE, 1, keccak256("another"));
        vm.prank(REPORTER);
        try registry.reportMessages(id, SESSION, VALIDATE, 1, first, second) {} catch {}
        isTrue(memberOf(1).revoked && !ready(), "the present key has no voice any more");
    }

    /// @dev The same without a revocation, and once only.
    function test_culpritWithoutABond() external {
        CommitteeTerms memory with = etherTerms(1);
        with.bond = 0;
        id = create(with, SIZE);
        for (uint256 i = 0; i < SIZE; ++i) {
            vm.prank(vm.addr(i + 1));
            registry.join(id, "first", hpkeOf(i + 1), controllerOf(i));
        }
        rotated(1, FRESH);
        reportTwoBodies(2, 1);
        isTrue(memberOf(1).revoked && !ready(), "the present key has no voice any more");
        SignedBody memory first = signBody(2, VALIDATE, 1, keccak256("one"));
        SignedBody memory second = signBody(2, VALIDATE, 1, keccak256("another"));
        vm.expectPartialRevert(ICommitteeRegistry.NoBond.selector);
        registry.reportMessages(id, SESSION, VALIDATE, 1, first, second);
    }

    /// @dev Who has had its bond back has a voice still where nobody took its place.
    function test_reportMessages_afterTheBondWasWithdrawn() external {
        rotated(1, FRESH);
        vm.startPrank(controllerOf(1));
        registry.retire(id, 1);
        vm.warp(memberOf(1).withdrawableAt);
        registry.withdrawBond(id, 1, controllerOf(1));
        registry.revoke(id, vm.addr(2));
        vm.stopPrank();
        reportTwoBodies(2, 1);
        isTrue(memberOf(1).revoked, "the present key has no voice any more");
        equal(credited(address(0), REPORTER), 0, "nothing is left to take");
    }

    /// @dev A culprit that retired still sits in rounds that are open, with a key that is not in the evidence.
    function test_attack_retiredCulpritLosesThePresentVoice() external {
        rotated(1, FRESH);
        vm.prank(controllerOf(1));
        registry.retire(id, 1);
        uint256 due = memberOf(1).withdrawableAt;
        vm.warp(due - 1);
        reportTwoBodies(2, 1);
        equal(memberOf(1).bond, 0, "slashed");
        equal(memberOf(1).withdrawableAt, due, "ended once");
        isTrue(memberOf(1).revoked, "the present key has no voice any more");
    }

    /// @dev With an owner of its own in two sets that it makes up (in a market of its own, or as here in one where it
    /// registers) a thief is reporter and harmed.
    function test_attack_thiefOfAKeyTakesHalfOfTheBondAtMost() external {
        stageMarket(16);
        vm.prank(ownerAddress(2));
        market.setAccount(task, 2, REPORTER);
        AttestedBatch memory first = attestedBy(2, batchOf(task, 0, 0, 3));
        AttestedBatch memory second = attestedBy(2, batchOf(task, 0, 2, 3));
        CommonOwner memory common = commonAt(2, 0);
        vm.prank(REPORTER);
        registry.reportAttestations(id, first, second, common);
        equal(credited(address(0), REPORTER), BOND / 2, "for reporting, and for the owner");
        equal(burnt(address(0)), BOND / 2, "for nobody");
    }

    function _reportWithMarket(bytes memory code) private {
        stageMarket(16);
        AttestedBatch memory first = attestedBy(2, batchOf(task, 0, 0, 3));
        AttestedBatch memory second = attestedBy(2, batchOf(task, 0, 2, 3));
        CommonOwner memory common = commonAt(2, 0);
        vm.etch(MARKET, code);
        vm.prank(REPORTER);
        try registry.reportAttestations{gas: MOST_GAS - 200_000}(id, first, second, common) {} catch {}
        equal(memberOf(1).bond, 0, "slashed all the same");
    }
}
