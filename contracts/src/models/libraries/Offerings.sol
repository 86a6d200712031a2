// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {GroupOpening} from "../types/Bounties.sol";
import {Offer} from "../types/Sales.sol";

/// @title EIP-712 structs of sales and bounties
/// @notice Their domains are those of the contracts (`IAccounts.eip712Domain`).
library Offerings {
    bytes32 private constant OFFER_TYPE = keccak256(
        "Offer(bytes32 listing,address buyer,uint256 keyX,uint256 keyY,bytes32 offer,uint256 price,uint256 deadline)"
    );
    /// @dev Type of a winner's consent to a key.
    bytes32 private constant BOUNTY_OFFER_TYPE =
        keccak256("BountyOffer(bytes32 bounty,bytes32 listing,uint256 keyX,uint256 keyY,bytes32 offer)");
    /// @dev Type of a member's word that it checked what a winner offers. Another one than the winner's, so that neither
    /// stands for the other.
    bytes32 private constant OFFER_RECEIPT_TYPE =
        keccak256("OfferReceipt(bytes32 bounty,bytes32 listing,uint256 keyX,uint256 keyY,bytes32 offer)");
    /// @dev Type of a member's word that it holds data, which are what their hashes and the bounty's terms say.
    bytes32 private constant DATASET_RECEIPT_TYPE =
        keccak256("DatasetReceipt(bytes32 bounty,uint256 stage,bytes32 groups)");

    /// @notice Struct hash of an offer to one buyer.
    function ofOffer(Offer calldata offer) internal pure returns (bytes32) {
        return keccak256(abi.encode(OFFER_TYPE, offer));
    }

    /// @notice Struct hash of a winner's offer to the owner of a bounty.
    function ofBountyOffer(bytes32 bounty, bytes32 listing, uint256 keyX, uint256 keyY, bytes32 offer)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(BOUNTY_OFFER_TYPE, bounty, listing, keyX, keyY, offer));
    }

    /// @notice Struct hash of a member's receipt for such an offer.
    function ofOfferReceipt(bytes32 bounty, bytes32 listing, uint256 keyX, uint256 keyY, bytes32 offer)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(OFFER_RECEIPT_TYPE, bounty, listing, keyX, keyY, offer));
    }

    /// @notice Struct hash of a member's receipt for data.
    /// @param stage 1 for training groups, 2 for tests.
    function ofDatasetReceipt(bytes32 bounty, uint256 stage, GroupOpening[] calldata groups)
        internal
        pure
        returns (bytes32)
    {
        bytes memory packed;
        for (uint256 i = 0; i < groups.length; ++i) {
            GroupOpening calldata group = groups[i];
            packed = bytes.concat(packed, abi.encode(group.index, group.groupHash, group.fileDigest, group.samples));
        }
        return keccak256(abi.encode(DATASET_RECEIPT_TYPE, bounty, stage, keccak256(packed)));
    }
}
