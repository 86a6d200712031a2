"""A market of one task in memory: chain view, coordinator and provers that an owner or a model owner talks to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import cast

from circuits.commitment import CommitmentKey
from circuits.errors import ClosedError, UnavailableError, UnknownError
from circuits.groth16 import VerifyingKey
from circuits.hashing import keccak
from circuits.statement import Committee, Context, MarketId, Policy, SubmissionHeader, TaskTerms
from commons.chain.facts import AcceptedBatch, CommitteeRecord, RoundRecord, TaskRecord
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.receipts import receipt_digest
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.sharing.sealing import generate, public_key
from commons.storage.accounts import SigningKey
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from native import G1, G2
from tests.support.parts import with_parts
from tests.support.plain_batch import development_setup

DIMENSION, NOW = 10, 1_000_000
MARKET = MarketId(7, b"\x42" * 20, b"\x43" * 32)
MODEL_DIGEST = b"\x44" * 32
POLICY = Policy(4, bytes(32), b"\x45" * 32)
BOUND = 1 << 40
INFINITY = G1(bytes(64))


def terms(**changes: object) -> TaskTerms:
    """The terms of task 0."""
    usual = TaskTerms(
        market=MARKET, task_id=0, model_owner=b"\x09" * 20, committee_id=0, verifier=b"\x01" * 20,
        coordinator=b"\x02" * 20, dimension=DIMENSION, fraction_bits=16, bound=BOUND, min_owners=2,
        max_owners_per_round=4, rounds=9, reward_per_gradient=1000, submit_window=60, settle_window=60,
        permissioned=False, inline_payload=False,
    )  # fmt: skip
    return with_parts(usual, **changes)


def context(number: int) -> Context:
    """The context of a round of task 0."""
    return Context.of(terms(), number, MODEL_DIGEST, POLICY)


@dataclass
class FakeChain:
    """What `ChainView` is asked for by the SDK."""

    provers: tuple[SigningKey, ...]
    owners: dict[bytes, int] = field(default_factory=dict)
    opened: int = 1
    deadline: int = NOW + 60
    batches: tuple[AcceptedBatch, ...] = ()
    aggregate: G1 = INFINITY
    paid: int = 0
    escrow: int = 10**6
    model_digest: bytes = MODEL_DIGEST
    accepted_indices: frozenset[int] = frozenset()
    copies: dict[int, int] = field(default_factory=dict)
    chain_id: int = MARKET.chain_id
    market: bytes = MARKET.address
    market_id: MarketId = MARKET
    tau_of_verifier: bytes = field(default_factory=lambda: development_setup("norm", 2, DIMENSION).srs.tau)

    @property
    def view(self) -> ChainView:
        return cast(ChainView, self)

    def writer(self, account: SigningKey) -> ChainWriter:
        """An account at this market, as far as owners use one."""
        return cast(ChainWriter, SimpleNamespace(view=self, address=account.address, sign=account.sign))

    def now(self) -> int:
        return NOW

    def terms(self, task_id: int) -> TaskTerms:
        if task_id != 0:
            raise UnknownError(f"the chain knows no task {task_id}")
        return terms()

    def task(self, task_id: int) -> TaskRecord:
        return TaskRecord(self.terms(task_id), b"\x09" * 20, self.escrow, 0, self.opened, len(self.owners))

    def round(self, task_id: int, number: int) -> RoundRecord:
        return RoundRecord(self.model_digest, self.deadline, self.deadline + 60, 0, 0, 0, self.aggregate, False)

    def context(self, task_id: int, number: int) -> Context:
        self.terms(task_id)
        return context(number)

    def owner_index(self, task_id: int, owner: bytes) -> int | None:
        return self.owners.get(owner)

    def committee_record(self, committee_id: int) -> CommitteeRecord:
        committee = Committee(0, 1, tuple(key.address for key in self.provers))
        sealing = tuple(public_key(generate()) for _ in self.provers)
        return CommitteeRecord(committee, tuple(f"prover-{p}" for p in range(len(self.provers))), sealing, True)

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        return self.batches

    def policy(self, task_id: int) -> Policy:
        return POLICY

    def tau(self, task_id: int) -> G2:
        return G2(self.tau_of_verifier)

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        return number < self.opened and index in self.accepted_indices

    def compacted(self, task_id: int, chunk: int) -> int:
        return self.copies.get(chunk, 0)

    def claimed(self, task_id: int, number: int, index: int) -> bool:
        return bool(self.paid >> index & 1)


@dataclass
class FakeCoordinator:
    """Takes headers, and serves what a test puts there.  ``ends``: what became of submissions; others are proven."""

    headers: list[tuple[SubmissionHeader, Mapping[int, bytes]]] = field(default_factory=list)
    payloads: dict[bytes, bytes] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)
    ends: dict[bytes, SubmissionStatus] = field(default_factory=dict)
    answers_get_lost: bool = False

    @property
    def client(self) -> CoordinatorClient:
        return cast(CoordinatorClient, self)

    def submit_header(self, header: SubmissionHeader, receipts: Mapping[int, bytes]) -> SubmissionStatus:
        self.headers.append((header, dict(receipts)))
        if self.answers_get_lost:
            raise UnavailableError("the connection broke")
        return SubmissionStatus(header.digest(context(header.round)), SubmissionState.PENDING)

    def submission_status(self, submission: bytes) -> SubmissionStatus:
        if not any(header.digest(context(header.round)) == submission for header, _ in self.headers):
            raise UnknownError("no such submission")
        return self.ends.get(submission, SubmissionStatus(submission, SubmissionState.PROVING))

    def put_model(self, model: bytes, task_id: int, account: object) -> bytes:
        return keccak(model)

    def payload(self, batch_id: bytes) -> bytes:
        self.asked.append(batch_id)
        if batch_id not in self.payloads:
            raise UnknownError("no such batch")
        return self.payloads[batch_id]


@dataclass
class FakeProvers:
    """Prover nodes by endpoint: each signs receipts, unless it is down or a test makes it misbehave.  Slow ones take
    a share as long as they are waited for."""

    keys: tuple[SigningKey, ...]
    down: set[int] = field(default_factory=set)
    received: dict[int, list[bytes]] = field(default_factory=dict)
    signs: Callable[[int, bytes], bytes] | None = None
    closed: set[int] = field(default_factory=set)
    slow: set[int] = field(default_factory=set)

    def client(self, endpoint: str, **options: object) -> _FakeProver:
        return _FakeProver(self, int(endpoint.removeprefix("prover-")))


@dataclass
class _FakeProver:
    provers: FakeProvers
    index: int
    left: Event = field(default_factory=Event)

    def __enter__(self) -> _FakeProver:
        return self

    def __exit__(self, *_: object) -> None:
        self.left.set()

    def submit_shares(
        self, header: SubmissionHeader, prover: int, payload: bytes, hpke_key: bytes, context: Context
    ) -> bytes:
        if self.index in self.provers.down:
            raise UnavailableError(f"prover-{self.index} cannot be reached")
        if self.index in self.provers.closed:
            raise ClosedError("this owner is in a signed batch of this round already")
        self.provers.received.setdefault(prover, []).append(payload)
        if self.index in self.provers.slow:
            self.left.wait()
            raise UnavailableError("the call was ended")
        digest = receipt_digest(context.market, header.digest(context))
        if self.provers.signs is not None:
            return self.provers.signs(prover, digest)
        return self.provers.keys[self.index].sign(digest)

    def certificate(self, batch_id: bytes) -> Certificate:
        raise UnavailableError(f"prover-{self.index} cannot be reached")

    def audit_bundle(self, batch_id: bytes, dimension: int) -> AuditBundle:
        raise UnavailableError(f"prover-{self.index} cannot be reached")

    def run(self, request: StepRequest, dimension: int, timeout: float | None = None) -> StepReply:
        raise UnavailableError(f"prover-{self.index} cannot be reached")


class FakeParameters(PublicParameters):
    """Development parameters without files."""

    def __init__(self) -> None:
        super().__init__(Path("srs"), Path("keys"))

    @property
    def tau(self) -> G2:
        return development_setup("norm", 2, DIMENSION).srs.tau

    @property
    def parameters(self) -> PublicParameters:
        return self

    def has_verifying_key(self, key_hash: bytes) -> bool:
        return True

    def verifying_key(self, key_hash: bytes) -> VerifyingKey:
        return development_setup("norm", 16, DIMENSION).verifying

    def commitment_key(self, dimension: int) -> CommitmentKey:
        return development_setup("norm", 2, dimension).commitment
