// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {Grading} from "../src/libraries/Grading.sol";
import {Graded} from "../src/types/Graded.sol";
import {Check} from "./support/Check.sol";

/// @dev The library with calldata.
contract GradingCaller {
    function grade(Graded calldata graded) external pure returns (uint256 levels, uint256 weights) {
        return Grading.grade(graded);
    }

    function batchId(bytes32 state, Graded calldata graded) external pure returns (bytes32) {
        return Grading.batchId(state, graded);
    }

    function combination(bytes calldata values, uint256 eta) external pure returns (uint256) {
        return Grading.combination(values, eta);
    }
}

/// @title Levels, weights and the transcript of opened numbers: against vectors that Python made, and a slow reference
contract GradingTest is Check {
    string private constant VECTORS = "../tests/vectors/v1/grading/";
    uint256 private constant MOST = 119;

    GradingCaller private _caller = new GradingCaller();

    function test_grade_vectors() external view {
        string memory json = vm.readFile(string.concat(VECTORS, "grades.json"));
        uint256 cases = 0;
        for (; vm.keyExistsJson(json, _key(cases, "")); ++cases) {
            (Graded memory graded, uint256 bound) = (_given(json, cases), vm.parseJsonUint(json, _key(cases, ".bound")));
            isTrue(Grading.isRule(graded.step, graded.dither), "a rule");
            isTrue(Grading.allows(bound, graded.dither), "a bound");
            equal(Grading.scale(bound, graded.dither), vm.parseJsonUint(json, _key(cases, ".scale")), "scale");
            (uint256 levels, uint256 weights) = _caller.grade(graded);
            equal(levels, _packed(json, _key(cases, ".levels")), "levels");
            equal(weights, _packed(json, _key(cases, ".weights")), "weights");
        }
        isTrue(cases >= 20, "few vectors");
    }

    function test_values_vectors() external view {
        string memory json = vm.readFile(string.concat(VECTORS, "values.json"));
        uint256 cases = 0;
        for (; vm.keyExistsJson(json, _key(cases, "")); ++cases) {
            Graded memory graded = _given(json, cases);
            bytes32 batchId = _caller.batchId(vm.parseJsonBytes32(json, _key(cases, ".rhoState")), graded);
            equal(batchId, vm.parseJsonBytes32(json, _key(cases, ".batchId")), "batch id");
            uint256 sum = _caller.combination(graded.values, uint256(batchId) % BN254.R);
            equal(bytes32(sum), vm.parseJsonBytes32(json, _key(cases, ".V")), "V");
        }
        isTrue(cases >= 3, "few vectors");
    }

    /// @dev Each boundary from both sides, for every step and some noises: a level begins at bound / step exactly.
    function test_grade_boundaries() external view {
        for (uint256 step = 1; step <= 64; ++step) {
            uint256 dither = step + (64 - step) / 2;
            for (uint256 level = 1; level <= 3; ++level) {
                // the least number v with v step >= level 2^40 dither
                uint256 first = (level * (dither << 40) + step - 1) / step;
                Graded memory graded = Graded(
                    step, dither, 1, abi.encodePacked(uint64(first - 1), uint64(first), uint64(type(int64).max))
                );
                (uint256 levels,) = _caller.grade(graded);
                equal(levels, level - 1 | level << 2 | 3 << 4, "level");
            }
        }
    }

    function test_grade_negative() external view {
        bytes memory values = abi.encodePacked(int64(-1), type(int64).min, int64(0), int64(1 << 62));
        (uint256 levels, uint256 weights) = _caller.grade(Graded(64, 64, 1, values));
        equal(levels, 3 << 6, "levels");
        equal(weights, 3 << 6, "weights");
    }

    /// @dev Nobody is useful: all count once, and are paid for level 1 at least. One is, but is alone: so too, and is paid
    /// for its own.
    function test_grade_fallback() external view {
        bytes memory values = abi.encodePacked(int64(-1), int64(0), int64(-5));
        (uint256 levels, uint256 weights) = _caller.grade(Graded(4, 4, 2, values));
        equal(levels, 0x15, "levels");
        equal(weights, 0x15, "weights");
        values = abi.encodePacked(int64(-1), int64(3 << 40), int64(-5), int64(0));
        (levels, weights) = _caller.grade(Graded(4, 4, 2, values));
        equal(levels, 0x5d, "levels");
        equal(weights, 0x55, "weights");
    }

    /// @dev Nothing overflows: as many owners as a circuit has slots beside the reference.
    function test_grade_mostOwners() external view {
        bytes memory values;
        for (uint256 i = 0; i < MOST; ++i) {
            values = abi.encodePacked(values, int64(3 << 40));
        }
        (uint256 levels, uint256 weights) = _caller.grade(Graded(4, 4, uint256(MOST), values));
        equal(levels, (1 << 2 * MOST) - 1, "levels");
        equal(weights, (1 << 2 * MOST) - 1, "weights");
        (levels, weights) = _caller.grade(Graded(4, 4, uint256(MOST) + 1, values));
        equal(levels, (1 << 2 * MOST) - 1, "levels");
        equal(weights, ((1 << 2 * MOST) - 1) / 3, "fallback");
    }

    function testFuzz_grade_slowReference(uint256 seed, uint8 count, uint8 step, uint8 dither, uint8 minOwners)
        external
        view
    {
        Graded memory graded = _any(seed, count % MOST + 1, step, dither, minOwners);
        (uint256 levels, uint256 weights) = _caller.grade(graded);
        (uint256[] memory paid, uint256[] memory inSum) = _slowly(graded);
        for (uint256 i = 0; i < paid.length; ++i) {
            equal(Grading.pick(levels, i), paid[i], "level");
            equal(Grading.pick(weights, i), inSum[i], "weight");
        }
        isTrue(paid.length == 128 || (levels | weights) >> 2 * paid.length == 0, "bits of nobody");
    }

    /// @dev Of those that share a weight other than zero there are enough, unless nobody had one.
    function testFuzz_grade_classesAreLarge(uint256 seed, uint8 count, uint8 step, uint8 dither, uint8 minOwners)
        external
        view
    {
        Graded memory graded = _any(seed, count % MOST + 1, step, dither, minOwners);
        (, uint256 weights) = _caller.grade(graded);
        uint256 owners = graded.values.length / 8;
        uint256[4] memory sizes;
        for (uint256 i = 0; i < owners; ++i) {
            ++sizes[Grading.pick(weights, i)];
        }
        if (sizes[1] == owners) return;
        for (uint256 class = 1; class < 4; ++class) {
            isTrue(sizes[class] == 0 || sizes[class] >= graded.minOwners, "a small class");
        }
    }

    function testFuzz_combination_slowReference(int64[] memory numbers, uint256 eta) external view {
        eta %= BN254.R;
        (bytes memory values, uint256 expected, uint256 power) = ("", 0, 1);
        for (uint256 i = 0; i < numbers.length; ++i) {
            values = abi.encodePacked(values, numbers[i]);
            power = mulmod(power, eta, BN254.R);
            int256 number = numbers[i];
            uint256 term = mulmod(power, uint256(number < 0 ? -number : number), BN254.R);
            expected = addmod(expected, number < 0 ? BN254.R - term : term, BN254.R);
        }
        equal(_caller.combination(values, eta), expected, "V");
    }

    function testFuzz_batchId_everyPart(bytes32 state, Graded memory graded, uint256 what) external view {
        bytes32 expected = keccak256(
            abi.encode(
                keccak256("gradroll/v1/values"),
                state,
                graded.step,
                graded.dither,
                graded.minOwners,
                keccak256(graded.values)
            )
        );
        equal(_caller.batchId(state, graded), expected, "batch id");
        if (what % 4 == 0) graded.step ^= 1 + (what >> 8);
        if (what % 4 == 1) graded.dither ^= 1 + (what >> 8);
        if (what % 4 == 2) graded.minOwners ^= 1 + (what >> 8);
        if (what % 4 == 3) graded.values = bytes.concat(graded.values, bytes1(uint8(what >> 8)));
        isTrue(_caller.batchId(state, graded) != expected, "a part that is not hashed");
    }

    /// @dev Levels and weights as circuits/grading.py says them, one owner at a time.
    function _slowly(Graded memory graded) private pure returns (uint256[] memory levels, uint256[] memory weights) {
        uint256 owners = graded.values.length / 8;
        (levels, weights) = (new uint256[](owners), new uint256[](owners));
        for (uint256 i = 0; i < owners; ++i) {
            int256 value = _numberAt(graded.values, i);
            int256 level = value < 0 ? int256(0) : value * int256(graded.step) / int256(graded.dither << 40);
            levels[i] = level > 3 ? 3 : uint256(level);
            weights[i] = levels[i];
        }
        uint256 all = 0;
        for (uint256 class = 3; class > 0; --class) {
            uint256 members = 0;
            for (uint256 i = 0; i < owners; ++i) {
                if (weights[i] == class) ++members;
            }
            for (uint256 i = 0; i < owners; ++i) {
                if (weights[i] == class && members < graded.minOwners) --weights[i];
            }
        }
        for (uint256 i = 0; i < owners; ++i) {
            all += weights[i];
        }
        for (uint256 i = 0; i < owners && all == 0; ++i) {
            weights[i] = 1;
            if (levels[i] == 0) levels[i] = 1;
        }
    }

    /// @dev Numbers around the boundaries of some rule, and any others.
    function _any(uint256 seed, uint256 count, uint8 step, uint8 dither, uint8 minOwners)
        private
        pure
        returns (Graded memory graded)
    {
        graded.dither = uint256(dither) % 64 + 1;
        graded.step = uint256(step) % graded.dither + 1;
        graded.minOwners = uint256(minOwners) % (count + 3);
        bytes memory values;
        for (uint256 i = 0; i < count; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            int256 level = int256(graded.dither << 40) / int256(graded.step);
            int256 number = int256(seed >> 16 & 3) * level + int256(seed >> 8 & 7) - 4;
            if (seed & 3 == 0) number = int64(uint64(seed >> 64));
            values = abi.encodePacked(values, int64(number));
        }
        graded.values = values;
    }

    function _given(string memory json, uint256 number) private pure returns (Graded memory) {
        return Graded({
            step: vm.parseJsonUint(json, _key(number, ".step")),
            dither: vm.parseJsonUint(json, _key(number, ".dither")),
            minOwners: vm.parseJsonUint(json, _key(number, ".minOwners")),
            values: vm.parseJsonBytes(json, _key(number, ".encoded"))
        });
    }

    function _packed(string memory json, string memory key) private pure returns (uint256 out) {
        uint256[] memory each = vm.parseJsonUintArray(json, key);
        for (uint256 i = 0; i < each.length; ++i) {
            out |= each[i] << 2 * i;
        }
    }

    function _numberAt(bytes memory values, uint256 i) private pure returns (int256 found) {
        assembly ("memory-safe") {
            found := sar(192, mload(add(add(values, 0x20), shl(3, i))))
        }
    }

    function _key(uint256 number, string memory field) private pure returns (string memory) {
        return string.concat("$.cases[", _decimal(number), "]", field);
    }

    function _decimal(uint256 value) private pure returns (string memory) {
        if (value < 10) return string(abi.encodePacked(bytes1(uint8(48 + value))));
        return string(abi.encodePacked(_decimal(value / 10), bytes1(uint8(48 + value % 10))));
    }
}
