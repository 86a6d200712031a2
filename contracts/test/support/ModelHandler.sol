// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "../../src/models/interfaces/IModelRegistry.sol";
import {ListingTerms, Parent} from "../../src/models/types/Listings.sol";
import {AccuracyProof, Chunk} from "../../src/models/types/ModelProofs.sol";
import {Check} from "./Check.sol";

/// @title Draws calls of the registry by whoever, with proofs that are believed
/// @dev Beside the registry it keeps an account of its own of what was accepted.
contract ModelHandler is Check {
    struct Account {
        uint256 model;
        uint256 set;
        uint256 proven;
        uint256 correct;
        uint256 samples;
        bool closed;
    }

    uint256 private constant GROUP_SAMPLES = 9;
    /// @dev Few models, so that listings share them.
    uint256 private constant MODELS = 3;

    IModelRegistry private immutable _registry;
    address private immutable _verifier;
    uint256[2][] private _points;
    bytes32[] private _sets;
    bytes32[] public listings;
    mapping(bytes32 listing => Account) private _accounts;
    mapping(uint256 model => uint256) public opened;
    mapping(bytes4 selector => uint256) public successes;

    constructor(IModelRegistry registry, address verifier, uint256[2][] memory points) {
        (_registry, _verifier) = (registry, verifier);
        for (uint256 i = 0; i < MODELS; ++i) {
            _points.push(points[i]);
        }
    }

    function createSet(uint256 salt, uint32 groups) external {
        // Small ones, for some to be completed; now and then one beyond what there may be.
        groups = groups % 16 == 0 ? groups % 66 : 1 + groups % 4;
        _sets.push(_registry.createSet(bytes32(salt), groups, 0));
        ++successes[this.createSet.selector];
    }

    function registerGroup(uint256 which, uint256 group) external {
        bytes32 set = _sets[which % _sets.length];
        group = _groupOf(set, group);
        _registry.registerGroup(set, group, _hash(group % 3));
        ++successes[this.registerGroup.selector];
    }

    function list(uint256 which, uint256 model, uint32 floor, uint256 nonce) external {
        ListingTerms memory terms;
        (terms.verifier, terms.set, terms.floor) = (_verifier, _sets[which % _sets.length], floor % 20);
        (terms.base, terms.step, terms.revealWindow) = (1000, 7, 60);
        if (listings.length != 0 && nonce % 2 == 0) {
            terms.parents = new Parent[](1);
            terms.parents[0] = Parent(listings[nonce % listings.length], 100);
        }
        bytes32 listing = _registry.list(terms, _points[model % MODELS], nonce);
        listings.push(listing);
        (_accounts[listing].model, _accounts[listing].set) = (model % MODELS, which % _sets.length);
        ++successes[this.list.selector];
    }

    function unlist(uint256 which) external {
        bytes32 listing = listings[which % listings.length];
        _registry.unlist(listing);
        _accounts[listing].closed = true;
        ++successes[this.unlist.selector];
    }

    function prove(uint256 which, uint256 group, uint256 correct) external {
        bytes32 listing = listings[which % listings.length];
        group = _groupOf(_sets[_accounts[listing].set], group);
        AccuracyProof memory proof;
        proof.chunks = new Chunk[](1);
        proof.chunks[0].correct = correct % (GROUP_SAMPLES + 3);
        _registry.prove(listing, group, GROUP_SAMPLES, new uint256[2][](group % 3), proof);
        Account storage account = _accounts[listing];
        account.proven |= 1 << group;
        account.correct += proof.chunks[0].correct;
        account.samples += GROUP_SAMPLES;
        ++opened[account.model];
        ++successes[this.prove.selector];
    }

    function accountOf(bytes32 listing) external view returns (Account memory) {
        return _accounts[listing];
    }

    function setOf(bytes32 listing) external view returns (bytes32) {
        return _sets[_accounts[listing].set];
    }

    function listingCount() external view returns (uint256) {
        return listings.length;
    }

    function point(uint256 model) external view returns (uint256[2] memory) {
        return _points[model];
    }

    /// @dev A number of a group of the set, or the first that is beyond.
    function _groupOf(bytes32 set, uint256 drawn) private view returns (uint256) {
        return drawn % (_registry.set(set).groups + 1);
    }

    function _hash(uint256 chunks) private pure returns (bytes32) {
        return keccak256(bytes.concat(abi.encode(GROUP_SAMPLES), new bytes(64 * chunks)));
    }
}
