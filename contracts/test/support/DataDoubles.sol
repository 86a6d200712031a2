// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CaseWindows, PoolTerms, Verdict} from "../../src/data/types/Juries.sol";

/// @title A jury that says what it is told to
/// @dev Put where the real one is. Seats 0 and 1 of every jury were against the verdict.
contract JuryDouble {
    struct Told {
        bool ended;
        Verdict verdict;
        bool overturned;
        bool undrawn;
    }

    mapping(uint256 caseId => Told) private _told;
    uint256 private _cases;
    PoolTerms public pool;
    uint256 public appeals;

    function open(PoolTerms calldata terms, CaseWindows calldata) external returns (uint256) {
        pool = terms;
        return ++_cases;
    }

    function appeal(uint256) external {
        ++appeals;
    }

    function decide(uint256 caseId, Verdict verdict, bool overturned) external {
        (_told[caseId].ended, _told[caseId].verdict, _told[caseId].overturned) = (true, verdict, overturned);
    }

    function leaveUndrawn(uint256 caseId) external {
        _told[caseId].undrawn = true;
    }

    function result(uint256 caseId) external view returns (bool, Verdict, bool) {
        Told storage told = _told[caseId];
        return (told.ended, told.verdict, told.overturned);
    }

    function seatOf(uint256 caseId, uint256 round, uint256 seat) external view returns (address, bool) {
        if (round == 1 && _told[caseId].undrawn) return (address(0), false);
        return (address(uint160(0x10000 + round * 0x100 + seat)), seat > 1);
    }
}

/// @title A model that gives every sample the same class
contract ConstantModel {
    uint256 private immutable _label;

    constructor(uint256 label) {
        _label = label;
    }

    function predict(bytes calldata) external view returns (uint256) {
        return _label;
    }
}

/// @title A model that burns all gas that it is given
contract EndlessModel {
    function predict(bytes calldata) external pure returns (uint256) {
        while (true) {}
        return 0;
    }
}
