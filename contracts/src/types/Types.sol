// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Proof} from "./Proofs.sol";

/// @notice Terms of a training task, fixed when it is created. Windows are seconds, amounts the token's smallest unit.
/// @param committeeId Provers, as named by the committee registry. If they bond, their unbonding takes at least as long as
/// the submit, the settle and the availability window together.
/// @param verifier Verifier of the policy key with which batches are proven; made by the market's factory.
/// @param coordinator Signing address of the coordinator that relays for this task at first (`setCoordinator`).
/// @param dimension Coordinates of a gradient, 1 to 2^28.
/// @param fractionBits Fraction bits of the quantisation, at most 62.
/// @param bound Largest squared norm of a quantised gradient, below 2^62.
/// @param minOwners Fewest owners of a batch, at least 2: an aggregate of one owner is that owner's gradient.
/// @param capacity Most owners registered at a time, each of whom may be accepted once a round.
/// @param rounds Number of rounds that may be opened, below 2^20.
/// @param submitWindow Time from the opening of a round in which owners submit.
/// @param settleWindow Time after the submit deadline in which batches are accepted. In its second half the coordinator's
/// fee is whoever's who relays.
/// @param permissioned Whether the model owner admits data owners; otherwise anyone registers.
/// @param inlinePayload Whether aggregates are published on the chain (`publishAggregate`); otherwise provers serve them.
/// @param token What is paid in: zero for ether, or an ERC-20, which is to say what has code, balances and allowances.
/// @param basePay Paid for every accepted gradient; 0 in open tasks, where who registers k accounts would have it k-fold.
/// @param bonusPay Paid by level: all bonuses of a round, `bonusPay` times its accepted gradients, are divided in
/// proportion to levels (`Pay`). The same for everybody where the verifier gives no levels.
/// @param coordinatorBatchFee Paid to the payee of a batch that is accepted, whoever relays it.
/// @param coordinatorGradientFee The same, for each of its gradients.
/// @param proverBatchFee Paid to each prover that attested a batch and serves its sum.
/// @param proverGradientFee The same, for each of its gradients.
/// @param deposit Held for an owner while it is registered; taken for a bad dealing that a quorum signed (`exclude`).
/// Rule: a quarter of it pays the gas of an exclusion, another one the work that a bad dealing costs coordinator and
/// provers.
/// @param lapseRounds An owner that is in no accepted batch of that many settled rounds in a row can be made to leave; 0:
/// never.
/// @param claimWindow Time after a round's settle deadline for which pay is kept for its owner, at least 180 days.
/// @param exitDelay Time after the last round of an owner that leaves, and after its announcement, for which its deposit is
/// kept.
/// @param availabilityWindow Time after the acceptance of a batch in which a quorum has to sign that its sum is served.
/// @param step Levels are bound / step wide, 1 to `dither`; 0, as the two below, where the verifier gives no levels.
/// @param dither The noise under which an owner's number is opened is bound / dither wide; at most 64, and so large that
/// bound <= dither 2^32.
/// @param referenceData Digest of the data on which the model owner computes its references.
/// @param manifest Digest of the manifest that says what the model is and how it is trained; 0: there is none.
/// @param sumKey X25519 public key to which provers seal their shares of sums; 0: sums are public. With one, `inlinePayload` is
/// false.
struct TaskTerms {
    uint64 committeeId;
    address verifier;
    address coordinator;
    uint32 dimension;
    uint8 fractionBits;
    uint64 bound;
    uint16 minOwners;
    uint16 capacity;
    uint32 rounds;
    uint32 submitWindow;
    uint32 settleWindow;
    bool permissioned;
    bool inlinePayload;
    address token;
    uint128 basePay;
    uint128 bonusPay;
    uint128 coordinatorBatchFee;
    uint128 coordinatorGradientFee;
    uint128 proverBatchFee;
    uint128 proverGradientFee;
    uint128 deposit;
    uint8 lapseRounds;
    uint32 claimWindow;
    uint32 exitDelay;
    uint32 availabilityWindow;
    uint8 step;
    uint8 dither;
    bytes32 referenceData;
    bytes32 manifest;
    bytes32 sumKey;
}

