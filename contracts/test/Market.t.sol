// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Batch, RoundView, TaskTerms, TaskView} from "../src/types/Types.sol";
import {Reentrant, Refusing} from "./support/Recipients.sol";
import {Scene} from "./support/Scene.sol";

/// @title Tasks, owners, rounds, deadlines, refunds and claims
contract MarketTest is Scene {
    uint256 private constant RESERVE = uint256(MAX_OWNERS) * REWARD;

    event RewardClaimed(uint256 indexed taskId, uint256 indexed round, address indexed owner, uint256 amount);

    function setUp() external {
        deploy("norm_3");
    }

    function test_deployment_value() external {
        bytes32 tag = keccak256("gradroll/v1/deployment");
        bytes32 first = keccak256(abi.encode(tag, CHAIN_ID, MARKET, PARENT_HASH));
        equal(market.deployment(), first, "deployment");
        deployMarket(MARKET, keccak256("another parent"));
        isTrue(market.deployment() != first, "another block");
        deployMarket(address(0xBEEF), PARENT_HASH);
        isTrue(market.deployment() != first, "another address");
        vm.chainId(1);
        deployMarket(MARKET, PARENT_HASH);
        equal(market.deployment(), keccak256(abi.encode(tag, 1, MARKET, PARENT_HASH)), "another chain");
        vm.chainId(CHAIN_ID);
        isTrue(market.deployment() != first, "fixed when it was created");
    }

    function test_createTask_terms() external {
        TaskTerms memory given = terms();
        equal(createTask(given), 0, "task id");
        equal(createTask(given), 1, "next task id");
        TaskView memory state = market.task(0);
        equal(keccak256(abi.encode(state.terms)), keccak256(abi.encode(given)), "terms");
        equal(state.modelOwner, modelOwner, "model owner");
        equal(state.balance + state.reserved + state.roundsOpened + state.ownerCount, 0, "fresh");
    }

    function test_createTask_termsHash() external {
        TaskTerms memory given = terms();
        createTask(given);
        equal(market.task(0).termsHash, _termsHash(0, modelOwner, given), "of the task");
        createTask(given);
        equal(market.task(1).termsHash, _termsHash(1, modelOwner, given), "of the same terms again");
        market.createTask(given);
        equal(market.task(2).termsHash, _termsHash(2, address(this), given), "of another model owner");
        deployMarket(address(0xBEEF), PARENT_HASH);
        createTask(given);
        equal(market.task(0).termsHash, _termsHash(0, modelOwner, given), "of another deployment");
    }

    /// @dev Every term is in the hash.
    function test_createTask_termsHashOfEveryTerm() external {
        uint256 words = abi.encode(terms()).length / 32;
        equal(words, 14, "terms");
        uint256 state = vm.snapshotState();
        createTask(terms());
        bytes32 hash = market.task(0).termsHash;
        for (uint256 word = 0; word < words; ++word) {
            vm.revertToState(state);
            state = vm.snapshotState();
            bytes memory encoded = abi.encode(terms());
            encoded[32 * word + 31] ^= 0x01;
            TaskTerms memory other = abi.decode(encoded, (TaskTerms));
            vm.etch(other.verifier, VERIFIER.code);
            createTask(other);
            equal(market.task(0).termsHash, _termsHash(0, modelOwner, other), "terms' hash");
            isTrue(market.task(0).termsHash != hash, "a term that is not hashed");
        }
    }

    function test_createTask_termsInvalid() external {
        TaskTerms memory t = terms();
        t.verifier = address(0x1234);
        _invalid(t, "verifier");
        t = terms();
        t.coordinator = address(0);
        _invalid(t, "coordinator");
        t = terms();
        t.committeeId = 1 << 64;
        _invalid(t, "committeeId");
        t = terms();
        t.dimension = 0;
        _invalid(t, "dimension");
        t.dimension = (1 << 28) + 1;
        _invalid(t, "dimension");
        t = terms();
        t.fractionBits = 63;
        _invalid(t, "fractionBits");
        t = terms();
        t.bound = 0;
        _invalid(t, "bound");
        t.bound = 1 << 62;
        _invalid(t, "bound");
        t = terms();
        t.minOwners = 1;
        _invalid(t, "minOwners");
        t.minOwners = 17; // more than the circuit takes
        _invalid(t, "minOwners");
        t = terms();
        t.maxOwnersPerRound = 1;
        _invalid(t, "maxOwnersPerRound");
        t.maxOwnersPerRound = 257;
        _invalid(t, "maxOwnersPerRound");
        t = terms();
        t.rounds = 0;
        _invalid(t, "rounds");
        t = terms();
        t.rewardPerGradient = type(uint128).max;
        _invalid(t, "rewardPerGradient");
        t = terms();
        t.submitWindow = 0;
        _invalid(t, "submitWindow");
        t = terms();
        t.settleWindow = 0;
        _invalid(t, "settleWindow");
    }

    function test_fund_balance() external {
        createTask(terms());
        fund(0, 5 ether);
        equal(market.task(0).balance, 5 ether, "balance");
        equal(address(market).balance, 5 ether, "ether");
    }

    function test_fund_invalid() external {
        createTask(terms());
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
        createTask(terms());
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskPermissioned.selector, 0));
        market.register(0);
    }

    function test_admit_refused() external {
        createTask(terms());
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
        TaskTerms memory open = terms();
        open.permissioned = false;
        createTask(open);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskOpen.selector, 1));
        market.admit(1, owners);
    }

    function test_openRound_reserves() external {
        createTask(terms());
        fund(0, RESERVE + 4 * REWARD);
        equal(openRound(0), 0, "round");
        RoundView memory state = market.round(0, 0);
        equal(state.submitDeadline, block.timestamp + WINDOW, "submit deadline");
        equal(state.settleDeadline, block.timestamp + 2 * WINDOW, "settle deadline");
        equal(state.aggregateX + state.aggregateY, 0, "aggregate is infinity");
        equal(market.task(0).balance, 4 * REWARD, "balance");
        equal(market.task(0).reserved, RESERVE, "reserved");
    }

    function test_openRound_refused() external {
        createTask(terms());
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, 0, address(this)));
        market.openRound(0, 0);
        fund(0, RESERVE - 1);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, RESERVE, RESERVE - 1));
        market.openRound(0, 0);
        TaskTerms memory t = terms();
        t.committeeId = 9;
        createTask(t);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.CommitteeNotReady.selector, 9));
        market.openRound(1, 0);
    }

    function test_openRound_previousUnsettled() external {
        createTask(terms());
        fund(0, 4 * RESERVE);
        openRound(0);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.PreviousRoundUnsettled.selector, 0, 0));
        market.openRound(0, 0);
        vm.warp(block.timestamp + 2 * WINDOW + 1);
        market.finalizeRound(0, 0);
        equal(openRound(0), 1, "after finalising");
    }

    function test_openRound_afterBatchAndExhausted() external {
        TaskTerms memory t = terms();
        t.rounds = 1;
        createTask(t);
        fund(0, 4 * RESERVE);
        openRound(0);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundsExhausted.selector, 0));
        market.openRound(0, 0);
    }

    function test_finalizeRound_refund() external {
        createTask(terms());
        admitOwners(0, 0, 16);
        fund(0, RESERVE);
        openRound(0);
        market.acceptBatch(attested("norm_3"));
        uint256 deadline = market.round(0, 0).settleDeadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundStillOpen.selector, 0, 0, deadline));
        market.finalizeRound(0, 0);
        vm.warp(deadline + 1);
        market.finalizeRound(0, 0);
        equal(market.task(0).balance, RESERVE - 3 * REWARD, "refund");
        equal(market.task(0).reserved, 0, "reserved");
        isTrue(market.round(0, 0).finalized, "finalised");
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundAlreadyFinalized.selector, 0, 0));
        market.finalizeRound(0, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, 0, 1));
        market.finalizeRound(0, 1);
    }

    function test_finalizeRound_modelOwnerCannotHurry() external {
        createTask(terms());
        fund(0, RESERVE);
        openRound(0);
        vm.prank(modelOwner);
        vm.expectPartialRevert(IMarket.RoundStillOpen.selector);
        market.finalizeRound(0, 0);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, 1, 0));
        market.withdraw(0, 1);
    }

    function test_withdraw_unreserved() external {
        createTask(terms());
        fund(0, RESERVE + 4 * REWARD);
        openRound(0);
        vm.prank(modelOwner);
        market.withdraw(0, 4 * REWARD);
        equal(modelOwner.balance, 4 * REWARD, "paid");
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, 0, address(this)));
        market.withdraw(0, 0);
    }

    function test_claim_everyOwnerOnce() external {
        _accepted();
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
        equal(address(market).balance, RESERVE - 3 * REWARD, "escrow");
    }

    function test_claim_ownersOfSeveralBatches() external {
        _accepted();
        market.acceptBatch(attested("norm_3_next"));
        for (uint256 index = 0; index < 6; ++index) {
            market.claim(0, 0, index);
            equal(ownerAddress(index).balance, REWARD, "paid");
        }
        _notAccepted(0, 6);
    }

    function test_claim_ownerNotAccepted() external {
        _accepted();
        _notAccepted(0, 3);
        _notAccepted(0, 255);
        _notAccepted(0, 256); // the same bit in the next word
        _notAccepted(0, 1 << 16);
        _notAccepted(0, type(uint256).max);
    }

    function test_claim_otherRoundOrTask() external {
        _accepted();
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, 0, 1));
        market.claim(0, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 1));
        market.claim(1, 0, 0);
        fund(0, RESERVE);
        openRound(0);
        _notAccepted(1, 0);
        market.claim(0, 0, 0);
        _notAccepted(1, 0);
    }

    function test_claim_someoneElsesGoesToOwner() external {
        _accepted();
        vm.prank(address(0xBAD));
        market.claim(0, 0, 2);
        equal(ownerAddress(2).balance, REWARD, "owner");
        equal(address(0xBAD).balance, 0, "sender");
    }

    function test_claim_afterFinalize() external {
        _accepted();
        vm.warp(block.timestamp + 2 * WINDOW + 1);
        market.finalizeRound(0, 0);
        vm.prank(modelOwner);
        market.withdraw(0, RESERVE - 3 * REWARD);
        for (uint256 index = 0; index < 3; ++index) {
            market.claim(0, 0, index);
            equal(ownerAddress(index).balance, REWARD, "paid");
        }
        equal(address(market).balance, 0, "nothing is left");
    }

    function test_claim_reentrant() external {
        _accepted();
        address owner = ownerAddress(0);
        vm.etch(owner, address(new Reentrant()).code);
        Reentrant(payable(owner)).arm(address(market), abi.encodeCall(market.claim, (0, 0, 0)));
        market.claim(0, 0, 0);
        equal(owner.balance, REWARD, "paid once");
        isTrue(Reentrant(payable(owner)).refused(), "the inner claim was refused");
    }

    function test_claim_recipientRefuses() external {
        _accepted();
        address owner = ownerAddress(1);
        vm.etch(owner, address(new Refusing()).code);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TransferFailed.selector, owner, REWARD));
        market.claim(0, 0, 1);
        // The others are paid all the same.
        market.claim(0, 0, 0);
        equal(ownerAddress(0).balance, REWARD, "paid");
    }

    function test_withdraw_reentrant() external {
        Reentrant thief = new Reentrant();
        modelOwner = address(thief);
        createTask(terms());
        fund(0, 10 ether);
        TaskTerms memory other = terms();
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
        TaskTerms memory stub = stubTerms(0);
        stageTask(stub, 3);
        Batch memory batch = redirected("norm_3", 0);
        // No answer; a whole one for the key's hash, but a byte for the proof.
        bytes[2] memory codes = [bytes(hex"00"), hex"60043611601f026020035ff3"];
        bytes[2] memory answers = [bytes(""), hex"00"];
        for (uint256 i = 0; i < codes.length; ++i) {
            vm.etch(stub.verifier, codes[i]);
            vm.expectRevert(answers[i]);
            market.acceptBatch(batch);
        }
    }

    function _accepted() private {
        stageTask(terms(), 16);
        market.acceptBatch(attested("norm_3"));
    }

    function _notAccepted(uint256 number, uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnerNotAccepted.selector, 0, number, index));
        market.claim(0, number, index);
    }

    /// @dev A task's hash of terms, written anew.
    function _termsHash(uint256 taskId, address owner, TaskTerms memory t) private view returns (bytes32) {
        bytes memory head = abi.encode(keccak256("gradroll/v1/terms"), market.deployment(), taskId, owner);
        bytes memory first = abi.encode(t.committeeId, t.verifier, t.coordinator, t.dimension, t.fractionBits, t.bound);
        bytes memory second = abi.encode(t.minOwners, t.maxOwnersPerRound, t.rounds, t.rewardPerGradient);
        bytes memory last = abi.encode(t.submitWindow, t.settleWindow, t.permissioned, t.inlinePayload);
        return keccak256(bytes.concat(head, first, second, last));
    }

    function _openTask() private {
        TaskTerms memory t = terms();
        t.permissioned = false;
        createTask(t);
    }

    function _invalid(TaskTerms memory t, string memory term) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.TermsInvalid.selector, term));
        market.createTask(t);
    }
}
