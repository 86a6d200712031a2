// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Attestation, HeldFees, OwnerView, RoundView, TaskTerms, TaskView} from "../../src/types/Types.sol";
import {QuorumScene} from "./QuorumScene.sol";
import {Vm} from "./Vm.sol";

/// @title What the market owes, found by walking over everything that it shows
/// @dev The market itself keeps no such sum. It is written anew: nothing of the market's libraries is used.
abstract contract Ledger is QuorumScene {
    /// @dev Fees of a batch that are held; the market shows their hash.
    struct Record {
        uint256 taskId;
        uint256 number;
        uint256 batchIndex;
        HeldFees held;
    }

    Record[] internal records;
    uint256[] internal tasks;
    address[] internal accounts;

    /// @dev Takes down what the market said last of the fees of a batch.
    function follow(Record storage record) internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IMarket.FeesHeld.selector) record.held = abi.decode(logs[i].data, (HeldFees));
        }
    }

    /// @dev The last batch, or one of the last, whose fees are held.
    function lastHeld(uint256 which) internal view returns (Record storage) {
        for (uint256 i = records.length; i > 0; --i) {
            Record storage record = records[i - 1];
            if (market.heldFees(record.taskId, record.number, record.batchIndex) == 0) continue;
            if (which % 4 != 0 || i == 1) return record;
            which >>= 2;
        }
        return records[0];
    }

    /// @dev Signatures of the members in a bit set.
    function signaturesBy(uint256 members, bytes32 digest) internal pure returns (Attestation[] memory out) {
        uint256 count = 0;
        out = new Attestation[](PROVERS);
        for (uint8 member = 0; member < PROVERS; ++member) {
            if (members >> member & 1 == 0) continue;
            (bytes32 r, bytes32 vs) = signCompact(proverKey(member), digest);
            out[count++] = Attestation(member, r, vs);
        }
        assembly ("memory-safe") {
            mstore(out, count)
        }
    }

    /// @notice What the market owes in a token: free balances, what open rounds may still spend, pay, fees, deposits and
    /// credits.
    /// @return sum That.
    /// @return dust Less than that is left over in all, by rounding down the shares of rounds with levels.
    function liabilities(address token) public view returns (uint256 sum, uint256 dust) {
        for (uint256 i = 0; i < tasks.length; ++i) {
            TaskView memory state = market.task(tasks[i]);
            if (state.terms.token != token) continue;
            sum += state.balance + _depositors(tasks[i], state) * state.terms.deposit;
            for (uint256 number = 0; number < state.roundsOpened; ++number) {
                (uint256 owed, uint256 left) = _ofRound(tasks[i], state, number);
                (sum, dust) = (sum + owed, dust + left);
            }
        }
        for (uint256 i = 0; i < records.length; ++i) {
            sum += _ofRecord(records[i], token);
        }
        for (uint256 i = 0; i < accounts.length; ++i) {
            sum += market.owed(token, accounts[i]);
        }
    }

    /// @dev Owners whose deposit is held: that have not left and were not excluded.
    function _depositors(uint256 taskId, TaskView memory state) private view returns (uint256 count) {
        for (uint256 index = 0; index < state.ownerCount; ++index) {
            OwnerView memory owner = market.ownerAt(taskId, index);
            if (!owner.exited && !owner.excluded) ++count;
        }
    }

    /// @dev What a round may still spend, and pay of it that its owners have not got.
    function _ofRound(uint256 taskId, TaskView memory state, uint256 number)
        private
        view
        returns (uint256 owed, uint256 dust)
    {
        RoundView memory current = market.round(taskId, number);
        if (!current.finalized) owed = reserveOf(state.terms, current.seats) - current.spent;
        uint256 bits = market.consumed(taskId, number, 0);
        uint256 levels = market.levels(taskId, number, 0);
        dust = current.levels == 0 ? 0 : current.owners;
        for (uint256 index = 0; index < state.ownerCount; ++index) {
            if (bits >> index & 1 == 0 || market.ownerAt(taskId, index).nextClaim > number) continue;
            owed += _share(state.terms, current, levels >> 2 * index & 3);
        }
    }

    function _share(TaskTerms memory t, RoundView memory current, uint256 level) private pure returns (uint256) {
        if (current.levels == 0) return uint256(t.basePay) + t.bonusPay;
        return t.basePay + uint256(t.bonusPay) * current.owners * level / current.levels;
    }

    /// @dev Fees of a batch that nobody has got yet.
    function _ofRecord(Record storage record, address token) private view returns (uint256 owed) {
        TaskTerms memory t = market.task(record.taskId).terms;
        if (t.token != token) return 0;
        if (market.heldFees(record.taskId, record.number, record.batchIndex) == 0) return 0;
        HeldFees memory held = record.held;
        if (!held.payeePaid) owed = t.coordinatorBatchFee + held.owners * t.coordinatorGradientFee;
        if (held.due == 0) return owed;
        for (uint256 member = 0; member < PROVERS; ++member) {
            if (held.paid >> member & 1 == 0) owed += t.proverBatchFee + held.owners * t.proverGradientFee;
        }
    }

    /// @notice Whether the numbers that a task keeps are those of what it counts.
    function isCounted(uint256 taskId) public view returns (bool) {
        TaskView memory state = market.task(taskId);
        uint256 active = 0;
        for (uint256 index = 0; index < state.ownerCount; ++index) {
            OwnerView memory owner = market.ownerAt(taskId, index);
            if (!owner.exited) ++active;
            if (owner.nextClaim > state.roundsOpened) return false;
        }
        if (active != state.activeOwners || active > state.terms.capacity) return false;
        uint256 reserved = 0;
        for (uint256 number = 0; number < state.roundsOpened; ++number) {
            RoundView memory current = market.round(taskId, number);
            if (!current.finalized) reserved += reserveOf(state.terms, current.seats);
            if (current.spent > reserveOf(state.terms, current.seats) || current.owners > current.seats) return false;
            if (_count(market.consumed(taskId, number, 0)) != current.owners) return false;
        }
        return reserved == state.reserved;
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) {
            ++count;
        }
    }
}
