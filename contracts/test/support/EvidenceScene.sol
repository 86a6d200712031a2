// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {Forfeit} from "../../src/libraries/Forfeit.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {Graded} from "../../src/types/Graded.sol";
import {AttestedBatch, CommonOwner} from "../../src/types/Reports.sol";
import {Batch, TaskTerms} from "../../src/types/Types.sol";
import {CommitteeScene} from "./CommitteeScene.sol";
import {ApprovingFactory} from "./Stage.sol";

/// @title What members of a bonded committee signed, as evidence
abstract contract EvidenceScene is CommitteeScene {
    uint256 internal task;

    function setUp() public virtual {
        stageCommittee();
        joinAll();
    }

    /// @dev A market with a task of the committee, an open round and owners 0..owners-1.
    function stageMarket(uint256 owners) internal {
        approving = new ApprovingFactory();
        deployMarket(MARKET, PARENT_HASH);
        committee = id;
        task = stageTask(stubTerms(), owners);
    }

    /// @dev The holder of a key attests a batch.
    function attestedBy(uint256 key, Batch memory batch) internal view returns (AttestedBatch memory signed) {
        TaskTerms memory with = market.task(batch.taskId).terms;
        signed.statement = statementOf(batch);
        signed.proof = batch.proof;
        if (with.step != 0) {
            signed.graded = Graded(with.step, with.dither, with.minOwners, new bytes(8 * batch.owners.length));
        }
        signed.policyKeyHash = IVerifier(with.verifier).policyKeyHash();
        signed.verifierCode = with.verifier.codehash;
        signed.payee = batch.payee;
        signAttested(key, signed);
    }

    /// @dev The holder of a key attests what is there, written anew.
    function signAttested(uint256 key, AttestedBatch memory signed) internal view {
        bytes memory kind = "Attestation(bytes32 batchId,bytes32 verifierCode,uint256 committeeId,uint256 taskId,"
            "bytes32 termsHash,uint256 round,bytes32 modelDigest,uint256 owners,uint256 sumX,uint256 sumY,"
            "uint256 squareNorm,address payee)";
        bytes memory head = abi.encode(keccak256(kind), _identifierOf(signed), signed.verifierCode, uint256(id));
        bytes memory round = abi.encode(
            signed.statement.taskId, signed.statement.termsHash, signed.statement.round, signed.statement.modelDigest
        );
        uint256 owners = signed.statement.owners.length - (_isGraded(signed) ? 1 : 0);
        bytes memory rest = abi.encode(owners, signed.proof.sum, signed.proof.squareNorm, signed.payee);
        bytes32 digest = TypedData.digest(signed.statement.domain, keccak256(bytes.concat(head, round, rest)));
        (signed.r, signed.vs) = signCompact(key, digest);
    }

    function commonAt(uint256 slot, uint256 otherSlot) internal view returns (CommonOwner memory) {
        return CommonOwner(slot, otherSlot, address(market), market.deployment());
    }

    /// @dev Everything of a slashed bond: what the reporter, the harmed and nobody can collect.
    function credited(address token, address account) internal view returns (uint256) {
        return registry.owed(token, account);
    }

    function burnt(address token) internal view returns (uint256) {
        return registry.owed(token, Forfeit.NOBODY);
    }

    function _identifierOf(AttestedBatch memory signed) private pure returns (bytes32) {
        bytes memory where = abi.encode(
            signed.statement.domain,
            signed.statement.taskId,
            signed.statement.termsHash,
            signed.statement.round,
            signed.statement.modelDigest,
            signed.policyKeyHash
        );
        bytes memory what =
            abi.encode(signed.statement.bound, signed.statement.dimension, signed.statement.owners.length);
        bytes32 context = keccak256(bytes.concat(keccak256("gradroll/v1/context"), where, what));
        bytes memory owners;
        for (uint256 i = 0; i < signed.statement.owners.length; ++i) {
            owners = bytes.concat(owners, abi.encode(signed.statement.owners[i]));
        }
        bytes memory opening = abi.encode(
            signed.proof.mask,
            signed.proof.signSeed,
            signed.proof.projectionsDigest,
            signed.proof.gram,
            signed.proof.knowledge
        );
        bytes32 state = keccak256(bytes.concat(keccak256("gradroll/v1/rho"), context, keccak256(owners), opening));
        if (!_isGraded(signed)) return state;
        Graded memory graded = signed.graded;
        bytes memory rule = abi.encode(graded.step, graded.dither, graded.minOwners);
        return keccak256(bytes.concat(keccak256("gradroll/v1/values"), state, rule, keccak256(graded.values)));
    }

    function _isGraded(AttestedBatch memory signed) private pure returns (bool) {
        return signed.statement.owners.length != 0 && signed.statement.owners[0].owner >> 176 != 0;
    }
}
