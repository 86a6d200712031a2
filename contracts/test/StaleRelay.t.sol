// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Batch, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title A batch that comes too late costs its relayer little more than its calldata
/// @dev Anybody may relay, so relayers are overtaken; that cost 430,000 gas, because signatures came first. Measured is the
/// execution of the call, with all storage cold; a transaction has 21,000 and its calldata (EIP-7623) on top.
contract StaleRelayTest is Scene {
    uint256 private constant LIMIT = 30_000;
    /// @dev The largest batch that a circuit takes.
    uint256 private constant OWNERS = 120;

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _stage(OWNERS + 2);
    }

    function test_acceptBatch_staleSameBatch() external {
        Batch memory batch = batchOf(_task, 0, 0, OWNERS);
        market.acceptBatch(batch);
        _cheap(batch, IMarket.OwnerAlreadyAccepted.selector);
    }

    /// @dev The owner accepted before is the last one of the batch.
    function test_acceptBatch_staleLastOwner() external {
        Batch memory batch = batchOf(_task, 0, 0, OWNERS);
        accept(_task, 0, OWNERS - 1, 2);
        _cheap(batch, IMarket.OwnerAlreadyAccepted.selector);
    }

    function test_acceptBatch_staleRosterCompacted() external {
        vm.prank(modelOwner);
        market.compactRoster(_task, 0);
        Batch memory batch = batchOf(_task, 0, 0, OWNERS);
        accept(_task, 0, OWNERS - 1, 2);
        _cheap(batch, IMarket.OwnerAlreadyAccepted.selector);
    }

    function test_acceptBatch_staleClosed() external {
        Batch memory batch = batchOf(_task, 0, 0, OWNERS);
        close(_task, 0);
        _cheap(batch, IMarket.RoundClosed.selector);
    }

    function test_acceptBatch_stalePaused() external {
        Batch memory batch = batchOf(_task, 0, 0, OWNERS);
        vm.prank(GUARDIAN);
        market.pause();
        _cheap(batch, IMarket.AcceptancePaused.selector);
    }

    function test_acceptBatch_staleOwnerWithoutSeat() external {
        enrol(_task, OWNERS + 2, OWNERS + 3);
        Batch memory batch = batchOf(_task, 0, 3, OWNERS);
        _cheap(batch, IMarket.OwnerHasNoSeat.selector);
    }

    function _stage(uint256 owners) private {
        TaskTerms memory t = stubTerms();
        t.basePay = 0;
        _task = createTask(t);
        enrol(_task, 0, owners);
        openRound(_task, owners);
    }

    function _cheap(Batch memory batch, bytes4 reason) private {
        bytes memory data = abi.encodeCall(IMarket.acceptBatch, (batch));
        vm.cool(MARKET);
        vm.cool(REGISTRY);
        address to = MARKET;
        bool ok;
        bytes32 answer;
        uint256 used;
        // In assembly nothing is measured but the call.
        assembly ("memory-safe") {
            used := gas()
            ok := call(gas(), to, 0, add(data, 0x20), mload(data), 0, 0x20)
            used := sub(used, gas())
            answer := mload(0)
        }
        isTrue(!ok, "a stale batch was accepted");
        isTrue(bytes4(answer) == reason, "another reason");
        isTrue(used < LIMIT, string.concat("it costs ", decimal(used)));
    }
}
