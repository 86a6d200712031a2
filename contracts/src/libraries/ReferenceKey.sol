// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {VerifyingKey} from "../types/Proofs.sol";
import {BN254} from "./BN254.sol";
import {PolicyKey} from "./PolicyKey.sol";

/// @title What makes a verifying key of the circuit `reference` valid
/// @dev `PolicyKey` is left as it is for keys of 4 inputs: what it is compiled to is in the addresses of their verifiers.
library ReferenceKey {
    uint256 private constant INPUTS = 7;
    /// @dev Of which `PolicyKey` checks so many.
    uint256 private constant CHECKED = 4;

    /// @notice Refuses keys under which proofs mean nothing; with `PolicyKey.KeyInvalid`.
    function check(VerifyingKey memory key) internal view {
        uint256[2][] memory inputs = key.inputs;
        if (inputs.length != INPUTS) revert PolicyKey.KeyInvalid();
        bytes memory pairs;
        for (uint256 i = CHECKED; i < INPUTS; ++i) {
            if (inputs[i][0] | inputs[i][1] == 0) revert PolicyKey.KeyInvalid();
            pairs = abi.encodePacked(pairs, inputs[i], key.gamma);
        }
        key.inputs = new uint256[2][](CHECKED);
        for (uint256 i = 0; i < CHECKED; ++i) {
            key.inputs[i] = inputs[i];
        }
        PolicyKey.check(key); // gamma as well
        key.inputs = inputs;
        _requirePoints(pairs);
    }

    /// @dev The points are paired only for the precompile to check that they are on their curves.
    function _requirePoints(bytes memory pairs) private view {
        uint256 slots;
        assembly ("memory-safe") {
            slots := add(pairs, 0x20)
        }
        (bool valid,) = BN254.pairing(slots, INPUTS - CHECKED);
        if (!valid) revert PolicyKey.KeyInvalid();
    }
}
