// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Arithmetic on the curve of EIP-196 and EIP-197 over caller-owned memory
/// @dev A `slot` is the address of six words of memory, the size of one pair of the pairing precompile. Its first two
/// words are an accumulator in G1, the next three scratch; laid out so that no operation copies. The precompiles check
/// that coordinates are canonical and on the curve; this library never negates a coordinate that they have not seen,
/// except in `negate`, which checks it.
library BN254 {
    /// @dev Modulus of the coordinates.
    uint256 internal constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    /// @dev Order of the groups, modulus of the scalars.
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    /// @dev Generator of G1.
    uint256 internal constant G1_X = 1;
    uint256 internal constant G1_Y = 2;
    /// @dev Generator of G2, in the order of EIP-197.
    uint256 internal constant G2_X_IM = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 internal constant G2_X_RE = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;
    uint256 internal constant G2_Y_IM = 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b;
    uint256 internal constant G2_Y_RE = 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa;
    /// @dev Bytes of a slot.
    uint256 internal constant SLOT = 0xc0;
    /// @dev Root of unity of order 2^28, 5^((r-1)/2^28), and that exponent.
    uint256 private constant ROOT_2_28 = 0x2a3c09f0a58a7e8500e0a7eb8ef62abc402d111e41112ed49bd61b6e725b19f0;
    uint256 private constant TWO_ADICITY = 28;
    /// @dev Root of unity of order 9 2^28, 5^((r-1)/(9 2^28)); its ninth power is the one above.
    uint256 private constant ROOT_9_2_28 = 0x11b08a0621940bdad2e4fc9262c26ea9538ba2770d19f8d193a8634583364d6e;

    /// @dev Gas that a call of a precompile is given at most. A precompile that refuses its input keeps all it was given, so
    /// without these a bad point would cost whoever sends a batch the transaction's whole gas. They are some three times
    /// today's prices (EIP-1108: 150, 6,000, 45,000 and 34,000 a pair; EIP-7883: up to 4,080). Prices have tripled at once
    /// (EIP-7883), and a verifier whose calls get too little could never be repaired.
    uint256 private constant ADD_GAS = 500;
    uint256 private constant MUL_GAS = 18_000;
    uint256 private constant PAIRING_GAS = 135_000;
    uint256 private constant PAIR_GAS = 102_000;
    uint256 private constant POWER_GAS = 12_500;

    /// @notice A point is not on its curve, not canonical, or not in the subgroup.
    error PointInvalid();
    /// @notice A precompile failed that may have had too little gas; what it was asked is not answered. Give more gas.
    error GasInsufficient();

    /// @notice accumulator += scalar * (x, y). Scalars of any size; the precompile takes them modulo r.
    function mulAdd(uint256 slot, uint256 x, uint256 y, uint256 scalar) internal view {
        bool ok;
        assembly ("memory-safe") {
            let term := add(slot, 0x40)
            mstore(term, x)
            mstore(add(slot, 0x60), y)
            mstore(add(slot, 0x80), scalar)
            ok := staticcall(MUL_GAS, 7, term, 0x60, term, 0x40)
            if ok { ok := staticcall(ADD_GAS, 6, slot, 0x80, slot, 0x40) }
        }
        if (!ok) _refuse(MUL_GAS);
    }

    /// @notice accumulator += scalar * point.
    function mulAdd(uint256 slot, uint256[2] calldata point, uint256 scalar) internal view {
        mulAdd(slot, point[0], point[1], scalar);
    }

    /// @notice accumulator += (x, y).
    function addTo(uint256 slot, uint256 x, uint256 y) internal view {
        bool ok;
        assembly ("memory-safe") {
            mstore(add(slot, 0x40), x)
            mstore(add(slot, 0x60), y)
            ok := staticcall(ADD_GAS, 6, slot, 0x80, slot, 0x40)
        }
        if (!ok) _refuse(ADD_GAS);
    }

    /// @notice For i = 1..count: slot += (weight * base^(2^i) + offset) * point_i. Points are words 1 and 2 of consecutive
    /// records of three words in calldata.
    /// @dev The hot loop of a batch: per point one multiplication and one addition by precompile, little else.
    function mulAddSquarings(uint256 slot, uint256 records, uint256 count, uint256 base, uint256 weight, uint256 offset)
        internal
        view
    {
        bool ok = true;
        uint256 r = R;
        assembly ("memory-safe") {
            let term := add(slot, 0x40)
            let point := add(records, 0x20)
            let end := add(records, mul(count, 0x60))
            for {} and(lt(point, end), ok) { point := add(point, 0x60) } {
                base := mulmod(base, base, r)
                calldatacopy(term, point, 0x40)
                mstore(add(term, 0x40), addmod(mulmod(weight, base, r), offset, r))
                // Arguments are evaluated from the right: the multiplication comes first.
                ok := and(
                    staticcall(ADD_GAS, 6, slot, 0x80, slot, 0x40),
                    staticcall(MUL_GAS, 7, term, 0x60, term, 0x40)
                )
            }
        }
        if (!ok) _refuse(MUL_GAS);
    }

    /// @notice accumulator = (x, y), unchecked until it is used.
    function set(uint256 slot, uint256 x, uint256 y) internal pure {
        assembly ("memory-safe") {
            mstore(slot, x)
            mstore(add(slot, 0x20), y)
        }
    }

    /// @notice accumulator = -point. Refuses a second coordinate that is not canonical, because the precompile would
    /// see only its negative.
    function setNegated(uint256 slot, uint256[2] calldata point) internal pure {
        uint256 y = point[1];
        if (y >= P) revert PointInvalid();
        set(slot, point[0], y == 0 ? 0 : P - y);
    }

    /// @notice Sum of two points.
    function add(uint256 x1, uint256 y1, uint256 x2, uint256 y2) internal view returns (uint256 x, uint256 y) {
        bool ok;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, x1)
            mstore(add(free, 0x20), y1)
            mstore(add(free, 0x40), x2)
            mstore(add(free, 0x60), y2)
            ok := staticcall(ADD_GAS, 6, free, 0x80, free, 0x40)
            x := mload(free)
            y := mload(add(free, 0x20))
        }
        if (!ok) _refuse(ADD_GAS);
    }

    /// @notice Completes a slot to a pair with a point of G2, in the order of EIP-197.
    function pairWith(uint256 slot, uint256 xIm, uint256 xRe, uint256 yIm, uint256 yRe) internal pure {
        assembly ("memory-safe") {
            mstore(add(slot, 0x40), xIm)
            mstore(add(slot, 0x60), xRe)
            mstore(add(slot, 0x80), yIm)
            mstore(add(slot, 0xa0), yRe)
        }
    }

    /// @notice Whether the product of the pairings of `count` consecutive slots is one.
    function pairingProductIsOne(uint256 slots, uint256 count) internal view returns (bool holds) {
        bool valid;
        (valid, holds) = pairing(slots, count);
        if (!valid) revert PointInvalid();
    }

    /// @notice Whether the points of `count` consecutive slots are on their curves and in their subgroups, and whether the
    /// product of their pairings is one.
    function pairing(uint256 slots, uint256 count) internal view returns (bool valid, bool holds) {
        uint256 given = PAIRING_GAS + count * PAIR_GAS;
        assembly ("memory-safe") {
            valid := staticcall(given, 8, slots, mul(count, SLOT), 0, 0x20)
            holds := mload(0)
        }
        if (!valid) _requireGiven(given);
    }

    /// @notice base^exponent modulo an odd modulus, by the precompile of EIP-198.
    function power(uint256 base, uint256 exponent, uint256 modulus) internal view returns (uint256 result) {
        bool ok;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, 0x20)
            mstore(add(free, 0x20), 0x20)
            mstore(add(free, 0x40), 0x20)
            mstore(add(free, 0x60), base)
            mstore(add(free, 0x80), exponent)
            mstore(add(free, 0xa0), modulus)
            ok := staticcall(POWER_GAS, 5, free, 0xc0, 0, 0x20)
            result := mload(0)
        }
        // With well-formed lengths this precompile fails only when gas runs out.
        if (!ok) revert GasInsufficient();
    }

    /// @notice Generator of the domain of odd * 2^logSize points, for odd 1, 3 or 9 and logSize <= 28.
    function rootOfUnity(uint256 odd, uint256 logSize) internal pure returns (uint256 root) {
        root = odd == 1 ? ROOT_2_28 : odd == 9 ? ROOT_9_2_28 : cube(ROOT_9_2_28);
        for (uint256 i = logSize; i < TWO_ADICITY; ++i) {
            root = mulmod(root, root, R);
        }
    }

    /// @dev After a failed call that was to get so much gas.
    function _refuse(uint256 given) private view {
        _requireGiven(given);
        revert PointInvalid();
    }

    /// @dev Requires that a call which failed got all the gas that it was to get. It got less if that was more than all but
    /// a 64th of what there was (EIP-150); then less than a 63rd of it is left. Otherwise a call with little gas would make a
    /// sound proof look like one with a bad point, which may be held against those who signed for it.
    function _requireGiven(uint256 given) private view {
        if (gasleft() <= given / 63) revert GasInsufficient();
    }

    /// @notice value^3 modulo r.
    function cube(uint256 value) internal pure returns (uint256) {
        return mulmod(value, mulmod(value, value, R), R);
    }
}
