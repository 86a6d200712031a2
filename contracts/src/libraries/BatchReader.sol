// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LibBit} from "solady/utils/LibBit.sol";
import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Proof} from "../types/Proofs.sol";
import {Attestation, Batch, OwnerEntry} from "../types/Types.sol";
import {RoundState} from "../types/State.sol";
import {Pay} from "./Pay.sol";
import {Roster} from "./Roster.sol";
import {TypedData} from "./TypedData.sol";

/// @title From a batch in calldata to the calls of verifier and registry
/// @dev The call `verify(Statement, Proof)` is laid out by hand: owners are written where the call wants them while their
/// signatures are checked, the proof is copied from calldata once. `test/BatchReader.t.sol` compares the layout with the
/// compiler's.
library BatchReader {
    using Roster for Roster.Reader;

    uint256 private constant PROOF_SIZE = 0x3c0;
    /// @dev Bytes of a statement before its owners.
    uint256 private constant STATEMENT_HEAD = 0x120;
    uint256 private constant ENTRY = 0x80;
    uint256 private constant ATTESTATION = 0x60;
    // As in Signatures; assembly takes only constants that are literals.
    uint256 private constant S_MASK = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice What a statement says of the task and the round.
    struct Scope {
        bytes32 domain;
        bytes32 termsHash;
        bytes32 modelDigest;
        uint256 bound;
        uint256 dimension;
    }

    /// @notice The outgoing call under construction.
    /// @param start Address of the selector's word; the call's bytes begin 28 bytes later.
    /// @param statement Address of the statement: seven words, then the offset of its owners.
    /// @param owners Address of the first of the owners, three words each: (index and address, cx, cy).
    /// @param count Number of owners.
    /// @param input Where one submission after the other is hashed and its signer recovered (`_scratch`).
    struct Call {
        uint256 start;
        uint256 statement;
        uint256 owners;
        uint256 count;
        uint256 input;
    }

    /// @notice The last of the owners' indices, which is the largest if they ascend (`mark`).
    /// @param count Number of owners, not zero.
    function lastOf(bytes calldata indices, uint256 count) internal pure returns (uint256) {
        if (indices.length != 2 * count) revert IMarket.IndicesInvalid(indices.length, count);
        return indexAt(indices, count - 1);
    }

    /// @notice Checks that the owners ascend by index and that none is in a batch of the round already, and marks them in the
    /// round's bitmap: one storage word for up to 256 owners of neighbouring indices. It costs little, so that a batch
    /// that comes too late costs little.
    /// @param count Number of owners, not zero.
    /// @param consumed The round's bitmap.
    function mark(bytes calldata indices, uint256 count, mapping(uint256 word => uint256) storage consumed) internal {
        uint256 slot = 0;
        uint256 next = 0; // least word of the bitmap that the next owner may be in
        while (slot < count) {
            uint256 word = indexAt(indices, slot) >> 8;
            if (word < next) revert IMarket.OwnersNotAscending(slot);
            (uint256 end, uint256 bits) = _bitsOf(indices, slot, count, word << 8);
            uint256 taken = consumed[word];
            if (taken & bits != 0) _revertAccepted(slot, word, bits, taken);
            consumed[word] = taken | bits;
            (slot, next) = (end, word + 1);
        }
    }

    /// @dev Owners from `slot` on, as long as they ascend and stay in the word that begins with index `base`. The bit of an
    /// index elsewhere is zero; every other one has to be above those before it.
    function _bitsOf(bytes calldata indices, uint256 slot, uint256 count, uint256 base)
        private
        pure
        returns (uint256 end, uint256 bits)
    {
        assembly ("memory-safe") {
            let position := add(indices.offset, shl(1, slot))
            let left := sub(count, slot)
            for {} left { left := sub(left, 1) } {
                // slither-disable-next-line incorrect-shift
                let bit := shl(sub(shr(240, calldataload(position)), base), 1)
                if iszero(gt(bit, bits)) { break }
                bits := or(bits, bit)
                position := add(position, 2)
            }
            end := sub(count, left)
        }
    }

    /// @notice Reserves memory for the call and writes all but the owners into it.
    function prepare(Batch calldata batch, Scope memory scope) internal pure returns (Call memory request) {
        uint256 count = batch.owners.length;
        Proof calldata proof = batch.proof;
        uint256 start;
        uint256 statement;
        uint32 selector = uint32(IVerifier.verify.selector);
        assembly ("memory-safe") {
            start := mload(0x40)
            let body := add(start, 0x20)
            // offset of the statement, proof, statement
            statement := add(body, add(0x20, PROOF_SIZE))
            mstore(0x40, add(add(statement, STATEMENT_HEAD), mul(0x60, count)))
            mstore(start, selector)
            mstore(body, add(0x20, PROOF_SIZE))
            calldatacopy(add(body, 0x20), proof, PROOF_SIZE)
        }
        return layStatement(start, statement, batch, scope, count);
    }

    /// @notice Writes the statement, all but the owners, into memory that is reserved.
    /// @param start See `Call`.
    /// @param statement See `Call`: `STATEMENT_HEAD` bytes, then the owners.
    /// @param count Number of owners, and what else has a row.
    function layStatement(uint256 start, uint256 statement, Batch calldata batch, Scope memory scope, uint256 count)
        internal
        pure
        returns (Call memory request)
    {
        assembly ("memory-safe") {
            // seven words, offset of the owners, their number
            mstore(statement, mload(scope)) // domain
            mstore(add(statement, 0x20), calldataload(batch)) // taskId
            mstore(add(statement, 0x40), mload(add(scope, 0x20))) // termsHash
            mstore(add(statement, 0x60), calldataload(add(batch, 0x20))) // round
            mcopy(add(statement, 0x80), add(scope, 0x40), 0x60) // modelDigest, bound, dimension
            mstore(add(statement, 0xe0), 0x100)
            mstore(add(statement, 0x100), count)
        }
        return Call({
            start: start,
            statement: statement,
            owners: statement + STATEMENT_HEAD,
            count: count,
            input: _scratch(statement)
        });
    }

    /// @notice Writes index and signer of each owner to the call. Their indices were checked (`mark`).
    /// @param roster The task's owners.
    function identify(Call memory request, bytes calldata indices, Roster.Reader memory roster) internal view {
        (uint256 slot, uint256 count) = (0, request.count);
        while (slot < count) {
            uint256 index = indexAt(indices, slot);
            if (index >= roster.limit) roster.read(index);
            bool inMemory = index < roster.copied;
            uint256 end = _runEnd(indices, slot, count, inMemory ? roster.copied : roster.limit);
            uint256 target = request.owners + 0x60 * slot;
            if (inMemory) _identifyCopied(indices, slot, end, target, roster.data);
            else _identifyStored(indices, slot, end, target, roster.first);
            slot = end;
        }
    }

    /// @notice Checks that each owner signed its submission, and writes the commitments to the call.
    /// @dev The hot loop of the market: it does what `Signatures.recover` of a typed digest does, in prepared memory.
    function authenticate(Call memory request, Batch calldata batch) internal view {
        OwnerEntry[] calldata entries = batch.owners;
        (uint256 input, uint256 target, uint256 left) = (request.input, request.owners, request.count);
        assembly ("memory-safe") {
            let entry := entries.offset
            for {} left { left := sub(left, 1) } {
                calldatacopy(input, entry, ENTRY)
                mcopy(add(target, 0x20), input, 0x40) // cx, cy
                mstore(add(input, 0xc0), keccak256(sub(input, 0xa0), 0xe0))
                let s := mload(add(input, 0x60))
                mstore(add(input, 0x20), add(27, shr(255, s)))
                s := and(s, S_MASK)
                mstore(add(input, 0x60), s)
                mstore(input, keccak256(add(input, 0x9e), 0x42))
                pop(staticcall(gas(), 1, input, 0x80, 0, 0x20))
                // A failed recovery returns nothing.
                let bad := or(iszero(returndatasize()), gt(s, HALF_ORDER))
                if or(bad, shl(96, xor(mload(0), mload(target)))) { break }
                entry := add(entry, ENTRY)
                target := add(target, 0x60)
            }
        }
        if (left != 0) _revertSubmission(batch.indices, request.count - left);
    }

    /// @notice The registration index in a slot below their number.
    function indexAt(bytes calldata indices, uint256 slot) internal pure returns (uint256 index) {
        assembly ("memory-safe") {
            index := shr(240, calldataload(add(indices.offset, shl(1, slot))))
        }
    }

    /// @notice Asks the verifier; forwards its error.
    /// @param verifier One of the market's factory.
    /// @return batchId The batch's identifier, of what was authenticated.
    /// @return levels Two bits an owner, in the order of the batch; zero where the verifier gives none.
    function verify(Call memory request, address verifier) internal view returns (bytes32 batchId, uint256 levels) {
        uint256 start = request.start + 0x1c;
        uint256 first;
        (first, levels) = _ask(verifier, start, request.owners + 0x60 * request.count - start, 0x40);
        batchId = bytes32(first);
    }

    /// @notice Asks the registry whether a quorum signed; forwards its error.
    /// @dev Attestations are handed on as they are, which the registry decodes and checks.
    /// @return mask Bit set of the members that signed.
    function requireQuorum(
        address registry,
        uint256 committeeId,
        uint256 epoch,
        bytes32 digest,
        Attestation[] calldata attestations
    ) internal view returns (uint256 mask) {
        uint32 selector = uint32(ICommitteeRegistry.requireQuorum.selector);
        uint256 free;
        uint256 size;
        assembly ("memory-safe") {
            free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 0x20), committeeId)
            mstore(add(free, 0x40), epoch)
            mstore(add(free, 0x60), digest)
            mstore(add(free, 0x80), 0x80) // offset of the attestations
            mstore(add(free, 0xa0), attestations.length)
            size := mul(attestations.length, ATTESTATION)
            calldatacopy(add(free, 0xc0), attestations.offset, size)
        }
        (mask,) = _ask(registry, free + 0x1c, 0xa4 + size, 0x20);
    }

    /// @dev Calls a contract with bytes from memory; forwards its error.
    /// @param needed Size of its answer, at most two words. A contract without code answers nothing, and approves of nothing.
    function _ask(address who, uint256 start, uint256 size, uint256 needed)
        private
        view
        returns (uint256 first, uint256 second)
    {
        assembly ("memory-safe") {
            let ok := staticcall(gas(), who, start, size, 0, needed)
            if iszero(and(ok, iszero(lt(returndatasize(), needed)))) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            first := mload(0)
            second := mload(0x20)
        }
    }

    /// @notice Writes the owners' levels down, which ascend by index (`mark`): 128 of them in a word of storage.
    /// @param packed Two bits an owner, in the order of the batch.
    function grade(bytes calldata indices, uint256 packed, RoundState storage current) internal {
        (uint256 total, uint256 word, uint256 bits) = (current.levels, 0, 0);
        unchecked {
            for (uint256 slot = 0; 2 * slot < indices.length; ++slot) {
                uint256 index = indexAt(indices, slot);
                uint256 level = Pay.levelAt(packed, slot);
                if (index >> 7 != word) {
                    if (bits != 0) current.levelsOf[word] |= bits;
                    (word, bits) = (index >> 7, 0);
                }
                total += level;
                bits |= level << Pay.LEVEL_BITS * (index & 0x7f);
            }
        }
        if (bits != 0) current.levelsOf[word] |= bits;
        current.levels = uint24(total);
    }

    /// @dev Memory in which one submission after the other is hashed and its signer recovered. Ends of two hashed strings
    /// and the input of the recovery share it, so that an entry is copied once:
    /// -0xa0 type, taskId, termsHash, round, modelDigest; 0x00 cx, cy, r, vs, which become digest, v, r, s;
    /// 0x9e 0x1901, domain, struct hash.
    function _scratch(uint256 statement) private pure returns (uint256 input) {
        bytes32 submissionType = TypedData.SUBMISSION_TYPE;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(0x40, add(free, 0x180))
            input := add(free, 0xa0)
            mstore(free, submissionType)
            mcopy(add(free, 0x20), add(statement, 0x20), 0x80)
            mstore(add(input, 0x80), 0x1901)
            mstore(add(input, 0xa0), mload(statement))
        }
    }

    /// @dev The first slot from `slot` on whose index is not below a limit; that of `slot` is.
    function _runEnd(bytes calldata indices, uint256 slot, uint256 count, uint256 limit)
        private
        pure
        returns (uint256 end)
    {
        if (indexAt(indices, count - 1) < limit) return count;
        end = slot + 1;
        while (indexAt(indices, end) < limit) ++end;
    }

    /// @dev Signers in slots [slot, end) from the chunk's copy.
    /// @param data See `Roster.Reader`.
    function _identifyCopied(bytes calldata indices, uint256 slot, uint256 end, uint256 target, uint256 data)
        private
        pure
    {
        assembly ("memory-safe") {
            let position := add(indices.offset, shl(1, slot))
            let limit := add(indices.offset, shl(1, end))
            for {} lt(position, limit) { position := add(position, 2) } {
                let index := shr(240, calldataload(position))
                mstore(target, or(shl(160, index), shr(96, mload(add(data, mul(index, 20))))))
                target := add(target, 0x60)
            }
        }
    }

    /// @dev Signers in slots [slot, end) from storage.
    /// @param first See `Roster.Reader`.
    function _identifyStored(bytes calldata indices, uint256 slot, uint256 end, uint256 target, uint256 first)
        private
        view
    {
        assembly ("memory-safe") {
            let position := add(indices.offset, shl(1, slot))
            let limit := add(indices.offset, shl(1, end))
            for {} lt(position, limit) { position := add(position, 2) } {
                let index := shr(240, calldataload(position))
                mstore(target, or(shl(160, index), shr(96, shl(96, sload(add(first, index))))))
                target := add(target, 0x60)
            }
        }
    }

    function _revertSubmission(bytes calldata indices, uint256 slot) private pure {
        revert IMarket.SubmissionInvalid(slot, indexAt(indices, slot));
    }

    /// @dev Names the first owner of a word of the bitmap whose bit is taken.
    /// @param slot Where the owners begin whose bits are set in `bits`.
    function _revertAccepted(uint256 slot, uint256 word, uint256 bits, uint256 taken) private pure {
        uint256 bit = LibBit.ffs(bits & taken);
        revert IMarket.OwnerAlreadyAccepted(slot + LibBit.popCount(bits & (1 << bit) - 1), word << 8 | bit);
    }
}
