"""A committee, its owners and a coordinator in one process, no sockets: real shares, real proofs, and lies on demand.

The provers are the real parties; a fault sits between a party and the coordinator and rewrites or withholds what the
party sends, signed with the party's own key, as a corrupt prover would.  Everything is derived from seeds, so a failing
case fails again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

import native
from circuits import payload
from circuits.commitment import CommitmentKey
from circuits.errors import ClosedError, GradrollError, UnknownError
from circuits.groth16 import ProvingKey
from circuits.policies import DEFAULT
from circuits.statement import MASK_BITS, ROWS, SLACK_BITS, Committee, Context, Membership, Policy, SubmissionHeader
from circuits.terms import NO_DIGEST, MarketId, Pay, TaskTerms, Windows
from circuits.verify import verify_batch
from commons.protocol import release
from commons.protocol.bundle import Certificate
from commons.protocol.keypackages import CommitteeReference
from commons.protocol.messages import Cohort, Message, Step, StepReply, StepRequest, message_digest
from commons.protocol.references import Opening
from commons.protocol.replies import Failure
from commons.protocol.sealedsums import opener, seal_sum
from commons.protocol.signing import sign_digest
from commons.protocol.sumlabels import SumLabel
from commons.sharing import replicated
from commons.sharing.prss import PrssKeys
from commons.sharing.sharepayloads import INTEGER_FORM, decode_payload, encode_dense, payload_digest
from commons.sharing.sharevector import ShareVector
from coordinator.machine import Completed, Failed, Resources, Transition, Verdict, advance, begin
from native import FrArray
from provers.joining.agreement import accept, deal
from provers.party import Acceptance, Party, RestoredError, handle
from provers.party.ledger import LedgerState, Selection, from_record, to_record
from tests.support.parts import with_parts
from tests.support.plain_batch import Setup, address_of, development_setup, seed_of

IntArray = npt.NDArray[np.int64]
Fault = Callable[["Network", int, StepRequest, StepReply], "StepReply | Failure"]
"""What the coordinator gets instead of a prover's reply: (network, prover, request, honest reply)."""

BOUND = 1 << 40
MARKET = MarketId(31337, bytes(19) + b"\x42", b"\x43" * 32)
REGISTRY = bytes(19) + b"\x44"
MODEL_DIGEST = b"\x45" * 32


@dataclass(frozen=True, eq=False)
class OwnerPlan:
    """What one owner does; honest unless told otherwise.

    Attributes:
        gradient: int64[d]; what the honest sum is made of.
        values: field elements to share in place of the gradient, FrArray (d, 4).
        masks: masks to use instead of drawn ones, FrArray (128, 4).
        bits: bits to share in place of those of the slack, FrArray (62, 4).
        bend: changes the shares by prover after dealing (the digests are of the changed ones).
        tamper: changes the payloads by prover (integers, 13 bytes a coordinate) before their digests are signed.
        commit_to: values to commit to in place of the shared ones.
        forged: which of the header's two signatures are by another key: "signature", "dealing_signature".
    """

    gradient: IntArray
    values: FrArray | None = None
    masks: FrArray | None = None
    bits: FrArray | None = None
    bend: Callable[[list[FrArray]], None] | None = None
    tamper: Callable[[list[bytes]], None] | None = None
    commit_to: FrArray | None = None
    forged: tuple[str, ...] = ()


