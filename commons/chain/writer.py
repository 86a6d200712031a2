"""Transactions of the project's contracts: verifiers, committees, tasks, rounds, batches, pay."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.errors import ChainError, ContractError, KeyMismatchError, UnknownError
from circuits.groth16 import VerifyingKey
from circuits.statement import BatchProof, BatchStatement
from circuits.terms import NewTask
from commons.chain import calldata
from commons.chain.account import SMALL, Creation, Progress, logs, topic
from commons.chain.calldata import FACTORY, MARKET, NO_PERMIT, Permit
from commons.chain.committees import CommitteeAccount
from commons.chain.counting import Counting
from commons.chain.exclusions import ExclusionAccount
from commons.chain.facts import ROSTER_CHUNK
from commons.chain.fees import FeesAccount
from commons.chain.mined import Mined
from commons.chain.owners import OwnerAccount
from commons.chain.reporting import ReportingAccount
from commons.chain.variants import OnSent
from commons.chain.verifiers import FAMILIES, encoded_key, family_of, verifier_address
from commons.protocol.coordinators import NewCoordinator
from commons.protocol.references import Opening
from commons.runtime.amounts import checksum

_MAKE_VERIFIER, _CREATE, _COMPACT_OWNER = 6_000_000, 1_000_000, 8_000
_ACCEPT_BASE, _ACCEPT_OWNER, _ADMIT_OWNER = 1_300_000, 80_000, 40_000
_PUBLISH_BYTE, _BY_QUORUM = 60, 1_000_000


class ChainWriter(CommitteeAccount, OwnerAccount, ExclusionAccount, FeesAccount, ReportingAccount):
    """One account's transactions to the market, the registry and verifiers; see ``ChainAccount``."""

    def deploy_verifier(self, factory: bytes, key: VerifyingKey) -> bytes:
        """Have a factory (the market's) make the verifier of a policy key, unless it is there; returns its address.

        Raises:
            KeyMismatchError: the factory's verifiers are of another release.
        """
        address = verifier_address(factory, key)
        if not self.view.rpc.code(address):
            self._make_verifier(factory, key)
        if not self.view.rpc.code(address):
            raise KeyMismatchError(
                f"the factory {checksum(factory)} makes other verifiers than this release: there is none at "
                f"{checksum(address)}; deploy the contracts with this release, or use theirs"
            )
        return address

    def _make_verifier(self, factory: bytes, key: VerifyingKey) -> None:
        data = calldata.call(FACTORY, "create", FAMILIES.index(family_of(key)), encoded_key(key))
        try:
            self._sender.send(factory, data, gas=_MAKE_VERIFIER)
        except ContractError as error:
            if error.error != "VerifierExists":  # somebody else was quicker
                raise

    def create_task(self, task: NewTask, nonce: int = 0) -> int:
        """Create a task; this account becomes its model owner.  Returns its identifier.

        Args:
            nonce: the first to try; a task of the same terms gets the next that is free.  After an interruption the
                same call finds its own transaction again.

        Raises:
            ChainError: the node says that it is another task, which may be somebody else's: money would go there.
        """
        view = self.view

        def named(at: int) -> int:
            return task.identifier(view.market_id.deployment, self.address, at)

        def data(at: int) -> bytes:
            return calldata.call(MARKET, "createTask", task.words, at)

        def exists(at: int) -> bool:
            try:
                view.task(named(at))
            except UnknownError:
                return False
            return True

        mined, used = self.create(Creation(view.market, data, "TaskExists", exists), nonce, _CREATE)
        said = topic(mined, view.market, MARKET, "TaskCreated", 1)
        if said != named(used):
            raise ChainError(
                f"the node says that transaction 0x{mined.transaction.hex()} created task 0x{said:x}, and by its terms "
                f"it is task 0x{named(used):x}: use another node, and run the command again, it pays once"
            )
        return said

    def fund(self, task_id: int, amount: int, permit: Permit = NO_PERMIT) -> Mined:
        """Add to a task's balance, in the smallest unit of its token.

        Args:
            permit: lets the market take a token's amount; without one it is given an allowance first.
        """
        value = self._allowed(self.view.terms(task_id).pay.token, amount, permit)
        return self._market("fund", task_id, amount, permit.words, value=value)

    def withdraw(self, task_id: int, amount: int, to: bytes | None = None) -> Mined:
        """Take what is not reserved out of a task's balance (model owner), to this account if no other is named."""
        return self._market("withdraw", task_id, amount, to or self.address)

    def transfer_task(self, task_id: int, to: bytes) -> Mined:
        """Offer a task, with its balance, to another model owner (model owner); to 20 zeros: to nobody."""
        return self._market("transferTask", task_id, to, repeatable=True)

    def accept_task(self, task_id: int) -> Mined:
        """Take a task that was offered to this account."""
        return self._market("acceptTask", task_id, repeatable=True)

    def set_coordinator(self, task_id: int, coordinator: bytes) -> Mined:
        """Name another coordinator (model owner): while no round is open, or when the last one has no batch in time."""
        return self._market("setCoordinator", task_id, coordinator, repeatable=True)

    def set_coordinator_by_quorum(self, named: NewCoordinator, receipts: Sequence[tuple[int, bytes]]) -> Mined:
        """Name the coordinator that a quorum of a task's committee signed for; any account may.

        Args:
            receipts: (index of a present member, its 65-byte signature over ``named``), a quorum of them.
        """
        given = named.task_id, named.coordinator, calldata.signed(receipts)
        return self._market("setCoordinatorByQuorum", *given, gas=_BY_QUORUM, repeatable=True)

    def admit(self, task_id: int, signers: Sequence[bytes], progress: Progress | None = None) -> int:
        """Admit signers to a permissioned task (model owner), in as many transactions as they need.

        Signers that are listed twice, or were admitted before, are left out; after an interruption it can be run again.

        Args:
            progress: told after each transaction how many of the signers are done, and of how many.

        Returns:
            how many were admitted.
        """
        wanted = list(dict.fromkeys(signers))
        at_once = max(1, (self._sender.most_gas() - SMALL) // _ADMIT_OWNER)
        admitted = 0
        for first in range(0, len(wanted), at_once):
            part = wanted[first : first + at_once]
            mined = self._market("admit", task_id, part, gas=SMALL + _ADMIT_OWNER * len(part))
            admitted += len(logs(mined, self.view.market, MARKET, "OwnerAdmitted"))
            if progress is not None:
                progress(first + len(part), len(wanted))
        return admitted

    def compact_roster(self, task_id: int, chunk: int) -> Mined:
        """Copy the owners of a chunk of the roster into code, from which batches read them for less gas."""
        owners = min(max(self.view.task(task_id).owners - chunk * ROSTER_CHUNK, 0), ROSTER_CHUNK)
        return self._market("compactRoster", task_id, chunk, gas=SMALL + _COMPACT_OWNER * owners)

    def open_round(self, task_id: int, model_digest: bytes, seats: int = 0) -> int:
        """Open the next round for the model with a Keccak digest (model owner); returns its number.

        Args:
            seats: most gradients that it accepts, for all of which pay is reserved; at least the owners that are
                registered are taken.
        """
        # The market has one running round, so a second one is refused; a later one may be on the same model.
        mined = self._market("openRound", task_id, model_digest, seats, repeatable=True)
        return topic(mined, self.view.market, MARKET, "RoundOpened", 2)

    def open_referenced_round(self, task_id: int, opening: Opening, seats: int = 0) -> int:
        """Open the next round of a task that grades (model owner); returns its number.

        Args:
            seats: as of ``open_round``.
        """
        references = calldata.reference_tuples(opening)
        mined = self._market(
            "openReferencedRound", task_id, opening.model_digest, seats, references, repeatable=True
        )  # fmt: skip
        return topic(mined, self.view.market, MARKET, "RoundOpened", 2)

    def accept_batch(
        self,
        statement: BatchStatement,
        proof: BatchProof,
        attestations: Sequence[tuple[int, bytes]],
        payee: bytes,
        *,
        on_sent: OnSent | None = None,
    ) -> Mined:
        """Hand a proven batch to the market, with the payee that was attested."""
        data, gas = self._acceptance(statement, proof, attestations, payee)
        return self._sender.send(self.view.market, data, gas=gas, on_sent=on_sent)

    def rehearsal(
        self, statement: BatchStatement, proof: BatchProof, attestations: Sequence[tuple[int, bytes]], payee: bytes
    ) -> str | None:
        """Name of the error with which the market would refuse a batch now, which may be empty; None if it would take
        it.  Nothing is sent.  Raises ChainError."""
        data, gas = self._acceptance(statement, proof, attestations, payee)
        try:
            self._sender.rehearse(self.view.market, data, gas=gas)
        except ContractError as error:
            return error.error
        return None

    def _acceptance(
        self, statement: BatchStatement, proof: BatchProof, attestations: Sequence[tuple[int, bytes]], payee: bytes
    ) -> tuple[bytes, int]:
        """The call with a batch, and its gas limit."""
        context = statement.context
        committee = self.view.committee_of_round(context.task_id, context.round)
        counting = Counting.of(self.view, committee).only(attestations)
        # While nobody is paid for attesting, more than a quorum would only cost gas.
        needed = None if self.view.terms(context.task_id).pay.pays_provers else committee.quorum
        batch = calldata.batch_tuple(statement, proof, counting[:needed], payee)
        gas = _ACCEPT_BASE + _ACCEPT_OWNER * len(statement.rows)
        if statement.graded is None:
            return calldata.call(MARKET, "acceptBatch", batch), gas
        opening = self.view.opening(context.task_id, context.round)
        graded = calldata.graded_arguments(statement.graded, opening)
        return calldata.call(MARKET, "acceptGradedBatch", batch, *graded), gas

    def publish_aggregate(
        self, task_id: int, number: int, batch_index: int, payload: bytes, *, on_sent: OnSent | None = None
    ) -> Mined:
        """Put a batch's encoded aggregate, at most 16 KiB, into the chain's log."""
        gas = SMALL + _PUBLISH_BYTE * len(payload)
        return self._market("publishAggregate", task_id, number, batch_index, payload, gas=gas, on_sent=on_sent)

    def finalize_round(self, task_id: int, number: int) -> Mined:
        """End a round after its settle deadline; unspent reserve goes back to the task's balance."""
        return self._market("finalizeRound", task_id, number)
