// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Check} from "./support/Check.sol";
import {DataHandler} from "./support/DataHandler.sol";

/// @title What holds of the money of campaigns after any calls
/// @dev Longer sequences than by default, so that samples come to their ends.
/// forge-config: default.invariant.depth = 192
/// forge-config: default.invariant.shrink-run-limit = 300
contract DataCampaignsInvariantTest is Check {
    DataHandler private _handler;
    uint256 private _done;

    function setUp() external {
        _handler = new DataHandler();
        for (uint256 i = 0; i < 4; ++i) {
            _handler.doCommit(i, i, 2, i / 2);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_everyUnitIsSomebodys() external {
        for (uint256 kind = 0; kind < 2; ++kind) {
            equal(_handler.held(kind), _handler.liabilities(kind), "held");
            equal(_handler.held(kind), _handler.paidIn(kind) - _handler.paidOut(kind), "nothing made or lost");
        }
    }

    function invariant_countsHold() external view {
        isTrue(_handler.countsHold(0) && _handler.countsHold(1), "held are the accepted and the pending");
    }

    /// @dev The handler reaches every call.
    function test_handler_reachesEveryEnd() external {
        for (uint256 i = 0; i < 1000; ++i) {
            uint256 luck = uint256(keccak256(abi.encode(i)));
            _draw(luck % 10, luck >> 8, luck >> 16, luck >> 24, luck >> 32);
        }
        string[16] memory calls = [
            "commit",
            "void",
            "review",
            "settleBundle",
            "judged",
            "duplicate",
            "concede",
            "case",
            "appeal",
            "verdict",
            "ownerVerdict",
            "settleSample",
            "release",
            "burn",
            "fee",
            "collect"
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            isTrue(_handler.count(calls[i]) != 0, calls[i]);
        }
        isTrue(_done > 300, "calls that were none");
        for (uint256 kind = 0; kind < 2; ++kind) {
            equal(_handler.held(kind), _handler.liabilities(kind), "held");
        }
    }

    function _draw(uint256 which, uint256 a, uint256 b, uint256 c, uint256 d) private {
        bytes memory call = which == 0
            ? abi.encodeCall(DataHandler.doCommit, (a, b, c, d))
            : which == 1 || which == 2
                ? abi.encodeCall(DataHandler.doBundle, (a, b))
                : which == 3
                    ? abi.encodeCall(DataHandler.doChallenge, (a, b, c, d))
                    : which == 4
                        ? abi.encodeCall(DataHandler.doReveal, (a))
                        : which == 5 || which == 6
                            ? abi.encodeCall(DataHandler.doSample, (a, b))
                            : which == 7
                                ? abi.encodeCall(DataHandler.doStake, (a))
                                : which == 8
                                    ? abi.encodeCall(DataHandler.doFee, (a, b, c))
                                    : abi.encodeCall(DataHandler.doCollect, (a, b));
        (bool ok,) = address(_handler).call(call);
        _done += ok ? 1 : 0;
    }
}
