// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {IModelAccounts} from "../src/models/interfaces/IModelAccounts.sol";
import {SwapKeys} from "../src/models/libraries/SwapKeys.sol";
import {Check} from "./support/Check.sol";

/// @title Keys of swaps, apart from the contracts that keep points which no such key has
contract SwapKeysTest is Check {
    function requireKey(uint256 key, uint256 x, uint256 y) external view {
        SwapKeys.requireKey(key, x, y);
    }

    function requirePoint(uint256 x, uint256 y) external pure {
        SwapKeys.requirePoint(x, y);
    }

    /// @dev 0 and r are logarithms of infinity, which the precompile writes (0, 0); r + 1 is one of the generator.
    function test_requireKey_oneFormEach() external {
        _refused(0, 0, 0);
        _refused(BN254.R, 0, 0);
        _refused(BN254.R + 1, BN254.G1_X, BN254.G1_Y);
        _refused(1, BN254.G1_X, BN254.P - BN254.G1_Y);
        this.requireKey(1, BN254.G1_X, BN254.G1_Y);
        this.requireKey(BN254.R - 1, BN254.G1_X, BN254.P - BN254.G1_Y);
    }

    function test_requirePoint_infinityAndOthers() external {
        uint256[2][4] memory none = [
            [uint256(0), 0],
            [BN254.G1_X, BN254.G1_Y + 1],
            [BN254.G1_X + BN254.P, BN254.G1_Y],
            [BN254.G1_X, BN254.G1_Y + BN254.P]
        ];
        for (uint256 i = 0; i < none.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IModelAccounts.KeyPointInvalid.selector, none[i][0], none[i][1]));
            this.requirePoint(none[i][0], none[i][1]);
        }
        this.requirePoint(BN254.G1_X, BN254.G1_Y);
    }

    function _refused(uint256 key, uint256 x, uint256 y) private {
        vm.expectRevert(abi.encodeWithSelector(IModelAccounts.KeyMismatch.selector, key));
        this.requireKey(key, x, y);
    }
}
