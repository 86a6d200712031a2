// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "./BN254.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {Proof} from "../types/Types.sol";

/// @title Scalars of the sum-check's opening
/// @notice The row a in C_rho has squared norm T over the domain H of n points: S(wX) - S(X) = a(X)^2 - T/n + Q(X) Z_H(X)
/// is opened at zeta. Mirrors circuits/sumcheck.py (`opening_points`).
library SumCheck {
    uint256 private constant MAX_DIMENSION = 1 << 28;
    uint256 private constant SMALL_DOMAIN = 512;

    /// @notice Coefficients of `right` in e(left, tau G2) = e(right, G2); left = W1 + u W2.
    /// @param zeta Coefficient of W1, also the opening point.
    /// @param w2 Coefficient of W2: u omega zeta.
    /// @param s Coefficient of S: v + u.
    /// @param q Coefficient of Q: v^2.
    /// @param one Coefficient of G1: -(a(zeta) + v S(zeta) + v^2 Q(zeta) + u S(omega zeta)).
    struct Scalars {
        uint256 zeta;
        uint256 w2;
        uint256 s;
        uint256 q;
        uint256 one;
    }

    /// @notice Derives the coefficients; Q(zeta) follows from the other openings and is not sent.
    function scalars(Proof calldata proof, uint256 dimension, uint256 zeta, uint256 v, uint256 u)
        internal
        view
        returns (Scalars memory out)
    {
        if (dimension == 0 || dimension > MAX_DIMENSION) revert IVerifier.DimensionInvalid(dimension);
        (uint256 odd, uint256 logSize) = domain(dimension);
        uint256 r = BN254.R;
        out.zeta = zeta;
        out.w2 = mulmod(u, mulmod(zeta, BN254.rootOfUnity(odd, logSize), r), r);
        out.s = addmod(v, u, r);
        out.q = mulmod(v, v, r);
        uint256 value = mulmod(out.q, _quotientAt(proof, zeta, odd, logSize), r);
        value = addmod(value, proof.aZeta, r);
        value = addmod(value, mulmod(v, proof.sZeta, r), r);
        value = addmod(value, mulmod(u, proof.sOmegaZeta, r), r);
        out.one = r - value;
    }

    /// @dev Q(zeta) = (S(omega zeta) - S(zeta) - a(zeta)^2 + T/n) / (zeta^n - 1), with one inversion of n (zeta^n - 1).
    function _quotientAt(Proof calldata proof, uint256 zeta, uint256 odd, uint256 logSize)
        private
        view
        returns (uint256)
    {
        uint256 r = BN254.R;
        uint256 vanishing = zeta;
        for (uint256 factor = odd; factor > 1; factor /= 3) {
            vanishing = BN254.cube(vanishing);
        }
        for (uint256 i = 0; i < logSize; ++i) {
            vanishing = mulmod(vanishing, vanishing, r);
        }
        if (vanishing == 1) revert IVerifier.OpeningPointInDomain();
        vanishing = addmod(vanishing, r - 1, r);
        uint256 size = odd << logSize;
        uint256 numerator = addmod(proof.sOmegaZeta, r - proof.sZeta, r);
        numerator = addmod(numerator, r - mulmod(proof.aZeta, proof.aZeta, r), r);
        numerator = addmod(mulmod(numerator, size, r), proof.squareNorm, r);
        return mulmod(numerator, BN254.inverse(mulmod(size, vanishing, r)), r);
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
