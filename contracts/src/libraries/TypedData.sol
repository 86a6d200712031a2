// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title EIP-712 digests of the market
library TypedData {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME = keccak256("gradroll");
    bytes32 private constant VERSION = keccak256("1");
    /// @dev Type of a data owner's submission. What the owner handed to the provers is bound to it by a second signature
    /// that only they and the coordinator check (`DEALING_TYPE` of circuits/statement.py).
    bytes32 internal constant SUBMISSION_TYPE =
        keccak256("Submission(uint256 taskId,uint256 round,uint256 commitmentX,uint256 commitmentY)");
    /// @dev Type of a prover's attestation.
    bytes32 internal constant ATTESTATION_TYPE = keccak256("Attestation(bytes32 batchId,bytes32 payloadDigest)");

    /// @notice Domain separator of this contract on this chain; never cached, so that a fork of the chain has its own.
    function domainSeparator() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, address(this)));
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

    /// @notice Digest that provers sign for a batch and its payload.
    function attestation(bytes32 domain, bytes32 batchId, bytes32 payloadDigest) internal pure returns (bytes32) {
        return digest(domain, keccak256(abi.encode(ATTESTATION_TYPE, batchId, payloadDigest)));
    }
}
