// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../interfaces/ICommitteeRegistry.sol";
import {Funds} from "../../libraries/Funds.sol";
import {IDataErrors} from "../interfaces/IDataErrors.sol";
import {Arbiter, CampaignTerms} from "../types/Campaigns.sol";

/// @title Checks of the terms of a campaign
/// @notice What depends on beliefs, such as how often an arbiter errs, is for clients to check.
library CampaignChecks {
    uint256 internal constant SHARES = 10_000;
    uint256 private constant MAX_SAMPLES = 65_536;
    uint256 private constant MAX_WINDOW = 30 days;
    uint256 private constant MAX_PERIOD = 365 days;
    uint256 private constant MAX_DELAY = 10_000;
    uint256 private constant MAX_JURORS = 15;

    /// @notice Requires that all terms are in range and go together.
    function check(CampaignTerms calldata with, uint256 minimumWindow, ICommitteeRegistry committees) internal view {
        _require(with.token == address(0) || Funds.isToken(with.token), "token");
        (,,, bool ready) = committees.shape(with.committeeId);
        _require(ready, "committeeId");
        _require(with.manifest != 0, "manifest");
        _require(with.initialCount <= MAX_SAMPLES, "initialCount");
        bool some = with.initialCount != 0;
        _require((with.initialRoot != 0) == some, "initialRoot");
        _require((with.initialDigest != 0) == some, "initialDigest");
        _require(with.maxSamples != 0, "maxSamples");
        _require(_within(with.maxBundle, 1, MAX_SAMPLES), "maxBundle");
        _require(with.epochSize != 0, "epochSize");
        _require(_within(with.epochPeriod, minimumWindow, MAX_PERIOD), "epochPeriod");
        _checkMoney(with);
        _checkArbiter(with);
        _checkWindows(with, minimumWindow);
    }

    /// @notice F2, what an appeal costs: each juror gets as much as in the first round.
    function appealFee(CampaignTerms storage with) internal view returns (uint256) {
        return _appealFee(with.fee, with.jurors);
    }

    /// @dev A challenger that is its own contributor gains nothing by a correction (K), and who fails pays for all that it
    /// caused (C).
    function _checkMoney(CampaignTerms calldata with) private pure {
        _require(with.reward != 0, "reward");
        _require(with.deposit > with.fee, "deposit");
        _require(_within(with.burnt, 1, SHARES), "burnt");
        uint256 burnt = (uint256(with.deposit) - with.fee) * with.burnt / SHARES;
        _require(with.correction <= burnt, "correction");
        _require(with.stake >= uint256(with.fee) + with.reward, "stake");
    }

    /// @dev The loser of an appeal pays both fees. To turn a case, more than half of a jury must be ready to lose its stake:
    /// more than all value before it.
    function _checkArbiter(CampaignTerms calldata with) private pure {
        _require((with.model != address(0)) == (with.arbiter == Arbiter.Model), "model");
        if (with.arbiter == Arbiter.Owner) {
            _require(with.jurors == 0, "jurors");
            _require(with.jurorStake == 0, "jurorStake");
            return;
        }
        _require(_within(with.jurors, 3, MAX_JURORS) && with.jurors % 2 == 1, "jurors");
        _require(with.fee >= with.jurors, "fee");
        uint256 both = uint256(with.fee) + _appealFee(with.fee, with.jurors);
        _require(with.stake >= both, "stake");
        _require(with.deposit >= both, "deposit");
        uint256 value = uint256(with.deposit) + with.reward + with.correction + with.stake;
        uint256 majority = with.jurors / 2 + 1;
        _require(with.jurorStake * majority > value, "jurorStake");
    }

    function _checkWindows(CampaignTerms calldata with, uint256 least) private pure {
        _require(_within(with.openDelay, 2, MAX_DELAY), "openDelay");
        _require(_within(with.openWindow, least, MAX_WINDOW), "openWindow");
        _require(_within(with.receiptWindow, least, MAX_WINDOW), "receiptWindow");
        _require(_within(with.reviewWindow, least, MAX_WINDOW), "reviewWindow");
        _require(_within(with.revealWindow, least, MAX_WINDOW), "revealWindow");
        _require(_within(with.answerWindow, least, MAX_WINDOW), "answerWindow");
        _require(_within(with.caseWindow, least, MAX_WINDOW), "caseWindow");
        if (with.arbiter == Arbiter.Owner) {
            _require(with.voteWindow == 0, "voteWindow");
            _require(with.voteRevealWindow == 0, "voteRevealWindow");
            _require(with.appealWindow == 0, "appealWindow");
            return;
        }
        _require(_within(with.voteWindow, least, MAX_WINDOW), "voteWindow");
        _require(_within(with.voteRevealWindow, least, MAX_WINDOW), "voteRevealWindow");
        _require(_within(with.appealWindow, least, MAX_WINDOW), "appealWindow");
        // Jurors join a pool, not a campaign: so long, at most, one campaign may keep them from others' cases.
        _require(uint256(with.voteWindow) + with.voteRevealWindow + with.appealWindow <= MAX_WINDOW, "appealWindow");
    }

    function _appealFee(uint256 fee, uint256 jurors) private pure returns (uint256) {
        return fee * (2 * jurors + 1) / jurors;
    }

    function _within(uint256 value, uint256 least, uint256 most) private pure returns (bool) {
        return value >= least && value <= most;
    }

    function _require(bool holds, string memory term) private pure {
        if (!holds) revert IDataErrors.CampaignTermsInvalid(term);
    }
}
