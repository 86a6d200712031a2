// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Batch, OwnerEntry, Proof} from "../types/Types.sol";
import {Roster} from "./Roster.sol";
import {Transcript} from "./Transcript.sol";
import {TypedData} from "./TypedData.sol";

/// @title From a batch in calldata to a call of the verifier
/// @dev The call `verify(Statement, Proof)` is laid out by hand: owners are written where the call wants them while their
/// signatures are checked, the proof is copied from calldata once. `test/BatchReader.t.sol` compares the layout with the
/// compiler's.
library BatchReader {
    using Roster for Roster.Reader;

    uint256 private constant PROOF_SIZE = 0x3c0;
    uint256 private constant ENTRY = 0x80;
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
    struct Call {
        uint256 start;
        uint256 statement;
        uint256 owners;
        uint256 count;
    }

    /// @dev State of the loop over the owners. A run is the owners of one word of the round's bitmap (256 indices) whose
    /// addresses are all in memory, or all in storage.
    /// @param input See `_scratch`.
    /// @param owners Address in memory of the owners.
    /// @param slot Owners authenticated so far.
    /// @param next Least index that the next owner may have.
    /// @param last Largest index of the run.
    /// @param data `Roster.Reader.data` if the run's addresses are in memory, otherwise 0.
    /// @param bits The run's owners authenticated so far, a bit for each.
    /// @param bad Whether the entry in `slot` is not signed by its owner.
    struct Run {
        uint256 input;
        uint256 owners;
        uint256 slot;
        uint256 next;
        uint256 last;
        uint256 data;
        uint256 bits;
        bool bad;
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
            // offset of the statement, proof; statement: seven words, offset of the owners, their number, owners
            statement := add(body, add(0x20, PROOF_SIZE))
            mstore(0x40, add(add(statement, 0x120), mul(0x60, count)))
            mstore(start, selector)
            mstore(body, add(0x20, PROOF_SIZE))
            calldatacopy(add(body, 0x20), proof, PROOF_SIZE)
            mstore(statement, mload(scope)) // domain
            mstore(add(statement, 0x20), calldataload(batch)) // taskId
            mstore(add(statement, 0x40), mload(add(scope, 0x20))) // termsHash
            mstore(add(statement, 0x60), calldataload(add(batch, 0x20))) // round
            mcopy(add(statement, 0x80), add(scope, 0x40), 0x60) // modelDigest, bound, dimension
            mstore(add(statement, 0xe0), 0x100)
            mstore(add(statement, 0x100), count)
        }
        return Call({start: start, statement: statement, owners: statement + 0x120, count: count});
    }

    /// @notice Checks that the owners ascend by index, that each signed its submission and that none is in a batch of the
    /// round already; marks them in the round's bitmap, one storage word for up to 256 owners of neighbouring
    /// indices, and writes them to the call.
    /// @param roster The task's owners.
    /// @param consumed The round's bitmap.
    function authenticate(
        Call memory request,
        Batch calldata batch,
        Roster.Reader memory roster,
        mapping(uint256 word => uint256) storage consumed
    ) internal {
        bytes calldata indices = batch.indices;
        OwnerEntry[] calldata entries = batch.owners;
        uint256 count = entries.length;
        if (indices.length != 2 * count) revert IMarket.IndicesInvalid(indices.length, count);
        Run memory run;
        run.input = _scratch(request.statement);
        run.owners = request.owners;
        while (run.slot < count) {
            uint256 first = run.slot;
            uint256 index = indexAt(indices, first);
            if (index < run.next) revert IMarket.OwnersNotAscending(first);
            _startRun(run, roster, index);
            _authenticateRun(run, indices, entries, roster.first);
            if (run.bad) revert IMarket.SubmissionInvalid(run.slot, indexAt(indices, run.slot));
            uint256 taken = consumed[index >> 8];
            if (taken & run.bits != 0) _revertAccepted(indices, first, taken);
            consumed[index >> 8] = taken | run.bits;
        }
    }

    /// @notice The registration index in a slot below their number.
    function indexAt(bytes calldata indices, uint256 slot) internal pure returns (uint256 index) {
        assembly ("memory-safe") {
            index := shr(240, calldataload(add(indices.offset, shl(1, slot))))
        }
    }

    /// @notice Asks the verifier; forwards its error. Its answer is not used: the verifier is of the model owner's
    /// choice, and the batch's identifier is derived here.
    function verify(Call memory request, address verifier) internal view {
        (uint256 start, uint256 end) = (request.start + 0x1c, request.owners + 0x60 * request.count);
        assembly ("memory-safe") {
            let ok := staticcall(gas(), verifier, start, sub(end, start), 0, 0)
            // A verifier without code answers nothing, and approves of nothing.
            if iszero(and(ok, gt(returndatasize(), 0x1f))) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    /// @notice The batch's identifier, from what was authenticated.
    /// @param keyHash Hash of the verifier's key.
    function identifier(Call memory request, Proof calldata proof, bytes32 keyHash) internal pure returns (bytes32) {
        return Transcript.rho(
            Transcript.context(request.statement, request.count, keyHash),
            Transcript.ownersHash(request.owners, request.count),
            proof
        );
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

    /// @dev Sets up the run that begins with an index.
    function _startRun(Run memory run, Roster.Reader memory roster, uint256 index) private view {
        if (index >= roster.limit) roster.read(index);
        uint256 last = index | 0xff;
        run.data = 0;
        if (index < roster.copied) {
            run.data = roster.data;
            if (last >= roster.copied) last = roster.copied - 1;
        }
        run.last = last;
        run.bits = 0;
    }

    /// @dev Authenticates owners from `run.slot` on as long as they ascend within the run, and leaves `run.slot` behind the
    /// last good one.
    /// The hot loop of the market: it does what `Signatures.recover` of a typed digest does, in prepared memory.
    /// @param owners Storage slot of the address of owner 0.
    function _authenticateRun(Run memory run, bytes calldata indices, OwnerEntry[] calldata entries, uint256 owners)
        private
        view
    {
        assembly ("memory-safe") {
            let input := mload(run)
            let slot := mload(add(run, 0x40))
            let next := mload(add(run, 0x60))
            let last := mload(add(run, 0x80))
            let data := mload(add(run, 0xa0))
            let bits := 0
            let entry := add(entries.offset, mul(slot, ENTRY))
            let end := add(entries.offset, mul(entries.length, ENTRY))
            let target := add(mload(add(run, 0x20)), mul(0x60, slot))
            let position := add(indices.offset, shl(1, slot))
            for {} lt(entry, end) {} {
                let index := shr(240, calldataload(position))
                if or(lt(index, next), gt(index, last)) { break }
                calldatacopy(input, entry, ENTRY)
                calldatacopy(add(target, 0x20), entry, 0x40) // cx, cy
                mstore(add(input, 0xc0), keccak256(sub(input, 0xa0), 0xe0))
                let s := mload(add(input, 0x60))
                mstore(add(input, 0x20), add(27, shr(255, s)))
                s := and(s, S_MASK)
                mstore(add(input, 0x60), s)
                mstore(input, keccak256(add(input, 0x9e), 0x42))
                // A failed recovery returns nothing and leaves what is written here, which is no address.
                mstore(target, not(0))
                pop(staticcall(gas(), 1, input, 0x80, target, 0x20))
                let registered := 0
                switch data
                case 0 { registered := sload(add(owners, index)) }
                default { registered := shr(96, mload(add(data, mul(index, 20)))) }
                if or(xor(mload(target), registered), gt(s, HALF_ORDER)) {
                    mstore(add(run, 0xe0), 1)
                    break
                }
                mstore(target, or(shl(160, index), registered))
                bits := or(bits, shl(and(index, 0xff), 1))
                next := add(index, 1)
                entry := add(entry, ENTRY)
                target := add(target, 0x60)
                position := add(position, 2)
            }
            mstore(add(run, 0x40), div(sub(entry, entries.offset), ENTRY))
            mstore(add(run, 0x60), next)
            mstore(add(run, 0xc0), bits)
        }
    }

    /// @dev Names the first owner from a slot on whose bit is taken.
    function _revertAccepted(bytes calldata indices, uint256 slot, uint256 taken) private pure {
        for (;; ++slot) {
            uint256 index = indexAt(indices, slot);
            if (taken >> (index & 0xff) & 1 != 0) revert IMarket.OwnerAlreadyAccepted(slot, index);
        }
    }
}
