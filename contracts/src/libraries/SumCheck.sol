// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "./BN254.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Proof} from "../types/Proofs.sol";

/// @title Scalars of the sum-check's opening
/// @notice The row a in C_rho has squared norm T over the domain H of n points: S(wX) - S(X) = a(X)^2 - T/n + Q(X) Z_H(X)
/// is opened at zeta. Mirrors circuits/sumcheck.py (`opening_points`).
library SumCheck {
    uint256 private constant MAX_DIMENSION = 1 << 28;
    uint256 private constant SMALL_DOMAIN = 512;

    /// @notice Coefficients of `right` in e(left, tau G2) = e(right, G2); left = W1 + u W2. All but `one` are still to be
    /// multiplied by the weight.
    /// @param weight Weight of the equation: k2 n (zeta^n - 1).
    /// @param zeta Coefficient of W1, also the opening point.
    /// @param w2 Coefficient of W2: u omega zeta.
    /// @param s Coefficient of S: v + u.
    /// @param q Coefficient of Q: v^2.
    /// @param one Coefficient of G1: -(a(zeta) + v S(zeta) + v^2 Q(zeta) + u S(omega zeta)), times the weight.
    struct Scalars {
        uint256 weight;
        uint256 zeta;
        uint256 w2;
        uint256 s;
        uint256 q;
        uint256 one;
    }

    /// @notice Derives the coefficients. Q(zeta) follows from the other openings and is not sent: it is N / D with
    /// N = n (S(omega zeta) - S(zeta) - a(zeta)^2) + T and D = n (zeta^n - 1).
    /// @dev The weight is k2 D instead of k2, so that Q(zeta) enters as k2 N and nothing has to be inverted (4,000 gas). D
    /// is not zero and was fixed before k2 was drawn, so k2 D is as uniform as k2.
    /// @param k2 Random weight of the equation.
    function scalars(Proof calldata proof, uint256 dimension, uint256 zeta, uint256 v, uint256 u, uint256 k2)
        internal
        pure
        returns (Scalars memory out)
    {
        if (dimension == 0 || dimension > MAX_DIMENSION) revert IVerifier.DimensionInvalid(dimension);
        (uint256 odd, uint256 logSize) = domain(dimension);
        uint256 r = BN254.R;
        out.weight = mulmod(k2, _denominator(zeta, odd, logSize), r);
        out.zeta = zeta;
        out.w2 = mulmod(u, mulmod(zeta, BN254.rootOfUnity(odd, logSize), r), r);
        out.s = addmod(v, u, r);
        out.q = mulmod(v, v, r);
        uint256 value = addmod(proof.aZeta, mulmod(v, proof.sZeta, r), r);
        value = mulmod(out.weight, addmod(value, mulmod(u, proof.sOmegaZeta, r), r), r);
        out.one = r - addmod(value, mulmod(k2, mulmod(out.q, _numerator(proof, odd << logSize), r), r), r);
    }

    /// @dev D = n (zeta^n - 1), which is not zero.
    function _denominator(uint256 zeta, uint256 odd, uint256 logSize) private pure returns (uint256) {
        uint256 r = BN254.R;
        uint256 vanishing = zeta;
        for (uint256 factor = odd; factor > 1; factor /= 3) {
            vanishing = BN254.cube(vanishing);
        }
        for (uint256 i = 0; i < logSize; ++i) {
            vanishing = mulmod(vanishing, vanishing, r);
        }
        if (vanishing == 1) revert IVerifier.OpeningPointInDomain();
        return mulmod(odd << logSize, addmod(vanishing, r - 1, r), r);
    }

    /// @dev N = n (S(omega zeta) - S(zeta) - a(zeta)^2) + T.
    function _numerator(Proof calldata proof, uint256 size) private pure returns (uint256) {
        uint256 r = BN254.R;
        uint256 difference = addmod(proof.sOmegaZeta, r - proof.sZeta, r);
        difference = addmod(difference, r - mulmod(proof.aZeta, proof.aZeta, r), r);
        return addmod(mulmod(difference, size, r), proof.squareNorm, r);
    }

    /// @notice Size of the domain of a model, odd * 2^logSize: the least of 2^a, 3 2^a and 9 2^a that holds the
    /// dimension; small models have 2^a, at least 2. Mirrors circuits/statement.py (`domain_size`).
    function domain(uint256 dimension) internal pure returns (uint256 odd, uint256 logSize) {
        logSize = 1;
        while (1 << logSize < dimension) ++logSize;
        if (1 << logSize <= SMALL_DOMAIN) return (1, logSize);
        if (9 << (logSize - 4) >= dimension) return (9, logSize - 4);
        if (3 << (logSize - 2) >= dimension) return (3, logSize - 2);
        return (1, logSize);
    }
}
