// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {AttestedBatch, CommonOwner} from "../src/types/Reports.sol";
import {TaskTerms} from "../src/types/Types.sol";
import {EvidenceScene} from "./support/EvidenceScene.sol";
import {Refusing} from "./support/Recipients.sol";

/// @title Attestations that no honest prover signs
contract SlashingAttestationsTest is EvidenceScene {
    function setUp() public override {
        super.setUp();
        stageMarket(16);
    }

    /// @dev Owner 2 is in both sets: the difference of their sums would be that of the others.
    function test_reportAttestations_setsThatMeet() external {
        _report(_of(0, 3), _of(2, 3), commonAt(2, 0));
        equal(memberOf(1).bond, 0, "slashed");
        equal(credited(address(0), REPORTER), BOND / 4, "reporter");
        equal(credited(address(0), ownerAddress(2)), BOND / 4, "the owner in both");
        equal(burnt(address(0)), BOND / 2, "burnt");
    }

    /// @dev One set is a part of the other, and the same owners under another commitment of one of them.
    function test_reportAttestations_nestedOrReplacedSets() external {
        uint256 state = vm.snapshotState();
        _report(_of(0, 4), _of(0, 3), commonAt(0, 0));
        equal(memberOf(1).bond, 0, "nested");
        vm.revertToState(state);
        AttestedBatch memory other = _of(0, 4);
        (other.statement.owners[3].cx, other.statement.owners[3].cy) = (1, 2);
        signAttested(2, other);
        _report(_of(0, 4), other, commonAt(0, 0));
        equal(memberOf(1).bond, 0, "another commitment");
        vm.revertToState(state);
        _report(_of(0, 4), other, commonAt(3, 3));
        equal(memberOf(1).bond, 0, "of the very owner");
    }

    /// @dev An honest repetition: the set is proven again in another attempt, with other masks, for another payee.
    function test_reportAttestations_sameSetInAnotherAttempt() external {
        AttestedBatch memory again = _of(0, 3);
        (again.proof.mask, again.proof.gram, again.proof.knowledge) =
        ([uint256(1), 2], [uint256(1), 2], [uint256(1), 2]);
        (again.proof.projectionsDigest, again.proof.squareNorm) = (keccak256("others"), 7);
        again.payee = address(0xBEEF);
        signAttested(2, again);
        _harmless(_of(0, 3), again, commonAt(0, 0));
    }

    /// @dev After a reorganisation owners may have other indices, the round another model: the prover's lock knows
    /// owners and submissions, and so it signs the same set again.
    function test_reportAttestations_sameSetAfterAReorganisation() external {
        AttestedBatch memory again = _of(0, 3);
        for (uint256 i = 0; i < 3; ++i) {
            again.statement.owners[i].owner += 5 << 160;
        }
        (again.statement.modelDigest, again.statement.termsHash) = (keccak256("model'"), keccak256("terms'"));
        signAttested(2, again);
        _harmless(_of(0, 3), again, commonAt(1, 1));
    }

    /// @dev A round has many batches, and a prover attests all of them.
    function test_reportAttestations_disjointSets() external {
        for (uint256 slot = 0; slot < 3; ++slot) {
            _harmless(_of(0, 3), _of(3, 3), commonAt(slot, slot));
        }
        _harmless(_of(0, 3), _of(2, 3), commonAt(2, 1));
        _refused(_of(0, 3), _of(2, 3), commonAt(2, 3), abi.encodeWithSignature("Panic(uint256)", 0x32));
    }

    /// @dev Every round, every task and every market has its own sets.
    function test_reportAttestations_ofDifferentRounds() external {
        bytes memory reason = abi.encodeWithSelector(ICommitteeRegistry.RoundsDiffer.selector);
        (AttestedBatch memory first, AttestedBatch memory other) = (_of(0, 3), _of(2, 3));
        CommonOwner memory common = commonAt(2, 0);
        ++other.statement.round;
        signAttested(2, other);
        _refused(first, other, common, reason);
        other = _of(2, 3);
        ++other.statement.taskId;
        signAttested(2, other);
        _refused(first, other, common, reason);
        other = _of(2, 3);
        deployMarket(address(0xAAAA), keccak256("another parent"));
        other.statement.domain = domain();
        signAttested(2, other);
        _refused(first, other, common, reason);
        _refused(first, other, commonAt(2, 0), reason);
        (first.statement.domain, other.statement.domain) = (other.statement.domain, first.statement.domain);
        _refused(first, other, common, reason);
        vm.chainId(CHAIN_ID + 1);
        _refused(first, first, common, reason);
    }

    /// @dev Two members that attested one set each have done nothing.
    function test_reportAttestations_ofDifferentMembers() external {
        AttestedBatch memory other = _of(2, 3);
        signAttested(3, other);
        bytes memory reason = abi.encodeWithSelector(ICommitteeRegistry.SignersDiffer.selector, vm.addr(2), vm.addr(3));
        _refused(_of(0, 3), other, commonAt(2, 0), reason);
    }

    /// @dev What was attested for a task of another committee says nothing here.
    function test_reportAttestations_ofAnotherCommittee() external {
        (AttestedBatch memory first, AttestedBatch memory second) = (_of(0, 3), _of(2, 3));
        CommonOwner memory common = commonAt(2, 0);
        uint64 other = create(etherTerms(1), SIZE);
        vm.expectPartialRevert(ICommitteeRegistry.SignersDiffer.selector);
        registry.reportAttestations(other, first, second, common);
    }

    /// @dev Every word that an attestation binds.
    function testFuzz_reportAttestations_forged(uint256 word, uint256 delta) external {
        AttestedBatch memory second = _of(2, 3);
        bytes memory encoded = abi.encode(second);
        word = 32 * (1 + word % (encoded.length / 32 - 1));
        bytes32 flipped = bytes32(uint256(1) << delta % 256);
        assembly ("memory-safe") {
            let at := add(add(encoded, 0x20), word)
            mstore(at, xor(mload(at), flipped))
        }
        bytes memory first = abi.encode(_of(0, 3));
        bytes memory common = abi.encode(commonAt(2, 0));
        (bool ok,) = address(this).call(abi.encodeCall(this.report, (first, encoded, common)));
        if (!ok) return;
        // The words of the proof that no attestation binds: A, B, C and the sum-check, but for T between them; and rule and
        // numbers, which those of a batch that is not graded do not have (behind the statement of three owners).
        uint256 place = word / 32 - 2;
        bool ofProof = place >= 6 && place < 26 && place != 14;
        uint256 graded = encoded.length / 32 - 5;
        isTrue(ofProof || word / 32 >= graded, "a word that is bound");
    }

    function report(bytes calldata first, bytes calldata second, bytes calldata common) external {
        registry.reportAttestations(
            id,
            abi.decode(first, (AttestedBatch)),
            abi.decode(second, (AttestedBatch)),
            abi.decode(common, (CommonOwner))
        );
    }

    function test_reportAttestations_unsigned() external {
        (AttestedBatch memory first, AttestedBatch memory second) = (_of(0, 3), _of(2, 3));
        (first.r, first.vs, second.r, second.vs) = (0, 0, 0, 0);
        bytes memory reason = abi.encodeWithSelector(ICommitteeRegistry.NotAMember.selector, id, address(0));
        _refused(first, second, commonAt(2, 0), reason);
    }

    /// @dev The owner's account is who was harmed, not the key that signs for it.
    function test_reportAttestations_harmedIsTheAccount() external {
        vm.prank(ownerAddress(2));
        market.setAccount(task, 2, address(0xACC0));
        _report(_of(0, 3), _of(2, 3), commonAt(2, 0));
        equal(credited(address(0), address(0xACC0)), BOND / 4, "account");
        equal(credited(address(0), ownerAddress(2)), 0, "signer");
    }

    /// @dev A culprit that has an owner of its own in both sets has nothing of it, unless under another name.
    function test_reportAttestations_harmedIsTheCulprit() external {
        vm.prank(ownerAddress(2));
        market.setAccount(task, 2, controllerOf(1));
        _report(_of(0, 3), _of(2, 3), commonAt(2, 0));
        equal(credited(address(0), controllerOf(1)), 0, "nothing back");
        equal(burnt(address(0)), BOND - BOND / 4, "burnt");
    }

    /// @dev An owner that the market does not know, or knows under another index; and a market that refuses to say.
    function test_reportAttestations_harmedIsUnknown() external {
        uint256 state = vm.snapshotState();
        for (uint256 i = 0; i < 3; ++i) {
            (AttestedBatch memory first, AttestedBatch memory second) = (_of(0, 3), _of(2, 3));
            CommonOwner memory common = commonAt(2, 0);
            uint256 index = i == 0 ? 7 : 1000;
            first.statement.owners[2].owner = index << 160 | uint160(ownerAddress(2));
            signAttested(2, first);
            if (i == 2) vm.etch(MARKET, address(new Refusing()).code);
            _report(first, second, common);
            equal(memberOf(1).bond, 0, "slashed all the same");
            equal(burnt(address(0)), BOND - BOND / 4, "burnt");
            vm.revertToState(state);
        }
    }

    function test_reportAttestations_byTheCulprit() external {
        (AttestedBatch memory first, AttestedBatch memory second) = (_of(0, 3), _of(2, 3));
        CommonOwner memory common = commonAt(2, 0);
        refused(ICommitteeRegistry.ReporterIsCulprit.selector, controllerOf(1));
        vm.prank(controllerOf(1));
        registry.reportAttestations(id, first, second, common);
    }

    function test_reportWrongSum_isSlashed() external {
        AttestedBatch memory signed = _withPoints(2);
        signed.proof.sum = [uint256(1), 2];
        signAttested(2, signed);
        vm.prank(REPORTER);
        registry.reportWrongSum(id, signed);
        equal(memberOf(1).bond, 0, "slashed");
        equal(burnt(address(0)), BOND - BOND / 4, "nobody is known to be harmed");
    }

    function test_reportWrongSum_trueSum() external {
        AttestedBatch memory signed = _withPoints(2);
        vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
        registry.reportWrongSum(id, signed);
        // P + Q - Q - P, and infinity beside it.
        signed = _withPoints(4);
        (signed.statement.owners[2].cy, signed.statement.owners[3].cy) =
        (BN254.P - signed.statement.owners[1].cy, BN254.P - signed.statement.owners[0].cy);
        (signed.statement.owners[2].cx, signed.statement.owners[3].cx) =
        (signed.statement.owners[1].cx, signed.statement.owners[0].cx);
        signed.proof.sum = [uint256(0), 0];
        signAttested(2, signed);
        vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
        registry.reportWrongSum(id, signed);
    }

    /// @dev A call with little gas, or a commitment that is no point, makes no sum wrong.
    function test_reportWrongSum_thatCannotBeComputed() external {
        AttestedBatch memory signed = _withPoints(2);
        bytes memory call = abi.encodeCall(registry.reportWrongSum, (id, signed));
        for (uint256 gas_ = 5_000; gas_ < 120_000; gas_ += 501) {
            (bool ok,) = address(registry).call{gas: gas_}(call);
            isTrue(!ok, "slashed for lack of gas");
        }
        ++signed.statement.owners[1].cy;
        signAttested(2, signed);
        vm.expectRevert(BN254.PointInvalid.selector);
        registry.reportWrongSum(id, signed);
    }

    function test_reportWrongSum_forged() external {
        AttestedBatch memory signed = _withPoints(2);
        signed.proof.sum = [uint256(1), 2];
        vm.expectPartialRevert(ICommitteeRegistry.NotAMember.selector);
        registry.reportWrongSum(id, signed);
    }

    function test_reportTooFewOwners_isSlashed() external {
        TaskTerms memory with = market.task(task).terms;
        AttestedBatch memory signed = _of(0, with.minOwners - 1);
        vm.prank(REPORTER);
        registry.reportTooFewOwners(id, signed, with, modelOwner, market.deployment());
        equal(memberOf(1).bond, 0, "slashed");
    }

    function test_reportTooFewOwners_enough() external {
        TaskTerms memory with = market.task(task).terms;
        bytes32 deployment = market.deployment();
        AttestedBatch memory signed = _of(0, with.minOwners);
        vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
        registry.reportTooFewOwners(id, signed, with, modelOwner, deployment);
    }

    /// @dev A reporter that makes terms up: those of a task that asks for more owners, of another creator, in another
    /// market.
    function test_reportTooFewOwners_otherTerms() external {
        TaskTerms memory with = market.task(task).terms;
        bytes32 deployment = market.deployment();
        AttestedBatch memory signed = _of(0, with.minOwners);
        ++with.minOwners;
        _termsDiffer(signed, with, modelOwner, deployment);
        --with.minOwners;
        _termsDiffer(signed, with, address(this), deployment);
        _termsDiffer(signed, with, modelOwner, keccak256("another deployment"));
        ++signed.statement.taskId;
        _termsDiffer(signed, with, modelOwner, deployment);
    }

    /// @dev Key 2, member 1, attests owners first..first+count-1.
    function _of(uint256 first, uint256 count) private view returns (AttestedBatch memory) {
        return attestedBy(2, batchOf(task, 0, first, count));
    }

    /// @dev The same of owners from 0 on whose commitments are multiples of the generator, with their sum.
    function _withPoints(uint256 count) private view returns (AttestedBatch memory signed) {
        signed = _of(0, count);
        uint256[2] memory sum;
        uint256[2] memory point;
        for (uint256 i = 0; i < count; ++i) {
            (point[0], point[1]) = BN254.add(point[0], point[1], BN254.G1_X, BN254.G1_Y);
            (signed.statement.owners[i].cx, signed.statement.owners[i].cy) = (point[0], point[1]);
            (sum[0], sum[1]) = BN254.add(sum[0], sum[1], point[0], point[1]);
        }
        signed.proof.sum = sum;
        signAttested(2, signed);
    }

    function _report(AttestedBatch memory first, AttestedBatch memory second, CommonOwner memory common) private {
        vm.prank(REPORTER);
        registry.reportAttestations(id, first, second, common);
    }

    function _harmless(AttestedBatch memory first, AttestedBatch memory second, CommonOwner memory common) private {
        _refused(first, second, common, abi.encodeWithSelector(ICommitteeRegistry.NothingContradicted.selector));
    }

    function _refused(
        AttestedBatch memory first,
        AttestedBatch memory second,
        CommonOwner memory common,
        bytes memory reason
    ) private {
        vm.expectRevert(reason);
        registry.reportAttestations(id, first, second, common);
    }

    function _termsDiffer(AttestedBatch memory signed, TaskTerms memory with, address creator, bytes32 deployment)
        private
    {
        vm.expectPartialRevert(ICommitteeRegistry.TermsDiffer.selector);
        registry.reportTooFewOwners(id, signed, with, creator, deployment);
    }
}
