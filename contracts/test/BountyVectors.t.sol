// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TypedData} from "../src/libraries/TypedData.sol";
import {BountyDraws} from "../src/models/libraries/BountyDraws.sol";
import {Offerings} from "../src/models/libraries/Offerings.sol";
import {GroupOpening} from "../src/models/types/Bounties.sol";
import {Offer} from "../src/models/types/Sales.sol";
import {Check} from "./support/Check.sol";

/// @dev The libraries take their structs from calldata.
contract Library {
    function leafOf(GroupOpening calldata group) external pure returns (bytes32) {
        return BountyDraws.leafOf(group);
    }

    function ofOffer(Offer calldata offer) external pure returns (bytes32) {
        return Offerings.ofOffer(offer);
    }

    function ofReceipt(bytes32 bounty, uint256 stage, GroupOpening[] calldata groups) external pure returns (bytes32) {
        return Offerings.ofDatasetReceipt(bounty, stage, groups);
    }
}

/// @title Draws, leaves and digests against vectors that Python made (tests/vectors/v1/bounties)
contract BountyVectorsTest is Check {
    string private constant FOLDER = "../tests/vectors/v1/bounties/";

    Library private _library = new Library();

    function test_vectors_draws() external view {
        string memory json = vm.readFile(string.concat(FOLDER, "draws.json"));
        (bytes32 bounty, bytes32 secret) = (vm.parseJsonBytes32(json, ".bounty"), vm.parseJsonBytes32(json, ".seed"));
        bytes32 next = BountyDraws.successor(secret);
        equal(BountyDraws.successor(next), vm.parseJsonBytes32(json, ".seedCommitment"), "commitment to the seeds");
        uint256[] memory total = vm.parseJsonUintArray(json, ".total");
        uint256[] memory training = vm.parseJsonUintArray(json, ".training");
        uint256[] memory tests = vm.parseJsonUintArray(json, ".tests");
        bytes32[] memory first = vm.parseJsonBytes32Array(json, ".trainingBlock");
        bytes32[] memory second = vm.parseJsonBytes32Array(json, ".testsBlock");
        uint256[] memory firstDrawn = vm.parseJsonUintArray(json, ".trainingDrawn");
        uint256[] memory secondDrawn = vm.parseJsonUintArray(json, ".testsDrawn");
        isTrue(total.length > 3, "vectors");
        for (uint256 i = 0; i < total.length; ++i) {
            uint64 all = BountyDraws.firstGroups(total[i]);
            uint64 drawn = BountyDraws.draw(BountyDraws.entropyOf(bounty, 1, next, first[i]), all, training[i]);
            equal(drawn, firstDrawn[i], "training");
            drawn = BountyDraws.draw(BountyDraws.entropyOf(bounty, 2, secret, second[i]), all & ~drawn, tests[i]);
            equal(drawn, secondDrawn[i], "tests");
        }
    }

    function test_vectors_leaves() external view {
        string memory json = vm.readFile(string.concat(FOLDER, "draws.json"));
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        for (uint256 i = 0; i < leaves.length; ++i) {
            equal(_library.leafOf(_hidden(i)), leaves[i], "leaf");
        }
        equal(keccak256(abi.encodePacked(leaves)), vm.parseJsonBytes32(json, ".commitment"), "commitment");
    }

    function test_vectors_offerings() external view {
        string memory json = vm.readFile(string.concat(FOLDER, "offerings.json"));
        (bytes32 listing, bytes32 bounty, bytes32 row) =
            (keccak256("listing"), keccak256("bounty"), keccak256("sealed row"));
        Offer memory offer = Offer(listing, address(bytes20(keccak256("buyer"))), 1, 2, row, 1e18, 1_800_000_000);
        _equal(json, ".saleOffer", _library.ofOffer(offer));
        _equal(json, ".bountyOffer", Offerings.ofBountyOffer(bounty, listing, 1, 2, row));
        _equal(json, ".offerReceipt", Offerings.ofOfferReceipt(bounty, listing, 1, 2, row));
        GroupOpening[] memory groups = new GroupOpening[](2);
        (groups[0], groups[1]) = (_hidden(2), _hidden(7));
        _equal(json, ".datasetReceipt", _library.ofReceipt(bounty, 2, groups));
        bytes32 sale = keccak256(abi.encode(address(bytes20(keccak256("seller"))), uint256(1), uint256(2)));
        equal(sale, vm.parseJsonBytes32(json, ".saleId"), "sale");
    }

    function _equal(string memory json, string memory name, bytes32 structHash) private pure {
        bytes32 domain = vm.parseJsonBytes32(json, ".domain");
        equal(TypedData.digest(domain, structHash), vm.parseJsonBytes32(json, name), name);
    }

    function _hidden(uint256 index) private pure returns (GroupOpening memory) {
        return GroupOpening({
            index: uint32(index),
            samples: uint32(1000 + index),
            salt: _word("salt ", index),
            groupHash: _word("group ", index),
            fileDigest: _word("file ", index)
        });
    }

    /// @dev For one digit.
    function _word(string memory name, uint256 index) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(name, bytes1(uint8(48 + index))));
    }
}
