// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {IVerifierFactory} from "../interfaces/IVerifierFactory.sol";
import {CommitteeTerms} from "../types/Committees.sol";
import {TaskState} from "../types/State.sol";
import {TaskTerms} from "../types/Types.sol";
import {Funds} from "./Funds.sol";
import {Grading} from "./Grading.sol";
import {Pay} from "./Pay.sol";

/// @title Terms of tasks: their limits, their identifiers and their packing
library Terms {
    uint256 private constant MAX_DIMENSION = 1 << 28;
    uint256 private constant BOUND_LIMIT = 1 << 62;
    uint256 private constant MAX_FRACTION_BITS = 62;
    uint256 private constant ROUNDS_LIMIT = 1 << 20;
    uint256 private constant MAX_LAPSE_ROUNDS = 64;
    uint256 private constant MIN_CLAIM_WINDOW = 180 days;
    /// @dev Of every window, so that deadlines stay within 40 bits.
    uint256 private constant MAX_WINDOW = 3650 days;
    bytes32 private constant TASK_TAG = keccak256("gradroll/v1/task");
    bytes32 private constant TERMS_TAG = keccak256("gradroll/v1/terms");

    /// @notice The market's surroundings.
    struct Scope {
        ICommitteeRegistry registry;
        IVerifierFactory factory;
        bytes32 deployment;
        uint32 minimumWindow;
    }

    /// @notice Refuses terms out of range, so that limits of the field and of the circuit never show up in a round.
    function check(TaskTerms calldata terms, Scope memory scope) internal view {
        _require(scope.factory.isVerifier(terms.verifier), "verifier");
        _require(terms.coordinator != address(0), "coordinator");
        _require(terms.dimension != 0 && terms.dimension <= MAX_DIMENSION, "dimension");
        _require(terms.fractionBits <= MAX_FRACTION_BITS, "fractionBits");
        _require(terms.bound != 0 && terms.bound < BOUND_LIMIT, "bound");
        _require(terms.minOwners >= 2, "minOwners");
        _checkGrading(terms);
        _require(terms.sumKey == 0 || !terms.inlinePayload, "sumKey");
        _require(terms.capacity >= terms.minOwners, "capacity");
        _require(terms.rounds != 0 && terms.rounds < ROUNDS_LIMIT, "rounds");
        _require(terms.lapseRounds <= MAX_LAPSE_ROUNDS, "lapseRounds");
        _checkWindows(terms, scope.minimumWindow);
        _require(terms.permissioned || terms.basePay == 0, "basePay");
        _require(terms.token == address(0) || Funds.isToken(terms.token), "token");
        _checkBond(terms, scope.registry.terms(terms.committeeId));
    }

    /// @dev Terms that say how gradients are graded go with a verifier that does so, whose slots hold the reference as well.
    function _checkGrading(TaskTerms calldata terms) private view {
        uint256 slots = IVerifier(terms.verifier).capacity();
        if (!IVerifier(terms.verifier).levelled()) {
            _require(terms.minOwners <= slots, "minOwners");
            _require(terms.step == 0, "step");
            _require(terms.dither == 0, "dither");
            _require(terms.referenceData == 0, "referenceData");
            return;
        }
        _require(terms.minOwners < slots, "minOwners");
        _require(Grading.isRule(terms.step, terms.dither), "step");
        _require(Grading.allows(terms.bound, terms.dither), "bound");
    }

    /// @dev What a member signs in a round is not secured by a bond that it can have back before the round's last batch is
    /// settled.
    function _checkBond(TaskTerms calldata terms, CommitteeTerms memory committee) private pure {
        uint256 span = uint256(terms.submitWindow) + terms.settleWindow + terms.availabilityWindow;
        _require(committee.bond == 0 || committee.unbondingDelay >= span, "committeeId");
    }

    /// @dev The deposit of an owner that leaves is kept until nobody can have a reason to take it any more.
    function _checkWindows(TaskTerms calldata terms, uint256 minimum) private pure {
        _require(terms.submitWindow >= minimum && terms.submitWindow <= MAX_WINDOW, "submitWindow");
        _require(terms.settleWindow >= minimum && terms.settleWindow <= MAX_WINDOW, "settleWindow");
        _require(terms.claimWindow >= MIN_CLAIM_WINDOW && terms.claimWindow <= MAX_WINDOW, "claimWindow");
        _require(terms.exitDelay >= terms.settleWindow && terms.exitDelay <= MAX_WINDOW, "exitDelay");
        _require(terms.availabilityWindow >= minimum && terms.availabilityWindow <= MAX_WINDOW, "availabilityWindow");
    }

    /// @notice Identifier of a creator's task.
    function taskId(bytes32 deployment, address creator, uint256 nonce, TaskTerms calldata terms)
        internal
        pure
        returns (uint256)
    {
        return
            uint64(uint256(keccak256(abi.encode(TASK_TAG, deployment, creator, nonce, keccak256(abi.encode(terms))))));
    }

    /// @notice What a signature or a proof for a task binds: its terms, who made it, and where they hold.
    function hash(bytes32 deployment, uint256 id, address creator, TaskTerms calldata terms)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(TERMS_TAG, deployment, id, creator, terms));
    }

    /// @notice Writes checked terms into a fresh task.
    function store(TaskState storage state, TaskTerms calldata terms) internal {
        (state.verifier, state.bound, state.dimension) = (terms.verifier, terms.bound, terms.dimension);
        (state.committeeId, state.capacity) = (terms.committeeId, terms.capacity);
        state.minOwners = SafeCast.toUint8(terms.minOwners);
        (state.settleWindow, state.submitWindow) = (terms.settleWindow, terms.submitWindow);
        (state.rounds, state.fractionBits) = (uint24(terms.rounds), terms.fractionBits);
        (state.permissioned, state.inlinePayload) = (terms.permissioned, terms.inlinePayload);
        (state.coordinator, state.firstCoordinator) = (terms.coordinator, terms.coordinator);
        (state.claimWindow, state.exitDelay) = (terms.claimWindow, terms.exitDelay);
        (state.availabilityWindow, state.lapseRounds) = (terms.availabilityWindow, terms.lapseRounds);
        (state.step, state.dither, state.referenceData) = (terms.step, terms.dither, terms.referenceData);
        (state.manifest, state.sumKey, state.token) = (terms.manifest, terms.sumKey, terms.token);
        _storeAmounts(state, terms);
    }

    function _storeAmounts(TaskState storage state, TaskTerms calldata terms) private {
        (state.basePay, state.bonusPay) = (terms.basePay, terms.bonusPay);
        (state.coordinatorBatchFee, state.coordinatorGradientFee) =
        (terms.coordinatorBatchFee, terms.coordinatorGradientFee);
        (state.proverBatchFee, state.proverGradientFee) = (terms.proverBatchFee, terms.proverGradientFee);
        state.deposit = terms.deposit;
        state.paysFees = terms.coordinatorBatchFee | terms.coordinatorGradientFee | terms.proverBatchFee
                | terms.proverGradientFee != 0;
    }

    /// @notice Refuses amounts that a round of all seats could not pay from 128 bits, and a committee that cannot be paid: with
    /// N = 2t + 1 every prover could hold a round to ransom. Reads what `store` wrote.
    function checkAmounts(TaskState storage state, uint256 threshold) internal view {
        _require(Pay.reserve(state, state.capacity) <= type(uint128).max, "amounts");
        bool pays = state.paysFees || state.basePay != 0 || state.bonusPay != 0;
        _require(!pays || state.provers >= 3 * threshold + 1, "committeeId");
    }

    /// @notice The terms of a task, as they were given.
    function load(TaskState storage state) internal view returns (TaskTerms memory) {
        return TaskTerms({
            committeeId: state.committeeId,
            verifier: state.verifier,
            coordinator: state.firstCoordinator,
            dimension: state.dimension,
            fractionBits: state.fractionBits,
            bound: state.bound,
            minOwners: state.minOwners,
            capacity: state.capacity,
            rounds: state.rounds,
            submitWindow: state.submitWindow,
            settleWindow: state.settleWindow,
            permissioned: state.permissioned,
            inlinePayload: state.inlinePayload,
            token: state.token,
            basePay: state.basePay,
            bonusPay: state.bonusPay,
            coordinatorBatchFee: state.coordinatorBatchFee,
            coordinatorGradientFee: state.coordinatorGradientFee,
            proverBatchFee: state.proverBatchFee,
            proverGradientFee: state.proverGradientFee,
            deposit: state.deposit,
            lapseRounds: state.lapseRounds,
            claimWindow: state.claimWindow,
            exitDelay: state.exitDelay,
            availabilityWindow: state.availabilityWindow,
            step: state.step,
            dither: state.dither,
            referenceData: state.referenceData,
            manifest: state.manifest,
            sumKey: state.sumKey
        });
    }

    function _require(bool holds, string memory term) private pure {
        if (!holds) revert IMarket.TermsInvalid(term);
    }
}
