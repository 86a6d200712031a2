// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {OwnerCommitment, Proof, Statement} from "../../src/types/Proofs.sol";
import {Attestation, Batch, OwnerEntry, Reference, ReferenceOpening, TaskView} from "../../src/types/Types.sol";
import {Stage} from "./Stage.sol";

/// @title Batches for the market of a stage: those of the fixtures, and any other for verifiers that believe everything
/// @dev Fixtures and keys: tests/contracts/fixtures.py.
abstract contract Scene is Stage {
    /// @dev A batch's fixture, without attestations: they bind the verifier's code, so they are signed here.
    struct Fixture {
        Batch batch;
        bytes32 batchId;
        uint256 commitmentX;
        uint256 commitmentY;
    }

    /// @dev A fixture as it is, not attested.
    function load(string memory name) internal view returns (Fixture memory fixture) {
        string memory json = vm.readFile(string.concat("test/fixtures/", name, ".json"));
        fixture.batch = abi.decode(vm.parseJsonBytes(json, ".batch"), (Batch));
        fixture.batchId = vm.parseJsonBytes32(json, ".batchId");
        (fixture.commitmentX, fixture.commitmentY) =
            abi.decode(vm.parseJsonBytes(json, ".commitment"), (uint256, uint256));
    }

    /// @dev The batch of a fixture, attested by a quorum.
    function attested(string memory name) internal view returns (Batch memory batch) {
        Fixture memory fixture = load(name);
        batch = fixture.batch;
        attest(batch, fixture.batchId);
    }

    /// @dev The batch of a fixture for a task with other terms, signed and attested anew. Its proof does not hold
    /// there.
    function redirected(string memory name, uint256 taskId) internal view returns (Batch memory batch) {
        batch = load(name).batch;
        batch.taskId = taskId;
        resignAll(batch);
        attest(batch, batchIdOf(batch));
    }

    /// @dev The statement that the market would hand to the verifier; of a graded batch with the first copy.
    function statementOf(Batch memory batch) internal view returns (Statement memory statement) {
        return statementOf(batch, opening(0));
    }

    function statementOf(Batch memory batch, ReferenceOpening memory with)
        internal
        view
        returns (Statement memory statement)
    {
        TaskView memory task = market.task(batch.taskId);
        statement.domain = domain();
        statement.taskId = batch.taskId;
        statement.termsHash = task.termsHash;
        statement.round = batch.round;
        statement.modelDigest = modelOf(batch.taskId);
        statement.bound = task.terms.bound;
        statement.dimension = task.terms.dimension;
        uint256 before = task.terms.step == 0 ? 0 : 1;
        statement.owners = new OwnerCommitment[](before + batch.owners.length);
        if (before != 0) {
            Reference memory copy = with.references[with.copy];
            uint256 word = 2 ** 16 + with.copy << 160 | uint160(with.dealer);
            statement.owners[0] = OwnerCommitment(word, copy.cx, copy.cy);
        }
        for (uint256 i = 0; i < batch.owners.length; ++i) {
            OwnerEntry memory entry = batch.owners[i];
            uint256 index = indexOf(batch, i);
            uint256 owner = index << 160 | uint160(market.ownerAt(batch.taskId, index).signer);
            statement.owners[before + i] = OwnerCommitment(owner, entry.cx, entry.cy);
        }
    }

    /// @dev A batch's identifier, written anew; of a graded one with the first copy and numbers that are zero.
    function batchIdOf(Batch memory batch) internal view returns (bytes32) {
        return batchIdOf(batch, opening(0), new bytes(8 * batch.owners.length));
    }

    function batchIdOf(Batch memory batch, ReferenceOpening memory with, bytes memory values)
        internal
        view
        returns (bytes32)
    {
        bytes32 state = _rhoState(batch, statementOf(batch, with));
        TaskView memory task = market.task(batch.taskId);
        if (task.terms.step == 0) return state;
        bytes memory rule = abi.encode(task.terms.step, task.terms.dither, task.terms.minOwners);
        return keccak256(bytes.concat(keccak256("gradroll/v1/values"), state, rule, keccak256(values)));
    }

    function _rhoState(Batch memory batch, Statement memory s) private view returns (bytes32) {
        bytes32 keyHash = IVerifier(market.task(batch.taskId).terms.verifier).policyKeyHash();
        bytes memory head = abi.encode(s.domain, s.taskId, s.termsHash, s.round, s.modelDigest, keyHash);
        bytes32 context = keccak256(
            bytes.concat(keccak256("gradroll/v1/context"), head, abi.encode(s.bound, s.dimension, s.owners.length))
        );
        bytes memory owners;
        for (uint256 i = 0; i < s.owners.length; ++i) {
            owners = bytes.concat(owners, abi.encode(s.owners[i]));
        }
        Proof memory p = batch.proof;
        bytes memory opening = abi.encode(p.mask, p.signSeed, p.projectionsDigest, p.gram, p.knowledge);
        return keccak256(bytes.concat(keccak256("gradroll/v1/rho"), context, keccak256(owners), opening));
    }

    /// @dev Registration index in a slot.
    function indexOf(Batch memory batch, uint256 slot) internal pure returns (uint256) {
        return uint256(uint8(batch.indices[2 * slot])) << 8 | uint8(batch.indices[2 * slot + 1]);
    }

    function setIndex(Batch memory batch, uint256 slot, uint16 index) internal pure {
        (batch.indices[2 * slot], batch.indices[2 * slot + 1]) = (bytes1(uint8(index >> 8)), bytes1(uint8(index)));
    }

    /// @dev Exchanges two owners of the batch.
    function swapOwners(Batch memory batch, uint256 left, uint256 right) internal pure {
        (uint16 a, uint16 b) = (uint16(indexOf(batch, left)), uint16(indexOf(batch, right)));
        setIndex(batch, left, b);
        setIndex(batch, right, a);
        (batch.owners[left], batch.owners[right]) = (batch.owners[right], batch.owners[left]);
    }

    /// @dev Signs the entry's submission anew, for the round, the task and its terms as they are.
    function resign(Batch memory batch, uint256 slot) internal view {
        resign(batch, slot, market.task(batch.taskId).termsHash, modelOf(batch.taskId));
    }

    /// @dev Signs the entry's submission anew.
    function resign(Batch memory batch, uint256 slot, bytes32 termsHash, bytes32 model) internal view {
        OwnerEntry memory entry = batch.owners[slot];
        bytes32 digest = submissionDigest(batch, slot, termsHash, model);
        (entry.r, entry.vs) = signCompact(ownerKey(indexOf(batch, slot)), digest);
    }

    /// @dev What the owner in a slot signs.
    function submissionDigest(Batch memory batch, uint256 slot, bytes32 termsHash, bytes32 model)
        internal
        view
        returns (bytes32)
    {
        OwnerEntry memory entry = batch.owners[slot];
        bytes memory members = abi.encode(batch.taskId, termsHash, batch.round, model, entry.cx, entry.cy);
        bytes32 structHash = keccak256(bytes.concat(TypedData.SUBMISSION_TYPE, members));
        return TypedData.digest(domain(), structHash);
    }

    /// @dev A batch of owners first..first+count-1 for a verifier that believes everything.
    function batchOf(uint256 taskId, uint256 round, uint256 first, uint256 count)
        internal
        view
        returns (Batch memory batch)
    {
        (batch.taskId, batch.round, batch.payee) = (taskId, round, market.task(taskId).coordinator);
        batch.owners = new OwnerEntry[](count);
        batch.indices = new bytes(2 * count);
        for (uint256 i = 0; i < count; ++i) {
            setIndex(batch, i, uint16(first + i));
        }
        resignAll(batch);
        attest(batch, batchIdOf(batch));
    }

    /// @dev Has the market accept such a batch.
    function accept(uint256 taskId, uint256 round, uint256 first, uint256 count) internal returns (uint256) {
        return hand(batchOf(taskId, round, first, count));
    }

    /// @dev The same with any batch; a graded one with the first copy and numbers that are zero.
    function hand(Batch memory batch) internal returns (uint256) {
        if (market.task(batch.taskId).terms.step == 0) return market.acceptBatch(batch);
        return market.acceptGradedBatch(batch, opening(0), new bytes(8 * batch.owners.length));
    }

    function resignAll(Batch memory batch) internal view {
        for (uint256 slot = 0; slot < batch.owners.length; ++slot) {
            resign(batch, slot);
        }
    }

    /// @dev Attestations of the batch by members 0..QUORUM-1.
    function attest(Batch memory batch, bytes32 batchId) internal view {
        attest(batch, attestedOf(batch, batchId), QUORUM);
    }

    /// @dev Attestations of whatever by members 0..count-1.
    function attest(Batch memory batch, TypedData.Attested memory content, uint256 count) internal view {
        batch.attestations = new Attestation[](count);
        for (uint8 member = 0; member < count; ++member) {
            batch.attestations[member] = attestBy(proverKey(member), member, content);
        }
    }

    function attestBy(uint256 key, uint8 member, TypedData.Attested memory content)
        internal
        view
        returns (Attestation memory)
    {
        (bytes32 r, bytes32 vs) = signCompact(key, TypedData.attestation(domain(), content));
        return Attestation(member, r, vs);
    }

    /// @dev What provers attest of a batch.
    function attestedOf(Batch memory batch, bytes32 batchId) internal view returns (TypedData.Attested memory) {
        TaskView memory task = market.task(batch.taskId);
        return TypedData.Attested({
            batchId: batchId,
            verifierCode: task.terms.verifier.codehash,
            committeeId: task.terms.committeeId,
            taskId: batch.taskId,
            termsHash: task.termsHash,
            round: batch.round,
            modelDigest: modelOf(batch.taskId),
            owners: batch.owners.length,
            sumX: batch.proof.sum[0],
            sumY: batch.proof.sum[1],
            squareNorm: batch.proof.squareNorm,
            payee: batch.payee
        });
    }

    function domain() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
                ),
                keccak256("gradroll"),
                keccak256("1"),
                block.chainid,
                address(market),
                market.deployment()
            )
        );
    }
}
