// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Arbiter, BundleStage, ChallengeStage, DisputeStage} from "../types/Campaigns.sol";

/// @title Errors of campaigns
interface IDataErrors {
    /// @notice There is no such campaign here. Look its identifier up in `CampaignOpened`.
    error CampaignUnknown(bytes32 campaign);
    /// @notice This campaign exists. Open another one with another nonce.
    error CampaignExists(bytes32 campaign);
    /// @notice A term is out of range or does not go with others; see `CampaignChecks`. Change it and open again.
    error CampaignTermsInvalid(string term);
    /// @notice Only the campaign's owner may do this. Call from its account.
    error NotCampaignOwner(bytes32 campaign, address caller);
    /// @notice The campaign takes no more commitments. Contribute to another one.
    error CampaignIsClosed(bytes32 campaign);
    /// @notice Money leaves a campaign only once it is closed. Close it first.
    error CampaignNotClosed(bytes32 campaign);
    /// @notice Nothing is free in a campaign. Wait until bundles and samples are settled.
    error NothingFree(bytes32 campaign);
    /// @notice The amount is zero, or more than fits.
    error AmountInvalid(uint256 amount);
    /// @notice A bundle has 1 to `most` samples. Split it.
    error CountInvalid(uint256 count, uint256 most);
    /// @notice The campaign takes only so many samples. Wait until some are decided, or contribute fewer.
    error CampaignFull(uint256 left);
    /// @notice The escrow does not cover the samples. The owner can fund it.
    error EscrowTooLow(uint256 free, uint256 needed);
    /// @notice The account has committed to this before, in the same campaign. Open the bundle of then.
    error CommitmentMade(bytes32 commitment);
    /// @notice There is no such bundle. Look its number up in `BundleCommitted`.
    error BundleUnknown(uint256 bundle);
    /// @notice The bundle is at another stage.
    error BundleStageDiffers(uint256 bundle, BundleStage stage);
    /// @notice Only who contributed the bundle may do this.
    error NotContributor(uint256 bundle, address caller);
    /// @notice What was opened is not what was committed to. Open with the same numbers and salt.
    error CommitmentMismatch(uint256 id, bytes32 computed);
    /// @notice It is too early. Wait until block `first`.
    error BlockTooEarly(uint256 first);
    /// @notice It is too early. Wait until after `deadline`, in seconds of the chain.
    error TooEarly(uint256 deadline);
    /// @notice It is too late: the window ended at `deadline`, in seconds of the chain.
    error TooLate(uint256 deadline);
    /// @notice Samples that are opened in the chain have at most `most` bytes together, and are as many as were committed to.
    /// Open the bundle by receipts.
    error InlineInvalid(uint256 samples, uint256 size, uint256 most);
    /// @notice There is no such challenge. Look its number up in `ChallengeCommitted`.
    error ChallengeUnknown(uint256 challenge);
    /// @notice The challenge is at another stage.
    error ChallengeStageDiffers(uint256 challenge, ChallengeStage stage);
    /// @notice Only who challenged may open a challenge.
    error NotChallenger(uint256 challenge, address caller);
    /// @notice The challenge was not committed to in the bundle's review window, or is of another campaign.
    error ChallengeOutside(uint256 challenge, uint256 bundle);
    /// @notice A bundle has no sample there.
    error IndexOutside(uint256 index, uint256 count);
    /// @notice The proof does not lead from the sample to the bundle's root.
    error ProofInvalid(uint256 bundle, uint256 index);
    /// @notice The sample fits the schema, so this proves nothing.
    error SampleFitsSchema(uint256 bundle, uint256 index);
    /// @notice The sample is no copy of that one, which is later, of another campaign, was shown late or never, or had been
    /// decided BAD or VOID before. Show one that counts.
    error NotOriginal(uint256 bundle, uint256 index);
    /// @notice The samples are too far apart for a copy.
    error NotNear(uint256 distance, uint256 tau);
    /// @notice Nobody opened a challenge against this sample, or its dispute is at another stage.
    error DisputeStageDiffers(uint256 bundle, uint256 index, DisputeStage stage);
    /// @notice A challenge proved what the sample is. Settle it.
    error ProvenAlready(uint256 bundle, uint256 index);
    /// @notice The campaign has another arbiter.
    error ArbiterDiffers(Arbiter arbiter);
    /// @notice The jury has not decided for good. Wait until its windows are over, and close the case there.
    error NotDecided(uint256 caseId);
    /// @notice The verdict is none that may be given here.
    error VerdictInvalid();
    /// @notice The stake is lost: an arbiter found the sample good.
    error StakeLost(uint256 challenge);
    /// @notice No fee is held for this seat: it was claimed, its round got none, or nobody was decided against.
    error NoJurorFee(uint256 caseId, uint256 round, uint256 seat);
    /// @notice An epoch is not due: too few samples were decided, and its period is not over; or none were.
    error EpochNotDue(uint256 decided, uint256 due);
    /// @notice The log of decisions is shorter.
    error DecisionUnknown(uint256 position);
}
