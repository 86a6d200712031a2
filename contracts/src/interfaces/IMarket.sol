// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation, Batch, ClaimOrder, HeldFees, Permit, Served, TaskTerms} from "../types/Types.sol";
import {IExclusions} from "./IExclusions.sol";
import {IGradedMarket} from "./IGradedMarket.sol";
import {IMarketViews} from "./IMarketViews.sol";

/// @title Market for gradients
/// @notice A model owner posts a task with its pay in escrow; batches of owners' gradients are accepted by proof; owners are
/// paid, and so are who relayed and who attested. Nobody has to be trusted for the escrow: money leaves it to those whom an
/// accepted batch names, and back to the model owner what no open round can still spend.
/// @dev Amounts are the task's token's smallest unit; ether is the token zero.
interface IMarket is IMarketViews, IExclusions, IGradedMarket {
    /// @notice The named term is out of range.
    error TermsInvalid(string term);
    /// @notice No task has this identifier.
    error TaskUnknown(uint256 taskId);
    /// @notice The task exists already: same creator, nonce and terms.
    error TaskExists(uint256 taskId);
    /// @notice The round was not opened.
    error RoundUnknown(uint256 taskId, uint256 round);
    /// @notice No accepted batch of the round has this number.
    error BatchUnknown(uint256 taskId, uint256 round, uint256 batchIndex);
    /// @notice No owner of the task has this index.
    error OwnerUnknown(uint256 taskId, uint256 index);
    /// @notice Only the model owner of the task may do this.
    error NotModelOwner(uint256 taskId, address caller);
    /// @notice Only whom the task was offered to may take it.
    error NotPendingOwner(uint256 taskId, address caller);
    /// @notice Only the owner's account may do this, or what it signed.
    error NotTheAccount(uint256 taskId, uint256 index, address account);
    /// @notice Only the model owner or the coordinator of the task may do this.
    error NotModelOwnerOrCoordinator(uint256 taskId, address caller);
    /// @notice The task is open: owners need not be admitted, they register (`register`).
    error TaskOpen(uint256 taskId);
    /// @notice The model owner has not admitted this signer to the task (`admit`).
    error NotAdmitted(uint256 taskId, address signer);
    /// @notice The signer is registered already, or was; one that left registers with another key.
    error AlreadyRegistered(uint256 taskId, address signer);
    /// @notice The zero address cannot be an owner, a coordinator, a recipient or a model owner.
    error AddressInvalid();
    /// @notice Credits are not paid to the zero address, and elsewhere than to their account only by its own call. Name a
    /// recipient, or call from the account.
    error RecipientInvalid();
    /// @notice The signature is not that of the key that is to be registered, for this task and account.
    error ConsentInvalid(address signer);
    /// @notice As many owners are registered as the task holds; wait until one leaves or lapses.
    error TaskFull(uint256 taskId);
    /// @notice The owner leaves, or has left, already.
    error AlreadyLeaving(uint256 taskId, uint256 index);
    /// @notice The owner is not to lapse: in the last `lapseRounds` rounds there is one that is open, without a batch or a
    /// seat for it, with its gradient or a submission that it posted, or whose submit window was over when it was
    /// registered, within an hour; or the task has no such term.
    error NotDormant(uint256 taskId, uint256 index);
    /// @notice The owner cannot exit yet: it has not asked to leave, or not long enough ago; a round that it may be in is not
    /// closed for long enough; or pay of its is left to claim.
    error ExitTooEarly(uint256 taskId, uint256 index);
    /// @notice The chunk of the roster has no owners beyond those already compacted.
    error RosterCompact(uint256 taskId, uint256 chunk);
    /// @notice The escrow of a task stays below 2^128.
    error FundsInvalid(uint256 amount);
    /// @notice The task's free balance does not cover this; fund it first.
    error InsufficientEscrow(uint256 needed, uint256 available);
    /// @notice The committee cannot take new rounds: a member has not joined, leaves, or its key was revoked.
    error CommitteeNotReady(uint256 committeeId);
    /// @notice All rounds of the task were opened.
    error RoundsExhausted(uint256 taskId);
    /// @notice A round has at most as many seats as the task holds owners.
    error SeatsInvalid(uint256 seats, uint256 capacity);
    /// @notice The last round has no accepted batch yet; wait for one, or finalise it after its deadline.
    error PreviousRoundUnsettled(uint256 taskId, uint256 round);
    /// @notice The coordinator can be replaced while no round is open, or when the last one has no batch by half of its settle
    /// window and no other is open; one that a quorum named, by the model owner only when this round, opened later, is closed.
    error CoordinatorActive(uint256 taskId, uint256 round);
    /// @notice The guardian has paused the acceptance of batches; the rounds' deadlines move by as much.
    error AcceptancePaused();
    /// @notice Only the guardian may do this.
    error NotGuardian(address caller);
    /// @notice A pause has to be over, and the last one to have begun long enough ago, before the next begins.
    error PauseTooSoon(uint256 possibleAt);
    /// @notice Nothing is paused.
    error NotPaused();
    /// @notice The round takes batches only until its settle deadline.
    error RoundClosed(uint256 taskId, uint256 round);
    /// @notice This can be done only after the round's settle deadline: to finalise it, or to pay coordinator's fees
    /// that wait for it.
    error RoundStillOpen(uint256 taskId, uint256 round);
    /// @notice The round was finalised before.
    error RoundAlreadyFinalized(uint256 taskId, uint256 round);
    /// @notice The batch has fewer owners than the task's minimum.
    error TooFewOwners(uint256 owners, uint256 minimum);
    /// @notice The round would accept more gradients than it has seats.
    error TooManyOwners(uint256 owners, uint256 maximum);
    /// @notice The owner registered when all seats of the round were taken; it can take part in the next one.
    error OwnerHasNoSeat(uint256 index, uint256 limit);
    /// @notice A batch has two bytes of index for each owner, no more and no less.
    error IndicesInvalid(uint256 length, uint256 owners);
    /// @notice Owners must ascend strictly by registration index.
    error OwnersNotAscending(uint256 slot);
    /// @notice The signature in this slot is not that of the owner registered under the index; of a posting (slot 0):
    /// one of its two.
    error SubmissionInvalid(uint256 slot, uint256 index);
    /// @notice The owner is in an accepted batch of this round already.
    error OwnerAlreadyAccepted(uint256 slot, uint256 index);
    /// @notice The task's aggregates are served by provers, not published on the chain (`inlinePayload`).
    error PayloadNotInline(uint256 taskId);
    /// @notice A published aggregate has 1 to 16,384 bytes.
    error PayloadLengthInvalid(uint256 length);
    /// @notice For none of the owners there is anything to settle up to that round: they were paid, or have to wait until the
    /// round is closed.
    error NothingToClaim(uint256 taskId, uint256 through);
    /// @notice As many tips and signatures as orders are handed in.
    error OrdersInvalid(uint256 orders, uint256 tips, uint256 signatures);
    /// @notice None of the orders was carried out; the last of them not for this reason, the selector of `OrderStale`,
    /// `OrderExpired`, `NotTheAccount` or `AddressInvalid`.
    error NoOrderCarriedOut(bytes4 reason);
    /// @notice The order is not for what its owner is owed now: it was carried out, or somebody claimed meanwhile. Its account
    /// signs another one. Only a reason (`OrderPassedOver`).
    error OrderStale();
    /// @notice The order's deadline has passed; its account signs another one. Only a reason (`OrderPassedOver`).
    error OrderExpired();
    /// @notice The tip is above what the order allows, or above the pay.
    error TipTooHigh(uint256 tip, uint256 allowed);
    /// @notice Pay of that round is kept for its owners for longer.
    error ClaimsNotExpired(uint256 taskId, uint256 round);
    /// @notice There is no such credit.
    error NothingOwed(address token, address account);
    /// @notice A payment, or a contract account's check of a signature, is handed a fixed amount of gas; the transaction has
    /// too little left for it. Send it with more.
    error GasTooLow();
    /// @notice These are not the fees that the market holds for the batch, or it holds none any more.
    error FeesUnknown(uint256 taskId, uint256 round, uint256 batchIndex);
    /// @notice The sum's availability was not signed in time, or the time to add members has passed; what is left of the
    /// fees can be refunded (`refundFees`).
    error AvailabilityOverdue(uint256 due);
    /// @notice All members that signed both the batch and its availability were paid before.
    error ProversPaid(uint256 paid);
    /// @notice What is said to be posted is neither the payload nor a blob of this transaction.
    error NotPosted(bytes32 posted);
    /// @notice The fees are released when the time for a challenge has passed.
    error ChallengeStillPossible(uint256 due);
    /// @notice What is left of the fees can be refunded only then.
    error AvailabilityNotOverdue(uint256 due);
    /// @notice A batch is challenged once, in the first half of its availability window, and before its provers were paid.
    error ChallengeImpossible(uint256 due);

