// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Check} from "./support/Check.sol";
import {ImprovementHandler} from "./support/ImprovementHandler.sol";

/// @title What holds of the money of budgets after any calls
contract ImprovementPayInvariantTest is Check {
    ImprovementHandler private _handler;

    function setUp() external {
        _handler = new ImprovementHandler();
        for (uint256 i = 0; i < 3; ++i) {
            _handler.doOpen(i, i, 90, 2 hours);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_everyUnitIsSomebodys() external view {
        for (uint256 kind = 0; kind < 2; ++kind) {
            equal(_handler.held(kind), _handler.liabilities(kind), "held");
            equal(_handler.held(kind), _handler.moved(kind), "nothing made or lost");
        }
    }

    function invariant_partsArePaidOnce_withinTheBudget() external view {
        isTrue(_handler.paysHold(), "parts");
    }

    /// @dev The handler reaches every call.
    function test_handler_reachesEveryCall() external {
        for (uint256 i = 0; i < 400; ++i) {
            uint256 luck = uint256(keccak256(abi.encode(i)));
            (bool ok,) = address(_handler).call(_drawn(luck % 6, luck >> 8));
            ok; // whatever comes of it
        }
        string[5] memory calls = ["open", "sign", "claim", "giveBack", "collect"];
        for (uint256 i = 0; i < calls.length; ++i) {
            isTrue(_handler.count(calls[i]) > 5, calls[i]);
        }
        isTrue(_handler.paysHold(), "parts");
        for (uint256 kind = 0; kind < 2; ++kind) {
            equal(_handler.held(kind), _handler.liabilities(kind), "held");
        }
    }

    function _drawn(uint256 which, uint256 luck) private pure returns (bytes memory) {
        if (which == 0) return abi.encodeCall(ImprovementHandler.doOpen, (luck, luck >> 8, luck >> 16, luck >> 32));
        if (which == 1) return abi.encodeCall(ImprovementHandler.doSign, (luck, luck >> 8));
        if (which == 2) return abi.encodeCall(ImprovementHandler.doGiveBack, (luck, luck >> 8));
        if (which == 3) return abi.encodeCall(ImprovementHandler.doCollect, (luck, luck >> 8));
        return abi.encodeCall(ImprovementHandler.doClaim, (luck, luck >> 8));
    }
}
