"""A market of one task in memory: chain view, coordinator and provers that an owner or a model owner talks to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from threading import Event
from time import monotonic
from types import SimpleNamespace
from typing import cast

from circuits.commitment import CommitmentKey
from circuits.errors import ClosedError, UnavailableError, UnknownError
from circuits.groth16 import VerifyingKey
from circuits.hashing import keccak
from circuits.statement import Committee, Context, Policy, SubmissionHeader
from circuits.terms import ETHER, NO_DIGEST, Grading, MarketId, Pay, TaskTerms, Windows
from commons.chain.facts import (
    AcceptedBatch,
    Claimable,
    CommitteeRecord,
    OwnerRecord,
    Participants,
    RoundRecord,
    TaskRecord,
)
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.receipts import receipt_digest
from commons.protocol.references import Opening
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.status import OfferStatus, SubmissionState, SubmissionStatus
from commons.protocol.streamheads import ShareHead
from commons.runtime.amounts import ETH
from commons.sharing.sealedbodies import Chunks
from commons.sharing.sealing import public_key
from commons.storage.accounts import SigningKey
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from native import G1, G2
from tests.support.parts import with_parts
from tests.support.plain_batch import development_setup, seed_of
from tests.support.uploads import opened_payload

DIMENSION, NOW = 10, 1_000_000
MARKET = MarketId(7, b"\x42" * 20, b"\x43" * 32)
MODEL_DIGEST = b"\x44" * 32
POLICY = Policy(4, bytes(32), b"\x45" * 32)
BOUND = 1 << 40
INFINITY = G1(bytes(64))
MODEL_OWNER, COORDINATOR = b"\x09" * 20, b"\x02" * 20


def terms(**changes: object) -> TaskTerms:
    """The terms of task 0."""
    usual = TaskTerms(
        market=MARKET, task_id=0, creator=MODEL_OWNER, committee_id=0, verifier=b"\x01" * 20,
        coordinator=COORDINATOR, dimension=DIMENSION, fraction_bits=16, bound=BOUND, min_owners=2, capacity=4, rounds=9,
        windows=Windows(submit=60, settle=60), pay=Pay(bonus=1000, deposit=500),
    )  # fmt: skip
    return with_parts(usual, **changes)


def task_record(**changes: object) -> TaskRecord:
    """Task 0 with four provers, nobody's yet; changes are of the record."""
    usual = TaskRecord(
        terms(), MODEL_OWNER, None, COORDINATOR, provers=4, balance=0, reserved=0, rounds_opened=0, owners=0,
        active_owners=0,
    )  # fmt: skip
    return with_parts(usual, **changes)


def round_record(submit: int, settle: int, **changes: object) -> RoundRecord:
    """A round with these deadlines, which has four seats and no batch yet; changes are of the record."""
    usual = RoundRecord(
        MODEL_DIGEST, submit, settle, batches=0, owners=0, seats=4, limit=1 << 16, epoch=0, spent=0,
        aggregate=INFINITY, closed=settle < NOW, finalized=False,
    )  # fmt: skip
    return with_parts(usual, **changes)


def context(number: int) -> Context:
    """The context of a round of task 0."""
    return Context.of(terms(), number, MODEL_DIGEST, POLICY)


