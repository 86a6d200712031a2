// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../../libraries/BN254.sol";
import {PolicyKey} from "../../libraries/PolicyKey.sol";
import {VerifyingKey} from "../../types/Proofs.sol";

/// @title What makes a verifying key of the circuits about models valid
/// @dev `PolicyKey` is left as it is for keys of 4 inputs: what it is compiled to is in the addresses of their verifiers.
library ModelKey {
    /// @dev Of the inputs, `PolicyKey` checks so many.
    uint256 private constant CHECKED = 4;

    /// @notice Refuses keys under which proofs mean nothing; with `PolicyKey.KeyInvalid`.
    /// @param inputs Points that a key of the circuit has.
    /// @param capacity Most that its capacity may be.
    function check(VerifyingKey memory key, uint256 inputs, uint256 capacity) internal view {
        uint256[2][] memory all = key.inputs;
        if (all.length != inputs || key.capacity > capacity) revert PolicyKey.KeyInvalid();
        // With gamma = 1 the public inputs are paired with what everything else is; other keys are not made.
        if (!PolicyKey.isGenerator(key.gamma)) revert PolicyKey.KeyInvalid();
        key.inputs = new uint256[2][](CHECKED);
        for (uint256 i = 0; i < CHECKED; ++i) {
            key.inputs[i] = i < inputs ? all[i] : [BN254.G1_X, BN254.G1_Y];
        }
        PolicyKey.check(key);
        key.inputs = all;
        if (inputs > CHECKED) _checkRest(key);
    }

    /// @dev The points are paired only for the precompile to check that they are on their curve.
    function _checkRest(VerifyingKey memory key) private view {
        uint256[2][] memory inputs = key.inputs;
        bytes memory pairs;
        for (uint256 i = CHECKED; i < inputs.length; ++i) {
            if (inputs[i][0] | inputs[i][1] == 0) revert PolicyKey.KeyInvalid();
            pairs = abi.encodePacked(pairs, inputs[i], key.gamma);
        }
        uint256 slots;
        assembly ("memory-safe") {
            slots := add(pairs, 0x20)
        }
        (bool valid,) = BN254.pairing(slots, inputs.length - CHECKED);
        if (!valid) revert PolicyKey.KeyInvalid();
    }
}
