// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IJury} from "../interfaces/IJury.sol";
import {JuryPool, JuryState, Slot} from "../types/JuryState.sol";
import {PoolTerms} from "../types/Juries.sol";

/// @title Lists of the slots that may be drawn, as they are and as they were at the end of any block
/// @dev A list has no holes: the last slot takes the place of one that goes. So a draw needs as many tries as it has seats, whoever
/// joins and leaves how often.
library JuryPools {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev Stands for the place of a slot that sits on a jury.
    uint32 internal constant SEATED = type(uint32).max;
    uint256 private constant LEAST_JURORS = 3;
    uint256 private constant MOST_JURORS = 15;

    /// @notice Number of the pool of terms, which is created if nobody used them before.
    function demand(JuryState storage state, PoolTerms calldata terms) internal returns (uint24 id) {
        bytes32 key = keccak256(abi.encode(terms));
        id = state.poolIds[key];
        if (id != 0) return id;
        if (terms.unit == 0) revert IJury.UnitInvalid(terms.unit);
        if (terms.jurors < LEAST_JURORS || terms.jurors > MOST_JURORS || terms.jurors % 2 == 0) {
            revert IJury.JurorsInvalid(terms.jurors);
        }
        id = SafeCast.toUint24(++state.poolCount);
        state.poolIds[key] = id;
        state.pools[id].terms = terms;
        emit IJury.PoolCreated(id, terms);
    }

    /// @notice Puts slots `first` to `first + count - 1` at the end of the list.
    function enter(JuryState storage state, JuryPool storage pool, uint256 first, uint256 count) internal {
        uint256 size = pool.sizes.latest();
        for (uint256 i = 0; i < count; ++i) {
            pool.places[size].push(uint48(block.number), uint208(first + i));
            state.slots[first + i].place = uint32(++size);
        }
        pool.sizes.push(uint48(block.number), uint208(size));
    }

    /// @notice Takes a slot off the list, on which it is.
    /// @param place What stands for its place from now on: 0, or `SEATED`.
    function exit(JuryState storage state, JuryPool storage pool, uint256 id, uint32 place) internal {
        uint256 last = pool.sizes.latest() - 1;
        Slot storage slot = state.slots[id];
        uint256 gap = slot.place - 1;
        if (gap != last) {
            uint208 moved = pool.places[last].latest();
            pool.places[gap].push(uint48(block.number), moved);
            state.slots[moved].place = uint32(gap + 1);
        }
        slot.place = place;
        pool.sizes.push(uint48(block.number), uint208(last));
    }

    /// @notice Slots that are on the list.
    function sizeNow(JuryPool storage pool) internal view returns (uint256) {
        return pool.sizes.latest();
    }

    /// @notice Slots that the list had at the end of a block, or has now if it is the current one.
    function sizeAt(JuryPool storage pool, uint256 number) internal view returns (uint256) {
        return pool.sizes.upperLookup(uint48(number));
    }

    /// @notice Draws distinct slots of the list as it was at the end of a block: every set of so many comes out equally often, but for
    /// 2^-200 (Floyd's method: Bentley and Floyd, A sample of brilliance, CACM 30(9), 1987).
    /// @param size Length of the list then, at least `count`.
    /// @return slots Their numbers.
    function draw(JuryPool storage pool, uint256 number, uint256 size, uint256 count, bytes32 seed)
        internal
        view
        returns (uint256[] memory slots)
    {
        slots = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 last = size - count + i;
            uint256 place = uint256(keccak256(abi.encode(seed, i))) % (last + 1);
            if (_has(slots, i, place)) place = last;
            slots[i] = place;
        }
        for (uint256 i = 0; i < count; ++i) {
            slots[i] = pool.places[slots[i]].upperLookup(uint48(number));
        }
    }

    function _has(uint256[] memory places, uint256 count, uint256 place) private pure returns (bool) {
        for (uint256 i = 0; i < count; ++i) {
            if (places[i] == place) return true;
        }
        return false;
    }
}
