// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {TaskState} from "../types/State.sol";
import {TaskTerms} from "../types/Types.sol";

/// @title Terms of tasks: their limits and their packing
library Terms {
    uint256 private constant MAX_DIMENSION = 1 << 28;
    uint256 private constant BOUND_LIMIT = 1 << 62;
    uint256 private constant MAX_FRACTION_BITS = 62;
    uint256 private constant MAX_OWNERS_PER_ROUND = 256;
    bytes32 private constant TAG = keccak256("gradroll/v1/terms");

    /// @notice Refuses terms out of range, so that limits of the field and of the circuit never show up in a round.
    function check(TaskTerms calldata terms) internal view {
        _require(terms.committeeId <= type(uint64).max, "committeeId");
        _require(terms.verifier.code.length != 0, "verifier");
        _require(terms.coordinator != address(0), "coordinator");
        _require(terms.dimension != 0 && terms.dimension <= MAX_DIMENSION, "dimension");
        _require(terms.fractionBits <= MAX_FRACTION_BITS, "fractionBits");
        _require(terms.bound != 0 && terms.bound < BOUND_LIMIT, "bound");
        _require(terms.minOwners >= 2, "minOwners");
        _require(terms.minOwners <= IVerifier(terms.verifier).capacity(), "minOwners");
        _require(terms.maxOwnersPerRound >= terms.minOwners, "maxOwnersPerRound");
        _require(terms.maxOwnersPerRound <= MAX_OWNERS_PER_ROUND, "maxOwnersPerRound");
        _require(terms.rounds != 0, "rounds");
        _require(uint256(terms.maxOwnersPerRound) * terms.rewardPerGradient <= type(uint128).max, "rewardPerGradient");
        _require(terms.submitWindow != 0, "submitWindow");
        _require(terms.settleWindow != 0, "settleWindow");
    }

    /// @notice What a signature or a proof for a task binds: its terms, whose they are, and where they hold.
    function hash(bytes32 deployment, uint256 taskId, address modelOwner, TaskTerms calldata terms)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(TAG, deployment, taskId, modelOwner, terms));
    }

    /// @notice Writes checked terms into a fresh task of the caller.
    function store(TaskState storage state, TaskTerms calldata terms) internal {
        state.verifier = terms.verifier;
        state.bound = terms.bound;
        state.dimension = terms.dimension;
        state.rewardPerGradient = terms.rewardPerGradient;
        state.committeeId = uint64(terms.committeeId);
        state.minOwners = terms.minOwners;
        state.maxOwnersPerRound = terms.maxOwnersPerRound;
        state.fractionBits = terms.fractionBits;
        state.permissioned = terms.permissioned;
        state.inlinePayload = terms.inlinePayload;
        state.modelOwner = msg.sender;
        state.rounds = terms.rounds;
        state.coordinator = terms.coordinator;
        state.submitWindow = terms.submitWindow;
        state.settleWindow = terms.settleWindow;
    }

    /// @notice The terms of a task, as they were given.
    function load(TaskState storage state) internal view returns (TaskTerms memory) {
        return TaskTerms({
            committeeId: state.committeeId,
            verifier: state.verifier,
            coordinator: state.coordinator,
            dimension: state.dimension,
            fractionBits: state.fractionBits,
            bound: state.bound,
            minOwners: state.minOwners,
            maxOwnersPerRound: state.maxOwnersPerRound,
            rounds: state.rounds,
            rewardPerGradient: state.rewardPerGradient,
            submitWindow: state.submitWindow,
            settleWindow: state.settleWindow,
            permissioned: state.permissioned,
            inlinePayload: state.inlinePayload
        });
    }

    function _require(bool holds, string memory term) private pure {
        if (!holds) revert IMarket.TermsInvalid(term);
    }
}
