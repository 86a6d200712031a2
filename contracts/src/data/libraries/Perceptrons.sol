// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A perceptron of many classes over whole numbers, with a margin
/// @notice Mirrored by commons/samples/perceptrons.py, integer for integer; docs/protocol-data.md says what it is. Weights are
/// packed into words of storage, the first lowest, class by class, and unpacked into a word of memory each while it works.
library Perceptrons {
    uint256 internal constant MAX_WEIGHTS = 1024;

    /// @notice What is fixed of a model.
    /// @param classes Classes, at least 2.
    /// @param inputs Features, and the one that is always 1.
    /// @param size Bytes of a feature.
    /// @param bits Bits of a weight, 16 or 32.
    /// @param margin By which a label is to score more than its rival.
    struct Shape {
        uint256 classes;
        uint256 inputs;
        uint256 size;
        uint256 bits;
        uint256 margin;
    }

    /// @notice All weights, class by class, and of a class feature by feature.
    function load(mapping(uint256 word => uint256) storage packed, Shape memory shape)
        internal
        view
        returns (int256[] memory weights)
    {
        uint256 count = shape.classes * shape.inputs;
        uint256 bits = shape.bits;
        uint256 each = 256 / bits;
        weights = new int256[](count);
        for (uint256 at_ = 0; at_ < count; at_ += each) {
            uint256 word = packed[at_ / each];
            uint256 end = at_ + each > count ? count : at_ + each;
            assembly ("memory-safe") {
                let to := add(add(weights, 0x20), shl(5, end))
                for { let from := add(add(weights, 0x20), shl(5, at_)) } lt(from, to) { from := add(from, 0x20) } {
                    mstore(from, signextend(sub(shr(3, bits), 1), word))
                    word := shr(bits, word)
                }
            }
        }
    }

    /// @notice Writes the words that have changed.
    function store(mapping(uint256 word => uint256) storage packed, Shape memory shape, int256[] memory weights)
        internal
    {
        uint256 count = weights.length;
        uint256 bits = shape.bits;
        uint256 each = 256 / bits;
        for (uint256 at_ = 0; at_ < count; at_ += each) {
            uint256 end = at_ + each > count ? count : at_ + each;
            uint256 word = 0;
            assembly ("memory-safe") {
                // slither-disable-next-line incorrect-shift
                let mask := sub(shl(bits, 1), 1)
                let from := add(add(weights, 0x20), shl(5, at_))
                for { let to := add(add(weights, 0x20), shl(5, end)) } gt(to, from) {} {
                    to := sub(to, 0x20)
                    word := or(shl(bits, word), and(mload(to), mask))
                }
            }
            if (packed[at_ / each] != word) packed[at_ / each] = word;
        }
    }

    /// @notice Features of a sample of the right length, and 1.
    function inputsOf(Shape memory shape, bytes calldata sample) internal pure returns (int256[] memory row) {
        uint256 last = shape.inputs - 1;
        uint256 size = shape.size;
        row = new int256[](last + 1);
        row[last] = 1;
        assembly ("memory-safe") {
            let shift := sub(256, shl(3, size))
            let at_ := add(sample.offset, 2)
            let to := add(add(row, 0x20), shl(5, last))
            for { let from := add(row, 0x20) } lt(from, to) { from := add(from, 0x20) } {
                mstore(from, shr(shift, calldataload(at_)))
                at_ := add(at_, size)
            }
        }
    }

    /// @notice The class that scores highest, the first of equals, and its score.
    /// @param but A class that does not count; one that there is not, if all do.
    function best(Shape memory shape, int256[] memory weights, int256[] memory row, uint256 but)
        internal
        pure
        returns (uint256 found, int256 highest)
    {
        highest = type(int256).min;
        for (uint256 class = 0; class < shape.classes; ++class) {
            if (class == but) continue;
            int256 score = scoreOf(weights, row, class);
            if (score > highest) (found, highest) = (class, score);
        }
    }

    /// @notice What a class scores. It has less than 58 bits.
    function scoreOf(int256[] memory weights, int256[] memory row, uint256 class) internal pure returns (int256 sum) {
        assembly ("memory-safe") {
            let bytes_ := shl(5, mload(row))
            let weight := add(add(weights, 0x20), mul(class, bytes_))
            let from := add(row, 0x20)
            for { let to := add(from, bytes_) } lt(from, to) { from := add(from, 0x20) } {
                sum := add(sum, mul(mload(weight), mload(from)))
                weight := add(weight, 0x20)
            }
        }
    }

    /// @notice Trains on a sample.
    /// @param label Its class, one that there is.
    /// @return changed Whether its label did not score more than the margin above the rival, so that both moved.
    function train(Shape memory shape, int256[] memory weights, int256[] memory row, uint256 label)
        internal
        pure
        returns (bool changed)
    {
        (uint256 rival, int256 highest) = best(shape, weights, row, label);
        if (scoreOf(weights, row, label) > highest + int256(shape.margin)) return false;
        int256 most = int256((1 << (shape.bits - 1)) - 1);
        uint256 inputs = shape.inputs;
        for (uint256 i = 0; i < inputs; ++i) {
            int256 up = weights[label * inputs + i] + row[i];
            int256 down = weights[rival * inputs + i] - row[i];
            weights[label * inputs + i] = up > most ? most : up;
            weights[rival * inputs + i] = down < -most - 1 ? -most - 1 : down;
        }
        return true;
    }
}
