// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Who decides about a sample that is challenged without a proof.
enum Arbiter {
    /// The campaign's owner; BAD costs it the reward.
    Owner,
    /// Jurors that are drawn by stake.
    Jury,
    /// A model's contract; where it does not agree with the label, jurors.
    Model
}

/// @notice Terms of a campaign, fixed when it is opened. Amounts are the token's smallest unit, by sample where nothing else is
/// said; windows are seconds.
/// @param token Token of everything here, 0 for ether.
/// @param committeeId Committee of the gradient market whose quorum says that it holds a bundle.
/// @param arbiter See `Arbiter`.
/// @param model `ISampleModel` of the arbiter Model; 0 for others.
/// @param schemaHash keccak256(abi.encode(SampleSchema)).
/// @param manifest SHA-256 of the schema's document and the description.
/// @param initialRoot Root over the owner's initial data; 0 if there are none.
/// @param initialDigest SHA-256 of their bundle.
/// @param initialCount How many they are, at most 65,536.
/// @param tests Commitment to hidden test groups, 0 if there are none: keccak256 over the groups' leaves, as bounties have it.
/// @param deposit D, what a contributor deposits.
/// @param reward R, what it gets.
/// @param correction K, for a right correction.
/// @param stake C, what a challenger stakes.
/// @param fee F, of a case.
/// @param receiptFee What the members get together for a bundle's receipts.
/// @param jurorStake s, unit of the jurors' stakes; 0 if the owner is arbiter.
/// @param jurors n, odd, 3 to 15; 0 if the owner is arbiter.
/// @param burnt b, share in basis points that is burnt of what a bad sample costs beside the fee.
/// @param maxSamples Most samples that are accepted or pending.
/// @param maxBundle Most samples of a bundle, at most 65,536.
/// @param openDelay Blocks from a commitment to its opening, at least 2: content stays private until the commitment is final.
/// @param openWindow For a contributor to open, from its commitment on.
/// @param receiptWindow For receipts, from the opening on.
/// @param reviewWindow W, for challenges, from the receipts on.
/// @param revealWindow For challenges to be opened.
/// @param answerWindow For the contributor to concede.
/// @param caseWindow For a case to be opened, or the owner to decide.
/// @param voteWindow For jurors to commit to their votes.
/// @param voteRevealWindow For jurors to reveal them.
/// @param appealWindow For an appeal.
/// @param epochSize Samples decided after which an epoch may be closed.
/// @param epochPeriod Time after which one may be closed with fewer.
struct CampaignTerms {
    address token;
    uint64 committeeId;
    Arbiter arbiter;
    address model;
    bytes32 schemaHash;
    bytes32 manifest;
    bytes32 initialRoot;
    bytes32 initialDigest;
    uint32 initialCount;
    bytes32 tests;
    uint128 deposit;
    uint128 reward;
    uint128 correction;
    uint128 stake;
    uint128 fee;
    uint128 receiptFee;
    uint128 jurorStake;
    uint16 jurors;
    uint16 burnt;
    uint32 maxSamples;
    uint32 maxBundle;
    uint32 openDelay;
    uint32 openWindow;
    uint32 receiptWindow;
    uint32 reviewWindow;
    uint32 revealWindow;
    uint32 answerWindow;
    uint32 caseWindow;
    uint32 voteWindow;
    uint32 voteRevealWindow;
    uint32 appealWindow;
    uint32 epochSize;
    uint32 epochPeriod;
}

/// @notice A campaign.
/// @param free Escrow that nothing is locked of.
/// @param held Samples that are accepted or pending.
/// @param accepted Samples that were accepted, corrected ones too; the initial ones are not counted.
/// @param decisions Length of the log of decisions.
/// @param undecided Samples decided since the last epoch was closed.
/// @param epochs Epochs closed.
/// @param epochStart Time at which the present epoch began.
/// @param acc Running hash of the log.
/// @param closed Whether commitments are no longer taken.
struct CampaignView {
    address owner;
    bool closed;
    uint256 free;
    uint256 held;
    uint256 accepted;
    uint256 decisions;
    uint256 undecided;
    uint256 epochs;
    uint256 epochStart;
    bytes32 acc;
    CampaignTerms terms;
}

