"""What a step needs to know of the chain, asked before the lock of all steps is taken.

A step runs with what is known of the chain by then.  Where it needs more, it stops; the node is asked, which may take
as long as it likes, and the step runs again from its beginning: it is a pure function of the party, so that nothing has
happened.  Steps ask first and compute then, so little is computed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from circuits.commitment import CommitmentKey
from circuits.errors import GradrollError
from circuits.groth16 import ProvingKey
from circuits.statement import Committee, Context, Policy
from circuits.terms import TaskTerms
from commons.protocol.references import Opening
from commons.protocol.sumlabels import SumLabel
from commons.sharing.sharevector import ShareVector
from native import FrArray
from provers.party.environment import Acceptance, Environment
from provers.party.ledger import LedgerState, Selection

T = TypeVar("T")
Fact = tuple[Any, ...]


class UnforeseenError(Exception):
    """A step needs a fact that was not asked for yet.  No error of the catalogue: nobody else sees it."""

    def __init__(self, fact: Fact, ask: Callable[[], object]) -> None:
        super().__init__(str(fact[0]))
        self.fact = fact
        self.ask = ask


class Foresight:
    """The environment of one step.  Implements ``Environment``; what is on disk is asked at once.

    An error that a node raised is a fact as well.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._facts: dict[Fact, tuple[object, GradrollError | None]] = {}

    def learn(self, missing: UnforeseenError) -> None:
        """Ask for a fact; call it while no lock is held."""
        try:
            self._facts[missing.fact] = (missing.ask(), None)
        except GradrollError as error:
            self._facts[missing.fact] = (None, error)

    def _known(self, ask: Callable[..., T], *arguments: Any) -> T:
        fact = (ask.__name__, *arguments)
        if fact not in self._facts:
            raise UnforeseenError(fact, lambda: ask(*arguments))
        value, error = self._facts[fact]
        if error is not None:
            raise error
        return cast(T, value)

    @property
    def ledger(self) -> LedgerState:
        """See ``Environment``, as all below."""
        return self._environment.ledger

    def terms(self, task_id: int) -> TaskTerms:
        """From the chain."""
        return self._known(self._environment.terms, task_id)

    def policy(self, task_id: int) -> Policy:
        """From the chain."""
        return self._known(self._environment.policy, task_id)

    def context(self, task_id: int, round_number: int) -> Context:
        """From the chain."""
        return self._known(self._environment.context, task_id, round_number)

    def released_context(self, task_id: int, round_number: int) -> tuple[Context, Committee]:
        """From the chain."""
        return self._known(self._environment.released_context, task_id, round_number)

    def coordinator(self, task_id: int) -> bytes:
        """From the chain."""
        return self._known(self._environment.coordinator, task_id)

    def opened_at(self, context: Context) -> int:
        """From the chain."""
        return self._known(self._environment.opened_at, context)

    def now(self) -> int:
        """This machine's clock, or the chain's."""
        return self._known(self._environment.now)

    def require_eligible(self, context: Context, indices: tuple[int, ...]) -> None:
        """From the chain."""
        self._known(self._environment.require_eligible, context, indices)

    def references(self, context: Context) -> Opening:
        """From the chain."""
        return self._known(self._environment.references, context)

    def submissions_over(self, context: Context) -> bool:
        """From the chain."""
        return self._known(self._environment.submissions_over, context)

    def require_admissible(self, context: Context, indices: tuple[int, ...]) -> None:
        """From the chain."""
        self._known(self._environment.require_admissible, context, indices)

    def accepted(self, context: Context, batch_id: bytes) -> Acceptance | None:
        """From the chain, as all nodes show it."""
        return self._known(self._environment.accepted, context, batch_id)

    def challenge(self, context: Context, batch_id: bytes) -> int:
        """From the chain."""
        return self._known(self._environment.challenge, context, batch_id)

    def owners_at(self, task_id: int, indices: tuple[int, ...]) -> tuple[bytes, ...]:
        """From the chain."""
        return self._known(self._environment.owners_at, task_id, indices)

    def commitment_key(self, dimension: int) -> CommitmentKey:
        """From disk."""
        return self._environment.commitment_key(dimension)

    def proving_key(self, policy: Policy) -> ProvingKey:
        """From disk."""
        return self._environment.proving_key(policy)

    def shares(self, submission: bytes) -> ShareVector:
        """From disk."""
        return self._environment.shares(submission)

    def summed(self, selection: Selection) -> FrArray:
        """From disk."""
        return self._environment.summed(selection)

    def seal_sum(self, share: FrArray, label: SumLabel) -> bytes:
        """With a fresh ephemeral key."""
        return self._environment.seal_sum(share, label)

    def share_payload(self, submission: bytes) -> bytes:
        """From disk."""
        return self._environment.share_payload(submission)

    @property
    def signers(self) -> frozenset[bytes]:
        """From memory."""
        return self._environment.signers

    def is_revoked(self, signer: bytes) -> bool:
        """From the chain, as most nodes show it."""
        return self._known(self._environment.is_revoked, signer)

    def sign(self, digest: bytes) -> bytes:
        """With this prover's key."""
        return self._environment.sign(digest)
