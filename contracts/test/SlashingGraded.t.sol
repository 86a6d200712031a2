// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {OwnerCommitment} from "../src/types/Proofs.sol";
import {AttestedBatch, CommonOwner} from "../src/types/Reports.sol";
import {TaskTerms} from "../src/types/Types.sol";
import {EvidenceScene} from "./support/EvidenceScene.sol";
import {LevellingVerifier} from "./support/StubVerifier.sol";

/// @title Attestations of graded batches that no honest prover signs, and those that one does
/// @dev Row 0 of a statement is the reference; owner i of a batch is in row i + 1.
contract SlashingGradedTest is EvidenceScene {
    int64 private constant LEVEL = 2 << 40; // bound / step, of numbers under a dither of 8

    function setUp() public override {
        super.setUp();
        stageMarket(2); // of the other kind
        task = stageTask(gradedTerms(address(new LevellingVerifier())), 16);
    }

    function test_reportAttestations_setsThatMeet() external {
        _report(_of(0, 3), _of(2, 3), commonAt(3, 1));
        equal(memberOf(1).bond, 0, "slashed");
        equal(credited(address(0), ownerAddress(2)), BOND / 4, "the owner in both");
    }

    /// @dev One address deals all copies of a reference, for all batches of a round.
    function test_reportAttestations_doNotMeetInTheReference() external {
        _harmless(_of(0, 3), _of(3, 3), commonAt(0, 0));
        AttestedBatch memory other = _of(3, 3);
        other.statement.owners[0] = OwnerCommitment((2 ** 16 + 1) << 160 | uint160(modelOwner), 5, 6);
        signAttested(2, other);
        _harmless(_of(0, 3), other, commonAt(0, 0));
    }

    /// @dev Who dealt the reference may be an owner too, under the same key.
    function test_reportAttestations_modelOwnerIsAnOwner() external {
        AttestedBatch memory other = _of(3, 3);
        other.statement.owners[2].owner = 4 << 160 | uint160(modelOwner);
        signAttested(2, other);
        _harmless(_of(0, 3), other, commonAt(0, 2));
        _harmless(other, _of(0, 3), commonAt(2, 0));
    }

    /// @dev A lock is for owners and the reference against which they were graded.
    function test_reportAttestations_anotherReference() external {
        AttestedBatch memory other = _of(0, 3);
        (other.statement.owners[0].cx, other.statement.owners[0].cy) = (3, 4);
        signAttested(2, other);
        _report(_of(0, 3), other, commonAt(1, 1));
        equal(memberOf(1).bond, 0, "slashed");
    }

    /// @dev The same set, proven again, after a reorganisation too; numbers are no part of a set.
    function test_reportAttestations_sameSet() external {
        AttestedBatch memory again = _of(0, 3);
        again.proof.mask = [uint256(1), 2];
        again.statement.owners[0].owner += 1 << 160;
        again.statement.owners[2].owner += 5 << 160;
        again.graded.values = abi.encodePacked(LEVEL, LEVEL, LEVEL);
        signAttested(2, again);
        _harmless(_of(0, 3), again, commonAt(1, 1));
    }

    /// @dev A set that was attested in a round of which a reorganisation made one that grades.
    function test_reportAttestations_ofBothKinds() external {
        AttestedBatch memory other = _of(2, 3);
        other.statement.owners = new OwnerCommitment[](2);
        other.statement.owners[0] = _of(2, 3).statement.owners[1];
        other.statement.owners[1] = _of(2, 3).statement.owners[2];
        signAttested(2, other);
        _report(_of(0, 3), other, commonAt(3, 0));
        equal(memberOf(1).bond, 0, "slashed");
    }

    /// @dev What was not attested: other numbers, another rule.
    function test_reportAttestations_forged() external {
        for (uint256 what = 0; what < 4; ++what) {
            AttestedBatch memory other = _of(2, 3);
            if (what == 0) ++other.graded.step;
            if (what == 1) ++other.graded.dither;
            if (what == 2) ++other.graded.minOwners;
            if (what == 3) other.graded.values[5] = 0x01;
            CommonOwner memory common = commonAt(3, 1);
            AttestedBatch memory first = _of(0, 3);
            vm.expectPartialRevert(ICommitteeRegistry.SignersDiffer.selector);
            registry.reportAttestations(id, first, other, common);
        }
    }

    /// @dev Weights 3, 3, 1, 1, 0 of commitments 1 to 5 times the generator.
    function test_reportWrongSum_weights() external {
        AttestedBatch memory signed = _withPoints(5);
        signed.graded.values = abi.encodePacked(3 * LEVEL, 5 * LEVEL, LEVEL, 2 * LEVEL - 1, -LEVEL);
        for (uint256 multiple = 10; multiple < 20; ++multiple) {
            signed.proof.sum = _times(multiple);
            signAttested(2, signed);
            if (multiple == 3 * 1 + 3 * 2 + 3 + 4) _trueSum(signed);
        }
        uint256 state = vm.snapshotState();
        uint256[4] memory wrong = [uint256(1 + 2 + 3 + 4 + 5), 0, 15, 17];
        for (uint256 i = 0; i < 4; ++i) {
            signed.proof.sum = _times(wrong[i]);
            signAttested(2, signed);
            vm.prank(REPORTER);
            registry.reportWrongSum(id, signed);
            equal(memberOf(1).bond, 0, "slashed");
            vm.revertToState(state);
        }
    }

    /// @dev Nobody has a weight: each counts once, and the reference does not.
    function test_reportWrongSum_fallback() external {
        AttestedBatch memory signed = _withPoints(3);
        signed.graded.values = abi.encodePacked(3 * LEVEL, -LEVEL, -LEVEL);
        signed.proof.sum = _times(6);
        signAttested(2, signed);
        _trueSum(signed);
        signed.proof.sum = _times(3);
        signAttested(2, signed);
        vm.prank(REPORTER);
        registry.reportWrongSum(id, signed);
        equal(memberOf(1).bond, 0, "slashed");
    }

    /// @dev The reference is no owner.
    function test_reportTooFewOwners_besideTheReference() external {
        TaskTerms memory with = market.task(task).terms;
        bytes32 deployment = market.deployment();
        AttestedBatch memory signed = _of(0, 2);
        vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
        registry.reportTooFewOwners(id, signed, with, modelOwner, deployment);
        signed = _of(0, 1);
        vm.prank(REPORTER);
        registry.reportTooFewOwners(id, signed, with, modelOwner, deployment);
        equal(memberOf(1).bond, 0, "slashed");
    }

    /// @dev Key 2, member 1, attests owners first..first+count-1, with numbers that are zero.
    function _of(uint256 first, uint256 count) private view returns (AttestedBatch memory) {
        return attestedBy(2, batchOf(task, 0, first, count));
    }

    /// @dev Commitments are 1, 2, .. times the generator, that of the reference is 100 times.
    function _withPoints(uint256 count) private view returns (AttestedBatch memory signed) {
        signed = _of(0, count);
        for (uint256 i = 0; i <= count; ++i) {
            uint256[2] memory point = _times(i == 0 ? 100 : i);
            (signed.statement.owners[i].cx, signed.statement.owners[i].cy) = (point[0], point[1]);
        }
    }

    function _times(uint256 multiple) private view returns (uint256[2] memory point) {
        for (uint256 i = 0; i < multiple; ++i) {
            (point[0], point[1]) = BN254.add(point[0], point[1], BN254.G1_X, BN254.G1_Y);
        }
    }

    function _trueSum(AttestedBatch memory signed) private {
        vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
        registry.reportWrongSum(id, signed);
    }

    function _report(AttestedBatch memory first, AttestedBatch memory second, CommonOwner memory common) private {
        vm.prank(REPORTER);
        registry.reportAttestations(id, first, second, common);
    }

    function _harmless(AttestedBatch memory first, AttestedBatch memory second, CommonOwner memory common) private {
        vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
        registry.reportAttestations(id, first, second, common);
    }
}
