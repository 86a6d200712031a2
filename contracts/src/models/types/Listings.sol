// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A listing from which another one is derived, and its part of every price.
/// @param listing Identifier; it is there already.
/// @param share Royalty in 1/10000 of the price, not 0.
struct Parent {
    bytes32 listing;
    uint16 share;
}

/// @notice What a listing promises; its identifier binds all of it, for good.
/// @param verifier Accuracy verifier (family 0) of the registry's factory: size class and key.
/// @param set Set on which the model is to be proven. It may be incomplete still.
/// @param token ERC-20 of the price, which has to answer like one; zero is ether.
/// @param base Price of a model that has `floor` right, or fewer; the token's smallest unit.
/// @param step Price of every right answer beyond `floor`.
/// @param floor Right answers of the whole set that are not paid for.
/// @param bond What the seller stakes on each open sale; the token's smallest unit.
/// @param revealWindow Least time that a buyer leaves the seller to reveal, seconds: 1 to 14 days, well below the
/// 30 days that a deadline may lie ahead.
/// @param artifact SHA-256 of the artifact's root, what the model's card and sealed copies are found under; 0 for none.
/// @param parents At most 4, none twice; their shares are at most 5000 together.
struct ListingTerms {
    address verifier;
    bytes32 set;
    address token;
    uint128 base;
    uint128 step;
    uint32 floor;
    uint128 bond;
    uint32 revealWindow;
    bytes32 artifact;
    Parent[] parents;
}

/// @notice A listing as the registry tells it.
/// @param model C_M, the commitment to its weights.
/// @param unlisted Whether the seller closed it for new sales.
struct ListingView {
    address seller;
    bool unlisted;
    uint256[2] model;
    ListingTerms terms;
}

/// @notice A set of groups of samples.
/// @param creator Who registers its groups.
/// @param groups How many it has, 1 to 64.
/// @param registered Bitmap of those that are registered, group 0 lowest.
/// @param complete Whether all are.
/// @param manifest Digest of the set's description; 0 for a hidden one.
struct SetView {
    address creator;
    uint256 groups;
    uint64 registered;
    bool complete;
    bytes32 manifest;
}

/// @notice What a listing's model was proven to do.
/// @param proven Bitmap of the groups that it was proven on, group 0 lowest.
/// @param correct Samples of these that it classifies right, at least.
/// @param samples Samples of these.
/// @param complete Whether these are all groups of a complete set.
struct Score {
    uint64 proven;
    uint256 correct;
    uint256 samples;
    bool complete;
}

/// @notice Who gets a share of a listing's price.
/// @param recipient Seller of a declared parent.
/// @param share In 1/10000.
struct Royalty {
    address recipient;
    uint16 share;
}

/// @notice All that a sale needs of a listing; see `ListingTerms`.
/// @param price What the model costs, by its score.
struct Quote {
    address seller;
    address token;
    uint256 price;
    uint128 bond;
    uint32 revealWindow;
    Royalty[] royalties;
}

/// @notice How a model came out of rounds of the gradient market: start - sum c_t S_t, rounded to multiples of 2^12.
/// @param task Task of the market.
/// @param first First round.
/// @param coefficients c_t of every round from `first` on, 1 to 64, each of less than 2^128; 0 leaves a round out.
/// @param start Commitment to the row that training began with, with zero tail: anybody recomputes it from the public file.
struct LineageStatement {
    uint256 task;
    uint256 first;
    int256[] coefficients;
    uint256[2] start;
}

/// @notice A lineage that was proven.
/// @param statementHash `IModelRegistry.lineageHash` of the statement; 0: none was.
/// @param verifier Rounding verifier that it was proven under: like every key, one to be compared with the release's.
struct Lineage {
    bytes32 statementHash;
    address verifier;
}
