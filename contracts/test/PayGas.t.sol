// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TaskTerms} from "../src/types/Types.sol";
import {Snapshot} from "./support/Snapshot.sol";
import {Token} from "./support/Tokens.sol";

/// @title What a gradient costs that is proven and paid: its part of a batch of 64, and of one claim for 64 owners
/// @dev Batches of the rounds are believed by a stub, which changes nothing about the claim; the batch's figure is that of
/// a real proof.
contract PayGasTest is Snapshot {
    uint256 private constant OWNERS = 64;

    /// forge-config: default.isolate = true
    function test_pay_gas() external {
        uint256 proven = _proven();
        record("proven, roster compacted: per gradient", proven);
        _paid(proven, 1, false, 100_000);
        _paid(proven, 10, false, 26_000);
        _paid(proven, 100, false, 23_000);
        _paid(proven, 1, true, 100_000);
        _paid(proven, 10, true, 26_000);
        _paid(proven, 100, true, 23_000);
        settle("pay");
    }

    /// @dev A round with its batch; a call of its own, whose memory is free afterwards.
    function round(uint256 taskId, uint256 number) external {
        vm.pauseGasMetering(); // a test has 2^30 gas
        openRound(taskId, OWNERS);
        accept(taskId, number, 0, OWNERS);
        vm.resumeGasMetering();
    }

    /// @dev A batch of 64 with a real proof.
    function _proven() private returns (uint256) {
        uint256 state = vm.snapshotState();
        uint256 taskId = stage("gas_64", OWNERS);
        vm.prank(modelOwner);
        market.compactRoster(taskId, 0);
        market.acceptBatch(attested("gas_64"));
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(state);
        return used / OWNERS;
    }

    /// @dev Rounds of 64 owners, and as many again: accounts are new to ether or token in the first claim.
    function _paid(uint256 proven, uint256 rounds, bool inToken, uint256 limit) private {
        uint256 state = vm.snapshotState();
        deploy("norm_3");
        uint256 taskId = _stage(inToken);
        for (uint256 number = 0; number < 2 * rounds; ++number) {
            this.round(taskId, number);
        }
        uint256 fresh = _claim(taskId, rounds);
        uint256 known = _claim(taskId, 2 * rounds);
        vm.revertToState(state); // also what this contract has recorded since
        string memory label = string.concat(decimal(rounds), inToken ? " rounds, token" : " rounds, ether");
        _record(label, ", new accounts", proven, fresh, rounds, limit);
        _record(label, ", known accounts", proven, known, rounds, limit);
    }

    function _record(
        string memory rounds,
        string memory accounts,
        uint256 proven,
        uint256 claim,
        uint256 count,
        uint256 limit
    ) private {
        string memory label = string.concat(rounds, accounts);
        uint256 gradient = proven + claim / (count * OWNERS);
        record(string.concat(label, ": claim of 64 owners"), claim);
        record(string.concat(label, ": proven and paid, per gradient"), gradient);
        isTrue(gradient <= limit, string.concat(label, " costs too much"));
    }

    function _stage(bool inToken) private returns (uint256 taskId) {
        TaskTerms memory t = stubTerms();
        Token token = new Token();
        if (inToken) t.token = address(token);
        taskId = createTask(t);
        for (uint256 i = 0; i < OWNERS; ++i) {
            enrol(taskId, ownerAddress(i));
            address owner = ownerAddress(i);
            vm.prank(owner);
            market.setAccount(taskId, i, address(uint160(0xACC0000 + i))); // that nobody has used before
        }
        uint256 amount = 200 * OWNERS * PAY;
        if (!inToken) {
            fund(taskId, amount);
            return taskId;
        }
        token.mint(address(this), amount);
        token.approve(MARKET, amount);
        market.fund(taskId, amount, noPermit());
    }

    function _claim(uint256 taskId, uint256 through) private returns (uint256) {
        bytes memory indices = new bytes(2 * OWNERS);
        for (uint256 i = 0; i < OWNERS; ++i) {
            indices[2 * i + 1] = bytes1(uint8(i));
        }
        market.claim(taskId, through, indices);
        return vm.lastCallGas().gasTotalUsed;
    }
}
