"""The party's view of the world, from this node's disk, keys and chain."""

from __future__ import annotations

from collections.abc import Callable

from circuits.commitment import CommitmentKey
from circuits.errors import ChainError, ClosedError, InvalidInputError, UnknownError
from circuits.groth16 import ProvingKey
from circuits.statement import Committee, Context, Membership, Policy
from circuits.terms import TaskTerms
from commons.chain.eligibility import require_eligible
from commons.chain.ports import MarketReader
from commons.chain.serving import require_served
from commons.protocol.references import Opening
from commons.protocol.sealedsums import seal_sum
from commons.protocol.sumlabels import SumLabel
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from commons.sharing.sharevector import ShareVector
from commons.storage.parameters import PublicParameters
from native import FrArray
from provers.finality import Finality
from provers.joining.keystore import Keystore
from provers.party import Acceptance
from provers.party.ledger import LedgerState, Selection
from provers.store import Store


class NodeEnvironment:
    """Implements ``provers.party.Environment`` for one member of one committee."""

    def __init__(
        self,
        chain: MarketReader,
        finality: Finality,
        store: Store,
        keystore: Keystore,
        parameters: PublicParameters,
        clock: Clock,
        *,
        membership: Membership,
        max_dimension: int,
        clock_skew: int,
        signers: Callable[[], frozenset[bytes]],
    ) -> None:
        """Args:
        signers: addresses of the keys of all seats that the prover has not left.
        """
        self._signers = signers
        self._chain = chain
        self._finality = finality
        self._store = store
        self._keystore = keystore
        self._parameters = parameters
        self._clock = clock
        self._membership = membership
        self._max_dimension = max_dimension
        self._clock_skew = clock_skew

    @property
    def ledger(self) -> LedgerState:
        """The durable ledger's fold."""
        return self._store.ledger

    def terms(self, task_id: int) -> TaskTerms:
        """Terms of a task of this committee; UnknownError for another committee's."""
        terms = self._chain.terms(task_id)
        if terms.committee_id != self._membership.committee.committee_id:
            raise UnknownError(
                f"task {shown(task_id)} is for committee {shown(terms.committee_id)}, not for this prover's"
            )
        if terms.dimension > self._max_dimension:
            raise InvalidInputError(
                f"task {shown(task_id)} has {terms.dimension} coordinates, this prover takes {self._max_dimension}"
            )
        return terms

    def coordinator(self, task_id: int) -> bytes:
        """Address of the task's coordinator at present."""
        return self._chain.coordinator(task_id)

    def own_coordinator(self, task_id: int) -> bytes:
        """The same of a task that this prover works for.  Raises as ``terms``."""
        self.terms(task_id)
        return self.coordinator(task_id)

    def require_served(self, task_id: int) -> None:
        """Refuse a task that this prover cannot work for.  Raises as ``terms`` and ``commons.chain.serving``."""
        self.terms(task_id)
        require_served(self._chain, self._parameters, self._parameters.proving_key, task_id)

    def policy(self, task_id: int) -> Policy:
        """Policy of a task, as its verifier contract states it."""
        return self._chain.policy(task_id)

    def context(self, task_id: int, round_number: int) -> Context:
        """Context of a round of this committee, opened when its members were those that this prover shares keys with.

        Raises:
            UnknownError: of another committee, or of its members of another epoch.
        """
        self.terms(task_id)
        if self._chain.committee_of_round(task_id, round_number) != self._membership.committee:
            raise UnknownError(
                f"round {round_number} of task {shown(task_id)} is for other members of the committee than those with "
                "whom this prover was started; start it anew after a change of members"
            )
        return self._chain.context(task_id, round_number)

    def released_context(self, task_id: int, round_number: int) -> tuple[Context, Committee]:
        """Context and committee of a round of this committee, opened when this prover was one of its members.

        Raises:
            UnknownError: of another committee, or of members with whom this prover was never started.
        """
        self.terms(task_id)
        committee = self._chain.committee_of_round(task_id, round_number)
        if not self._store.formers.has(committee, self._membership.index):
            raise UnknownError(
                f"round {round_number} of task {shown(task_id)} is for members of the committee with whom this prover "
                "was never started; ask one that was"
            )
        return self._chain.context(task_id, round_number), committee

    def opened_at(self, context: Context) -> int:
        """When a round was opened, chain time."""
        return self._chain.opened_at(context.task_id, context.round)

    def now(self) -> int:
        """This machine's clock, or the chain's where that is a little ahead.

        Raises:
            ChainError: the chain's time is far ahead.  By a clock that is behind, as after a snapshot was restored, a
                round could seem to be opened later than it was; a node that lies could silence the prover for long.
        """
        own, chain = int(self._clock.time()), self._chain.now()
        if chain > own + self._clock_skew:
            raise ChainError(f"this machine's clock is {chain - own} s behind the chain's; set it, or ask another node")
        return max(own, chain)

    def require_eligible(self, context: Context, indices: tuple[int, ...]) -> None:
        """Refuse owners that have no part in a round."""
        require_eligible(self._chain, context.task_id, context.round, indices)

    def references(self, context: Context) -> Opening:
        """What a graded round was opened with; UnknownError for another."""
        return self._chain.opening(context.task_id, context.round)

    def submissions_over(self, context: Context) -> bool:
        """Whether the round is past its submit deadline, and past the time for which ``Intake`` looks away."""
        record = self._chain.round(context.task_id, context.round)
        return self._chain.now() > record.submit_deadline + self._clock_skew

    def require_admissible(self, context: Context, indices: tuple[int, ...]) -> None:
        """Refuse a batch that the market would not take."""
        task_id, number = context.task_id, context.round
        found = require_eligible(self._chain, task_id, number, indices)
        if found.round.finalized or self._chain.now() > found.round.settle_deadline:
            raise ClosedError(f"round {number} of task {shown(task_id)} takes no batches any more")
        if found.consumed:
            raise ClosedError(f"owners {sorted(found.consumed)} are in an accepted batch of round {number} already")

    def accepted(self, context: Context, batch_id: bytes) -> Acceptance | None:
        """The acceptance of a batch, once it is final."""
        return self._finality.accepted(context, batch_id)

    def challenge(self, context: Context, batch_id: bytes) -> int:
        """Market time of the model owner's challenge of a batch; ClosedError where no fees are held for it."""
        place = context.task_id, context.round
        record = self._chain.recorded(*place, batch_id, 1)
        held = None if record is None else self._chain.held_fees(*place, record.batch_index).get(record.batch_index)
        if held is None or held.batch_id != batch_id:
            raise ClosedError(
                f"the market holds no fees for batch 0x{batch_id.hex()}: they are settled or went back, so "
                "nobody needs a word of this prover"
            )
        return held.challenge

    def commitment_key(self, dimension: int) -> CommitmentKey:
        """Commitment key of a dimension."""
        return self._parameters.commitment_key(dimension)

    def proving_key(self, policy: Policy) -> ProvingKey:
        """Proving key with the hash that the policy names."""
        return self._parameters.proving_key(policy.key_hash)

    def shares(self, submission: bytes) -> ShareVector:
        """This prover's share of a stored submission."""
        record = self._store.find(submission)
        if record is None:
            raise UnknownError(f"no share of submission 0x{submission.hex()} is here")
        return ShareVector.of(self._store.share(submission), record.dimension)

    def summed(self, selection: Selection) -> FrArray:
        """This prover's share of a selection's sum; it is kept, for readers that come after the shares are gone."""
        return self._store.summed(selection)

    def seal_sum(self, share: FrArray, label: SumLabel) -> bytes:
        """Seal with a fresh ephemeral key."""
        return seal_sum(share, label)

    def share_payload(self, submission: bytes) -> bytes:
        """A stored share as its owner sealed it."""
        return self._store.share_payload(submission)

    def owners_at(self, task_id: int, indices: tuple[int, ...]) -> tuple[bytes, ...]:
        """Addresses of the task's owners with these registration indices."""
        return tuple(owner.signer for owner in self._chain.owner_records(task_id, indices))

    @property
    def signers(self) -> frozenset[bytes]:
        """Those of the seats that this prover works for."""
        return self._signers()

    def is_revoked(self, signer: bytes) -> bool:
        """Whether most nodes of each reader say it: one that lies would hide that the ledger is an old copy."""
        return self._finality.is_revoked(self._membership.committee.committee_id, signer)

    def sign(self, digest: bytes) -> bytes:
        """Sign with this prover's key."""
        return self._keystore.sign(digest)
