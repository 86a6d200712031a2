// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {OwnerView, RoundView, TaskTerms} from "../../src/types/Types.sol";
import {Scene} from "../support/Scene.sol";

/// @title Attacks on data owners: on their pay, their seats, their deposits and their place in the task
contract OwnersAttackTest is Scene {
    uint128 private constant DEPOSIT = 1 ether;
    /// @dev Of secp256k1.
    uint256 private constant CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function setUp() external {
        deploy("norm_3");
    }

    /// @dev With two rounds open, the earlier one still takes submissions and has seats for who comes now. Whoever is
    /// accepted in it is owed its pay.
    function test_attack_ownerOfTheEarlierOfTwoOpenRoundsIsNeverPaid() external {
        uint256 taskId = stageTask(stubTerms(), 4);
        accept(taskId, 0, 0, 2);
        fund(taskId, SEATS * PAY);
        openRound(taskId);
        enrol(taskId, 4, 6);
        accept(taskId, 0, 4, 2);
        accept(taskId, 1, 4, 2);
        market.claim(taskId, 2, hex"00040005");
        equal(ownerAddress(4).balance, 2 * PAY, "paid for both rounds");
        equal(ownerAddress(5).balance, 2 * PAY, "paid for both rounds");
    }

    /// @dev The same, of the escrow's side: all that the rounds spent has an owner who can claim it.
    function test_attack_payOfTheEarlierOfTwoOpenRoundsIsLockedForever() external {
        uint256 taskId = stageTask(stubTerms(), 4);
        accept(taskId, 0, 0, 2);
        fund(taskId, SEATS * PAY);
        openRound(taskId);
        enrol(taskId, 4, 6);
        accept(taskId, 0, 4, 2);
        close(taskId, 1);
        market.finalizeRound(taskId, 0);
        market.finalizeRound(taskId, 1);
        market.claim(taskId, 2, hex"000000010002000300040005");
        equal(MARKET.balance, market.task(taskId).balance, "nothing is left that belongs to nobody");
    }

    /// @dev A newcomer between two rounds missed none: nobody can make it leave for the one that was over when it came.
    function test_attack_newcomerIsMadeToLeaveForARoundBeforeItsTime() external {
        TaskTerms memory with = stubTerms();
        with.lapseRounds = 1;
        uint256 taskId = stageTask(with, 2);
        accept(taskId, 0, 0, 2);
        close(taskId, 0);
        enrol(taskId, 2, 3);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotDormant.selector, taskId, 2));
        market.lapse(taskId, 2);
    }

    /// @dev Nor for a round in which there was no seat for it.
    function test_attack_ownerWithoutASeatIsMadeToLeaveForTheRound() external {
        TaskTerms memory with = stubTerms();
        with.lapseRounds = 1;
        uint256 taskId = createTask(with);
        enrol(taskId, 0, 2);
        fund(taskId, 5 * PAY);
        openRound(taskId, 2);
        enrol(taskId, 2, 3);
        accept(taskId, 0, 0, 2);
        close(taskId, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotDormant.selector, taskId, 2));
        market.lapse(taskId, 2);
        // Of the first round with a seat for it it is dormant, not before.
        openRound(taskId, 2);
        accept(taskId, 1, 0, 2);
        close(taskId, 1);
        market.lapse(taskId, 2);
        isTrue(market.ownerAt(taskId, 2).leaving, "leaves");
    }

    /// @dev Registration indices are given out once. Before the first round a deposit that comes back at once would
    /// buy all 65,536 of them, one after the other.
    function test_attack_oneDepositUsesUpAllIndicesBeforeTheFirstRound() external {
        uint256 taskId = createTask(_openTerms());
        register(taskId, ownerAddress(0), DEPOSIT);
        _resign(taskId, 0);
        _tooEarly(taskId, 0);
        vm.warp(block.timestamp + 7 days - 1);
        _tooEarly(taskId, 0);
        vm.warp(block.timestamp + 1 hours + 1); // the time of leaving is kept in whole hours
        market.exit(taskId, 0);
        equal(ownerAddress(0).balance, DEPOSIT, "the deposit comes back in the end");
    }

    /// @dev The same while a task rests: its last round is over for longer than the delay.
    function test_attack_oneDepositUsesUpAllIndicesWhileTheTaskRests() external {
        TaskTerms memory with = _openTerms();
        uint256 taskId = createTask(with);
        register(taskId, ownerAddress(0), DEPOSIT);
        register(taskId, ownerAddress(1), DEPOSIT);
        openRound(taskId, 3);
        accept(taskId, 0, 0, 2);
        close(taskId, 0);
        vm.warp(block.timestamp + with.exitDelay);
        register(taskId, ownerAddress(2), DEPOSIT);
        _resign(taskId, 2);
        try market.claim(taskId, 1, hex"0002") {} catch {}
        _tooEarly(taskId, 2);
    }

    /// @dev Nobody gets another's owner: not its account, not its deposit, not its leave.
    function test_attack_strangerDisposesOfAnOwner() external {
        uint256 taskId = createTask(_openTerms());
        address signer = ownerAddress(0);
        register(taskId, signer, DEPOSIT);
        bytes memory refusal = abi.encodeWithSelector(IMarket.NotTheAccount.selector, taskId, 0, signer);
        vm.expectRevert(refusal);
        market.setAccount(taskId, 0, address(this));
        vm.expectRevert(refusal);
        market.resign(taskId, 0);
        vm.prank(signer);
        market.setAccount(taskId, 0, address(0xACC));
        // Nor does the key that signs submissions, once there is an account beside it.
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotTheAccount.selector, taskId, 0, address(0xACC)));
        market.setAccount(taskId, 0, signer);
    }

    /// @dev A key's consent is for one account in one task of one market: copied from the chain it registers nobody else.
    function test_attack_consentIsReplayed() external {
        uint256 taskId = createTask(_openTerms());
        uint256 other = createTask(_openTerms());
        (address account, address signer) = (address(0xACC), ownerAddress(0));
        bytes32 digest = TypedData.registration(domain(), taskId, market.task(taskId).termsHash, account);
        bytes memory consent = sign(ownerKey(0), digest);
        _refusedConsent(taskId, address(this), consent); // another account, which saw it in the mempool
        _refusedConsent(other, account, consent);
        _refusedConsent(taskId, account, abi.encodePacked(consent, uint8(0)));
        _refusedConsent(taskId, account, _malleated(ownerKey(0), digest));
        vm.chainId(1);
        _refusedConsent(taskId, account, consent);
        vm.chainId(CHAIN_ID);
        vm.deal(account, DEPOSIT);
        vm.prank(account);
        market.register{value: DEPOSIT}(taskId, signer, consent, noPermit());
        vm.deal(account, DEPOSIT);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyRegistered.selector, taskId, signer));
        market.register{value: DEPOSIT}(taskId, signer, consent, noPermit());
    }

    /// @dev Owners that come and go beside a round leave a seat to each that was there when it was opened.
    function test_attack_newcomersTakeTheSeatsOfOwnersInTheRound() external {
        TaskTerms memory with = stubTerms();
        with.capacity = 6;
        uint256 taskId = createTask(with);
        enrol(taskId, 0, 4);
        fund(taskId, 6 * PAY);
        openRound(taskId, 6);
        enrol(taskId, 4, 6);
        address[] memory late = new address[](1);
        late[0] = ownerAddress(6);
        vm.prank(modelOwner);
        market.admit(taskId, late);
        vm.prank(late[0]);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskFull.selector, taskId));
        market.register(taskId, late[0], "", noPermit());
        accept(taskId, 0, 4, 2); // a batch of newcomers, placed first
        accept(taskId, 0, 0, 4);
        RoundView memory state = market.round(taskId, 0);
        equal(state.owners, 6, "all of them");
        equal(state.spent, 6 * PAY, "all of the reserve");
    }

    /// @dev An owner that left before the first round makes room for another, which finds a seat; nobody has two.
    function test_attack_exitInsideARoundMakesMoreOwnersThanSeats() external {
        TaskTerms memory with = stubTerms();
        (with.capacity, with.submitWindow, with.settleWindow, with.exitDelay) = (3, 8 days, 8 days, 8 days);
        uint256 taskId = createTask(with);
        enrol(taskId, 0, 3);
        _resign(taskId, 2);
        fund(taskId, 3 * PAY);
        openRound(taskId, 3);
        vm.warp(block.timestamp + 8 days + 2 hours);
        market.exit(taskId, 2);
        enrol(taskId, 3, 4);
        equal(market.round(taskId, 0).limit, 3, "the newcomer has no seat");
        accept(taskId, 0, 0, 2);
        equal(market.round(taskId, 0).owners, 2, "who stayed was accepted");
        close(taskId, 0);
        market.finalizeRound(taskId, 0);
        market.claim(taskId, 1, hex"00000001");
        equal(MARKET.balance, market.task(taskId).balance, "the reserve was enough");
    }

    /// @dev Who leaves in a round is paid for it, whatever the order of accepting, claiming and leaving.
    function test_attack_payOfAnOwnerThatLeavesIsLost() external {
        uint256 taskId = stageTask(stubTerms(), 4);
        _resign(taskId, 0);
        accept(taskId, 0, 0, 2);
        close(taskId, 0);
        vm.warp(block.timestamp + 7 days + 2 hours);
        _tooEarly(taskId, 0); // its pay was not claimed
        market.claim(taskId, 1, hex"0000");
        market.exit(taskId, 0);
        equal(ownerAddress(0).balance, PAY, "paid");
        OwnerView memory owner = market.ownerAt(taskId, 0);
        isTrue(owner.exited, "has left");
        _tooEarly(taskId, 0); // not twice
    }

    function _openTerms() private returns (TaskTerms memory with) {
        with = stubTerms();
        (with.permissioned, with.basePay, with.deposit, with.capacity) = (false, 0, DEPOSIT, 3);
    }

    function _resign(uint256 taskId, uint256 index) private {
        vm.prank(ownerAddress(index));
        market.resign(taskId, index);
    }

    function _tooEarly(uint256 taskId, uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.ExitTooEarly.selector, taskId, index));
        market.exit(taskId, index);
    }

    function _refusedConsent(uint256 taskId, address account, bytes memory consent) private {
        address signer = ownerAddress(0);
        vm.deal(account, DEPOSIT);
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ConsentInvalid.selector, signer));
        market.register{value: DEPOSIT}(taskId, signer, consent, noPermit());
    }

    /// @dev The other signature of a key over the same digest, which everybody can compute from the one.
    function _malleated(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, CURVE_ORDER - uint256(s), v == 27 ? uint8(28) : uint8(27));
    }
}
