// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {ClaimOrder, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";
import {HookToken} from "./support/Tokens.sol";

/// @title A token that calls the market in the midst of every transfer
/// @dev The token is model owner of its task and account of its owners, so that nothing is refused for want of a right.
contract MarketReentrancyTest is Scene {
    uint128 private constant DEPOSIT = 3 ether;
    uint256 private constant OWNERS = 6;

    HookToken private _token;
    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _token = new HookToken();
        modelOwner = address(_token);
        TaskTerms memory t = stubTerms();
        (t.token, t.deposit) = (modelOwner, DEPOSIT);
        (t.permissioned, t.basePay, t.bonusPay) = (false, 0, PAY); // the same pay, and nobody need be admitted
        _task = createTask(t);
        _token.mint(modelOwner, 1000 ether);
        vm.prank(modelOwner);
        _token.approve(MARKET, type(uint256).max);
        for (uint256 index = 0; index < OWNERS; ++index) {
            _register(index);
        }
        vm.prank(modelOwner);
        market.fund(_task, 100 ether, noPermit());
        openRound(_task, OWNERS);
        accept(_task, 0, 0, OWNERS - 1);
        // Owner 5 may exit, the others claim.
        vm.prank(modelOwner);
        market.resign(_task, OWNERS - 1);
        close(_task, 0);
        market.claim(_task, 1, hex"0005");
        elapse(8 days);
    }

    function test_reentrant_moneyMovesOnceWhateverTheHookCalls() external {
        bytes[] memory calls = _calls();
        for (uint256 outer = 0; outer < calls.length; ++outer) {
            if (!_movesTokens(outer)) continue;
            for (uint256 inner = 0; inner < calls.length; ++inner) {
                uint256 state = vm.snapshotState();
                _check(calls[outer], calls[inner], _isGuarded(inner));
                vm.revertToState(state);
            }
        }
    }

    /// @dev After an outer call with an inner one, what the market holds covers what it owes.
    function _check(bytes memory outer, bytes memory inner, bool guarded) private {
        _token.arm(MARKET, inner);
        vm.prank(modelOwner);
        (bool ok,) = MARKET.call(outer);
        isTrue(ok, "the outer call failed");
        isTrue(_token.calls() > 0, "the hook was called");
        if (guarded) {
            isTrue(_token.refused(), "an inner call that moves money");
            isTrue(_token.answer() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "for that reason");
        }
        _token.arm(address(0), "");
        equal(_token.balanceOf(MARKET), _liabilities(), "covered, to the unit");
    }

    /// @dev Everything that the market owes in this task's token, by walking.
    function _liabilities() private view returns (uint256 sum) {
        sum = market.task(_task).balance + market.task(_task).reserved;
        if (market.round(_task, 0).finalized) sum += market.round(_task, 0).spent;
        for (uint256 index = 0; index < market.task(_task).ownerCount; ++index) {
            if (!market.ownerAt(_task, index).exited) sum += DEPOSIT;
            bool accepted = market.consumed(_task, 0, 0) >> index & 1 != 0;
            if (accepted && market.ownerAt(_task, index).nextClaim > 0) sum -= PAY; // was paid, or credited
        }
        sum += market.owed(modelOwner, modelOwner);
    }

    /// @dev Calls of every entry point that would succeed now, those that move tokens first.
    function _calls() private view returns (bytes[] memory calls) {
        calls = new bytes[](13);
        calls[0] = abi.encodeCall(IMarket.fund, (_task, 1 ether, noPermit()));
        calls[1] = abi.encodeCall(IMarket.withdraw, (_task, 1 ether, modelOwner));
        calls[2] = abi.encodeCall(IMarket.claim, (_task, 1, hex"00000001"));
        calls[3] = _order();
        calls[4] = abi.encodeCall(IMarket.exit, (_task, OWNERS - 1));
        calls[5] = _registration(7);
        calls[6] = abi.encodeCall(IMarket.finalizeRound, (_task, 0));
        calls[7] = abi.encodeCall(IMarket.openRound, (_task, MODEL, OWNERS));
        calls[8] = abi.encodeCall(IMarket.resign, (_task, 0));
        calls[9] = abi.encodeCall(IMarket.setAccount, (_task, 2, modelOwner));
        calls[10] = abi.encodeCall(IMarket.setCoordinator, (_task, address(2)));
        calls[11] = abi.encodeCall(IMarket.transferTask, (_task, address(1)));
        calls[12] = abi.encodeCall(IMarket.collect, (modelOwner, modelOwner, modelOwner));
    }

    /// @dev Whether a call moves tokens; there is no credit to collect.
    function _movesTokens(uint256 which) private pure returns (bool) {
        return which < 6;
    }

    function _isGuarded(uint256 which) private pure returns (bool) {
        return which < 6 || which == 12;
    }

    function _order() private view returns (bytes memory) {
        ClaimOrder[] memory orders = new ClaimOrder[](1);
        orders[0] = ClaimOrder(_task, 2, 0, 1, modelOwner, PAY, type(uint256).max);
        uint256[] memory tips = new uint256[](1);
        tips[0] = PAY / 2;
        return abi.encodeCall(IMarket.claimTo, (orders, tips, new bytes[](1)));
    }

    function _register(uint256 index) private {
        bytes memory call = _registration(index);
        vm.prank(modelOwner);
        (bool ok,) = MARKET.call(call);
        isTrue(ok, "registered");
    }

    /// @dev The token registers an owner whose key consents.
    function _registration(uint256 index) private view returns (bytes memory) {
        bytes32 kind = keccak256("Registration(uint256 taskId,bytes32 termsHash,address account)");
        bytes32 structHash = keccak256(abi.encode(kind, _task, market.task(_task).termsHash, modelOwner));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain(), structHash));
        bytes memory consent = sign(ownerKey(index), digest);
        return abi.encodeCall(IMarket.register, (_task, ownerAddress(index), consent, noPermit()));
    }
}
