// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "../src/models/interfaces/IModelRegistry.sol";
import {SetView} from "../src/models/types/Listings.sol";
import {ModelStage} from "./support/ModelStage.sol";

/// @title Sets of groups of samples
contract ModelSetsTest is ModelStage {
    bytes32 private constant SALT = "salt";
    bytes32 private constant MANIFEST = "manifest";

    function setUp() external {
        deployModels();
    }

    function test_createSet_told() external {
        bytes32 expected = _idOf(models.deployment(), CREATOR, SALT, 3, MANIFEST);
        vm.expectEmit(true, true, true, true, MODELS);
        emit IModelRegistry.SetCreated(expected, CREATOR, 3, MANIFEST);
        bytes32 set = _create(CREATOR, SALT, 3, MANIFEST);
        equal(set, expected, "identifier");
        SetView memory told = models.set(set);
        equal(told.creator, CREATOR, "creator");
        equal(told.groups, 3, "groups");
        equal(told.registered, 0, "registered");
        isTrue(!told.complete, "complete without groups");
        equal(told.manifest, MANIFEST, "manifest");
    }

    function test_createSet_groupCounts() external {
        uint32[3] memory refused = [uint32(0), 65, type(uint32).max];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.GroupCountInvalid.selector, refused[i]));
            models.createSet(SALT, refused[i], MANIFEST);
        }
        equal(models.set(models.createSet(SALT, 1, MANIFEST)).groups, 1, "groups");
        equal(models.set(models.createSet(SALT, 64, MANIFEST)).groups, 64, "groups");
    }

    function test_createSet_twice() external {
        bytes32 set = _create(CREATOR, SALT, 3, MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SetExists.selector, set));
        _create(CREATOR, SALT, 3, MANIFEST);
    }

    /// @dev Everything is in the identifier, so that another branch of the chain has nothing else under it.
    function test_createSet_identifiersDiffer() external {
        bytes32[6] memory ids = [
            _create(CREATOR, SALT, 3, MANIFEST),
            _create(address(0xBAD), SALT, 3, MANIFEST),
            _create(CREATOR, "another", 3, MANIFEST),
            _create(CREATOR, SALT, 2, MANIFEST),
            _create(CREATOR, SALT, 3, 0),
            bytes32(0)
        ];
        deployRegistryOfModels(MODELS, keccak256("another branch"));
        ids[5] = _create(CREATOR, SALT, 3, "");
        for (uint256 i = 0; i < 6; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                isTrue(ids[i] != ids[j], "two sets have one identifier");
            }
        }
    }

    function test_registerGroup_untilComplete() external {
        bytes32 set = _create(CREATOR, SALT, 64, MANIFEST);
        for (uint256 i = 0; i < 64; ++i) {
            isTrue(!models.set(set).complete, "complete too early");
            equal(models.group(set, 63 - i), 0, "a group before it is registered");
            vm.expectEmit(true, true, true, true, MODELS);
            emit IModelRegistry.GroupAdded(set, 63 - i, keccak256(abi.encode(i)));
            _register(CREATOR, set, 63 - i, keccak256(abi.encode(i)));
            equal(models.group(set, 63 - i), keccak256(abi.encode(i)), "group");
        }
        isTrue(models.set(set).complete, "incomplete");
        equal(models.set(set).registered, type(uint64).max, "registered");
    }

    function test_registerGroup_foreignCreator() external {
        bytes32 set = _create(CREATOR, SALT, 3, MANIFEST);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotSetCreator.selector, set, address(0xBAD)));
        _register(address(0xBAD), set, 0, "group");
    }

    function test_registerGroup_outOfRange() external {
        bytes32 set = _create(CREATOR, SALT, 3, MANIFEST);
        uint256[4] memory beyond = [uint256(3), 64, 256, type(uint256).max];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IModelRegistry.GroupOutOfRange.selector, set, beyond[i]);
            vm.expectRevert(refusal);
            _register(CREATOR, set, beyond[i], "group");
            vm.expectRevert(refusal);
            models.group(set, beyond[i]);
        }
    }

    function test_registerGroup_twice() external {
        bytes32 set = _create(CREATOR, SALT, 3, MANIFEST);
        _register(CREATOR, set, 1, "group");
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.GroupRegistered.selector, set, 1));
        _register(CREATOR, set, 1, "other");
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.GroupRegistered.selector, set, 1));
        _register(CREATOR, set, 1, "group");
        equal(models.group(set, 1), "group", "group");
    }

    function test_registerGroup_zero() external {
        bytes32 set = _create(CREATOR, SALT, 3, MANIFEST);
        vm.expectRevert(IModelRegistry.GroupHashInvalid.selector);
        _register(CREATOR, set, 1, 0);
    }

    function test_set_unknown() external {
        bytes32 set = keccak256("no set");
        bytes memory refusal = abi.encodeWithSelector(IModelRegistry.SetUnknown.selector, set);
        vm.expectRevert(refusal);
        models.set(set);
        vm.expectRevert(refusal);
        models.group(set, 0);
        vm.expectRevert(refusal);
        _register(CREATOR, set, 0, "group");
    }

    function _create(address creator, bytes32 salt, uint32 groups, bytes32 manifest) private returns (bytes32) {
        vm.prank(creator);
        return models.createSet(salt, groups, manifest);
    }

    function _register(address creator, bytes32 set, uint256 group, bytes32 groupHash) private {
        vm.prank(creator);
        models.registerGroup(set, group, groupHash);
    }

    function _idOf(bytes32 deployment, address creator, bytes32 salt, uint32 groups, bytes32 manifest)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(keccak256("gradroll/v1/set"), deployment, creator, salt, groups, manifest));
    }
}
