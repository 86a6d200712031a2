// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RoundState, TaskState} from "../types/State.sol";

/// @title What a round spends, and on whom
library Pay {
    uint256 internal constant LEVEL_BITS = 2;
    uint256 private constant LEVEL_MASK = 3;

    /// @notice Amount that a gradient costs the model owner: pay and fees.
    function perGradient(TaskState storage state) internal view returns (uint256) {
        return uint256(state.basePay) + state.bonusPay + state.coordinatorGradientFee + uint256(state.provers)
            * state.proverGradientFee;
    }

    /// @notice Amount that a batch costs the model owner beside its gradients.
    function perBatch(TaskState storage state) internal view returns (uint256) {
        return uint256(state.coordinatorBatchFee) + uint256(state.provers) * state.proverBatchFee;
    }

    /// @notice What the payee of a batch gets.
    function coordinatorFee(TaskState storage state, uint256 owners) internal view returns (uint256) {
        return state.coordinatorBatchFee + owners * state.coordinatorGradientFee;
    }

    /// @notice What each prover of a batch gets.
    function proverFee(TaskState storage state, uint256 owners) internal view returns (uint256) {
        return state.proverBatchFee + owners * state.proverGradientFee;
    }

    /// @notice Most that a round of so many seats can spend: as every batch has `minOwners` gradients of its own, there are no
    /// more than `seats / minOwners` batches.
    function reserve(TaskState storage state, uint256 seats) internal view returns (uint256) {
        // slither-disable-next-line divide-before-multiply
        return seats * perGradient(state) + (seats / state.minOwners) * perBatch(state);
    }

    /// @notice What the round's accepted batches cost.
    function spent(TaskState storage state, RoundState storage round) internal view returns (uint256) {
        return uint256(round.owners) * perGradient(state) + uint256(round.batches) * perBatch(state);
    }

    /// @notice Market time in the middle of a round's settle window, after which a coordinator that has not delivered may be
    /// replaced, and whoever relays has its fee.
    function halfway(TaskState storage state, RoundState storage round) internal view returns (uint256) {
        return uint256(round.settleDeadline) - state.settleWindow / 2;
    }

    /// @notice Pay of one accepted gradient of a round.
    /// @dev All bonuses together are `gradients * bonus` whatever the levels are, so a model owner saves nothing by a reference
    /// under which everybody looks useless, and nobody's share falls below base + bonus * level / 3, whoever else takes
    /// part. A batch in which nobody has a weight gives everybody level 1 at least (`Grading`), so that levels are all 0 only in
    /// rounds without any. Shares are of the round and not of a batch: who is put together with whom changes nobody's pay.
    /// Rounding down leaves less than `gradients` units a round in the market.
    /// @param gradients Accepted gradients of the round.
    /// @param levels Sum of their levels.
    /// @param level This gradient's level, 0 to 3.
    function share(uint256 base, uint256 bonus, uint256 gradients, uint256 levels, uint256 level)
        internal
        pure
        returns (uint256)
    {
        if (levels == 0) return base + bonus;
        return base + bonus * gradients * level / levels;
    }

    /// @notice Level in a slot of packed levels.
    function levelAt(uint256 packed, uint256 slot) internal pure returns (uint256) {
        return packed >> LEVEL_BITS * slot & LEVEL_MASK;
    }
}
