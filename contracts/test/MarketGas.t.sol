// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ClaimOrder, HeldFees, Permit, Served, TaskTerms} from "../src/types/Types.sol";
import {FeeScene} from "./support/FeeScene.sol";
import {Snapshot} from "./support/Snapshot.sol";
import {PermitToken} from "./support/Tokens.sol";

/// @title Gas of whole transactions: every entry point of the market but the acceptance of batches
contract MarketGasTest is FeeScene, Snapshot {
    uint256 private constant MANY = 64;

    /// forge-config: default.isolate = true
    function test_market_gas() external {
        deploy("norm_3");
        _owners();
        _tasks();
        _rounds();
        _fees();
        _leaving();
        _guardian();
        settle("market");
    }

    function setUp() public override {}

    function _tasks() private {
        TaskTerms memory t = stubTerms();
        uint256 taskId = createTask(t);
        _record("createTask");
        vm.prank(modelOwner);
        market.transferTask(taskId, address(1));
        _record("transferTask");
        vm.prank(address(1));
        market.acceptTask(taskId);
        _record("acceptTask");
        vm.prank(address(1));
        market.setCoordinator(taskId, address(2));
        _record("setCoordinator");
        fund(taskId, 10 ether);
        _record("fund, ether");
        vm.prank(address(1));
        market.withdraw(taskId, 1 ether, address(3));
        _record("withdraw, ether, to a new account");
        t.token = address(new PermitToken());
        t.deposit = 5;
        taskId = createTask(t);
        (address funder, Permit memory permit) = _permit(PermitToken(t.token));
        vm.prank(funder);
        market.fund(taskId, 100 ether, permit);
        _record("fund, token, with permit");
        vm.prank(modelOwner);
        market.withdraw(taskId, 1 ether, address(3));
        _record("withdraw, token, to a new account");
    }

    function _owners() private {
        TaskTerms memory t = stubTerms();
        (t.coordinatorBatchFee, t.coordinatorGradientFee) = (BATCH_FEE, GRADIENT_FEE);
        (t.proverBatchFee, t.proverGradientFee) = (PROVER_BATCH_FEE, PROVER_GRADIENT_FEE);
        t.inlinePayload = true;
        t.deposit = 1 ether;
        task = createTask(t);
        address[] memory signers = new address[](MANY);
        for (uint256 i = 0; i < MANY; ++i) {
            signers[i] = ownerAddress(i);
        }
        vm.prank(modelOwner);
        market.admit(task, signers);
        _record("admit, 64");
        for (uint256 i = 0; i < MANY; ++i) {
            register(task, signers[i], 1 ether);
            if (i == 1) _record("register, deposit in ether");
        }
        vm.prank(signers[MANY - 1]);
        market.setAccount(task, MANY - 1, address(0xACC));
        _record("setAccount");
        vm.prank(modelOwner);
        market.compactRoster(task, 0);
        _record("compactRoster, 64");
    }

    function _rounds() private {
        fund(task, 1000 ether);
        openRound(task, MANY);
        _record("openRound, the first");
        accept(task, 0, 0, OWNERS);
        elapse(WINDOW);
        openRound(task, MANY);
        _record("openRound");
        market.publishAggregate(task, 0, 0, new bytes(1024));
        _record("publishAggregate, 1 KiB of zeros");
        market.claim(task, 1, hex"0000");
        _record("claim, 1 round, 1 owner, a new account");
        close(task, 0);
        market.finalizeRound(task, 0);
        _record("finalizeRound");
        _order();
    }

    /// @dev Pay of owner 1, by a relayer, with a tip for it.
    function _order() private {
        ClaimOrder[] memory orders = new ClaimOrder[](1);
        orders[0] = ClaimOrder(task, 1, 0, 1, address(0xF00), 2, type(uint256).max);
        bytes32 kind = keccak256(
            "Claim(uint256 taskId,uint256 index,uint256 from,uint256 through,address recipient,uint256 maxTip,uint256 deadline)"
        );
        bytes32 structHash = keccak256(bytes.concat(kind, abi.encode(orders[0])));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = sign(ownerKey(1), keccak256(abi.encodePacked(hex"1901", domain(), structHash)));
        uint256[] memory tips = new uint256[](1);
        tips[0] = 1;
        market.claimTo(orders, tips, signatures);
        _record("claimTo, 1 round, 1 owner, a new account and a tip");
    }

    /// @dev On the second round, which is open.
    function _fees() private {
        HeldFees memory held = _accepted(0, 7);
        HeldFees memory other = _accepted(1, 15);
        HeldFees memory later = _accepted(4, 15);
        vm.prank(modelOwner);
        market.challengeAvailability(task, 1, 0, held);
        _record("challengeAvailability");
        (held.challenge, held.due) = (vm.getBlockTimestamp(), vm.getBlockTimestamp() + WINDOW);
        afterChallenges(other);
        market.settleFees(task, 1, 1, other, servedBy(15, other));
        _record("settleFees, all 4 members, for the first time");
        market.settleFees(task, 1, 2, later, servedBy(15, later));
        _record("settleFees, all 4 members, who have credits");
        vm.warp(held.due + 1);
        market.refundFees(task, 1, 0, held);
        _record("refundFees");
        market.collect(address(0), PAYEE, PAYEE);
        _record("collect, ether, a new account");
    }

    /// @dev The batch of that number in the second round, with fees.
    function _accepted(uint256 number, uint256 members) private returns (HeldFees memory held) {
        held = attestedFees(batchOf(task, 1, number * OWNERS, OWNERS), members);
    }

    function _leaving() private {
        close(task, 1);
        market.finalizeRound(task, 1);
        openRound(task, MANY);
        accept(task, 2, 0, OWNERS);
        close(task, 2);
        vm.prank(ownerAddress(10));
        market.resign(task, 10);
        _record("resign");
        market.lapse(task, 11);
        _record("lapse, after 3 rounds");
        market.claim(task, 3, hex"000a");
        _record("claim, 3 rounds, 1 owner, nothing earned");
        elapse(EXIT_WAIT);
        market.exit(task, 10);
        _record("exit, deposit in ether");
        elapse(180 days);
        market.reclaim(task, 3, hex"0002000300040005");
        _record("reclaim, 3 rounds, 4 owners");
    }

    function _guardian() private {
        vm.prank(GUARDIAN);
        market.pause();
        _record("pause");
        vm.prank(GUARDIAN);
        market.resume();
        _record("resume");
    }

    function _permit(PermitToken token) private returns (address owner, Permit memory permit) {
        owner = vm.addr(4711);
        token.mint(owner, 100 ether);
        permit.deadline = type(uint256).max;
        bytes32 kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(abi.encode(kind, owner, MARKET, 100 ether, 0, permit.deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (permit.v, permit.r, permit.s) = vm.sign(4711, digest);
    }

    function _record(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
