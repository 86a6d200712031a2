// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IGradedMarket} from "../interfaces/IGradedMarket.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {IGradedVerifier} from "../interfaces/IGradedVerifier.sol";
import {Graded} from "../types/Graded.sol";
import {Proof} from "../types/Proofs.sol";
import {MarketState, RoundState, TaskState} from "../types/State.sol";
import {Batch, Reference, ReferenceOpening} from "../types/Types.sol";
import {Acceptance} from "./Acceptance.sol";
import {BatchReader} from "./BatchReader.sol";
import {Lookup} from "./Lookup.sol";
import {References} from "./References.sol";
import {Roster} from "./Roster.sol";

/// @title Batches whose gradients were graded against a reference
/// @dev Linked into the market, whose storage and address it works with. See `IMarket`.
library GradedBatches {
    using BatchReader for BatchReader.Call;
    using Lookup for MarketState;
    using Lookup for TaskState;

    uint256 private constant PROOF_SIZE = 0x3c0;
    /// @dev Words of `Graded` in front of the numbers: step, dither, minOwners, offset and length of the numbers.
    uint256 private constant GRADED_HEAD = 0xa0;
    /// @dev As in BatchReader; assembly takes only constants that are literals.
    uint256 private constant STATEMENT_HEAD = 0x120;

    function accept(
        MarketState storage market,
        address registry,
        bytes32 domain,
        Batch calldata submitted,
        ReferenceOpening calldata opening,
        bytes calldata values
    ) external returns (uint256) {
        TaskState storage state = market.task(submitted.taskId);
        RoundState storage current = state.round(submitted.taskId, submitted.round);
        if (!current.graded) revert IGradedMarket.TaskNotGraded(submitted.taskId);
        Acceptance.admit(market, current, submitted);
        BatchReader.Scope memory scope = Acceptance.scopeOf(state, current, domain);
        _requireOpening(opening, scope.modelDigest);
        BatchReader.Call memory request = _prepare(submitted, scope, opening, state, values);
        request.identify(submitted.indices, Roster.reader(state));
        request.authenticate(submitted);
        address verifier = state.verifier;
        (bytes32 batchId, uint256 levels) = request.verify(verifier);
        BatchReader.grade(submitted.indices, levels, current);
        return Acceptance.take(market, current, scope, registry, verifier, submitted, batchId);
    }

    function _requireOpening(ReferenceOpening calldata opening, bytes32 modelDigest) private pure {
        bytes32 digest = References.digest(opening.modelDigest, opening.references);
        if (digest != modelDigest) revert IGradedMarket.OpeningUnknown(digest);
        uint256 copies = opening.references.length;
        if (opening.copy >= copies) revert IGradedMarket.CopyUnknown(opening.copy, copies);
    }

    /// @dev `BatchReader.prepare` for `verifyGraded(Graded, Statement, Proof)`: the statement stays the last part of the call,
    /// with the reference in front of its owners. The compiler would lay it out the same.
    function _prepare(
        Batch calldata submitted,
        BatchReader.Scope memory scope,
        ReferenceOpening calldata opening,
        TaskState storage state,
        bytes calldata values
    ) private view returns (BatchReader.Call memory request) {
        Proof calldata proof = submitted.proof;
        uint32 selector = uint32(IGradedVerifier.verifyGraded.selector);
        uint256 rows = submitted.owners.length + 1;
        uint256 start;
        uint256 graded;
        uint256 statement;
        assembly ("memory-safe") {
            start := mload(0x40)
            let body := add(start, 0x20)
            // offsets of graded and statement, proof; graded: step, dither, minOwners, offset of the values, values
            graded := add(body, add(0x40, PROOF_SIZE))
            statement := add(graded, add(GRADED_HEAD, and(add(values.length, 0x1f), not(0x1f))))
            mstore(0x40, add(add(statement, STATEMENT_HEAD), mul(0x60, rows)))
            mstore(start, selector)
            mstore(body, add(0x40, PROOF_SIZE))
            mstore(add(body, 0x20), sub(statement, body))
            calldatacopy(add(body, 0x40), proof, PROOF_SIZE)
            mstore(add(graded, 0x60), 0x80)
            mstore(add(graded, 0x80), values.length)
            mstore(sub(statement, 0x20), 0) // what follows the last value in its word
            calldatacopy(add(graded, GRADED_HEAD), values.offset, values.length)
        }
        request = BatchReader.layStatement(start, statement, submitted, scope, rows);
        (uint256 step, uint256 dither, uint256 minOwners) = (state.step, state.dither, state.minOwners);
        Reference calldata copy = opening.references[opening.copy];
        uint256 owner = References.wordOf(opening.copy, opening.dealer);
        uint256 row = request.owners;
        assembly ("memory-safe") {
            mstore(graded, step)
            mstore(add(graded, 0x20), dither)
            mstore(add(graded, 0x40), minOwners)
            mstore(row, owner)
            calldatacopy(add(row, 0x20), copy, 0x40) // cx, cy
        }
        (request.owners, request.count) = (row + 0x60, rows - 1);
    }
}
