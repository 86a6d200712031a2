// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BountyTerms, GroupOpening} from "../src/models/types/Bounties.sol";
import {Parent} from "../src/models/types/Listings.sol";
import {Attestation} from "../src/types/Types.sol";
import {ModelMarketScene} from "./support/ModelMarketScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of every call of a bounty of 12 groups, 3 for training and 4 tests, and 3 entries; whole transactions
contract BountyGasTest is ModelMarketScene, Snapshot {
    /// forge-config: default.isolate = true
    function test_bounty_gas() external {
        stageMarket();
        bytes32[] memory hidden = _opened();
        pin();
        _note("pin");
        bounties.drawTraining(bounty, firstSeed());
        _note("drawTraining");
        uint256 state = vm.snapshotState();
        elapse(3 hours);
        bounties.cancel(bounty);
        uint256 cancelled = _used();
        vm.revertToState(state);
        show(hidden, 1);
        _note("revealTraining, 12 groups of which 3 are shown");
        record("cancel", cancelled);
        bytes32[3] memory entered = _enterThree();
        elapse(3 hours + 1);
        bounties.closeEntries(bounty);
        _note("closeEntries");
        pin();
        bounties.drawTests(bounty, secondSeed());
        _note("drawTests");
        state = vm.snapshotState();
        elapse(3 hours);
        bounties.withheld(bounty);
        uint256 kept = _used();
        vm.revertToState(state);
        record("withheld, 3 entries", kept);
        show(hidden, 2);
        _note("revealTests, 12 groups of which 4 are shown");
        _proveAll(entered);
        elapse(4 hours + 1);
        bounties.settle(bounty);
        _note("settle, 3 entries");
        _ends(entered[2]);
        settle("bounties");
    }

    function _opened() private returns (bytes32[] memory hidden) {
        BountyTerms memory with;
        (hidden, with) = hiddenTerms();
        vm.deal(OWNER, ESCROW);
        vm.prank(OWNER);
        bounty = bounties.open{value: ESCROW}(with, 0);
        _note("open");
    }

    function _enterThree() private returns (bytes32[3] memory entered) {
        for (uint256 i = 0; i < 3; ++i) {
            address entrant = entrantOf(i);
            entered[i] = listModel(entrant, view_().set, new Parent[](0));
            vm.deal(entrant, STAKE);
            vm.prank(entrant);
            bounties.enter{value: STAKE}(bounty, entered[i]);
        }
        _note("enter");
    }

    function _proveAll(bytes32[3] memory entered) private {
        GroupOpening[] memory tests = hiddenOpenings(view_().tests);
        for (uint256 group = 0; group < TESTS; ++group) {
            for (uint256 i = 0; i < 3; ++i) {
                proveGroup(entered[i], group, tests[group].samples, 20 + i);
            }
        }
    }

    /// @dev The third wins: its offer is locked in either way, or it is passed over; the first leaves.
    function _ends(bytes32 won) private {
        (uint256 x, uint256 y) = pointOf(SWAP_KEY);
        uint256 state = vm.snapshotState();
        vm.prank(entrantOf(0));
        bounties.stepDown(bounty, 0);
        uint256 left = _used();
        elapse(6 hours);
        bounties.passOver(bounty);
        uint256 passed = _used();
        vm.revertToState(state);
        Attestation[] memory receipts = quorumOf(offerReceiptDigest(won, x, y, SEALED));
        vm.prank(entrantOf(2));
        bounties.lockByReceipts(bounty, x, y, SEALED, receipts);
        uint256 byReceipts = _used();
        vm.revertToState(state);
        record("stepDown", left);
        record("passOver, 3 entries", passed);
        record("lockByReceipts, 3 members", byReceipts);
        bytes memory signature = sign(entrantKey(2), bountyOfferDigest(won, x, y, SEALED));
        vm.prank(OWNER);
        bounties.lockOffer(bounty, x, y, SEALED, signature);
        _note("lockOffer");
        bounties.reveal(bounty, SWAP_KEY);
        _note("reveal, 3 entries");
        bounties.collect(address(0), entrantOf(2), entrantOf(2));
        _note("collect");
    }

    function _note(string memory label) private {
        record(label, _used());
    }

    function _used() private view returns (uint256) {
        return vm.lastCallGas().gasTotalUsed;
    }
}
