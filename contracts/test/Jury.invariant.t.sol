// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PoolTerms, SlotView} from "../src/data/types/Juries.sol";
import {Check} from "./support/Check.sol";
import {JuryScene} from "./support/JuryScene.sol";
import {Token} from "./support/Tokens.sol";

/// @title Random but sensible calls of the jury, in a pool of ether and one of a token
contract JuryHandler is JuryScene {
    uint256 private constant ACCOUNTS = 4;
    PoolTerms[2] private _terms;
    uint256 public slots;
    uint256 public cases;
    uint256[2] public paidIn;
    uint256[2] public paidOut;

    constructor() {
        stageJury();
        _terms[0] = PoolTerms(address(0), UNIT, SEAT_PAY, 3, 1);
        _terms[1] = PoolTerms(address(new Token()), 7, 1, 3, 1);
    }

    function doJoin(uint256 which, uint256 account, uint256 count) external {
        which %= 2;
        count = 1 + count % 4;
        slots = join(jurorAt(account % ACCOUNTS), _terms[which], count) + count - 1;
        paidIn[which] += count * _terms[which].unit;
    }

    function doResign(uint256 slot) external {
        slot = 1 + slot % slots;
        address juror = jury.slotOf(slot).juror;
        vm.prank(juror);
        jury.resign(slot);
    }

    function doWithdraw(uint256 slot) external {
        jury.withdraw(1 + slot % slots);
    }

    function doOpen(uint256 which) external {
        cases = jury.open(_terms[which % 2], windows());
    }

    function doDraw(uint256 which, bytes32 hash) external {
        uint256 head = jury.poolOf(_terms[which % 2]).head;
        drawBy(head, hash);
    }

    /// @dev Seats vote at random, some not at all; now and then the appeal follows.
    function doDecide(uint256 number, uint256 votes) external {
        uint256 caseId = 1 + number % cases;
        uint256 size = jury.caseOf(caseId).round == 0 ? 3 : 7;
        bytes memory ballots = new bytes(size);
        bytes4 letters = "gbb-";
        for (uint256 i = 0; i < size; ++i) {
            ballots[i] = letters[(votes >> 2 * i) & 3];
        }
        decide(caseId, string(ballots));
    }

    function doAppeal(uint256 number) external {
        jury.appeal(1 + number % cases);
    }

    function doRelease(uint256 number, uint256 round, uint256 seat) external {
        jury.release(1 + number % cases, round % 2, seat % 7);
    }

    function doCollect(uint256 which, uint256 account) external {
        address taken = account % 5 == 4 ? NOBODY : jurorAt(account % 5);
        paidOut[which % 2] += jury.collect(_terms[which % 2].token, taken, taken);
    }

    function pass(uint256 time) external {
        elapse(time % 1 days);
        vm.roll(block.number + 1 + time % 20);
    }

    /// @dev Everything that the jury owes in a token.
    function due(uint256 which) external view returns (uint256 sum) {
        (uint256 staked,) = _count(which);
        sum = staked * _terms[which].unit + jury.owed(_terms[which].token, NOBODY);
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            sum += jury.owed(_terms[which].token, jurorAt(i));
        }
    }

    function held(uint256 which) external view returns (uint256) {
        return which == 0 ? address(jury).balance : Token(_terms[1].token).balanceOf(address(jury));
    }

    /// @dev Slots that should be on the list, and that are.
    function listed(uint256 which) external view returns (uint256 expected, uint256 size) {
        (, expected) = _count(which);
        size = jury.poolOf(_terms[which]).size;
    }

    function _count(uint256 which) private view returns (uint256 staked, uint256 drawable) {
        uint256 id = jury.poolOf(_terms[which]).id;
        for (uint256 i = 1; i <= slots; ++i) {
            SlotView memory slot = jury.slotOf(i);
            if (slot.juror == address(0) || slot.pool != id) continue;
            ++staked;
            if (!slot.seated && slot.leavesAt == 0) ++drawable;
        }
    }
}

/// @title What holds of the jury's money and lists after any calls
contract JuryInvariantTest is Check {
    JuryHandler private _handler;

    function setUp() external {
        _handler = new JuryHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev The handler reaches what follows a draw: its calls are not all refused.
    function test_the_handler_gets_to_the_end_of_cases() external {
        for (uint256 i = 0; i < 6; ++i) {
            _handler.doJoin(0, i, 3);
        }
        _handler.doOpen(0);
        _handler.doDraw(0, keccak256("first"));
        _handler.doDecide(0, 0);
        _handler.doAppeal(0);
        _handler.doDraw(0, keccak256("second"));
        _handler.doDecide(0, 0x3fff);
        _handler.doRelease(0, 0, 0);
        _handler.doRelease(0, 1, 0);
        _handler.doResign(0);
        _handler.pass(1 days - 1);
        _handler.pass(1 days - 1);
        _handler.doWithdraw(0);
        _handler.doCollect(0, 0);
        _handler.doCollect(0, 4);
        this.invariant_everyUnitIsSomebodys();
    }

    function invariant_everyUnitIsSomebodys() external view {
        for (uint256 which = 0; which < 2; ++which) {
            equal(_handler.held(which), _handler.due(which), "held");
            equal(_handler.held(which), _handler.paidIn(which) - _handler.paidOut(which), "nothing made or lost");
            (uint256 expected, uint256 size) = _handler.listed(which);
            equal(size, expected, "the list has who may be drawn, and no holes");
        }
    }
}