/// @notice A data owner's signed submission inside a batch.
/// @param cx Affine coordinates of the commitment to the gradient.
/// @param cy See `cx`.
/// @param r EIP-2098 compact signature over the EIP-712 submission.
/// @param vs See `r`.
struct OwnerEntry {
    uint256 cx;
    uint256 cy;
    bytes32 r;
    bytes32 vs;
}

/// @notice One copy of a round's reference. It is dealt like a submission, and in one cohort at most.
/// @param cx Affine coordinates of the commitment to it.
/// @param cy See `cx`.
/// @param sharesRoot Keccak of the digests of all provers' share payloads.
struct Reference {
    uint256 cx;
    uint256 cy;
    bytes32 sharesRoot;
}

/// @notice Behind the modelDigest of a round with a reference, and which copy a batch was graded against.
/// @param modelDigest Keccak of the model.
/// @param references As in `RoundReferenced`.
/// @param copy Place of the copy among them.
/// @param dealer Who dealt it: the model owner of the time at which the round was opened. The market does not compare it, for
/// nothing rests on it here: a wrong one gives an identifier that no honest prover has attested.
struct ReferenceOpening {
    bytes32 modelDigest;
    Reference[] references;
    uint256 copy;
    address dealer;
}

/// @notice A prover's EIP-2098 signature over the EIP-712 attestation of a batch.
/// @param member Index of the prover in its committee.
struct Attestation {
    uint8 member;
    bytes32 r;
    bytes32 vs;
}

/// @notice A batch of owners' gradients as it is handed to the market.
/// @param indices Registration indices of the owners, ascending, two big-endian bytes each.
/// @param owners Their submissions, in the same order.
/// @param payee Who gets the coordinator's fee; attested, so that a relay cannot change it.
/// @param attestations Signatures of a quorum of the committee, ascending by member.
struct Batch {
    uint256 taskId;
    uint256 round;
    address payee;
    bytes indices;
    OwnerEntry[] owners;
    Proof proof;
    Attestation[] attestations;
}

/// @notice State of a round as the market reports it. Deadlines are block times: where they lie if no further pause
/// moves them.
/// @param modelDigest What the round binds as its model: the Keccak of it, or of an opening with references.
/// @param owners Gradients accepted so far, over all batches.
/// @param seats Most gradients that the round accepts; the escrow for all of them is reserved.
/// @param limit Owners of registration indices below it may be accepted.
/// @param epoch The committee's epoch, whose members attest.
/// @param levels Sum of the levels of the accepted gradients.
/// @param spent Amount assigned to accepted batches so far: pay and fees.
/// @param aggregateX Sum of the commitments of all accepted gradients, each times its weight.
/// @param aggregateY See `aggregateX`.
/// @param closed Whether its settle deadline has passed.
struct RoundView {
    bytes32 modelDigest;
    uint256 submitDeadline;
    uint256 settleDeadline;
    uint256 batches;
    uint256 owners;
    uint256 seats;
    uint256 limit;
    uint256 epoch;
    uint256 levels;
    uint256 spent;
    uint256 aggregateX;
    uint256 aggregateY;
    bool closed;
    bool finalized;
}

/// @notice State of a task as the market reports it.
/// @param creator Who created it; part of its identifier and of `termsHash`.
/// @param modelOwner Whose it is now.
/// @param pendingOwner To whom it is offered (`transferTask`), or zero.
/// @param coordinator Signing address of the coordinator now.
/// @param provers Members of its committee.
/// @param balance Amount that is neither reserved for a round nor assigned to anybody.
/// @param reserved Full reserves of the rounds that are not finalised, whether assigned meanwhile or not.
/// @param roundsOpened Rounds opened so far.
/// @param ownerCount Registration indices given out so far.
/// @param activeOwners Owners that are registered and have not left.
/// @param termsHash Hash of deployment, task, creator and terms, which submissions, proofs and attestations bind.
/// @param coordinatorChanges How often another coordinator was named; `setCoordinatorByQuorum` binds it.
struct TaskView {
    TaskTerms terms;
    address creator;
    address modelOwner;
    address pendingOwner;
    address coordinator;
    uint256 provers;
    uint256 balance;
    uint256 reserved;
    uint256 roundsOpened;
    uint256 ownerCount;
    uint256 activeOwners;
    bytes32 termsHash;
    uint256 coordinatorChanges;
}

