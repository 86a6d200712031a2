// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {Attestation} from "../src/types/Types.sol";
import {QuorumScene} from "./support/QuorumScene.sol";

/// @dev A registry whose committees have changed more often than 16 bits count.
contract OldRegistry {
    function shape(uint256) external pure returns (uint256, uint256, uint256, bool) {
        return (1, 4, 70_000, true);
    }
}

/// @title Another coordinator, named by a quorum
contract QuorumCoordinatorTest is QuorumScene {
    address private constant NEXT = address(0xC1);

    function setUp() external {
        stageDeposits();
    }

    function test_setCoordinatorByQuorum_betweenRounds() external {
        close(task, 0);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.CoordinatorChanged(task, NEXT);
        _name(NEXT);
        equal(market.task(task).coordinator, NEXT, "named");
        equal(market.task(task).coordinatorChanges, 1, "counted");
    }

    function test_setCoordinatorByQuorum_beforeTheFirstRound() external {
        task = createTask(feeTerms());
        _name(NEXT);
        equal(market.task(task).coordinator, NEXT, "named");
    }

    /// @dev After half of the settle window without a batch, not before; and not once there is one.
    function test_setCoordinatorByQuorum_afterSilence() external {
        uint256 state = vm.snapshotState();
        vm.warp(START + 90 minutes);
        _active();
        vm.warp(START + 90 minutes + 1);
        _name(NEXT);
        equal(market.task(task).coordinator, NEXT, "named");
        vm.revertToState(state);
        accept(task, 0, 0, 3);
        vm.warp(START + 90 minutes + 1);
        _active();
    }

    /// @dev What a quorum signed works once: not after another change, not after a round was opened, not in another
    /// task.
    function test_setCoordinatorByQuorum_replayed() external {
        close(task, 0);
        Attestation[] memory stale = byQuorum(_digest(NEXT));
        vm.prank(modelOwner);
        market.setCoordinator(task, COORDINATOR);
        _refused(NEXT, stale);
        Attestation[] memory first = byQuorum(_digest(NEXT));
        Attestation[] memory second = byQuorum(_digest(address(0xC2)));
        market.setCoordinatorByQuorum(task, NEXT, first);
        _refused(NEXT, first);
        _refused(address(0xC2), second);
        market.setCoordinatorByQuorum(task, COORDINATOR, byQuorum(_digest(COORDINATOR)));
        _refused(NEXT, first);
        Attestation[] memory third = byQuorum(_digest(NEXT));
        market.finalizeRound(task, 0);
        fund(task, reserveOf(market.task(task).terms, 8));
        openRound(task, 8);
        close(task, 1);
        _refused(NEXT, third);
        Attestation[] memory here = byQuorum(_digest(NEXT));
        task = createTask(feeTerms());
        _refused(NEXT, here);
    }

    function test_setCoordinatorByQuorum_forged() external {
        close(task, 0);
        bytes32 digest = _digest(NEXT);
        for (uint256 count = 0; count < QUORUM; ++count) {
            Attestation[] memory fewer = signedByProvers(digest, 0, count);
            vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, count, QUORUM));
            market.setCoordinatorByQuorum(task, NEXT, fewer);
        }
        _refused(address(0xC2), byQuorum(digest));
        Attestation[] memory nobody = byQuorum(_digest(address(0)));
        vm.expectRevert(IMarket.AddressInvalid.selector);
        market.setCoordinatorByQuorum(task, address(0), nobody);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 5));
        market.setCoordinatorByQuorum(5, NEXT, new Attestation[](0));
    }

    /// @dev The members of today, not those of the last round.
    function test_setCoordinatorByQuorum_presentEpoch() external {
        uint256 fresh = 1000;
        rotateProver(1, fresh);
        isTrue(market.round(task, 0).closed, "closed");
        Attestation[] memory receipts = byQuorum(_digest(NEXT));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 1));
        market.setCoordinatorByQuorum(task, NEXT, receipts);
        (receipts[1].r, receipts[1].vs) = signCompact(fresh, _digest(NEXT));
        market.setCoordinatorByQuorum(task, NEXT, receipts);
        equal(market.task(task).coordinator, NEXT, "named");
    }

    /// @dev A round is attested by the members that it was opened with, however many changes there were before.
    function test_openRound_epochBeyond16Bits() external {
        close(task, 0);
        market.finalizeRound(task, 0);
        fund(task, reserveOf(market.task(task).terms, 8));
        vm.etch(REGISTRY, address(new OldRegistry()).code);
        openRound(task, 8);
        equal(market.round(task, 1).epoch, 70_000, "epoch");
    }

    function _digest(address coordinator) private view returns (bytes32) {
        return typed(
            "Coordinator(uint256 taskId,uint256 round,uint256 change,address coordinator)",
            abi.encode(task, market.task(task).roundsOpened, market.task(task).coordinatorChanges, coordinator)
        );
    }

    function _name(address coordinator) private {
        market.setCoordinatorByQuorum(task, coordinator, byQuorum(_digest(coordinator)));
    }

    function _active() private {
        Attestation[] memory receipts = byQuorum(_digest(NEXT));
        vm.expectRevert(abi.encodeWithSelector(IMarket.CoordinatorActive.selector, task, 0));
        market.setCoordinatorByQuorum(task, NEXT, receipts);
    }

    function _refused(address coordinator, Attestation[] memory receipts) private {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        market.setCoordinatorByQuorum(task, coordinator, receipts);
    }
}
