// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Check} from "./support/Check.sol";
import {PerceptronHandler} from "./support/PerceptronHandler.sol";

/// @title Whoever calls what, in whatever order: a model is what the log of its campaign makes of it
contract PerceptronModelInvariantTest is Check {
    PerceptronHandler private _handler;

    function setUp() external {
        _handler = new PerceptronHandler();
        _handler.doPair(1);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_modelFollowsTheLog() external view {
        isTrue(_handler.followsTheLog(), "weights");
        equal(_handler.wrong(), 0, "samples that were not next");
    }

    /// @dev The handler reaches every call, and every end of a sample.
    function test_handler_reachesEveryCall() external {
        for (uint256 i = 0; i < 160; ++i) {
            uint256 luck = uint256(keccak256(abi.encode(i)));
            (bool ok,) = address(_handler).call(_drawn(i % 8 == 0 ? 0 : 1 + luck % 6, luck >> 8));
            ok; // whatever comes of it
            isTrue(_handler.followsTheLog(), "weights");
        }
        string[11] memory calls =
            ["1", "2", "3", "4", "5", "train", "several", "refused", "advance", "report", "passOver"];
        for (uint256 i = 0; i < calls.length; ++i) {
            isTrue(_handler.count(calls[i]) != 0, calls[i]);
        }
        equal(_handler.wrong(), 0, "samples that were not next");
    }

    function _drawn(uint256 which, uint256 luck) private pure returns (bytes memory) {
        if (which == 0) return abi.encodeCall(PerceptronHandler.doPair, (luck));
        if (which == 1) return abi.encodeCall(PerceptronHandler.doTrain, (luck));
        if (which == 2) return abi.encodeCall(PerceptronHandler.doWrong, (luck, luck >> 8 & 1 == 0));
        if (which == 3) return abi.encodeCall(PerceptronHandler.doAdvance, (luck));
        if (which == 4) return abi.encodeCall(PerceptronHandler.doReport, ());
        if (which == 5) return abi.encodeCall(PerceptronHandler.doPassOver, (luck % 2 == 0));
        return abi.encodeCall(PerceptronHandler.doWrong, (luck, true));
    }
}
