// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Scene} from "./support/Scene.sol";
import {MarketHandler} from "./support/MarketHandler.sol";

/// @title What holds of the market after any calls of anybody
/// @dev A run is `depth` calls (foundry.toml), and everything is checked after each. By default they are few, for every
/// change; the profile `deep` draws many times more. Faults in the sources that these have to notice are in
/// script/mutants.json.
contract EscrowInvariantTest is Scene {
    MarketHandler private _handler;

    function setUp() external {
        _handler = new MarketHandler();
        market = IMarket(MARKET);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 128
    function invariant_escrow_paysAllItOwes() external view {
        _solvent();
        _counted();
        _pausesBounded();
    }

    /// @dev Every unit is free, reserved, somebody's pay, fee, deposit or credit: the market can pay all it owes, and
    /// nothing is lost but what is rounded down. Who were paid twice would be paid from what is another's.
    function _solvent() private view {
        (uint256 owed, uint256 dust) = _handler.liabilities(address(0));
        _within(MARKET.balance, owed, dust);
        address token = address(_handler.token());
        (owed, dust) = _handler.liabilities(token);
        _within(_handler.token().balanceOf(MARKET), owed, dust);
    }

    /// @dev Rounds spend no more than they reserve and seat no more than they have seats for; owners are counted.
    function _counted() private view {
        for (uint256 which = 0; which < _handler.taskCount(); ++which) {
            isTrue(_handler.isCounted(_handler.taskAt(which)), "a task's numbers");
        }
    }

    /// @dev All pauses together took at most a quarter of the time, and one pause more.
    function _pausesBounded() private view {
        uint256 taskId = _handler.taskAt(0);
        uint256 stopped = market.round(taskId, 0).settleDeadline - (START + 2 * _handler.WINDOWS());
        isTrue(stopped <= 7 days * ((vm.getBlockTimestamp() - START) / 28 days + 1), "paused for too long");
    }

    function _within(uint256 held, uint256 owed, uint256 dust) private pure {
        isTrue(held >= owed, "the market owes more than it has");
        isTrue(held <= owed + dust, "the market has more than it knows of");
    }
}

/// @title The handler reaches what the invariants are about
/// @dev Invariants hold of nothing if every call is refused.
contract EscrowHandlerTest is Scene {
    uint256 private constant CALLS = 572;

    function test_handler_everyCallSucceedsSometimes() external {
        MarketHandler handler = new MarketHandler();
        bytes4[22] memory calls = [
            handler.fundTask.selector,
            handler.withdraw.selector,
            handler.open.selector,
            handler.accept.selector,
            handler.finalize.selector,
            handler.claim.selector,
            handler.claimTo.selector,
            handler.reclaim.selector,
            handler.collect.selector,
            handler.register.selector,
            handler.setAccount.selector,
            handler.resign.selector,
            handler.lapse.selector,
            handler.exit.selector,
            handler.settleFees.selector,
            handler.challenge.selector,
            handler.refundFees.selector,
            handler.postSubmission.selector,
            handler.excludeOwner.selector,
            handler.pause.selector,
            handler.handOver.selector,
            handler.pass.selector
        ];
        for (uint256 i = 0; i < CALLS; ++i) {
            this.send(address(handler), calls[i % calls.length], i);
        }
        for (uint256 i = 0; i < calls.length; ++i) {
            isTrue(handler.done(calls[i]) > 1, string.concat("never succeeds: ", decimal(i)));
        }
    }

    /// @dev A call with arguments of chance; in a call of its own, whose memory is free afterwards.
    function send(address handler, bytes4 selector, uint256 seed) external {
        bytes memory call = bytes.concat(selector);
        for (uint256 i = 0; i < 5; ++i) {
            call = bytes.concat(call, keccak256(abi.encode(seed, i)));
        }
        (bool ok,) = handler.call(call);
        ok; // many are refused
    }
}