    /// @notice A task was created.
    event TaskCreated(uint256 indexed taskId, address indexed creator, TaskTerms terms);
    /// @notice A task was offered to another model owner.
    event TaskOffered(uint256 indexed taskId, address indexed modelOwner, address indexed to);
    /// @notice A task has another model owner.
    event TaskTransferred(uint256 indexed taskId, address indexed from, address indexed to);
    /// @notice A task has another coordinator.
    event CoordinatorChanged(uint256 indexed taskId, address indexed coordinator);
    /// @notice A task was funded.
    event TaskFunded(uint256 indexed taskId, address indexed funder, uint256 amount);
    /// @notice The model owner admitted a signer to a permissioned task.
    event OwnerAdmitted(uint256 indexed taskId, address indexed signer);
    /// @notice An owner was registered.
    event OwnerRegistered(uint256 indexed taskId, address indexed signer, uint256 index, address account);
    /// @notice An owner has another account.
    event AccountChanged(uint256 indexed taskId, uint256 indexed index, address account);
    /// @notice An owner leaves: it has no part in rounds from this one on.
    event OwnerLeaving(uint256 indexed taskId, uint256 indexed index, uint256 leavesAt);
    /// @notice An owner has left, and got its deposit back.
    event OwnerExited(uint256 indexed taskId, uint256 indexed index, uint256 deposit);
    /// @notice A chunk of the owners was copied for cheaper reading.
    event RosterCompacted(uint256 indexed taskId, uint256 chunk, uint256 count);
    /// @notice A round was opened; owners train the model of that digest. Deadlines are block times if nothing is paused.
    event RoundOpened(
        uint256 indexed taskId,
        uint256 indexed round,
        bytes32 modelDigest,
        uint256 submitDeadline,
        uint256 settleDeadline,
        uint256 seats
    );
    /// @notice A batch was accepted: every owner of it is owed its pay, and provers may now release their shares of its sum.
    /// @param batchId Transcript state that binds deployment, task, terms, round, model, owners, projections and Gram
    /// matrix; where gradients are graded, the opened numbers too.
    /// @param commitmentX Sum of the owners' commitments, each times its weight, which the aggregate opens.
    /// @param commitmentY See `commitmentX`.
    /// @param indices Registration indices of the owners in slot order, two big-endian bytes each.
    event BatchAccepted(
        uint256 indexed taskId,
        uint256 indexed round,
        bytes32 indexed batchId,
        uint256 batchIndex,
        uint256 commitmentX,
        uint256 commitmentY,
        bytes indices
    );
    /// @notice The fees of a batch are held, or held under new circumstances.
    event FeesHeld(uint256 indexed taskId, uint256 indexed round, uint256 indexed batchIndex, HeldFees held);
    /// @notice Fees of a batch were credited.
    /// @param coordinatorFee What the payee got; 0 when it had got it before, or has to wait for the end of the round.
    /// @param paid Bit set of the members that were paid now.
    /// @param proverFee What each of them got.
    event FeesPaid(
        uint256 indexed taskId,
        uint256 indexed round,
        uint256 indexed batchIndex,
        address payee,
        uint256 coordinatorFee,
        uint256 paid,
        uint256 proverFee
    );
    /// @notice What was left of a batch's fees went back to the task's balance.
    event FeesRefunded(uint256 indexed taskId, uint256 indexed round, uint256 indexed batchIndex, uint256 amount);
    /// @notice Somebody published what should be the encoded aggregate of a batch. Nothing was checked: a reader takes
    /// the first payload that opens the commitment of `BatchAccepted`.
    event AggregatePublished(uint256 indexed taskId, uint256 indexed round, uint256 indexed batchIndex, bytes payload);
    /// @notice An owner was paid for its accepted gradients of rounds [from, through).
    /// @param recipient Who got it: the owner's account, or whom it named.
    /// @param tip What of the amount went to the relayer.
    event OwnerPaid(
        uint256 indexed taskId,
        uint256 indexed index,
        address indexed recipient,
        uint256 from,
        uint256 through,
        uint256 amount,
        uint256 tip
    );
    /// @notice An order was not carried out.
    /// @param reason Selector of `OrderStale`, `OrderExpired`, `NotTheAccount` or `AddressInvalid`.
    event OrderPassedOver(uint256 indexed taskId, uint256 indexed index, bytes4 reason);
    /// @notice Pay that nobody claimed in time went back to the task's balance.
    event PayReclaimed(uint256 indexed taskId, uint256 indexed index, uint256 from, uint256 through, uint256 amount);
    /// @notice An account was credited.
    event Credited(address indexed token, address indexed account, uint256 amount);
    /// @notice A credit was collected.
    event Collected(address indexed token, address indexed account, address to, uint256 amount);
    /// @notice A round ended and its unspent reserve went back to the task's balance.
    event RoundFinalized(uint256 indexed taskId, uint256 indexed round, uint256 released);
    /// @notice The model owner took money out of the task's balance.
    event Withdrawn(uint256 indexed taskId, address indexed to, uint256 amount);
    /// @notice Acceptance was paused, at most until then.
    event Paused(uint256 until);
    /// @notice Acceptance goes on; all deadlines have moved by that many seconds in all since the market was created.
    event Resumed(uint256 stopped);

