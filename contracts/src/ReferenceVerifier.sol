// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IGradedVerifier} from "./interfaces/IGradedVerifier.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {BN254} from "./libraries/BN254.sol";
import {Grading} from "./libraries/Grading.sol";
import {PolicyKey} from "./libraries/PolicyKey.sol";
import {ReferenceKey} from "./libraries/ReferenceKey.sol";
import {SumCheck} from "./libraries/SumCheck.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {Graded} from "./types/Graded.sol";
import {OwnerCommitment, Proof, Statement, VerifyingKey} from "./types/Proofs.sol";

/// @title Verifier of one key of the policy `reference`
/// @notice The equations of `RollupVerifier`, over the reference's row and the owners', with three public inputs more and a
/// weighted sum. The circuit shows that V = sum eta^i v_i for numbers v_i = F <g_i, reference> + n_i of its committed
/// block, with n_i in [0, 2^40); eta is drawn after block and numbers are fixed, so the numbers stated are these but for a
/// chance of 127/r. Levels and weights follow from them (`Grading`). The stated S is the sum of each owner's commitment
/// times its weight: in the pairing product it is k3 (sum omega_i C_i - S), and each row is one multiplication by
/// k2 rho_i + k3 omega_i, where the reference has omega 0.
/// @dev Much of it is `RollupVerifier` once more. That one's sources are in its address, under which tasks were made, so
/// nothing can be taken out of it. The key lies in the code as immutables; see `libraries/BN254.sol` for slots.
contract ReferenceVerifier is IGradedVerifier {
    using BN254 for uint256;

    uint256 private constant R = BN254.R;

    /// @inheritdoc IVerifier
    uint256 public immutable capacity;
    /// @inheritdoc IVerifier
    bytes32 public immutable policyKeyHash;
    /// @inheritdoc IVerifier
    bool public constant levelled = true;
    /// @inheritdoc IVerifier
    address public immutable factory;

    bytes32 private immutable _circuit;
    bool private immutable _gammaIsGenerator;
    uint256 private immutable _alphaX;
    uint256 private immutable _alphaY;
    uint256 private immutable _beta0;
    uint256 private immutable _beta1;
    uint256 private immutable _beta2;
    uint256 private immutable _beta3;
    uint256 private immutable _gamma0;
    uint256 private immutable _gamma1;
    uint256 private immutable _gamma2;
    uint256 private immutable _gamma3;
    uint256 private immutable _delta0;
    uint256 private immutable _delta1;
    uint256 private immutable _delta2;
    uint256 private immutable _delta3;
    uint256 private immutable _sigma0;
    uint256 private immutable _sigma1;
    uint256 private immutable _sigma2;
    uint256 private immutable _sigma3;
    uint256 private immutable _tau0;
    uint256 private immutable _tau1;
    uint256 private immutable _tau2;
    uint256 private immutable _tau3;
    uint256 private immutable _oneX;
    uint256 private immutable _oneY;
    uint256 private immutable _rhoX;
    uint256 private immutable _rhoY;
    uint256 private immutable _normX;
    uint256 private immutable _normY;
    uint256 private immutable _boundX;
    uint256 private immutable _boundY;
    uint256 private immutable _scaleX;
    uint256 private immutable _scaleY;
    uint256 private immutable _etaX;
    uint256 private immutable _etaY;
    uint256 private immutable _valuesX;
    uint256 private immutable _valuesY;

    /// @dev Challenges of one verification.
    struct Challenges {
        uint256 rho;
        uint256 eta;
        uint256 zeta;
        uint256 v;
        uint256 u;
        uint256 knowledge;
        uint256 opening;
        uint256 sum;
    }

    /// @param with The verifying key; its hash is computed here, so it cannot be misstated. A key under which anybody
    /// could prove anything is refused (`ReferenceKey.check`); that nobody knows its secrets is for its makers to show.
    constructor(VerifyingKey memory with) {
        ReferenceKey.check(with);
        factory = msg.sender;
        (_circuit, capacity) = (with.circuit, with.capacity);
        policyKeyHash = PolicyKey.hash(with);
        _gammaIsGenerator = PolicyKey.isGenerator(with.gamma);
        (_alphaX, _alphaY) = (with.alpha[0], with.alpha[1]);
        (_beta0, _beta1, _beta2, _beta3) = (with.beta[0], with.beta[1], with.beta[2], with.beta[3]);
        (_gamma0, _gamma1, _gamma2, _gamma3) = (with.gamma[0], with.gamma[1], with.gamma[2], with.gamma[3]);
        (_delta0, _delta1, _delta2, _delta3) = (with.delta[0], with.delta[1], with.delta[2], with.delta[3]);
        (_sigma0, _sigma1, _sigma2, _sigma3) = (with.sigma[0], with.sigma[1], with.sigma[2], with.sigma[3]);
        (_tau0, _tau1, _tau2, _tau3) = (with.tau[0], with.tau[1], with.tau[2], with.tau[3]);
        (_oneX, _oneY) = (with.inputs[0][0], with.inputs[0][1]);
        (_rhoX, _rhoY) = (with.inputs[1][0], with.inputs[1][1]);
        (_normX, _normY) = (with.inputs[2][0], with.inputs[2][1]);
        (_boundX, _boundY) = (with.inputs[3][0], with.inputs[3][1]);
        (_scaleX, _scaleY) = (with.inputs[4][0], with.inputs[4][1]);
        (_etaX, _etaY) = (with.inputs[5][0], with.inputs[5][1]);
        (_valuesX, _valuesY) = (with.inputs[6][0], with.inputs[6][1]);
    }

    /// @inheritdoc IVerifier
    function verify(Statement calldata, Proof calldata) external pure returns (bytes32, uint256) {
        revert GradingMissing();
    }

    /// @inheritdoc IGradedVerifier
    function verifyGraded(Graded calldata graded, Statement calldata statement, Proof calldata proof)
        external
        view
        returns (bytes32 batchId, uint256 levels)
    {
        _checkShape(graded, statement, proof);
        Challenges memory challenges;
        (batchId, challenges) = _replay(graded, statement, proof);
        SumCheck.Scalars memory scalars = SumCheck.scalars(
            proof, statement.dimension, challenges.zeta, challenges.v, challenges.u, challenges.opening
        );
        uint256 slots;
        assembly ("memory-safe") {
            slots := mload(0x40)
            let size := mul(7, 0xc0)
            mstore(0x40, add(slots, size))
            calldatacopy(slots, calldatasize(), size)
        }
        _combine(slots, proof, challenges, scalars);
        levels = _addRows(slots, graded, statement.owners, challenges, scalars.weight);
        _addInputs(_inputSlot(slots), graded, statement.bound, proof, challenges);
        _layPairs(slots, proof, challenges);
        if (!BN254.pairingProductIsOne(slots, _gammaIsGenerator ? 6 : 7)) revert ProofInvalid();
    }

    /// @inheritdoc IVerifier
    function tau() external view returns (uint256[4] memory) {
        return [_tau0, _tau1, _tau2, _tau3];
    }

    /// @inheritdoc IVerifier
    function key() external view returns (VerifyingKey memory out) {
        (out.circuit, out.capacity) = (_circuit, capacity);
        out.alpha = [_alphaX, _alphaY];
        out.beta = [_beta0, _beta1, _beta2, _beta3];
        out.gamma = [_gamma0, _gamma1, _gamma2, _gamma3];
        out.delta = [_delta0, _delta1, _delta2, _delta3];
        out.sigma = [_sigma0, _sigma1, _sigma2, _sigma3];
        out.tau = [_tau0, _tau1, _tau2, _tau3];
        out.inputs = new uint256[2][](7);
        out.inputs[0] = [_oneX, _oneY];
        out.inputs[1] = [_rhoX, _rhoY];
        out.inputs[2] = [_normX, _normY];
        out.inputs[3] = [_boundX, _boundY];
        out.inputs[4] = [_scaleX, _scaleY];
        out.inputs[5] = [_etaX, _etaY];
        out.inputs[6] = [_valuesX, _valuesY];
    }

    /// @dev Number of rows and opened numbers, and scalars. Points are checked by the precompiles that use them.
    function _checkShape(Graded calldata graded, Statement calldata statement, Proof calldata proof) private view {
        (uint256 rows, uint256 length) = (statement.owners.length, graded.values.length);
        if (rows < 2 || rows > capacity) revert OwnersOutOfRange(rows, capacity);
        if (length != Grading.VALUE_BYTES * (rows - 1)) revert ValuesInvalid(length, rows);
        _requireCanonical(statement.bound);
        _requireCanonical(proof.squareNorm);
        _requireCanonical(proof.aZeta);
        _requireCanonical(proof.sZeta);
        _requireCanonical(proof.sOmegaZeta);
    }

    /// @dev All challenges, in the transcript's order.
    function _replay(Graded calldata graded, Statement calldata statement, Proof calldata proof)
        private
        view
        returns (bytes32 batchId, Challenges memory out)
    {
        bytes32 state = Transcript.rho(
            Transcript.context(statement, policyKeyHash), Transcript.ownersHash(statement.owners), proof
        );
        out.rho = uint256(state) % R;
        batchId = Grading.batchId(state, graded);
        out.eta = uint256(batchId) % R;
        state = Transcript.zeta(batchId, proof);
        out.zeta = uint256(state) % R;
        state = Transcript.v(state, proof);
        out.v = uint256(state) % R;
        state = Transcript.u(state, proof);
        out.u = uint256(state) % R;
        out.knowledge = Transcript.knowledgeWeight(state) % R;
        out.opening = Transcript.openingWeight(state) % R;
        out.sum = Transcript.sumWeight(state) % R;
    }

    /// @dev Slot 0 becomes k2 right - k1 KP - k3 S, but for the rows' part, slot 1 -k2 left. The weights go into the scalars,
    /// so that they cost no further multiplication of a point. Unchecked: challenges and weights are below R.
    function _combine(
        uint256 slots,
        Proof calldata proof,
        Challenges memory challenges,
        SumCheck.Scalars memory scalars
    ) private view {
        unchecked {
            uint256 weight = scalars.weight;
            slots.mulAdd(proof.knowledge, R - challenges.knowledge);
            slots.mulAdd(proof.w1, mulmod(weight, scalars.zeta, R));
            slots.mulAdd(proof.w2, mulmod(weight, scalars.w2, R));
            slots.mulAdd(proof.s, mulmod(weight, scalars.s, R));
            slots.mulAdd(proof.q, mulmod(weight, scalars.q, R));
            slots.mulAdd(BN254.G1_X, BN254.G1_Y, scalars.one);
            slots.mulAdd(proof.mask, mulmod(weight, challenges.rho, R));
            slots.mulAdd(proof.sum, R - challenges.sum);
            uint256 left = slots + BN254.SLOT;
            left.mulAdd(proof.w1, R - weight);
            left.mulAdd(proof.w2, R - mulmod(weight, challenges.u, R));
        }
    }

    /// @dev Adds (k2 rho_i + k3 omega_i) C_i to a slot for each row; rho_i = rho^(2^i). Unchecked: as above.
    /// @param weight What `right` is multiplied by.
    function _addRows(
        uint256 slot,
        Graded calldata graded,
        OwnerCommitment[] calldata rows,
        Challenges memory challenges,
        uint256 weight
    ) private view returns (uint256 levels) {
        uint256 weights;
        (levels, weights) = Grading.grade(graded);
        unchecked {
            weights <<= 2; // the reference has none
            uint256 power = challenges.rho;
            for (uint256 i = 0; i < rows.length; ++i) {
                power = mulmod(power, power, R);
                uint256 inSum = mulmod(weights & 3, challenges.sum, R);
                weights >>= 2;
                slot.mulAdd(rows[i].cx, rows[i].cy, addmod(mulmod(weight, power, R), inSum, R));
            }
        }
    }

    /// @dev Where IC + D is accumulated: slot 6, or slot 0 when gamma is the generator that pairs with slot 0.
    function _inputSlot(uint256 slots) private view returns (uint256) {
        return _gammaIsGenerator ? slots : slots + 6 * BN254.SLOT;
    }

    /// @dev slot += IC(public inputs) + D.
    function _addInputs(
        uint256 slot,
        Graded calldata graded,
        uint256 bound,
        Proof calldata proof,
        Challenges memory challenges
    ) private view {
        slot.addTo(_oneX, _oneY);
        slot.mulAdd(_rhoX, _rhoY, challenges.rho);
        slot.mulAdd(_normX, _normY, proof.squareNorm);
        slot.mulAdd(_boundX, _boundY, bound);
        slot.mulAdd(_scaleX, _scaleY, Grading.scale(bound, graded.dither));
        slot.mulAdd(_etaX, _etaY, challenges.eta);
        slot.mulAdd(_valuesX, _valuesY, Grading.combination(graded.values, challenges.eta));
        slot.addTo(proof.gram[0], proof.gram[1]);
    }

    /// @dev Fills the other slots and puts the points of G2 beside the accumulators, over their scratch words.
    function _layPairs(uint256 slots, Proof calldata proof, Challenges memory challenges) private view {
        uint256 slot = slots;
        slot.pairWith(BN254.G2_X_IM, BN254.G2_X_RE, BN254.G2_Y_IM, BN254.G2_Y_RE);
        slot += BN254.SLOT;
        slot.pairWith(_tau0, _tau1, _tau2, _tau3);
        slot += BN254.SLOT;
        slot.mulAdd(proof.gram, challenges.knowledge);
        slot.pairWith(_sigma0, _sigma1, _sigma2, _sigma3);
        slot += BN254.SLOT;
        slot.setNegated(proof.a);
        slot.pairWith(proof.b[0], proof.b[1], proof.b[2], proof.b[3]);
        slot += BN254.SLOT;
        slot.set(_alphaX, _alphaY);
        slot.pairWith(_beta0, _beta1, _beta2, _beta3);
        slot += BN254.SLOT;
        slot.set(proof.c[0], proof.c[1]);
        slot.pairWith(_delta0, _delta1, _delta2, _delta3);
        slot += BN254.SLOT;
        slot.pairWith(_gamma0, _gamma1, _gamma2, _gamma3);
    }

    function _requireCanonical(uint256 scalar) private pure {
        if (scalar >= R) revert ScalarNotCanonical(scalar);
    }
}
