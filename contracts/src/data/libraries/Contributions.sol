// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ground} from "../types/Campaigns.sol";

/// @title What is committed to and signed in the data market
/// @notice Mirrored by commons/samples. Commitments bind the campaign, which binds chain and deployment, and the sender.
library Contributions {
    bytes32 internal constant CAMPAIGN = keccak256("gradroll/v1/data-campaign");
    bytes32 private constant BUNDLE = keccak256("gradroll/v1/data-bundle");
    bytes32 private constant CHALLENGE = keccak256("gradroll/v1/data-challenge");
    /// @dev Type of a member's word that it holds a bundle, which fits root, count and schema.
    bytes32 private constant RECEIPT_TYPE = keccak256(
        "BundleReceipt(bytes32 campaign,uint256 bundle,bytes32 root,bytes32 contentDigest,uint256 count,bytes32 schemaHash)"
    );

    /// @notice Commitment to a bundle.
    /// @param contentDigest SHA-256 of its file; 0 for samples that are opened inline.
    function ofBundle(
        bytes32 campaign,
        bytes32 root,
        bytes32 contentDigest,
        uint256 count,
        address contributor,
        bytes32 salt
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(BUNDLE, campaign, root, contentDigest, count, contributor, salt));
    }

    /// @notice Commitment to a challenge. It binds the root: after a reorganisation a bundle's number may be another's.
    /// @param correction Keccak-256 of the corrected sample, 0 for none.
    function ofChallenge(
        bytes32 campaign,
        uint256 bundle,
        bytes32 root,
        uint256 index,
        Ground ground,
        bytes32 correction,
        address challenger,
        bytes32 salt
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(CHALLENGE, campaign, bundle, root, index, ground, correction, challenger, salt));
    }

    /// @notice Struct hash of a receipt for a bundle.
    function ofReceipt(
        bytes32 campaign,
        uint256 bundle,
        bytes32 root,
        bytes32 contentDigest,
        uint256 count,
        bytes32 schemaHash
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECEIPT_TYPE, campaign, bundle, root, contentDigest, count, schemaHash));
    }
}
