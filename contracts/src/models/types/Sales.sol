// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Royalty} from "./Listings.sol";

/// @notice What a seller signs for one buyer (EIP-712 type `Offer`, with these members in this order).
/// @param listing Listing of the model.
/// @param buyer Who may lock.
/// @param keyX K' = K - xG, where K hides the weights and x is known to buyer and seller alone.
/// @param keyY See `keyX`.
/// @param offer Digest of the sealed row, which the buyer checked.
/// @param price What the buyer pays; the listing's price.
/// @param deadline Last second for the seller to reveal k'.
struct Offer {
    bytes32 listing;
    address buyer;
    uint256 keyX;
    uint256 keyY;
    bytes32 offer;
    uint256 price;
    uint256 deadline;
}

/// @notice A sale. The contract keeps its hash; whoever reveals or asks for a refund hands it in, as `Locked` showed it.
/// @param offer What was signed.
/// @param seller Seller of the listing.
/// @param token Token of the price and of the bond, 0 for ether.
/// @param bond What the seller stakes on this sale.
/// @param royalties Shares of the sellers of the listing's declared parents.
struct Sale {
    Offer offer;
    address seller;
    address token;
    uint256 bond;
    Royalty[] royalties;
}

/// @notice How far a sale is.
enum SaleStatus {
    Unknown,
    Open,
    Over
}
