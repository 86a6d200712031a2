// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Batch, OwnerEntry, Proof} from "../types/Types.sol";
import {Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";

/// @title From a batch in calldata to a call of the verifier
/// @dev The call `verify(Statement, Proof)` is laid out by hand: owners are written where the call wants them while their
/// signatures are checked, the proof is copied from calldata once. `test/BatchReader.t.sol` compares the layout with the
/// compiler's.
library BatchReader {
    uint256 private constant PROOF_HEAD = 0x3a0;
    uint256 private constant CONTRIBUTIONS_WORD = 0x340;

    /// @notice The outgoing call under construction.
    /// @param start Address of the selector's word; the call's bytes begin 28 bytes later.
    /// @param owners Address of the first of the owners, four words each: (address, cx, cy, sharesRoot).
    /// @param size Bytes of the call.
    struct Call {
        uint256 start;
        uint256 owners;
        uint256 size;
    }

    /// @notice Reserves memory for the call and writes all but the owners into it.
    function prepare(Batch calldata batch, uint256 bound, uint256 dimension)
        internal
        view
        returns (Call memory request)
    {
        uint256 count = batch.owners.length;
        Proof calldata proof = batch.proof;
        uint256[] calldata contributions = proof.contributions;
        uint256 start;
        uint32 selector = uint32(IVerifier.verify.selector);
        assembly ("memory-safe") {
            start := mload(0x40)
            let body := add(start, 0x20)
            // (statement, proof) offsets; statement: five words, offset, length, owners
            let statement := add(body, 0x40)
            let ownersSize := shl(7, count)
            let target := add(add(statement, 0xe0), ownersSize)
            mstore(start, selector)
            mstore(body, 0x40)
            mstore(add(body, 0x20), sub(target, body))
            mstore(statement, address())
            calldatacopy(add(statement, 0x20), batch, 0x40) // taskId, round
            mstore(add(statement, 0x60), bound)
            mstore(add(statement, 0x80), dimension)
            mstore(add(statement, 0xa0), 0xc0)
            mstore(add(statement, 0xc0), count)
            calldatacopy(target, proof, PROOF_HEAD)
            mstore(add(target, CONTRIBUTIONS_WORD), PROOF_HEAD)
            let tail := add(target, PROOF_HEAD)
            let tailSize := shl(5, contributions.length)
            mstore(tail, contributions.length)
            calldatacopy(add(tail, 0x20), contributions.offset, tailSize)
            let end := add(add(tail, 0x20), tailSize)
            mstore(0x40, end)
            mstore(request, start)
            mstore(add(request, 0x20), add(statement, 0xe0))
            mstore(add(request, 0x40), sub(end, add(start, 0x1c)))
        }
    }

    /// @notice Checks that the owners ascend by index and that each signed its submission, and writes them to the call.
    /// @param roster Storage slot of the first owner's address; the others follow, one a slot.
    /// @return indices Registration indices in slot order, two big-endian bytes each.
    function authenticate(Call memory request, Batch calldata batch, bytes32 domain, uint256 roster)
        internal
        view
        returns (bytes memory indices)
    {
        uint256 count = batch.owners.length;
        indices = new bytes(2 * count);
        uint256 digestInput;
        bytes32 submissionType = TypedData.SUBMISSION_TYPE;
        assembly ("memory-safe") {
            // Six words of the submission, taskId and round written once.
            digestInput := mload(0x40)
            mstore(0x40, add(digestInput, 0xc0))
            mstore(digestInput, submissionType)
            calldatacopy(add(digestInput, 0x20), batch, 0x40)
        }
        uint256 next = 0;
        for (uint256 slot = 0; slot < count; ++slot) {
            OwnerEntry calldata entry = batch.owners[slot];
            uint256 index = entry.index;
            if (index < next) revert IMarket.OwnersNotAscending(slot);
            next = index + 1;
            bytes32 structHash;
            address registered;
            assembly ("memory-safe") {
                calldatacopy(add(digestInput, 0x60), add(entry, 0x20), 0x60)
                structHash := keccak256(digestInput, 0xc0)
                registered := sload(add(roster, index))
            }
            address signer = Signatures.recover(TypedData.digest(domain, structHash), entry.r, entry.vs);
            if (signer == address(0) || signer != registered) revert IMarket.SubmissionInvalid(slot, index);
            _write(request.owners + (slot << 7), entry, signer, indices, slot, index);
        }
    }

    /// @notice Asks the verifier; forwards its error.
    function verify(Call memory request, address verifier)
        internal
        view
        returns (bytes32 batchId, uint256 commitmentX, uint256 commitmentY)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let ok := staticcall(gas(), verifier, add(mload(request), 0x1c), mload(add(request, 0x40)), free, 0x60)
            if iszero(and(ok, gt(returndatasize(), 0x5f))) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            batchId := mload(free)
            commitmentX := mload(add(free, 0x20))
            commitmentY := mload(add(free, 0x40))
        }
    }

    function _write(
        uint256 target,
        OwnerEntry calldata entry,
        address owner,
        bytes memory indices,
        uint256 slot,
        uint256 index
    ) private pure {
        assembly ("memory-safe") {
            mstore(target, owner)
            calldatacopy(add(target, 0x20), add(entry, 0x20), 0x60)
            let position := add(add(indices, 0x20), shl(1, slot))
            mstore8(position, shr(8, index))
            mstore8(add(position, 1), index)
        }
    }
}
