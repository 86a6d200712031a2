// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IExclusions} from "../src/interfaces/IExclusions.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {Forfeit} from "../src/libraries/Forfeit.sol";
import {Attestation, OwnerView, TaskTerms} from "../src/types/Types.sol";
import {QuorumScene} from "./support/QuorumScene.sol";
import {BombToken, Token} from "./support/Tokens.sol";

/// @title Owners whose dealing a quorum found bad
contract ExclusionTest is QuorumScene {
    function setUp() external {
        stageDeposits();
    }

    function test_exclude_costsTheDeposit() external {
        vm.expectEmit(true, true, true, true, MARKET);
        emit IExclusions.OwnerExcluded(task, 0, 3, DEALING, DEPOSIT);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OwnerLeaving(task, 3, 1);
        exclude(0, 3);
        OwnerView memory owner = market.ownerAt(task, 3);
        isTrue(owner.excluded && owner.leaving && !owner.exited, "excluded, and leaves");
        equal(owner.leavesAt, 1, "keeps the open round");
        equal(owedEther(REPORTER), DEPOSIT / 4, "reporter");
        equal(owedEther(COORDINATOR), DEPOSIT / 4, "coordinator");
        equal(burntEther(), DEPOSIT / 2, "burnt");
    }

    function test_exit_returnsNothingToTheExcluded() external {
        exclude(0, 3);
        vm.prank(ownerAddress(4));
        market.resign(task, 4);
        uint256 before = address(market).balance;
        _exitAfter(0, 3, 0);
        equal(address(market).balance, before, "nothing");
        equal(ownerAddress(3).balance, 0, "nothing");
        equal(market.task(task).activeOwners, 7, "its place is free");
        _exitAfter(0, 4, DEPOSIT);
        equal(ownerAddress(4).balance, DEPOSIT, "another's comes back");
        market.collect(address(0), Forfeit.NOBODY, Forfeit.NOBODY);
        equal(Forfeit.NOBODY.balance, DEPOSIT / 2, "burnt");
    }

    function test_exclude_twice() external {
        exclude(0, 3);
        _refuseAgain(0);
        fund(task, reserveOf(market.task(task).terms, 8));
        close(task, 0);
        market.finalizeRound(task, 0);
        openRound(task, 8);
        Attestation[] memory receipts = byQuorum(exclusionDigest(1, 3, DEALING));
        vm.expectRevert(abi.encodeWithSelector(IExclusions.NotInRound.selector, task, 1, 3));
        market.exclude(task, 1, 3, DEALING, receipts);
        equal(burntEther(), DEPOSIT / 2, "once");
    }

    /// @dev Fewer than a quorum; t+1 corrupt provers take nobody's deposit.
    function test_exclude_byFewerThanAQuorum() external {
        bytes32 digest = exclusionDigest(0, 3, DEALING);
        for (uint256 count = 0; count < QUORUM; ++count) {
            Attestation[] memory fewer = signedByProvers(digest, 0, count);
            vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, count, QUORUM));
            market.exclude(task, 0, 3, DEALING, fewer);
        }
        Attestation[] memory doubled = byQuorum(digest);
        doubled[2] = doubled[1];
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationsNotAscending.selector, 1));
        market.exclude(task, 0, 3, DEALING, doubled);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 0, QUORUM));
        market.exclude(task, 0, 3, DEALING, new Attestation[](0));
    }

    /// @dev Every word of what is signed counts: task, terms, round, owner, dealing; and the market.
    function test_exclude_signedForAnother() external {
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 3, DEALING));
        _refused(0, 4, DEALING, receipts);
        _refused(0, 3, keccak256("another dealing"), receipts);
        _refused(0, 3, DEALING, byQuorum(exclusionDigest(1, 3, DEALING)));
        _refused(0, 3, DEALING, byQuorum(typed("Receipt(bytes32 submission)", abi.encode(DEALING))));
        uint256 own = task;
        task = stageTask(feeTerms(), 8);
        Attestation[] memory other = byQuorum(exclusionDigest(0, 3, DEALING));
        _refused(0, 3, DEALING, receipts);
        task = own;
        _refused(0, 3, DEALING, other);
        vm.chainId(CHAIN_ID + 1);
        _refused(0, 3, DEALING, receipts);
    }

    /// @dev The members of the round's epoch, and no others: neither those that came later, nor another committee's.
    function test_exclude_byAnotherEpoch() external {
        uint256 fresh = 1000;
        rotateProver(1, fresh);
        bytes32 digest = exclusionDigest(0, 3, DEALING);
        Attestation[] memory later = byQuorum(digest);
        (later[1].r, later[1].vs) = signCompact(fresh, digest);
        _refused(0, 3, DEALING, later, 1);
        exclude(0, 3);
    }

    function test_exclude_byAnotherCommittee() external {
        TaskTerms memory with = stubTerms();
        with.committeeId = createCommittee(1, 5);
        task = stageTask(with, 4);
        Attestation[] memory four = signedByProvers(exclusionDigest(0, 3, DEALING), 0, 4);
        four[3].member = 4;
        _refused(0, 3, DEALING, four, 4);
    }

    /// @dev Who signs earns nothing by it, nor does the owner by reporting itself.
    function test_exclude_byParties() external {
        address[5] memory parties =
            [ownerAddress(3), address(0xACC0), vm.addr(proverKey(0)), vm.addr(proverKey(2)), payeeOf(1)];
        vm.prank(ownerAddress(3));
        market.setAccount(task, 3, address(0xACC0));
        uint256 state = vm.snapshotState();
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 3, DEALING));
        for (uint256 i = 0; i < parties.length; ++i) {
            vm.prank(parties[i]);
            market.exclude(task, 0, 3, DEALING, receipts);
            equal(owedEther(parties[i]), 0, "nothing");
            equal(burntEther(), DEPOSIT - DEPOSIT / 4, "burnt");
            vm.revertToState(state);
        }
        vm.prank(payeeOf(3));
        market.exclude(task, 0, 3, DEALING, receipts);
        equal(owedEther(payeeOf(3)), DEPOSIT / 4, "a prover that did not sign");
    }

    /// @dev The coordinator of the round, who has both quarters if it reports; nobody who is named when it is closed.
    function test_exclude_byTheCoordinator() external {
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 3, DEALING));
        vm.prank(COORDINATOR);
        market.exclude(task, 0, 3, DEALING, receipts);
        equal(owedEther(COORDINATOR), DEPOSIT / 2, "both");
        close(task, 0);
        vm.prank(modelOwner);
        market.setCoordinator(task, address(0xC1));
        exclude(0, 4);
        equal(owedEther(address(0xC1)), 0, "its work it was not");
    }

    function test_exclude_ofWhoIsNotThere() external {
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 8, DEALING));
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnerUnknown.selector, task, 8));
        market.exclude(task, 0, 8, DEALING, receipts);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, task, 1));
        market.exclude(task, 1, 3, DEALING, receipts);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 5));
        market.exclude(5, 0, 3, DEALING, receipts);
    }

    /// @dev An owner loses no deposit for rounds in which it had no part: that were over when it came, or full, or
    /// opened after it left.
    function test_exclude_forOtherRounds() external {
        vm.prank(ownerAddress(3));
        market.resign(task, 3);
        close(task, 0);
        market.finalizeRound(task, 0);
        fund(task, 2 * reserveOf(market.task(task).terms, 8));
        openRound(task, 8);
        enrol(task, 8, 9);
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 8, DEALING));
        vm.expectRevert(abi.encodeWithSelector(IExclusions.NotInRound.selector, task, 0, 8));
        market.exclude(task, 0, 8, DEALING, receipts);
        receipts = byQuorum(exclusionDigest(1, 8, DEALING));
        vm.expectRevert(abi.encodeWithSelector(IExclusions.NotInRound.selector, task, 1, 8));
        market.exclude(task, 1, 8, DEALING, receipts);
        receipts = byQuorum(exclusionDigest(1, 3, DEALING));
        vm.expectRevert(abi.encodeWithSelector(IExclusions.NotInRound.selector, task, 1, 3));
        market.exclude(task, 1, 3, DEALING, receipts);
        exclude(0, 3);
        equal(market.ownerAt(task, 3).leavesAt, 1, "leaves when it said");
    }

    /// @dev Who announces to leave is not out of reach: its word keeps the hour of the announcement and the exclusion.
    function test_exclude_ofWhoAnnouncedToLeave() external {
        close(task, 0);
        uint256 announced = vm.getBlockTimestamp();
        vm.prank(ownerAddress(3));
        market.resign(task, 3);
        vm.warp(market.round(task, 0).settleDeadline + EXIT_DELAY);
        exclude(0, 3);
        OwnerView memory owner = market.ownerAt(task, 3);
        isTrue(owner.excluded && owner.leaving && owner.leavesAt == 1, "leaves, and lost its deposit");
        market.claim(task, 1, hex"0003");
        uint256 until = (announced + 1 hours - 1) / 1 hours * 1 hours + EXIT_DELAY;
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ExitTooEarly.selector, task, 3));
        market.exit(task, 3);
        vm.warp(until + 1);
        market.exit(task, 3);
        equal(ownerAddress(3).balance, 0, "nothing is returned");
        equal(burntEther() + owedEther(REPORTER) + owedEther(COORDINATOR), DEPOSIT, "all of it is divided");
    }

    /// @dev The keys of provers that left long ago take no deposit: it is out of reach exactly when it may be returned.
    function test_exclude_tooLate() external {
        vm.prank(ownerAddress(3));
        market.resign(task, 3);
        uint256 last = market.round(task, 0).settleDeadline + market.task(task).terms.exitDelay;
        uint256 state = vm.snapshotState();
        vm.warp(last);
        market.claim(task, 1, hex"0003");
        vm.expectRevert(abi.encodeWithSelector(IMarket.ExitTooEarly.selector, task, 3));
        market.exit(task, 3);
        exclude(0, 3);
        vm.revertToState(state);
        vm.warp(last + 1);
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 3, DEALING));
        vm.expectRevert(abi.encodeWithSelector(IExclusions.ExclusionTooLate.selector, last));
        market.exclude(task, 0, 3, DEALING, receipts);
        market.claim(task, 1, hex"0003");
        market.exit(task, 3);
        equal(ownerAddress(3).balance, DEPOSIT, "returned");
    }

    /// @dev Pauses move this as everything.
    function test_exclude_pausesMoveTheEnd() external {
        uint256 last = market.round(task, 0).settleDeadline + market.task(task).terms.exitDelay;
        vm.prank(GUARDIAN);
        market.pause();
        vm.warp(last + 7 days);
        exclude(0, 3);
        isTrue(market.ownerAt(task, 3).excluded, "excluded");
    }

    /// @dev What it has earned stays its own.
    function test_exclude_keepsPay() external {
        accept(task, 0, 2, 3);
        exclude(0, 3);
        market.claim(task, 1, hex"0003");
        equal(ownerAddress(3).balance, PAY, "paid");
        _exitAfter(0, 3, 0);
        equal(ownerAddress(3).balance, PAY, "no deposit");
    }

    function test_exclude_withoutDeposits() external {
        task = stageTask(stubTerms(), 4);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IExclusions.OwnerExcluded(task, 0, 3, DEALING, 0);
        exclude(0, 3);
        isTrue(market.ownerAt(task, 3).excluded && market.ownerAt(task, 3).leaving, "leaves");
        equal(burntEther() + owedEther(REPORTER), 0, "nothing to divide");
        _refuseAgain(0);
    }

    function test_resign_excluded() external {
        exclude(0, 3);
        vm.prank(ownerAddress(3));
        vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyLeaving.selector, task, 3));
        market.resign(task, 3);
        address signer = ownerAddress(3);
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyRegistered.selector, task, signer));
        market.register(task, signer, "", noPermit());
    }

    /// @dev A token that cannot be burnt stays; the others' shares do not suffer.
    function test_exclude_tokens() external {
        BombToken token = new BombToken();
        token.dislike(Forfeit.NOBODY);
        TaskTerms memory with = feeTerms();
        with.token = address(token);
        task = createTask(with);
        _enrolWithTokens(Token(token), 4);
        token.mint(address(this), 100 ether);
        token.approve(MARKET, 100 ether);
        market.fund(task, 100 ether, noPermit());
        openRound(task, 4);
        uint256 before = token.balanceOf(MARKET);
        exclude(0, 3);
        market.collect(address(token), REPORTER, REPORTER);
        market.collect(address(token), COORDINATOR, COORDINATOR);
        equal(token.balanceOf(REPORTER), DEPOSIT / 4, "reporter");
        equal(token.balanceOf(COORDINATOR), DEPOSIT / 4, "coordinator");
        vm.expectPartialRevert(bytes4(keccak256("TransferFailed(address,uint256)")));
        market.collect(address(token), Forfeit.NOBODY, Forfeit.NOBODY);
        equal(token.balanceOf(MARKET), before - DEPOSIT / 2, "half stays for good");
    }

    function _enrolWithTokens(Token token, uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            token.mint(ownerAddress(i), DEPOSIT);
            vm.prank(ownerAddress(i));
            token.approve(MARKET, DEPOSIT);
            enrol(task, i, i + 1);
        }
    }

    /// @dev The owner's deposit, or what is left of it, comes back after its delay.
    function _exitAfter(uint256 round, uint256 index, uint256 returned) private {
        vm.warp(market.round(task, round).settleDeadline + market.task(task).terms.exitDelay + 1);
        if (market.ownerAt(task, index).nextClaim <= round) {
            market.claim(task, round + 1, abi.encodePacked(uint16(index)));
        }
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OwnerExited(task, index, returned);
        market.exit(task, index);
    }

    function _refuseAgain(uint256 round) private {
        Attestation[] memory receipts = byQuorum(exclusionDigest(round, 3, DEALING));
        vm.expectRevert(abi.encodeWithSelector(IExclusions.AlreadyExcluded.selector, task, 3));
        market.exclude(task, round, 3, DEALING, receipts);
    }

    function _refused(uint256 round, uint256 index, bytes32 dealing, Attestation[] memory receipts) private {
        _refused(round, index, dealing, receipts, 0);
    }

    function _refused(uint256 round, uint256 index, bytes32 dealing, Attestation[] memory receipts, uint256 member)
        private
    {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, member));
        market.exclude(task, round, index, dealing, receipts);
    }
}
