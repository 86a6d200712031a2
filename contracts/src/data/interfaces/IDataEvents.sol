// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CampaignTerms, Ground, Outcome} from "../types/Campaigns.sol";
import {SampleSchema} from "../types/Samples.sol";

/// @title Events of campaigns
interface IDataEvents {
    /// @notice A campaign was opened.
    event CampaignOpened(
        bytes32 indexed campaign, address indexed owner, uint256 nonce, CampaignTerms terms, SampleSchema schema
    );
    /// @notice Escrow was added; `free` is what is not locked now.
    event CampaignFunded(bytes32 indexed campaign, address indexed from, uint256 amount, uint256 free);
    /// @notice A campaign takes no more commitments.
    event CampaignClosed(bytes32 indexed campaign);
    /// @notice Free escrow of a closed campaign was credited to its owner.
    event CampaignWithdrawn(bytes32 indexed campaign, uint256 amount);
    /// @notice A bundle was committed to; `bundle` is its number in the sequence of all.
    event BundleCommitted(
        bytes32 indexed campaign, uint256 indexed bundle, address indexed contributor, uint256 count, bytes32 commitment
    );
    /// @notice A bundle was opened; receipts are taken until `deadline`.
    event BundleOpened(uint256 indexed bundle, bytes32 root, bytes32 contentDigest, uint256 opened, uint256 deadline);
    /// @notice Samples of a bundle were opened in the chain.
    event BundleInline(uint256 indexed bundle, bytes32 root, bytes[] samples);
    /// @notice Review of a bundle began; `shown` is the sequence's number from which it is public. Challenges are taken until
    /// `reviewDeadline`, and opened until `revealDeadline`.
    event ReviewStarted(
        uint256 indexed bundle, uint256 shown, uint256 members, uint256 reviewDeadline, uint256 revealDeadline
    );
    /// @notice A bundle ended without review; `opened` if for want of receipts.
    event BundleVoided(uint256 indexed bundle, bool opened);
    /// @notice Somebody challenges something; `challenge` is its number in the sequence of all.
    event ChallengeCommitted(
        bytes32 indexed campaign, uint256 indexed challenge, address indexed challenger, bytes32 commitment
    );
    /// @notice A challenge was opened against a sample; `outcome` is what it proves, None without a proof.
    event ChallengeOpened(
        uint256 indexed challenge,
        uint256 indexed bundle,
        uint256 indexed index,
        Ground ground,
        Outcome outcome,
        bytes correction
    );
    /// @notice A challenge was not opened in time: its stake was burnt.
    event ChallengeBurnt(uint256 indexed challenge);
    /// @notice The stake of a challenge went back.
    event StakeReleased(uint256 indexed challenge);
    /// @notice The contributor conceded that its sample is bad.
    event Conceded(uint256 indexed bundle, uint256 indexed index);
    /// @notice A case about a sample was opened before the jury.
    event CaseOpened(uint256 indexed bundle, uint256 indexed index, uint256 caseId);
    /// @notice The model was asked about a sample; what it cannot answer counts as no agreement.
    event ModelAsked(uint256 indexed bundle, uint256 indexed index, bool agrees);
    /// @notice Somebody appealed, and paid the fee of the second jury.
    event Appealed(uint256 indexed bundle, uint256 indexed index, address indexed appellant, uint256 fee);
    /// @notice A sample was decided; `winner` is the challenge that is paid, 0 if none is.
    event SampleSettled(uint256 indexed bundle, uint256 indexed index, Outcome outcome, bool upheld, uint256 winner);
    /// @notice All samples of a bundle were paid that nobody challenged.
    event BundleSettled(uint256 indexed bundle, uint256 accepted);
    /// @notice A decision was appended to a campaign's log, whose hash is now
    /// acc = keccak256(abi.encode(acc before, bundle, index, outcome, count, root, correction)).
    event Decided(
        bytes32 indexed campaign,
        uint256 indexed position,
        uint256 indexed bundle,
        uint256 index,
        Outcome outcome,
        uint256 count,
        bytes32 root,
        bytes32 correction,
        bytes32 acc
    );
    /// @notice An epoch was closed: the first `decisions` of the log, whose hash is `acc`.
    event EpochClosed(bytes32 indexed campaign, uint256 indexed epoch, bytes32 acc, uint256 decisions);
    /// @notice A juror's fee was paid, or burnt where the seat's vote was another than the verdict.
    event JurorFee(
        uint256 indexed caseId, uint256 round, uint256 seat, address indexed juror, uint256 amount, bool burnt
    );
}
