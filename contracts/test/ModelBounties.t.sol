// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IVerifierFactory} from "../src/interfaces/IVerifierFactory.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {IModelAccounts} from "../src/models/interfaces/IModelAccounts.sol";
import {IModelBounties} from "../src/models/interfaces/IModelBounties.sol";
import {BountyStage, BountyTerms, BountyView, EntryStatus, GroupOpening} from "../src/models/types/Bounties.sol";
import {ListingTerms} from "../src/models/types/Listings.sol";
import {Attestation} from "../src/types/Types.sol";
import {BountyScene} from "./support/BountyScene.sol";

/// @title Bounties up to the proofs: terms, draws, groups that are shown or withheld, entries
contract ModelBountiesTest is BountyScene {
    function setUp() external {
        stageBounties();
    }

    function test_open_escrowsPrizeAndCompensation() external {
        BountyTerms memory with = bountyTerms();
        open();
        equal(address(bounties).balance, ESCROW, "escrow");
        bytes32 expected = keccak256(
            abi.encode(
                keccak256("gradroll/v1/bounty"), bounties.deployment(), OWNER, uint256(0), keccak256(abi.encode(with))
            )
        );
        equal(bounty, expected, "identifier");
        equal(view_().anchor, 103, "anchor");
        equal(view_().deadline, START + 2 hours, "deadline");
        inStage(BountyStage.Opened);
        vm.deal(OWNER, ESCROW);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.BountyExists.selector, bounty));
        bounties.open{value: ESCROW}(with, 0);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.SeedsUsed.selector, with.seedCommitment));
        bounties.open{value: ESCROW}(with, 1);
        with.seedCommitment = keccak256("others");
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, ESCROW - 1, ESCROW));
        bounties.open{value: ESCROW - 1}(with, 1);
    }

    function test_open_termsOutOfRange() external {
        _invalid("verifier", 0);
        _invalid("token", 0);
        _invalid("maxEntrants", 0);
        _invalid("maxEntrants", 65);
        _invalid("totalGroups", 1);
        _invalid("totalGroups", 65);
        _invalid("trainingGroups", 0);
        _invalid("trainingGroups", TOTAL + 1);
        _invalid("testGroups", 0);
        _invalid("testGroups", TOTAL - TRAINING + 1);
        _invalid("delay", 1);
        _invalid("delay", 201);
        _invalid("featureBound", 0);
        _invalid("featureBound", 32_768);
        _invalid("prize", 0);
        _invalid("bond", 0);
        _invalid("compensation", 0);
        _invalid("commitment", 0);
        _invalid("seedCommitment", 0);
        _invalid("threshold", (TESTS << 20) + 1);
    }

    function test_open_windowsOutOfRange() external {
        string[5] memory names = ["revealWindow", "entryWindow", "proveWindow", "offerWindow", "keyWindow"];
        for (uint256 i = 0; i < names.length; ++i) {
            _invalid(names[i], WINDOW - 1);
            _invalid(names[i], 90 days + 1);
        }
    }

    function test_open_verifierOfNobody() external {
        BountyTerms memory with = bountyTerms();
        with.verifier = address(0xBAD);
        vm.expectRevert(abi.encodeWithSelector(IVerifierFactory.VerifierUnknown.selector, with.verifier));
        bounties.open(with, 0);
    }

    function test_open_committee() external {
        BountyTerms memory with = bountyTerms();
        with.committeeId = 1;
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeUnknown.selector, 1));
        bounties.open(with, 0);
        vm.prank(payeeOf(0));
        registry.retire(committee, 0);
        with.committeeId = committee;
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.BountyTermsInvalid.selector, "committeeId"));
        bounties.open(with, 0);
    }

    function test_attack_ownerShowsOtherGroups() external {
        open();
        drawTraining();
        uint64 drawn = view_().training;
        uint64 lowest = drawn & (~drawn + 1);
        uint64 highest = uint64(1) << 63;
        while (drawn & highest == 0) highest >>= 1;
        uint64 other = 1;
        while (drawn & other != 0) other <<= 1;
        _refusedGroups(drawn ^ highest, drawn, IModelBounties.GroupsMissing.selector, TRAINING - 1);
        _refusedGroups(drawn | other, drawn, IModelBounties.GroupNotDrawn.selector, _log(other));
        _refusedGroups(drawn ^ lowest ^ other, drawn, IModelBounties.GroupNotDrawn.selector, 99);
        _refusedGroups(0, drawn, IModelBounties.GroupsMissing.selector, 0);
    }

    function test_attack_groupTwiceOrBeyond() external {
        open();
        drawTraining();
        GroupOpening[] memory groups = openings(view_().training);
        groups[1] = groups[0];
        _refused(groups, leaves(), abi.encodeWithSelector(IModelBounties.GroupNotDrawn.selector, groups[0].index));
        groups = openings(view_().training);
        groups[2].index = TOTAL;
        _refused(groups, leaves(), abi.encodeWithSelector(IModelBounties.GroupNotDrawn.selector, TOTAL));
        groups[2].index = 256 + uint32(TOTAL);
        _refused(groups, leaves(), abi.encodeWithSelector(IModelBounties.GroupNotDrawn.selector, 256 + TOTAL));
        _groupAfterAll();
    }

    /// @dev One more when all that were drawn are there.
    function _groupAfterAll() private {
        GroupOpening[] memory groups = openings(view_().training);
        GroupOpening[] memory longer = new GroupOpening[](TRAINING + 1);
        for (uint256 i = 0; i < TRAINING; ++i) {
            longer[i] = groups[i];
        }
        longer[TRAINING] = groups[TRAINING - 1];
        bytes memory refusal = abi.encodeWithSelector(IModelBounties.GroupNotDrawn.selector, longer[TRAINING].index);
        _refused(longer, leaves(), refusal);
    }

    function test_attack_otherDataThanCommitted() external {
        open();
        drawTraining();
        for (uint256 which = 0; which < 3; ++which) {
            GroupOpening[] memory groups = openings(view_().training);
            if (which == 0) groups[0].salt = 0;
            if (which == 1) groups[0].groupHash = keccak256("easier");
            if (which == 2) groups[0].fileDigest = keccak256("another file");
            _refused(groups, leaves(), abi.encodeWithSelector(IModelBounties.GroupDiffers.selector, groups[0].index));
        }
        bytes32[] memory others = leaves();
        others[0] = keccak256("another leaf");
        bytes32 computed = keccak256(abi.encodePacked(others));
        bytes memory refusal = abi.encodeWithSelector(IModelBounties.CommitmentMismatch.selector, computed);
        _refused(openings(view_().training), others, refusal);
    }

    /// @dev Leaves fewer than the terms say can never be shown, though their hash is the commitment.
    function test_attack_fewerLeavesThanGroups() external {
        BountyTerms memory with = bountyTerms();
        bytes32[] memory fewer = new bytes32[](TOTAL - 1);
        with.commitment = keccak256(abi.encodePacked(fewer));
        vm.deal(OWNER, ESCROW);
        vm.prank(OWNER);
        bounty = bounties.open{value: ESCROW}(with, 0);
        drawTraining();
        bytes memory refusal = abi.encodeWithSelector(IModelBounties.CommitmentMismatch.selector, with.commitment);
        _refused(openings(view_().training), fewer, refusal);
    }

    function test_attack_receiptsShortOfAQuorum() external {
        open();
        drawTraining();
        GroupOpening[] memory groups = openings(view_().training);
        bytes32 digest = receiptDigest(1, groups);
        Attestation[] memory receipts = signedByMembers(digest, QUORUM - 1);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, QUORUM - 1, QUORUM));
        bounties.revealTraining(bounty, leaves(), groups, receipts);
        receipts = quorumOf(receiptDigest(2, groups));
        _badReceipt(groups, receipts);
        groups[0].samples += 1;
        _badReceipt(groups, quorumOf(digest));
        groups[0].samples -= 1;
        bytes32 before = bounty;
        bounty = keccak256("another bounty");
        receipts = quorumOf(receiptDigest(1, groups));
        bounty = before;
        _badReceipt(groups, receipts);
    }

    /// @dev Whoever left the committee says nothing any more: its receipt is of an epoch that is over.
    function test_attack_receiptsOfFormerMembers() external {
        open();
        drawTraining();
        GroupOpening[] memory groups = openings(view_().training);
        Attestation[] memory receipts = quorumOf(receiptDigest(1, groups));
        address former = vm.addr(proverKey(0));
        vm.prank(former);
        registry.revoke(committee, former);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, QUORUM));
        bounties.revealTraining(bounty, leaves(), groups, receipts);
    }

    function test_cancel_whenNoTrainingGroupIsShown() external {
        for (uint256 drawn = 0; drawn < 2; ++drawn) {
            uint256 state = vm.snapshotState();
            open();
            pin();
            if (drawn == 1) bounties.drawTraining(bounty, firstSeed());
            refusedBy(IModelBounties.TooEarly.selector, bounty, START + 2 hours);
            bounties.cancel(bounty);
            elapse(2 hours + 1);
            if (drawn == 1) {
                refusedBy(IModelBounties.TooLate.selector, bounty, START + 2 hours);
                bounties.revealTraining(bounty, leaves(), new GroupOpening[](0), new Attestation[](0));
            }
            bounties.cancel(bounty);
            inStage(BountyStage.Cancelled);
            equal(owedBy(OWNER), ESCROW, "everything");
            refusedAt(BountyStage.Cancelled);
            bounties.cancel(bounty);
            vm.revertToState(state);
        }
    }

    function test_closeEntries_nobodyCame() external {
        openForEntries();
        elapse(3 hours + 1);
        bounties.closeEntries(bounty);
        inStage(BountyStage.Cancelled);
        equal(owedBy(OWNER), ESCROW, "everything");
    }

    function test_enter_refusals() external {
        openForEntries();
        address entrant = list(0);
        bytes32 listing = listingOf(0);
        vm.deal(entrant, 10 ether);
        vm.deal(address(this), 10 ether);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.NotEntrant.selector, listing, address(this)));
        bounties.enter{value: STAKE}(bounty, listing);
        vm.startPrank(entrant);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, STAKE - 1, STAKE));
        bounties.enter{value: STAKE - 1}(bounty, listing);
        ListingTerms memory with;
        (with.set, with.verifier) = (view_().set, address(1));
        models.put(listing, entrant, with);
        _mismatch(listing);
        (with.set, with.verifier) = (keccak256("easy"), VERIFIER);
        models.put(listing, entrant, with);
        _mismatch(listing);
        vm.stopPrank();
        enter(0);
        vm.prank(entrant);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.AlreadyEntered.selector, listing));
        bounties.enter{value: STAKE}(bounty, listing);
    }

    function test_enter_window() external {
        openForEntries();
        uint256 deadline = view_().deadline;
        vm.warp(deadline);
        enter(0);
        vm.warp(deadline + 1);
        address late = list(1);
        vm.deal(late, STAKE);
        vm.startPrank(late);
        bytes32 listing = listingOf(1);
        refusedBy(IModelBounties.TooLate.selector, bounty, deadline);
        bounties.enter{value: STAKE}(bounty, listing);
        bounties.closeEntries(bounty);
        refusedAt(BountyStage.Closed);
        bounties.enter{value: STAKE}(bounty, listing);
    }

    /// @dev Junk fills a bounty, at a bond each, which is burnt if it is not proven.
    function test_attack_junkFillsTheBounty() external {
        openForEntries();
        enterMany(ENTRANTS);
        address last = list(9);
        bytes32 listing = listingOf(9);
        vm.deal(last, STAKE);
        vm.prank(last);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.BountyFull.selector, ENTRANTS));
        bounties.enter{value: STAKE}(bounty, listing);
        drawTests();
        showTests();
        settle();
        equal(burnt(), ENTRANTS * uint256(STAKE), "all bonds");
        equal(owedBy(OWNER), ESCROW, "the owner lost nothing but time");
        inStage(BountyStage.Unsold);
    }

    function test_withheld_compensatesEntrantsAndBurnsTheRest() external {
        openForEntries();
        enterMany(3);
        drawTests();
        uint256 deadline = view_().deadline;
        refusedBy(IModelBounties.TooEarly.selector, bounty, deadline);
        bounties.withheld(bounty);
        vm.warp(deadline + 1);
        refusedBy(IModelBounties.TooLate.selector, bounty, deadline);
        bounties.revealTests(bounty, leaves(), new GroupOpening[](0), new Attestation[](0));
        bounties.withheld(bounty);
        inStage(BountyStage.Withheld);
        for (uint256 i = 0; i < 3; ++i) {
            equal(owedBy(entrantOf(i)), STAKE + X, "bond and compensation");
            hasStatus(i, EntryStatus.Released);
        }
        equal(burnt(), X, "of the place that nobody took");
        equal(owedBy(OWNER), PRIZE, "the prize alone");
        refusedAt(BountyStage.Withheld);
        bounties.withheld(bounty);
    }

    function test_revealTests_registersTheGroupsAndFreesTheCompensation() external {
        openForEntries();
        enterMany(2);
        drawTests();
        _testsOfStageOne();
        showTests();
        inStage(BountyStage.Proving);
        equal(owedBy(OWNER), uint256(ENTRANTS) * X, "compensation");
        GroupOpening[] memory groups = openings(view_().tests);
        for (uint256 i = 0; i < TESTS; ++i) {
            equal(models.group(view_().set, i), groups[i].groupHash, "registered, in order");
        }
    }

    function test_unknown() external {
        bytes32 unknown = keccak256("unknown");
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.BountyUnknown.selector, unknown));
        bounties.bountyOf(unknown);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.BountyUnknown.selector, unknown));
        bounties.pin(unknown);
        open();
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.EntryUnknown.selector, 0));
        bounties.entryAt(bounty, 0);
    }

    function test_digests() external {
        openForEntries();
        GroupOpening[] memory groups = openings(view_().training);
        equal(bounties.datasetDigest(bounty, 1, groups), receiptDigest(1, groups), "data");
        (bytes32 bySeller, bytes32 byCommittee) = bounties.offerDigests(bounty, listingOf(0), 1, 2, SEALED);
        equal(bySeller, bountyOfferDigest(listingOf(0), 1, 2, SEALED), "seller");
        equal(byCommittee, offerReceiptDigest(listingOf(0), 1, 2, SEALED), "committee");
    }

    /// @dev Receipts for training groups do not show tests.
    function _testsOfStageOne() private {
        GroupOpening[] memory groups = openings(view_().tests);
        Attestation[] memory receipts = quorumOf(receiptDigest(1, groups));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        bounties.revealTests(bounty, leaves(), groups, receipts);
    }

    function _badReceipt(GroupOpening[] memory groups, Attestation[] memory receipts) private {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        bounties.revealTraining(bounty, leaves(), groups, receipts);
    }

    function _refused(GroupOpening[] memory groups, bytes32[] memory shown, bytes memory refusal) private {
        Attestation[] memory receipts = quorumOf(receiptDigest(1, groups));
        vm.expectRevert(refusal);
        bounties.revealTraining(bounty, shown, groups, receipts);
    }

    /// @dev Groups of a bitmap instead of those drawn; for 99 the first of them that was not drawn, or comes too early.
    function _refusedGroups(uint64 shown, uint64 drawn, bytes4 selector, uint256 value) private {
        if (value == 99) value = _firstWrong(shown, drawn);
        _refused(openings(shown), leaves(), abi.encodeWithSelector(selector, value));
    }

    function _firstWrong(uint64 shown, uint64 drawn) private pure returns (uint256) {
        uint64 lowestShown = shown & (~shown + 1);
        isTrue(lowestShown != drawn & (~drawn + 1), "the first differs");
        return _log(lowestShown);
    }

    function _mismatch(bytes32 listing) private {
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.ListingMismatch.selector, listing));
        bounties.enter{value: STAKE}(bounty, listing);
    }

    function _invalid(string memory term, uint256 value) private {
        BountyTerms memory with = bountyTerms();
        bytes32 name = keccak256(bytes(term));
        if (name == keccak256("verifier")) with.verifier = ROUNDING;
        if (name == keccak256("token")) with.token = address(0xBAD);
        if (name == keccak256("maxEntrants")) with.maxEntrants = uint32(value);
        if (name == keccak256("totalGroups")) with.totalGroups = uint32(value);
        if (name == keccak256("trainingGroups")) with.trainingGroups = uint32(value);
        if (name == keccak256("testGroups")) with.testGroups = uint32(value);
        if (name == keccak256("delay")) with.delay = uint32(value);
        if (name == keccak256("featureBound")) with.featureBound = uint32(value);
        if (name == keccak256("prize")) with.prize = 0;
        if (name == keccak256("bond")) with.bond = 0;
        if (name == keccak256("compensation")) with.compensation = 0;
        if (name == keccak256("commitment")) with.commitment = 0;
        if (name == keccak256("seedCommitment")) with.seedCommitment = 0;
        if (name == keccak256("threshold")) with.threshold = uint32(value);
        if (name == keccak256("revealWindow")) with.revealWindow = uint32(value);
        if (name == keccak256("entryWindow")) with.entryWindow = uint32(value);
        if (name == keccak256("proveWindow")) with.proveWindow = uint32(value);
        if (name == keccak256("offerWindow")) with.offerWindow = uint32(value);
        if (name == keccak256("keyWindow")) with.keyWindow = uint32(value);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.BountyTermsInvalid.selector, term));
        bounties.open(with, 0);
    }

    function _log(uint256 bit) private pure returns (uint256 index) {
        while (bit >> index != 1) ++index;
    }
}
