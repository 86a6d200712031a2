// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {OwnerView, TaskTerms} from "../src/types/Types.sol";
import {Refusing} from "./support/Recipients.sol";
import {Scene} from "./support/Scene.sol";

/// @title How owners leave, and when their deposits come back
contract LeavingTest is Scene {
    uint128 private constant DEPOSIT = 3 ether;
    uint256 private constant OWNERS = 8;
    bytes private constant EVERYBODY = hex"00000001000200030004000500060007";

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        TaskTerms memory t = stubTerms();
        (t.deposit, t.capacity) = (DEPOSIT, uint16(OWNERS));
        _task = createTask(t);
        enrol(_task, 0, OWNERS);
        fund(_task, 100 ether);
    }

    function test_resign_fromTheNextRoundOn() external {
        _open();
        vm.prank(ownerAddress(2));
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OwnerLeaving(_task, 2, 1);
        market.resign(_task, 2);
        OwnerView memory state = market.ownerAt(_task, 2);
        isTrue(state.leaving && !state.exited, "leaving");
        equal(state.leavesAt, 1, "from the next round on");
        equal(market.task(_task).activeOwners, OWNERS, "its place is not free yet");
        accept(_task, 0, 2, 2); // it is still in the round that is open
        market.claim(_task, 1, hex"0002");
        equal(ownerAddress(2).balance, PAY, "paid");
        _refused(2, ownerAddress(2), abi.encodeWithSelector(IMarket.AlreadyLeaving.selector, _task, 2));
    }

    function test_resign_byOthers() external {
        address owner = ownerAddress(2);
        bytes memory reason = abi.encodeWithSelector(IMarket.NotTheAccount.selector, _task, 2, owner);
        _refused(2, modelOwner, reason);
        _refused(2, address(this), reason);
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnerUnknown.selector, _task, OWNERS));
        market.resign(_task, OWNERS);
        vm.prank(owner);
        market.setAccount(_task, 2, address(0xACC));
        _refused(2, owner, abi.encodeWithSelector(IMarket.NotTheAccount.selector, _task, 2, address(0xACC)));
        vm.prank(address(0xACC));
        market.resign(_task, 2);
    }

    function test_exit_returnsTheDeposit() external {
        _open();
        accept(_task, 0, 0, 4);
        _resign(2);
        close(_task, 0);
        _early(2); // its pay is not claimed
        market.claim(_task, 1, hex"0002");
        _early(2);
        elapse(7 days - 1);
        _early(2);
        elapse(1);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OwnerExited(_task, 2, DEPOSIT);
        market.exit(_task, 2); // by anybody
        equal(ownerAddress(2).balance, PAY + DEPOSIT, "pay and deposit");
        equal(market.task(_task).activeOwners, OWNERS - 1, "a place is free");
        equal(MARKET.balance, 100 ether - PAY + (OWNERS - 1) * DEPOSIT, "the others' deposits stay");
        isTrue(market.ownerAt(_task, 2).exited, "has left");
        _early(2); // once
        enrol(_task, ownerAddress(OWNERS));
    }

    function test_exit_withoutLeaving() external {
        _open();
        close(_task, 0);
        market.claim(_task, 1, EVERYBODY);
        elapse(365 days);
        _early(2);
    }

    /// @dev Nobody gets out while a batch with its gradient may still be accepted, locked as it is by a quorum.
    function test_exit_whileALockedBatchIsPending() external {
        _open();
        bytes memory locked = abi.encodeCall(IMarket.acceptBatch, (batchOf(_task, 0, 0, 3)));
        _resign(2);
        vm.warp(market.round(_task, 0).settleDeadline);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, _task, 1));
        market.claim(_task, 1, hex"0002");
        _early(2);
        (bool ok,) = MARKET.call(locked);
        isTrue(ok, "the batch was refused");
        market.claim(_task, 1, hex"0002");
        equal(ownerAddress(2).balance, PAY, "paid");
        _early(2);
    }

    /// @dev Two rounds are open, both before it leaves.
    function test_exit_withTwoRoundsOpen() external {
        _open();
        accept(_task, 0, 0, 2);
        elapse(WINDOW);
        _open();
        _resign(2);
        close(_task, 0);
        accept(_task, 1, 2, 2);
        market.claim(_task, 2, hex"0002");
        equal(ownerAddress(2).balance, PAY, "paid for the second");
        vm.warp(market.round(_task, 1).settleDeadline + 7 days);
        _early(2);
        elapse(1);
        market.exit(_task, 2);
    }

    /// @dev Also before the first round: otherwise one deposit would buy all indices, one after the other.
    function test_exit_beforeTheFirstRound() external {
        _resign(5);
        elapse(EXIT_DELAY);
        _early(5);
        elapse(1 hours + 1);
        market.exit(_task, 5);
        equal(ownerAddress(5).balance, DEPOSIT, "deposit");
    }

    function test_exit_accountRefuses() external {
        Refusing account = new Refusing();
        vm.prank(ownerAddress(5));
        market.setAccount(_task, 5, address(account));
        vm.prank(address(account));
        market.resign(_task, 5);
        elapse(EXIT_WAIT);
        market.exit(_task, 5);
        equal(market.owed(address(0), address(account)), DEPOSIT, "credited");
        vm.prank(address(account));
        market.collect(address(0), address(account), address(0xF00));
        equal(address(0xF00).balance, DEPOSIT, "collected elsewhere");
    }

    /// @dev A key that left stays out; so what it signed before is worth nothing under another index.
    function test_register_againAfterExit() external {
        _resign(5);
        elapse(EXIT_WAIT);
        market.exit(_task, 5);
        address owner = ownerAddress(5);
        vm.deal(owner, DEPOSIT);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyRegistered.selector, _task, owner));
        market.register{value: DEPOSIT}(_task, owner, "", noPermit());
    }

    /// @dev A place that is asked for but never used is free again after `lapseRounds` rounds.
    function test_lapse_dormant() external {
        _settled(3, 4);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OwnerLeaving(_task, 6, 3);
        market.lapse(_task, 6);
        for (uint256 index = 0; index < 4; ++index) {
            _notDormant(index); // was accepted each time
        }
        market.claim(_task, 3, hex"0006");
        elapse(EXIT_WAIT);
        market.exit(_task, 6);
        equal(ownerAddress(6).balance, DEPOSIT, "its deposit is its own");
        vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyLeaving.selector, _task, 6));
        market.lapse(_task, 6);
    }

    function test_lapse_tooEarly() external {
        _settled(2, 4);
        _notDormant(6);
        _open();
        accept(_task, 2, 0, 4);
        _notDormant(6); // the third round is still open
        accept(_task, 2, 6, 2);
        close(_task, 2);
        _notDormant(6); // accepted in the last of the three
        market.lapse(_task, 5);
    }

    /// @dev Where the coordinator delivered nothing, nobody is to blame for being in no batch.
    function test_lapse_coordinatorDeliveredNothing() external {
        _settled(2, 4);
        _open();
        close(_task, 2);
        market.finalizeRound(_task, 2);
        _notDormant(6);
        _open();
        accept(_task, 3, 0, 4);
        close(_task, 3);
        _notDormant(6); // two rounds since with a batch, of three
    }

    function test_lapse_registeredSince() external {
        _resign(7);
        elapse(EXIT_WAIT);
        market.exit(_task, 7);
        _settled(2, 4);
        enrol(_task, ownerAddress(8));
        _open();
        accept(_task, 2, 0, 4);
        close(_task, 2);
        _notDormant(8);
    }

    /// @dev The client's limit (`_LAPSE` in commons/chain/owners.py, beside what every small call may take) is enough for the
    /// longest span that terms may name, with nothing of the market looked at before.
    function test_lapse_ofTheMostRounds() external {
        TaskTerms memory t = stubTerms();
        t.lapseRounds = 64;
        _task = createTask(t);
        enrol(_task, 0, OWNERS);
        fund(_task, 10_000 ether);
        _settled(64, 4);
        vm.cool(MARKET);
        uint256 before = gasleft();
        market.lapse(_task, 6);
        isTrue(before - gasleft() < 64 * 8000, "within what the client allows for the rounds alone");
    }

    function test_lapse_noSuchTerm() external {
        TaskTerms memory t = stubTerms();
        t.lapseRounds = 0;
        _task = createTask(t);
        enrol(_task, 0, OWNERS);
        fund(_task, 100 ether);
        _settled(5, 4);
        _notDormant(6);
    }

    function _open() private {
        openRound(_task, OWNERS);
    }

    /// @dev Rounds in which the first owners are accepted, closed and finalised.
    function _settled(uint256 rounds, uint256 accepted) private {
        for (uint256 number = 0; number < rounds; ++number) {
            _open();
            accept(_task, number, 0, accepted);
            close(_task, number);
            market.finalizeRound(_task, number);
        }
    }

    function _resign(uint256 index) private {
        vm.prank(ownerAddress(index));
        market.resign(_task, index);
    }

    function _early(uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.ExitTooEarly.selector, _task, index));
        market.exit(_task, index);
    }

    function _notDormant(uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotDormant.selector, _task, index));
        market.lapse(_task, index);
    }

    function _refused(uint256 index, address caller, bytes memory reason) private {
        vm.prank(caller);
        vm.expectRevert(reason);
        market.resign(_task, index);
    }
}
