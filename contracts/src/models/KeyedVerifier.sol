// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../libraries/BN254.sol";
import {PolicyKey} from "../libraries/PolicyKey.sol";
import {VerifyingKey} from "../types/Proofs.sol";
import {IKeyedVerifier} from "./interfaces/IKeyedVerifier.sol";
import {ModelKey} from "./libraries/ModelKey.sol";

/// @title What both verifiers of models are: a key, and the pairs that it gives
/// @notice A product of pairings shows the equations of Groth16 with a committed block, of the block's knowledge part, and of a KZG
/// opening at once, the latter two under fresh weights k1 and k2. Sums are over the parts q of a proof, with weights w_q:
///
///   e(sum w (KP k1 - IC - D) - k2 right, G2) e(k2 W, tau G2) e(-k1 sum w D, sigma) e(-sum w alpha, beta) e(-sum w C, delta)
///     prod e(w_q A_q, B_q) = 1
///
/// where right = C - y G + alpha W is what e(W, tau G2) must be for the commitment C to be y at alpha. The weights are drawn after
/// everything that they weigh.
/// @dev The key lies in the code as immutables: verification reads no storage. The slots (libraries/BN254.sol) have the order of
/// the pairs above. gamma is the generator (`ModelKey`).
abstract contract KeyedVerifier is IKeyedVerifier {
    using BN254 for uint256;

    uint256 internal constant R = BN254.R;
    /// @dev Pairs beside those of A and B.
    uint256 internal constant FIXED = 5;
    uint256 internal constant TAU_SLOT = BN254.SLOT;
    uint256 internal constant SIGMA_SLOT = 2 * BN254.SLOT;
    uint256 internal constant BETA_SLOT = 3 * BN254.SLOT;
    uint256 internal constant DELTA_SLOT = 4 * BN254.SLOT;

    /// @inheritdoc IKeyedVerifier
    uint256 public immutable capacity;
    /// @inheritdoc IKeyedVerifier
    bytes32 public immutable policyKeyHash;
    /// @inheritdoc IKeyedVerifier
    address public immutable factory;

    bytes32 private immutable _circuit;
    uint256 private immutable _alphaX;
    uint256 private immutable _alphaY;
    uint256 private immutable _beta0;
    uint256 private immutable _beta1;
    uint256 private immutable _beta2;
    uint256 private immutable _beta3;
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

    /// @param with The verifying key; its hash is computed here, so it cannot be misstated. A key under which anybody could prove
    /// anything is refused (`ModelKey.check`); that nobody knows its secrets is for its makers to show.
    /// @param inputs Points for public inputs that it has.
    /// @param mostParts Most that its capacity may be.
    constructor(VerifyingKey memory with, uint256 inputs, uint256 mostParts) {
        ModelKey.check(with, inputs, mostParts);
        factory = msg.sender;
        (_circuit, capacity) = (with.circuit, with.capacity);
        policyKeyHash = PolicyKey.hash(with);
        (_alphaX, _alphaY) = (with.alpha[0], with.alpha[1]);
        (_beta0, _beta1, _beta2, _beta3) = (with.beta[0], with.beta[1], with.beta[2], with.beta[3]);
        (_delta0, _delta1, _delta2, _delta3) = (with.delta[0], with.delta[1], with.delta[2], with.delta[3]);
        (_sigma0, _sigma1, _sigma2, _sigma3) = (with.sigma[0], with.sigma[1], with.sigma[2], with.sigma[3]);
        (_tau0, _tau1, _tau2, _tau3) = (with.tau[0], with.tau[1], with.tau[2], with.tau[3]);
    }

    /// @inheritdoc IKeyedVerifier
    function tau() external view returns (uint256[4] memory) {
        return [_tau0, _tau1, _tau2, _tau3];
    }

    /// @inheritdoc IKeyedVerifier
    function key() external view returns (VerifyingKey memory out) {
        (out.circuit, out.capacity) = (_circuit, capacity);
        out.alpha = [_alphaX, _alphaY];
        out.beta = [_beta0, _beta1, _beta2, _beta3];
        out.gamma = [BN254.G2_X_IM, BN254.G2_X_RE, BN254.G2_Y_IM, BN254.G2_Y_RE];
        out.delta = [_delta0, _delta1, _delta2, _delta3];
        out.sigma = [_sigma0, _sigma1, _sigma2, _sigma3];
        out.tau = [_tau0, _tau1, _tau2, _tau3];
        out.inputs = _inputs();
    }

    /// @dev The key's points for public inputs.
    function _inputs() internal view virtual returns (uint256[2][] memory);

    /// @dev Zeroed slots of a product of so many pairs beside the fixed ones.
    function _newSlots(uint256 parts) internal pure returns (uint256 slots) {
        uint256 size = (FIXED + parts) * BN254.SLOT;
        assembly ("memory-safe") {
            slots := mload(0x40)
            mstore(0x40, add(slots, size))
            calldatacopy(slots, calldatasize(), size)
        }
    }

    /// @dev From sum w IC in slot 0 and sum w D in that of sigma: slot 0 becomes -sum w (IC + D), the other -k1 sum w D.
    function _foldBlocks(uint256 slots, uint256 knowledge) internal view {
        uint256 sigma = slots + SIGMA_SLOT;
        (uint256 x, uint256 y) = _accumulated(sigma);
        slots.addTo(x, y);
        _negate(slots);
        sigma.set(0, 0);
        sigma.mulAdd(x, y, R - knowledge);
    }

    /// @dev Adds what opens a commitment to slot 0, and fills the slot of tau: the commitment itself is the caller's to add.
    /// @param value What it is at alpha.
    function _addOpening(uint256 slots, uint256[2] calldata opening, uint256 value, uint256 alpha, uint256 weight)
        internal
        view
    {
        slots.mulAdd(BN254.G1_X, BN254.G1_Y, mulmod(weight, value, R));
        slots.mulAdd(opening, R - mulmod(weight, alpha, R));
        (slots + TAU_SLOT).mulAdd(opening, weight);
    }

    /// @dev From sum w C in the slot of delta: fills those of beta and delta, puts the points of G2 beside the accumulators, over
    /// their scratch words, and requires that the product is one.
    /// @param total Sum of all w.
    function _requireProduct(uint256 slots, uint256 parts, uint256 total) internal view {
        slots.pairWith(BN254.G2_X_IM, BN254.G2_X_RE, BN254.G2_Y_IM, BN254.G2_Y_RE);
        (slots + TAU_SLOT).pairWith(_tau0, _tau1, _tau2, _tau3);
        (slots + SIGMA_SLOT).pairWith(_sigma0, _sigma1, _sigma2, _sigma3);
        uint256 slot = slots + BETA_SLOT;
        if (total == 1) slot.addTo(_alphaX, _alphaY);
        else slot.mulAdd(_alphaX, _alphaY, total);
        _negate(slot);
        slot.pairWith(_beta0, _beta1, _beta2, _beta3);
        slot = slots + DELTA_SLOT;
        _negate(slot);
        slot.pairWith(_delta0, _delta1, _delta2, _delta3);
        if (!BN254.pairingProductIsOne(slots, FIXED + parts)) revert ProofInvalid();
    }

    function _requireCanonical(uint256 scalar) internal pure {
        if (scalar >= R) revert ScalarNotCanonical(scalar);
    }

    /// @dev What a slot has accumulated: from a precompile, so canonical.
    function _accumulated(uint256 slot) private pure returns (uint256 x, uint256 y) {
        assembly ("memory-safe") {
            x := mload(slot)
            y := mload(add(slot, 0x20))
        }
    }

    /// @dev accumulator = -accumulator, which is from a precompile.
    function _negate(uint256 slot) private pure {
        (uint256 x, uint256 y) = _accumulated(slot);
        slot.set(x, y == 0 ? 0 : BN254.P - y);
    }
}
