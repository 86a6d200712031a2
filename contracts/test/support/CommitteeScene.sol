// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ICommitteeRegistry} from "../../src/interfaces/ICommitteeRegistry.sol";
import {CommitteeTerms, MemberView} from "../../src/types/Committees.sol";
import {SignedBody} from "../../src/types/Reports.sol";
import {Attestation} from "../../src/types/Types.sol";
import {Scene} from "./Scene.sol";

/// @title Committees whose members' keys are known: signer i has key i + 1, its controller is `controllerOf(i)`
abstract contract CommitteeScene is Scene {
    bytes32 internal constant DIGEST = keccak256("digest");
    uint128 internal constant BOND = 5 ether;
    uint32 internal constant CHANGE_DELAY = 2 days;
    uint32 internal constant UNBONDING_DELAY = 30 days;
    uint256 internal constant SIZE = 4;
    /// @dev Keys of signers that come later.
    uint256 internal constant FRESH = 1000;

    address internal constant REPORTER = address(0x4E90);
    bytes32 internal constant SESSION = keccak256("session");
    uint8 internal constant VALIDATE = 4;

    uint64 internal id;

    /// @dev A committee of four with a threshold of 1 (quorum 3) that bonds ether.
    function stageCommittee() internal {
        vm.warp(1_700_000_000);
        deployRegistry();
        id = create(etherTerms(1), SIZE);
    }

    function etherTerms(uint8 threshold) internal pure returns (CommitteeTerms memory) {
        return tokenTerms(threshold, address(0));
    }

    function tokenTerms(uint8 threshold, address token) internal pure returns (CommitteeTerms memory) {
        return CommitteeTerms({
            threshold: threshold,
            bondToken: token,
            bond: BOND,
            changeDelay: CHANGE_DELAY,
            unbondingDelay: UNBONDING_DELAY
        });
    }

    function create(CommitteeTerms memory with, uint256 size) internal returns (uint64) {
        return registry.createCommittee(with, signersUpTo(size), registry.committeeCount());
    }

    function signersUpTo(uint256 count) internal pure returns (address[] memory signers) {
        signers = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            signers[i] = vm.addr(i + 1);
        }
    }

    function controllerOf(uint256 index) internal pure returns (address) {
        return address(uint160(0xC01D0000 + index));
    }

    function hpkeOf(uint256 key) internal pure returns (bytes32) {
        return keccak256(abi.encode("hpke", key));
    }

    /// @dev The holder of a key joins with ether.
    function join(uint64 committeeId, uint256 key, address controller) internal {
        vm.deal(vm.addr(key), BOND);
        vm.prank(vm.addr(key));
        registry.join{value: BOND}(committeeId, "first", hpkeOf(key), controller);
    }

    function joinAll() internal {
        for (uint256 i = 0; i < SIZE; ++i) {
            join(id, i + 1, controllerOf(i));
        }
        isTrue(ready(), "ready");
    }

    /// @dev Chain time now: the compiler takes `block.timestamp` to be the same all through a test.
    function time() internal view returns (uint256) {
        return vm.getBlockTimestamp();
    }

    /// @dev Waits until what was proposed is due, and applies it.
    function applied(uint256 index) internal {
        vm.warp(time() + CHANGE_DELAY);
        registry.applyChange(id, index);
    }

    function ready() internal view returns (bool isReady) {
        (,,, isReady) = registry.shape(id);
    }

    function epochOf(uint64 committeeId) internal view returns (uint256 epoch) {
        (,, epoch,) = registry.shape(committeeId);
    }

    function memberOf(uint256 index) internal view returns (MemberView memory) {
        return registry.membership(id, index);
    }

    /// @dev The controller of a member proposes the holder of a key as its next signer.
    function rotate(uint256 index, uint256 key) internal {
        address controller = memberOf(index).controller;
        (bytes32 r, bytes32 vs) = signCompact(key, membershipDigest(index, vm.addr(key), controller));
        vm.prank(controller);
        registry.rotate(id, index, vm.addr(key), hpkeOf(key), r, vs);
    }

    /// @dev A rotation from proposal to effect.
    function rotated(uint256 index, uint256 key) internal {
        rotate(index, key);
        applied(index);
    }

    /// @dev Holders of keys, which are members 0, 1, ..., have the holder of another one sit at an index.
    function replace(uint256 index, uint256 key, address controller, uint256[] memory keys) internal {
        address signer = key == 0 ? address(0) : vm.addr(key);
        uint256 deadline = time() + 1 hours;
        Attestation[] memory signed =
            signedBy(keys, replacementDigest(index, memberOf(index).replacements, signer, controller, deadline));
        registry.replace(id, index, signer, controller, deadline, signed);
    }

    /// @dev A replacement from proposal to effect, by the three other first members.
    function replaced(uint256 index, uint256 key, address controller) internal {
        replace(index, key, controller, others(index));
        join(id, key, controller);
        applied(index);
    }

    /// @dev Keys of all first members, 0 for the one at an index.
    function others(uint256 index) internal pure returns (uint256[] memory keys) {
        keys = keysUpTo(SIZE);
        keys[index] = 0;
    }

    function keysUpTo(uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            keys[i] = i + 1;
        }
    }

    /// @dev Attestations by the members whose key is not 0.
    function signedBy(uint256[] memory keys, bytes32 digest) internal pure returns (Attestation[] memory out) {
        uint256 count = 0;
        for (uint256 i = 0; i < keys.length; ++i) {
            if (keys[i] != 0) ++count;
        }
        out = new Attestation[](count);
        for (uint256 i = keys.length; i > 0; --i) {
            if (keys[i - 1] == 0) continue;
            (bytes32 r, bytes32 vs) = signCompact(keys[i - 1], digest);
            out[--count] = Attestation(uint8(i - 1), r, vs);
        }
    }

    /// @dev The holder of a key signs a message.
    function signBody(uint256 key, uint8 step, uint256 sender, bytes32 bodyHash)
        internal
        pure
        returns (SignedBody memory)
    {
        bytes32 tag = keccak256("gradroll/v1/message");
        bytes32 digest = keccak256(abi.encode(tag, SESSION, uint256(step), sender, bodyHash));
        (bytes32 r, bytes32 vs) = signCompact(key, digest);
        return SignedBody(bodyHash, r, vs);
    }

    /// @dev REPORTER hands in two bodies that the holder of a key signed for one step.
    function reportTwoBodies(uint256 key, uint256 index) internal {
        SignedBody memory first = signBody(key, VALIDATE, index, keccak256("one"));
        SignedBody memory second = signBody(key, VALIDATE, index, keccak256("another"));
        vm.prank(REPORTER);
        registry.reportMessages(id, SESSION, VALIDATE, index, first, second);
    }

    function membershipDigest(uint256 index, address signer, address controller) internal view returns (bytes32) {
        bytes32 kind = keccak256("Membership(uint256 committeeId,uint256 index,address signer,address controller)");
        return typedDigest(abi.encode(kind, uint256(id), index, signer, controller));
    }

    function replacementDigest(uint256 index, uint256 nonce, address signer, address controller, uint256 deadline)
        internal
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256(
            "Replacement(uint256 committeeId,uint256 index,uint256 nonce,address signer,address controller,uint256 deadline)"
        );
        return typedDigest(abi.encode(kind, uint256(id), index, nonce, signer, controller, deadline));
    }

    /// @dev EIP-712 written anew, from what ERC-5267 says of the domain.
    function typedDigest(bytes memory encoded) internal view returns (bytes32) {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address where,,) =
            IERC5267(address(registry)).eip712Domain();
        isTrue(fields == 0x0f, "name, version, chain id, address");
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain_ = keccak256(abi.encode(kind, keccak256(bytes(name)), keccak256(bytes(version)), chainId, where));
        return keccak256(abi.encodePacked(hex"1901", domain_, keccak256(encoded)));
    }

    /// @dev Of those who sign, only so many count: fewer than a quorum of three.
    function tooFew(uint256 committeeId, uint256 epoch, uint256[] memory keys, uint256 count) internal {
        Attestation[] memory signed = signedBy(keys, DIGEST);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, count, 3));
        registry.requireQuorum(committeeId, epoch, DIGEST, signed);
    }

    function refused(bytes4 selector, uint256 argument) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, argument));
    }

    function refused(bytes4 selector, address argument) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, argument));
    }

    function notAMember(uint256 key) internal {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NotAMember.selector, id, vm.addr(key)));
    }

    function notController(address caller, address controller) internal {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NotController.selector, caller, controller));
    }
}
