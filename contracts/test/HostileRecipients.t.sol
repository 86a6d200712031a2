// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {Bomb, Burning, Reentrant, Refusing} from "./support/Recipients.sol";
import {Scene} from "./support/Scene.sol";

/// @title Recipients that refuse, call back, answer with a megabyte or burn all gas
contract HostileRecipientsTest is Scene {
    uint256 private constant OWNERS = 6;
    bytes private constant EVERYBODY = hex"000000010002000300040005";

    uint256 private _task;
    uint256 private _other;

    function setUp() external {
        deploy("norm_3");
        _task = createTask(stubTerms());
        _other = createTask(stubTerms());
        enrol(_task, 0, OWNERS);
        enrol(_other, 0, 2);
        fund(_task, 100 ether);
        fund(_other, 100 ether);
        openRound(_task, OWNERS);
        accept(_task, 0, 0, OWNERS);
    }

    /// @dev Among many, each hostile one costs a bounded amount, and the others are paid.
    function test_claim_hostileAmongMany() external {
        address[4] memory hostile =
            [address(new Bomb()), address(new Burning()), address(new Refusing()), address(new Reentrant())];
        Reentrant(payable(hostile[3])).arm(MARKET, abi.encodeCall(IMarket.claim, (_task, 1, EVERYBODY)));
        for (uint256 i = 0; i < 4; ++i) {
            _hand(i + 1, hostile[i]);
        }
        uint256 before = gasleft();
        equal(market.claim(_task, 1, EVERYBODY), 6 * PAY, "assigned");
        uint256 used = before - gasleft();
        isTrue(used < 6 * 120_000, string.concat("it cost ", decimal(used)));
        equal(ownerAddress(0).balance, PAY, "the first");
        equal(ownerAddress(5).balance, PAY, "the last");
        for (uint256 i = 0; i < 3; ++i) {
            equal(hostile[i].balance, 0, "took nothing");
            equal(market.owed(address(0), hostile[i]), PAY, "credited");
        }
        equal(hostile[3].balance, PAY, "paid once");
        isTrue(Reentrant(payable(hostile[3])).refused(), "the inner claim was refused");
        equal(MARKET.balance, 200 ether - 3 * PAY, "the rest");
    }

    /// @dev A caller that hands the market little gas would make a payment fail that needs none of it.
    function test_claim_withTooLittleGas() external {
        _hand(0, address(new Reentrant()));
        bytes memory data = abi.encodeCall(IMarket.claim, (_task, 1, hex"0000"));
        uint256 failed = 0;
        for (uint256 given = 20_000; given < 300_000; given += 5_000) {
            uint256 state = vm.snapshotState();
            (bool ok,) = MARKET.call{gas: given}(data);
            if (ok) {
                equal(market.owed(address(0), market.ownerAt(_task, 0).account), 0, "credited for lack of gas");
                equal(market.ownerAt(_task, 0).account.balance, PAY, "paid");
            } else {
                ++failed;
            }
            vm.revertToState(state);
        }
        isTrue(failed > 5, "with little gas nothing happens");
    }

    function test_collect_credit() external {
        address refusing = address(new Refusing());
        _hand(1, refusing);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.Credited(address(0), refusing, PAY);
        market.claim(_task, 1, hex"0001");
        // To itself it does not go; anywhere else only it may send it.
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, refusing, PAY));
        market.collect(address(0), refusing, refusing);
        vm.expectRevert(IMarket.RecipientInvalid.selector);
        market.collect(address(0), refusing, address(this));
        vm.startPrank(refusing);
        vm.expectRevert(IMarket.RecipientInvalid.selector);
        market.collect(address(0), refusing, address(0));
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.Collected(address(0), refusing, address(0xF00), PAY);
        equal(market.collect(address(0), refusing, address(0xF00)), PAY, "amount");
        vm.stopPrank();
        equal(address(0xF00).balance, PAY, "collected");
        vm.prank(refusing);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingOwed.selector, address(0), refusing));
        market.collect(address(0), refusing, address(0xF00));
    }

    /// @dev Whoever is owed something may have it pushed by anybody.
    function test_collect_byAnybodyForTheAccount() external {
        address account = address(new Refusing());
        _hand(1, account);
        market.claim(_task, 1, hex"0001");
        vm.etch(account, "");
        market.collect(address(0), account, account);
        equal(account.balance, PAY, "pushed");
    }

    function test_collect_reentrant() external {
        Reentrant thief = new Reentrant();
        _hand(1, address(thief));
        _hand(2, address(new Refusing()));
        // Its first payment fails, because it is not armed yet and has no code to take it.
        vm.etch(address(thief), address(new Refusing()).code);
        market.claim(_task, 1, hex"00010002");
        vm.etch(address(thief), address(new Reentrant()).code);
        thief.arm(MARKET, abi.encodeCall(IMarket.collect, (address(0), address(thief), address(thief))));
        market.collect(address(0), address(thief), address(thief));
        equal(address(thief).balance, PAY, "once");
        isTrue(thief.refused(), "the inner call was refused");
    }

    /// @dev While it is paid, an account can enter no function that moves money, nor undo what was paid by one that does not.
    function test_claim_reentrantAnywhere() external {
        Reentrant thief = new Reentrant();
        address self = address(thief);
        _hand(0, self);
        bytes[6] memory calls = [
            abi.encodeCall(IMarket.claim, (_task, 1, EVERYBODY)),
            abi.encodeCall(IMarket.collect, (address(0), self, self)),
            abi.encodeCall(IMarket.exit, (_task, 0)),
            abi.encodeCall(IMarket.withdraw, (_task, 1, self)),
            abi.encodeCall(IMarket.reclaim, (_task, 1, EVERYBODY)),
            abi.encodeCall(IMarket.resign, (_task, 0))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 state = vm.snapshotState();
            thief.arm(MARKET, calls[i]);
            market.claim(_task, 1, hex"0000");
            equal(self.balance, PAY, "paid once");
            isTrue(thief.refused() == (i < 5), "only what moves no money");
            equal(MARKET.balance, 200 ether - PAY, "the rest");
            vm.revertToState(state);
        }
    }

    function _hand(uint256 index, address account) private {
        vm.prank(ownerAddress(index));
        market.setAccount(_task, index, account);
    }
}
