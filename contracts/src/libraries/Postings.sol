// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LibBit} from "solady/utils/LibBit.sol";
import {RoundState} from "../types/State.sol";

/// @title Which owners of a round posted their submission
/// @dev An index has 16 bits, so one word tells which of the 256 words of bits there are. To count costs two words for
/// each of those, 1.1 million gas at most; to bring it there costs 256 owners their postings.
library Postings {
    /// @notice Notes that an owner posted.
    /// @return fresh False if it did before.
    function mark(RoundState storage current, uint256 index) internal returns (bool fresh) {
        (uint256 word, uint256 bit) = (index >> 8, 1 << (index & 0xff));
        uint256 bits = current.posted[word];
        if (bits & bit != 0) return false;
        current.posted[word] = bits | bit;
        current.postedWords |= 1 << word;
        return true;
    }

    /// @notice Forgets that an owner posted.
    /// @return found Whether it did.
    function clear(RoundState storage current, uint256 index) internal returns (bool found) {
        (uint256 word, uint256 bit) = (index >> 8, 1 << (index & 0xff));
        uint256 bits = current.posted[word];
        found = bits & bit != 0;
        if (found) current.posted[word] = bits & ~bit;
    }

    /// @notice Owners that posted, and are neither excluded for it nor in an accepted batch.
    function ignored(RoundState storage current) internal view returns (uint256 count) {
        uint256 words = current.postedWords;
        for (; words != 0; words &= words - 1) {
            uint256 word = LibBit.ffs(words);
            count += LibBit.popCount(current.posted[word] & ~current.consumed[word]);
        }
    }
}