@dataclass
class FakeChain:
    """What `ChainView` is asked for by the SDK.

    Attributes:
        rotated: members that have other keys since the rounds, all of epoch 0, were opened.
    """

    provers: tuple[SigningKey, ...]
    owners: dict[bytes, int] = field(default_factory=dict)
    opened: int = 1
    deadline: int = NOW + 60
    batches: tuple[AcceptedBatch, ...] = ()
    aggregate: G1 = INFINITY
    next_claim: int = 0
    leaves_at: int | None = None
    account: bytes = b""
    exited: bool = False
    excluded: bool = False
    admits: bool = True
    limit: int = 1 << 16
    levelled: bool = False
    rotated: frozenset[int] = frozenset()
    contracts: frozenset[bytes] = frozenset()
    credits: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    escrow: int = 10**6
    model_digest: bytes = MODEL_DIGEST
    sum_key: bytes = NO_DIGEST
    accepted_indices: frozenset[int] = frozenset()
    told: frozenset[tuple[int, int]] = frozenset()
    copies: dict[int, int] = field(default_factory=dict)
    chain_id: int = MARKET.chain_id
    market: bytes = MARKET.address
    market_id: MarketId = MARKET
    tau_of_verifier: bytes = field(default_factory=lambda: development_setup("norm", 2, DIMENSION).srs.tau)

    @property
    def view(self) -> ChainView:
        return cast(ChainView, self)

    @property
    def tokens(self) -> SimpleNamespace:
        return SimpleNamespace(currency=lambda token: ETH, is_token=lambda token: token in self.contracts)

    @property
    def rpc(self) -> SimpleNamespace:
        return SimpleNamespace(code=lambda address: b"code" if address in self.contracts else b"")

    def writer(self, account: SigningKey, **sends: object) -> ChainWriter:
        """An account at this market, as far as owners use one; ``sends``: what takes its transactions."""
        signs = {"sign": account.sign, "sign_message": account.sign_message}
        return cast(ChainWriter, SimpleNamespace(view=self, address=account.address, **signs, **sends))

    def now(self) -> int:
        return NOW

    def terms(self, task_id: int) -> TaskTerms:
        if task_id != 0:
            raise UnknownError(f"the chain knows no task {task_id}")
        return terms(sum_key=self.sum_key)

    def task(self, task_id: int) -> TaskRecord:
        count = len(self.owners)
        return task_record(
            terms=self.terms(task_id), balance=self.escrow, rounds_opened=self.opened, owners=count,
            active_owners=count, provers=len(self.provers),
        )  # fmt: skip

    def round(self, task_id: int, number: int) -> RoundRecord:
        return round_record(
            self.deadline,
            self.deadline + 60,
            model_digest=self.model_digest,
            aggregate=self.aggregate,
            limit=self.limit,
        )

    def context(self, task_id: int, number: int) -> Context:
        self.terms(task_id)
        return context(number)

    def owner_index(self, task_id: int, signer: bytes) -> int | None:
        return self.owners.get(signer)

    def owner(self, task_id: int, index: int) -> OwnerRecord:
        """Whoever has the index, all with the same history."""
        signer = next((key for key, value in self.owners.items() if value == index), None)
        if signer is None:
            raise UnknownError(f"the chain knows no owner {index}")
        free_at = None if self.leaves_at is None else NOW
        history = self.next_claim, self.leaves_at, free_at, self.exited, self.excluded
        return OwnerRecord(signer, self.account or signer, 0, *history)

    def admitted(self, task_id: int, signer: bytes) -> bool:
        return self.admits

    def claimable(self, task_id: int, index: int, through: int) -> Claimable:
        end = min(through, self.opened)
        rounds = [number for number in range(self.next_claim, end) if self.consumed(task_id, number, index)]
        return Claimable(len(rounds) * self.terms(task_id).pay.flat, end)

    def balance(self, account: bytes) -> int:
        """Ether of an account."""
        return self.credits.get((ETHER, account), 0)

    def owed(self, token: bytes, account: bytes) -> int:
        return self.credits.get((token, account), 0)

    def committee_of_round(self, task_id: int, number: int) -> Committee:
        return self.committee_record(0, 0).committee

    def committee_record(self, committee_id: int, epoch: int | None = None) -> CommitteeRecord:
        others = frozenset[int]() if epoch == 0 else self.rotated
        members = [bytes([p]) * 20 if p in others else key.address for p, key in enumerate(self.provers)]
        sealing = [public_key(seed_of("hpke", p + 100 * (p in others))) for p in range(len(members))]
        endpoints = tuple(f"prover-{p}" for p in range(len(members)))
        return CommitteeRecord(Committee(0, 1, tuple(members)), endpoints, tuple(sealing), True, len(others))

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        return self.batches

    def policy(self, task_id: int) -> Policy:
        return POLICY

    def tau(self, task_id: int) -> G2:
        return G2(self.tau_of_verifier)

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        return number < self.opened and index in self.accepted_indices

    def owner_records(self, task_id: int, indices: Sequence[int]) -> tuple[OwnerRecord, ...]:
        return tuple(self.owner(task_id, index) for index in indices)

    def participants(self, task_id: int, number: int, indices: Sequence[int]) -> Participants:
        consumed = frozenset(index for index in indices if self.consumed(task_id, number, index))
        return Participants(self.round(task_id, number), self.owner_records(task_id, indices), consumed)

    @property
    def events(self) -> SimpleNamespace:
        return SimpleNamespace(read=self._read)

    def _read(self, decode: object, event: str, task_id: int, number: int | None, index: int) -> list[tuple[int, int]]:
        return [(task_id, told) for told, of in sorted(self.told) if of == index and number in (None, told)]

    def compacted(self, task_id: int, chunk: int) -> int:
        return self.copies.get(chunk, 0)

    def is_levelled(self, verifier: bytes) -> bool:
        return self.levelled