    /// @notice Creates a task; the caller becomes its model owner. Fund it before opening a round.
    /// @param nonce Of the caller's choice; tells tasks of the same terms apart.
    /// @return taskId Low 64 bits of keccak256(abi.encode(keccak256("gradroll/v1/task"), deployment, creator, nonce,
    /// keccak256(abi.encode(terms)))), so that nobody else's task can come to have it.
    function createTask(TaskTerms calldata terms, uint256 nonce) external returns (uint256 taskId);

    /// @notice Offers the task to another model owner, or with zero to nobody; model owner only.
    function transferTask(uint256 taskId, address to) external;

    /// @notice Takes a task that was offered to the caller, with its balance.
    function acceptTask(uint256 taskId) external;

    /// @notice Names another coordinator; model owner only, while no round is open or when the only one has no batch by half of its
    /// settle window. When a quorum has named one, not before a further round was opened and is closed.
    function setCoordinator(uint256 taskId, address coordinator) external;

    /// @notice The same by a quorum of the committee's present epoch, whoever was named before; anyone may send it.
    /// @param receipts Signatures over Coordinator(uint256 taskId,uint256 round,uint256 change,address coordinator),
    /// with the number of rounds opened as round and `TaskView.coordinatorChanges` as change: what was signed works
    /// once, and not after somebody else has named a coordinator, or a round was opened.
    function setCoordinatorByQuorum(uint256 taskId, address coordinator, Attestation[] calldata receipts) external;

