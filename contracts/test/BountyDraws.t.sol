// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelBounties} from "../src/models/interfaces/IModelBounties.sol";
import {AnchorHashes} from "../src/models/libraries/AnchorHashes.sol";
import {BountyStage, BountyTerms, EntryStatus} from "../src/models/types/Bounties.sol";
import {BountyScene} from "./support/BountyScene.sol";

/// @dev What a chain that follows EIP-2935 has: the hashes of 8,191 blocks, and a refusal beyond.
contract History {
    fallback(bytes calldata asked) external returns (bytes memory) {
        uint256 number = abi.decode(asked, (uint256));
        require(number < block.number && block.number - number <= 8191);
        bytes32 recent = blockhash(number);
        return abi.encode(recent != 0 ? recent : keccak256(abi.encode("old block", number)));
    }
}

/// @dev The history of an L2 whose contracts read its parent's number: it has a block of its own under each of those.
contract OtherHistory {
    fallback(bytes calldata asked) external returns (bytes memory) {
        return abi.encode(keccak256(abi.encode("block of another chain", abi.decode(asked, (uint256)))));
    }
}

/// @title Which groups are drawn: neither who builds a block nor the owner chooses them
contract BountyDrawsTest is BountyScene {
    uint64 private constant ALL = uint64((1 << TOTAL) - 1);

    function setUp() external {
        stageBounties();
    }

    function test_pin_waitsForTheAnchor() external {
        open();
        for (uint256 i = 0; i < 4; ++i) {
            refusedBy(IModelBounties.AnchorAhead.selector, bounty, 103);
            bounties.pin(bounty);
            if (i < 3) passBlocks(1);
        }
        passBlocks(1);
        equal(uint256(view_().anchorHash), 0, "nothing pinned");
        isTrue(bounties.pin(bounty), "pinned");
        equal(view_().anchorHash, blockhash(103), "its hash");
        bounties.drawTraining(bounty, firstSeed());
        inStage(BountyStage.TrainingDrawn);
        equal(_ones(view_().training), TRAINING, "so many groups");
        bytes32 seed = firstSeed();
        refusedAt(BountyStage.TrainingDrawn);
        bounties.drawTraining(bounty, seed);
        refusedAt(BountyStage.TrainingDrawn);
        bounties.pin(bounty);
    }

    /// @dev The owner waits until the hash that it dislikes is forgotten; anybody's pin outlasts that.
    function test_attack_ownerWaitsForAnotherBlock() external {
        open();
        passBlocks(4);
        bytes32 hash = blockhash(103);
        vm.prank(entrantOf(0));
        isTrue(bounties.pin(bounty), "anybody");
        passBlocks(10_000);
        isTrue(bounties.pin(bounty), "again: nothing changes");
        equal(view_().anchor, 103, "the same block");
        equal(view_().anchorHash, hash, "the same hash");
        uint64 drawn = _expected(1, firstSeed(), hash, ALL, TRAINING);
        bounties.drawTraining(bounty, firstSeed());
        equal(view_().training, drawn, "what the first block drew");
    }

    /// @dev What the chain has forgotten decides nothing: another block does, as far ahead as the first; and no seed is shown
    /// for a hash that may still be another.
    function test_pin_missed() external {
        open();
        passBlocks(3 + 256);
        uint256 state = vm.snapshotState();
        isTrue(bounties.pin(bounty), "the last block in which it is known");
        vm.revertToState(state);
        passBlocks(1);
        isTrue(!bounties.pin(bounty), "missed");
        inStage(BountyStage.Opened);
        equal(view_().anchor, 363, "moved on");
        refusedBy(IModelBounties.AnchorAhead.selector, bounty, 363);
        bounties.pin(bounty);
        _refusedUnpinned(363);
        passBlocks(4);
        _refusedUnpinned(363);
        isTrue(bounties.pin(bounty), "pinned");
    }

    /// @dev Where the chain keeps more hashes, an owner has to wait longer for a block to be forgotten.
    function test_pin_fromTheHistory() external {
        vm.etch(AnchorHashes.HISTORY, address(new History()).code);
        open();
        passBlocks(3 + 8191);
        uint256 state = vm.snapshotState();
        isTrue(bounties.pin(bounty), "the last block in which it is known");
        equal(view_().anchorHash, keccak256(abi.encode("old block", 103)), "from the history");
        vm.revertToState(state);
        passBlocks(1);
        isTrue(!bounties.pin(bounty), "missed");
    }

    /// @dev A contract that answers with anything else is no history.
    function test_pin_noHistory() external {
        bytes[3] memory codes = [bytes(hex"60206000f3"), hex"60406000f3", hex"60006000fd"]; // zero, two words, a refusal
        for (uint256 i = 0; i < codes.length; ++i) {
            vm.etch(AnchorHashes.HISTORY, codes[i]);
            open();
            passBlocks(4 + 256);
            isTrue(!bounties.pin(bounty), "forgotten");
        }
    }

    /// @dev Where `block.number` is another chain's, the history counts other blocks: its hash for the number may have been known when
    /// the bounty was opened, and whoever lets the right one be forgotten would draw with it.
    function test_attack_historyOfOtherBlocks() external {
        vm.etch(AnchorHashes.HISTORY, address(new OtherHistory()).code);
        open();
        passBlocks(4 + 256);
        isTrue(!bounties.pin(bounty), "forgotten");
        equal(uint256(view_().anchorHash), 0, "nothing pinned");
        equal(view_().anchor, 363, "another block, as where nothing is kept");
    }

    /// @dev Who builds the anchor's block tries contents: what comes out it learns only with the seed, which is hidden until then.
    function test_attack_builderChoosesTheHash() external {
        open();
        passBlocks(4);
        bytes32 hash = keccak256("the builder's choice");
        vm.setBlockhash(103, hash);
        bounties.pin(bounty);
        uint64 withoutSeed = _expected(1, 0, hash, ALL, TRAINING);
        bounties.drawTraining(bounty, firstSeed());
        isTrue(view_().training != withoutSeed, "the hash alone tells nothing");
        equal(view_().training, _expected(1, firstSeed(), hash, ALL, TRAINING), "both decide");
    }

    /// @dev s1, which the training draw shows, is no seed of the tests, and does not tell s0.
    function test_attack_seedsOfOthers() external {
        open();
        pin();
        bytes32[4] memory wrong = [bytes32(0), secondSeed(), successor(firstSeed()), keccak256("a guess")];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IModelBounties.SeedMismatch.selector, bounty));
            bounties.drawTraining(bounty, wrong[i]);
        }
        bounties.drawTraining(bounty, firstSeed());
        showTraining();
        enter(0);
        elapse(3 hours + 1);
        bounties.closeEntries(bounty);
        pin();
        wrong[1] = firstSeed();
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IModelBounties.SeedMismatch.selector, bounty));
            bounties.drawTests(bounty, wrong[i]);
        }
        bounties.drawTests(bounty, secondSeed());
    }

    /// @dev The hash of the training draw is none for the tests.
    function test_attack_anchorOfTheTrainingDraw() external {
        openForEntries();
        enter(0);
        elapse(3 hours + 1);
        bounties.closeEntries(bounty);
        equal(uint256(view_().anchorHash), 0, "nothing pinned");
        bytes32 seed = secondSeed();
        refusedBy(IModelBounties.AnchorNotPinned.selector, bounty, blockNumber + 3);
        bounties.drawTests(bounty, seed);
    }

    /// @dev Tests are none of the training groups, whatever the hashes are; and both draws are what anybody recomputes.
    function testFuzz_draw_testsAreNoTrainingGroups(bytes32 first, bytes32 second) external {
        vm.assume(first != 0 && second != 0);
        open();
        passBlocks(4);
        vm.setBlockhash(103, first);
        bounties.pin(bounty);
        bounties.drawTraining(bounty, firstSeed());
        showTraining();
        enter(0);
        elapse(3 hours + 1);
        bounties.closeEntries(bounty);
        passBlocks(4);
        vm.setBlockhash(blockNumber - 1, second);
        bounties.pin(bounty);
        bounties.drawTests(bounty, secondSeed());
        equal(view_().training & view_().tests, 0, "apart");
        equal(_ones(view_().tests), TESTS, "so many");
        uint64 left = ALL & ~view_().training;
        equal(view_().tests, _expected(2, secondSeed(), second, left, TESTS), "recomputed");
        equal(view_().deadline, vm.getBlockTimestamp() + 2 hours, "deadline");
    }

    /// @dev After entries are closed at least `delay` blocks pass before the hash is known.
    function test_attack_drawTestsEarly() external {
        openForEntries();
        enter(0);
        bytes32 seed = secondSeed();
        refusedAt(BountyStage.Entering);
        bounties.drawTests(bounty, seed);
        refusedAt(BountyStage.Entering);
        bounties.pin(bounty);
        uint256 deadline = view_().deadline;
        vm.warp(deadline);
        refusedBy(IModelBounties.TooEarly.selector, bounty, deadline);
        bounties.closeEntries(bounty);
        vm.warp(deadline + 1);
        bounties.closeEntries(bounty);
        equal(view_().anchor, blockNumber + 3, "anchor");
        passBlocks(3);
        refusedBy(IModelBounties.AnchorAhead.selector, bounty, blockNumber);
        bounties.pin(bounty);
        passBlocks(1);
        bounties.pin(bounty);
        bounties.drawTests(bounty, seed);
        inStage(BountyStage.TestsDrawn);
    }

    /// @dev Only the owner has the seed: one that sees a draw that it dislikes, and says nothing, withholds the tests.
    function test_attack_ownerKeepsTheSeed() external {
        openForEntries();
        enterMany(3);
        elapse(3 hours + 1);
        bounties.closeEntries(bounty);
        uint256 deadline = vm.getBlockTimestamp() + 2 hours;
        equal(view_().deadline, deadline, "the owner has a window");
        pin();
        vm.warp(deadline);
        refusedBy(IModelBounties.TooEarly.selector, bounty, deadline);
        bounties.withheld(bounty);
        vm.warp(deadline + 1);
        bytes32 seed = secondSeed();
        refusedBy(IModelBounties.TooLate.selector, bounty, deadline);
        bounties.drawTests(bounty, seed);
        bounties.withheld(bounty);
        inStage(BountyStage.Withheld);
        for (uint256 i = 0; i < 3; ++i) {
            equal(owedBy(entrantOf(i)), STAKE + X, "bond and compensation");
            hasStatus(i, EntryStatus.Released);
        }
        equal(burnt(), X, "of the place that nobody took");
        equal(owedBy(OWNER), PRIZE, "the prize alone");
    }

    /// @dev A forgotten anchor gives the owner no time: the window runs on.
    function test_attack_forgottenAnchorsMoveNoDeadline() external {
        openForEntries();
        enter(0);
        elapse(3 hours + 1);
        bounties.closeEntries(bounty);
        uint256 deadline = view_().deadline;
        passBlocks(300);
        isTrue(!bounties.pin(bounty), "forgotten");
        equal(view_().deadline, deadline, "as it was");
        vm.warp(deadline + 1);
        bounties.withheld(bounty);
        inStage(BountyStage.Withheld);
    }

    function test_draw_training_window() external {
        open();
        pin();
        bytes32 seed = firstSeed();
        uint256 deadline = view_().deadline;
        vm.warp(deadline + 1);
        refusedBy(IModelBounties.TooLate.selector, bounty, deadline);
        bounties.drawTraining(bounty, seed);
    }

    /// @dev Seeds that one bounty shows would be known to builders in the next; somebody else may name them, and cannot show them.
    function test_attack_seedsTwice() external {
        BountyTerms memory with = bountyTerms();
        open();
        fundAccount(OWNER, token, ESCROW);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IModelBounties.SeedsUsed.selector, with.seedCommitment));
        bounties.open{value: ESCROW}(with, 1);
        fundAccount(address(this), token, ESCROW);
        bounties.open{value: ESCROW}(with, 1);
    }

    /// @dev Nobody takes a foreign commitment up before its owner does.
    function test_attack_seedCommitmentOfAnother() external {
        BountyTerms memory with = bountyTerms();
        fundAccount(address(this), token, ESCROW);
        bounties.open{value: ESCROW}(with, 0);
        open();
        inStage(BountyStage.Opened);
    }

    function _refusedUnpinned(uint256 anchor) private {
        bytes32 seed = firstSeed();
        refusedBy(IModelBounties.AnchorNotPinned.selector, bounty, anchor);
        bounties.drawTraining(bounty, seed);
    }

    /// @dev The draw, written anew: the least of what a shuffle leaves in front.
    function _expected(uint256 stage, bytes32 seed, bytes32 hash, uint64 available, uint256 count)
        private
        view
        returns (uint64 drawn)
    {
        bytes32 entropy = keccak256(abi.encode(keccak256("gradroll/v1/bounty-draw"), bounty, stage, seed, hash));
        uint8[] memory left = new uint8[](_ones(available));
        uint256 size = 0;
        for (uint8 index = 0; index < 64; ++index) {
            if (available >> index & 1 != 0) left[size++] = index;
        }
        for (uint256 i = 0; i < count; ++i) {
            uint256 picked = i + uint256(keccak256(abi.encode(entropy, i))) % (size - i);
            (left[i], left[picked]) = (left[picked], left[i]);
            drawn |= uint64(1) << left[i];
        }
    }

    function _ones(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) {
            ++count;
        }
    }
}
