// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {CommitteeTerms, MemberView} from "../src/types/Committees.sol";
import {CommitteeScene} from "./support/CommitteeScene.sol";
import {Collectible, Points} from "./support/Tokens.sol";

/// @title Creating committees and joining them
contract CommitteeRegistryTest is CommitteeScene {
    function setUp() external {
        stageCommittee();
    }

    function test_createCommittee_views() external {
        uint64 second = create(etherTerms(2), 5);
        equal(registry.committeeCount(), 2, "count");
        equal(registry.committeeAt(0), id, "first");
        equal(registry.committeeAt(1), second, "second");
        (uint8 t, address[] memory signers, string[] memory endpoints, bytes32[] memory keys, bool isReady) =
            registry.committee(second);
        equal(t, 2, "threshold");
        equal(keccak256(abi.encode(signers)), keccak256(abi.encode(signersUpTo(5))), "signers");
        equal(bytes(endpoints[4]).length, 0, "no endpoint yet");
        equal(keys[4], 0, "no key yet");
        isTrue(!isReady, "not ready");
        (uint256 threshold, uint256 size, uint256 epoch, bool shapeReady) = registry.shape(second);
        isTrue(threshold == 2 && size == 5 && epoch == 0 && !shapeReady, "shape");
        equal(registry.quorum(id), 3, "quorum of (4, 1)");
        equal(registry.quorum(second), 5, "quorum of (5, 2)");
        equal(keccak256(abi.encode(registry.terms(second))), keccak256(abi.encode(etherTerms(2))), "terms");
        isTrue(memberOf(3).controller == address(0) && !memberOf(3).joined, "no controller yet");
        equal(memberOf(3).membershipId, 3, "membership");
    }

    function test_createCommittee_event() external {
        CommitteeTerms memory with = etherTerms(1);
        bytes32 whole = _identity(address(this), 7, with, signersUpTo(4));
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.CommitteeCreated(uint64(uint256(whole)), address(this), with, signersUpTo(4), whole);
        registry.createCommittee(with, signersUpTo(4), 7);
    }

    /// @dev A number is a hash that has all of creator, chain, registry, nonce, terms and signers in it.
    function test_createCommittee_idIsAHash() external {
        CommitteeTerms memory with = etherTerms(1);
        bytes32 whole = _identity(address(this), 0, with, signersUpTo(4));
        equal(id, uint64(uint256(whole)), "number");
        equal(registry.identity(id), whole, "identity");
        uint64[5] memory numbers;
        numbers[0] = id;
        numbers[1] = registry.createCommittee(with, signersUpTo(4), 1);
        numbers[2] = registry.createCommittee(with, signersUpTo(5), 0);
        ++with.changeDelay;
        numbers[3] = registry.createCommittee(with, signersUpTo(4), 0);
        vm.prank(address(0xBAD));
        numbers[4] = registry.createCommittee(etherTerms(1), signersUpTo(4), 0);
        for (uint256 i = 0; i < 5; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                isTrue(numbers[i] != numbers[j], "a number of its own");
            }
        }
    }

    /// @dev Whoever sees a creation coming cannot take its number: from another account it gets another one.
    function test_createCommittee_frontRun() external {
        uint64 expected = uint64(uint256(_identity(address(this), 1, etherTerms(1), signersUpTo(4))));
        vm.prank(address(0xBAD));
        uint64 taken = registry.createCommittee(etherTerms(1), signersUpTo(4), 1);
        isTrue(taken != expected, "another number");
        equal(registry.createCommittee(etherTerms(1), signersUpTo(4), 1), expected, "the creator's");
    }

    /// @dev Two lists of members with one number, prepared at leisure and exchanged in a reorganisation, would have to
    /// have it under a block that nobody knows yet.
    function test_createCommittee_otherBlock() external {
        uint256 state = vm.snapshotState();
        bytes32[2] memory parents = [keccak256("one branch"), keccak256("another branch")];
        uint64[2] memory numbers;
        for (uint256 i = 0; i < 2; ++i) {
            vm.roll(50);
            vm.setBlockhash(49, parents[i]);
            numbers[i] = registry.createCommittee(etherTerms(1), signersUpTo(4), 7);
            equal(registry.identity(numbers[i]), _identity(address(this), 7, etherTerms(1), signersUpTo(4)), "parent");
            vm.revertToState(state);
        }
        isTrue(numbers[0] != numbers[1], "the same number on two branches");
    }

    /// @dev After a reorganisation, on a fork of the chain or in another registry, a number names the same or nothing.
    function test_createCommittee_otherChain() external {
        vm.chainId(CHAIN_ID + 1);
        isTrue(registry.createCommittee(etherTerms(1), signersUpTo(4), 0) != id, "another chain");
        vm.chainId(CHAIN_ID);
        deployRegistry();
        isTrue(registry.createCommittee(etherTerms(1), signersUpTo(4), 0) != id, "another registry");
    }

    function test_createCommittee_twice() external {
        refused(ICommitteeRegistry.CommitteeExists.selector, id);
        registry.createCommittee(etherTerms(1), signersUpTo(4), 0);
    }

    function test_createCommittee_shapeInvalid() external {
        _shapeInvalid(0, 4);
        _shapeInvalid(1, 2);
        _shapeInvalid(2, 4);
        _shapeInvalid(1, 33);
        _shapeInvalid(255, 32);
        create(etherTerms(15), 32);
        create(etherTerms(1), 3);
    }

    function test_createCommittee_memberInvalid() external {
        address[] memory signers = signersUpTo(4);
        signers[3] = signers[1];
        refused(ICommitteeRegistry.MemberInvalid.selector, signers[1]);
        registry.createCommittee(etherTerms(1), signers, 1);
        signers[3] = address(0);
        refused(ICommitteeRegistry.MemberInvalid.selector, address(0));
        registry.createCommittee(etherTerms(1), signers, 1);
    }

    function test_createCommittee_delays() external {
        equal(registry.minimumDelay(), MINIMUM_DELAY, "minimum");
        _delays(MINIMUM_DELAY - 1, 30 days, MINIMUM_DELAY - 1, MINIMUM_DELAY);
        _delays(365 days + 1, 365 days + 1, 365 days + 1, MINIMUM_DELAY);
        _delays(10 days, 10 days - 1, 10 days - 1, 10 days);
        _delays(10 days, 365 days + 1, 365 days + 1, 10 days);
        CommitteeTerms memory with = etherTerms(1);
        (with.changeDelay, with.unbondingDelay) = (MINIMUM_DELAY, MINIMUM_DELAY);
        create(with, 4);
        (with.changeDelay, with.unbondingDelay) = (365 days, 365 days);
        create(with, 4);
    }

    function test_constructor_delay() external {
        create(creationOf("CommitteeRegistry", abi.encode(uint32(0))));
        create(creationOf("CommitteeRegistry", abi.encode(uint32(365 days))));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.DelayInvalid.selector, 365 days + 1, 0, 365 days));
        this.deploy(uint32(365 days + 1));
    }

    function deploy(uint32 minimumDelay) external {
        create(creationOf("CommitteeRegistry", abi.encode(minimumDelay)));
    }

    function test_createCommittee_bondTokenThatIsNone() external {
        address[3] memory none = [address(0xDEAD), address(new Points()), address(new Collectible())];
        for (uint256 i = 0; i < none.length; ++i) {
            refused(ICommitteeRegistry.BondTokenInvalid.selector, none[i]);
            registry.createCommittee(tokenTerms(1, none[i]), signersUpTo(4), 1);
        }
    }

    function test_join_ready() external {
        for (uint256 i = 0; i < SIZE; ++i) {
            isTrue(!ready(), "not ready yet");
            if (i == SIZE - 1) {
                vm.expectEmit(true, true, true, true, address(registry));
                emit ICommitteeRegistry.MemberJoined(id, i, vm.addr(i + 1), i, controllerOf(i), "first", hpkeOf(i + 1));
                vm.expectEmit(true, true, true, true, address(registry));
                emit ICommitteeRegistry.CommitteeReady(id, 0);
            }
            join(id, i + 1, controllerOf(i));
        }
        isTrue(ready(), "ready");
        (,, string[] memory endpoints, bytes32[] memory keys, bool isReady) = registry.committee(id);
        isTrue(isReady, "ready");
        equal(keccak256(bytes(endpoints[1])), keccak256("first"), "endpoint");
        equal(keys[3], hpkeOf(4), "key");
        MemberView memory member = memberOf(2);
        equal(member.controller, controllerOf(2), "controller");
        isTrue(member.joined && member.bond == BOND && member.withdrawableAt == 0, "bonded");
        equal(address(registry).balance, SIZE * BOND, "bonds");
    }

    /// @dev Also the largest committee can be ready.
    function test_join_largest() external {
        id = create(etherTerms(10), 32);
        for (uint256 i = 0; i < 32; ++i) {
            isTrue(!ready(), "not ready yet");
            join(id, i + 1, address(0));
        }
        isTrue(ready(), "ready");
    }

    function test_join_controllerIsTheSigner() external {
        join(id, 1, address(0));
        equal(memberOf(0).controller, vm.addr(1), "controller");
    }

    /// @dev Before anything can have been sealed to it, a member corrects what it published. Its bond is paid once.
    function test_join_again() external {
        join(id, 1, controllerOf(0));
        vm.prank(vm.addr(1));
        registry.join(id, "second", hpkeOf(77), controllerOf(0));
        (,, string[] memory endpoints, bytes32[] memory keys,) = registry.committee(id);
        equal(keccak256(bytes(endpoints[0])), keccak256("second"), "endpoint");
        equal(keys[0], hpkeOf(77), "key");
        equal(address(registry).balance, BOND, "one bond");
        vm.deal(vm.addr(1), BOND);
        vm.prank(vm.addr(1));
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, BOND, 0));
        registry.join{value: BOND}(id, "second", hpkeOf(77), controllerOf(0));
    }

    /// @dev A stolen hot key does not get the bond: the controller that was named first stays.
    function test_join_againWithAnotherController() external {
        join(id, 1, controllerOf(0));
        refused(ICommitteeRegistry.ControllerFixed.selector, controllerOf(0));
        vm.prank(vm.addr(1));
        registry.join(id, "second", hpkeOf(1), controllerOf(1));
        refused(ICommitteeRegistry.ControllerFixed.selector, controllerOf(0));
        vm.prank(vm.addr(1));
        registry.join(id, "second", hpkeOf(1), address(0));
    }

    /// @dev Keys that shares may have been sealed to are not exchanged any more, by nobody.
    function test_join_againOnceReady() external {
        joinAll();
        refused(ICommitteeRegistry.AlreadyJoined.selector, vm.addr(1));
        vm.prank(vm.addr(1));
        registry.join(id, "first", hpkeOf(77), controllerOf(0));
        vm.prank(controllerOf(3));
        registry.retire(id, 3);
        isTrue(!ready(), "not ready any more");
        refused(ICommitteeRegistry.AlreadyJoined.selector, vm.addr(1));
        vm.prank(vm.addr(1));
        registry.join(id, "first", hpkeOf(77), controllerOf(0));
    }

    function test_join_refused() external {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NotAMember.selector, id, address(this)));
        registry.join(id, "here", hpkeOf(1), address(0));
        refused(ICommitteeRegistry.CommitteeUnknown.selector, 3);
        registry.join(3, "here", hpkeOf(1), address(0));
        refused(ICommitteeRegistry.EndpointInvalid.selector, 0);
        registry.join(id, "", hpkeOf(1), address(0));
        refused(ICommitteeRegistry.EndpointInvalid.selector, 257);
        registry.join(id, string(new bytes(257)), hpkeOf(1), address(0));
        vm.expectRevert(ICommitteeRegistry.HpkeKeyInvalid.selector);
        registry.join(id, "here", 0, address(0));
        vm.deal(vm.addr(1), BOND);
        vm.prank(vm.addr(1));
        registry.join{value: BOND}(id, string(new bytes(256)), hpkeOf(1), address(0));
    }

    /// @dev A controller has no voice where its signer has: it does not join.
    function test_join_byController() external {
        join(id, 1, controllerOf(0));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NotAMember.selector, id, controllerOf(0)));
        vm.prank(controllerOf(0));
        registry.join(id, "here", hpkeOf(1), controllerOf(0));
    }

    function test_join_revoked() external {
        vm.prank(vm.addr(1));
        registry.revoke(id, vm.addr(1));
        refused(ICommitteeRegistry.KeyIsRevoked.selector, vm.addr(1));
        vm.prank(vm.addr(1));
        registry.join(id, "here", hpkeOf(1), address(0));
    }

    function test_join_retired() external {
        join(id, 1, controllerOf(0));
        vm.prank(controllerOf(0));
        registry.retire(id, 0);
        refused(ICommitteeRegistry.MembershipEnded.selector, 0);
        vm.prank(vm.addr(1));
        registry.join(id, "here", hpkeOf(1), controllerOf(0));
    }

    function test_setEndpoint() external {
        refused(ICommitteeRegistry.NotJoined.selector, 1);
        vm.prank(vm.addr(2));
        registry.setEndpoint(id, "elsewhere");
        joinAll();
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.EndpointChanged(id, 1, "elsewhere");
        vm.prank(vm.addr(2));
        registry.setEndpoint(id, "elsewhere");
        (,, string[] memory endpoints, bytes32[] memory keys, bool isReady) = registry.committee(id);
        equal(keccak256(bytes(endpoints[1])), keccak256("elsewhere"), "endpoint");
        equal(keys[1], hpkeOf(2), "key");
        isTrue(isReady, "still ready");
    }

    function test_setEndpoint_refused() external {
        joinAll();
        refused(ICommitteeRegistry.EndpointInvalid.selector, 0);
        vm.prank(vm.addr(2));
        registry.setEndpoint(id, "");
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NotAMember.selector, id, controllerOf(1)));
        vm.prank(controllerOf(1));
        registry.setEndpoint(id, "elsewhere");
        rotated(1, FRESH);
        notAMember(2);
        vm.prank(vm.addr(2));
        registry.setEndpoint(id, "elsewhere");
        vm.prank(controllerOf(2));
        registry.revoke(id, vm.addr(3));
        refused(ICommitteeRegistry.KeyIsRevoked.selector, vm.addr(3));
        vm.prank(vm.addr(3));
        registry.setEndpoint(id, "elsewhere");
    }

    function test_unknown_everywhere() external {
        for (uint256 i = 0; i < 16; ++i) {
            (bool ok, bytes memory data) = address(registry).call(_callOfUnknown(i));
            isTrue(!ok, "went through");
            bytes memory expected = abi.encodeWithSelector(ICommitteeRegistry.CommitteeUnknown.selector, 5);
            equal(keccak256(data), keccak256(expected), "error");
        }
    }

    function _callOfUnknown(uint256 which) private pure returns (bytes memory) {
        bytes4[16] memory selectors = [
            ICommitteeRegistry.committee.selector,
            ICommitteeRegistry.committeeAtEpoch.selector,
            ICommitteeRegistry.quorum.selector,
            ICommitteeRegistry.shape.selector,
            ICommitteeRegistry.membership.selector,
            ICommitteeRegistry.bond.selector,
            ICommitteeRegistry.terms.selector,
            ICommitteeRegistry.identity.selector,
            ICommitteeRegistry.rotate.selector,
            ICommitteeRegistry.cancelChange.selector,
            ICommitteeRegistry.applyChange.selector,
            ICommitteeRegistry.revoke.selector,
            ICommitteeRegistry.retire.selector,
            ICommitteeRegistry.withdrawBond.selector,
            // offset of an empty list of attestations
            ICommitteeRegistry.replace.selector,
            ICommitteeRegistry.requireQuorum.selector
        ];
        uint256 list = which == 14 ? 6 * 32 : 4 * 32;
        bytes memory head = abi.encode(uint256(5), uint256(0), uint256(0), list, uint256(0), list, uint256(0));
        return bytes.concat(selectors[which], head);
    }

    function test_indexBeyond() external {
        joinAll();
        bytes memory error_ = abi.encodeWithSelector(ICommitteeRegistry.IndexInvalid.selector, id, SIZE);
        vm.expectRevert(error_);
        registry.membership(id, SIZE);
        vm.expectRevert(error_);
        registry.rotate(id, SIZE, vm.addr(FRESH), hpkeOf(FRESH), 0, 0);
        vm.expectRevert(error_);
        registry.cancelChange(id, SIZE);
        vm.expectRevert(error_);
        registry.replace(id, SIZE, vm.addr(FRESH), address(0), time(), signedBy(new uint256[](0), DIGEST));
        refused(ICommitteeRegistry.NoChange.selector, SIZE);
        registry.applyChange(id, SIZE);
        refused(ICommitteeRegistry.NoChange.selector, type(uint256).max);
        registry.applyChange(id, type(uint256).max);
    }

    function _identity(address creator, uint256 nonce, CommitteeTerms memory with, address[] memory signers)
        private
        view
        returns (bytes32)
    {
        bytes32 tag = keccak256("gradroll/v1/committee-id");
        bytes32 parent = blockhash(block.number - 1);
        return keccak256(abi.encode(tag, block.chainid, address(registry), creator, nonce, parent, with, signers));
    }

    function _shapeInvalid(uint8 threshold, uint256 size) private {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeShapeInvalid.selector, threshold, size));
        registry.createCommittee(etherTerms(threshold), signersUpTo(size), 1);
    }

    function _delays(uint32 changeDelay, uint32 unbondingDelay, uint256 delay, uint256 least) private {
        CommitteeTerms memory with = etherTerms(1);
        (with.changeDelay, with.unbondingDelay) = (changeDelay, unbondingDelay);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.DelayInvalid.selector, delay, least, 365 days));
        registry.createCommittee(with, signersUpTo(4), 1);
    }
}
