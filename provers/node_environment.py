"""The party's view of the world, from this node's disk, keys and chain."""

from __future__ import annotations

from circuits.commitment import CommitmentKey
from circuits.errors import ChainError, ClosedError, InvalidInputError, UnknownError
from circuits.groth16 import ProvingKey
from circuits.statement import Context, Policy, TaskTerms
from commons.chain.ports import MarketReader
from commons.chain.serving import require_served
from commons.runtime.clock import Clock
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
        committee_id: int,
        max_dimension: int,
        clock_skew: int,
    ) -> None:
        self._chain = chain
        self._finality = finality
        self._store = store
        self._keystore = keystore
        self._parameters = parameters
        self._clock = clock
        self._committee_id = committee_id
        self._max_dimension = max_dimension
        self._clock_skew = clock_skew

    @property
    def ledger(self) -> LedgerState:
        """The durable ledger's fold."""
        return self._store.ledger

    def terms(self, task_id: int) -> TaskTerms:
        """Terms of a task of this committee; UnknownError for another committee's."""
        terms = self._chain.terms(task_id)
        if terms.committee_id != self._committee_id:
            raise UnknownError(f"task {task_id} is for committee {terms.committee_id}, not for this prover's")
        if terms.dimension > self._max_dimension:
            raise InvalidInputError(
                f"task {task_id} has {terms.dimension} coordinates, this prover takes {self._max_dimension}"
            )
        return terms

    def require_served(self, task_id: int) -> None:
        """Refuse a task that this prover cannot work for.  Raises as ``terms`` and ``commons.chain.serving``."""
        self.terms(task_id)
        require_served(self._chain, self._parameters, self._parameters.proving_key, task_id)

    def policy(self, task_id: int) -> Policy:
        """Policy of a task, as its verifier contract states it."""
        return self._chain.policy(task_id)

    def context(self, task_id: int, round_number: int) -> Context:
        """Context of a round of this committee."""
        self.terms(task_id)
        return self._chain.context(task_id, round_number)

    def opened_at(self, context: Context) -> int:
        """When a round was opened, chain time."""
        record, terms = self._chain.round(context.task_id, context.round), self.terms(context.task_id)
        return record.submit_deadline - terms.submit_window

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

    def require_admissible(self, context: Context, indices: tuple[int, ...]) -> None:
        """Refuse a batch that the market would not take any more."""
        task_id, number = context.task_id, context.round
        record, terms = self._chain.round(task_id, number), self.terms(task_id)
        if record.finalized or self._chain.now() > record.settle_deadline:
            raise ClosedError(f"round {number} of task {task_id} takes no batches any more")
        if record.owners + len(indices) > terms.max_owners_per_round:
            raise ClosedError(f"round {number} of task {task_id} has no room for {len(indices)} more owners")
        taken = [index for index in indices if self._chain.consumed(task_id, number, index)]
        if taken:
            raise ClosedError(f"owners {taken} are in an accepted batch of round {number} already")

    def accepted(self, context: Context, batch_id: bytes) -> Acceptance | None:
        """The acceptance of a batch, once it is final."""
        return self._finality.accepted(context, batch_id)

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

    def share_payload(self, submission: bytes) -> bytes:
        """A stored share as its owner sealed it."""
        return self._store.share_payload(submission)

    def owner_at(self, task_id: int, index: int) -> bytes:
        """Address of the task's owner with a registration index."""
        return self._chain.owner_at(task_id, index)

    def sign(self, digest: bytes) -> bytes:
        """Sign with this prover's key."""
        return self._keystore.sign(digest)