GRADED = terms(grading=Grading(4, 4, b"\x66" * 32), bound=1 << 30)
"""The terms of task 0 where it grades."""


@dataclass
class GradedChain(FakeChain):
    """A market whose task grades; its rounds have whatever digest they were opened with."""

    graded: TaskTerms = GRADED
    shown: Opening | None = None

    def opening(self, task_id: int, number: int) -> Opening:
        assert self.shown is not None
        return self.shown

    def terms(self, task_id: int) -> TaskTerms:
        return self.graded

    def context(self, task_id: int, number: int) -> Context:
        return Context.of(self.graded, number, self.model_digest, POLICY)


@dataclass
class FakeCoordinator:
    """Takes headers, and serves what a test puts there.  ``ends``: what became of submissions; others are proven.

    Attributes:
        given: seconds that it had for each upload.
        waited_until: when its answers to questions for receipts are of no use any more.
    """

    headers: list[tuple[SubmissionHeader, Mapping[int, bytes]]] = field(default_factory=list)
    payloads: dict[bytes, bytes] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)
    ends: dict[bytes, SubmissionStatus] = field(default_factory=dict)
    answers_get_lost: bool = False
    given: list[float] = field(default_factory=list)
    waited_until: list[float] = field(default_factory=list)
    handing_on: Callable[[SealedUpload], None] | None = None
    delivered: Callable[[bytes], OfferStatus] = lambda _: OfferStatus({}, {}, 0)
    blobs: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def client(self) -> CoordinatorClient:
        return cast(CoordinatorClient, self)

    def submit_header(self, header: SubmissionHeader, receipts: Mapping[int, bytes]) -> SubmissionStatus:
        self.headers.append((header, dict(receipts)))
        if self.answers_get_lost:
            raise UnavailableError("the connection broke")
        return SubmissionStatus(header.digest(context(header.round)), SubmissionState.PENDING)

    def offer_shares(self, upload: SealedUpload, *, until: float) -> None:
        self.given.append(until - monotonic())
        if self.handing_on is None:
            raise UnknownError("this coordinator hands nothing on")
        self.handing_on(upload)

    def offer_status(self, submission: bytes, *, until: float = inf) -> OfferStatus:
        self.waited_until.append(until)
        return self.delivered(submission)

    def submission_status(self, submission: bytes) -> SubmissionStatus:
        if not any(header.digest(context(header.round)) == submission for header, _ in self.headers):
            raise UnknownError("no such submission")
        return self.ends.get(submission, SubmissionStatus(submission, SubmissionState.PROVING))

    def put_model(self, model: bytes, task_id: int, account: object) -> bytes:
        self.blobs[keccak(model)] = model
        return keccak(model)

    def get_model(self, digest: bytes, dimension: int) -> bytes:
        return self._blob(digest)

    def put_manifest(self, manifest: ModelManifest, task_id: int, account: object) -> None:
        self.put_model(manifest.published, task_id, account)

    def get_manifest(self, digest: bytes) -> ModelManifest:
        return ModelManifest.decode_published(self._blob(digest))

    def _blob(self, digest: bytes) -> bytes:
        if digest not in self.blobs:
            raise UnknownError("there is nothing of this digest")
        return self.blobs[digest]

    def payload(self, batch_id: bytes, dimension: int) -> bytes:
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

    def submit_shares(self, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        if self.index in self.provers.down:
            raise UnavailableError(f"prover-{self.index} cannot be reached")
        if self.index in self.provers.closed:
            raise ClosedError("this owner is in a signed batch of this round already")
        prover, domain = head.prover, MARKET.domain
        payload = opened_payload(head, body, domain, submission, seed_of("hpke", prover))
        self.provers.received.setdefault(prover, []).append(payload)
        if self.index in self.provers.slow:
            self.left.wait()
            raise UnavailableError("the call was ended")
        digest = receipt_digest(MARKET, submission)
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
