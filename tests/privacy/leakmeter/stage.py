"""What stands before the first request: a committee, its keys, the owners' submissions and the chain's facts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from circuits.hashing import keccak
from circuits.statement import REFERENCE_INDEX, Committee, Context, Membership, Policy, SubmissionHeader
from circuits.terms import Grading, MarketId, Pay, TaskTerms, Windows
from commons.protocol.bundle import AuditBundle
from commons.protocol.messages import Cohort, StepReply
from commons.protocol.references import Copy, Opening
from commons.protocol.signing import sign_digest
from commons.sharing.prss import PrssKeys, Purpose
from commons.sharing.sealing import public_key
from commons.sharing.sharepayloads import encode_dense, payload_digest
from native import G1, FrArray
from provers.joining.agreement import accept
from provers.joining.agreement import deal as deal_keys
from tests.privacy.leakmeter.answers import Answers
from tests.privacy.leakmeter.dealing import Bend, Secrets, Vector, secret_directions
from tests.privacy.leakmeter.hiddenbits import HiddenBits
from tests.privacy.leakmeter.tangents import Tangent, Tracker
from tests.privacy.leakmeter.toy import BOUND, DIMENSION, NOISE_BITS, Toy
from tests.support.plain_batch import address_of, seed_of

GRADIENTS = ((1, 3), (-2, 1), (2, 3), (3, 2))
"""Within the bound, no entry zero, pairwise independent and not orthogonal: what is zero names no tangent."""
REFERENCE = (3, 1)
"""Gradient of the model owner: along the owners' in part, against one of them."""
_MARKET = MarketId(31337, bytes(19) + b"\x42", b"\x43" * 32)
_MODEL = b"\x45" * 32
SUM_SECRET = bytes(range(1, 33))
"""Of the key for sums, where they are private."""
GRADING = Grading(8, 64, b"\x46" * 32)


@dataclass(frozen=True)
class Shape:
    """Who takes part.

    Attributes:
        corrupt: provers of the adversary.
        owners: how many owners hand in something.
        bent: corrupt owners, and what each does to its shares.
        rewound: honest provers whose ledger may go back in time; with the corrupt ones at most ``threshold``.
        dealt_again: honest owners that share what they committed to a second time, with other coefficients.
        drawn_again: honest owners that hand in a second submission of the same gradient, all randomness drawn anew.
        copied: honest owners whose submission and share digests a corrupt owner signs as its own.
        copies: copies of the reference with which the round was opened; owners are graded if there are any.
        private: whether the task's sums are sealed to a key, whose secret nobody has but its model owner.
        reads: whether the adversary has that secret.
        bad_reference: whether the model owner is the adversary's; what it does to its shares is ``bend_reference``.
    """

    size: int = 3
    threshold: int = 1
    corrupt: frozenset[int] = frozenset({0})
    owners: int = 3
    bent: tuple[tuple[int, Bend], ...] = ()
    rewound: tuple[int, ...] = ()
    dealt_again: tuple[int, ...] = ()
    drawn_again: tuple[int, ...] = ()
    copied: tuple[int, ...] = ()
    copies: int = 0
    private: bool = False
    reads: bool = False
    bad_reference: bool = False
    bend_reference: Bend | None = None

    @property
    def honest(self) -> tuple[int, ...]:
        """Provers that follow the protocol."""
        return tuple(p for p in range(self.size) if p not in self.corrupt)


class WatchedKeys(PrssKeys):
    """A prover's keys of the shared randomness; what they derive is hidden unless a corrupt prover derives it too."""

    tracker: Tracker
    corrupt: frozenset[int]
    noise: HiddenBits | None

    @classmethod
    def watch(cls, keys: PrssKeys, tracker: Tracker, corrupt: frozenset[int], noise: HiddenBits | None) -> WatchedKeys:
        """The same keys under the meter."""
        self = cls(keys.index, keys.committee, keys.keys)
        object.__setattr__(self, "tracker", tracker)
        object.__setattr__(self, "corrupt", corrupt)
        object.__setattr__(self, "noise", noise)
        return self

    def _seed(self, members: tuple[int, ...], session: bytes, purpose: Purpose) -> bytes:
        seed = PrssKeys._seed(self, members, session, purpose)
        if purpose is Purpose.NOISE and self.noise is not None:
            self.noise.enter(session)
        elif not self.corrupt & set(members):
            self.tracker.hide(seed)
        return seed


