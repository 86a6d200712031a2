"""What a party's steps may see of the world: terms, keys, its shares and its ledger.  Read-only, no IO of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from circuits.commitment import CommitmentKey
from circuits.groth16 import ProvingKey
from circuits.statement import Committee, Context, Policy
from circuits.terms import TaskTerms
from commons.protocol.references import Opening
from commons.protocol.sumlabels import SumLabel
from commons.sharing.sharevector import ShareVector
from native import G1, FrArray
from provers.party.ledger import LedgerState, Selection


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That the market accepted a batch, as this prover's own node says, at the depth at which it believes it.

    Attributes:
        indices: registration indices of the batch's owners, in order.
        commitment_sum: what was recorded as the sum of their commitments.
    """

    indices: tuple[int, ...]
    commitment_sum: G1


class Environment(Protocol):
    """The party's view of the world.  Every method raises UnknownError for what it does not know."""

    @property
    def ledger(self) -> LedgerState:
        """The fold of everything this prover has done."""

    def terms(self, task_id: int) -> TaskTerms:
        """Terms of a task, from the chain."""

    def policy(self, task_id: int) -> Policy:
        """The policy of a task, from its verifier contract."""

    def context(self, task_id: int, round_number: int) -> Context:
        """The context of a round, from the chain."""

    def released_context(self, task_id: int, round_number: int) -> tuple[Context, Committee]:
        """Context and committee of a round whose sums this prover may release.

        Its members are those with whom this prover was started, now or before.
        """

    def coordinator(self, task_id: int) -> bytes:
        """Address of the task's coordinator at present; its model owner may name another one."""

    def opened_at(self, context: Context) -> int:
        """When a round was opened, chain time in seconds since 1970, whatever has moved its deadlines since."""

    def now(self) -> int:
        """This prover's own clock, seconds since 1970."""

    def require_eligible(self, context: Context, indices: tuple[int, ...]) -> None:
        """Raise ClosedError unless all these owners have a part in the round: a seat, and they do not leave before."""

    def references(self, context: Context) -> Opening:
        """What a graded round was opened with, from the chain; whoever asks holds it against the round's digest."""

    def submissions_over(self, context: Context) -> bool:
        """Whether this prover, by its own node, takes no submissions of a round any more that others did not have."""

    def require_admissible(self, context: Context, indices: tuple[int, ...]) -> None:
        """Raise ClosedError unless the market would still take a batch of these owners.

        The round is open, all have a part in it, and none of them is in an accepted batch.
        """

    def accepted(self, context: Context, batch_id: bytes) -> Acceptance | None:
        """The acceptance of a batch once it is final, None before."""

    def challenge(self, context: Context, batch_id: bytes) -> int:
        """Market time of the model owner's challenge to show a batch's sum, as this prover's own node says; 0 for none.

        Raises ClosedError where the market holds no fees for the batch, and nobody needs to be told any more.
        """

    def commitment_key(self, dimension: int) -> CommitmentKey:
        """Commitment key of a dimension."""

    def proving_key(self, policy: Policy) -> ProvingKey:
        """Proving key of a policy; its verifying key has the hash that the policy names."""

    def shares(self, submission: bytes) -> ShareVector:
        """This prover's share of a submission that it has given a receipt for."""

    def summed(self, selection: Selection) -> FrArray:
        """This prover's share of the sum over a selection's rows, FrArray (d + 129, 4).  Only `release` may send it."""

    def seal_sum(self, share: FrArray, label: SumLabel) -> bytes:
        """A share of a sum, sealed to the label's key; InvalidInputError where nothing may be sealed to that."""

    def share_payload(self, submission: bytes) -> bytes:
        """The share as the owner sealed it (its SHA-256 stands in the signed header)."""

    def owners_at(self, task_id: int, indices: tuple[int, ...]) -> tuple[bytes, ...]:
        """Addresses of the task's owners with these registration indices."""

    @property
    def signers(self) -> frozenset[bytes]:
        """Addresses of the keys that this prover signs with, in rounds of one epoch or another that are not over."""

    def is_revoked(self, signer: bytes) -> bool:
        """Whether the registry says that one of them is given up, and counts no more."""

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest with this prover's key (deterministic, RFC 6979)."""
