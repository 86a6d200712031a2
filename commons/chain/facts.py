"""What the contracts hold, as values: tasks, rounds, owners, committees, accepted batches.

Amounts are the smallest unit of the task's token (wei for ether), times seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from circuits.hashing import keccak, words
from circuits.statement import Committee, SubmissionHeader
from circuits.terms import TaskTerms
from native import G1

ROSTER_SIZE = 1 << 16
"""Registration indices of a task.  When all were given out, those of owners that left are given out again."""
ROSTER_CHUNK = 1024
"""Owners of a chunk of a task's roster (`contracts/src/libraries/Roster.sol`)."""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task as the market holds it.

    Attributes:
        model_owner: whose it is now; ``terms.creator`` created it.
        pending_owner: to whom it is offered, None while it is offered to nobody.
        coordinator: signing address of the coordinator now; ``terms.coordinator`` was the first.
        provers: members of its committee.
        balance: what is neither reserved nor assigned to anybody.
        reserved: full reserves of the rounds that are not finalised.
        owners: registration indices given out so far.
        active_owners: owners that are registered and have not left.
        coordinator_changes: how often another coordinator was named; a quorum that names one binds it.
    """

    terms: TaskTerms
    model_owner: bytes
    pending_owner: bytes | None
    coordinator: bytes
    provers: int
    balance: int
    reserved: int
    rounds_opened: int
    owners: int
    active_owners: int
    coordinator_changes: int = 0

    def reserve(self, seats: int) -> int:
        """What opening a round of so many seats takes out of the balance."""
        return self.terms.pay.reserve(seats, self.provers, self.terms.min_owners)


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """A round as the market holds it.

    Attributes:
        submit_deadline: after it the batch is made of what is there.
        settle_deadline: after it no batch is accepted.  Both are moved by a pause of the market's guardian.
        owners: gradients accepted so far.
        seats: most gradients that it accepts; the escrow for all of them is reserved.
        limit: owners with a registration index below it may be accepted.
        epoch: of the committee; the members of that epoch attest.
        spent: pay and fees of the accepted batches.
        aggregate: sum of the commitments of all accepted gradients.
        closed: whether its settle deadline has passed.
    """

    model_digest: bytes
    submit_deadline: int
    settle_deadline: int
    batches: int
    owners: int
    seats: int
    limit: int
    epoch: int
    spent: int
    aggregate: G1
    closed: bool
    finalized: bool

    def ended_with(self, batches: int) -> bool:
        """Whether it has so many batches and takes no more, so that shares of its bonus stay as they are."""
        return self.batches == batches and (self.closed or self.owners >= self.seats > 0)


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    """A registered data owner.

    Attributes:
        signer: address of the key that signs its submissions, for good.
        account: who is paid, and may leave.
        joined_at: first round that it could take part in.
        next_claim: first round that it was not paid for.
        leaves_at: first round that it has no part in, None while it stays.
        free_at: market time after which its deposit is returned, once it is paid; None while it stays, and afterwards.
        exited: whether it has left: its deposit is returned.
        excluded: whether a quorum found a dealing of its bad: its deposit is lost.
    """

    signer: bytes
    account: bytes
    joined_at: int
    next_claim: int
    leaves_at: int | None
    free_at: int | None
    exited: bool
    excluded: bool = False

    def returned(self, deposit: int) -> int:
        """What comes back of its task's deposit when it has left."""
        return 0 if self.excluded else deposit

    def has_part(self, index: int, opened: RoundRecord, number: int) -> bool:
        """Whether the market may accept its gradient in a round: it has a seat, came in time and does not leave before.

        Args:
            index: its registration index.
            opened: the round with that number.
        """
        stays = self.leaves_at is None or number < self.leaves_at
        return index < opened.limit and self.joined_at <= number and stays


@dataclass(frozen=True, slots=True)
class Participants:
    """What the market says of a round and of some owners, at present.

    Attributes:
        owners: in the order in which they were asked for.
        consumed: registration indices of those that are in accepted batches of the round.
    """

    round: RoundRecord
    owners: tuple[OwnerRecord, ...]
    consumed: frozenset[int]


@dataclass(frozen=True, slots=True)
class Claimable:
    """What a claim would pay an owner now, and its first unpaid round afterwards."""

    amount: int
    next_claim: int


