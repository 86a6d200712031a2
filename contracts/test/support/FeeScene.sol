// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TypedData} from "../../src/libraries/TypedData.sol";
import {Attestation, Batch, HeldFees, Served, TaskTerms} from "../../src/types/Types.sol";
import {Scene} from "./Scene.sol";

/// @title A task with fees, whose first batch is there to be accepted
abstract contract FeeScene is Scene {
    uint128 internal constant BATCH_FEE = 100_000;
    uint128 internal constant GRADIENT_FEE = 1000;
    uint128 internal constant PROVER_BATCH_FEE = 500;
    uint128 internal constant PROVER_GRADIENT_FEE = 7;
    uint256 internal constant OWNERS = 4;
    /// @dev What the payee of the batch gets, and each prover of it.
    uint256 internal constant COORDINATOR_FEE = BATCH_FEE + OWNERS * GRADIENT_FEE;
    uint256 internal constant PROVER_FEE = PROVER_BATCH_FEE + OWNERS * PROVER_GRADIENT_FEE;
    address internal constant PAYEE = address(0xC0);
    uint256 internal constant ACCEPTED = START + WINDOW + 1;

    uint256 internal task;

    function setUp() public virtual {
        deploy("norm_3");
        TaskTerms memory t = stubTerms();
        (t.coordinatorBatchFee, t.coordinatorGradientFee) = (BATCH_FEE, GRADIENT_FEE);
        (t.proverBatchFee, t.proverGradientFee) = (PROVER_BATCH_FEE, PROVER_GRADIENT_FEE);
        task = createTask(t);
        enrol(task, 0, OWNERS);
        fund(task, 100 ether);
        openRound(task, OWNERS);
        vm.warp(ACCEPTED); // nobody can post a submission any more, so the payee's fee waits for nothing
    }

    /// @dev Has the batch accepted, with the attestations of members in a bit set; what the market holds for it.
    function acceptedBy(uint256 members) internal returns (HeldFees memory held) {
        held = attestedFees(batchOf(task, 0, 0, OWNERS), members);
        isHeld(held);
    }

    /// @dev The same for any batch.
    function attestedFees(Batch memory batch, uint256 members) internal returns (HeldFees memory held) {
        bytes32 batchId = batchIdOf(batch);
        bytes32 digest = TypedData.attestation(domain(), attestedOf(batch, batchId));
        batch.attestations = signaturesOf(members, digest);
        market.acceptBatch(batch);
        held = HeldFees({
            batchId: batchId,
            attestation: digest,
            owners: batch.owners.length,
            attesters: members,
            payee: PAYEE,
            due: vm.getBlockTimestamp() + WINDOW,
            challenge: 0,
            paid: 0,
            payeePaid: false
        });
    }

    function isHeld(HeldFees memory held) internal view {
        equal(market.heldFees(task, 0, 0), keccak256(abi.encode(held)), "what is held");
    }

    /// @dev Signatures of the members in a bit set.
    function signaturesOf(uint256 members, bytes32 digest) internal pure returns (Attestation[] memory out) {
        uint256 count = 0;
        for (uint256 rest = members; rest != 0; rest &= rest - 1) {
            ++count;
        }
        out = new Attestation[](count);
        uint256 next = 0;
        for (uint8 member = 0; next < count; ++member) {
            if (members >> member & 1 == 0) continue;
            (bytes32 r, bytes32 vs) = signCompact(proverKey(member), digest);
            out[next++] = Attestation(member, r, vs);
        }
    }

    /// @dev Receipts of members, and nothing else.
    function servedBy(uint256 members, HeldFees memory held) internal view returns (Served memory served) {
        served.receipts = signaturesOf(members, availabilityDigest(held, 0));
    }

    /// @dev What members sign of a sum, written anew.
    function availabilityDigest(HeldFees memory held, bytes32 posted) internal view returns (bytes32) {
        bytes32 kind = keccak256("Availability(bytes32 batchId,uint256 challenge,bytes32 posted)");
        bytes32 structHash = keccak256(abi.encode(kind, held.batchId, held.challenge, posted));
        return keccak256(abi.encodePacked(hex"1901", domain(), structHash));
    }

    function settle(HeldFees memory held, Served memory served) internal {
        market.settleFees(task, 0, 0, held, served);
    }

    function settleRefused(HeldFees memory held, Served memory served, bytes memory reason) internal {
        vm.expectRevert(reason);
        settle(held, served);
    }

    /// @dev Members in a bit set have been credited a batch's fee, and the others nothing.
    function proversPaid(uint256 members) internal view {
        for (uint256 member = 0; member < PROVERS; ++member) {
            uint256 expected = members >> member & 1 != 0 ? PROVER_FEE : 0;
            equal(market.owed(address(0), payeeOf(member)), expected, "prover");
        }
    }

    function payeePaid(uint256 amount) internal view {
        equal(market.owed(address(0), PAYEE), amount, "payee");
    }

    /// @dev The time for a challenge has just passed.
    function afterChallenges(HeldFees memory held) internal {
        vm.warp(held.due - WINDOW / 2 + 1);
    }
}
