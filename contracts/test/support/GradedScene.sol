// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Graded} from "../../src/types/Graded.sol";
import {Batch, Reference, ReferenceOpening, TaskTerms} from "../../src/types/Types.sol";
import {Snapshot} from "./Snapshot.sol";

/// @title The fixtures' task that grades, the model owner's second one
/// @dev `GRADED_TERMS` of tests/contracts/fixtures.py. A round is opened with the references of the fixture that is staged.
abstract contract GradedScene is Snapshot {
    uint256 internal constant GAS = 5_000_000;

    ReferenceOpening private _opening;
    bytes private _values;

    /// @dev Deploys everything for a fixture, registers owners 0..count-1 and opens a round with its references.
    function stageGraded(string memory name, uint256 owners) internal returns (uint256 taskId) {
        deploy(name);
        createTask(stubTerms());
        read(name);
        return stageTask(fixtureTerms(), owners);
    }

    function fixtureTerms() internal view returns (TaskTerms memory with) {
        with = terms();
        (with.bound, with.step, with.dither) = (1 << 32, 4, 4);
        with.referenceData = keccak256("reference data");
    }

    /// @dev Another fixture and its key in the place of the one that is staged, whose round is opened with other references.
    function exchange(string memory name) internal {
        deployVerifier(keyOf(name));
        read(name);
    }

    /// @dev Takes opening and numbers from a fixture.
    function read(string memory name) internal {
        string memory json = vm.readFile(string.concat("test/fixtures/", name, ".json"));
        bytes memory copies = vm.parseJsonBytes(json, ".references");
        delete _opening;
        for (uint256 i = 0; i < copies.length; i += 0x60) {
            (uint256 x, uint256 y, uint256 root) = (_word(copies, i), _word(copies, i + 0x20), _word(copies, i + 0x40));
            _opening.references.push(Reference(x, y, bytes32(root)));
        }
        _opening.modelDigest = vm.parseJsonBytes32(json, ".modelDigest");
        _opening.copy = vm.parseJsonUint(json, ".referenceIndex") - 2 ** 16;
        _opening.dealer = vm.parseJsonAddress(json, ".referenceOwner");
        _values = vm.parseJsonBytes(json, ".values");
    }

    /// @dev What the staged round was opened with, and the copy of the fixture's batch.
    function opened() internal view returns (ReferenceOpening memory) {
        return _opening;
    }

    function opening(uint256 copy) internal view override returns (ReferenceOpening memory out) {
        out = _opening;
        out.copy = copy;
    }

    /// @dev The fixture's numbers.
    function values() internal view returns (bytes memory) {
        return _values;
    }

    function graded() internal view returns (Graded memory) {
        return Graded(4, 4, 2, _values);
    }

    /// @dev A figure of each owner in a fixture, packed as verifiers do.
    function packed(string memory name, string memory key) internal view returns (uint256 out) {
        string memory json = vm.readFile(string.concat("test/fixtures/", name, ".json"));
        uint256[] memory each = vm.parseJsonUintArray(json, key);
        for (uint256 i = 0; i < each.length; ++i) {
            out |= each[i] << 2 * i;
        }
    }

    /// @dev Has the market accept the batch with the fixture's opening and numbers.
    function handGraded(Batch memory batch) internal returns (uint256) {
        return market.acceptGradedBatch{gas: GAS}(batch, _opening, _values);
    }

    function family() internal pure override returns (string memory) {
        return "ReferenceVerifier";
    }

    function _word(bytes memory from, uint256 start) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(from, 0x20), start))
        }
    }
}
