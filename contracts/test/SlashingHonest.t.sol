// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {AttestedBatch, CommonOwner} from "../src/types/Reports.sol";
import {Batch, TaskTerms} from "../src/types/Types.sol";
import {EvidenceScene} from "./support/EvidenceScene.sol";

/// @title What an honest member signed, against it
contract SlashingHonestTest is EvidenceScene {
    /// @dev The attestations of an accepted batch, with the proof that the verifier took, are evidence of nothing. Nor
    /// are they with a proof that it does not take: anybody makes that out of them, as they bind none of its elements.
    function test_report_acceptedBatch() external {
        deploy("norm_3");
        id = committee;
        task = stageTask(terms(), 16);
        Batch memory batch = attested("norm_3");
        market.acceptBatch(batch);
        TaskTerms memory with = terms();
        AttestedBatch memory signed = attestedBy(proverKey(1), batch);
        (signed.r, signed.vs) = (batch.attestations[1].r, batch.attestations[1].vs);
        for (uint256 i = 0; i < 2; ++i) {
            CommonOwner memory common = commonAt(0, 0);
            vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
            registry.reportAttestations(id, signed, signed, common);
            vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
            registry.reportWrongSum(id, signed);
            vm.expectRevert(ICommitteeRegistry.NothingContradicted.selector);
            registry.reportTooFewOwners(id, signed, with, modelOwner, common.deployment);
            (signed.proof.a, signed.proof.aZeta, signed.proof.w1) = ([uint256(0), 0], 0, [uint256(0), 0]);
        }
        signed.proof.sum = [uint256(1), 2];
        vm.expectPartialRevert(ICommitteeRegistry.NotAMember.selector);
        registry.reportWrongSum(id, signed);
    }
}
