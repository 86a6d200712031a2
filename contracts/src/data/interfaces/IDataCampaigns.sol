// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../interfaces/IAccounts.sol";
import {Attestation} from "../../types/Types.sol";
import {CampaignTerms, Outcome} from "../types/Campaigns.sol";
import {SampleProof, SampleSchema} from "../types/Samples.sol";
import {IDataErrors} from "./IDataErrors.sol";
import {IDataEvents} from "./IDataEvents.sol";
import {IDataViews} from "./IDataViews.sol";

/// @title Campaigns that grow a data set past liars
/// @notice A contributor commits to a bundle of samples with a deposit for each, opens it, and a committee's quorum says that it
/// holds it. Then anybody may challenge a sample, by a hash first. A challenge with a proof is right or refused; one without
/// goes to the contributor, who may concede, and then to the campaign's arbiter. What nobody challenges is accepted.
/// docs/protocol-data.md has the amounts of every end.
///
/// Numbers of bundles and challenges are drawn from one sequence with openings and receipts, so that they say what came first.
/// Nothing here loops over what others made: each end is one call, and each stake goes back by a call of its own.
interface IDataCampaigns is IAccounts, IDataErrors, IDataEvents, IDataViews {
    /// @notice Opens a campaign.
    /// @param with Its terms.
    /// @param schema What samples are; its hash is in the terms.
    /// @param nonce The owner's, once for the same terms.
    /// @param amount First escrow: R + K for each sample are locked when it is committed to.
    /// @return campaign keccak256(abi.encode(keccak256("gradroll/v1/data-campaign"), deployment, owner, nonce,
    /// keccak256(abi.encode(with)))).
    /// @dev Errors: `CampaignTermsInvalid`, `CampaignExists`, `SampleSchemas.SchemaMismatch`, `SampleSchemas.SchemaInvalid`,
    /// those of `Funds.take`.
    function open(CampaignTerms calldata with, SampleSchema calldata schema, uint256 nonce, uint256 amount)
        external
        payable
        returns (bytes32 campaign);

    /// @notice Adds to a campaign's escrow; anybody may. It is the owner's, whoever paid.
    /// @dev Errors: `AmountInvalid`, `CampaignIsClosed`, those of `Funds.take`.
    function fund(bytes32 campaign, uint256 amount) external payable;

    /// @notice Ends commitments, for good. What was committed to goes on by the same terms.
    /// @dev Errors: `NotCampaignOwner`, `CampaignIsClosed`.
    function close(bytes32 campaign) external;

    /// @notice Credits what is free of a closed campaign to its owner; as often as something comes free. Anybody may call.
    /// @dev Errors: `CampaignNotClosed`, `NothingFree`.
    function withdraw(bytes32 campaign) external;

    /// @notice Commits to a bundle: pays D for each sample, and the receipts' fee. Locks R + K for each.
    /// @param commitment keccak256(abi.encode(keccak256("gradroll/v1/data-bundle"), campaign, root, contentDigest, count,
    /// sender, salt)); contentDigest is 0 for samples that will be opened inline.
    /// @return bundle Its number.
    /// @dev Errors: `CampaignIsClosed`, `CommitmentMade`, `CountInvalid`, `CampaignFull`, `EscrowTooLow`, those of `Funds.take`.
    function commit(bytes32 campaign, uint32 count, bytes32 commitment) external payable returns (uint256 bundle);

    /// @notice Opens a bundle, `openDelay` blocks after its commitment or later, in its window. Its contributor only.
    /// @dev Errors: `NotContributor`, `BundleStageDiffers`, `BlockTooEarly`, `TooLate`, `CommitmentMismatch`.
    function openBundle(uint256 bundle, bytes32 root, bytes32 contentDigest, bytes32 salt) external;

    /// @notice Hands in a quorum's receipts: review begins. The fee is credited to the members' controllers in equal parts.
    /// @param receipts Signatures of `receiptDigest`, ascending by member, of the committee's present epoch.
    /// @dev Errors: `BundleStageDiffers`, `TooLate`, those of `ICommitteeRegistry.requireQuorum`.
    function attest(uint256 bundle, Attestation[] calldata receipts) external;

    /// @notice Opens a bundle of at most 1 KiB in the chain, which checks it: review begins, and the receipts' fee goes back.
    /// @dev Errors: as `openBundle`; `InlineInvalid`, `SampleSchemas.SampleMisfit`, `SampleSchemas.SchemaMismatch`.
    function openInline(uint256 bundle, bytes[] calldata samples, bytes32 salt, SampleSchema calldata schema) external;

    /// @notice Ends a bundle that was not opened in time, whose deposits are burnt, or that got no receipts in time, whose
    /// deposits go back. The receipts' fee is burnt. Anybody may call.
    /// @dev Errors: `BundleStageDiffers`, `TooEarly`.
    function voidBundle(uint256 bundle) external;

    /// @notice Pays R + D for every sample of a bundle that nobody opened a challenge against. Anybody may call, after the
    /// window in which challenges are opened.
    /// @dev Errors: `BundleStageDiffers`, `TooEarly`.
    function settleBundle(uint256 bundle) external;

    /// @notice Commits to a challenge, and stakes C.
    /// @param commitment keccak256(abi.encode(keccak256("gradroll/v1/data-challenge"), campaign, bundle, root, index, ground,
    /// correction, sender, salt)); correction is the Keccak-256 of the corrected sample, 0 for none.
    /// @return id Its number: of several that are right, the earliest is paid.
    /// @dev Errors: `CampaignUnknown`, those of `Funds.take`.
    function challenge(bytes32 campaign, bytes32 commitment) external payable returns (uint256 id);

