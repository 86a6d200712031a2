// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Postings} from "../src/libraries/Postings.sol";
import {RoundState} from "../src/types/State.sol";
import {Check} from "./support/Check.sol";

/// @title Counting owners that posted
contract PostingsTest is Check {
    using Postings for RoundState;

    RoundState private _round;
    mapping(uint256 index => bool) private _posted;
    mapping(uint256 index => bool) private _accepted;
    uint16[] private _indices;

    /// @dev Any owners that post, are excluded or accepted, in any order, against a list of them.
    function testFuzz_ignored_reference(uint16[32] memory indices, uint256 luck) external {
        for (uint256 i = 0; i < 32; ++i) {
            uint16 index = luck >> (i + 128) & 1 == 0 ? indices[i] : indices[i] % 8;
            _indices.push(index);
            uint256 act = luck >> (2 * i) & 3;
            if (act < 2) {
                isTrue(_round.mark(index) == !_posted[index], "fresh");
                _posted[index] = true;
            } else if (act == 2) {
                isTrue(_round.clear(index) == _posted[index], "found");
                _posted[index] = false;
            } else {
                _round.consumed[index >> 8] |= 1 << (index & 0xff);
                _accepted[index] = true;
            }
        }
        equal(_round.ignored(), _count(), "ignored");
    }

    /// @dev The ends of the range.
    function test_ignored_ends() external {
        equal(_round.ignored(), 0, "nobody");
        uint256[4] memory indices = [uint256(0), 255, 256, 65_535];
        for (uint256 i = 0; i < indices.length; ++i) {
            isTrue(_round.mark(indices[i]) && !_round.mark(indices[i]), "once");
        }
        equal(_round.ignored(), 4, "all");
    }

    /// @dev The most that counting can cost: bits in each of the 256 words.
    function test_ignored_gasOfTheWorst() external {
        for (uint256 word = 0; word < 256; ++word) {
            _round.mark(word << 8 | word);
        }
        uint256 before = gasleft();
        equal(_round.ignored(), 256, "all");
        // Two words of storage each, of which one is warm here.
        isTrue(before - gasleft() < 256 * (2100 + 100 + 1000), "little beside the words");
    }

    function _count() private returns (uint256 count) {
        for (uint256 i = 0; i < _indices.length; ++i) {
            if (_posted[_indices[i]] && !_accepted[_indices[i]]) ++count;
            _posted[_indices[i]] = false;
        }
    }
}
