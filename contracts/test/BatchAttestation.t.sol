// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Attestation, Batch, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";
import {StubVerifier} from "./support/StubVerifier.sol";

/// @title A batch needs a quorum's signatures, for itself and nothing else
contract BatchAttestationTest is Scene {
    uint256 private constant GAS = 5_000_000;

    modifier staged() {
        stage("norm_3", 16);
        _;
    }

    function test_acceptBatch_attesterDuplicated() external staged {
        Batch memory batch = attested("norm_3");
        batch.attestations[2] = batch.attestations[1];
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationsNotAscending.selector, 1));
    }

    function test_acceptBatch_tooFewAttestations() external staged {
        Batch memory batch = _without(attested("norm_3"), 2);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        batch.attestations = new Attestation[](0);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 0, 3));
    }

    /// @dev Seven members of whom one may be corrupt: five sign, although three would do for a degree-2t opening.
    function test_acceptBatch_quorumOfALargeCommittee() external {
        deploy("norm_3");
        TaskTerms memory large = stubTerms();
        large.committeeId = createCommittee(1, 7);
        Batch memory batch = redirected("norm_3", stageTask(large, 16));
        TypedData.Attested memory content = attestedOf(batch, batchIdOf(batch));
        for (uint256 count = 1; count < 5; ++count) {
            attest(batch, content, count);
            _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, count, 5));
        }
        attest(batch, content, 5);
        market.acceptBatch{gas: GAS}(batch);
    }

    function test_acceptBatch_attestationByStranger() external staged {
        Batch memory batch = attested("norm_3");
        TypedData.Attested memory content = attestedOf(batch, load("norm_3").batchId);
        batch.attestations[1] = attestBy(123456, 1, content);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 1));
        batch.attestations[1] = attestBy(proverKey(1), 1, content);
        batch.attestations[2].member = 200;
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 200));
    }

    /// @dev Every member counts: batch, verifier, committee, task, terms, round, model, owners, sum, norm and payee.
    function test_acceptBatch_attestationOfAnother() external staged {
        Batch memory batch = attested("norm_3");
        TypedData.Attested memory content = attestedOf(batch, load("norm_3").batchId);
        uint256 words = abi.encode(content).length / 32;
        for (uint256 word = 0; word < words; ++word) {
            bytes memory encoded = abi.encode(content);
            encoded[32 * word + 31] ^= 0x01;
            attest(batch, abi.decode(encoded, (TypedData.Attested)), QUORUM);
            _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        }
        attest(batch, content, QUORUM);
        market.acceptBatch{gas: GAS}(batch);
    }

    function test_acceptBatch_attestationOfOtherDeployment() external {
        deploy("norm_3");
        Batch memory batch = redirected("norm_3", stageTask(stubTerms(), 16));
        deployMarket(MARKET, keccak256("another parent"));
        resignAll(batch);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        attest(batch, batchIdOf(batch));
        market.acceptBatch{gas: GAS}(batch);
    }

    /// @dev A verifier that was replaced after the provers had looked at its code.
    function test_acceptBatch_attestationOfOtherVerifierCode() external {
        deploy("norm_3");
        TaskTerms memory stub = stubTerms();
        Batch memory batch = redirected("norm_3", stageTask(stub, 16));
        vm.etch(stub.verifier, address(new StubVerifier(keccak256("other code"))).code);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        attest(batch, batchIdOf(batch));
        market.acceptBatch{gas: GAS}(batch);
    }

    function _refused(Batch memory batch, bytes memory reason) private {
        vm.expectRevert(reason);
        market.acceptBatch{gas: GAS}(batch);
    }

    /// @dev The batch with one attestation less.
    function _without(Batch memory batch, uint256 position) private pure returns (Batch memory) {
        Attestation[] memory all = batch.attestations;
        batch.attestations = new Attestation[](all.length - 1);
        for (uint256 i = 0; i < batch.attestations.length; ++i) {
            batch.attestations[i] = all[i < position ? i : i + 1];
        }
        return batch;
    }
}
