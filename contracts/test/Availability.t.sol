// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {HeldFees, Served} from "../src/types/Types.sol";
import {FeeScene} from "./support/FeeScene.sol";

/// @title Whom a settler leaves out, a model owner's challenge, and sums that are posted
contract AvailabilityTest is FeeScene {
    bytes private constant SUM = "the encoded aggregate";

    /// @dev What is not paid goes back to the model owner, who could so settle with the fewest members that do.
    function test_settleFees_leftOutByTheSettler() external {
        HeldFees memory held = acceptedBy(15);
        vm.warp(held.due); // in the last second
        uint256 free = market.task(task).balance;
        vm.prank(modelOwner);
        settle(held, servedBy(7, held));
        proversPaid(7);
        (held.paid, held.payeePaid) = (7, true);
        held.due = vm.getBlockTimestamp() + WINDOW;
        isHeld(held);
        equal(market.task(task).balance, free, "nothing goes back yet");
        vm.expectRevert(abi.encodeWithSelector(IMarket.AvailabilityNotOverdue.selector, held.due));
        market.refundFees(task, 0, 0, held);
        settle(held, servedBy(13, held)); // members 0, 2 and 3
        proversPaid(15);
        payeePaid(COORDINATOR_FEE);
        equal(market.heldFees(task, 0, 0), 0, "settled");
        equal(market.task(task).balance, free, "all are paid");
    }

    /// @dev The same for members whose attestations the relayer of the batch left out.
    function test_settleFees_leftOutByTheRelayer() external {
        HeldFees memory held = acceptedBy(7);
        afterChallenges(held);
        Served memory served = servedBy(14, held); // 1, 2 and 3
        served.attestations = signaturesOf(13, held.attestation); // 0, 2 and 3
        settle(held, served);
        proversPaid(14);
        (held.attesters, held.paid, held.payeePaid) = (15, 14, true);
        held.due = vm.getBlockTimestamp() + WINDOW;
        isHeld(held);
        settle(held, servedBy(11, held));
        proversPaid(15);
    }

    function test_settleFees_attestationsOfAnother() external {
        HeldFees memory held = acceptedBy(7);
        afterChallenges(held);
        Served memory served = servedBy(15, held);
        served.attestations = signaturesOf(13, availabilityDigest(held, 0));
        settleRefused(held, served, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        served.attestations = signaturesOf(12, held.attestation);
        settleRefused(held, served, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
    }

    function test_settleFees_nobodyTwice() external {
        HeldFees memory held = acceptedBy(7);
        afterChallenges(held);
        settle(held, servedBy(7, held));
        (held.paid, held.payeePaid, held.due) = (7, true, vm.getBlockTimestamp() + WINDOW);
        settleRefused(held, servedBy(7, held), abi.encodeWithSelector(IMarket.ProversPaid.selector, 7));
        // Member 3 serves, but did not attest.
        settleRefused(held, servedBy(15, held), abi.encodeWithSelector(IMarket.ProversPaid.selector, 7));
        proversPaid(7);
        payeePaid(COORDINATOR_FEE);
    }

    /// @dev Nobody lengthens the time for those left out by adding one after the other.
    function test_settleFees_addedUntilOnce() external {
        HeldFees memory held = acceptedBy(15);
        afterChallenges(held);
        settle(held, servedBy(7, held));
        (held.paid, held.payeePaid, held.due) = (7, true, vm.getBlockTimestamp() + WINDOW);
        vm.warp(held.due + 1);
        settleRefused(held, servedBy(15, held), abi.encodeWithSelector(IMarket.AvailabilityOverdue.selector, held.due));
        uint256 free = market.task(task).balance;
        market.refundFees(task, 0, 0, held);
        equal(market.task(task).balance, free + PROVER_FEE, "the rest");
        payeePaid(COORDINATOR_FEE);
        proversPaid(7);
    }

    function test_challenge_signedAnew() external {
        HeldFees memory held = acceptedBy(7);
        Served memory before = servedBy(7, held);
        vm.warp(held.due - WINDOW / 2);
        HeldFees memory next = abi.decode(abi.encode(held), (HeldFees));
        (next.challenge, next.due) = (vm.getBlockTimestamp(), vm.getBlockTimestamp() + WINDOW);
        vm.prank(modelOwner);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.FeesHeld(task, 0, 0, next);
        market.challengeAvailability(task, 0, 0, held);
        isHeld(next);
        settleRefused(held, before, abi.encodeWithSelector(IMarket.FeesUnknown.selector, task, 0, 0));
        settleRefused(next, before, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        settle(next, servedBy(7, next)); // at once
        proversPaid(7);
    }

    function test_challenge_unanswered() external {
        HeldFees memory held = _challenged();
        uint256 free = market.task(task).balance;
        vm.warp(held.due + 1);
        market.refundFees(task, 0, 0, held);
        proversPaid(0);
        payeePaid(COORDINATOR_FEE);
        equal(market.task(task).balance, free + 4 * PROVER_FEE, "back");
    }

    function test_challenge_refused() external {
        HeldFees memory held = acceptedBy(7);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, task, address(this)));
        market.challengeAvailability(task, 0, 0, held);
        afterChallenges(held);
        _challengeRefused(held); // too late
        settle(held, servedBy(7, held));
        (held.paid, held.payeePaid, held.due) = (7, true, vm.getBlockTimestamp() + WINDOW);
        _challengeRefused(held); // a quorum's word is final
    }

    function test_challenge_once() external {
        HeldFees memory held = _challenged();
        elapse(1);
        _challengeRefused(held);
    }

    /// @dev A posted sum is there for everybody: no waiting, and no veto.
    function test_settleFees_postedInCalldata() external {
        HeldFees memory held = acceptedBy(7);
        Served memory served = _posted(keccak256(SUM), held);
        served.payload = SUM;
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.AggregatePublished(task, 0, 0, SUM);
        settle(held, served);
        proversPaid(7);
    }

    function test_settleFees_postedInABlob() external {
        HeldFees memory held = acceptedBy(7);
        bytes32 hash = bytes32(uint256(1) << 248 | 0xb10b);
        Served memory served = _posted(hash, held);
        _notPosted(held, served); // without the blob
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = hash;
        vm.blobhashes(hashes);
        settle(held, served);
        proversPaid(7);
    }

    function test_settleFees_postedElsewhere() external {
        HeldFees memory held = acceptedBy(7);
        Served memory served = _posted(keccak256(SUM), held);
        _notPosted(held, served); // no payload
        served.payload = "another";
        _notPosted(held, served);
        served = servedBy(7, held); // of a sum that is not posted
        served.payload = SUM;
        _notPosted(held, served);
        // What is posted is what the quorum names.
        served.posted = keccak256(SUM);
        settleRefused(held, served, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
    }

    function test_settleFees_postedAfterAChallenge() external {
        HeldFees memory held = _challenged();
        Served memory served = _posted(keccak256(SUM), held);
        served.payload = SUM;
        settle(held, served);
        proversPaid(7);
    }

    /// @dev Provers of the round's epoch are paid, whatever became of their seats.
    function test_settleFees_controllersOfTheEpoch() external {
        HeldFees memory held = acceptedBy(7);
        afterChallenges(held);
        for (uint256 member = 0; member < PROVERS; ++member) {
            equal(registry.controllerAt(committee, 0, member), payeeOf(member), "controller");
        }
        vm.prank(payeeOf(1));
        registry.retire(committee, 1);
        settle(held, servedBy(7, held));
        proversPaid(7);
    }

    /// @dev The batch, challenged at once.
    function _challenged() private returns (HeldFees memory held) {
        held = acceptedBy(7);
        elapse(60);
        vm.prank(modelOwner);
        market.challengeAvailability(task, 0, 0, held);
        (held.challenge, held.due) = (vm.getBlockTimestamp(), vm.getBlockTimestamp() + WINDOW);
    }

    function _challengeRefused(HeldFees memory held) private {
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ChallengeImpossible.selector, held.due));
        market.challengeAvailability(task, 0, 0, held);
    }

    function _posted(bytes32 posted, HeldFees memory held) private view returns (Served memory served) {
        served.posted = posted;
        served.receipts = signaturesOf(7, availabilityDigest(held, posted));
    }

    function _notPosted(HeldFees memory held, Served memory served) private {
        settleRefused(held, served, abi.encodeWithSelector(IMarket.NotPosted.selector, served.posted));
    }
}
