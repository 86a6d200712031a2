// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {MarketState, Pauses, RoundState, TaskState} from "../types/State.sol";
import {Batch, HeldFees} from "../types/Types.sol";
import {BN254} from "./BN254.sol";
import {BatchReader} from "./BatchReader.sol";
import {CompressedPoint} from "./CompressedPoint.sol";
import {Fees} from "./Fees.sol";
import {MarketClock} from "./MarketClock.sol";
import {TypedData} from "./TypedData.sol";

/// @title What is done before and after the proof of a batch, whatever it proves
library Acceptance {
    using MarketClock for Pauses;

    /// @notice All that can be refused before any signature is recovered, and that may have become true after the batch was
    /// attested: who relays it late pays for little more than its calldata.
    function admit(MarketState storage market, RoundState storage current, Batch calldata submitted) internal {
        (bool paused, uint256 time) = market.pauses.read();
        if (paused) revert IMarket.AcceptancePaused();
        if (time > current.settleDeadline) revert IMarket.RoundClosed(submitted.taskId, submitted.round);
        uint256 owners = submitted.owners.length;
        if (owners < current.minOwners) revert IMarket.TooFewOwners(owners, current.minOwners);
        uint256 last = BatchReader.lastOf(submitted.indices, owners);
        if (last >= current.limit) revert IMarket.OwnerHasNoSeat(last, current.limit);
        BatchReader.mark(submitted.indices, owners, current.consumed);
        uint256 total = owners + current.owners;
        if (total > current.seats) revert IMarket.TooManyOwners(total, current.seats);
    }

    /// @notice What every statement about the round says, beside the owners.
    function scopeOf(TaskState storage state, RoundState storage current, bytes32 domain)
        internal
        view
        returns (BatchReader.Scope memory)
    {
        return BatchReader.Scope({
            domain: domain,
            termsHash: state.termsHash,
            modelDigest: current.modelDigest,
            bound: state.bound,
            dimension: state.dimension
        });
    }

    /// @notice Requires that a quorum attested a batch whose proof holds, and takes it into its round.
    /// @param registry Registry of the market's committees.
    /// @param verifier Which has verified it.
    /// @return batchIndex Number of the batch in its round.
    function take(
        MarketState storage market,
        RoundState storage current,
        BatchReader.Scope memory scope,
        address registry,
        address verifier,
        Batch calldata submitted,
        bytes32 batchId
    ) internal returns (uint256 batchIndex) {
        (bytes32 attestation, uint256 attesters) =
            _requireAttested(registry, verifier, current, scope, submitted, batchId);
        bool paysFees = current.paysFees;
        batchIndex = current.batches;
        _settle(current, submitted.owners.length, submitted.proof.sum);
        _announce(submitted, batchId, batchIndex);
        if (paysFees) _holdFees(market, submitted, batchIndex, batchId, attestation, attesters);
    }

    /// @dev Requires a quorum's signatures over the batch, the code that verified it included.
    /// @return digest What was signed.
    /// @return attesters Bit set of who signed.
    function _requireAttested(
        address registry,
        address verifier,
        RoundState storage current,
        BatchReader.Scope memory scope,
        Batch calldata submitted,
        bytes32 batchId
    ) private view returns (bytes32 digest, uint256 attesters) {
        (uint256 committeeId, uint256 epoch) = (current.committeeId, current.epoch);
        TypedData.Attested memory attested = TypedData.Attested({
            batchId: batchId,
            verifierCode: verifier.codehash,
            committeeId: committeeId,
            taskId: submitted.taskId,
            termsHash: scope.termsHash,
            round: submitted.round,
            modelDigest: scope.modelDigest,
            owners: submitted.owners.length,
            sumX: submitted.proof.sum[0],
            sumY: submitted.proof.sum[1],
            squareNorm: submitted.proof.squareNorm,
            payee: submitted.payee
        });
        digest = TypedData.attestation(scope.domain, attested);
        attesters = BatchReader.requireQuorum(registry, committeeId, epoch, digest, submitted.attestations);
    }

    /// @dev Writes the batch's effects on the round. Who is owed stands in the round's bitmap already.
    function _settle(RoundState storage current, uint256 owners, uint256[2] calldata sum) private {
        uint256 batches = current.batches;
        (current.batches, current.owners) = (uint16(batches + 1), uint16(current.owners + owners));
        (uint256 x, uint256 y) = (sum[0], sum[1]);
        if (batches > 0) {
            (uint256 sumX, uint256 sumY) = CompressedPoint.decompress(current.aggregate);
            (x, y) = BN254.add(sumX, sumY, x, y);
        }
        current.aggregate = CompressedPoint.compress(x, y);
    }

    function _announce(Batch calldata submitted, bytes32 batchId, uint256 batchIndex) private {
        uint256[2] calldata sum = submitted.proof.sum;
        emit IMarket.BatchAccepted(
            submitted.taskId, submitted.round, batchId, batchIndex, sum[0], sum[1], submitted.indices
        );
    }

    function _holdFees(
        MarketState storage market,
        Batch calldata submitted,
        uint256 batchIndex,
        bytes32 batchId,
        bytes32 attestation,
        uint256 attesters
    ) private {
        HeldFees memory held = HeldFees({
            batchId: batchId,
            attestation: attestation,
            owners: submitted.owners.length,
            attesters: attesters,
            payee: submitted.payee,
            due: 0,
            challenge: 0,
            paid: 0,
            payeePaid: false
        });
        Fees.hold(market, Fees.Place(submitted.taskId, submitted.round, batchIndex), held);
    }
}
