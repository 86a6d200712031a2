// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TypedData} from "../../src/libraries/TypedData.sol";
import {Attestation, Batch, HeldFees, Served, TaskTerms} from "../../src/types/Types.sol";
import {Scene} from "./Scene.sol";

/// @title A task that pays fees, and what provers sign of its batches
abstract contract FeeAttackScene is Scene {
    uint128 internal constant BATCH_FEE = 0.5 ether;
    uint128 internal constant GRADIENT_FEE = 0.01 ether;
    uint128 internal constant PROVER_FEE = 0.25 ether;
    /// @dev Bit sets of members.
    uint256 internal constant ALL = 15;
    uint256 internal constant FIRST_THREE = 7;
    address internal constant PAYEE = address(0xFEE);

    /// @dev After it nobody can post a submission any more, so payees' fees wait for nothing.
    function passSubmitWindow() internal {
        vm.warp(vm.getBlockTimestamp() + WINDOW + 1);
    }

    /// @dev Stub terms with fees for everybody.
    function feeTerms() internal returns (TaskTerms memory with) {
        with = stubTerms();
        (with.coordinatorBatchFee, with.coordinatorGradientFee) = (BATCH_FEE, GRADIENT_FEE);
        (with.proverBatchFee, with.proverGradientFee) = (PROVER_FEE, GRADIENT_FEE);
    }

    /// @dev What a prover earns with a batch.
    function proverFee(uint256 owners) internal pure returns (uint256) {
        return PROVER_FEE + owners * GRADIENT_FEE;
    }

    /// @dev What the payee earns with a batch.
    function payeeFee(uint256 owners) internal pure returns (uint256) {
        return BATCH_FEE + owners * GRADIENT_FEE;
    }

    /// @dev Has a batch of owners first..first+count-1 accepted, attested by the members of a bit set.
    function acceptFrom(uint256 taskId, uint256 round, uint256 first, uint256 count, uint256 members)
        internal
        returns (HeldFees memory held)
    {
        Batch memory batch = batchOf(taskId, round, first, count);
        batch.payee = PAYEE;
        held.batchId = batchIdOf(batch);
        held.attestation = TypedData.attestation(domain(), attestedOf(batch, held.batchId));
        batch.attestations = signedBy(members, held.attestation);
        (held.owners, held.attesters, held.payee) = (count, members, PAYEE);
        held.due = block.timestamp + market.task(taskId).terms.availabilityWindow;
        market.acceptBatch(batch);
    }

    /// @dev Signatures of the members of a bit set that a batch's sum is served.
    function servedBy(HeldFees memory held, uint256 members) internal view returns (Served memory served) {
        served.receipts = signedBy(members, TypedData.availability(domain(), held.batchId, held.challenge, 0));
    }

    /// @dev A sum in calldata, and signatures that this is it.
    function postedBy(HeldFees memory held, uint256 members, bytes memory sum)
        internal
        view
        returns (Served memory served)
    {
        (served.posted, served.payload) = (keccak256(sum), sum);
        served.receipts =
            signedBy(members, TypedData.availability(domain(), held.batchId, held.challenge, served.posted));
    }

    /// @dev What is held when members of a bit set were paid now, the first of all, and the payee with them.
    function paidFirst(HeldFees memory held, uint256 members) internal view returns (HeldFees memory) {
        return HeldFees({
            batchId: held.batchId,
            attestation: held.attestation,
            owners: held.owners,
            attesters: held.attesters,
            payee: held.payee,
            due: block.timestamp + WINDOW,
            challenge: held.challenge,
            paid: members,
            payeePaid: true
        });
    }

    function signedBy(uint256 members, bytes32 digest) internal pure returns (Attestation[] memory out) {
        Attestation[] memory all = new Attestation[](PROVERS);
        uint256 count = 0;
        for (uint8 member = 0; member < PROVERS; ++member) {
            if (members >> member & 1 == 0) continue;
            (bytes32 r, bytes32 vs) = signCompact(proverKey(member), digest);
            all[count++] = Attestation(member, r, vs);
        }
        out = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            out[i] = all[i];
        }
    }

    function owedTo(address account) internal view returns (uint256) {
        return market.owed(address(0), account);
    }

    /// @dev What is held when the model owner has challenged availability now.
    function challengedNow(HeldFees memory held) internal view returns (HeldFees memory) {
        (held.challenge, held.due) = (vm.getBlockTimestamp(), vm.getBlockTimestamp() + WINDOW);
        return held;
    }
}
