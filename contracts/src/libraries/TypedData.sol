// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title EIP-712 digests of the market
library TypedData {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");
    bytes32 private constant NAME = keccak256("gradroll");
    bytes32 private constant VERSION = keccak256("1");
    /// @dev Type of a data owner's submission. What the owner handed to the provers is bound to it by a second signature
    /// that only they and the coordinator check (`DEALING_TYPE` of circuits/statement.py).
    bytes32 internal constant SUBMISSION_TYPE = keccak256(
        "Submission(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,"
        "uint256 commitmentX,uint256 commitmentY)"
    );
    /// @dev Type of a prover's attestation.
    bytes32 internal constant ATTESTATION_TYPE = keccak256(
        "Attestation(bytes32 batchId,bytes32 verifierCode,uint256 committeeId,uint256 taskId,bytes32 termsHash,"
        "uint256 round,bytes32 modelDigest,uint256 owners,uint256 sumX,uint256 sumY,uint256 squareNorm)"
    );
    bytes32 private constant DEPLOYMENT = keccak256("gradroll/v1/deployment");

    /// @notice What provers sign of a batch: that they checked it whole, and that these owners are in no other.
    /// @param batchId Transcript state that binds context, owners, projections and Gram matrix.
    /// @param verifierCode Hash of the code that verifies the task's proofs.
    /// @param owners Number of owners.
    /// @param sumX Sum of the owners' commitments.
    /// @param sumY See `sumX`.
    /// @param squareNorm Squared norm of the combined row.
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
    }

    /// @notice Identifier of the contract that is being deployed. The parent block's hash is in it: the same address
    /// on a chain of the same number that was started again, or forked off before, is another deployment.
    function newDeployment() internal view returns (bytes32) {
        return keccak256(abi.encode(DEPLOYMENT, block.chainid, address(this), blockhash(block.number - 1)));
    }

    /// @notice Domain separator of this contract on this chain; never cached, so that a fork of the chain has its own.
    /// @param deployment The contract's deployment, the domain's salt.
    function domainSeparator(bytes32 deployment) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, address(this), deployment));
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

    /// @notice Digest that provers sign for a batch.
    function attestation(bytes32 domain, Attested memory attested) internal pure returns (bytes32) {
        return digest(domain, keccak256(abi.encode(ATTESTATION_TYPE, attested)));
    }
}