@dataclass(frozen=True, slots=True)
class HeldFees:
    """Fees of an accepted batch that are not settled yet.

    Attributes:
        attestation: digest that the members signed who attested the batch.
        owners: gradients of the batch.
        attesters: bit set of the members whose attestations were handed in.
        payee: who gets the coordinator's fee.
        due: market time until which a quorum has to sign that the sum is served; once one has, until which members that
            were left out can be added.  0 when the provers' part is over and only the payee's waits for the end of the
            round.
        challenge: 0, or market time at which the model owner asked for that to be signed anew.
        paid: bit set of the members that were paid.
        payee_paid: whether the payee was; its fee waits until it is certain which owners were ignored in the round.
    """

    batch_id: bytes
    attestation: bytes
    owners: int
    attesters: int
    payee: bytes
    due: int
    challenge: int
    paid: int
    payee_paid: bool = False

    def attested_by(self, member: int) -> bool:
        """Whether a member's attestation was handed in."""
        return bool(self.attesters >> member & 1)

    def is_paid(self, member: int) -> bool:
        """Whether a member was paid."""
        return bool(self.paid >> member & 1)

    def pays(self, member: int) -> bool:
        """Whether a member that says that the sum is served would be paid for it."""
        return self.attested_by(member) and not self.is_paid(member)

    @property
    def provers_through(self) -> bool:
        """Whether provers were paid or never will be: only the payee's fee waits, and members that may be added."""
        return bool(self.paid) or not self.due

    @property
    def words(self) -> tuple[bytes | int, ...]:
        """As the contracts have it, word by word."""
        return (
            self.batch_id, self.attestation, self.owners, self.attesters, self.payee, self.due, self.challenge,
            self.paid, self.payee_paid,
        )  # fmt: skip

    @property
    def digest(self) -> bytes:
        """What the market keeps of them."""
        return keccak(words(*self.words))


@dataclass(frozen=True, slots=True)
class FeesPaid:
    """A settlement of a batch's fees, or a refund of what is left of them.

    Attributes:
        coordinator: what the payee got, 0 when it had got it before.
        members: bit set of the committee's members that were paid.
        each: what each of them got.
        refunded: what went back to the task.
    """

    batch: int
    payee: bytes | None = None
    coordinator: int = 0
    members: int = 0
    each: int = 0
    refunded: int = 0

    @property
    def provers(self) -> int:
        """What all members got together."""
        return self.members.bit_count() * self.each


@dataclass(frozen=True, slots=True)
class PostedSubmission:
    """A submission that its owner put on the chain, because no coordinator takes it.  Not to be believed.

    Attributes:
        submission: digest of the dealing, as the market computed it.
        receipts: signatures of provers that hold their share, by index in the committee.
    """

    submission: bytes
    header: SubmissionHeader
    receipts: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class ExcludedOwner:
    """An owner whose dealing a quorum found bad.

    Attributes:
        index: registration index.
        submission: digest of the dealing.
        deposit: what it lost, in the smallest unit of the task's token; 0 if it was excluded before.
    """

    index: int
    submission: bytes
    deposit: int


@dataclass(frozen=True, slots=True)
class CommitteeRecord:
    """A committee with what its members published; empty for members that have not joined.

    Attributes:
        ready: whether new rounds may be opened: every member has joined, none leaves, no key is revoked.
        epoch: of these members.
    """

    committee: Committee
    endpoints: tuple[str, ...]
    hpke_keys: tuple[bytes, ...]
    ready: bool
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class PendingMember:
    """A change of a committee's member that waits.

    Attributes:
        membership: the member's own number when it rotates its keys, another one when the others replace it.
        due: time from which it may be applied.
        joined: whether that membership has joined; a replacement has to before the change is applied.
    """

    signer: bytes
    hpke_key: bytes
    membership: int
    due: int
    joined: bool


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """The member at an index of a committee.

    Attributes:
        membership: running number of its stay, under which its bond is kept.
        controller: account that rotates and revokes its keys and retires it, and whose the bond is; zeros before it
            joined.
        since: epoch from which this signer sits there.
        bond: what is held for it.
        free_at: time from which the bond can be withdrawn, None while it stays.
        replacements: how many the others have signed for the index; the nonce of the next.
    """

    membership: int
    signer: bytes
    controller: bytes
    endpoint: str
    hpke_key: bytes
    since: int
    joined: bool
    revoked: bool
    bond: int
    free_at: int | None
    replacements: int
    pending: PendingMember | None


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """An accepted batch as its event states it.

    Attributes:
        commitment: sum of the owners' commitments, which the aggregate opens.
        indices: registration index of the owner in each slot.
    """

    batch_index: int
    batch_id: bytes
    commitment: G1
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """An accepted batch with its owners.

    Attributes:
        owners: address of the owner in each slot, as registered now: an index may have been given out again since.
        reward: what each of them earns where proofs give no levels.
        published: what anybody published as its aggregate, where the task puts aggregates on chain; not to be believed.
    """

    task_id: int
    round: int
    record: RecordedBatch
    owners: tuple[bytes, ...]
    reward: int
    published: tuple[bytes, ...] = field(repr=False)
