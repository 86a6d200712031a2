// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {ClaimOrder} from "../src/types/Types.sol";
import {Burning, Refusing, Wallet} from "./support/Recipients.sol";
import {Scene} from "./support/Scene.sol";

/// @title Owners' orders to be paid elsewhere, carried out by relayers for a tip
contract ClaimOrdersTest is Scene {
    uint256 private constant OWNERS = 4;
    address private constant HOME = address(0x400E);
    address private constant RELAYER = address(0x4E1A);
    uint256 private constant TIP = PAY / 100;

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _task = createTask(stubTerms());
        enrol(_task, 0, OWNERS);
        fund(_task, 100 ether);
        openRound(_task, OWNERS);
        accept(_task, 0, 0, OWNERS);
    }

    function test_claimTo_relayed() external {
        ClaimOrder memory order = _order(1);
        bytes memory signature = _signed(order, 1);
        vm.prank(RELAYER);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OwnerPaid(_task, 1, HOME, 0, 1, PAY, TIP / 2);
        equal(_carryOut(order, TIP / 2, signature), 1, "carried out");
        equal(HOME.balance, PAY - TIP / 2, "recipient");
        equal(RELAYER.balance, TIP / 2, "relayer");
        equal(ownerAddress(1).balance, 0, "account");
        _passedOver(order, TIP / 2, signature, IMarket.OrderStale.selector); // once
    }

    function test_claimTo_ofTheCaller() external {
        ClaimOrder memory order = _order(2);
        vm.prank(ownerAddress(2));
        equal(_carryOut(order, 0, ""), 1, "without a signature");
        equal(HOME.balance, PAY, "recipient");
        _passedOver(_order(1), 0, "", IMarket.NotTheAccount.selector);
    }

    function test_claimTo_notSigned() external {
        ClaimOrder memory order = _order(1);
        bytes memory signature = _signed(order, 1);
        _passedOver(order, TIP, _signed(order, 2), IMarket.NotTheAccount.selector);
        _passedOver(order, TIP, new bytes(65), IMarket.NotTheAccount.selector);
        _passedOver(order, TIP, bytes.concat(signature, hex"00"), IMarket.NotTheAccount.selector);
        // Every member counts.
        bytes memory encoded = abi.encode(order);
        for (uint256 word = 0; word < encoded.length / 32; ++word) {
            bytes memory changed = abi.encode(order);
            changed[32 * word + 31] ^= 0x01;
            ClaimOrder memory other = abi.decode(changed, (ClaimOrder));
            vm.prank(RELAYER);
            vm.expectRevert();
            _carryOut(other, 0, signature);
        }
        _carryOut(order, TIP, signature);
    }

    function test_claimTo_otherDeployment() external {
        ClaimOrder memory order = _order(1);
        bytes memory signature = _signed(order, 1);
        vm.chainId(1); // a fork
        _passedOver(order, TIP, signature, IMarket.NotTheAccount.selector);
    }

    function test_claimTo_expired() external {
        ClaimOrder memory order = _order(1);
        order.deadline = vm.getBlockTimestamp() + 1 hours;
        bytes memory signature = _signed(order, 1);
        elapse(1 hours + 1);
        _passedOver(order, TIP, signature, IMarket.OrderExpired.selector);
        vm.warp(order.deadline);
        _carryOut(order, TIP, signature);
    }

    /// @dev What the owner signed is for what it was owed then; whoever pushes its pay makes the order void.
    function test_claimTo_afterAClaim() external {
        ClaimOrder memory order = _order(1);
        bytes memory signature = _signed(order, 1);
        market.claim(_task, 1, hex"0001");
        _passedOver(order, TIP, signature, IMarket.OrderStale.selector);
        equal(ownerAddress(1).balance, PAY, "its account has it");
    }

    function test_claimTo_recipientZero() external {
        ClaimOrder memory order = _order(1);
        order.recipient = address(0);
        _passedOver(order, TIP, _signed(order, 1), IMarket.AddressInvalid.selector);
    }

    function test_claimTo_nothingEarned() external {
        close(_task, 0);
        openRound(_task, OWNERS);
        accept(_task, 1, 0, 2);
        market.claim(_task, 1, hex"0003");
        ClaimOrder memory order = _order(3);
        (order.from, order.through) = (1, 2);
        bytes memory signature = _signed(order, 3);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, _task, 2));
        _carryOut(order, 0, signature);
    }

    function test_claimTo_tipTooHigh() external {
        ClaimOrder memory order = _order(1);
        bytes memory signature = _signed(order, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TipTooHigh.selector, TIP + 1, TIP));
        _carryOut(order, TIP + 1, signature);
        order.maxTip = 2 * PAY;
        signature = _signed(order, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TipTooHigh.selector, PAY + 1, 2 * PAY));
        _carryOut(order, PAY + 1, signature);
        _carryOut(order, PAY, signature); // all of it, if the owner says so
    }

    /// @dev Somebody who spoils an order, be it its owner, costs a relayer that order and no other.
    function test_claimTo_oneIsSpoiled() external {
        ClaimOrder[] memory orders = new ClaimOrder[](4);
        bytes[] memory signatures = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) {
            orders[i] = _order(i);
            if (i == 2) orders[i].deadline = vm.getBlockTimestamp() - 1;
            signatures[i] = _signed(orders[i], i);
        }
        market.claim(_task, 1, hex"0000");
        vm.prank(ownerAddress(1));
        market.setAccount(_task, 1, address(0xACC));
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OrderPassedOver(_task, 0, IMarket.OrderStale.selector);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OrderPassedOver(_task, 1, IMarket.NotTheAccount.selector);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OrderPassedOver(_task, 2, IMarket.OrderExpired.selector);
        equal(market.claimTo(orders, new uint256[](4), signatures), 1, "the last one");
        equal(HOME.balance, PAY, "paid");
    }

    function test_claimTo_lengthsDiffer() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.OrdersInvalid.selector, 1, 0, 1));
        market.claimTo(new ClaimOrder[](1), new uint256[](0), new bytes[](1));
        vm.expectRevert(abi.encodeWithSelector(IMarket.OrdersInvalid.selector, 1, 1, 2));
        market.claimTo(new ClaimOrder[](1), new uint256[](1), new bytes[](2));
        vm.expectRevert(abi.encodeWithSelector(IMarket.NoOrderCarriedOut.selector, bytes4(0)));
        market.claimTo(new ClaimOrder[](0), new uint256[](0), new bytes[](0));
    }

    /// @dev An account that is a contract signs as ERC-1271 says.
    function test_claimTo_contractAccount() external {
        Wallet wallet = new Wallet(vm.addr(77));
        _hand(1, address(wallet));
        ClaimOrder memory order = _order(1);
        _passedOver(order, TIP, sign(78, _digest(order)), IMarket.NotTheAccount.selector);
        _carryOut(order, TIP, sign(77, _digest(order)));
        equal(HOME.balance, PAY - TIP, "recipient");
        equal(address(this).balance >= TIP ? 1 : 0, 1, "the tip");
    }

    /// @dev Code that is delegated to a key (EIP-7702) does not take its signature away.
    function test_claimTo_accountWithKeyAndCode() external {
        ClaimOrder memory order = _order(1);
        vm.etch(ownerAddress(1), address(new Refusing()).code);
        _carryOut(order, TIP, _signed(order, 1));
        equal(HOME.balance, PAY - TIP, "recipient");
    }

    /// @dev A contract account that burns all gas it gets, or answers with a megabyte, costs a bounded amount.
    function test_claimTo_accountBurnsGas() external {
        _hand(1, address(new Burning()));
        ClaimOrder memory order = _order(1);
        bytes memory data = _call(order, 0, "signature");
        uint256 before = gasleft();
        (bool ok, bytes memory answer) = MARKET.call{gas: 5_000_000}(data);
        uint256 used = before - gasleft();
        isTrue(!ok && bytes4(answer) == IMarket.NoOrderCarriedOut.selector, "passed over");
        isTrue(used < 700_000, string.concat("it cost ", decimal(used)));
        (ok, answer) = MARKET.call{gas: 500_000}(data);
        isTrue(!ok && bytes4(answer) == IMarket.GasTooLow.selector, "too little to tell");
    }

    function test_claimTo_recipientRefuses() external {
        ClaimOrder memory order = _order(1);
        order.recipient = address(new Refusing());
        _carryOut(order, 0, _signed(order, 1));
        equal(market.owed(address(0), ownerAddress(1)), PAY, "credited to the account, not to the recipient");
        equal(market.owed(address(0), order.recipient), 0, "recipient");
    }

    function _order(uint256 index) private view returns (ClaimOrder memory) {
        return ClaimOrder({
            taskId: _task,
            index: index,
            from: 0,
            through: 1,
            recipient: HOME,
            maxTip: TIP,
            deadline: vm.getBlockTimestamp() + 30 days
        });
    }

    function _hand(uint256 index, address account) private {
        vm.prank(ownerAddress(index));
        market.setAccount(_task, index, account);
    }

    function _signed(ClaimOrder memory order, uint256 index) private view returns (bytes memory) {
        return sign(ownerKey(index), _digest(order));
    }

    /// @dev What an account signs, written anew.
    function _digest(ClaimOrder memory order) private view returns (bytes32) {
        bytes32 kind = keccak256(
            "Claim(uint256 taskId,uint256 index,uint256 from,uint256 through,address recipient,uint256 maxTip,uint256 deadline)"
        );
        bytes32 structHash = keccak256(bytes.concat(kind, abi.encode(order)));
        return keccak256(abi.encodePacked(hex"1901", domain(), structHash));
    }

    function _call(ClaimOrder memory order, uint256 tip, bytes memory signature) private pure returns (bytes memory) {
        ClaimOrder[] memory orders = new ClaimOrder[](1);
        uint256[] memory tips = new uint256[](1);
        bytes[] memory signatures = new bytes[](1);
        (orders[0], tips[0], signatures[0]) = (order, tip, signature);
        return abi.encodeCall(IMarket.claimTo, (orders, tips, signatures));
    }

    function _carryOut(ClaimOrder memory order, uint256 tip, bytes memory signature) private returns (uint256) {
        ClaimOrder[] memory orders = new ClaimOrder[](1);
        uint256[] memory tips = new uint256[](1);
        bytes[] memory signatures = new bytes[](1);
        (orders[0], tips[0], signatures[0]) = (order, tip, signature);
        return market.claimTo(orders, tips, signatures);
    }

    function _passedOver(ClaimOrder memory order, uint256 tip, bytes memory signature, bytes4 reason) private {
        vm.prank(RELAYER);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NoOrderCarriedOut.selector, reason));
        _carryOut(order, tip, signature);
    }

    receive() external payable {}
}
