"""Transactions of the project's contracts: verifiers, committees, tasks, rounds, batches, pay."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from circuits.errors import ChainError, ContractError, KeyMismatchError
from circuits.groth16 import VerifyingKey
from circuits.hashing import keccak
from circuits.statement import BatchProof, BatchStatement
from commons.chain import calldata
from commons.chain.calldata import MARKET, REGISTRY, VERIFIER
from commons.chain.facts import ROSTER_CHUNK, NewTask
from commons.chain.mined import Mined
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Announce
from commons.chain.transactions import OnSent, Sender
from commons.chain.view import ChainView
from commons.storage.accounts import SigningKey

_SMALL, _DEPLOY, _COMPACT_OWNER = 500_000, 6_000_000, 8_000
_ACCEPT_BASE, _ACCEPT_OWNER, _ADMIT_OWNER = 1_200_000, 80_000, 80_000
_PUBLISH_BYTE = 60
Progress = Callable[[int, int], None]
"""Told how many are done, and of how many."""


class ChainWriter:
    """One account's transactions to the market, the registry and verifiers.

    Every method waits until its transaction is mined and raises ContractError with the contract's named error when it
    is refused, ChainError when the node is the trouble, or ``stopping`` is set while it waits.  Use one object for an
    account in a process.  ``outbox``, ``announce``, ``on_sent`` and ``on_earlier`` are those of its ``Sender``.
    """

    def __init__(
        self,
        view: ChainView,
        key: SigningKey,
        patience: Patience | None = None,
        stopping: threading.Event | None = None,
        *,
        outbox: Outbox | None = None,
        announce: Announce | None = None,
        on_sent: OnSent | None = None,
        on_earlier: OnSent | None = None,
    ) -> None:
        self.view = view
        view.rpc.errors = calldata.contract_errors()
        self._key = key
        self._sender = Sender(
            view.rpc, key, patience, stopping, outbox=outbox, announce=announce, on_sent=on_sent, on_earlier=on_earlier
        )

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest with this account."""
        return self._key.sign(digest)

    @property
    def address(self) -> bytes:
        """The account's 20-byte address."""
        return self._sender.address

    def deploy_verifier(self, key: VerifyingKey) -> bytes:
        """Deploy the verifier of a policy key; returns its address.

        Raises:
            KeyMismatchError: the contract computes another hash of the key than we do.
        """
        code = calldata.deployment(VERIFIER, calldata.key_tuple(key))
        address = self._sender.send(None, code, gas=_DEPLOY).created
        on_chain = self.view.rpc.call(address, "policyKeyHash()", [], ["bytes32"])[0]
        if on_chain != key.key_hash:
            raise KeyMismatchError(
                f"the deployed verifier has the key 0x{on_chain.hex()}, not 0x{key.key_hash.hex()}; "
                "the artifacts and this release do not belong together"
            )
        return address

    def create_committee(self, threshold: int, members: Sequence[bytes]) -> int:
        """Register a committee of signing addresses; returns its number."""
        mined = self._registry("createCommittee", threshold, list(members), gas=_SMALL + 100_000 * len(members))
        return _topic(mined, REGISTRY, "CommitteeCreated", 1)

    def join(self, committee_id: int, endpoint: str, hpke_key: bytes) -> Mined:
        """Publish this member's endpoint and 32-byte X25519 key, where the registry has another endpoint or key."""
        return self._registry("join", committee_id, endpoint, hpke_key, gas=1_000_000, repeatable=True)

    def create_task(self, task: NewTask) -> int:
        """Create a task; this account becomes its model owner.  Returns its number."""
        terms = (
            task.committee_id, task.verifier, task.coordinator, task.dimension, task.fraction_bits, task.bound,
            task.min_owners, task.max_owners_per_round, task.rounds, task.reward_per_gradient,
            task.submit_window, task.settle_window, task.permissioned, task.inline_payload,
        )  # fmt: skip
        return _topic(self._market("createTask", terms), MARKET, "TaskCreated", 1)

    def fund(self, task_id: int, amount: int) -> Mined:
        """Add wei to a task's balance."""
        return self._market("fund", task_id, value=amount)

    def register(self, task_id: int) -> int:
        """Register this account as data owner of an open task; returns its registration index."""
        mined = self._market("register", task_id)
        return int.from_bytes(_event(mined, MARKET, "OwnerRegistered")[1], "big")

    def admit(self, task_id: int, owners: Sequence[bytes], progress: Progress | None = None) -> int:
        """Admit data owners to a permissioned task (model owner), in as many transactions as they need.

        Owners that are listed twice, or registered already, are left out; after an interruption it can be run again.

        Args:
            progress: told after each transaction how many of the owners are done, and of how many.

        Returns:
            how many were admitted.
        """
        wanted = list(dict.fromkeys(owners))
        at_once = max(1, (self._sender.most_gas() - _SMALL) // _ADMIT_OWNER)
        admitted = 0
        for first in range(0, len(wanted), at_once):
            part = wanted[first : first + at_once]
            admitted += self._admit_new(task_id, part)
            if progress is not None:
                progress(first + len(part), len(wanted))
        return admitted

    def _admit_new(self, task_id: int, owners: Sequence[bytes]) -> int:
        """Admit those that are not registered yet; each is looked up only where the market refuses one of them."""
        try:
            self._admit(task_id, owners)
        except ContractError as error:
            if error.error != "AlreadyRegistered":
                raise
        else:
            return len(owners)
        missing = [owner for owner in owners if self.view.owner_index(task_id, owner) is None]
        if missing:
            self._admit(task_id, missing)
        return len(missing)

    def _admit(self, task_id: int, owners: Sequence[bytes]) -> None:
        self._market("admit", task_id, list(owners), gas=_SMALL + _ADMIT_OWNER * len(owners))

    def compact_roster(self, task_id: int, chunk: int) -> Mined:
        """Copy the owners of a chunk of the roster into code, from which batches read them for less gas."""
        owners = min(max(self.view.task(task_id).owners - chunk * ROSTER_CHUNK, 0), ROSTER_CHUNK)
        return self._market("compactRoster", task_id, chunk, gas=_SMALL + _COMPACT_OWNER * owners)

    def open_round(self, task_id: int, model_digest: bytes) -> int:
        """Open the next round for the model with a Keccak digest (model owner); returns its number."""
        # The market has one running round, so a second one is refused; a later one may be on the same model.
        return _topic(self._market("openRound", task_id, model_digest, repeatable=True), MARKET, "RoundOpened", 2)

    def accept_batch(
        self,
        statement: BatchStatement,
        proof: BatchProof,
        attestations: Sequence[tuple[int, bytes]],
        *,
        on_sent: OnSent | None = None,
    ) -> Mined:
        """Hand a proven batch to the market."""
        committee = self.view.committee(self.view.terms(statement.context.task_id).committee_id)
        batch = calldata.batch_tuple(statement, proof, attestations[: committee.quorum])  # more would only cost gas
        gas = _ACCEPT_BASE + _ACCEPT_OWNER * statement.size
        return self._market("acceptBatch", batch, gas=gas, on_sent=on_sent)

    def publish_aggregate(
        self, task_id: int, number: int, batch_index: int, payload: bytes, *, on_sent: OnSent | None = None
    ) -> Mined:
        """Put a batch's encoded aggregate, at most 16 KiB, into the chain's log."""
        gas = _SMALL + _PUBLISH_BYTE * len(payload)
        return self._market("publishAggregate", task_id, number, batch_index, payload, gas=gas, on_sent=on_sent)

    def finalize_round(self, task_id: int, number: int) -> Mined:
        """End a round after its settle deadline; unspent reserve goes back to the task's balance."""
        return self._market("finalizeRound", task_id, number)

    def withdraw(self, task_id: int, amount: int) -> Mined:
        """Take unreserved wei back (model owner)."""
        return self._market("withdraw", task_id, amount)

    def claim(self, task_id: int, number: int, index: int) -> Mined:
        """Have the reward per gradient paid to the owner with a registration index; any account may send it."""
        return self._market("claim", task_id, number, index)

    def _market(
        self,
        name: str,
        *arguments: object,
        gas: int = _SMALL,
        value: int = 0,
        on_sent: OnSent | None = None,
        repeatable: bool = False,
    ) -> Mined:
        data = calldata.call(MARKET, name, *arguments)
        return self._sender.send(self.view.market, data, gas=gas, value=value, on_sent=on_sent, repeatable=repeatable)

    def _registry(self, name: str, *arguments: object, gas: int, repeatable: bool = False) -> Mined:
        data = calldata.call(REGISTRY, name, *arguments)
        return self._sender.send(self.view.registry, data, gas=gas, repeatable=repeatable)


def _event(mined: Mined, contract: str, name: str) -> tuple[tuple[bytes, ...], bytes]:
    """Topics and data of a transaction's event."""
    wanted = keccak(calldata.signatures(contract, "event")[name].encode("ascii"))
    for log in mined.logs:
        if log.topics and log.topics[0] == wanted:
            return log.topics, log.data
    raise ChainError(f"transaction 0x{mined.transaction.hex()} has no event {name}; is the contract ours?")


def _topic(mined: Mined, contract: str, name: str, position: int) -> int:
    return int.from_bytes(_event(mined, contract, name)[0][position], "big")