    /// @notice Adds to the task's balance. Anyone may fund a task; only its model owner can withdraw.
    /// @param amount Equal to the sent ether, or pulled from the caller.
    function fund(uint256 taskId, uint256 amount, Permit calldata permit) external payable;

    /// @notice Pays money of the task's balance out; model owner only.
    function withdraw(uint256 taskId, uint256 amount, address to) external;

    /// @notice Lets signers register as data owners of a permissioned task; model owner only. Those already admitted are
    /// passed over.
    function admit(uint256 taskId, address[] calldata signers) external;

    /// @notice Registers a data owner with the task's deposit; the caller is its account.
    /// @param signer Whose key signs the owner's submissions. That key alone decides what is submitted; it cannot be changed.
    /// @param consent Empty if the signer is the caller, otherwise the signer's EIP-712 signature (65 bytes) over
    /// Registration(uint256 taskId,bytes32 termsHash,address account). It binds the terms because identifiers have 64 bits:
    /// a creator finds two tasks of its own with one, and could exchange them in a reorganisation. An account that
    /// registers its own key binds the exact deposit only; it waits until the task is final.
    /// @return index The owner's registration index.
    function register(uint256 taskId, address signer, bytes calldata consent, Permit calldata permit)
        external
        payable
        returns (uint256 index);

