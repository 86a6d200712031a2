// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Batch, OwnerEntry, Proof} from "../types/Types.sol";
import {Roster} from "./Roster.sol";
import {TypedData} from "./TypedData.sol";

/// @title From a batch in calldata to a call of the verifier
/// @dev The call `verify(Statement, Proof)` is laid out by hand: owners are written where the call wants them while their
/// signatures are checked, the proof is copied from calldata once. `test/BatchReader.t.sol` compares the layout with the
/// compiler's.
library BatchReader {
    using Roster for Roster.Reader;

    uint256 private constant PROOF_HEAD = 0x3e0;
    uint256 private constant CONTRIBUTIONS_WORD = 0x380;
    uint256 private constant ENTRY = 0x80;
    // As in Signatures; assembly takes only constants that are literals.
    uint256 private constant S_MASK = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice The outgoing call under construction.
    /// @param start Address of the selector's word; the call's bytes begin 28 bytes later.
    /// @param owners Address of the first of the owners, three words each: (address, cx, cy).
    /// @param size Bytes of the call.
    struct Call {
        uint256 start;
        uint256 owners;
        uint256 size;
    }

    /// @dev State of the loop over the owners.
    /// @param scratch See `_scratch`.
    /// @param owners Address in memory of the owners.
    /// @param slot Owners authenticated so far.
    /// @param next Least index that the next owner may have.
    struct Run {
        uint256 scratch;
        uint256 owners;
        uint256 slot;
        uint256 next;
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
            let ownersSize := mul(0x60, count)
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
    /// @param roster The task's owners.
    function authenticate(Call memory request, Batch calldata batch, bytes32 domain, Roster.Reader memory roster)
        internal
        view
    {
        bytes calldata indices = batch.indices;
        OwnerEntry[] calldata entries = batch.owners;
        uint256 count = entries.length;
        if (indices.length != 2 * count) revert IMarket.IndicesInvalid(indices.length, count);
        Run memory run;
        run.scratch = _scratch(batch, domain);
        run.owners = request.owners;
        while (run.slot < count) {
            uint256 index = indexAt(indices, run.slot);
            if (index < run.next) revert IMarket.OwnersNotAscending(run.slot);
            roster.read(index);
            if (!_authenticateRun(run, indices, entries, roster)) {
                revert IMarket.SubmissionInvalid(run.slot, indexAt(indices, run.slot));
            }
        }
    }

    /// @notice The registration index in a slot below their number.
    function indexAt(bytes calldata indices, uint256 slot) internal pure returns (uint256 index) {
        assembly ("memory-safe") {
            index := shr(240, calldataload(add(indices.offset, shl(1, slot))))
        }
    }

    /// @notice The bits of the owners from a slot on that share a word of 256 indices.
    /// @return end Slot behind the last of them.
    /// @return word Number of the word.
    /// @return bits Their bits in it.
    function bitmapRun(bytes calldata indices, uint256 slot, uint256 count)
        internal
        pure
        returns (uint256 end, uint256 word, uint256 bits)
    {
        assembly ("memory-safe") {
            let position := add(indices.offset, shl(1, slot))
            word := byte(0, calldataload(position))
            for { end := slot } lt(end, count) { end := add(end, 1) } {
                let index := calldataload(position)
                if xor(byte(0, index), word) { break }
                bits := or(bits, shl(byte(1, index), 1))
                position := add(position, 2)
            }
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

    /// @dev Memory in which one submission after the other is hashed and its signer recovered:
    /// 0x000 type, taskId, round, cx, cy; 0x0be 0x1901, domain, struct hash; 0x100 digest, v, r, s.
    function _scratch(Batch calldata batch, bytes32 domain) private pure returns (uint256 scratch) {
        bytes32 submissionType = TypedData.SUBMISSION_TYPE;
        assembly ("memory-safe") {
            scratch := mload(0x40)
            mstore(0x40, add(scratch, 0x180))
            mstore(scratch, submissionType)
            calldatacopy(add(scratch, 0x20), batch, 0x40)
            mstore(add(scratch, 0xa0), 0x1901)
            mstore(add(scratch, 0xc0), domain)
        }
    }

    /// @dev Authenticates owners from `run.slot` on as long as they ascend within the chunk that the roster has read, and
    /// leaves run.slot behind the last good one. False when the entry at run.slot is not signed by its owner.
    /// The hot loop of the market: it does what `Signatures.recover` of a typed digest does, in prepared memory.
    function _authenticateRun(
        Run memory run,
        bytes calldata indices,
        OwnerEntry[] calldata entries,
        Roster.Reader memory roster
    ) private view returns (bool good) {
        assembly ("memory-safe") {
            let scratch := mload(run)
            let slot := mload(add(run, 0x40))
            let next := mload(add(run, 0x60))
            let limit := mload(add(roster, 0x40))
            let data := mload(add(roster, 0x60))
            let copied := mload(add(roster, 0x80))
            let entry := add(entries.offset, mul(slot, ENTRY))
            let end := add(entries.offset, mul(entries.length, ENTRY))
            let target := add(mload(add(run, 0x20)), mul(0x60, slot))
            let position := add(indices.offset, shl(1, slot))
            good := 1
            for {} lt(entry, end) {} {
                let index := shr(240, calldataload(position))
                if or(lt(index, next), iszero(lt(index, limit))) { break }
                calldatacopy(add(scratch, 0x60), entry, 0x40) // cx, cy
                mstore(add(scratch, 0xe0), keccak256(scratch, 0xa0))
                mstore(add(scratch, 0x100), keccak256(add(scratch, 0xbe), 0x42))
                let s := calldataload(add(entry, 0x60))
                mstore(add(scratch, 0x120), add(27, shr(255, s)))
                s := and(s, S_MASK)
                mstore(add(scratch, 0x140), calldataload(add(entry, 0x40)))
                mstore(add(scratch, 0x160), s)
                // A failed recovery returns nothing and leaves the zero written here.
                mstore(target, 0)
                pop(staticcall(gas(), 1, add(scratch, 0x100), 0x80, target, 0x20))
                let signer := mload(target)
                let registered := 0
                switch lt(index, copied)
                case 0 { registered := sload(add(mload(roster), index)) }
                default { registered := shr(96, mload(add(data, mul(index, 20)))) }
                if or(or(iszero(signer), xor(signer, registered)), gt(s, HALF_ORDER)) {
                    good := 0
                    break
                }
                calldatacopy(add(target, 0x20), entry, 0x40)
                next := add(index, 1)
                entry := add(entry, ENTRY)
                target := add(target, 0x60)
                position := add(position, 2)
            }
            mstore(add(run, 0x40), div(sub(entry, entries.offset), ENTRY))
            mstore(add(run, 0x60), next)
        }
    }
}
