// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../interfaces/ICommitteeRegistry.sol";
import {IVerifierFactory} from "../../interfaces/IVerifierFactory.sol";
import {Funds} from "../../libraries/Funds.sol";
import {IModelBounties} from "../interfaces/IModelBounties.sol";
import {BountyTerms} from "../types/Bounties.sol";

/// @title Checks of the terms of a bounty
/// @dev Linked: `ModelBounties` would not fit in 24,576 bytes with it.
library BountyChecks {
    uint256 private constant MAX_GROUPS = 64;
    uint256 private constant MAX_ENTRANTS = 64;
    uint256 private constant MIN_DELAY = 2;
    /// @dev The chain knows the hashes of 256 blocks.
    uint256 private constant MAX_DELAY = 200;
    uint256 private constant MAX_WINDOW = 90 days;
    uint256 private constant MAX_FEATURE = 32_767;
    /// @dev Of one group, as the registry takes it.
    uint256 private constant MAX_SAMPLES = 1 << 20;
    uint256 private constant ACCURACY = 0;

    /// @notice Requires that all terms are in range.
    function check(
        BountyTerms calldata with,
        uint256 minimumWindow,
        IVerifierFactory factory,
        ICommitteeRegistry committees
    ) external view {
        _require(factory.familyOf(with.verifier) == ACCURACY, "verifier");
        _require(with.token == address(0) || Funds.isToken(with.token), "token");
        (,,, bool ready) = committees.shape(with.committeeId);
        _require(ready, "committeeId");
        _require(_within(with.maxEntrants, 1, MAX_ENTRANTS), "maxEntrants");
        _require(_within(with.totalGroups, 2, MAX_GROUPS), "totalGroups");
        _require(_within(with.trainingGroups, 1, with.totalGroups), "trainingGroups");
        _require(_within(with.testGroups, 1, with.totalGroups - with.trainingGroups), "testGroups");
        _require(with.threshold <= with.testGroups * MAX_SAMPLES, "threshold");
        _require(_within(with.delay, MIN_DELAY, MAX_DELAY), "delay");
        _require(_within(with.featureBound, 1, MAX_FEATURE), "featureBound");
        _require(with.prize != 0, "prize");
        _require(with.bond != 0, "bond");
        _require(with.compensation != 0, "compensation");
        _require(with.commitment != 0, "commitment");
        _require(with.seedCommitment != 0, "seedCommitment");
        _checkWindows(with, minimumWindow);
    }

    function _checkWindows(BountyTerms calldata with, uint256 least) private pure {
        _require(_within(with.revealWindow, least, MAX_WINDOW), "revealWindow");
        _require(_within(with.entryWindow, least, MAX_WINDOW), "entryWindow");
        _require(_within(with.proveWindow, least, MAX_WINDOW), "proveWindow");
        _require(_within(with.offerWindow, least, MAX_WINDOW), "offerWindow");
        _require(_within(with.keyWindow, least, MAX_WINDOW), "keyWindow");
    }

    function _within(uint256 value, uint256 least, uint256 most) private pure returns (bool) {
        return value >= least && value <= most;
    }

    function _require(bool holds, string memory term) private pure {
        if (!holds) revert IModelBounties.BountyTermsInvalid(term);
    }
}
