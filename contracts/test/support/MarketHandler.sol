// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Forfeit} from "../../src/libraries/Forfeit.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {
    Batch,
    ClaimOrder,
    HeldFees,
    OwnerEntry,
    OwnerView,
    RoundView,
    Served,
    TaskTerms,
    TaskView
} from "../../src/types/Types.sol";
import {Ledger} from "./Ledger.sol";
import {Bomb, Burning, Reentrant, Refusing} from "./Recipients.sol";
import {LevellingVerifier} from "./StubVerifier.sol";
import {MoodyToken} from "./Tokens.sol";

/// @title Random but sensible calls of every entry point, by everyone, on tasks of different terms
/// @dev Three tasks: ether with fees and deposits; ether by level; a moody token by level with fees and deposits. A quorum
/// attests whatever is asked of it: what holds of the escrow holds with corrupt provers as well.
contract MarketHandler is Ledger {
    uint256 private constant FIRST = 6;
    uint16 private constant CAPACITY = 9;
    uint32 public constant WINDOWS = 5 days;
    address private constant PAYEE = address(0xC0);

    MoodyToken public token;
    LevellingVerifier private _levelling;
    /// @dev Calls that were carried out, by selector.
    mapping(bytes4 selector => uint256) public done;

    constructor() {
        deploy("norm_3");
        (token, _levelling) = (new MoodyToken(), new LevellingVerifier());
        _create(stubTerms(), address(0), true);
        _create(gradedTerms(address(_levelling)), address(0), false);
        _create(gradedTerms(address(_levelling)), address(token), true);
        accounts.push(address(new Refusing()));
        accounts.push(address(new Bomb()));
        accounts.push(address(new Burning()));
        accounts.push(address(new Reentrant()));
        accounts.push(PAYEE);
        accounts.push(address(this));
        accounts.push(REPORTER);
        accounts.push(Forfeit.NOBODY);
        for (uint256 member = 0; member < PROVERS; ++member) {
            accounts.push(payeeOf(member));
        }
        for (uint256 index = 0; index < 40; ++index) {
            accounts.push(ownerAddress(index));
        }
        for (uint256 which = 0; which < tasks.length; ++which) {
            fundTask(which, 49_999);
            open(which, 0);
        }
    }

    /// @dev Has a batch accepted before, so that there is something to claim, to settle or to wait for.
    modifier busy(uint256 seed) {
        (bool ok,) =
            address(this).call(abi.encodeCall(this.accept, (seed, seed >> 8, seed >> 16, seed >> 24, seed >> 32)));
        ok; // whether or not it could be
        _;
    }

    function fundTask(uint256 which, uint256 amount) public {
        (uint256 taskId, TaskView memory state) = _pick(which);
        amount = amount % 50_000 + 1;
        ++done[this.fundTask.selector];
        if (state.terms.token == address(0)) return fund(taskId, amount);
        token.mint(address(this), amount);
        token.approve(MARKET, amount);
        market.fund(taskId, amount, noPermit());
    }

    function withdraw(uint256 which, uint256 amount) external {
        (uint256 taskId, TaskView memory state) = _pick(which);
        vm.prank(state.modelOwner);
        market.withdraw(taskId, amount % (state.balance / 4 + 2), state.modelOwner);
        ++done[this.withdraw.selector];
    }

    function open(uint256 which, uint256 seats) public {
        (uint256 taskId,) = _pick(which);
        openRound(taskId, seats % (CAPACITY + 1));
        ++done[this.open.selector];
    }

    /// @dev In the last round or the one before; if the last is closed, in another one.
    function accept(uint256 which, uint256 back, uint256 first, uint256 count, uint256 seed) external {
        (uint256 taskId, TaskView memory state) = _withOpenRound(which, seed);
        Batch memory batch;
        (batch.taskId, batch.payee, batch.proof.signSeed) = (taskId, PAYEE, bytes32(seed));
        batch.round = state.roundsOpened - 1;
        if (back % 2 == 0 && batch.round > 0 && !market.round(taskId, batch.round - 1).closed) --batch.round;
        batch.indices = _waiting(batch, state, first, count % 3 + 2);
        batch.owners = new OwnerEntry[](batch.indices.length / 2);
        resignAll(batch);
        _levelling.tell(seed);
        _hand(batch, state.terms, seed % 2 == 0 ? 7 : 15);
        ++done[this.accept.selector];
    }

    function finalize(uint256 which, uint256 number) external busy(number) {
        (uint256 taskId, TaskView memory state) = _pick(which);
        number %= state.roundsOpened;
        close(taskId, number);
        market.finalizeRound(taskId, number);
        ++done[this.finalize.selector];
    }

    function claim(uint256 which, uint256 through, uint256 mask) external busy(mask) {
        (uint256 taskId, TaskView memory state) = _pick(which);
        market.claim(taskId, through % (state.roundsOpened + 1), _indices(state, mask));
        ++done[this.claim.selector];
    }

    function claimTo(uint256 which, uint256 index, uint256 tip, uint256 recipient) external busy(tip) {
        (uint256 taskId, TaskView memory state) = _pick(which);
        ClaimOrder[] memory orders = new ClaimOrder[](1);
        index = _earning(taskId, state, index);
        orders[0].taskId = taskId;
        orders[0].index = index;
        orders[0].from = market.ownerAt(taskId, index).nextClaim;
        orders[0].through = state.roundsOpened;
        orders[0].recipient = accounts[recipient % accounts.length];
        (orders[0].maxTip, orders[0].deadline) = (tip % 50, type(uint256).max);
        uint256[] memory tips = new uint256[](1);
        tips[0] = tip % 50;
        vm.prank(market.ownerAt(taskId, index).account);
        market.claimTo(orders, tips, new bytes[](1));
        ++done[this.claimTo.selector];
    }

    function reclaim(uint256 which, uint256 through, uint256 mask, uint256 wait) external {
        (uint256 taskId, TaskView memory state) = _pick(which);
        if (wait % 4 == 0) elapse(190 days);
        market.reclaim(taskId, through % (state.roundsOpened + 1), _indices(state, mask));
        ++done[this.reclaim.selector];
    }

    /// @dev For the first account from a place on that is owed something.
    function collect(uint256 account, uint256 to, uint256 kind) external {
        address owed = kind % 2 == 0 ? address(token) : address(0);
        for (uint256 i = 0; i < accounts.length; ++i) {
            address owner = accounts[(account % accounts.length + i) % accounts.length];
            if (market.owed(owed, owner) == 0) continue;
            vm.prank(owner);
            market.collect{gas: 1_000_000}(owed, owner, accounts[to % accounts.length]); // one of them burns all it gets
            ++done[this.collect.selector];
            return;
        }
    }

    function register(uint256 which) external {
        (uint256 taskId, TaskView memory state) = _pick(which);
        if (state.ownerCount == 40) return;
        _enrol(taskId, state.terms, state.ownerCount);
        ++done[this.register.selector];
    }

    function setAccount(uint256 which, uint256 index, uint256 account) external {
        (uint256 taskId, TaskView memory state) = _pick(which);
        index %= state.ownerCount;
        vm.prank(market.ownerAt(taskId, index).account);
        market.setAccount(taskId, index, accounts[account % accounts.length]);
        ++done[this.setAccount.selector];
    }

    function resign(uint256 which, uint256 index) external busy(index) {
        (uint256 taskId, TaskView memory state) = _pick(which);
        index %= state.ownerCount;
        vm.prank(market.ownerAt(taskId, index).account);
        market.resign(taskId, index);
        ++done[this.resign.selector];
    }

    function lapse(uint256 which, uint256 index, uint256 wait) external {
        (uint256 taskId, TaskView memory state) = _pick(which);
        if (wait % 2 == 0) close(taskId, state.roundsOpened - 1);
        for (uint256 i = 0; i < state.ownerCount; ++i) {
            (bool ok,) =
                MARKET.call(abi.encodeCall(IMarket.lapse, (taskId, (index % state.ownerCount + i) % state.ownerCount)));
            if (!ok) continue;
            ++done[this.lapse.selector];
            return;
        }
    }

    /// @dev Of the first from an index on that leaves, in half of the cases when it can.
    function exit(uint256 which, uint256 index, uint256 wait) external {
        (uint256 taskId, TaskView memory state) = _pick(which);
        for (index %= state.ownerCount; index < state.ownerCount - 1; ++index) {
            OwnerView memory owner = market.ownerAt(taskId, index);
            if (owner.leaving && !owner.exited) break;
        }
        uint256 leavesAt = market.ownerAt(taskId, index).leavesAt;
        if (wait % 2 == 0 && leavesAt > 0) {
            close(taskId, leavesAt - 1);
            (bool claimed,) =
                MARKET.call(abi.encodeCall(IMarket.claim, (taskId, leavesAt, abi.encodePacked(uint16(index)))));
            elapse(claimed ? 7 days + 1 : 7 days);
        }
        market.exit(taskId, index);
        ++done[this.exit.selector];
    }

    function settleFees(uint256 which, uint256 members) external busy(members) {
        Record storage record = lastHeld(which);
        HeldFees memory held = record.held;
        Served memory served;
        bytes memory payload = abi.encode(which);
        if (members % 3 == 0) (served.posted, served.payload) = (keccak256(payload), payload);
        else if (held.challenge == 0 && _time() < held.due) elapse((held.due - _time()) / 2 + 1);
        bytes32 digest = TypedData.availability(domain(), held.batchId, held.challenge, served.posted);
        uint256 receipts = [7, 11, 13, 14, 15][members % 5];
        served.receipts = signaturesBy(receipts, digest);
        if (members % 7 == 0) served.attestations = signaturesBy(15, held.attestation);
        vm.recordLogs();
        market.settleFees(record.taskId, record.number, record.batchIndex, held, served);
        follow(record);
        ++done[this.settleFees.selector];
    }

    function challenge(uint256 which) external busy(which) {
        Record storage record = lastHeld(which);
        vm.prank(market.task(record.taskId).modelOwner);
        vm.recordLogs();
        market.challengeAvailability(record.taskId, record.number, record.batchIndex, record.held);
        follow(record);
        ++done[this.challenge.selector];
    }

    function refundFees(uint256 which) external {
        Record storage record = lastHeld(which);
        if (which % 2 == 0 && _time() <= record.held.due) elapse(record.held.due - _time() + 1);
        if (which % 2 == 0 && record.held.due == 0) close(record.taskId, record.number);
        vm.recordLogs();
        market.refundFees(record.taskId, record.number, record.batchIndex, record.held);
        follow(record);
        ++done[this.refundFees.selector];
    }

    /// @dev In the last round.
    function postSubmission(uint256 which, uint256 index) external {
        TaskView memory state;
        (task, state) = _withOpenRound(which, index);
        post(state.roundsOpened - 1, index % state.ownerCount);
        ++done[this.postSubmission.selector];
    }

    /// @dev Seldom, for who was excluded does not come back.
    function excludeOwner(uint256 which, uint256 index, uint256 back, uint256 luck) external {
        if (luck % 2 != 0) return;
        TaskView memory state;
        (task, state) = _pick(which);
        uint256 last = state.roundsOpened - 1;
        exclude(last > 0 && back % 4 == 0 ? last - 1 : last, index % state.ownerCount);
        ++done[this.excludeOwner.selector];
    }

    function pause(uint256 seed) external {
        vm.prank(GUARDIAN);
        seed % 4 == 0 ? market.pause() : market.resume();
        ++done[this.pause.selector];
    }

    function handOver(uint256 which) external {
        (uint256 taskId, TaskView memory state) = _pick(which);
        address to = accounts[which % accounts.length];
        vm.prank(state.modelOwner);
        market.transferTask(taskId, to);
        vm.prank(to);
        market.acceptTask(taskId);
        ++done[this.handOver.selector];
    }

    function pass(uint256 time) external {
        elapse(time % 1 days);
        ++done[this.pass.selector];
    }

    /// @dev The token, and a recipient, call this from now on, whenever they are paid.
    function plot(uint256 mood, uint256 which, uint256 index, uint256 kind) external {
        (uint256 taskId, TaskView memory state) = _pick(which);
        bytes memory call = abi.encodeCall(IMarket.claim, (taskId, state.roundsOpened, _indices(state, index)));
        if (kind % 6 == 1) call = abi.encodeCall(IMarket.finalizeRound, (taskId, state.roundsOpened - 1));
        if (kind % 6 == 2) call = abi.encodeCall(IMarket.reclaim, (taskId, 1, _indices(state, index)));
        if (kind % 6 == 3) call = abi.encodeCall(IMarket.exit, (taskId, index % state.ownerCount));
        if (kind % 6 == 4) call = abi.encodeCall(IMarket.lapse, (taskId, index % state.ownerCount));
        if (kind % 6 == 5) call = abi.encodeCall(IMarket.collect, (state.terms.token, PAYEE, PAYEE));
        token.feel(MoodyToken.Mood(mood % 5), MARKET, call);
        Reentrant(payable(accounts[3])).arm(MARKET, call);
    }

    function taskCount() external view returns (uint256) {
        return tasks.length;
    }

    function taskAt(uint256 which) external view returns (uint256) {
        return tasks[which];
    }

    function _create(TaskTerms memory t, address with, bool fees) private {
        (t.token, t.capacity, t.lapseRounds) = (with, CAPACITY, 1);
        (t.submitWindow, t.settleWindow, t.availabilityWindow) = (WINDOWS, WINDOWS, WINDOWS);
        (t.permissioned, t.basePay, t.bonusPay) = (with == address(0), with == address(0) ? 100 : 0, 77);
        if (fees) {
            (t.coordinatorBatchFee, t.coordinatorGradientFee, t.deposit) = (50, 5, 1000);
            (t.proverBatchFee, t.proverGradientFee) = (11, 3);
        }
        uint256 taskId = createTask(t);
        tasks.push(taskId);
        for (uint256 index = 0; index < FIRST; ++index) {
            _enrol(taskId, t, index);
        }
    }

    function _enrol(uint256 taskId, TaskTerms memory t, uint256 index) private {
        address signer = ownerAddress(index);
        if (t.token != address(0)) {
            token.mint(signer, t.deposit);
            vm.prank(signer);
            token.approve(MARKET, t.deposit);
        }
        enrol(taskId, signer);
    }

    /// @dev Accepts a batch as it is, and remembers the fees that are held for it.
    function _hand(Batch memory batch, TaskTerms memory t, uint256 members) private {
        bytes32 batchId = batchIdOf(batch);
        bytes32 digest = TypedData.attestation(domain(), attestedOf(batch, batchId));
        batch.attestations = signaturesBy(members, digest);
        vm.recordLogs();
        uint256 batchIndex = hand(batch);
        if (t.coordinatorBatchFee == 0) return;
        HeldFees memory none;
        records.push(Record(batch.taskId, batch.round, batchIndex, none));
        follow(records[records.length - 1]);
    }

    /// @dev Indices of owners from `first` on that are in no batch of the round; of fewer than two, nobody's.
    function _waiting(Batch memory batch, TaskView memory state, uint256 first, uint256 count)
        private
        view
        returns (bytes memory indices)
    {
        RoundView memory current = market.round(batch.taskId, batch.round);
        uint256 bits = market.consumed(batch.taskId, batch.round, 0);
        uint256 end = state.ownerCount < current.limit ? state.ownerCount : current.limit;
        for (uint256 i = first % (state.ownerCount / 2); i < end && indices.length < 2 * count; ++i) {
            if (bits >> i & 1 == 0) indices = bytes.concat(indices, abi.encodePacked(uint16(i)));
        }
    }

    function _indices(TaskView memory state, uint256 mask) private pure returns (bytes memory indices) {
        for (uint256 i = 0; i < state.ownerCount; ++i) {
            if (mask >> i & 1 == 0) indices = bytes.concat(indices, abi.encodePacked(uint16(i)));
        }
    }

    /// @dev The first owner from a place on that has something to claim.
    function _earning(uint256 taskId, TaskView memory state, uint256 index) private view returns (uint256 found) {
        for (uint256 i = 0; i < state.ownerCount; ++i) {
            found = (index % state.ownerCount + i) % state.ownerCount;
            (uint256 amount,) = market.claimable(taskId, found, state.roundsOpened);
            if (amount != 0) break;
        }
    }

    /// @dev The market's time, from the deadline that it shows and the one of its first round.
    function _time() private view returns (uint256) {
        uint256 stopped = market.round(tasks[0], 0).settleDeadline - (START + 2 * WINDOWS);
        return vm.getBlockTimestamp() - stopped;
    }

    /// @dev A task whose last round is not closed: if it was, there is another one.
    function _withOpenRound(uint256 which, uint256 seats) private returns (uint256 taskId, TaskView memory state) {
        (taskId, state) = _pick(which);
        uint256 last = state.roundsOpened - 1;
        if (!market.round(taskId, last).closed) return (taskId, state);
        if (!market.round(taskId, last).finalized) market.finalizeRound(taskId, last);
        open(which, seats);
        state = market.task(taskId);
    }

    function _pick(uint256 which) private view returns (uint256 taskId, TaskView memory state) {
        taskId = tasks[which % tasks.length];
        state = market.task(taskId);
    }

    receive() external payable {}
}