    /// @notice Hands an owner over to another account; the present account only.
    function setAccount(uint256 taskId, uint256 index, address account) external;

    /// @notice Announces that an owner has no part in further rounds; its account only.
    function resign(uint256 taskId, uint256 index) external;

    /// @notice The same for an owner that stayed away from the last `lapseRounds` rounds, having been there in time: in no
    /// accepted batch of theirs, without having posted; anyone may call.
    function lapse(uint256 taskId, uint256 index) external;

    /// @notice Returns the deposit of an owner that leaves, `exitDelay` after its last possible round and after it announced to
    /// leave (rounded up to a whole hour); anyone may call. What it is owed has to be claimed before.
    function exit(uint256 taskId, uint256 index) external;

    /// @notice Copies the signers of indices [1024 chunk, 1024 chunk + 1024) that are registered by now into the code of a data
    /// contract, from which batches read them for less: 2,000 gas less an owner, for some 6,500 gas an owner once. A later copy
    /// of the same chunk costs as much for all its owners again. Only the model owner and the coordinator may call, for
    /// small batches of a large copy cost more. Nothing else changes by it.
    /// @return count Owners in the copy.
    function compactRoster(uint256 taskId, uint256 chunk) external returns (uint256 count);

    /// @notice Opens the next round and reserves its largest spending; model owner only.
    /// @param modelDigest Keccak of the model on which owners compute their gradients.
    /// @param seats Most gradients; at least the owners registered now are taken.
    /// @return number Its number, ascending from 0.
    function openRound(uint256 taskId, bytes32 modelDigest, uint256 seats) external returns (uint256 number);

    /// @notice Accepts a proven batch of signed gradients that a quorum of the committee attested; anyone may call. The
    /// batch has no aggregate in it: provers release their shares of the sum only once the batch is accepted, so with
    /// at most t of them corrupt nobody sees an aggregate that is not paid for.
    /// @dev Reverts with errors of this interface, `IVerifier`, `ICommitteeRegistry` or `BN254.PointInvalid`. What may have been true when
    /// the batch was attested and is not any more is checked first, before any signature.
    /// @return batchIndex Number of the batch in its round.
    function acceptBatch(Batch calldata batch) external returns (uint256 batchIndex);

    /// @notice Publishes the encoded aggregate of an accepted batch of a task with `inlinePayload` in the log; anyone
    /// may call, any number of times. Its content is not checked here: readers check that it opens the batch's
    /// commitment.
    /// @param number The round.
    /// @param payload 1 to 16,384 bytes.
    function publishAggregate(uint256 taskId, uint256 number, uint256 batchIndex, bytes calldata payload) external;

