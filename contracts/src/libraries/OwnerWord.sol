// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A registered owner in one word of storage
/// @notice signer (160 bits), nextClaim (24), joinedAt (24), leavesAt plus one (24, 0: stays), other account (1), exited
/// (1), excluded (1), and 21 bits: market time at which it was registered, or has announced to leave, in hours (until the
/// year 2209); of one that exited instead one more than the index that became free before its own (0: none).
/// @dev Batches read the low 160 bits of it, and nothing else.
library OwnerWord {
    uint256 private constant NEXT = 160;
    uint256 private constant JOINED = 184;
    uint256 private constant LEAVES = 208;
    uint256 private constant ROUND_MASK = 0xffffff;
    uint256 private constant OTHER_ACCOUNT = 1 << 232;
    uint256 private constant EXITED = 1 << 233;
    uint256 private constant EXCLUDED = 1 << 234;
    uint256 private constant TIME = 235;
    uint256 private constant TIME_MASK = 0x1fffff;

    /// @notice A new owner, registered at a market time, that may take part from a round on.
    function fresh(address owner, uint256 round, uint256 time, bool otherAccount) internal pure returns (uint256 word) {
        word = uint256(uint160(owner)) | round << NEXT | round << JOINED | _hours(time) << TIME;
        if (otherAccount) word |= OTHER_ACCOUNT;
    }

    /// @notice Address of the key that signs its submissions.
    function signer(uint256 word) internal pure returns (address) {
        return address(uint160(word));
    }

    /// @notice First round for which it was not paid.
    function nextClaim(uint256 word) internal pure returns (uint256) {
        return word >> NEXT & ROUND_MASK;
    }

    /// @notice First round that it could take part in.
    function joinedAt(uint256 word) internal pure returns (uint256) {
        return word >> JOINED & ROUND_MASK;
    }

    /// @notice Whether it leaves, or has left.
    function leaving(uint256 word) internal pure returns (bool) {
        return word >> LEAVES & ROUND_MASK != 0;
    }

    /// @notice First round that it has no part in; only if it leaves.
    function leavesAt(uint256 word) internal pure returns (uint256) {
        return (word >> LEAVES & ROUND_MASK) - 1;
    }

    /// @notice Whether its account is another address than its signer.
    function hasOtherAccount(uint256 word) internal pure returns (bool) {
        return word & OTHER_ACCOUNT != 0;
    }

    /// @notice Whether it has left.
    function exited(uint256 word) internal pure returns (bool) {
        return word & EXITED != 0;
    }

    /// @notice Whether it has lost its deposit.
    function excluded(uint256 word) internal pure returns (bool) {
        return word & EXCLUDED != 0;
    }

    /// @notice Market time at which it was registered, rounded up to a whole hour; of an owner that does not leave.
    function cameAt(uint256 word) internal pure returns (uint256) {
        return (word >> TIME) * 1 hours;
    }

    /// @notice Market time at which it announced to leave, rounded up to a whole hour; of an owner that leaves and has not left.
    function leftAt(uint256 word) internal pure returns (uint256) {
        return (word >> TIME) * 1 hours;
    }

    /// @notice One more than the index that became free before that of this owner, which has left; 0 if there is none.
    function freedBefore(uint256 word) internal pure returns (uint256) {
        return word >> TIME;
    }

    /// @notice The word with another `nextClaim`.
    function withNextClaim(uint256 word, uint256 round) internal pure returns (uint256) {
        return word & ~(ROUND_MASK << NEXT) | round << NEXT;
    }

    /// @notice The word of an owner that announces, at a market time, to leave from a round on.
    function withLeavesAt(uint256 word, uint256 round, uint256 time) internal pure returns (uint256) {
        return word & ~(TIME_MASK << TIME) | (round + 1) << LEAVES | _hours(time) << TIME;
    }

    /// @notice The word of an owner that has left.
    /// @param freed See `freedBefore`.
    function withExited(uint256 word, uint256 freed) internal pure returns (uint256) {
        return word & ~(TIME_MASK << TIME) | EXITED | freed << TIME;
    }

    /// @notice The word of an owner that has lost its deposit.
    function withExcluded(uint256 word) internal pure returns (uint256) {
        return word | EXCLUDED;
    }

    /// @notice The word of an owner whose account is another address.
    function withOtherAccount(uint256 word) internal pure returns (uint256) {
        return word | OTHER_ACCOUNT;
    }

    /// @dev Rounded up.
    function _hours(uint256 time) private pure returns (uint256) {
        return (time + 1 hours - 1) / 1 hours & TIME_MASK;
    }
}