@dataclass(frozen=True, eq=False)
class Submission:
    """What an owner handed in.

    Attributes:
        owner: number of the owner; it may have several submissions.
        secrets: None when the adversary dealt it.
        vector, shares: what was dealt, all of it known to the adversary then.
    """

    owner: int
    header: SubmissionHeader
    values: tuple[int, ...]
    secrets: Secrets | None
    vector: Vector
    shares: list[FrArray]


@dataclass(eq=False)
class Stage:
    """Everything that no schedule changes.

    Attributes:
        submissions: one of each owner, then the second ones.
        payloads: share payloads by prover and submission.
        answers, signatures, bundles: what parties and coordinator have computed before.
        shown: what honest provers have answered in any world, by its identity, and the tangents of what it holds.
        excesses: what was found to leak beyond what may, by all that it depends on.
        remainder_weights: of the proof's constraints, once they are known (`allowed`).
        gradients: number of directions of gradients and bits of norms; they are the first columns.
        secrets: number of directions of x: those, and the bits of noise.
        opening: what the round was opened with; None where owners are not graded.
        references: the copies of the reference.
    """

    toy: Toy
    shape: Shape
    submissions: list[Submission] = field(default_factory=list)
    payloads: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    addresses: dict[int, bytes] = field(default_factory=dict)
    secrets: int = field(init=False)

    def __post_init__(self) -> None:
        shape, tracker = self.shape, self.toy.tracker
        self.answers = Answers()
        self.signatures: dict[bytes, bytes] = {}
        self.bundles: dict[Hashable, AuditBundle | None] = {}
        self.shown: dict[int, tuple[StepReply, tuple[Tangent, ...]]] = {}
        self.excesses: dict[Hashable, int] = {}
        self.remainder_weights: list[int] = []
        self.signers = [seed_of("prover", p) for p in range(shape.size)]
        self.coordinator, self.payee = seed_of("coordinator"), address_of(seed_of("payee"))
        keys = _committee_keys(shape.threshold, shape.size)
        self.committee = keys[0].committee
        self.reference = seed_of("list of members")
        verifying = self.toy.proving.verifying
        self.policy = Policy(self.toy.proving.policy.capacity, verifying.key_hash, seed_of("verifier's code"))
        self.terms = _terms(address_of(self.coordinator), GRADING if shape.copies else None)
        if shape.private:
            self.terms = replace(self.terms, sum_key=public_key(SUM_SECRET))
        bent = dict(shape.bent)
        honest = {i: secret_directions(tracker) for i in range(shape.owners) if i not in bent}
        referred = secret_directions(tracker) if shape.copies and not shape.bad_reference else None
        self.gradients = tracker.width
        bits = NOISE_BITS * shape.owners if shape.copies else 0
        self.noise = HiddenBits(tracker, keys, shape.corrupt, bits) if bits else None
        self.secrets = tracker.width
        self.keys = [WatchedKeys.watch(k, tracker, shape.corrupt, self.noise) for k in keys]
        self.opening = self._open(referred)
        model = _MODEL if self.opening is None else self.opening.digest
        self.context = Context.of(self.terms, 0, model, self.policy)
        self.references = [self._refer(copy, referred, dealt) for copy, dealt in enumerate(self._dealt)]
        known = {i: secret_directions(tracker) for i in bent}
        vectors = [Vector.draw(tracker, GRADIENTS[i], (honest | known)[i], i) for i in range(shape.owners)]
        for i, vector in enumerate(vectors):
            self._submit(i, honest.get(i), vector, i, bent.get(i))
        for i in shape.dealt_again:
            self._submit(i, honest[i], vectors[i], ("again", i))
        for i in shape.drawn_again:
            self._submit(i, honest[i], Vector.draw(tracker, GRADIENTS[i], honest[i], ("anew", i)), ("anew", i))

        for thief, i in enumerate(shape.copied, start=shape.owners):
            copy = self.submissions[i]
            header = self._signed(thief, copy.header.commitment, copy.header.share_digests)
            self.submissions.append(replace(copy, owner=thief, header=header))

    @property
    def handed_in(self) -> list[Submission]:
        """What owners and model owner dealt."""
        return [*self.submissions, *self.references]

    def _open(self, secrets: Secrets | None) -> Opening | None:
        """Deal the copies of the reference; what the round is opened with, if owners are graded."""
        self._dealt: list[tuple[Vector, list[FrArray]]] = []
        for copy in range(self.shape.copies):
            directions = secret_directions(self.toy.tracker) if secrets is None else secrets
            name = ("reference", copy)
            vector = Vector.draw(self.toy.tracker, REFERENCE, directions, name)
            shares = vector.shares(self.toy.tracker, self.shape.size, self.shape.threshold, name)
            if self.shape.bend_reference is not None:
                self.shape.bend_reference(shares)
            self._dealt.append((vector, shares))
        if not self._dealt:
            return None
        copies = [Copy(v.commitment(self.toy), keccak(b"".join(_digests(s)))) for v, s in self._dealt]
        return Opening(_MODEL, tuple(copies))

    def _refer(self, copy: int, secrets: Secrets | None, dealt: tuple[Vector, list[FrArray]]) -> Submission:
        vector, shares = dealt
        key, index = seed_of("model owner"), REFERENCE_INDEX + copy
        header = self._signed_by(key, index, vector.commitment(self.toy), _digests(shares))
        digest = header.digest(self.context)
        self.payloads.update({(p, digest): encode_dense(share) for p, share in enumerate(shares)})
        return Submission(-1, header, REFERENCE, secrets, vector, shares)

    def cohort(self, submissions: Sequence[int], copy: int = 0) -> Cohort:
        """A cohort of some submissions, of one owner each; where owners are graded, against a copy of the reference."""
        chosen = sorted((self.submissions[i] for i in submissions), key=lambda s: s.owner)
        return Cohort(self.context, tuple(s.header for s in (*self.references[copy : copy + 1], *chosen)))

    def holder(self, prover: int) -> Membership:
        """Whose share a prover holds."""
        return Membership(self.committee, prover)

    def submission_of(self, header: SubmissionHeader) -> Submission:
        """The submission with a header."""
        return next(s for s in self.handed_in if s.header == header)

    def _submit(
        self, owner: int, secrets: Secrets | None, vector: Vector, name: object, bend: Bend | None = None
    ) -> None:
        shares = vector.shares(self.toy.tracker, self.shape.size, self.shape.threshold, name)
        if bend is not None:
            bend(shares)
        payloads = [encode_dense(share) for share in shares]
        header = self._signed(owner, vector.commitment(self.toy), tuple(map(payload_digest, payloads)))
        digest = header.digest(self.context)
        self.payloads.update({(p, digest): payload for p, payload in enumerate(payloads)})
        self.submissions.append(Submission(owner, header, GRADIENTS[owner], secrets, vector, shares))

    def _signed(self, owner: int, commitment: G1, digests: tuple[bytes, ...]) -> SubmissionHeader:
        key, index = seed_of("owner", owner), 2 * owner + 1
        self.addresses[index] = address_of(key)
        return self._signed_by(key, index, commitment, digests)

    def _signed_by(self, key: bytes, index: int, commitment: G1, digests: tuple[bytes, ...]) -> SubmissionHeader:
        unsigned = SubmissionHeader(self.terms.task_id, 0, address_of(key), index, commitment, digests)
        return unsigned.signed(self.context, partial(sign_digest, key))


def _digests(shares: Sequence[FrArray]) -> tuple[bytes, ...]:
    return tuple(payload_digest(encode_dense(share)) for share in shares)


@cache
def _committee_keys(threshold: int, size: int) -> tuple[PrssKeys, ...]:
    members = Committee(1, threshold, tuple(address_of(seed_of("prover", p)) for p in range(size)))
    dealt = {p: deal_keys(p, members, seed_of("deal", p)) for p in range(size)}
    return tuple(accept(p, members, dealt) for p in range(size))


def _terms(coordinator: bytes, grading: Grading | None) -> TaskTerms:
    return TaskTerms(
        committee_id=1, verifier=bytes(20), coordinator=coordinator, dimension=DIMENSION, fraction_bits=16,
        bound=BOUND, min_owners=2, capacity=64, rounds=10, windows=Windows(60, 60), pay=Pay(bonus=1), market=_MARKET,
        task_id=7, creator=bytes(19) + b"\x41", grading=grading,
    )  # fmt: skip
