// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BundleStage, CampaignTerms, ChallengeStage, DisputeStage, Ground, Outcome} from "./Campaigns.sol";

/// @notice A decision as it is stored; see `Decision`.
struct Record {
    uint64 bundle;
    uint32 index;
    Outcome outcome;
    uint32 count;
}

/// @notice See `CampaignView`.
struct Campaign {
    address owner;
    bool closed;
    uint32 held;
    uint32 epochs;
    uint128 free;
    uint64 undecided;
    uint40 epochStart;
    uint64 accepted;
    bytes32 acc;
    CampaignTerms terms;
    Record[] log;
}

/// @notice See `BundleView`.
struct Bundle {
    bytes32 campaign;
    address contributor;
    BundleStage stage;
    uint32 count;
    uint32 challenged;
    uint40 since;
    uint64 blockNumber;
    uint64 opened;
    uint64 shown;
    bytes32 root;
    bytes32 contentDigest;
}

/// @notice See `ChallengeView`.
struct Challenge {
    bytes32 campaign;
    address challenger;
    ChallengeStage stage;
    Ground ground;
    uint40 since;
    uint32 index;
    bytes32 digest;
    uint64 bundle;
}

/// @notice See `DisputeView`.
/// @param paid Bitmap of seats whose fee was claimed, those of the first jury lowest.
/// @param decided Last number of the sequence when it was settled as BAD or VOID.
struct Dispute {
    DisputeStage stage;
    Outcome outcome;
    bool upheld;
    uint64 bad;
    uint64 void_;
    uint64 judged;
    uint32 challengers;
    uint256 caseId;
    address appellant;
    uint64 paid;
    uint128 pot;
    uint64 decided;
}

/// @notice All that campaigns store.
/// @param sequence Last number given to a bundle, a challenge, an opening or receipts.
/// @param committed Whether an account committed to a bundle under a hash.
struct DataState {
    uint64 sequence;
    mapping(bytes32 campaign => Campaign) campaigns;
    mapping(uint256 bundle => Bundle) bundles;
    mapping(uint256 challenge => Challenge) challenges;
    mapping(uint256 bundle => mapping(uint256 index => Dispute)) disputes;
    mapping(bytes32 campaign => mapping(address contributor => mapping(bytes32 commitment => bool))) committed;
}
