// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJury} from "../../src/data/interfaces/IJury.sol";
import {CaseStage, CaseView, CaseWindows, PoolTerms, Verdict} from "../../src/data/types/Juries.sol";
import {Stage} from "./Stage.sol";
import {SilentToken, Token} from "./Tokens.sol";

/// @title A jury whose campaigns are the test, and jurors that vote as they are told
/// @dev Numbers of the design's example, with 18 decimals: s 3, F .4, n 5.
abstract contract JuryScene is Stage {
    uint128 internal constant UNIT = 3 ether;
    uint128 internal constant FEE = 0.4 ether;
    uint8 internal constant JURORS = 5;
    uint128 internal constant SEAT_PAY = FEE / JURORS;
    uint32 internal constant NOTICE = 1 days;
    uint32 internal constant LEAST_WINDOW = 60;
    uint256 internal constant DRAW_PERIOD = 3 days;
    uint256 internal constant DELAY = 8;
    bytes32 internal constant ANCHOR = keccak256("anchor");
    address internal constant NOBODY = 0x000000000000000000000000000000000000dEaD;

    IJury internal jury;

    function stageJury() internal {
        vm.chainId(CHAIN_ID);
        vm.warp(START);
        mine(PARENT_HASH);
        jury = IJury(create(creationOf("Jury", abi.encode(NOTICE, LEAST_WINDOW))));
    }

    function pool() internal pure returns (PoolTerms memory) {
        return PoolTerms(address(0), UNIT, SEAT_PAY, JURORS, 1);
    }

    function windows() internal pure returns (CaseWindows memory) {
        return CaseWindows(1 hours, 2 hours, 3 hours);
    }

    function jurorAt(uint256 index) internal pure returns (address) {
        return address(uint160(0x70000 + index));
    }

    /// @dev Accounts first to end - 1 join a pool with a slot each.
    function joinMany(PoolTerms memory terms, uint256 first, uint256 end) internal {
        for (uint256 i = first; i < end; ++i) {
            join(jurorAt(i), terms, 1);
        }
    }

    function join(address account, PoolTerms memory terms, uint256 slots) internal returns (uint256 first) {
        uint256 amount = terms.unit * slots;
        if (terms.token == address(0)) {
            vm.deal(account, account.balance + amount);
        } else {
            Token(terms.token).mint(account, amount);
            vm.prank(account);
            SilentToken(terms.token).approve(address(jury), amount);
        }
        vm.prank(account);
        return jury.join{value: terms.token == address(0) ? amount : 0}(terms, slots);
    }

    /// @dev Blocks of 12 seconds.
    function advance(uint256 blocks) internal {
        vm.roll(block.number + blocks);
        elapse(12 * blocks);
    }

    function anchorOf(uint256 caseId) internal view returns (uint256) {
        CaseView memory view_ = jury.caseOf(caseId);
        return view_.round == 0 ? view_.first.anchor : view_.second.anchor;
    }

    /// @dev Goes to the block after a case's anchor, whose hash is as told.
    function passAnchor(uint256 caseId, bytes32 hash) internal {
        uint256 anchor = anchorOf(caseId);
        if (block.number <= anchor) advance(anchor + 1 - block.number);
        vm.setBlockhash(anchor, hash);
    }

    function drawBy(uint256 caseId, bytes32 hash) internal returns (bool) {
        passAnchor(caseId, hash);
        return jury.draw(caseId);
    }

    /// @dev A case of the design's pool whose jury sits.
    function seated(uint256 jurors) internal returns (uint256 caseId) {
        joinMany(pool(), 0, jurors);
        caseId = jury.open(pool(), windows());
        isTrue(drawBy(caseId, ANCHOR), "drawn");
    }

    function holderOf(uint256 caseId, uint256 round, uint256 seat) internal view returns (address) {
        return jury.seat(caseId, round, seat).juror;
    }

    function saltOf(uint256 caseId, uint256 round, uint256 seat) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", caseId, round, seat));
    }

    function commit(uint256 caseId, uint256 round, uint256 seat, Verdict verdict) internal {
        address juror = holderOf(caseId, round, seat);
        bytes32 commitment = commitmentBy(caseId, round, seat, juror, verdict);
        vm.prank(juror);
        jury.commitVote(caseId, round, seat, commitment);
    }

    function commitmentBy(uint256 caseId, uint256 round, uint256 seat, address juror, Verdict verdict)
        internal
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256("gradroll/v1/jury-vote");
        bytes32 salt = saltOf(caseId, round, seat);
        return keccak256(abi.encode(kind, jury.deployment(), caseId, round, seat, juror, verdict, salt));
    }

    function show(uint256 caseId, uint256 round, uint256 seat, Verdict verdict) internal {
        jury.revealVote(caseId, round, seat, verdict, saltOf(caseId, round, seat));
    }

    /// @dev All seats of the jury that sits vote as the letters say: g, b, c, and - for silence; then it is closed.
    function decide(uint256 caseId, string memory ballots) internal returns (Verdict) {
        uint256 round = jury.caseOf(caseId).round;
        bytes memory each = bytes(ballots);
        for (uint256 i = 0; i < each.length; ++i) {
            if (each[i] != "-") commit(caseId, round, i, ballot(each[i]));
        }
        elapse(windows().vote + 1);
        for (uint256 i = 0; i < each.length; ++i) {
            if (each[i] != "-") show(caseId, round, i, ballot(each[i]));
        }
        elapse(windows().reveal);
        return jury.close(caseId);
    }

    function ballot(bytes1 letter) internal pure returns (Verdict) {
        return letter == "g" ? Verdict.Good : letter == "b" ? Verdict.Bad : Verdict.Corrected;
    }

    /// @dev The same letter so often.
    function all(bytes1 letter, uint256 count) internal pure returns (string memory) {
        bytes memory out = new bytes(count);
        for (uint256 i = 0; i < count; ++i) {
            out[i] = letter;
        }
        return string(out);
    }

    function appealed(uint256 caseId, bytes32 hash) internal {
        jury.appeal(caseId);
        isTrue(drawBy(caseId, hash), "drawn again");
    }

    /// @dev Lets the window for an appeal run out.
    function finish(uint256 caseId) internal {
        if (jury.caseOf(caseId).stage == CaseStage.Appealable) elapse(windows().appeal + 1);
    }

    function releaseAll(uint256 caseId, uint256 round, uint256 seats) internal {
        for (uint256 i = 0; i < seats; ++i) {
            jury.release(caseId, round, i);
        }
    }
}
