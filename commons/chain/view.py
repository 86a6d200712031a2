"""Read-only view of the contracts: tasks, rounds, owners, committees, accepted batches.

Needs no artifact: the functions it calls are named by their signatures, which a test compares with the
contracts' ABI.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

from eth_abi.abi import decode
from eth_utils.address import to_canonical_address, to_checksum_address

from circuits.errors import ChainError, ContractError, UnknownError
from circuits.hashing import keccak
from circuits.statement import Committee, Context, MarketId, Policy, TaskTerms
from commons.chain.deploymentwatch import DeploymentWatch
from commons.chain.facts import AcceptedBatch, CommitteeRecord, RecordedBatch, RoundRecord, TaskRecord
from commons.chain.rpc import ErrorTable, Rpc
from commons.runtime.foreigntext import printable
from commons.runtime.memo import Memo
from commons.settings.sections import ChainSettings
from native import G1, G2

TERMS = "(uint256,address,address,uint32,uint8,uint64,uint16,uint16,uint32,uint128,uint32,uint32,bool,bool)"
TASK = f"({TERMS},address,uint256,uint256,uint256,uint256,bytes32)"
ROUND = "(bytes32,uint256,uint256,uint256,uint256,uint256,uint256,uint256,bool)"
UNKNOWN = (
    "TaskUnknown(uint256)",
    "RoundUnknown(uint256,uint256)",
    "OwnerUnknown(uint256,uint256)",
    "CommitteeUnknown(uint256)",
)
BATCH_ACCEPTED = "BatchAccepted(uint256,uint256,bytes32,uint256,uint256,uint256,bytes)"
AGGREGATE_PUBLISHED = "AggregatePublished(uint256,uint256,uint256,bytes)"


class ChainView:
    """The market and what belongs to it, seen through one node.  Thread-safe; keeps what never changes.

    Every method raises ChainError while the node shows another deployment of the market than at the start.
    """

    def __init__(
        self, url: str, market: bytes, *, expected_chain_id: int | None = None, timeout: float = 30.0,
        from_block: int = 0,
    ) -> None:  # fmt: skip
        """Connect.

        Args:
            from_block: where searches for events begin; the market's deployment is a good choice.

        Raises:
            ChainError: unreachable, another chain than expected, or no market at the address.
        """
        self.rpc = Rpc(url, ErrorTable(UNKNOWN), timeout=timeout)
        if expected_chain_id is not None:
            self.rpc.require_chain(expected_chain_id)
        self.chain_id = self.rpc.chain_id
        self.market = market
        self._from_block = from_block
        deployment = self._read_deployment()
        if deployment is None:
            raise ChainError(
                f"there is no such contract at {to_checksum_address(market)} on chain {self.chain_id}; check the "
                "address"
            )
        self.market_id = MarketId(self.chain_id, market, deployment)
        self._terms = Memo[int, TaskTerms](together=True)
        self._policies = Memo[bytes, Policy](together=True)
        self._taus = Memo[bytes, G2](together=True)
        self._owners = Memo[tuple[int, int], bytes](together=True)
        self._committees = Memo[int, Committee](together=True)
        self._watch = DeploymentWatch(deployment, self._read_deployment, self._forget)
        self.registry = to_canonical_address(self._market("registry()", [], ["address"])[0])

    @classmethod
    def of(cls, chain: ChainSettings, url: str | None = None) -> ChainView:
        """The market of [chain], on the chain that the settings say; ``url``: through another node.

        Raises ChainError as the constructor.
        """
        return cls(
            url or chain.url, chain.market,
            expected_chain_id=chain.chain_id, timeout=chain.timeout, from_block=chain.from_block,
        )  # fmt: skip

    def now(self) -> int:
        """The chain's time, seconds since 1970; never behind our clock, as a quiet chain may make no blocks."""
        self._watch.look()
        return max(self.rpc.head().timestamp, int(time.time()))

    def balance(self, account: bytes) -> int:
        """Wei of an account."""
        return int(self.rpc.guarded(lambda: self.rpc.web3.eth.get_balance(to_checksum_address(account))))

    def gas_price(self) -> int:
        """Wei that a unit of gas costs at present."""
        return int(self.rpc.guarded(lambda: self.rpc.web3.eth.gas_price))

    def task(self, task_id: int) -> TaskRecord:
        """Terms and state of a task.  Raises UnknownError."""
        raw, owner, balance, reserved, opened, owners, stated = self._market("task(uint256)", [task_id], [TASK])[0]
        terms = self._decode_terms(task_id, to_canonical_address(owner), raw)
        if terms.terms_hash != stated:
            self._watch.look_now()
            raise ChainError("the market hashes a task's terms in another way than this release; update it")
        return TaskRecord(terms, terms.model_owner, balance, reserved, opened, owners)

    def terms(self, task_id: int) -> TaskTerms:
        """Terms of a task.  Raises UnknownError."""
        return self._terms.get(task_id, lambda: self.task(task_id).terms)

    def policy(self, task_id: int) -> Policy:
        """Policy of a task, as its verifier contract states it.  Raises UnknownError."""
        return self.policy_of(self.terms(task_id).verifier)

    def policy_of(self, verifier: bytes) -> Policy:
        """Policy of a verifier contract, as it states it.  Raises ChainError when it is none of ours."""
        return self._policies.get(verifier, lambda: self._read_policy(verifier))

    def tau(self, task_id: int) -> G2:
        """[tau]_2 of the reference string that a task's verifier is for.  Raises UnknownError."""
        return self.tau_of(self.terms(task_id).verifier)

    def tau_of(self, verifier: bytes) -> G2:
        """[tau]_2 of the reference string that a verifier contract is for.  Raises ChainError when it names none."""
        return self._taus.get(verifier, lambda: self._read_tau(verifier))

    def task_count(self) -> int:
        """How many tasks were created; the last one has the number below it."""
        return int(self._market("taskCount()", [], ["uint256"])[0])

    def round(self, task_id: int, number: int) -> RoundRecord:
        """State of a round.  Raises UnknownError for one that was not opened."""
        digest, submit, settle, batches, owners, spent, x, y, finalized = self._market(
            "round(uint256,uint256)", [task_id, number], [ROUND]
        )[0]
        return RoundRecord(digest, submit, settle, batches, owners, spent, _point(x, y), finalized)

    def context(self, task_id: int, number: int) -> Context:
        """The context of a round.  Raises UnknownError."""
        digest = self.round(task_id, number).model_digest
        return Context.of(self.terms(task_id), number, digest, self.policy(task_id))

    def owner_at(self, task_id: int, index: int) -> bytes:
        """Address of the owner with a registration index.  Raises UnknownError."""
        key = (task_id, index)
        return self._owners.get(key, lambda: self._read_owner(task_id, index))

    def owner_index(self, task_id: int, owner: bytes) -> int | None:
        """Registration index of an owner, None for one that is not registered."""
        registered, index = self._market("ownerIndex(uint256,address)", [task_id, owner], ["bool", "uint256"])
        return int(index) if registered else None

    def compacted(self, task_id: int, chunk: int) -> int:
        """How many owners of a chunk of the roster are in its copy in code."""
        return int(self._market("compacted(uint256,uint256)", [task_id, chunk], ["uint256"])[0])

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        """Whether the owner with a registration index is in an accepted batch of the round."""
        return self._bit("consumed(uint256,uint256,uint256)", task_id, number, index)

    def claimed(self, task_id: int, number: int, index: int) -> bool:
        """Whether that owner was paid for the round."""
        return self._bit("claimed(uint256,uint256,uint256)", task_id, number, index)

    def committee(self, committee_id: int) -> Committee:
        """Threshold and members of a committee, which never change.  Raises UnknownError."""
        return self._committees.get(committee_id, lambda: self.committee_record(committee_id).committee)

    def committee_record(self, committee_id: int) -> CommitteeRecord:
        """A committee with its members' present endpoints and keys.  Raises UnknownError."""
        threshold, members, endpoints, keys, ready = self._call(
            self.registry, "committee(uint256)", [committee_id],
            ["uint8", "address[]", "bytes[]", "bytes32[]", "bool"],
        )  # fmt: skip
        committee = Committee(committee_id, threshold, tuple(map(to_canonical_address, members)))
        if not len(members) == len(endpoints) == len(keys):
            raise ChainError("the node shows a committee whose members, endpoints and keys do not match")
        # Bytes, for the contract takes any: one member's text that is no UTF-8 must not hide the others.
        places = tuple(printable(endpoint.decode("utf-8", "replace"), len(endpoint)) for endpoint in endpoints)
        return CommitteeRecord(committee, places, tuple(keys), ready)

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        """All accepted batches of a round, in order, from the events."""
        terms = self.terms(task_id)
        published = self._published(task_id, number) if terms.inline_payload else {}
        batches = [self._decode(log) for log in self._logs(BATCH_ACCEPTED, task_id, number)]
        return tuple(
            AcceptedBatch(
                task_id, number, record, tuple(self.owner_at(task_id, i) for i in record.indices),
                terms.reward_per_gradient, tuple(published.get(record.batch_index, ())),
            )
            for record in sorted(batches, key=lambda record: record.batch_index)
        )  # fmt: skip

    def recorded(self, task_id: int, number: int, batch_id: bytes, confirmations: int) -> RecordedBatch | None:
        """An accepted batch by its identifier, if ``confirmations`` blocks vouch for it, its own among them."""
        last = self.rpc.head().number - confirmations + 1
        if last < self._from_block:
            return None
        found = self._logs(BATCH_ACCEPTED, task_id, number, batch_id=batch_id, to_block=last)
        return self._decode(found[0]) if found else None

    def _decode(self, log: Any) -> RecordedBatch:
        return cast(RecordedBatch, self.rpc.guarded(lambda: _decode_accepted(log)))

    def _decode_terms(self, task_id: int, model_owner: bytes, raw: Sequence[Any]) -> TaskTerms:
        committee_id, verifier, coordinator, *rest = raw
        return TaskTerms(
            self.market_id, task_id, model_owner, committee_id, to_canonical_address(verifier),
            to_canonical_address(coordinator), *rest,
        )  # fmt: skip

    def _read_policy(self, verifier: bytes) -> Policy:
        capacity = self._call(verifier, "capacity()", [], ["uint256"])[0]
        key_hash = self._call(verifier, "policyKeyHash()", [], ["bytes32"])[0]
        return Policy(capacity, key_hash, keccak(self.rpc.code(verifier)))

    def _read_tau(self, verifier: bytes) -> G2:
        try:
            words = self._call(verifier, "tau()", [], ["uint256[4]"])[0]
        except ContractError as error:
            raise ContractError(
                f"the verifier 0x{verifier.hex()} does not name its reference string: it is of an older release, or "
                "none of ours; the task needs another verifier",
                error.error,
            ) from error
        return G2(b"".join(word.to_bytes(32, "big") for word in words))

    def _read_deployment(self) -> bytes | None:
        if not self.rpc.code(self.market):
            return None
        return bytes(self.rpc.call(self.market, "deployment()", [], ["bytes32"])[0])

    def _forget(self) -> None:
        for memo in (self._terms, self._policies, self._taus, self._owners, self._committees):
            memo.forget()

    def _read_owner(self, task_id: int, index: int) -> bytes:
        return to_canonical_address(self._market("ownerAt(uint256,uint256)", [task_id, index], ["address"])[0])

    def _bit(self, bitmap: str, task_id: int, number: int, index: int) -> bool:
        (word,) = self._market(bitmap, [task_id, number, index // 256], ["uint256"])
        return bool(word >> index % 256 & 1)

    def _published(self, task_id: int, number: int) -> dict[int, list[bytes]]:
        out: dict[int, list[bytes]] = {}
        for log in self._logs(AGGREGATE_PUBLISHED, task_id, number):
            index, payload = self.rpc.guarded(lambda log=log: _decode_published(log))
            out.setdefault(index, []).append(payload)
        return out

    def _logs(
        self, event: str, task_id: int, number: int, *, batch_id: bytes | None = None, to_block: int | None = None
    ) -> list[Any]:
        self._watch.look()
        topics = [keccak(event.encode("ascii")), task_id.to_bytes(32, "big"), number.to_bytes(32, "big")]
        if batch_id is not None:
            topics.append(batch_id)
        return list(self.rpc.logs(self.market, topics, self._from_block, to_block))

    def _market(self, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        return self._call(self.market, signature, arguments, returns)

    def _call(self, to: bytes, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        self._watch.look()
        try:
            return self.rpc.call(to, signature, arguments, returns)
        except ContractError as error:
            if error.error.endswith("Unknown"):
                self._watch.look_now()
                raise UnknownError(f"the chain knows no such thing: {error}") from error
            raise


def _point(x: int, y: int) -> G1:
    return G1(x.to_bytes(32, "big") + y.to_bytes(32, "big"))


def _decode_published(log: Any) -> tuple[int, bytes]:
    return int.from_bytes(bytes(log["topics"][3]), "big"), decode(["bytes"], bytes(log["data"]))[0]


def _decode_accepted(log: Any) -> RecordedBatch:
    index, x, y, raw = decode(["uint256", "uint256", "uint256", "bytes"], bytes(log["data"]))
    if len(raw) % 2:
        raise ChainError("an event of the market is cut off; does the node serve the right contract?")
    indices = tuple(int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2))
    return RecordedBatch(index, bytes(log["topics"][3]), _point(x, y), indices)
