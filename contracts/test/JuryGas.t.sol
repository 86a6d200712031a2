// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PoolTerms, Verdict} from "../src/data/types/Juries.sol";
import {JuryScene} from "./support/JuryScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of the jury's calls, whole transactions
contract JuryGasTest is JuryScene, Snapshot {
    /// @dev EIP-7825: no transaction has more.
    uint256 private constant LIMIT = 1 << 24;

    /// forge-config: default.isolate = true
    function test_jury_gas() external {
        stageJury();
        join(jurorAt(0), pool(), 1);
        measure("join, first of a pool");
        join(jurorAt(1), pool(), 1);
        measure("join");
        join(jurorAt(1), pool(), 32);
        measure("join, 32 slots");
        uint256 caseId = jury.open(pool(), windows());
        measure("open");
        drawBy(caseId, ANCHOR);
        measure("draw, 5 seats");
        commit(caseId, 0, 0, Verdict.Good);
        measure("commitVote");
        elapse(windows().vote + 1);
        show(caseId, 0, 0, Verdict.Good);
        measure("revealVote");
        elapse(windows().reveal);
        jury.close(caseId);
        measure("close");
        finish(caseId);
        jury.release(caseId, 0, 0);
        measure("release, given back");
        jury.release(caseId, 0, 1);
        measure("release, burnt");
        _appeal();
        _leave();
        settle("jury");
    }

    function _appeal() private {
        uint256 caseId = jury.open(pool(), windows());
        drawBy(caseId, ANCHOR);
        decide(caseId, "ggggg");
        jury.appeal(caseId);
        measure("appeal");
    }

    function _leave() private {
        address juror = jurorAt(2);
        uint256 slot = join(juror, pool(), 1);
        vm.prank(juror);
        jury.resign(slot);
        measure("resign");
        elapse(jury.notice());
        jury.withdraw(slot);
        measure("withdraw");
        jury.collect(pool().token, juror, juror);
        measure("collect");
    }

    /// @dev The largest draw there is: 31 seats of an appeal, in a pool with many slots.
    function test_the_largest_draw_fits_a_transaction() external {
        stageJury();
        PoolTerms memory terms = pool();
        terms.jurors = 15;
        for (uint256 i = 0; i < 10; ++i) {
            join(jurorAt(i), terms, 32);
        }
        uint256 caseId = jury.open(terms, windows());
        drawBy(caseId, ANCHOR);
        decide(caseId, all("g", 15));
        jury.appeal(caseId);
        passAnchor(caseId, ANCHOR);
        vm.cool(address(jury));
        jury.draw(caseId);
        isTrue(vm.lastCallGas().gasTotalUsed < LIMIT / 4, "a quarter of a transaction");
    }

    function measure(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
