// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ClaimOrder} from "../types/Types.sol";

/// @title EIP-712 digests of the market
library TypedData {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");
    bytes32 private constant NAME = keccak256("gradroll");
    bytes32 private constant VERSION = keccak256("1");
    /// @dev Type of a data owner's submission. What the owner handed to the provers is bound to it by a second
    /// signature, the dealing's, which only they and the coordinator check; the market does where one is posted.
    bytes32 internal constant SUBMISSION_TYPE = keccak256(
        "Submission(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,"
        "uint256 commitmentX,uint256 commitmentY)"
    );
    /// @dev Type of an owner's dealing, whose digest names a submission off the chain.
    bytes32 private constant DEALING_TYPE = keccak256("Dealing(address owner,bytes32 submission,bytes32 sharesRoot)");
    /// @dev Type of a prover's word that it holds its share of a submission, which is named by its dealing.
    bytes32 private constant RECEIPT_TYPE = keccak256("Receipt(bytes32 submission)");
    /// @dev Type of a prover's word that an owner's dealing is bad.
    bytes32 private constant EXCLUSION_TYPE =
        keccak256("Exclusion(uint256 taskId,bytes32 termsHash,uint256 round,address owner,bytes32 dealing)");
    /// @dev Type of a prover's word that a task is to have another coordinator. The number of changes so far makes it
    /// work once, so that it is not held against a later change; that of rounds lets it grow old.
    bytes32 private constant COORDINATOR_TYPE =
        keccak256("Coordinator(uint256 taskId,uint256 round,uint256 change,address coordinator)");
    /// @dev Type of a prover's attestation.
    bytes32 internal constant ATTESTATION_TYPE = keccak256(
        "Attestation(bytes32 batchId,bytes32 verifierCode,uint256 committeeId,uint256 taskId,bytes32 termsHash,"
        "uint256 round,bytes32 modelDigest,uint256 owners,uint256 sumX,uint256 sumY,uint256 squareNorm,address payee)"
    );
    /// @dev Type of a prover's word that it serves its share of a batch's sum, or that it is posted.
    bytes32 private constant AVAILABILITY_TYPE =
        keccak256("Availability(bytes32 batchId,uint256 challenge,bytes32 posted)");
    /// @dev Type of the consent of a signer's key to be registered by an account.
    bytes32 private constant REGISTRATION_TYPE =
        keccak256("Registration(uint256 taskId,bytes32 termsHash,address account)");
    /// @dev Type of an account's order to pay elsewhere.
    bytes32 private constant CLAIM_TYPE = keccak256(
        "Claim(uint256 taskId,uint256 index,uint256 from,uint256 through,address recipient,uint256 maxTip,"
        "uint256 deadline)"
    );
    bytes32 private constant DEPLOYMENT = keccak256("gradroll/v1/deployment");

    /// @notice What provers sign of a batch: that they checked it whole, and that these owners are in no other.
    /// @param batchId Transcript state that binds context, owners, projections and Gram matrix.
    /// @param verifierCode Hash of the code that verifies the task's proofs.
    /// @param owners Number of owners.
    /// @param sumX Sum of the owners' commitments.
    /// @param sumY See `sumX`.
    /// @param squareNorm Squared norm of the combined row.
    /// @param payee Who gets the coordinator's fee.
    struct Attested {
        bytes32 batchId;
        bytes32 verifierCode;
        uint256 committeeId;
        uint256 taskId;
        bytes32 termsHash;
        uint256 round;
        bytes32 modelDigest;
        uint256 owners;
        uint256 sumX;
        uint256 sumY;
        uint256 squareNorm;
        address payee;
    }

    /// @notice What an owner signs of its commitment.
    struct SubmissionFields {
        uint256 taskId;
        bytes32 termsHash;
        uint256 round;
        bytes32 modelDigest;
        uint256 commitmentX;
        uint256 commitmentY;
    }

    /// @notice Identifier of the contract that is being deployed. The parent block's hash is in it: the same address
    /// on a chain of the same number that was started again, or forked off before, is another deployment.
    function newDeployment() internal view returns (bytes32) {
        return keccak256(abi.encode(DEPLOYMENT, block.chainid, address(this), blockhash(block.number - 1)));
    }

    /// @notice Domain separator of this contract on this chain; never cached, so that a fork of the chain has its own.
    /// @param deployment The contract's deployment, the domain's salt.
    function domainSeparator(bytes32 deployment) internal view returns (bytes32) {
        return domainSeparator(address(this), deployment);
    }

    /// @notice Domain separator of a market on this chain.
    function domainSeparator(address market, bytes32 deployment) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, market, deployment));
    }

    /// @notice Digest of a struct under a domain.
    function digest(bytes32 domain, bytes32 structHash) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), domain)
            mstore(add(free, 0x22), structHash)
            result := keccak256(free, 0x42)
        }
    }

    /// @notice Digest of a submission, and of the dealing under it.
    /// @param sharesRoot Keccak-256 of the digests of all provers' share payloads.
    function submission(bytes32 domain, SubmissionFields memory fields, address owner, bytes32 sharesRoot)
        internal
        pure
        returns (bytes32 submission_, bytes32 dealing)
    {
        submission_ = digest(domain, keccak256(abi.encode(SUBMISSION_TYPE, fields)));
        dealing = digest(domain, keccak256(abi.encode(DEALING_TYPE, owner, submission_, sharesRoot)));
    }

    /// @notice Digest with which a prover says that it holds its share of what was dealt.
    function receipt(bytes32 domain, bytes32 dealing) internal pure returns (bytes32) {
        return digest(domain, keccak256(abi.encode(RECEIPT_TYPE, dealing)));
    }

    /// @notice Digest with which a prover says that an owner's dealing is bad. It names the owner and not its index: after
    /// a reorganisation that may be another's.
    function exclusion(bytes32 domain, uint256 taskId, bytes32 termsHash, uint256 round, address owner, bytes32 dealing)
        internal
        pure
        returns (bytes32)
    {
        return digest(domain, keccak256(abi.encode(EXCLUSION_TYPE, taskId, termsHash, round, owner, dealing)));
    }

    /// @notice Digest with which a prover names another coordinator.
    function coordinator(bytes32 domain, uint256 taskId, uint256 round, uint256 change, address named)
        internal
        pure
        returns (bytes32)
    {
        return digest(domain, keccak256(abi.encode(COORDINATOR_TYPE, taskId, round, change, named)));
    }

    /// @notice Digest that provers sign for a batch.
    function attestation(bytes32 domain, Attested memory attested) internal pure returns (bytes32) {
        bytes32 kind = ATTESTATION_TYPE;
        bytes32 structHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            mcopy(add(free, 0x20), attested, 0x180) // all members are words
            structHash := keccak256(free, 0x1a0)
        }
        return digest(domain, structHash);
    }

    /// @notice Digest with which provers say that a sum is to be had.
    function availability(bytes32 domain, bytes32 batchId, uint256 challenge, bytes32 posted)
        internal
        pure
        returns (bytes32)
    {
        return digest(domain, keccak256(abi.encode(AVAILABILITY_TYPE, batchId, challenge, posted)));
    }

    /// @notice Digest with which a signer's key agrees to be registered by an account.
    function registration(bytes32 domain, uint256 taskId, bytes32 termsHash, address account)
        internal
        pure
        returns (bytes32)
    {
        return digest(domain, keccak256(abi.encode(REGISTRATION_TYPE, taskId, termsHash, account)));
    }

    /// @notice Digest of an order to pay elsewhere.
    function claim(bytes32 domain, ClaimOrder calldata order) internal pure returns (bytes32) {
        return digest(domain, keccak256(abi.encode(CLAIM_TYPE, order)));
    }
}