    /// @notice Ends a round after its settle deadline and releases the unspent reserve; anyone may call.
    function finalizeRound(uint256 taskId, uint256 number) external;

    /// @notice Pays owners for all their accepted gradients of rounds before `through` that they were not paid for; anyone may
    /// call. Each owner's pay goes to its account; if that does not take it, it is credited (`collect`). Owners that
    /// are owed nothing are passed over, and marked as settled.
    /// @param through First round that is not paid for; rounds that were not opened are left out.
    /// @param indices Registration indices, two big-endian bytes each.
    /// @return paid Amount in all.
    function claim(uint256 taskId, uint256 through, bytes calldata indices) external returns (uint256 paid);

    /// @notice Carries out owners' orders to be paid elsewhere; anyone may call, and keeps the tips. Orders that are stale,
    /// expired or not signed by the owner's account (any more) are passed over, so that nobody can make a relayer lose all
    /// by spoiling one.
    /// @param tips Of each order's pay, to the caller; at most what the order allows.
    /// @param signatures EIP-712 signatures of the owners' accounts (ERC-1271 for contracts) over Claim(uint256 taskId,uint256
    /// index,uint256 from,uint256 through,address recipient,uint256 maxTip,uint256 deadline); empty for those of the caller.
    /// @return carriedOut How many were carried out, at least one.
    function claimTo(ClaimOrder[] calldata orders, uint256[] calldata tips, bytes[] calldata signatures)
        external
        returns (uint256 carriedOut);

    /// @notice Takes pay of rounds before `through` that was not claimed within `claimWindow` back into the task's balance;
    /// anyone may call.
    function reclaim(uint256 taskId, uint256 through, bytes calldata indices) external returns (uint256 amount);

    /// @notice Pays a credit out; to another recipient only for its account.
    /// @dev Reverts with `RecipientInvalid`, `NothingOwed`, and with `Funds.TransferFailed` if the recipient or the token refuses.
    function collect(address token, address account, address to) external returns (uint256 amount);

    /// @notice Credits the fees of an accepted batch, once a quorum signed that its sum is served: to its payee, and to
    /// each prover that attested the batch and signed this too. Anyone may call, from the middle of the availability
    /// window (or, after a challenge or for a posted sum, at once) until the fees are due. From then on for another
    /// window members that were left out can be added, by calling again with their signatures among those of a quorum.
    /// A challenge, or somebody else's call, in front of one that posts a sum makes the latter revert, for it changes what is
    /// held: it costs the poster its calldata, and no fee. It is safe from the former in the second half of the window, and
    /// from the latter no posting is needed any more: receipts alone pay those that were left out.
    /// The payee's part is less where owners were ignored, and waits until that is certain (`Fees`); then `refundFees`
    /// pays it.
    /// @param held What `FeesHeld` said last of the batch.
    function settleFees(
        uint256 taskId,
        uint256 number,
        uint256 batchIndex,
        HeldFees calldata held,
        Served calldata served
    ) external;

    /// @notice Asks the quorum to sign availability anew, because the sum is not to be had; model owner only, once a batch, in the
    /// first half of its availability window.
    function challengeAvailability(uint256 taskId, uint256 number, uint256 batchIndex, HeldFees calldata held) external;

    /// @notice Returns what is left of the provers' fees of a batch to the task once they are due, and credits the
    /// payee if that was not done; anyone may call. Where the payee has to wait until nobody is ignored, it is called
    /// once more then.
    function refundFees(uint256 taskId, uint256 number, uint256 batchIndex, HeldFees calldata held) external;

    /// @notice Pauses the acceptance of batches, for at most `MAX_PAUSE`; guardian only. The deadlines of all rounds move by as
    /// much. Claims, refunds and withdrawals go on.
    function pause() external;

    /// @notice Ends a pause; guardian only.
    function resume() external;
}
