// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {BatchRecord, RoundView, TaskTerms, TaskView} from "../src/types/Types.sol";
import {Reentrant, Refusing} from "./support/Recipients.sol";
import {Scene} from "./support/Scene.sol";
import {StubVerifier} from "./support/StubVerifier.sol";

/// @title Tasks, owners, rounds, deadlines, refunds and claims
contract MarketTest is Scene {
    event RewardClaimed(uint256 indexed taskId, uint256 indexed round, address indexed owner, uint256 amount);

    function setUp() external {
        deploy("norm_3");
    }

    function test_createTask_terms() external {
        TaskTerms memory given = terms(16);
        equal(createTask(given), 0, "task id");
        equal(createTask(given), 1, "next task id");
        TaskView memory state = market.task(0);
        equal(keccak256(abi.encode(state.terms)), keccak256(abi.encode(given)), "terms");
        equal(state.modelOwner, modelOwner, "model owner");
        equal(state.balance + state.reserved + state.roundsOpened + state.ownerCount, 0, "fresh");
    }

    function test_createTask_termsInvalid() external {
        TaskTerms memory t = terms(16);
        t.verifier = address(0x1234);
        _invalid(t, "verifier");
        t = terms(16);
        t.coordinator = address(0);
        _invalid(t, "coordinator");
        t = terms(16);
        t.committeeId = 1 << 64;
        _invalid(t, "committeeId");
        t = terms(16);
        t.dimension = 0;
        _invalid(t, "dimension");
        t.dimension = (1 << 28) + 1;
        _invalid(t, "dimension");
        t = terms(16);
        t.fractionBits = 63;
        _invalid(t, "fractionBits");
        t = terms(16);
        t.bound = 0;
        _invalid(t, "bound");
        t.bound = 1 << 62;
        _invalid(t, "bound");
        t = terms(16);
        t.minOwners = 1;
        _invalid(t, "minOwners");
        t.minOwners = 17; // more than the circuit takes
        _invalid(t, "minOwners");
        t = terms(1);
        _invalid(t, "maxOwnersPerRound");
        t = terms(257);
        _invalid(t, "maxOwnersPerRound");
        t = terms(16);
        t.rounds = 0;
        _invalid(t, "rounds");
        t = terms(16);
        t.rewardPerGradient = type(uint128).max;
        _invalid(t, "rewardPerGradient");
        t = terms(16);
        t.submitWindow = 0;
        _invalid(t, "submitWindow");
        t = terms(16);
        t.settleWindow = 0;
        _invalid(t, "settleWindow");
    }

    function test_fund_balance() external {
        createTask(terms(16));
        fund(5 ether);
        equal(market.task(0).balance, 5 ether, "balance");
        equal(address(market).balance, 5 ether, "ether");
    }

    function test_fund_invalid() external {
        createTask(terms(16));
        vm.expectRevert(abi.encodeWithSelector(IMarket.FundsInvalid.selector, 0));
        market.fund(0);
        uint256 tooMuch = 1 << 128;
        vm.deal(address(this), tooMuch);
        vm.expectRevert(abi.encodeWithSelector(IMarket.FundsInvalid.selector, tooMuch));
        market.fund{value: tooMuch}(0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 7));
        market.fund{value: 1}(7);
    }

    function test_register_openTask() external {
        _openTask();
        for (uint256 i = 0; i < 3; ++i) {
            address owner = ownerAddress(i);
            vm.prank(owner);
            equal(market.register(0), i, "index");
            equal(market.ownerAt(0, i), owner, "owner");
            (bool registered, uint256 index) = market.ownerIndex(0, owner);
            isTrue(registered && index == i, "index of owner");
        }
        equal(market.task(0).ownerCount, 3, "owners");
        address again = ownerAddress(1);
        vm.prank(again);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyRegistered.selector, 0, again));
        market.register(0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnerUnknown.selector, 0, 3));
        market.ownerAt(0, 3);
        (bool known,) = market.ownerIndex(0, ownerAddress(3));
        isTrue(!known, "stranger");
    }

    function test_register_permissionedTask() external {
        createTask(terms(16));
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskPermissioned.selector, 0));
        market.register(0);
    }

    function test_admit_refused() external {
        createTask(terms(16));
        address[] memory owners = new address[](1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, 0, address(this)));
        market.admit(0, owners);
        vm.startPrank(modelOwner);
        vm.expectRevert(IMarket.OwnerInvalid.selector);
        market.admit(0, owners);
        owners = new address[](2);
        (owners[0], owners[1]) = (ownerAddress(0), ownerAddress(0));
        vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyRegistered.selector, 0, ownerAddress(0)));
        market.admit(0, owners);
        vm.stopPrank();
        TaskTerms memory open = terms(16);
        open.permissioned = false;
        createTask(open);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskOpen.selector, 1));
        market.admit(1, owners);
    }

    function test_openRound_reserves() external {
        createTask(terms(16));
        fund(20 * REWARD);
        equal(openRound(), 0, "round");
        RoundView memory state = market.round(0, 0);
        equal(state.submitDeadline, block.timestamp + WINDOW, "submit deadline");
        equal(state.settleDeadline, block.timestamp + 2 * WINDOW, "settle deadline");
        equal(state.aggregateX + state.aggregateY, 0, "aggregate is infinity");
        equal(market.task(0).balance, 4 * REWARD, "balance");
        equal(market.task(0).reserved, 16 * REWARD, "reserved");
    }

    function test_openRound_refused() external {
        createTask(terms(16));
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, 0, address(this)));
        market.openRound(0, 0);
        fund(16 * REWARD - 1);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, 16 * REWARD, 16 * REWARD - 1));
        market.openRound(0, 0);
        TaskTerms memory t = terms(16);
        t.committeeId = 9;
        createTask(t);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.CommitteeNotReady.selector, 9));
        market.openRound(1, 0);
    }

    function test_openRound_previousUnsettled() external {
        createTask(terms(16));
        fund(64 * REWARD);
        openRound();
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.PreviousRoundUnsettled.selector, 0, 0));
        market.openRound(0, 0);
        vm.warp(block.timestamp + 2 * WINDOW + 1);
        market.finalizeRound(0, 0);
        equal(openRound(), 1, "after finalising");
    }

    function test_openRound_afterBatchAndExhausted() external {
        TaskTerms memory t = terms(16);
        t.rounds = 1;
        createTask(t);
        fund(64 * REWARD);
        openRound();
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundsExhausted.selector, 0));
        market.openRound(0, 0);
    }

    function test_finalizeRound_refund() external {
        createTask(terms(16));
        admitOwners(16);
        fund(16 * REWARD);
        openRound();
        market.acceptBatch(load("norm_3").batch);
        uint256 deadline = market.round(0, 0).settleDeadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundStillOpen.selector, 0, 0, deadline));
        market.finalizeRound(0, 0);
        vm.warp(deadline + 1);
        market.finalizeRound(0, 0);
        equal(market.task(0).balance, 13 * REWARD, "refund");
        equal(market.task(0).reserved, 0, "reserved");
        isTrue(market.round(0, 0).finalized, "finalised");
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundAlreadyFinalized.selector, 0, 0));
        market.finalizeRound(0, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, 0, 1));
        market.finalizeRound(0, 1);
    }

    function test_finalizeRound_modelOwnerCannotHurry() external {
        createTask(terms(16));
        fund(16 * REWARD);
        openRound();
        vm.prank(modelOwner);
        vm.expectPartialRevert(IMarket.RoundStillOpen.selector);
        market.finalizeRound(0, 0);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, 1, 0));
        market.withdraw(0, 1);
    }

    function test_withdraw_unreserved() external {
        createTask(terms(16));
        fund(20 * REWARD);
        openRound();
        vm.prank(modelOwner);
        market.withdraw(0, 4 * REWARD);
        equal(modelOwner.balance, 4 * REWARD, "paid");
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, 0, address(this)));
        market.withdraw(0, 0);
    }

    function test_claim_everyOwnerOnce() external {
        _accepted("norm_3");
        for (uint256 index = 0; index < 3; ++index) {
            address owner = ownerAddress(index);
            vm.expectEmit(true, true, true, true, MARKET);
            emit RewardClaimed(0, 0, owner, REWARD);
            market.claim(0, 0, index);
            equal(owner.balance, REWARD, "paid");
            vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyClaimed.selector, index));
            market.claim(0, 0, index);
        }
        equal(market.claimed(0, 0, 0), 7, "bitmap");
        equal(address(market).balance, 13 * REWARD, "escrow");
    }

    function test_claim_ownersOfSeveralBatches() external {
        _accepted("norm_3");
        market.acceptBatch(load("norm_3_next").batch);
        for (uint256 index = 0; index < 6; ++index) {
            market.claim(0, 0, index);
            equal(ownerAddress(index).balance, REWARD, "paid");
        }
        _notAccepted(0, 6);
    }

    function test_claim_ownerNotAccepted() external {
        _accepted("norm_3");
        _notAccepted(0, 3);
        _notAccepted(0, 255);
        _notAccepted(0, 256); // the same bit in the next word
        _notAccepted(0, 1 << 16);
        _notAccepted(0, type(uint256).max);
    }

    function test_claim_otherRoundOrTask() external {
        _accepted("norm_3");
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, 0, 1));
        market.claim(0, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 1));
        market.claim(1, 0, 0);
        fund(16 * REWARD);
        openRound();
        _notAccepted(1, 0);
        market.claim(0, 0, 0);
        _notAccepted(1, 0);
    }

    function test_claim_paidByContribution() external {
        _contributed();
        vm.expectRevert(abi.encodeWithSelector(IMarket.PaidByContribution.selector, 0));
        market.claim(0, 0, 0);
    }

    function test_claim_someoneElsesGoesToOwner() external {
        _accepted("norm_3");
        vm.prank(address(0xBAD));
        market.claim(0, 0, 2);
        equal(ownerAddress(2).balance, REWARD, "owner");
        equal(address(0xBAD).balance, 0, "sender");
    }

    function test_claim_afterFinalize() external {
        _accepted("norm_3");
        vm.warp(block.timestamp + 2 * WINDOW + 1);
        market.finalizeRound(0, 0);
        vm.prank(modelOwner);
        market.withdraw(0, 13 * REWARD);
        for (uint256 index = 0; index < 3; ++index) {
            market.claim(0, 0, index);
            equal(ownerAddress(index).balance, REWARD, "paid");
        }
        equal(address(market).balance, 0, "nothing is left");
    }

    function test_claim_reentrant() external {
        _accepted("norm_3");
        address owner = ownerAddress(0);
        vm.etch(owner, address(new Reentrant()).code);
        Reentrant(payable(owner)).arm(address(market), abi.encodeCall(market.claim, (0, 0, 0)));
        market.claim(0, 0, 0);
        equal(owner.balance, REWARD, "paid once");
        isTrue(Reentrant(payable(owner)).refused(), "the inner claim was refused");
    }

    function test_claim_recipientRefuses() external {
        _accepted("norm_3");
        address owner = ownerAddress(1);
        vm.etch(owner, address(new Refusing()).code);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TransferFailed.selector, owner, REWARD));
        market.claim(0, 0, 1);
        // The others are paid all the same.
        market.claim(0, 0, 0);
        equal(ownerAddress(0).balance, REWARD, "paid");
    }

    function test_claimContribution_everyOwnerOnce() external {
        (Fixture memory fixture, BatchRecord memory record) = _contributed();
        bytes32[] memory leaves = leavesOf(fixture);
        uint256[] memory amounts = amountsOf(fixture.batch.proof.contributions, REWARD);
        for (uint256 slot = 0; slot < 3; ++slot) {
            address owner = ownerAddress(slot);
            bytes32[] memory proof = proofOf(leaves, slot);
            market.claimContribution(0, 0, 0, record, slot, owner, amounts[slot], proof);
            equal(owner.balance, amounts[slot], "paid");
            vm.expectRevert(abi.encodeWithSelector(IMarket.AlreadyClaimed.selector, slot));
            market.claimContribution(0, 0, 0, record, slot, owner, amounts[slot], proof);
        }
        (bytes32 digest, uint256 claimed) = market.batch(0, 0, 0);
        equal(digest, keccak256(abi.encode(record)), "record");
        equal(claimed, 7, "bitmap");
    }

    function test_claimContribution_proofWrong() external {
        (Fixture memory fixture, BatchRecord memory record) = _contributed();
        bytes32[] memory leaves = leavesOf(fixture);
        bytes32[] memory proof = proofOf(leaves, 0);
        uint256 amount = amountsOf(fixture.batch.proof.contributions, REWARD)[0];
        _noReward(record, 0, ownerAddress(0), amount, proofOf(leaves, 1));
        _noReward(record, 0, ownerAddress(0), amount + 1, proof);
        _noReward(record, 1, ownerAddress(0), amount, proof);
        _noReward(record, 0, ownerAddress(1), amount, proof);
        _noReward(record, 0, address(this), amount, proof);
        _noReward(record, 3, ownerAddress(0), amount, proof);
        _noReward(record, 256, ownerAddress(0), amount, proof);
        _noReward(record, 0, ownerAddress(0), amount, new bytes32[](0));
    }

    function test_claimContribution_recordForged() external {
        (, BatchRecord memory record) = _contributed();
        record.rewardsRoot = leafOf(record.batchId, 0, address(this), 16 * REWARD);
        vm.expectRevert(IMarket.BatchRecordInvalid.selector);
        market.claimContribution(0, 0, 0, record, 0, address(this), 16 * REWARD, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IMarket.BatchUnknown.selector, 0, 0, 1));
        market.claimContribution(0, 0, 1, record, 0, address(this), 16 * REWARD, new bytes32[](0));
    }

    function test_claimContribution_equalPay() external {
        Fixture memory fixture = _accepted("norm_3");
        BatchRecord memory record;
        (record.batchId, record.payloadDigest) = (fixture.batchId, fixture.batch.payloadDigest);
        (record.commitmentX, record.commitmentY, record.owners) = (fixture.commitmentX, fixture.commitmentY, 3);
        address owner = ownerAddress(0);
        bytes memory unknown = abi.encodeWithSelector(IMarket.BatchUnknown.selector, 0, 0, 0);
        vm.expectRevert(unknown);
        market.claimContribution(0, 0, 0, record, 0, owner, REWARD, new bytes32[](0));
        record.rewardsRoot = leafOf(fixture.batchId, 0, owner, REWARD);
        vm.expectRevert(unknown);
        market.claimContribution(0, 0, 0, record, 0, owner, REWARD, new bytes32[](0));
        vm.expectRevert(unknown);
        market.batch(0, 0, 0);
    }

    function test_claimContribution_reentrant() external {
        (Fixture memory fixture, BatchRecord memory record) = _contributed();
        uint256 slot = _paidSlot(fixture);
        address owner = ownerAddress(slot);
        uint256 amount = amountsOf(fixture.batch.proof.contributions, REWARD)[slot];
        vm.etch(owner, address(new Reentrant()).code);
        bytes32[] memory proof = proofOf(leavesOf(fixture), slot);
        Reentrant(payable(owner))
            .arm(
                address(market), abi.encodeCall(market.claimContribution, (0, 0, 0, record, slot, owner, amount, proof))
            );
        market.claimContribution(0, 0, 0, record, slot, owner, amount, proof);
        equal(owner.balance, amount, "paid once");
        isTrue(Reentrant(payable(owner)).refused(), "the inner claim was refused");
    }

    function test_withdraw_reentrant() external {
        Reentrant thief = new Reentrant();
        modelOwner = address(thief);
        createTask(terms(16));
        fund(10 ether);
        TaskTerms memory other = terms(16);
        vm.prank(address(0xB0B));
        market.createTask(other);
        vm.deal(address(this), 10 ether);
        market.fund{value: 10 ether}(1);
        thief.arm(address(market), abi.encodeCall(market.withdraw, (0, 10 ether)));
        vm.prank(address(thief));
        market.withdraw(0, 10 ether);
        equal(address(thief).balance, 10 ether, "paid once");
        isTrue(thief.refused(), "the inner withdrawal was refused");
    }

    function test_acceptBatch_verifierBreaksOff() external {
        // A verifier without a proper answer is no verifier, whatever it returns.
        StubVerifier stub = new StubVerifier(false);
        TaskTerms memory t = terms(16);
        t.verifier = address(stub);
        createTask(t);
        admitOwners(3);
        fund(16 * REWARD);
        openRound();
        vm.etch(address(stub), hex"00");
        vm.expectRevert(bytes(""));
        market.acceptBatch(load("norm_3").batch);
    }

    function _accepted(string memory name) private returns (Fixture memory fixture) {
        createTask(terms(16));
        admitOwners(16);
        fund(16 * REWARD);
        openRound();
        fixture = load(name);
        market.acceptBatch(fixture.batch);
    }

    function _contributed() private returns (Fixture memory fixture, BatchRecord memory record) {
        deploy("contribution_3");
        fixture = _accepted("contribution_3");
        record = recordOf(fixture);
    }

    /// @dev The first slot whose contribution is positive.
    function _paidSlot(Fixture memory fixture) private pure returns (uint256 slot) {
        uint256[] memory amounts = amountsOf(fixture.batch.proof.contributions, REWARD);
        while (amounts[slot] == 0) ++slot;
    }

    function _notAccepted(uint256 number, uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnerNotAccepted.selector, 0, number, index));
        market.claim(0, number, index);
    }

    function _noReward(BatchRecord memory record, uint256 slot, address owner, uint256 amount, bytes32[] memory proof)
        private
    {
        vm.expectRevert(IMarket.RewardProofInvalid.selector);
        market.claimContribution(0, 0, 0, record, slot, owner, amount, proof);
    }

    function _openTask() private {
        TaskTerms memory t = terms(16);
        t.permissioned = false;
        createTask(t);
    }

    function _invalid(TaskTerms memory t, string memory term) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.TermsInvalid.selector, term));
        market.createTask(t);
    }
}
