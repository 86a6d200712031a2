// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Pay of many rounds and many owners, each gradient once
contract ClaimsTest is Scene {
    uint256 private constant OWNERS = 6;
    bytes private constant EVERYBODY = hex"000000010002000300040005";

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _stage(stubTerms());
    }

    function test_claim_manyOwnersAndRounds() external {
        _round(0, 4); // owners 0..3
        _round(2, 4); // owners 2..5
        _round(0, 2);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OwnerPaid(_task, 0, ownerAddress(0), 0, 3, 2 * PAY, 0);
        equal(market.claim(_task, 3, EVERYBODY), 10 * PAY, "paid");
        uint256[6] memory due = [uint256(2), 2, 2, 2, 1, 1];
        for (uint256 index = 0; index < OWNERS; ++index) {
            equal(ownerAddress(index).balance, due[index] * PAY, "owner");
            equal(market.ownerAt(_task, index).nextClaim, 3, "next");
        }
        equal(MARKET.balance, 90 * PAY, "the rest");
        _nothing(3, EVERYBODY);
    }

    function test_claim_inAnyOrder() external {
        _round(0, 6);
        _round(0, 6);
        market.claim(_task, 1, hex"000500000005"); // one of them twice
        equal(ownerAddress(5).balance, PAY, "once");
        market.claim(_task, 2, hex"00030005");
        equal(ownerAddress(5).balance, 2 * PAY, "the second round");
        equal(ownerAddress(3).balance, 2 * PAY, "both at once");
        market.claim(_task, type(uint256).max, EVERYBODY);
        for (uint256 index = 0; index < OWNERS; ++index) {
            equal(ownerAddress(index).balance, 2 * PAY, "both rounds");
        }
        _nothing(type(uint256).max, EVERYBODY);
        equal(MARKET.balance, 88 * PAY, "nothing more");
    }

    /// @dev Anybody may push; the pay is the owner's.
    function test_claim_byStranger() external {
        _round(0, 2);
        vm.prank(address(0xBAD));
        market.claim(_task, 1, hex"0001");
        equal(ownerAddress(1).balance, PAY, "owner");
        equal(address(0xBAD).balance, 0, "caller");
    }

    function test_claim_notAccepted() external {
        _round(0, 2);
        equal(market.claim(_task, 1, hex"00020000"), PAY, "only who was in it");
        equal(ownerAddress(2).balance, 0, "another");
        equal(market.ownerAt(_task, 2).nextClaim, 1, "passed over: the round is closed");
    }

    /// @dev An owner that is in no batch yet may be in one until the deadline: its pointer waits.
    function test_claim_openRoundIsNotPassed() external {
        _open();
        accept(_task, 0, 0, 2);
        equal(market.claim(_task, 1, hex"000000020001"), 2 * PAY, "paid at once");
        equal(market.ownerAt(_task, 2).nextClaim, 0, "waits");
        _nothing(1, hex"0002");
        accept(_task, 0, 2, 3);
        equal(market.claim(_task, 1, hex"0002"), PAY, "paid all the same");
        close(_task, 0);
        equal(market.claim(_task, 1, hex"0005"), 0, "passed now");
        equal(market.ownerAt(_task, 5).nextClaim, 1, "next");
        equal(market.claim(_task, 1, hex"0003"), PAY, "later");
    }

    /// @dev Rounds overlap: what is earned in the later one waits for the earlier, and is not lost.
    function test_claim_earlierRoundStillOpen() external {
        _open();
        accept(_task, 0, 0, 2);
        _open();
        accept(_task, 1, 2, 2);
        _nothing(2, hex"0002");
        accept(_task, 0, 2, 2);
        equal(market.claim(_task, 2, hex"00020003"), 4 * PAY, "both");
    }

    function test_claim_roundsBeforeRegistration() external {
        _round(0, 2);
        _round(0, 2);
        enrol(_task, OWNERS, OWNERS + 1);
        _open();
        accept(_task, 2, OWNERS - 1, 2);
        equal(market.claim(_task, 3, hex"0006"), PAY, "one round");
    }

    function test_claim_afterFinalizeAndWithdrawal() external {
        _round(0, 3);
        market.finalizeRound(_task, 0);
        uint256 free = market.task(_task).balance;
        vm.prank(modelOwner);
        market.withdraw(_task, free, modelOwner);
        equal(market.claim(_task, 1, EVERYBODY), 3 * PAY, "the rest is theirs");
        equal(MARKET.balance, 0, "nothing is left");
    }

    function test_claim_ownersOfSeveralWords() external {
        TaskTerms memory t = stubTerms();
        _task = createTask(t);
        enrol(_task, 0, 260);
        fund(_task, 260 * PAY);
        openRound(_task, 260);
        accept(_task, 0, 254, 4);
        equal(market.claim(_task, 1, hex"00fe00ff01000101"), 4 * PAY, "on both sides");
        _nothing(1, hex"00fd0102"); // their neighbours
    }

    function test_claim_invalid() external {
        _round(0, 2);
        vm.expectRevert(abi.encodeWithSelector(IMarket.IndicesInvalid.selector, 3, 1));
        market.claim(_task, 1, hex"000000");
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnerUnknown.selector, _task, OWNERS));
        market.claim(_task, 1, hex"0006");
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 1));
        market.claim(1, 1, hex"0000");
        _nothing(0, EVERYBODY);
        _nothing(1, "");
    }

    function test_claimable_isWhatClaimPays() external {
        _round(0, 4);
        _round(2, 4);
        _open();
        for (uint256 index = 0; index < OWNERS; ++index) {
            for (uint256 through = 0; through < 5; ++through) {
                (uint256 amount, uint256 next) = market.claimable(_task, index, through);
                uint256 state = vm.snapshotState();
                if (next != 0) equal(market.claim(_task, through, abi.encodePacked(uint16(index))), amount, "amount");
                equal(market.ownerAt(_task, index).nextClaim, next, "next");
                vm.revertToState(state);
            }
        }
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnerUnknown.selector, _task, OWNERS));
        market.claimable(_task, OWNERS, 1);
    }

    /// @dev Any sequence of claims pays what one claim of all would.
    function testFuzz_claim_sequence(uint256 seed) external {
        for (uint256 number = 0; number < 4; ++number) {
            _round((seed >> 8 * number) % 3, 2 + (seed >> 8 * number + 4) % 3);
        }
        uint256 state = vm.snapshotState();
        uint256 whole = market.claim(_task, 4, EVERYBODY);
        uint256[] memory balances = new uint256[](OWNERS);
        for (uint256 index = 0; index < OWNERS; ++index) {
            balances[index] = ownerAddress(index).balance;
        }
        vm.revertToState(state);
        uint256 paid = 0;
        for (uint256 i = 0; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            bytes memory call =
                abi.encodeCall(IMarket.claim, (_task, seed % 6, abi.encodePacked(uint16((seed >> 8) % OWNERS))));
            (bool ok, bytes memory answer) = MARKET.call(call);
            if (ok) paid += abi.decode(answer, (uint256));
        }
        if (paid < whole) paid += market.claim(_task, 4, EVERYBODY);
        equal(paid, whole, "in all");
        for (uint256 index = 0; index < OWNERS; ++index) {
            equal(ownerAddress(index).balance, balances[index], "each");
        }
    }

    /// @dev Pay is kept for its owners for half a year, and then the model owner's again: but what was claimed is not.
    function test_reclaim_afterTheClaimWindow() external {
        _round(0, 4);
        market.claim(_task, 1, hex"0001");
        market.finalizeRound(_task, 0);
        uint256 free = market.task(_task).balance;
        vm.warp(market.round(_task, 0).settleDeadline + 180 days);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ClaimsNotExpired.selector, _task, 0));
        market.reclaim(_task, 1, EVERYBODY);
        market.claim(_task, 1, hex"0002"); // in the last second
        elapse(1);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.PayReclaimed(_task, 0, 0, 1, PAY);
        equal(market.reclaim(_task, 1, EVERYBODY), 2 * PAY, "what nobody claimed");
        equal(market.task(_task).balance, free + 2 * PAY, "balance");
        _nothing(1, EVERYBODY);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, _task, 1));
        market.reclaim(_task, 1, EVERYBODY);
    }

    function test_reclaim_laterRoundsStay() external {
        _round(0, 4);
        elapse(10 days);
        _round(0, 4);
        vm.warp(market.round(_task, 0).settleDeadline + 180 days + 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ClaimsNotExpired.selector, _task, 1));
        market.reclaim(_task, 2, EVERYBODY);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ClaimsNotExpired.selector, _task, 1));
        market.reclaim(_task, type(uint256).max, EVERYBODY);
        equal(market.reclaim(_task, 1, EVERYBODY), 4 * PAY, "the first round");
        equal(market.claim(_task, 2, EVERYBODY), 4 * PAY, "the second");
    }

    function test_reclaim_invalid() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, _task, 0));
        market.reclaim(_task, 1, EVERYBODY);
        _round(0, 2);
        elapse(365 days);
        vm.expectRevert(abi.encodeWithSelector(IMarket.IndicesInvalid.selector, 1, 0));
        market.reclaim(_task, 1, hex"00");
    }

    function _stage(TaskTerms memory with) private {
        _task = createTask(with);
        enrol(_task, 0, OWNERS);
        fund(_task, 100 * PAY);
    }

    function _open() private {
        openRound(_task, 8);
    }

    /// @dev A round that is closed, with one batch.
    function _round(uint256 first, uint256 count) private {
        _open();
        uint256 number = market.task(_task).roundsOpened - 1;
        accept(_task, number, first, count);
        close(_task, number);
    }

    function _nothing(uint256 through, bytes memory indices) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, _task, through));
        market.claim(_task, through, indices);
    }
}
