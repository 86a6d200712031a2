// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Forfeit} from "../../src/libraries/Forfeit.sol";
import {IModelBounties} from "../../src/models/interfaces/IModelBounties.sol";
import {BountyStage, BountyTerms, BountyView, EntryStatus, GroupOpening} from "../../src/models/types/Bounties.sol";
import {ListingTerms} from "../../src/models/types/Listings.sol";
import {Attestation} from "../../src/types/Types.sol";
import {ModelsDouble} from "./ModelsDouble.sol";
import {SaleScene} from "./SaleScene.sol";

/// @title Bounties from their opening to any of their ends
/// @dev Leaves, receipts and draws are written anew here.
abstract contract BountyScene is SaleScene {
    uint128 internal constant PRIZE = 50 ether;
    uint128 internal constant STAKE = 2 ether;
    uint128 internal constant X = 1 ether;
    uint32 internal constant ENTRANTS = 4;
    uint32 internal constant TOTAL = 12;
    uint32 internal constant TRAINING = 3;
    uint32 internal constant TESTS = 4;
    uint32 internal constant THRESHOLD = 50;
    uint256 internal constant ESCROW = uint256(PRIZE) + uint256(ENTRANTS) * X;
    uint256 internal constant SWAP_KEY = 0xBEEF;
    address internal constant OWNER = address(0xB1DDE4);
    address internal constant ROUNDING = address(0xF00D);
    bytes32 internal constant TEST_SEED = keccak256("s0");
    bytes32 internal constant SEALED = keccak256("sealed row");

    IModelBounties internal bounties;
    bytes32 internal bounty;
    address internal token; // of the bounty; ether
    uint32 internal threshold = THRESHOLD;
    uint256 internal blockNumber = 100;
    uint256 internal opened;
    mapping(bytes32 bounty => bytes32) internal seedOf; // s0; of bounties that a test opens itself, TEST_SEED

    function spender() internal view virtual override returns (address) {
        return address(bounties);
    }

    function stageBounties() internal {
        vm.chainId(CHAIN_ID);
        vm.warp(START);
        mine(PARENT_HASH);
        deployRegistry();
        committee = createCommittee(1, PROVERS);
        models = new ModelsDouble();
        models.factory().approve(VERIFIER, 0);
        models.factory().approve(ROUNDING, 1);
        bytes memory arguments = abi.encode(models, registry, WINDOW);
        bounties = IModelBounties(create(creationOf("ModelBounties", arguments)));
    }

    function bountyTerms() internal view returns (BountyTerms memory) {
        return BountyTerms({
            verifier: VERIFIER,
            token: token,
            committeeId: committee,
            maxEntrants: ENTRANTS,
            threshold: threshold,
            totalGroups: TOTAL,
            trainingGroups: TRAINING,
            testGroups: TESTS,
            delay: 3,
            featureBound: 127,
            prize: PRIZE,
            bond: STAKE,
            compensation: X,
            commitment: keccak256(abi.encodePacked(leaves())),
            seedCommitment: successor(successor(testSeed(opened))),
            manifest: keccak256("manifest"),
            revealWindow: 2 hours,
            entryWindow: 3 hours,
            proveWindow: 4 hours,
            offerWindow: 5 hours,
            keyWindow: 6 hours
        });
    }

    function open() internal returns (bytes32) {
        BountyTerms memory with = bountyTerms();
        fundAccount(OWNER, token, ESCROW);
        vm.prank(OWNER);
        bounty = bounties.open{value: token == address(0) ? ESCROW : 0}(with, opened);
        seedOf[bounty] = testSeed(opened++);
        return bounty;
    }

    /// @dev Opens, draws and shows the training groups: entries are taken.
    function openForEntries() internal {
        open();
        drawTraining();
        showTraining();
    }

    /// @dev s0 of the bounty that is opened as number i.
    function testSeed(uint256 i) internal pure returns (bytes32) {
        return i == 0 ? TEST_SEED : keccak256(abi.encode("s0", i));
    }

    function successor(bytes32 seed) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("gradroll/v1/bounty-seed"), seed));
    }

    /// @dev s0 of the present bounty.
    function secondSeed() internal view returns (bytes32) {
        return seedOf[bounty] == 0 ? TEST_SEED : seedOf[bounty];
    }

    /// @dev s1 of the present bounty.
    function firstSeed() internal view returns (bytes32) {
        return successor(secondSeed());
    }

    /// @dev Pins the hash that is waited for.
    function pin() internal {
        passBlocks(4);
        bounties.pin(bounty);
    }

    function drawTraining() internal {
        pin();
        bounties.drawTraining(bounty, firstSeed());
    }

    function showTraining() internal {
        GroupOpening[] memory groups = openings(view_().training);
        Attestation[] memory receipts = quorumOf(receiptDigest(1, groups));
        bounties.revealTraining(bounty, leaves(), groups, receipts);
    }

    /// @dev The holder of account number i lists a model and enters it.
    function enter(uint256 i) internal returns (uint256 entry) {
        address entrant = list(i);
        fundAccount(entrant, token, STAKE);
        vm.prank(entrant);
        return bounties.enter{value: token == address(0) ? STAKE : 0}(bounty, listingOf(i));
    }

    function list(uint256 i) internal returns (address entrant) {
        entrant = entrantOf(i);
        ListingTerms memory with;
        (with.set, with.verifier) = (view_().set, VERIFIER);
        models.put(listingOf(i), entrant, with);
    }

    function enterMany(uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            enter(i);
        }
    }

    /// @dev Closes the entries and draws the tests.
    function drawTests() internal {
        elapse(3 hours + 1);
        bounties.closeEntries(bounty);
        pin();
        bounties.drawTests(bounty, secondSeed());
    }

    function showTests() internal {
        GroupOpening[] memory groups = openings(view_().tests);
        Attestation[] memory receipts = quorumOf(receiptDigest(2, groups));
        bounties.revealTests(bounty, leaves(), groups, receipts);
    }

    /// @dev Everything until the proofs, with so many entrants.
    function untilProofs(uint256 count) internal {
        openForEntries();
        enterMany(count);
        drawTests();
        showTests();
    }

    function prove(uint256 i, uint256 correct) internal {
        models.prove(listingOf(i), correct);
    }

    function settle() internal {
        elapse(4 hours + 1);
        bounties.settle(bounty);
    }

    /// @dev Three entries: 1 is best, then 2, then 0.
    function untilSelling() internal {
        untilProofs(3);
        prove(0, 60);
        prove(1, 80);
        prove(2, 70);
        settle();
    }

    /// @dev The owner locks what an entrant signed.
    function lockOffer(uint256 i, uint256 key) internal {
        (uint256 x, uint256 y) = pointOf(key);
        bytes memory signature = sign(entrantKey(i), bountyOfferDigest(listingOf(i), x, y, SEALED));
        vm.prank(OWNER);
        bounties.lockOffer(bounty, x, y, SEALED, signature);
    }

    function leaves() internal pure returns (bytes32[] memory out) {
        out = new bytes32[](TOTAL);
        for (uint256 i = 0; i < TOTAL; ++i) {
            GroupOpening memory group = groupAt(i);
            out[i] = keccak256(
                abi.encode(keccak256("gradroll/v1/bounty-group"), group.salt, group.groupHash, group.fileDigest)
            );
        }
    }

    function groupAt(uint256 i) internal pure returns (GroupOpening memory) {
        return GroupOpening({
            index: uint32(i),
            samples: uint32(100 + i),
            salt: keccak256(abi.encode("salt", i)),
            groupHash: keccak256(abi.encode("group", i)),
            fileDigest: keccak256(abi.encode("file", i))
        });
    }

    /// @dev Openings of the groups in a bitmap, ascending.
    function openings(uint256 bits) internal pure returns (GroupOpening[] memory out) {
        uint256 count = 0;
        out = new GroupOpening[](64);
        for (uint256 i = 0; i < TOTAL; ++i) {
            if (bits >> i & 1 != 0) out[count++] = groupAt(i);
        }
        assembly ("memory-safe") {
            mstore(out, count)
        }
    }

    function receiptDigest(uint256 stage, GroupOpening[] memory groups) internal view returns (bytes32) {
        bytes memory packed;
        for (uint256 i = 0; i < groups.length; ++i) {
            GroupOpening memory group = groups[i];
            packed = abi.encodePacked(
                packed, uint256(group.index), group.groupHash, group.fileDigest, uint256(group.samples)
            );
        }
        bytes32 kind = keccak256("DatasetReceipt(bytes32 bounty,uint256 stage,bytes32 groups)");
        return typedFor(address(bounties), abi.encode(kind, bounty, stage, keccak256(packed)));
    }

    function bountyOfferDigest(bytes32 listing, uint256 x, uint256 y, bytes32 offer) internal view returns (bytes32) {
        bytes32 kind = keccak256("BountyOffer(bytes32 bounty,bytes32 listing,uint256 keyX,uint256 keyY,bytes32 offer)");
        return typedFor(address(bounties), abi.encode(kind, bounty, listing, x, y, offer));
    }

    function offerReceiptDigest(bytes32 listing, uint256 x, uint256 y, bytes32 offer) internal view returns (bytes32) {
        bytes32 kind = keccak256("OfferReceipt(bytes32 bounty,bytes32 listing,uint256 keyX,uint256 keyY,bytes32 offer)");
        return typedFor(address(bounties), abi.encode(kind, bounty, listing, x, y, offer));
    }

    function quorumOf(bytes32 digest) internal pure returns (Attestation[] memory) {
        return signedByMembers(digest, QUORUM);
    }

    /// @dev Signatures of the first members.
    function signedByMembers(bytes32 digest, uint256 count) internal pure returns (Attestation[] memory out) {
        out = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            (bytes32 r, bytes32 vs) = signCompact(proverKey(i), digest);
            out[i] = Attestation(uint8(i), r, vs);
        }
    }

    function passBlocks(uint256 count) internal {
        blockNumber += count;
        vm.roll(blockNumber);
    }

    function entrantKey(uint256 i) internal pure returns (uint256) {
        return 0xE47000 + i;
    }

    function entrantOf(uint256 i) internal pure returns (address) {
        return vm.addr(entrantKey(i));
    }

    function listingOf(uint256 i) internal view returns (bytes32) {
        return keccak256(abi.encode("entry", bounty, i));
    }

    function view_() internal view returns (BountyView memory) {
        return bounties.bountyOf(bounty);
    }

    function owedBy(address account) internal view returns (uint256) {
        return bounties.owed(token, account);
    }

    function burnt() internal view returns (uint256) {
        return owedBy(Forfeit.NOBODY);
    }

    function inStage(BountyStage stage) internal view {
        equal(uint256(view_().stage), uint256(stage), "stage");
    }

    function hasStatus(uint256 entry, EntryStatus status) internal view {
        equal(uint256(bounties.entryAt(bounty, entry).status), uint256(status), "status");
    }

    /// @dev Refused because the bounty is at another stage.
    function refusedAt(BountyStage stage) internal {
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.StageDiffers.selector, bounty, stage));
    }

    function refusedBy(bytes4 selector, bytes32 subject, uint256 value) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, subject, value));
    }
}
