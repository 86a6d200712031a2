// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {IModelAccounts} from "../src/models/interfaces/IModelAccounts.sol";
import {IModelBounties} from "../src/models/interfaces/IModelBounties.sol";
import {BountyStage, EntryStatus, GroupOpening} from "../src/models/types/Bounties.sol";
import {Attestation} from "../src/types/Types.sol";
import {BountyScene} from "./support/BountyScene.sol";

/// @title Bounties from the proofs on: who wins, who steps up, and that everybody leaves with its money
contract BountyEndsTest is BountyScene {
    function setUp() external {
        stageBounties();
    }

    function test_sold_toTheBest() external {
        untilSelling();
        equal(view_().winner, 1, "the best");
        lockOffer(1, SWAP_KEY);
        inStage(BountyStage.Locked);
        vm.warp(view_().deadline);
        bounties.reveal(bounty, SWAP_KEY);
        inStage(BountyStage.Sold);
        equal(owedBy(entrantOf(1)), PRIZE + STAKE, "prize and bond");
        equal(owedBy(entrantOf(0)), STAKE, "bond");
        equal(owedBy(entrantOf(2)), STAKE, "bond");
        _noCoinIsLost();
        hasStatus(1, EntryStatus.Sold);
        refusedAt(BountyStage.Sold);
        bounties.reveal(bounty, SWAP_KEY);
    }

    function test_tie_theEarlierEntryWins() external {
        untilProofs(3);
        prove(0, 60);
        prove(1, 70);
        prove(2, 70);
        settle();
        equal(view_().winner, 1, "the earlier");
    }

    function test_settle_window() external {
        untilProofs(1);
        uint256 deadline = view_().deadline;
        vm.warp(deadline);
        refusedBy(IModelBounties.TooEarly.selector, bounty, deadline);
        bounties.settle(bounty);
    }

    /// @dev Who did not prove loses its bond; who proved too little has it back; the prize goes back to the owner.
    function test_unsold_nobodyAboveTheThreshold() external {
        untilProofs(3);
        prove(0, THRESHOLD - 1);
        prove(2, 0);
        settle();
        inStage(BountyStage.Unsold);
        equal(owedBy(entrantOf(0)), STAKE, "bond");
        equal(owedBy(entrantOf(1)), 0, "not proven");
        equal(owedBy(entrantOf(2)), STAKE, "bond");
        equal(burnt(), STAKE, "burnt");
        hasStatus(1, EntryStatus.Unproven);
        _noCoinIsLost();
    }

    function test_threshold_isEnough() external {
        untilProofs(1);
        prove(0, THRESHOLD);
        settle();
        inStage(BountyStage.Selling);
        hasStatus(0, EntryStatus.Candidate);
    }

    /// @dev Whoever wants scores for nothing asks for more right answers than its tests have samples. It cannot show them, and pays
    /// each entrant. As many as there are samples is no such thing: a model may answer all of them.
    function test_attack_testsOfFewerSamplesThanTheThreshold() external {
        threshold = TESTS * 100;
        openForEntries();
        enterMany(1);
        drawTests();
        GroupOpening[] memory groups = openings(view_().tests);
        for (uint256 i = 0; i < groups.length; ++i) {
            groups[i].samples = 100;
        }
        uint256 state = vm.snapshotState();
        Attestation[] memory receipts = quorumOf(receiptDigest(2, groups));
        bounties.revealTests(bounty, leaves(), groups, receipts);
        inStage(BountyStage.Proving);
        vm.revertToState(state);
        groups[0].samples = 99;
        receipts = quorumOf(receiptDigest(2, groups));
        refusedBy(IModelBounties.ThresholdUnreachable.selector, bounty, threshold - 1);
        bounties.revealTests(bounty, leaves(), groups, receipts);
        elapse(2 hours + 1);
        bounties.withheld(bounty);
        equal(owedBy(entrantOf(0)), STAKE + X, "bond and compensation");
        equal(owedBy(OWNER), PRIZE, "no deposit");
    }

    function test_attack_winnerWithoutOffer() external {
        untilSelling();
        uint256 deadline = view_().deadline;
        refusedBy(IModelBounties.TooEarly.selector, bounty, deadline);
        bounties.passOver(bounty);
        vm.warp(deadline + 1);
        bounties.passOver(bounty);
        equal(burnt(), STAKE, "its bond is burnt");
        hasStatus(1, EntryStatus.Forfeited);
        equal(view_().winner, 2, "the next steps up");
        equal(view_().deadline, deadline + 1 + 5 hours, "with a window of its own");
        lockOffer(2, SWAP_KEY);
        bounties.reveal(bounty, SWAP_KEY);
        equal(owedBy(entrantOf(2)), PRIZE + STAKE, "sold");
        _noCoinIsLost();
    }

    function test_attack_winnerWithoutKey() external {
        untilSelling();
        lockOffer(1, SWAP_KEY);
        uint256 deadline = view_().deadline;
        refusedBy(IModelBounties.TooEarly.selector, bounty, deadline);
        bounties.passOver(bounty);
        vm.warp(deadline + 1);
        refusedBy(IModelBounties.TooLate.selector, bounty, deadline);
        bounties.reveal(bounty, SWAP_KEY);
        uint256 before = owedBy(OWNER);
        bounties.passOver(bounty);
        equal(owedBy(OWNER) - before, STAKE, "its bond is the owner's");
        equal(burnt(), 0, "nothing is burnt");
        equal(view_().winner, 2, "the next");
        // The first one's key is worth nothing now.
        refusedAt(BountyStage.Selling);
        bounties.reveal(bounty, SWAP_KEY);
    }

    function test_unsold_allStepUpAndNobodySells() external {
        untilSelling();
        for (uint256 i = 0; i < 3; ++i) {
            elapse(5 hours + 1);
            bounties.passOver(bounty);
        }
        inStage(BountyStage.Unsold);
        equal(burnt(), 3 * uint256(STAKE), "all bonds");
        equal(owedBy(OWNER), ESCROW, "the prize");
        refusedAt(BountyStage.Unsold);
        bounties.passOver(bounty);
        _noCoinIsLost();
    }

    function test_ownerRefuses_theQuorumStandsIn() external {
        untilSelling();
        (uint256 x, uint256 y) = pointOf(SWAP_KEY);
        Attestation[] memory receipts = quorumOf(offerReceiptDigest(listingOf(1), x, y, SEALED));
        bytes32 listing = listingOf(1);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.NotEntrant.selector, listing, address(this)));
        bounties.lockByReceipts(bounty, x, y, SEALED, receipts);
        vm.prank(entrantOf(1));
        bounties.lockByReceipts(bounty, x, y, SEALED, receipts);
        inStage(BountyStage.Locked);
        bounties.reveal(bounty, SWAP_KEY);
        equal(owedBy(entrantOf(1)), PRIZE + STAKE, "prize and bond");
    }

    /// @dev What members say is of one bounty, listing, key and row, and what the winner signed is no receipt.
    function test_attack_receiptsForSomethingElse() external {
        untilSelling();
        (uint256 x, uint256 y) = pointOf(SWAP_KEY);
        bytes32[5] memory digests = [
            offerReceiptDigest(listingOf(0), x, y, SEALED),
            offerReceiptDigest(listingOf(1), x, BN254.P - y, SEALED),
            offerReceiptDigest(listingOf(1), x, y, keccak256("another row")),
            bountyOfferDigest(listingOf(1), x, y, SEALED),
            bytes32(0)
        ];
        bytes32 here = bounty;
        bytes32 listing = listingOf(1);
        bounty = keccak256("another bounty");
        digests[4] = offerReceiptDigest(listing, x, y, SEALED);
        bounty = here;
        for (uint256 i = 0; i < digests.length; ++i) {
            Attestation[] memory receipts = quorumOf(digests[i]);
            vm.prank(entrantOf(1));
            vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
            bounties.lockByReceipts(bounty, x, y, SEALED, receipts);
        }
        Attestation[] memory few = signedByMembers(offerReceiptDigest(listing, x, y, SEALED), QUORUM - 1);
        vm.prank(entrantOf(1));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, QUORUM - 1, QUORUM));
        bounties.lockByReceipts(bounty, x, y, SEALED, few);
    }

    /// @dev The owner cannot lock a key that the winner has not signed, and so take its bond.
    function test_attack_ownerLocksAKeyOfItsOwn() external {
        untilSelling();
        (uint256 x, uint256 y) = pointOf(SWAP_KEY);
        address winner = entrantOf(1);
        bytes32 signed = bountyOfferDigest(listingOf(1), x, y, SEALED);
        bytes memory signature = sign(entrantKey(1), signed);
        (uint256 otherX, uint256 otherY) = pointOf(SWAP_KEY + 1);
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IModelAccounts.NotSigned.selector, winner));
        bounties.lockOffer(bounty, otherX, otherY, SEALED, signature);
        vm.expectRevert(abi.encodeWithSelector(IModelAccounts.NotSigned.selector, winner));
        bounties.lockOffer(bounty, x, y, keccak256("another row"), signature);
        signature = sign(entrantKey(2), signed);
        vm.expectRevert(abi.encodeWithSelector(IModelAccounts.NotSigned.selector, winner));
        bounties.lockOffer(bounty, x, y, SEALED, signature);
        signature = sign(entrantKey(1), bountyOfferDigest(listingOf(1), 0, 0, SEALED));
        vm.expectRevert(abi.encodeWithSelector(IModelAccounts.KeyPointInvalid.selector, 0, 0));
        bounties.lockOffer(bounty, 0, 0, SEALED, signature);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.NotBountyOwner.selector, bounty, address(this)));
        bounties.lockOffer(bounty, x, y, SEALED, signature);
    }

    function test_lock_window() external {
        untilSelling();
        uint256 deadline = view_().deadline;
        (uint256 x, uint256 y) = pointOf(SWAP_KEY);
        bytes memory signature = sign(entrantKey(1), bountyOfferDigest(listingOf(1), x, y, SEALED));
        vm.warp(deadline + 1);
        vm.prank(OWNER);
        refusedBy(IModelBounties.TooLate.selector, bounty, deadline);
        bounties.lockOffer(bounty, x, y, SEALED, signature);
        vm.prank(entrantOf(1));
        refusedBy(IModelBounties.TooLate.selector, bounty, deadline);
        bounties.lockByReceipts(bounty, x, y, SEALED, new Attestation[](0));
        vm.warp(deadline);
        lockOffer(1, SWAP_KEY);
        vm.prank(OWNER);
        refusedAt(BountyStage.Locked);
        bounties.lockOffer(bounty, x, y, SEALED, signature);
    }

    function test_attack_wrongKeys() external {
        untilSelling();
        lockOffer(1, SWAP_KEY);
        uint256[4] memory keys = [uint256(0), SWAP_KEY + 1, SWAP_KEY + BN254.R, BN254.R - SWAP_KEY];
        for (uint256 i = 0; i < keys.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IModelAccounts.KeyMismatch.selector, keys[i]));
            bounties.reveal(bounty, keys[i]);
        }
    }

    /// @dev A candidate need not wait for the others, and does not come back; the winner cannot leave.
    function test_stepDown() external {
        untilSelling();
        bytes32 listing = listingOf(2);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.NotEntrant.selector, listing, address(this)));
        bounties.stepDown(bounty, 2);
        vm.prank(entrantOf(1));
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.NotACandidate.selector, 1));
        bounties.stepDown(bounty, 1);
        vm.startPrank(entrantOf(2));
        bounties.stepDown(bounty, 2);
        equal(owedBy(entrantOf(2)), STAKE, "bond");
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.NotACandidate.selector, 2));
        bounties.stepDown(bounty, 2);
        vm.stopPrank();
        elapse(5 hours + 1);
        bounties.passOver(bounty);
        equal(view_().winner, 0, "not the one that left");
        lockOffer(0, SWAP_KEY);
        bounties.reveal(bounty, SWAP_KEY);
        equal(owedBy(entrantOf(2)), STAKE, "once");
        _noCoinIsLost();
    }

    function test_stepDown_notBeforeTheEnd() external {
        untilProofs(1);
        vm.prank(entrantOf(0));
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.NotACandidate.selector, 0));
        bounties.stepDown(bounty, 0);
    }

    /// @dev In the end everything that is held is somebody's credit.
    function _noCoinIsLost() private view {
        uint256 sum = owedBy(OWNER) + burnt();
        for (uint256 i = 0; i < 3; ++i) {
            sum += owedBy(entrantOf(i));
        }
        equal(address(bounties).balance, sum, "all is owed");
    }
}