    /// @notice Opens a challenge that an arbiter is to judge.
    /// @param id The challenge.
    /// @param correction The corrected sample, which fits the schema; empty for none.
    /// @dev Errors: `NotChallenger`, `ChallengeStageDiffers`, `BundleStageDiffers`, `IndexOutside`, `ChallengeOutside`,
    /// `TooEarly`, `TooLate`, `CommitmentMismatch`, `SampleSchemas.SampleMisfit`, `SampleSchemas.SchemaMismatch`.
    function revealJudged(
        uint256 id,
        uint256 bundle,
        uint256 index,
        bytes32 salt,
        bytes calldata correction,
        SampleSchema calldata schema
    ) external;

    /// @notice Opens a challenge, and proves that its sample does not fit the schema: BAD.
    /// @dev Errors: as `revealJudged`; `ProofInvalid`, `SampleFitsSchema`.
    function proveSchema(
        uint256 id,
        uint256 bundle,
        uint256 index,
        bytes32 salt,
        SampleProof calldata sample,
        SampleSchema calldata schema
    ) external;

    /// @notice Opens a challenge, and proves that its sample is a copy: of a sample of the same bundle at a lower place, of the
    /// initial data, or of another bundle of the campaign that came under review. Of two bundles the one that was committed to
    /// first has the original, unless its review began when more than half the other's was over: then that has. BAD if it was public when this one was committed to, else VOID. What had been decided
    /// BAD or VOID by then is no original: it may come again with its true label.
    /// @param otherBundle Bundle of the original, 0 for the initial data.
    /// @dev Errors: as `proveSchema`; `NotOriginal`, `NotNear`, `SampleSchemas.SampleMisfit`.
    function proveDuplicate(
        uint256 id,
        uint256 bundle,
        uint256 index,
        bytes32 salt,
        SampleProof calldata sample,
        uint256 otherBundle,
        uint256 otherIndex,
        SampleProof calldata other,
        SampleSchema calldata schema
    ) external;

    /// @notice Burns the stake of a challenge that nobody can open any more. Anybody may call.
    /// @dev Errors: `ChallengeStageDiffers`, `TooEarly`.
    function burnChallenge(uint256 id) external;

    /// @notice Credits the stake of an opened challenge to its challenger, once its sample is settled: unless it had no proof,
    /// and an arbiter found the sample good. Anybody may call.
    /// @dev Errors: `ChallengeStageDiffers`, `DisputeStageDiffers`, `StakeLost`.
    function release(uint256 id) external;

    /// @notice The contributor concedes that a sample is bad, within the window for that: it gets F back, and the earliest
    /// challenger K if it has a correction. That does not enter: nobody judged it, and it may be the contributor's own.
    /// @dev Errors: `NotContributor`, `DisputeStageDiffers`, `ProvenAlready`, `TooEarly`, `TooLate`.
    function concede(uint256 bundle, uint256 index) external;

    /// @notice Opens the case of a sample whose contributor did not concede; anybody may, in the case window. Where a model is
    /// arbiter, it is asked first, and its agreement with the label ends the dispute.
    /// @param sample The sample, which is looked at only where a model is arbiter.
    /// @param schema The campaign's schema; the same.
    /// @dev Errors: `ArbiterDiffers`, `DisputeStageDiffers`, `ProvenAlready`, `TooEarly`, `TooLate`, `ProofInvalid`,
    /// `SampleSchemas.SchemaMismatch`, those of `IJury.open`.
    function openCase(uint256 bundle, uint256 index, SampleProof calldata sample, SampleSchema calldata schema) external;

    /// @notice The owner as arbiter decides, in the case window. BAD burns R and D, and the earliest challenger gets K.
    /// @param verdict `Accepted`, `Bad`, or `Corrected` where the earliest challenge has a correction.
    /// @dev Errors: `NotCampaignOwner`, `ArbiterDiffers`, `VerdictInvalid`, `DisputeStageDiffers`, `ProvenAlready`, `TooEarly`,
    /// `TooLate`.
    function ownerVerdict(uint256 bundle, uint256 index, Outcome verdict) external;

    /// @notice Appeals against the first verdict of a case: pays F2 = F (2n + 1) / n, rounded down, for another jury. Who
    /// turns the verdict gets it back, and the loser pays.
    /// @dev Errors: `DisputeStageDiffers`, those of `IJury.appeal` and `Funds.take`.
    function appeal(uint256 bundle, uint256 index) external payable;

    /// @notice Settles a sample: by proof after the window in which challenges are opened, by the jury's verdict, or as accepted
    /// after the case window if there is none. Anybody may call.
    /// @dev Errors: `DisputeStageDiffers`, `TooEarly`, `NotDecided`.
    function settleSample(uint256 bundle, uint256 index) external;

    /// @notice Credits a juror's share of a case's fee, or burns it if its vote was another than the verdict. Anybody may call.
    /// @param round 0 for the first jury, 1 for the appeal's.
    /// @dev Errors: `DisputeStageDiffers`, `NoJurorFee`.
    function claimJurorFee(uint256 bundle, uint256 index, uint256 round, uint256 seat) external;

    /// @notice Closes an epoch, once `epochSize` samples were decided, or `epochPeriod` is over and one was. Anybody may call.
    /// @dev Errors: `EpochNotDue`.
    function closeEpoch(bytes32 campaign) external;
}
