// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {OwnerView, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Who registers, with whose consent, and who is paid
contract EnrolmentTest is Scene {
    address private constant ACCOUNT = address(0xACC);

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _task = createTask(terms());
    }

    function test_register_openTask() external {
        _open(0, 10);
        for (uint256 i = 0; i < 3; ++i) {
            address owner = ownerAddress(i);
            vm.prank(owner);
            vm.expectEmit(true, true, true, true, MARKET);
            emit IMarket.OwnerRegistered(_task, owner, i, owner);
            equal(market.register(_task, owner, "", noPermit()), i, "index");
            OwnerView memory state = market.ownerAt(_task, i);
            equal(state.signer, owner, "signer");
            equal(state.account, owner, "account");
            equal(state.joinedAt + state.nextClaim + state.leavesAt, 0, "from the first round on");
            isTrue(!state.leaving && !state.exited, "stays");
            (bool registered, uint256 index, bool admitted) = market.ownerIndex(_task, owner);
            isTrue(registered && admitted && index == i, "index of owner");
        }
        equal(market.task(_task).ownerCount, 3, "owners");
        equal(market.task(_task).activeOwners, 3, "active");
        _registerRefused(ownerAddress(1), IMarket.AlreadyRegistered.selector);
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnerUnknown.selector, _task, 3));
        market.ownerAt(_task, 3);
        (bool known,,) = market.ownerIndex(_task, ownerAddress(3));
        isTrue(!known, "stranger");
    }

    function test_register_permissionedTask() external {
        _registerRefused(ownerAddress(0), IMarket.NotAdmitted.selector);
        (,, bool admitted) = market.ownerIndex(_task, ownerAddress(0));
        isTrue(!admitted, "not admitted");
        address[] memory signers = new address[](2);
        (signers[0], signers[1]) = (ownerAddress(0), ownerAddress(0));
        vm.prank(modelOwner);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.OwnerAdmitted(_task, signers[0]);
        market.admit(_task, signers);
        (,, admitted) = market.ownerIndex(_task, ownerAddress(0));
        isTrue(admitted, "admitted");
        equal(register(_task, ownerAddress(0), 0), 0, "registered");
        equal(market.task(_task).activeOwners, 1, "once");
    }

    function test_admit_refused() external {
        address[] memory signers = new address[](1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, _task, address(this)));
        market.admit(_task, signers);
        vm.prank(modelOwner);
        vm.expectRevert(IMarket.AddressInvalid.selector);
        market.admit(_task, signers);
        _open(0, 10);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskOpen.selector, _task));
        market.admit(_task, signers);
    }

    function test_register_withConsent() external {
        _open(0, 10);
        _registerFor(ownerKey(0), ACCOUNT);
        OwnerView memory state = market.ownerAt(_task, 0);
        equal(state.signer, ownerAddress(0), "signer");
        equal(state.account, ACCOUNT, "account");
    }

    /// @dev Nobody registers another's key with an account of its own: whatever that key signs later would be paid to it.
    function test_register_withoutConsent() external {
        _open(0, 10);
        address signer = ownerAddress(0);
        bytes32 bound = market.task(_task).termsHash;
        bytes[6] memory consents;
        consents[1] = sign(ownerKey(1), _consent(_task, bound, ACCOUNT)); // of another key
        consents[2] = sign(ownerKey(0), _consent(_task, bound, address(0xBAD))); // for another account
        consents[3] = sign(ownerKey(0), _consent(_task ^ 1, bound, ACCOUNT)); // for another task
        // For other terms: a creator finds two tasks of its own with one identifier, and may exchange them.
        consents[4] = sign(ownerKey(0), _consent(_task, bound ^ bytes32(uint256(1)), ACCOUNT));
        consents[5] = sign(ownerKey(0), keccak256("something else"));
        for (uint256 i = 0; i < consents.length; ++i) {
            vm.prank(ACCOUNT);
            vm.expectRevert(abi.encodeWithSelector(IMarket.ConsentInvalid.selector, signer));
            market.register(_task, signer, consents[i], noPermit());
        }
        // A consent that was seen on its way is worth nothing to who saw it.
        bytes memory seen = sign(ownerKey(0), _consent(_task, bound, ACCOUNT));
        vm.prank(address(0xBAD));
        vm.expectRevert(abi.encodeWithSelector(IMarket.ConsentInvalid.selector, signer));
        market.register(_task, signer, seen, noPermit());
        vm.expectRevert(IMarket.AddressInvalid.selector);
        market.register(_task, address(0), "", noPermit());
    }

    function test_register_consentOfOtherDeployment() external {
        bytes memory consent = sign(ownerKey(0), _consent(_task, market.task(_task).termsHash, ACCOUNT));
        deployMarket(MARKET, keccak256("another parent"));
        _open(0, 10);
        address signer = ownerAddress(0);
        vm.prank(ACCOUNT);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ConsentInvalid.selector, signer));
        market.register(_task, signer, consent, noPermit());
    }

    function test_register_full() external {
        _open(0, 3);
        for (uint256 i = 0; i < 3; ++i) {
            register(_task, ownerAddress(i), 0);
        }
        address late = ownerAddress(3);
        vm.prank(late);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskFull.selector, _task));
        market.register(_task, late, "", noPermit());
    }

    function test_register_deposit() external {
        _open(5 ether, 10);
        address owner = ownerAddress(0);
        vm.deal(owner, 10 ether);
        vm.startPrank(owner);
        uint256[3] memory sums = [uint256(0), 5 ether - 1, 5 ether + 1];
        for (uint256 i = 0; i < sums.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, sums[i], 5 ether));
            market.register{value: sums[i]}(_task, owner, "", noPermit());
        }
        market.register{value: 5 ether}(_task, owner, "", noPermit());
        vm.stopPrank();
        equal(MARKET.balance, 5 ether, "held");
        equal(market.task(_task).balance, 0, "not the model owner's");
    }

    function test_register_duringARound() external {
        fund(_task, 8 * PAY);
        openRound(_task, 4);
        enrol(_task, 0, 1);
        equal(market.ownerAt(_task, 0).joinedAt, 0, "the round that is open");
        close(_task, 0);
        market.finalizeRound(_task, 0);
        openRound(_task, 4);
        enrol(_task, 1, 2);
        equal(market.ownerAt(_task, 1).joinedAt, 1, "the last one");
        equal(market.ownerAt(_task, 1).nextClaim, 1, "nothing to claim before");
    }

    function test_setAccount_handsOver() external {
        enrol(_task, 0, 1);
        vm.prank(ownerAddress(0));
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.AccountChanged(_task, 0, ACCOUNT);
        market.setAccount(_task, 0, ACCOUNT);
        equal(market.ownerAt(_task, 0).account, ACCOUNT, "account");
        equal(market.ownerAt(_task, 0).signer, ownerAddress(0), "the signer stays");
        _notTheAccount(ownerAddress(0), ACCOUNT);
        _notTheAccount(modelOwner, ACCOUNT);
        vm.prank(ACCOUNT);
        vm.expectRevert(IMarket.AddressInvalid.selector);
        market.setAccount(_task, 0, address(0));
        address signer = ownerAddress(0);
        vm.prank(ACCOUNT);
        market.setAccount(_task, 0, signer);
        equal(market.ownerAt(_task, 0).account, signer, "back again");
    }

    /// @dev The new account is paid for what was earned before: it was handed over with the owner.
    function test_setAccount_beforeAClaim() external {
        enrol(_task, 0, 16);
        fund(_task, SEATS * PAY);
        openRound(_task);
        market.acceptBatch(attested("norm_3"));
        vm.prank(ownerAddress(1));
        market.setAccount(_task, 1, ACCOUNT);
        market.claim(_task, 1, hex"00000001");
        equal(ACCOUNT.balance, PAY, "the new account");
        equal(ownerAddress(1).balance, 0, "the old one");
        equal(ownerAddress(0).balance, PAY, "another owner");
    }

    function _notTheAccount(address caller, address account) private {
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotTheAccount.selector, _task, 0, account));
        market.setAccount(_task, 0, caller);
    }

    function _registerRefused(address signer, bytes4 reason) private {
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(reason, _task, signer));
        market.register(_task, signer, "", noPermit());
    }

    function _registerFor(uint256 key, address account) private {
        bytes memory consent = sign(key, _consent(_task, market.task(_task).termsHash, account));
        vm.prank(account);
        market.register(_task, vm.addr(key), consent, noPermit());
    }

    /// @dev What a key signs to be registered by an account, written anew.
    function _consent(uint256 taskId, bytes32 termsHash, address account) private view returns (bytes32) {
        bytes32 kind = keccak256("Registration(uint256 taskId,bytes32 termsHash,address account)");
        bytes32 structHash = keccak256(abi.encode(kind, taskId, termsHash, account));
        return keccak256(abi.encodePacked(hex"1901", domain(), structHash));
    }

    function _open(uint128 deposit, uint16 capacity) private {
        TaskTerms memory t = terms();
        (t.permissioned, t.basePay, t.deposit, t.capacity) = (false, 0, deposit, capacity);
        _task = createTask(t);
    }
}
