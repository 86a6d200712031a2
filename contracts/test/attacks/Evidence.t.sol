// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

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

/// @title Culprits that keep bond or voice although there is evidence
contract EvidenceAttackTest is EvidenceScene {
    /// @dev EIP-7825.
    uint256 private constant MOST_GAS = 1 << 24;

    function setUp() public override {
        super.setUp();
    }

    /// @dev Provers attest for a market that is gone (a proxy's, one that a reorganisation took): nobody may slash them.
    function test_attack_marketWithoutCodeProtectsTheCulprit() external {
        _reportWithMarket("");
    }

    function test_attack_marketThatAnswersTooLittleProtectsTheCulprit() external {
        _reportWithMarket(address(new Terse()).code);
    }

    function test_attack_marketThatAnswersGarbageProtectsTheCulprit() external {
        _reportWithMarket(address(new Garbled()).code);
    }

    function test_attack_marketThatBurnsGasProtectsTheCulprit() external {
        _reportWithMarket(address(new Burning()).code);
    }

    /// @dev The same with the largest sets, in the largest transaction, against a culprit whose rotation waits: what is
    /// left of the gas, a part in 64, is enough.
    function test_attack_marketThatBurnsGasProtectsTheCulpritOfLargeSets() external {
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
    /// signed with in front of the report. Its present key goes on.
    function test_attack_culpritWithoutABondRevokesTheKeyOfTheEvidence() external {
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

    /// @dev The same without a revocation costs the present key its voice.
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
    }

    /// @dev A culprit that retired still sits in rounds that are open; the report takes the voice of the key that it
    /// has now only if it has not retired.
    function test_attack_retiredCulpritKeepsThePresentVoice() external {
        rotated(1, FRESH);
        vm.prank(controllerOf(1));
        registry.retire(id, 1);
        reportTwoBodies(2, 1);
        equal(memberOf(1).bond, 0, "slashed");
        isTrue(memberOf(1).revoked, "the present key has no voice any more");
    }

    /// @dev Decision 26: who steals a hot key can burn its bond "for a quarter of it". With an owner of its own in two sets
    /// that it makes up (in a market of its own, or as here in one where it registers) it is reporter and harmed.
    function test_attack_thiefOfAKeyTakesHalfOfTheBond() external {
        stageMarket(16);
        vm.prank(ownerAddress(2));
        market.setAccount(task, 2, REPORTER);
        AttestedBatch memory first = attestedBy(2, batchOf(task, 0, 0, 3));
        AttestedBatch memory second = attestedBy(2, batchOf(task, 0, 2, 3));
        CommonOwner memory common = commonAt(2, 0);
        vm.prank(REPORTER);
        registry.reportAttestations(id, first, second, common);
        isTrue(credited(address(0), REPORTER) <= BOND / 4, "a quarter at most");
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
