// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

enum Verdict {
    None,
    Good,
    Bad,
    Corrected
}

interface IJury {
    function open(
        address token,
        uint128 unit,
        uint16 jurors,
        uint32 voteWindow,
        uint32 revealWindow,
        uint32 appealWindow
    ) external returns (uint256 caseId);
    function appeal(uint256 caseId) external;
    function result(uint256 caseId) external view returns (bool ended, Verdict verdict, bool overturned);
    function seatOf(uint256 caseId, uint256 round, uint256 seat) external view returns (address juror, bool coherent);
}