/// @notice A registered data owner.
/// @param signer Address of the key that signs its submissions; for good.
/// @param account Who is paid, and may leave.
/// @param joinedAt First round that it can take part in. Provers attest no batch of an earlier round with it: where its index is
/// another's that left, it has no seat there.
/// @param nextClaim First round for which it was not paid yet.
/// @param leaving Whether it leaves; it has no part in rounds from `leavesAt` on.
/// @param leavesAt See `leaving`.
/// @param freeAt Market time after which its deposit is returned, once it is paid; 0 while it stays, and after it has left.
/// @param exited Whether it has left: its deposit is returned, its capacity free.
/// @param excluded Whether a quorum found a dealing of its bad: its deposit is lost.
struct OwnerView {
    address signer;
    address account;
    uint256 joinedAt;
    uint256 nextClaim;
    bool leaving;
    uint256 leavesAt;
    uint256 freeAt;
    bool exited;
    bool excluded;
}

/// @notice An owner's order to pay what it is owed elsewhere; signed by its account, carried out by anybody.
/// @param index Registration index.
/// @param from The owner's `nextClaim` when it signs, which makes an order work once.
/// @param through First round that is not paid for.
/// @param recipient Who gets the pay.
/// @param maxTip Most of it that goes to the relayer instead.
/// @param deadline Block time after which the order is worth nothing.
struct ClaimOrder {
    uint256 taskId;
    uint256 index;
    uint256 from;
    uint256 through;
    address recipient;
    uint256 maxTip;
    uint256 deadline;
}

/// @notice An EIP-2612 permit for the amount that is pulled; with deadline 0 there is none.
struct Permit {
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice Fees of an accepted batch that are not settled yet; the market keeps its hash.
/// @param attestation Digest that the members signed who attested the batch.
/// @param owners Gradients of the batch.
/// @param attesters Bit set of the members whose attestations were handed in, with the batch or later.
/// @param payee Who gets the coordinator's fee.
/// @param due Market time until which a quorum has to sign that the sum is served; once one has, until which members
/// that were left out can be added. 0 when the provers' part is over and only the payee's waits for the end of the
/// round.
/// @param challenge 0, or market time at which the model owner asked for availability to be signed again.
/// @param paid Bit set of the members that were paid.
/// @param payeePaid Whether the payee was.
struct HeldFees {
    bytes32 batchId;
    bytes32 attestation;
    uint256 owners;
    uint256 attesters;
    address payee;
    uint256 due;
    uint256 challenge;
    uint256 paid;
    bool payeePaid;
}

/// @notice What shows that a batch's sum is to be had, and who is to be paid for it.
/// @param posted Zero, or what holds the encoded aggregate: the keccak of `payload`, or the versioned hash (EIP-4844) of
/// the transaction's first blob.
/// @param payload Empty, or the aggregate itself, which is then published as by `publishAggregate`.
/// @param receipts A quorum's signatures over Availability(bytes32 batchId,uint256 challenge,bytes32 posted).
/// @param attestations Empty, or a quorum's signatures over the batch: of members that the batch was handed in without.
struct Served {
    bytes32 posted;
    bytes payload;
    Attestation[] receipts;
    Attestation[] attestations;
}

/// @notice A submission that its owner posts on the chain: all that the coordinator needs to take it.
/// @param entry Commitment, and the signature of the submission.
/// @param r EIP-2098 compact signature over the EIP-712 dealing.
/// @param vs See `r`.
/// @param shareDigests SHA-256 of each prover's share payload, in order of prover.
/// @param receipts A quorum's EIP-712 receipts of its shares, ascending by member.
struct Posting {
    OwnerEntry entry;
    bytes32 r;
    bytes32 vs;
    bytes32[] shareDigests;
    Attestation[] receipts;
}