/// @notice How far a bundle is.
enum BundleStage {
    Unknown,
    /// To be opened.
    Committed,
    /// Receipts are waited for.
    Opened,
    /// Under review; then challenges are opened.
    Review,
    /// What nobody challenged was paid.
    Settled,
    /// Not opened, or without receipts, in time.
    Void
}

/// @notice A bundle of samples.
/// @param since Time of its stage: of the commitment, of the opening, or of the receipts for good.
/// @param blockNumber Block of its commitment.
/// @param opened Number in the sequence of its opening, 0 before.
/// @param shown Number in the sequence from which its content is public: that of the receipts.
/// @param root Its commitment until it is opened, then its root.
/// @param contentDigest SHA-256 of its file; 0 where the samples stand in the chain.
/// @param challenged Samples against which a challenge was opened.
struct BundleView {
    bytes32 campaign;
    address contributor;
    BundleStage stage;
    uint256 count;
    uint256 challenged;
    uint256 since;
    uint256 blockNumber;
    uint256 opened;
    uint256 shown;
    bytes32 root;
    bytes32 contentDigest;
}

/// @notice Ground of a challenge.
enum Ground {
    /// An arbiter's to judge.
    Judged,
    /// The sample does not fit the schema.
    Schema,
    /// It is a copy.
    Duplicate
}

/// @notice How far a challenge is.
enum ChallengeStage {
    Unknown,
    Committed,
    /// Opened against a sample that is not decided, or whose decision has not moved this stake yet.
    Opened,
    /// Its stake went back.
    Released,
    /// Its stake is lost.
    Lost
}

/// @notice A challenge.
/// @param since Time of its commitment.
/// @param digest Its commitment until it is opened, then the Keccak-256 of the corrected sample, 0 if it has none.
/// @param bundle Bundle of the sample that it is about; 0 before it is opened.
/// @param index Place of the sample in it.
struct ChallengeView {
    bytes32 campaign;
    address challenger;
    ChallengeStage stage;
    Ground ground;
    uint256 since;
    bytes32 digest;
    uint256 bundle;
    uint256 index;
}

/// @notice What was decided.
enum Outcome {
    None,
    /// It counts.
    Accepted,
    /// It does not.
    Bad,
    /// A copy of what its contributor could not know: it does not count.
    Void,
    /// It does not, but its correction does.
    Corrected
}

/// @notice How far a sample is against which a challenge was opened.
enum DisputeStage {
    Unknown,
    /// A challenge was opened; proofs, the contributor's answer or a case are waited for.
    Challenged,
    /// Before the jury.
    Case,
    Settled
}

/// @notice A sample against which a challenge was opened.
/// @param outcome Decision, once it is settled.
/// @param upheld Whether an arbiter found it good: the stakes of those that challenged without proof are the contributor's.
/// @param bad Earliest challenge that proved it BAD, 0 if none did.
/// @param void_ Earliest challenge that proved it a copy of what was hidden, 0 if none did.
/// @param judged Earliest challenge without a proof, 0 if there is none.
/// @param challengers How many challenges without a proof there are.
/// @param caseId Its case before the jury, 0 if there is none.
/// @param appellant Who appealed.
/// @param pot What is held for jurors of both rounds.
struct DisputeView {
    DisputeStage stage;
    Outcome outcome;
    bool upheld;
    uint256 bad;
    uint256 void_;
    uint256 judged;
    uint256 challengers;
    uint256 caseId;
    address appellant;
    uint256 pot;
}

/// @notice A decision in a campaign's log.
/// @param bundle The bundle, 0 for the initial data.
/// @param index Place of the sample, or `ALL_SAMPLES`: all of the bundle that nobody challenged.
/// @param count Samples that it is about.
/// @param root Root of the bundle.
/// @param correction Keccak-256 of the corrected sample, 0 but for `Corrected`.
struct Decision {
    uint256 bundle;
    uint256 index;
    Outcome outcome;
    uint256 count;
    bytes32 root;
    bytes32 correction;
}

/// @dev Stands for all samples of a bundle.
uint32 constant ALL_SAMPLES = type(uint32).max;
