// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "./interfaces/IVerifier.sol";
import {BN254} from "./libraries/BN254.sol";
import {PolicyKey} from "./libraries/PolicyKey.sol";
import {SumCheck} from "./libraries/SumCheck.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {OwnerCommitment, Proof, Statement, VerifyingKey} from "./types/Proofs.sol";

/// @title Verifier of one policy key
/// @notice One pairing product for four equations: the policy circuit's Groth16 proof with a committed block, the
/// knowledge equation of that block, the KZG openings of the sum-check, and that the stated S is the sum of the owners'
/// commitments C_i, the last three under fresh weights k1, k2 and k3:
///
///   e(-A, B) e(alpha, beta) e(IC + D, gamma) e(C, delta) e(k1 D, sigma)
///     e(k2 right - k1 KP + k3 (sum C_i - S), G2) e(-k2 left, tau G2) = 1
///
/// which is the inverse of the product of circuits/verify.py. `SumCheck` explains what is in k2. With gamma = G2 the
/// third and sixth pair are one.
///
/// The weights are drawn after everything that they weigh, S included. Written as exponents of e(G1, G2), the product is
/// E0 + k1 E1 + k2 E2 + k3 E3 with each E the error of one equation; if one of them is not zero, the sum is zero for a
/// share of 1/r of the weights. For a wrong S it is k3 (sum C_i - S) that no other term can cancel but by that chance.
/// The owners' parts of E2 and E3 are one multiplication by k2 rho_i + k3, so that S costs one multiplication a batch
/// instead of an addition an owner.
/// @dev The key lies in the code as immutables: verification reads no storage. See `libraries/BN254.sol` for slots.
contract RollupVerifier is IVerifier {
    using BN254 for uint256;

    uint256 private constant R = BN254.R;

    /// @inheritdoc IVerifier
    uint256 public immutable capacity;
    /// @inheritdoc IVerifier
    bytes32 public immutable policyKeyHash;
    /// @inheritdoc IVerifier
    bool public constant levelled = false;
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

    /// @dev Challenges of one verification.
    struct Challenges {
        uint256 rho;
        uint256 zeta;
        uint256 v;
        uint256 u;
        uint256 knowledge;
        uint256 opening;
        uint256 sum;
    }

    /// @param with The verifying key; its hash is computed here, so it cannot be misstated. A key under which anybody
    /// could prove anything is refused (`PolicyKey.check`); that nobody knows its secrets is for its makers to show.
    constructor(VerifyingKey memory with) {
        PolicyKey.check(with);
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
    }

    /// @inheritdoc IVerifier
    function verify(Statement calldata statement, Proof calldata proof)
        external
        view
        returns (bytes32 batchId, uint256)
    {
        _checkShape(statement, proof);
        Challenges memory challenges;
        (batchId, challenges) = _replay(statement, proof);
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
        _combine(slots, statement.owners, proof, challenges, scalars);
        _addInputs(_inputSlot(slots), statement.bound, proof, challenges);
        _layPairs(slots, proof, challenges);
        if (!BN254.pairingProductIsOne(slots, _gammaIsGenerator ? 6 : 7)) revert ProofInvalid();
        return (batchId, 0);
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
        out.inputs = new uint256[2][](4);
        out.inputs[0] = [_oneX, _oneY];
        out.inputs[1] = [_rhoX, _rhoY];
        out.inputs[2] = [_normX, _normY];
        out.inputs[3] = [_boundX, _boundY];
    }

    /// @dev Number of owners and scalars. Points are checked by the precompiles that use them.
    function _checkShape(Statement calldata statement, Proof calldata proof) private view {
        uint256 owners = statement.owners.length;
        if (owners == 0 || owners > capacity) revert OwnersOutOfRange(owners, capacity);
        _requireCanonical(statement.bound);
        _requireCanonical(proof.squareNorm);
        _requireCanonical(proof.aZeta);
        _requireCanonical(proof.sZeta);
        _requireCanonical(proof.sOmegaZeta);
    }

    /// @dev All challenges, in the transcript's order.
    function _replay(Statement calldata statement, Proof calldata proof)
        private
        view
        returns (bytes32 batchId, Challenges memory out)
    {
        batchId = Transcript.rho(
            Transcript.context(statement, policyKeyHash), Transcript.ownersHash(statement.owners), proof
        );
        out.rho = uint256(batchId) % R;
        bytes32 state = Transcript.zeta(batchId, proof);
        out.zeta = uint256(state) % R;
        state = Transcript.v(state, proof);
        out.v = uint256(state) % R;
        state = Transcript.u(state, proof);
        out.u = uint256(state) % R;
        out.knowledge = Transcript.knowledgeWeight(state) % R;
        out.opening = Transcript.openingWeight(state) % R;
        out.sum = Transcript.sumWeight(state) % R;
    }

    /// @dev Slot 0 becomes k2 right - k1 KP + k3 (sum C_i - S), slot 1 -k2 left. The weights go into the scalars, so that
    /// they cost no further multiplication of a point. Unchecked: challenges and weights are below R.
    function _combine(
        uint256 slots,
        OwnerCommitment[] calldata owners,
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
            uint256 power = challenges.rho;
            slots.mulAdd(proof.mask, mulmod(weight, power, R));
            slots.mulAdd(proof.sum, R - challenges.sum);
            uint256 records;
            assembly ("memory-safe") {
                records := owners.offset
            }
            slots.mulAddSquarings(records, owners.length, power, weight, challenges.sum); // rho_i = rho^(2^i)
            uint256 left = slots + BN254.SLOT;
            left.mulAdd(proof.w1, R - weight);
            left.mulAdd(proof.w2, R - mulmod(weight, challenges.u, R));
        }
    }

    /// @dev Where IC + D is accumulated: slot 6, or slot 0 when gamma is the generator that pairs with slot 0.
    function _inputSlot(uint256 slots) private view returns (uint256) {
        return _gammaIsGenerator ? slots : slots + 6 * BN254.SLOT;
    }

    /// @dev slot += IC(public inputs) + D.
    function _addInputs(uint256 slot, uint256 bound, Proof calldata proof, Challenges memory challenges) private view {
        slot.addTo(_oneX, _oneY);
        slot.mulAdd(_rhoX, _rhoY, challenges.rho);
        slot.mulAdd(_normX, _normY, proof.squareNorm);
        slot.mulAdd(_boundX, _boundY, bound);
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
