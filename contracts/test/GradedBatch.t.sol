// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IGradedVerifier} from "../src/interfaces/IGradedVerifier.sol";
import {IGradedMarket} from "../src/interfaces/IGradedMarket.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Batch, HeldFees, OwnerEntry, ReferenceOpening, RoundView, TaskTerms} from "../src/types/Types.sol";
import {GradedScene} from "./support/GradedScene.sol";
import {LevellingVerifier} from "./support/StubVerifier.sol";

/// @title Acceptance of graded batches, on real proofs
contract GradedBatchTest is GradedScene {
    string private constant NAME = "reference_6";
    bytes private constant INDICES = hex"0000000100020007" hex"00ff0100";

    uint256 private _task;

    modifier staged() {
        _task = stageGraded(NAME, 257);
        _;
    }

    function test_acceptGradedBatch_state() external staged {
        Fixture memory fixture = load(NAME);
        Batch memory batch = attested(NAME);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.BatchAccepted(_task, 0, fixture.batchId, 0, batch.proof.sum[0], batch.proof.sum[1], INDICES);
        equal(handGraded(batch), 0, "batch index");
        RoundView memory state = market.round(_task, 0);
        equal(state.batches, 1, "batches");
        equal(state.owners, 6, "owners, without the reference");
        equal(state.spent, 6 * PAY, "spent");
        equal(state.aggregateX, fixture.commitmentX, "aggregate x");
        equal(state.aggregateY, fixture.commitmentY, "aggregate y");
        equal(state.levels, 12, "sum of levels");
        equal(market.consumed(_task, 0, 0), 1 << 255 | 0x87, "consumed");
        equal(market.consumed(_task, 0, 1), 1, "consumed, second word");
        // levels 3, 1, 0, 3, 3, 2 of owners 0, 1, 2, 7, 255, 256; 128 a word
        equal(market.levels(_task, 0, 0), 3 | 1 << 2 | 3 << 14, "levels");
        equal(market.levels(_task, 0, 1), uint256(3) << 254, "levels, second word");
        equal(market.levels(_task, 0, 2), 2, "levels, third word");
    }

    /// @dev The sum has weights, which are not levels: where nobody has one, owners are paid by level all the same.
    function test_acceptGradedBatch_fallback() external {
        _task = stageGraded("reference_3_fallback", 16);
        handGraded(attested("reference_3_fallback"));
        RoundView memory state = market.round(_task, 0);
        equal(market.levels(_task, 0, 0), (1 | 3 << 2 | 1 << 4) << 6, "levels of owners 3 to 5");
        equal(state.levels, 5, "sum of levels");
    }

    /// @dev As many owners as the circuit has slots beside the reference.
    function test_acceptGradedBatch_fullCapacity() external {
        _task = stageGraded("reference_15", 16);
        handGraded(attested("reference_15"));
        equal(market.round(_task, 0).owners, 15, "owners");
    }

    function test_acceptGradedBatch_tooManyForTheCircuit() external staged {
        Batch memory batch = _ofOwners(16);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.OwnersOutOfRange.selector, 17, 16));
        market.acceptGradedBatch{gas: GAS}(batch, opened(), new bytes(8 * 16));
    }

    /// @dev The reference is nobody whose gradient others hide in.
    function test_acceptGradedBatch_tooFewBesideTheReference() external staged {
        Batch memory batch = _ofOwners(1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TooFewOwners.selector, 1, 2));
        market.acceptGradedBatch{gas: GAS}(batch, opened(), new bytes(8));
    }

    function test_acceptGradedBatch_twice() external staged {
        Batch memory batch = attested(NAME);
        handGraded(batch);
        _refused(batch, abi.encodeWithSelector(IMarket.OwnerAlreadyAccepted.selector, 0, 0));
    }

    /// @dev In a round that is opened with the very same model and references.
    function test_acceptGradedBatch_inTheNextRound() external staged {
        Batch memory batch = attested(NAME);
        handGraded(batch);
        fund(_task, reserveOf(fixtureTerms(), 257));
        openRound(_task, 257);
        batch.round = 1;
        attest(batch, load(NAME).batchId);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        resignAll(batch);
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    /// @dev In another task of the same terms.
    function test_acceptGradedBatch_inAnotherTask() external staged {
        uint256 other = stageTask(fixtureTerms(), 257);
        Batch memory batch = attested(NAME);
        batch.taskId = other;
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        resignAll(batch);
        attest(batch, batchIdOf(batch, opened(), values()));
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    /// @dev Any other numbers, as many: nobody chooses levels or weights.
    function testFuzz_acceptGradedBatch_otherNumbers(uint256 place, uint8 delta) external staged {
        vm.assume(delta != 0);
        Batch memory batch = load(NAME).batch;
        bytes memory numbers = values();
        place %= numbers.length;
        numbers[place] ^= bytes1(delta);
        attest(batch, batchIdOf(batch, opened(), numbers));
        _refused(batch, opened(), numbers, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptGradedBatch_numbersMissingOrTooMany() external staged {
        Batch memory batch = attested(NAME);
        uint256[6] memory lengths = [uint256(0), 8, 40, 47, 49, 56];
        for (uint256 i = 0; i < lengths.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IGradedVerifier.ValuesInvalid.selector, lengths[i], 7);
            _refused(batch, opened(), new bytes(lengths[i]), refusal);
        }
    }

    /// @dev What the round was not opened with: another model, a copy more or less, or in another place, or changed.
    function test_acceptGradedBatch_openingUnknown() external staged {
        Batch memory batch = attested(NAME);
        ReferenceOpening memory other = opened();
        other.modelDigest = keccak256("another model");
        _openingRefused(batch, other);
        other = opened();
        (other.references[0], other.references[1]) = (other.references[1], other.references[0]);
        _openingRefused(batch, other);
        other = opened();
        ++other.references[2].cx;
        _openingRefused(batch, other);
        other = opened();
        ++other.references[2].cy;
        _openingRefused(batch, other);
        other = opened();
        other.references[2].sharesRoot ^= bytes32(uint256(1));
        _openingRefused(batch, other);
        other = opened();
        assembly ("memory-safe") {
            mstore(mload(add(other, 0x20)), 2) // the last copy left out
        }
        equal(other.references.length, 2, "shorter");
        _openingRefused(batch, other);
    }

    function test_acceptGradedBatch_copyUnknown() external staged {
        Batch memory batch = attested(NAME);
        uint256[2] memory unknown = [uint256(3), type(uint256).max];
        for (uint256 i = 0; i < unknown.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IGradedMarket.CopyUnknown.selector, unknown[i], 3);
            _refused(batch, opening(unknown[i]), values(), refusal);
        }
    }

    /// @dev Another copy of the round, under which no batch was attested, and one that a quorum would attest: the proof is of
    /// one copy.
    function test_acceptGradedBatch_otherCopy() external staged {
        Batch memory batch = attested(NAME);
        for (uint256 copy = 0; copy < 3; copy += 2) {
            _refused(batch, opening(copy), values(), abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
            attest(batch, batchIdOf(batch, opening(copy), values()));
            _refused(batch, opening(copy), values(), abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
        }
    }

    /// @dev The market compares the dealer with nothing, as the proof does it.
    function testFuzz_acceptGradedBatch_otherDealer(address dealer) external staged {
        ReferenceOpening memory other = opened();
        vm.assume(dealer != other.dealer);
        other.dealer = dealer;
        _refused(attested(NAME), other, values(), abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    /// @dev One gradient more or less in the sum than the weights say.
    function test_acceptGradedBatch_otherSum() external staged {
        Batch memory batch = load(NAME).batch;
        uint256[2] memory sum = batch.proof.sum;
        for (uint256 slot = 0; slot < 6; ++slot) {
            OwnerEntry memory entry = batch.owners[slot];
            (bool ok, bytes memory other) = address(6).staticcall(abi.encode(sum, entry.cx, entry.cy));
            isTrue(ok, "ecAdd");
            batch.proof.sum = abi.decode(other, (uint256[2]));
            attest(batch, load(NAME).batchId);
            _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
        }
    }

    /// @dev What a quorum signed of the rows alone, as for a task that does not grade, is no attestation of the numbers.
    function test_acceptGradedBatch_numbersNotAttested() external staged {
        Batch memory batch = load(NAME).batch;
        attest(batch, keccak256("the state behind rho"));
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        attest(batch, attestedOf(batch, load(NAME).batchId), QUORUM - 1);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, QUORUM - 1, QUORUM));
    }

    function test_acceptGradedBatch_signatureForged() external staged {
        Batch memory batch = attested(NAME);
        for (uint256 slot = 0; slot < 6; ++slot) {
            batch.owners[slot].r ^= bytes32(uint256(1));
            _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, slot, indexOf(batch, slot)));
            batch.owners[slot].r ^= bytes32(uint256(1));
        }
    }

    /// @dev Owners sign the round's opening, and not the model alone: who would sign for any reference?
    function test_acceptGradedBatch_signedForTheModelAlone() external staged {
        Batch memory batch = attested(NAME);
        resign(batch, 2, market.task(_task).termsHash, MODEL);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 2));
    }

    /// @dev What every batch is refused for (`Acceptance.admit`).
    function test_acceptGradedBatch_lateOrPausedOrWithoutASeat() external staged {
        Batch memory batch = attested(NAME);
        vm.prank(GUARDIAN);
        market.pause();
        _refused(batch, abi.encodeWithSelector(IMarket.AcceptancePaused.selector));
        vm.prank(GUARDIAN);
        market.resume();
        uint256 state = vm.snapshotState();
        close(_task, 0);
        _refused(batch, abi.encodeWithSelector(IMarket.RoundClosed.selector, _task, 0));
        vm.revertToState(state);
        enrol(_task, 257, 258);
        setIndex(batch, 5, 257);
        _refused(batch, abi.encodeWithSelector(IMarket.OwnerHasNoSeat.selector, 257, 257));
    }

    function test_acceptGradedBatch_unknownTaskOrRound() external staged {
        Batch memory batch = attested(NAME);
        batch.round = 1;
        _refused(batch, abi.encodeWithSelector(IMarket.RoundUnknown.selector, _task, 1));
        batch.taskId = 5;
        _refused(batch, abi.encodeWithSelector(IMarket.TaskUnknown.selector, 5));
    }

    /// @dev A graded batch without its numbers, and any other with some.
    function test_acceptBatch_ofTheOtherKind() external staged {
        Batch memory batch = attested(NAME);
        vm.expectRevert(abi.encodeWithSelector(IGradedMarket.TaskGraded.selector, _task));
        market.acceptBatch{gas: GAS}(batch);
        batch.taskId = stageTask(stubTerms(), 16);
        _refused(batch, abi.encodeWithSelector(IGradedMarket.TaskNotGraded.selector, batch.taskId));
    }

    function test_acceptGradedBatch_holdsFees() external staged {
        TaskTerms memory with = fixtureTerms();
        with.verifier = address(new LevellingVerifier());
        approving.approve(with.verifier);
        (with.coordinatorBatchFee, with.coordinatorGradientFee) = (7, 3);
        uint256 task = stageTask(with, 6);
        Batch memory batch = batchOf(task, 0, 0, 6);
        bytes32 batchId = batchIdOf(batch, opened(), values());
        attest(batch, batchId);
        handGraded(batch);
        HeldFees memory held = HeldFees({
            batchId: batchId,
            attestation: TypedData.attestation(domain(), attestedOf(batch, batchId)),
            owners: 6,
            attesters: 7,
            payee: address(0xC0),
            due: vm.getBlockTimestamp() + WINDOW,
            challenge: 0,
            paid: 0,
            payeePaid: false
        });
        equal(market.heldFees(task, 0, 0), keccak256(abi.encode(held)), "of six gradients, not of seven rows");
    }

    /// @dev A batch of owners 0..count-1 that nobody has proven.
    function _ofOwners(uint256 count) private view returns (Batch memory batch) {
        (batch.taskId, batch.payee) = (_task, address(0xC0));
        batch.proof = load(NAME).batch.proof;
        batch.owners = new OwnerEntry[](count);
        batch.indices = new bytes(2 * count);
        for (uint256 i = 0; i < count; ++i) {
            setIndex(batch, i, uint16(i));
        }
        resignAll(batch);
    }

    function _openingRefused(Batch memory batch, ReferenceOpening memory other) private {
        vm.expectPartialRevert(IGradedMarket.OpeningUnknown.selector);
        market.acceptGradedBatch{gas: GAS}(batch, other, values());
    }

    function _refused(Batch memory batch, bytes memory refusal) private {
        _refused(batch, opened(), values(), refusal);
    }

    function _refused(Batch memory batch, ReferenceOpening memory with, bytes memory numbers, bytes memory refusal)
        private
    {
        vm.expectRevert(refusal);
        market.acceptGradedBatch{gas: GAS}(batch, with, numbers);
    }
}
