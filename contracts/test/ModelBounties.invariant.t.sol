// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Forfeit} from "../src/libraries/Forfeit.sol";
import {BountyStage, BountyView, Entry, EntryStatus} from "../src/models/types/Bounties.sol";
import {Attestation} from "../src/types/Types.sol";
import {BountyScene} from "./support/BountyScene.sol";
import {Check} from "./support/Check.sol";
import {Token} from "./support/Tokens.sol";

/// @title Random but sensible calls of bounties by everyone, in ether and in tokens by turns
contract BountiesHandler is BountyScene {
    bytes32[] private _bounties;
    address[2] private _tokens;
    uint256[2] public paidIn;
    uint256[2] public paidOut;

    constructor() {
        stageBounties();
        _tokens[1] = address(new Token());
    }

    /// @dev Two bounties at a time.
    function doOpen() external {
        if (_going() == 2) return;
        uint256 kind = _bounties.length % 2;
        token = _tokens[kind];
        _bounties.push(open());
        paidIn[kind] += ESCROW;
    }

    /// @dev What comes next for a bounty, in time; or, rarely, what comes of missing it.
    function doNext(uint256 which, uint256 luck) external {
        _choose(which, BountyStage.Opened, BountyStage.Locked);
        BountyStage stage = view_().stage;
        if (luck % 8 == 0 && _canBeLate(stage)) _late();
        else if (stage == BountyStage.Opened) _draw(true);
        else if (stage == BountyStage.TrainingDrawn) showTraining();
        else if (stage == BountyStage.Entering) _closeAfter(luck);
        else if (stage == BountyStage.Closed) _draw(false);
        else if (stage == BountyStage.TestsDrawn) showTests();
        else if (stage == BountyStage.Proving) _settleAfter(luck);
        else if (stage == BountyStage.Selling) _lock(luck);
        else if (stage == BountyStage.Locked) bounties.reveal(bounty, SWAP_KEY);
    }

    function doEnter(uint256 which, uint256 account) external {
        _choose(which, BountyStage.Entering, BountyStage.Entering);
        uint256 first = view_().entries; // one after the other; the last of all comes too late
        for (uint256 i = first; i <= first + account % 2; ++i) {
            enter(i);
            paidIn[token == address(0) ? 0 : 1] += STAKE;
        }
    }

    function doStepDown(uint256 which, uint256 entry) external {
        _choose(which, BountyStage.Selling, BountyStage.Locked);
        uint256 count = view_().entries;
        entry %= count;
        for (uint256 i = 0; i < count && !_mayLeave(entry); ++i) {
            entry = (entry + 1) % count;
        }
        address account = bounties.entryAt(bounty, entry).seller;
        vm.prank(account);
        bounties.stepDown(bounty, entry);
    }

    function doCollect(uint256 kind, uint256 account) external {
        kind %= 2;
        address taken = _account(account % 7);
        paidOut[kind] += bounties.collect(_tokens[kind], taken, taken);
    }

    function held(uint256 kind) external view returns (uint256) {
        return kind == 0 ? address(bounties).balance : Token(_tokens[1]).balanceOf(address(bounties));
    }

    function credits(uint256 kind) external view returns (uint256 sum) {
        for (uint256 i = 0; i < 7; ++i) {
            sum += bounties.owed(_tokens[kind], _account(i));
        }
    }

    /// @dev What bounties hold that have not ended, by what they show.
    function liabilities(uint256 kind) external view returns (uint256 sum) {
        for (uint256 i = kind; i < _bounties.length; i += 2) {
            BountyView memory state = bounties.bountyOf(_bounties[i]);
            for (uint256 entry = 0; entry < state.entries; ++entry) {
                EntryStatus status = bounties.entryAt(_bounties[i], entry).status;
                if (status == EntryStatus.Entered || status == EntryStatus.Candidate) sum += STAKE;
            }
            if (state.stage > BountyStage.Locked) continue;
            sum += PRIZE;
            if (state.stage < BountyStage.Proving) sum += uint256(ENTRANTS) * X;
        }
    }

    /// @dev While one wins, none that may still win has more right answers, and of those that came before none as many.
    function theBestWins() external view returns (bool) {
        for (uint256 i = 0; i < _bounties.length; ++i) {
            BountyView memory state = bounties.bountyOf(_bounties[i]);
            if (state.stage != BountyStage.Selling && state.stage != BountyStage.Locked) continue;
            Entry memory winner = bounties.entryAt(_bounties[i], state.winner);
            if (winner.status != EntryStatus.Candidate || winner.correct < THRESHOLD) return false;
            for (uint256 entry = 0; entry < state.entries; ++entry) {
                Entry memory other = bounties.entryAt(_bounties[i], entry);
                if (other.status != EntryStatus.Candidate || entry == state.winner) continue;
                if (other.correct > winner.correct) return false;
                if (other.correct == winner.correct && entry < state.winner) return false;
            }
        }
        return true;
    }

    /// @dev After an end no entry waits for anything.
    function endsAreEnds() external view returns (bool) {
        for (uint256 i = 0; i < _bounties.length; ++i) {
            BountyView memory state = bounties.bountyOf(_bounties[i]);
            for (uint256 entry = 0; entry < state.entries && state.stage > BountyStage.Locked; ++entry) {
                EntryStatus status = bounties.entryAt(_bounties[i], entry).status;
                if (status == EntryStatus.Entered || status == EntryStatus.Candidate) return false;
            }
        }
        return true;
    }

    function _account(uint256 i) private pure returns (address) {
        return i < 5 ? entrantOf(i) : i == 5 ? OWNER : Forfeit.NOBODY;
    }

    /// @dev Goes on with a bounty in one of some stages.
    function _choose(uint256 first, BountyStage from, BountyStage to) private {
        for (uint256 i = 0; i < _bounties.length; ++i) {
            uint256 which = (first % _bounties.length + i) % _bounties.length;
            (bounty, token) = (_bounties[which], _tokens[which % 2]);
            if (view_().stage >= from && view_().stage <= to) return;
        }
        revert("no such bounty");
    }

    function _mayLeave(uint256 entry) private view returns (bool) {
        return entry != view_().winner && bounties.entryAt(bounty, entry).status == EntryStatus.Candidate;
    }

    function _going() private view returns (uint256 count) {
        for (uint256 i = 0; i < _bounties.length; ++i) {
            if (bounties.bountyOf(_bounties[i]).stage <= BountyStage.Locked) ++count;
        }
    }

    function _draw(bool training) private {
        pin();
        if (training) bounties.drawTraining(bounty, firstSeed());
        else bounties.drawTests(bounty, secondSeed());
    }

    function _closeAfter(uint256 luck) private {
        if (luck % 4 != 0) return; // more may enter
        _pass();
        bounties.closeEntries(bounty);
    }

    /// @dev Some prove, more or less.
    function _settleAfter(uint256 luck) private {
        for (uint256 entry = 0; entry < view_().entries; ++entry) {
            uint256 drawn = uint256(keccak256(abi.encode(luck, entry)));
            if (drawn % 8 != 0) models.prove(bounties.entryAt(bounty, entry).listing, 48 + (drawn >> 8) % 8);
        }
        _pass();
        bounties.settle(bounty);
    }

    function _lock(uint256 luck) private {
        bytes32 listing = bounties.entryAt(bounty, view_().winner).listing;
        address account = bounties.entryAt(bounty, view_().winner).seller;
        (uint256 x, uint256 y) = pointOf(SWAP_KEY);
        if (luck % 2 == 0) {
            Attestation[] memory receipts = quorumOf(offerReceiptDigest(listing, x, y, SEALED));
            vm.prank(account);
            bounties.lockByReceipts(bounty, x, y, SEALED, receipts);
            return;
        }
        bytes memory signature = sign(_keyOf(account), bountyOfferDigest(listing, x, y, SEALED));
        vm.prank(OWNER);
        bounties.lockOffer(bounty, x, y, SEALED, signature);
    }

    function _keyOf(address account) private pure returns (uint256) {
        for (uint256 i = 0; i < 5; ++i) {
            if (entrantOf(i) == account) return entrantKey(i);
        }
        revert("no entrant");
    }

    function _canBeLate(BountyStage stage) private pure returns (bool) {
        return stage < BountyStage.Entering || _awaitsOwner(stage) || stage == BountyStage.Selling
            || stage == BountyStage.Locked;
    }

    function _late() private {
        _pass();
        BountyStage stage = view_().stage;
        if (stage < BountyStage.Entering) bounties.cancel(bounty);
        else if (_awaitsOwner(stage)) bounties.withheld(bounty);
        else bounties.passOver(bounty);
    }

    function _awaitsOwner(BountyStage stage) private pure returns (bool) {
        return stage == BountyStage.Closed || stage == BountyStage.TestsDrawn;
    }

    function _pass() private {
        if (vm.getBlockTimestamp() <= view_().deadline) vm.warp(view_().deadline + 1);
    }
}

/// @title What holds of the money of bounties after any calls
/// @dev Longer sequences than by default, so that bounties come to their ends.
/// forge-config: default.invariant.depth = 192
/// forge-config: default.invariant.shrink-run-limit = 300
contract ModelBountiesInvariantTest is Check {
    BountiesHandler private _handler;

    function setUp() external {
        _handler = new BountiesHandler();
        _handler.doOpen();
        _handler.doOpen();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_everyUnitIsSomebodys() external view {
        for (uint256 kind = 0; kind < 2; ++kind) {
            equal(_handler.held(kind), _handler.liabilities(kind) + _handler.credits(kind), "held");
            equal(_handler.held(kind), _handler.paidIn(kind) - _handler.paidOut(kind), "nothing made or lost");
        }
    }

    function invariant_theBestWins() external view {
        isTrue(_handler.theBestWins(), "the best of those that are left, the earliest of several");
    }

    function invariant_endsAreEnds() external view {
        isTrue(_handler.endsAreEnds(), "nobody's bond is left behind");
    }
}
