// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {ClaimOrder, Permit, TaskTerms} from "../../src/types/Types.sol";
import {LevellingVerifier} from "../support/StubVerifier.sol";
import {Scene} from "../support/Scene.sol";

/// @dev An account that approves of whatever its one signer signed, without saying for which account (ERC-1271).
contract SharedWallet {
    address private immutable _signer;

    constructor(address signer) {
        _signer = signer;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(signature[:32]), bytes32(signature[32:64]), uint8(signature[64]));
        return ecrecover(digest, v, r, s) == _signer ? this.isValidSignature.selector : bytes4(0);
    }

    function register(IMarket market, uint256 taskId, address signer, bytes calldata consent) external {
        market.register(taskId, signer, consent, _noPermit());
    }

    receive() external payable {}

    function _noPermit() private pure returns (Permit memory) {}
}

/// @dev A recipient of ether that uses all the gas that it is given, and takes the ether.
contract Burner {
    receive() external payable {
        for (uint256 i = 0; gasleft() > 1_000; ++i) {}
    }
}

/// @title Attacks on claims: on who is paid, how much, and at whose cost
contract ClaimsAttackTest is Scene {
    address private constant RECIPIENT = address(0x4EC);
    uint256 private constant TIP = 0.1 ether;

    function setUp() external {
        deploy("norm_3");
    }

    /// @dev Somebody claims for one of the owners of a relayer's bundle just before it comes. That order is worth nothing then;
    /// the others are carried out, and the relayer has not worked for nothing.
    function test_attack_oneStaleOrderVoidsARelayersBundle() external {
        uint256 taskId = _accepted();
        ClaimOrder[] memory orders = new ClaimOrder[](3);
        bytes[] memory signatures = new bytes[](3);
        uint256[] memory tips = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            orders[i] = _order(taskId, i);
            (signatures[i], tips[i]) = (_signed(i, orders[i]), TIP);
        }
        market.claim(taskId, 1, hex"0001");
        market.claimTo(orders, tips, signatures);
        equal(RECIPIENT.balance, 2 * (PAY - TIP), "the others");
        equal(ownerAddress(1).balance, PAY, "paid already");
        equal(market.owed(address(0), address(this)), 2 * TIP, "tips");
        // When none is good for anything any more, the relayer is told so.
        vm.expectRevert(_obstacle(IMarket.OrderStale.selector));
        market.claimTo(orders, tips, signatures);
    }

    /// @dev Every word of an order is signed.
    function testFuzz_attack_orderIsAltered(uint256 word, uint256 delta) external {
        uint256 taskId = _accepted();
        ClaimOrder memory order = _order(taskId, 0);
        bytes memory signature = _signed(0, order);
        vm.assume(delta != 0);
        word %= 7;
        assembly ("memory-safe") {
            let position := add(order, shl(5, word))
            mstore(position, xor(mload(position), delta))
        }
        if (word == 4) order.recipient = address(uint160(uint256(keccak256(abi.encode(delta)))));
        (bool ok,) = MARKET.call(abi.encodeCall(IMarket.claimTo, (_one(order), _tip(0), _one(signature))));
        isTrue(!ok, "an altered order");
        equal(ownerAddress(0).balance + RECIPIENT.balance, 0, "nobody is paid");
    }

    /// @dev An order works once, also where the owner earns again.
    function test_attack_orderIsReplayed() external {
        uint256 taskId = _accepted();
        ClaimOrder memory order = _order(taskId, 0);
        order.through = 2;
        bytes memory signature = _signed(0, order);
        market.claimTo(_one(order), _tip(TIP), _one(signature));
        fund(taskId, SEATS * PAY);
        openRound(taskId);
        accept(taskId, 1, 0, 3);
        vm.expectRevert(_obstacle(IMarket.OrderStale.selector));
        market.claimTo(_one(order), _tip(TIP), _one(signature));
        equal(RECIPIENT.balance, PAY - TIP, "paid once");
    }

    /// @dev Two accounts of one signer that does not say for which it signs: an order names the owner, so it is for one.
    function test_attack_orderOfOneWalletServesForAnother() external {
        TaskTerms memory with = stubTerms();
        (with.permissioned, with.basePay, with.bonusPay) = (false, 0, PAY);
        uint256 taskId = createTask(with);
        uint256 key = 0xB0B;
        address[2] memory wallets;
        for (uint256 i = 0; i < 2; ++i) {
            SharedWallet wallet = new SharedWallet(vm.addr(key));
            wallets[i] = address(wallet);
            bytes32 bound = market.task(taskId).termsHash;
            bytes memory consent = sign(ownerKey(i), TypedData.registration(domain(), taskId, bound, address(wallet)));
            wallet.register(market, taskId, ownerAddress(i), consent);
        }
        fund(taskId, SEATS * PAY);
        openRound(taskId);
        accept(taskId, 0, 0, 2);
        ClaimOrder memory order = _order(taskId, 0);
        bytes memory signature = sign(key, _digest(order));
        order.index = 1;
        vm.expectRevert(_obstacle(IMarket.NotTheAccount.selector));
        market.claimTo(_one(order), _tip(0), _one(signature));
        order.index = 0;
        market.claimTo(_one(order), _tip(0), _one(signature));
        equal(RECIPIENT.balance, PAY, "paid by the order");
        // A former account's order is worth nothing.
        vm.prank(wallets[1]);
        market.setAccount(taskId, 1, address(0xACC));
        order = _order(taskId, 1);
        signature = sign(key, _digest(order));
        vm.expectRevert(_obstacle(IMarket.NotTheAccount.selector));
        market.claimTo(_one(order), _tip(0), _one(signature));
    }

    /// @dev An account that delegates to code (EIP-7702) is its key's as before: what the key signed holds, and nobody else's word,
    /// whether or not the code has an opinion of its own.
    function test_attack_codeOfADelegatedAccountTakesItsOrderBack() external {
        uint256 taskId = _accepted();
        ClaimOrder memory order = _order(taskId, 0);
        bytes memory signature = _signed(0, order);
        bytes memory forged = _signed(1, order);
        vm.etch(ownerAddress(0), bytes.concat(hex"ef0100", bytes20(address(this))));
        vm.expectRevert(_obstacle(IMarket.NotTheAccount.selector));
        market.claimTo(_one(order), _tip(0), _one(forged));
        market.claimTo(_one(order), _tip(0), _one(signature));
        equal(RECIPIENT.balance, PAY, "paid");
    }

    /// @dev Whoever claims for others cannot make a payment fail by the gas that it hands over: an owner whose account takes ether
    /// is paid, or nothing happens.
    function testFuzz_attack_paymentIsStarvedOfGas(uint256 gas) external {
        uint256 taskId = _accepted();
        address account = address(new Burner());
        vm.prank(ownerAddress(0));
        market.setAccount(taskId, 0, account);
        gas = 21_000 + gas % 250_000;
        (bool ok,) = MARKET.call{gas: gas}(abi.encodeCall(IMarket.claim, (taskId, 1, hex"0000")));
        equal(account.balance, ok ? PAY : 0, "paid, or nothing happened");
        equal(market.owed(address(0), account), 0, "no credit");
    }

    /// @dev A levelled round that is paused, and so not closed, is not passed over by anybody's claim, though its deadline of
    /// before is over; nor does it pay before all its batches are there.
    function test_attack_claimPassesARoundThatAPauseKeptOpen() external {
        LevellingVerifier levelling = new LevellingVerifier();
        TaskTerms memory with = gradedTerms(address(levelling));
        (with.basePay, with.bonusPay) = (PAY, PAY);
        uint256 taskId = stageTask(with, 4);
        levelling.tell(3 | 1 << 2);
        accept(taskId, 0, 0, 2);
        uint256 deadline = market.round(taskId, 0).settleDeadline;
        vm.warp(deadline);
        vm.prank(GUARDIAN);
        market.pause();
        vm.warp(deadline + 2 days);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, taskId, 1));
        market.claim(taskId, 1, hex"0000000100020003");
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundStillOpen.selector, taskId, 0));
        market.finalizeRound(taskId, 0);
        vm.prank(GUARDIAN);
        market.resume();
        levelling.tell(0 | 2 << 2);
        accept(taskId, 0, 2, 2);
        vm.warp(block.timestamp + 1);
        market.claim(taskId, 1, hex"0000000100020003");
        uint256[4] memory levels = [uint256(3), 1, 0, 2];
        for (uint256 i = 0; i < 4; ++i) {
            equal(ownerAddress(i).balance, PAY + 4 * uint256(PAY) * levels[i] / 6, "base and share");
        }
    }

    /// @dev The same owners again and again in one claim, in any order: each is paid once.
    function test_attack_ownerIsNamedAgainAndAgain() external {
        uint256 taskId = _accepted();
        market.claim(taskId, 1, hex"00000001000000010000");
        equal(ownerAddress(0).balance, PAY, "once");
        equal(ownerAddress(1).balance, PAY, "once");
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, taskId, 1));
        market.claim(taskId, 1, hex"00000001");
        close(taskId, 0);
        vm.warp(block.timestamp + 180 days);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, taskId, 1));
        market.reclaim(taskId, 1, hex"00000001");
        equal(market.reclaim(taskId, 1, hex"00020002"), PAY, "of the third once");
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, taskId, 1));
        market.claim(taskId, 1, hex"0002");
    }

    /// @dev A flat task with owners 0 to 2 accepted in round 0.
    function _accepted() private returns (uint256 taskId) {
        taskId = stageTask(stubTerms(), 3);
        accept(taskId, 0, 0, 3);
    }

    function _order(uint256 taskId, uint256 index) private view returns (ClaimOrder memory) {
        return ClaimOrder({
            taskId: taskId,
            index: index,
            from: 0,
            through: 1,
            recipient: RECIPIENT,
            maxTip: TIP,
            deadline: block.timestamp + 1 days
        });
    }

    /// @dev Nothing was carried out, for this reason.
    function _obstacle(bytes4 reason) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IMarket.NoOrderCarriedOut.selector, reason);
    }

    function _signed(uint256 index, ClaimOrder memory order) private view returns (bytes memory) {
        return sign(ownerKey(index), _digest(order));
    }

    /// @dev EIP-712, written anew.
    function _digest(ClaimOrder memory order) private view returns (bytes32) {
        bytes32 kind = keccak256(
            "Claim(uint256 taskId,uint256 index,uint256 from,uint256 through,address recipient,uint256 maxTip,uint256 deadline)"
        );
        return TypedData.digest(domain(), keccak256(abi.encode(kind, order)));
    }

    function _one(ClaimOrder memory order) private pure returns (ClaimOrder[] memory out) {
        out = new ClaimOrder[](1);
        out[0] = order;
    }

    function _one(bytes memory signature) private pure returns (bytes[] memory out) {
        out = new bytes[](1);
        out[0] = signature;
    }

    function _tip(uint256 tip) private pure returns (uint256[] memory out) {
        out = new uint256[](1);
        out[0] = tip;
    }
}
