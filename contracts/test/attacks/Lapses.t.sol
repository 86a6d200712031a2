// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TaskTerms} from "../../src/types/Types.sol";
import {QuorumScene} from "../support/QuorumScene.sol";

/// @title Owners that would be made to leave for rounds in which they had no part
contract LapsesAttackTest is QuorumScene {
    /// @dev Rounds 0 and 1 are open, 0 with seats for newcomers, 1 without. Who comes now has a seat in 0 and none in 1, and is
    /// accepted in 0; in a batch of 1 nobody could have taken it.
    function test_attack_ownerWithoutASeatInTheSecondOpenRoundStays() external {
        deploy("norm_3");
        TaskTerms memory with = feeTerms();
        with.lapseRounds = 1;
        task = stageTask(with, 8);
        accept(task, 0, 0, 3);
        fund(task, reserveOf(with, 8));
        openRound(task, 8);
        enrol(task, 8, 9);
        equal(market.ownerAt(task, 8).joinedAt, 0, "has a seat in round 0");
        isTrue(market.round(task, 1).limit <= 8, "and none in round 1");
        accept(task, 0, 7, 2);
        accept(task, 1, 0, 3);
        close(task, 1);
        try market.lapse(task, 8) {} catch {}
        isTrue(!market.ownerAt(task, 8).leaving, "stays");
    }

    /// @dev Who comes when the submit window of the open round is over can take part in the next one at the earliest. It would
    /// have to leave before that is opened.
    function test_attack_ownerThatCameAfterTheSubmitWindowStays() external {
        deploy("norm_3");
        TaskTerms memory with = feeTerms();
        with.lapseRounds = 1;
        task = stageTask(with, 8);
        accept(task, 0, 0, 3);
        vm.warp(START + WINDOW + 1);
        enrol(task, 8, 9);
        close(task, 0);
        try market.lapse(task, 8) {} catch {}
        isTrue(!market.ownerAt(task, 8).leaving, "stays");
    }
}