class Memory:
    """One prover's environment: chain facts, keys, shares and ledger, all in memory."""

    def __init__(self, network: Network, prover: int) -> None:
        self._network = network
        self._prover = prover
        self.ledger = LedgerState()
        self.payloads: dict[bytes, bytes] = {}
        self.acceptances: dict[bytes, Acceptance] = {}
        self.challenges: dict[bytes, int] = {}
        self.closed = ""
        self.over = True
        self.opened, self.clock = 1000, 2000
        self.former: frozenset[bytes] = frozenset()
        self.revoked: frozenset[bytes] = frozenset()

    def terms(self, task_id: int) -> TaskTerms:
        if task_id != self._network.terms.task_id:
            raise UnknownError("no such task")
        return self._network.terms

    def policy(self, task_id: int) -> Policy:
        return self._network.policy

    def context(self, task_id: int, round_number: int) -> Context:
        return Context.of(self.terms(task_id), round_number, self._network.model_digest, self.policy(task_id))

    def released_context(self, task_id: int, round_number: int) -> tuple[Context, Committee]:
        return self.context(task_id, round_number), self._network.committee

    def coordinator(self, task_id: int) -> bytes:
        return self._network.coordinator

    def opened_at(self, context: Context) -> int:
        return self.opened

    def now(self) -> int:
        return self.clock

    def require_eligible(self, context: Context, indices: tuple[int, ...]) -> None:
        left = self._network.left.intersection(indices)
        if left:
            raise ClosedError(f"owners {sorted(left)} have no part in this round")

    def references(self, context: Context) -> Opening:
        return self._network.opening

    def submissions_over(self, context: Context) -> bool:
        return self.over

    def require_admissible(self, context: Context, indices: tuple[int, ...]) -> None:
        self.require_eligible(context, indices)
        if self.closed:
            raise ClosedError(self.closed)

    def accepted(self, context: Context, batch_id: bytes) -> Acceptance | None:
        return self.acceptances.get(batch_id)

    def challenge(self, context: Context, batch_id: bytes) -> int:
        if batch_id not in self.challenges:
            raise ClosedError("the market holds no fees")
        return self.challenges[batch_id]

    def summed(self, selection: Selection) -> FrArray:
        return native.linear_combination([self.shares(s).row for s in selection.submissions], selection.weights)

    def seal_sum(self, share: FrArray, label: SumLabel) -> bytes:
        return seal_sum(share, label)

    def commitment_key(self, dimension: int) -> CommitmentKey:
        return self._network.setup.commitment

    def proving_key(self, policy: Policy) -> ProvingKey:
        return self._network.setup.proving

    def shares(self, submission: bytes) -> ShareVector:
        dimension = self._network.terms.dimension
        holder = Membership(self._network.committee, self._prover)
        return ShareVector.of(decode_payload(self.share_payload(submission), dimension, holder), dimension)

    def share_payload(self, submission: bytes) -> bytes:
        if submission not in self.payloads:
            raise UnknownError("no share of this submission")
        return self.payloads[submission]

    def owners_at(self, task_id: int, indices: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(self._network.owner_addresses[index] for index in indices)

    @property
    def signers(self) -> frozenset[bytes]:
        return self.former | {self._network.committee.members[self._prover]}

    def is_revoked(self, signer: bytes) -> bool:
        return signer in self.revoked

    def sign(self, digest: bytes) -> bytes:
        return sign_digest(self._network.prover_keys[self._prover], digest)


@dataclass(frozen=True, eq=False)
class Result:
    """How a batch went."""

    transition: Transition
    verdicts: tuple[Verdict, ...]
    steps: tuple[Step, ...]

    @property
    def completed(self) -> Completed:
        assert isinstance(self.transition.outcome, Completed), (self.transition.outcome, self.verdicts)
        return self.transition.outcome

    @property
    def failed(self) -> Failed:
        assert isinstance(self.transition.outcome, Failed), (self.transition.outcome, self.verdicts)
        return self.transition.outcome

    def of(self, kind: type[Verdict]) -> list[Verdict]:
        """The verdicts of one kind."""
        return [v for v in self.verdicts if isinstance(v, kind)]


@cache
def shared_keys(threshold: int, provers: int) -> tuple[PrssKeys, ...]:
    """The committee's keys after an honest setup."""
    members = Committee(1, threshold, tuple(address_of(seed_of("prover", p)) for p in range(provers)))
    dealt = {p: deal(p, members, seed_of("deal", p)) for p in range(provers)}
    return tuple(accept(p, members, dealt) for p in range(provers))


@dataclass(eq=False)
class Network:
    """N parties with their ledgers and shares, and what the chain would say.

    Attributes:
        proves: name of the policy.
        least_owners: the task's minimum, which provers keep; the coordinator's machine thinks it is 2.
        coordinator: address of the task's coordinator at present.
        payee: whom the coordinator's machine wants to be paid for relaying.
        inline: whether the task has its sums on the chain.
        sum_key: to which shares of its sums are sealed.
        left: registration indices of owners without a part in the round.
    """

    threshold: int = 1
    provers: int = 4
    dimension: int = 5
    capacity: int = 4
    proves: str = DEFAULT
    least_owners: int = 2
    pay: Pay = field(default_factory=lambda: Pay(bonus=1))
    inline: bool = False
    sum_key: bytes = NO_DIGEST
    windows: Windows = Windows(60, 60)  # noqa: RUF009
    model_digest: bytes = MODEL_DIGEST
    setup: Setup = field(init=False)
    headers: list[SubmissionHeader] = field(default_factory=list)
    plans: list[OwnerPlan] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.setup = development_setup(self.proves, self.capacity, self.dimension)
        self.prover_keys = [seed_of("prover", p) for p in range(self.provers)]
        self.coordinator_key = seed_of("coordinator")
        self.coordinator = address_of(self.coordinator_key)
        self.payee = address_of(seed_of("payee"))
        self.left: set[int] = set()
        self.owner_addresses: dict[int, bytes] = {}
        keys = shared_keys(self.threshold, self.provers)
        self.committee = keys[0].committee
        self.starts = [0] * self.provers
        self.reference = CommitteeReference(MARKET.chain_id, REGISTRY, self.committee).digest
        self.parties = [self.started(p, keys[p]) for p in range(self.provers)]
        self.earlier = list(self.parties)
        self.memories = [Memory(self, p) for p in range(self.provers)]
        self.policy = Policy(self.capacity, self.setup.verifying.key_hash, seed_of("verifier's code"))
        self.terms = TaskTerms(
            committee_id=1, verifier=bytes(20), coordinator=self.coordinator, dimension=self.dimension,
            fraction_bits=16, bound=BOUND, min_owners=self.least_owners, capacity=64, rounds=10,
            windows=self.windows, pay=self.pay, inline_payload=self.inline, market=MARKET,
            task_id=7, creator=bytes(19) + b"\x41", sum_key=self.sum_key,
        )  # fmt: skip
        self.context = Context.of(self.terms, 0, self.model_digest, self.policy)

    @property
    def opening(self) -> Opening:
        """What the round was opened with, where the task grades."""
        raise UnknownError("the round was opened without references")

    @property
    def resources(self) -> Resources:
        """What the coordinator's machine works with."""
        return Resources(
            self.committee, replace(self.terms, min_owners=2), self.policy, self.setup.commitment,
            self.setup.verifying, self.setup.srs,
            lambda digest: sign_digest(self.coordinator_key, digest), self.payee,
        )  # fmt: skip

    @property
    def cohort(self) -> Cohort:
        """All submissions."""
        return Cohort(self.context, tuple(self.headers))

    def submission(self, owner: int) -> bytes:
        """Identifier of an owner's submission."""
        return self.headers[owner].digest(self.context)

    def submit(self, plan: OwnerPlan) -> SubmissionHeader:
        """Commit, share, sign, and hand every prover its share."""
        header = self._hand_in(plan, len(self.headers))
        self.headers.append(header)
        self.plans.append(plan)
        return header

    def submit_again(self, owner: int, plan: OwnerPlan) -> SubmissionHeader:
        """Another submission of an owner in the same round, with all randomness drawn anew; ``headers`` stay."""
        return self._hand_in(plan, owner, drawn=("again", owner), dealt=("again", owner))

    def deal_again(self, owner: int) -> SubmissionHeader:
        """Another dealing of an owner's commitment: the same vector in other shares; ``headers`` stay."""
        return self._hand_in(self.plans[owner], owner, dealt=("again", owner))

    def _hand_in(self, plan: OwnerPlan, owner: int, *, drawn: object = None, dealt: object = None) -> SubmissionHeader:
        """``drawn`` and ``dealt`` name the randomness of the vector and of its shares; by default the owner's first."""
        index, key = 2 * owner + 1, seed_of("owner", owner)
        names = (owner if name is None else name for name in (drawn, dealt))
        header, payloads = self.dealt(plan, owner, index, address_of(key), *names)
        self.owner_addresses[index] = header.owner
        return self.handed_in(plan, header, payloads, key)

    def dealt(
        self, plan: OwnerPlan, nth: int, index: int, owner: bytes, drawn: object, dealt: object
    ) -> tuple[SubmissionHeader, list[bytes]]:
        """An unsigned header, and each prover's payload."""
        vector, committed = _owner_vector(plan, drawn, self.terms.bound)
        in_integers = plan.values is None and plan.bend is None and replicated.fits(self.committee)
        payloads = (self._in_integers if in_integers else self._in_scalars)(plan, vector, nth, dealt)
        commitment, digests = self.setup.commitment.commit_long(committed), tuple(map(payload_digest, payloads))
        return SubmissionHeader(self.terms.task_id, 0, owner, index, commitment, digests), payloads

    def handed_in(
        self, plan: OwnerPlan, header: SubmissionHeader, payloads: Iterable[bytes], key: bytes
    ) -> SubmissionHeader:
        """The header signed; every prover has its share."""
        header, forgery = (header.signed(self.context, partial(sign_digest, k)) for k in (key, seed_of("forger")))
        header = with_parts(header, **{name: getattr(forgery, name) for name in plan.forged})
        digest = header.digest(self.context)
        for memory, raw in zip(self.memories, payloads, strict=True):
            memory.payloads[digest] = raw
        return header

    def _in_integers(self, plan: OwnerPlan, vector: FrArray, nth: int, dealing: object) -> list[bytes]:
        """Payloads of 13 bytes a coordinate; the provers without correction rotate with the owner."""
        dimension = self.terms.dimension
        values, rest = np.ascontiguousarray(vector[:dimension]), np.ascontiguousarray(vector[dimension:])
        seeds = [seed_of("mask", dealing, c) for c in range(replicated.seed_count(self.committee))]
        exempt = sorted((nth + i) % self.provers for i in range(self.threshold))
        payloads = [
            bytes((INTEGER_FORM,)) + body for body in replicated.deal(values, rest, self.committee, exempt, seeds)
        ]
        if plan.tamper is not None:
            plan.tamper(payloads)
        return payloads

    def _in_scalars(self, plan: OwnerPlan, vector: FrArray, nth: int, dealing: object) -> list[bytes]:
        coefficients = [native.expand(seed_of("coefficient", dealing, c), len(vector)) for c in range(self.threshold)]
        shares = native.shamir_share(vector, coefficients, [p + 1 for p in range(self.provers)])
        if plan.bend is not None:
            plan.bend(shares)
        return [encode_dense(share) for share in shares]

    def authorized(self, request: StepRequest) -> StepRequest:
        """The request as the task's coordinator signs it; in most tests it is the adversary."""
        return replace(request, authorization=sign_digest(self.coordinator_key, request.asked))

    def deliver(self, prover: int, request: StepRequest) -> StepReply | Failure:
        """Let an honest party answer: its ledger entries are durable before it adopts the new state."""
        memory = self.memories[prover]
        try:
            outcome = handle(self.parties[prover], request, memory)
        except GradrollError as error:
            if isinstance(error, RestoredError):
                memory.ledger.apply(error.entry)
            return Failure("refused", error.code, str(error))
        for entry in outcome.entries:
            memory.ledger.apply(from_record(to_record(entry)))
        self.earlier[prover], self.parties[prover] = self.parties[prover], outcome.party
        return outcome.reply

    def answer(self, prover: int, request: StepRequest, faults: Mapping[int, Sequence[Fault]]) -> StepReply | Failure:
        """A prover's answer after its faults, if it has any."""
        reply = self.deliver(prover, request)
        for fault in faults.get(prover, ()):
            if isinstance(reply, StepReply):
                reply = fault(self, prover, request, reply)
        return reply

    def restart(self, prover: int) -> None:
        """The prover forgets everything but its keys, shares and ledger, and draws another nonce."""
        self.starts[prover] += 1
        self.parties[prover] = self.started(prover, self.parties[prover].keys)

    def started(self, prover: int, keys: PrssKeys) -> Party:
        """A prover's party right after its start."""
        return Party.new(
            prover, self.committee, self.reference, keys, seed_of("nonce", prover, self.starts[prover])
        )  # fmt: skip

    def resign(self, prover: int, message: Message, body: bytes) -> Message:
        """The message with another body, signed by its sender."""
        digest = message_digest(message.session, message.step, prover, body)
        return replace(message, body=body, signature=sign_digest(self.prover_keys[prover], digest))

    def run(
        self,
        faults: Mapping[int, Sequence[Fault]] | None = None,
        *,
        reachable: Iterable[int] | None = None,
        first_attempt: int = 1,
        locked: frozenset[bytes] | None = None,
    ) -> Result:
        """Begin a batch of all submissions and go on until it ends."""
        resources, faults = self.resources, faults or {}
        everybody = range(self.provers) if reachable is None else reachable
        transition = begin(resources, self.cohort, attempt_number=first_attempt, reachable=everybody, locked=locked)
        verdicts, steps = list(transition.verdicts), []
        while transition.outcome is None:
            assert transition.requests, "a batch that has not ended waits for somebody"
            steps.append(next(iter(transition.requests.values())).step)
            replies = {p: self.answer(p, r, faults) for p, r in transition.requests.items()}
            transition = advance(resources, transition.state, replies)
            verdicts += transition.verdicts
        return Result(transition, tuple(verdicts), tuple(steps))

    def check(self, result: Result, owners: Iterable[int]) -> None:
        """The batch completed with exactly these owners, its proof holds, and what is released is their plain sum."""
        done, owners = result.completed, list(owners)
        assert [h.owner_index for h in done.statement.owners] == [self.headers[i].owner_index for i in owners]
        assert verify_batch(done.statement, done.proof, self.setup.verifying) == done.batch_id
        assert len(done.bundle.certificate.attestations) >= self.committee.quorum
        self.accept(done)
        opened = payload.decode(self.open_sum(done.bundle.certificate).payload, self.dimension)
        assert np.array_equal(opened.values, np.sum([self.plans[i].gradient for i in owners], axis=0))

    def accept(self, done: Completed) -> None:
        """Let every prover's node see the batch accepted."""
        indices = tuple(h.owner_index for h in done.statement.owners)
        for memory in self.memories:
            memory.acceptances[done.batch_id] = Acceptance(indices, done.proof.commitment_sum)
            memory.challenges[done.batch_id] = 0

    def open_sum(
        self,
        certificate: Certificate,
        provers: Iterable[int] | None = None,
        faults: Mapping[int, Sequence[Fault]] | None = None,
        secret: bytes | None = None,
    ) -> release.Opened:
        """Ask provers to release their shares of a batch's sum, and open it; a private one with its key's secret."""
        asked = range(self.provers) if provers is None else provers
        requests = release.requests(certificate, asked)
        replies = {p: self.answer(p, r, faults or {}) for p, r in requests.items()}
        about = release.SumAsked.of(certificate)
        opens = None if secret is None else opener(secret, about.context, about.batch_id)
        return release.opened(self.committee, self.setup.commitment, about, replies, opens=opens)


def _owner_vector(plan: OwnerPlan, nth: object, bound: int) -> tuple[FrArray, FrArray]:
    """The vector that is shared, FrArray (d + 192, 4), and the long row that is committed to."""
    values = native.from_int64(plan.gradient) if plan.values is None else plan.values
    blinder = native.expand(seed_of("blinder", nth), 1)
    masks = native.expand_bounded(seed_of("masks", nth), ROWS, MASK_BITS) if plan.masks is None else plan.masks
    slack = bound - sum(int(v) ** 2 for v in plan.gradient)
    bits = plan.bits if plan.bits is not None else slack_bits(slack)
    check = native.expand(seed_of("check", nth), 1)
    row = np.concatenate((values, blinder, masks))
    committed = row if plan.commit_to is None else np.concatenate((plan.commit_to, blinder, masks))
    return np.concatenate((row, bits, check)), committed


def slack_bits(slack: int) -> FrArray:
    """The 62 low bits of a slack."""
    return native.from_ints([slack >> e & 1 for e in range(SLACK_BITS)])


def gradients(count: int, dimension: int, seed: int = 0) -> list[IntArray]:
    """Random gradients within the bound."""
    generator = np.random.default_rng(seed)
    return [generator.integers(-(1 << 16), 1 << 16, dimension) for _ in range(count)]


def network_with(owners: int | Sequence[OwnerPlan], **options: Any) -> Network:
    """A network with honest owners, or with owners that follow the given plans."""
    network = Network(**options)
    plans = [OwnerPlan(g) for g in gradients(owners, network.dimension)] if isinstance(owners, int) else list(owners)
    for plan in plans:
        network.submit(plan)
    return network
