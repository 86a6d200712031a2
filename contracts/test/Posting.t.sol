// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IExclusions} from "../src/interfaces/IExclusions.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {Posting} from "../src/types/Types.sol";
import {QuorumScene} from "./support/QuorumScene.sol";

/// @title Owners that show on the chain that a quorum holds their shares
contract PostingTest is QuorumScene {
    function setUp() external {
        stageDeposits();
    }

    /// @dev All that a coordinator takes a submission by is in the event: commitment, signatures, digests, receipts.
    function test_postSubmission_says() external {
        Posting memory posting = postingOf(0, 3);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IExclusions.SubmissionPosted(task, 0, 3, dealingOf(posting, 0, 3), posting);
        vm.prank(ownerAddress(3));
        market.postSubmission(task, 0, 3, posting);
        equal(market.posted(task, 0, 0), 1 << 3, "noted");
    }

    function test_postSubmission_byTheAccount() external {
        Posting memory posting = postingOf(0, 3);
        vm.prank(ownerAddress(3));
        market.setAccount(task, 3, address(0xACC0));
        vm.prank(address(0xACC0));
        market.postSubmission(task, 0, 3, posting);
        equal(market.posted(task, 0, 0), 1 << 3, "noted");
    }

    /// @dev Nobody posts for others, not even with what they signed: it may be theirs to wait.
    function test_postSubmission_forOthers() external {
        Posting memory posting = postingOf(0, 3);
        address[4] memory strangers = [address(this), modelOwner, COORDINATOR, ownerAddress(4)];
        for (uint256 i = 0; i < strangers.length; ++i) {
            vm.prank(strangers[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NotTheAccount.selector, task, 3, ownerAddress(3)));
            market.postSubmission(task, 0, 3, posting);
        }
        // Nor as one's own.
        _refused(4, posting, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 4));
    }

    function test_postSubmission_twice() external {
        post(0, 3);
        _refused(3, postingOf(0, 3), abi.encodeWithSelector(IExclusions.AlreadyPosted.selector, task, 0, 3));
        Posting memory other = postingOf(0, 3);
        other.shareDigests[0] = 0;
        signPosting(other, 0, 3, ownerKey(3));
        _refused(3, other, abi.encodeWithSelector(IExclusions.AlreadyPosted.selector, task, 0, 3));
    }

    function test_postSubmission_withoutAQuorum() external {
        Posting memory posting = postingOf(0, 3);
        bytes32 digest = typed("Receipt(bytes32 submission)", abi.encode(dealingOf(posting, 0, 3)));
        for (uint256 count = 0; count < QUORUM; ++count) {
            posting.receipts = signedByProvers(digest, 0, count);
            _refused(3, posting, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, count, QUORUM));
        }
        posting.receipts = byQuorum(typed("Receipt(bytes32 submission)", abi.encode(submissionOf(posting, 0))));
        _refused(3, posting, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        posting.receipts = postingOf(0, 4).receipts;
        _refused(3, posting, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
    }

    /// @dev What no coordinator could take is not posted: without the owner's signatures, or with other digests than it
    /// dealt.
    function test_postSubmission_thatCannotBeTaken() external {
        bytes memory invalid = abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 3);
        Posting memory posting = postingOf(0, 3);
        posting.entry.r ^= bytes32(uint256(1));
        _refused(3, posting, invalid);
        posting = postingOf(0, 3);
        (posting.r, posting.vs) = (posting.entry.r, posting.entry.vs);
        _refused(3, posting, invalid);
        posting = postingOf(0, 3);
        posting.shareDigests[2] = 0;
        _refused(3, posting, invalid);
        posting = postingOf(0, 3);
        ++posting.entry.cx;
        _refused(3, posting, invalid);
        posting = postingOf(0, 3);
        signPosting(posting, 0, 3, ownerKey(4));
        _refused(3, posting, invalid);
        (posting.entry.r, posting.entry.vs, posting.r, posting.vs) = (0, 0, 0, 0);
        _refused(3, posting, invalid);
        _digestsInvalid(PROVERS - 1);
        _digestsInvalid(PROVERS + 1);
        _digestsInvalid(0);
    }

    /// @dev Signed for another round, task or market.
    function test_postSubmission_ofAnother() external {
        bytes memory invalid = abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 3);
        _refused(3, postingOf(1, 3), invalid);
        uint256 own = task;
        task = stageTask(feeTerms(), 8);
        Posting memory other = postingOf(0, 3);
        task = own;
        _refused(3, other, invalid);
        Posting memory posting = postingOf(0, 3);
        vm.chainId(CHAIN_ID + 1);
        _refused(3, posting, invalid);
    }

    /// @dev Only as long as owners submit; so whoever coordinates has the settle window to take them.
    function test_postSubmission_afterTheSubmitWindow() external {
        uint256 deadline = market.round(task, 0).submitDeadline;
        vm.warp(deadline);
        post(0, 3);
        vm.warp(deadline + 1);
        _refused(4, postingOf(0, 4), abi.encodeWithSelector(IExclusions.SubmitWindowOver.selector, task, 0));
    }

    function test_postSubmission_ofWhoWasAccepted() external {
        accept(task, 0, 2, 3);
        _refused(3, postingOf(0, 3), abi.encodeWithSelector(IMarket.OwnerAlreadyAccepted.selector, 0, 3));
        post(0, 5);
    }

    /// @dev Owners without a part in the round: that came when it was full, or left before it was opened.
    function test_postSubmission_withoutAPart() external {
        vm.prank(ownerAddress(3));
        market.resign(task, 3);
        post(0, 3);
        close(task, 0);
        market.finalizeRound(task, 0);
        fund(task, reserveOf(market.task(task).terms, 8));
        openRound(task, 8);
        _refusedIn(1, 3, abi.encodeWithSelector(IExclusions.NotInRound.selector, task, 1, 3));
        enrol(task, 8, 9);
        _refusedIn(1, 8, abi.encodeWithSelector(IExclusions.NotInRound.selector, task, 1, 8));
        _refusedIn(2, 4, abi.encodeWithSelector(IMarket.RoundUnknown.selector, task, 2));
        post(1, 4);
    }

    function test_postSubmission_excluded() external {
        exclude(0, 3);
        _refused(3, postingOf(0, 3), abi.encodeWithSelector(IExclusions.AlreadyExcluded.selector, task, 3));
    }

    /// @dev Junk that was posted is answered by an exclusion, once for each round in which it was.
    function test_exclude_answersPostings() external {
        post(0, 3);
        accept(task, 0, 0, 2);
        fund(task, reserveOf(market.task(task).terms, 8));
        openRound(task, 8);
        post(1, 3);
        post(1, 4);
        exclude(0, 3);
        equal(market.posted(task, 0, 0), 0, "answered");
        equal(market.posted(task, 1, 0), 3 << 3, "not yet");
        exclude(1, 3);
        equal(market.posted(task, 1, 0), 1 << 4, "answered");
        equal(burntEther(), DEPOSIT / 2, "for one deposit");
        equal(owedEther(REPORTER), DEPOSIT / 4, "for one quarter");
    }

    function test_postSubmission_whilePaused() external {
        vm.prank(GUARDIAN);
        market.pause();
        vm.warp(START + 2 days);
        post(0, 3);
        equal(market.posted(task, 0, 0), 1 << 3, "noted");
    }

    function _digestsInvalid(uint256 count) private {
        Posting memory posting = postingOf(0, 3);
        posting.shareDigests = new bytes32[](count);
        signPosting(posting, 0, 3, ownerKey(3));
        _refused(3, posting, abi.encodeWithSelector(IExclusions.ShareDigestsInvalid.selector, count, PROVERS));
    }

    function _refused(uint256 index, Posting memory posting, bytes memory reason) private {
        vm.prank(ownerAddress(index));
        vm.expectRevert(reason);
        market.postSubmission(task, 0, index, posting);
    }

    function _refusedIn(uint256 round, uint256 index, bytes memory reason) private {
        Posting memory posting = postingOf(round, index);
        vm.prank(ownerAddress(index));
        vm.expectRevert(reason);
        market.postSubmission(task, round, index, posting);
    }
}
