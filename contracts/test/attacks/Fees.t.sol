// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Batch, HeldFees, Served, TaskTerms} from "../../src/types/Types.sol";
import {FeeAttackScene} from "../support/FeeAttackScene.sol";

/// @title Attacks on what coordinator and provers earn
contract FeesAttackTest is FeeAttackScene {
    uint256 private constant OWNERS = 4;

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _task = stageTask(feeTerms(), OWNERS);
        passSubmitWindow();
    }

    /// @dev Whoever settles first chooses whose receipts it shows. The model owner, to whom the fees of the others would
    /// return, shows a bare quorum; a prover that signed as well is paid all the same.
    function test_attack_settlingWithABareQuorumLeavesAnHonestProverUnpaid() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, ALL);
        vm.warp(held.due - WINDOW / 2 + 1);
        _settle(held, FIRST_THREE);
        equal(owedTo(payeeOf(0)), proverFee(OWNERS), "paid");
        held = paidFirst(held, FIRST_THREE);
        _settle(held, ALL);
        for (uint256 member = 0; member < PROVERS; ++member) {
            equal(owedTo(payeeOf(member)), proverFee(OWNERS), "paid once");
        }
        equal(owedTo(PAYEE), payeeFee(OWNERS), "paid once");
        _gone(held);
    }

    /// @dev Whoever relays chooses whose attestations it shows, too.
    function test_attack_relayWithABareQuorumLeavesAnHonestProverUnpaid() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, FIRST_THREE);
        vm.warp(held.due);
        Served memory served = servedBy(held, ALL);
        served.attestations = signedBy(ALL, held.attestation);
        market.settleFees(_task, 0, 0, held, served);
        equal(owedTo(payeeOf(3)), proverFee(OWNERS), "attested and serves");
        _conserved(PROVERS * proverFee(OWNERS) + payeeFee(OWNERS));
    }

    /// @dev Once a quorum's word is there it is final: the model owner cannot ask again, nor have the fees of the others
    /// before their time is over. Those that never signed are the task's in the end.
    function test_attack_challengeAfterTheQuorumsWord() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, ALL);
        market.settleFees(_task, 0, 0, held, postedBy(held, FIRST_THREE, "the sum"));
        held = paidFirst(held, FIRST_THREE);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ChallengeImpossible.selector, held.due));
        market.challengeAvailability(_task, 0, 0, held);
        vm.warp(held.due);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AvailabilityNotOverdue.selector, held.due));
        market.refundFees(_task, 0, 0, held);
        vm.warp(held.due + 1);
        market.refundFees(_task, 0, 0, held);
        _gone(held);
        equal(owedTo(payeeOf(3)), 0, "did not sign");
        _conserved(3 * proverFee(OWNERS) + payeeFee(OWNERS));
    }

    /// @dev A challenge is asked once, in time, and moves the deadline once: the fees cannot be held up for longer.
    function test_attack_challengeAfterChallenge() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, ALL);
        uint256 asked = held.due - WINDOW / 2;
        vm.warp(asked + 1);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ChallengeImpossible.selector, held.due));
        market.challengeAvailability(_task, 0, 0, held);
        vm.warp(asked);
        vm.prank(modelOwner);
        market.challengeAvailability(_task, 0, 0, held);
        held = challengedNow(held);
        vm.warp(asked + 1);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ChallengeImpossible.selector, held.due));
        market.challengeAvailability(_task, 0, 0, held);
        vm.warp(asked + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AvailabilityNotOverdue.selector, asked + WINDOW));
        market.refundFees(_task, 0, 0, held);
        Served memory served = servedBy(held, ALL);
        market.settleFees(_task, 0, 0, held, served);
        equal(owedTo(payeeOf(0)), proverFee(OWNERS), "paid");
    }

    /// @dev A payee and a prover are paid by one of settling and refunding, and once.
    function test_attack_feesAreTakenTwice() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, ALL);
        vm.warp(held.due);
        _settle(held, ALL);
        _gone(held);
        _conserved(PROVERS * proverFee(OWNERS) + payeeFee(OWNERS));
    }

    /// @dev Where no quorum signed: the payee has its fee, provers have none.
    function test_attack_refundIsTakenTwice() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, ALL);
        vm.warp(held.due + 1);
        Served memory served = servedBy(held, ALL);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AvailabilityOverdue.selector, held.due));
        market.settleFees(_task, 0, 0, held, served);
        market.refundFees(_task, 0, 0, held);
        _gone(held);
        _conserved(payeeFee(OWNERS));
    }

    /// @dev Who did not attest the batch earns nothing by signing that it is served.
    function test_attack_signerOfReceiptsOnlyIsPaid() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, FIRST_THREE);
        vm.warp(held.due);
        _settle(held, ALL);
        equal(owedTo(payeeOf(3)), 0, "did not attest");
        equal(owedTo(payeeOf(2)), proverFee(OWNERS), "attested and serves");
        held = paidFirst(held, FIRST_THREE);
        vm.warp(held.due + 1);
        market.refundFees(_task, 0, 0, held);
        _conserved(3 * proverFee(OWNERS) + payeeFee(OWNERS));
    }

    /// @dev What the market holds is the hash of the whole record: no word of it is the caller's to choose.
    function testFuzz_attack_recordOfFeesIsAltered(uint256 word, uint256 delta) external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, FIRST_THREE);
        bytes memory data = abi.encodeCall(IMarket.refundFees, (_task, 0, 0, held));
        uint256 words = abi.encode(held).length / 32;
        vm.assume(delta != 0);
        word = 3 + word % words;
        assembly ("memory-safe") {
            let position := add(add(data, 0x24), shl(5, word))
            mstore(position, xor(mload(position), delta))
        }
        vm.warp(held.due + 1 days);
        (bool ok,) = MARKET.call(data);
        isTrue(!ok, "an altered record");
        market.refundFees(_task, 0, 0, held);
    }

    /// @dev Receipts are for one batch and one challenge, and each is a member's of the round's epoch.
    function test_attack_receiptsAreReplayed() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, 2, ALL);
        HeldFees memory other = acceptFrom(_task, 0, 2, 2, ALL);
        Served memory served = servedBy(other, ALL);
        vm.prank(modelOwner);
        market.challengeAvailability(_task, 0, 1, other);
        other = challengedNow(other);
        vm.expectPartialRevert(ICommitteeRegistry.AttestationInvalid.selector); // signed before it was asked again
        market.settleFees(_task, 0, 1, other, served);
        vm.warp(held.due);
        vm.expectPartialRevert(ICommitteeRegistry.AttestationInvalid.selector);
        market.settleFees(_task, 0, 0, held, served);
        served = servedBy(held, 3);
        vm.expectPartialRevert(ICommitteeRegistry.TooFewAttestations.selector);
        market.settleFees(_task, 0, 0, held, served);
        // Attestations of another batch, in the name of this one.
        served = servedBy(held, ALL);
        served.attestations = signedBy(ALL, other.attestation);
        vm.expectPartialRevert(ICommitteeRegistry.AttestationInvalid.selector);
        market.settleFees(_task, 0, 0, held, served);
        // For a sum that is not posted, in the name of one that is.
        served = postedBy(held, ALL, "sum");
        served.payload = "";
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotPosted.selector, keccak256("sum")));
        market.settleFees(_task, 0, 0, held, served);
        served.payload = "another";
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotPosted.selector, keccak256("sum")));
        market.settleFees(_task, 0, 0, held, served);
    }

    /// @dev A relay cannot name itself before its time, and has the fee after it.
    function test_attack_relayNamesItself() external {
        Batch memory batch = batchOf(_task, 0, 0, OWNERS);
        batch.payee = address(this);
        vm.expectPartialRevert(ICommitteeRegistry.AttestationInvalid.selector);
        market.acceptBatch(batch);
        vm.warp(market.round(_task, 0).settleDeadline - WINDOW / 2);
        HeldFees memory held = acceptFrom(_task, 0, 0, 2, ALL);
        vm.warp(market.round(_task, 0).settleDeadline - WINDOW / 2 + 1);
        HeldFees memory late = acceptFrom(_task, 0, 2, 2, ALL);
        vm.warp(late.due + 1);
        market.refundFees(_task, 0, 0, held);
        vm.expectRevert(abi.encodeWithSelector(IMarket.FeesUnknown.selector, _task, 0, 1));
        market.refundFees(_task, 0, 1, late);
        late.payee = address(this);
        market.refundFees(_task, 0, 1, late);
        equal(owedTo(PAYEE), payeeFee(2), "before half of the window");
        equal(owedTo(address(this)), payeeFee(2), "after it");
    }

    /// @dev Fees are paid from the round's reserve whether it was finalised before or after, and never twice.
    function test_attack_finalisingReleasesFeesThatAreHeld() external {
        HeldFees memory held = acceptFrom(_task, 0, 0, OWNERS, ALL);
        close(_task, 0);
        market.finalizeRound(_task, 0);
        uint256 free = market.task(_task).balance;
        vm.prank(modelOwner);
        market.withdraw(_task, free, modelOwner);
        market.claim(_task, 1, hex"0000000100020003");
        equal(MARKET.balance, PROVERS * proverFee(OWNERS) + payeeFee(OWNERS), "the fees are still there");
        vm.warp(held.due + 1);
        market.refundFees(_task, 0, 0, held);
        market.collect(address(0), PAYEE, PAYEE);
        equal(MARKET.balance, market.task(_task).balance, "and then the task's");
    }

    /// @dev However a round is cut into batches, and whatever becomes of their fees: the reserve is enough for the smallest batches,
    /// and after everybody has taken what is its nothing is left.
    function testFuzz_attack_manySmallBatchesOutrunTheReserve(uint256 seed) external {
        TaskTerms memory with = feeTerms();
        uint256 taskId = createTask(with);
        enrol(taskId, 0, 7);
        fund(taskId, reserveOf(with, 7));
        openRound(taskId, 7);
        passSubmitWindow();
        uint256 first = 0;
        uint256 spent = 0;
        for (uint256 number = 0; first < 6; ++number) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 count = 2 + seed % (6 - first); // up to all that are left
            if (count > 7 - first) count = 7 - first;
            HeldFees memory held = acceptFrom(taskId, 0, first, count, ALL);
            first += count;
            spent += count * PAY + payeeFee(count);
            uint256 members = seed & 1 == 0 ? ALL : FIRST_THREE;
            spent += (members == ALL ? 4 : 3) * proverFee(count);
            market.settleFees(taskId, 0, number, held, postedBy(held, members, "sum"));
            if (members == ALL) continue;
            vm.warp(held.due + 1);
            market.refundFees(taskId, 0, number, _paidAtOnce(held, members));
            vm.warp(held.due - WINDOW);
        }
        close(taskId, 0);
        market.finalizeRound(taskId, 0);
        market.claim(taskId, 1, hex"0000000100020003000400050006");
        _takeAll(taskId);
        equal(modelOwner.balance, reserveOf(with, 7) - spent, "the task's rest");
        equal(MARKET.balance, market.task(_task).balance + market.task(_task).reserved, "the other task's is left");
    }

    function _takeAll(uint256 taskId) private {
        market.collect(address(0), PAYEE, PAYEE);
        for (uint256 member = 0; member < PROVERS; ++member) {
            if (owedTo(payeeOf(member)) != 0) market.collect(address(0), payeeOf(member), payeeOf(member));
        }
        uint256 free = market.task(taskId).balance;
        vm.prank(modelOwner);
        market.withdraw(taskId, free, modelOwner);
    }

    /// @dev What is held when members and the payee were paid in the block of the acceptance.
    function _paidAtOnce(HeldFees memory held, uint256 members) private pure returns (HeldFees memory) {
        (held.paid, held.payeePaid) = (members, true);
        return held;
    }

    function _settle(HeldFees memory held, uint256 members) private {
        market.settleFees(_task, 0, 0, held, servedBy(held, members));
    }

    /// @dev Nothing is held for the batch any more.
    function _gone(HeldFees memory held) private {
        bytes memory refusal = abi.encodeWithSelector(IMarket.FeesUnknown.selector, _task, 0, 0);
        Served memory served = servedBy(held, ALL);
        vm.expectRevert(refusal);
        market.settleFees(_task, 0, 0, held, served);
        vm.warp(held.due + 365 days);
        vm.expectRevert(refusal);
        market.refundFees(_task, 0, 0, held);
    }

    /// @dev After all is settled and paid, the market holds the task's balance and the credits, to the wei.
    function _conserved(uint256 fees) private {
        if (!market.round(_task, 0).closed) close(_task, 0);
        market.finalizeRound(_task, 0);
        market.claim(_task, 1, hex"0000000100020003");
        uint256 credits = owedTo(PAYEE);
        for (uint256 member = 0; member < PROVERS; ++member) {
            credits += owedTo(payeeOf(member));
        }
        equal(credits, fees, "credits");
        equal(MARKET.balance, market.task(_task).balance + credits, "balance and credits");
    }
}
