"""What stands before the first request: a committee, its keys, the owners' submissions and the chain's facts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from circuits.statement import Committee, Context, Membership, Policy, SubmissionHeader
from circuits.terms import MarketId, Pay, TaskTerms, Windows
from commons.protocol.bundle import AuditBundle
from commons.protocol.messages import Cohort
from commons.protocol.signing import sign_digest
from commons.sharing.prss import PrssKeys, Purpose
from commons.sharing.sharepayloads import encode_dense, payload_digest
from native import G1, FrArray
from provers.joining.agreement import accept
from provers.joining.agreement import deal as deal_keys
from tests.privacy.leakmeter.answers import Answers
from tests.privacy.leakmeter.dealing import Bend, Secrets, Vector, secret_directions
from tests.privacy.leakmeter.tangents import Tracker
from tests.privacy.leakmeter.toy import BOUND, DIMENSION, Toy
from tests.support.plain_batch import address_of, seed_of

GRADIENTS = ((1, 3), (-2, 1), (2, 3), (3, 2))
"""Within the bound, no entry zero, pairwise independent and not orthogonal: what is zero names no tangent."""
_MARKET = MarketId(31337, bytes(19) + b"\x42", b"\x43" * 32)
_MODEL = b"\x45" * 32


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

    @property
    def honest(self) -> tuple[int, ...]:
        """Provers that follow the protocol."""
        return tuple(p for p in range(self.size) if p not in self.corrupt)


class WatchedKeys(PrssKeys):
    """A prover's keys of the shared randomness; what they derive is hidden unless a corrupt prover derives it too."""

    tracker: Tracker
    corrupt: frozenset[int]

    @classmethod
    def watch(cls, keys: PrssKeys, tracker: Tracker, corrupt: frozenset[int]) -> WatchedKeys:
        """The same keys under the meter."""
        self = cls(keys.index, keys.committee, keys.keys)
        object.__setattr__(self, "tracker", tracker)
        object.__setattr__(self, "corrupt", corrupt)
        return self

    def _seed(self, members: tuple[int, ...], session: bytes, purpose: Purpose) -> bytes:
        seed = PrssKeys._seed(self, members, session, purpose)
        if not self.corrupt & set(members):
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
        secrets: number of directions of x; they are the first columns.
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
        self.signers = [seed_of("prover", p) for p in range(shape.size)]
        self.coordinator, self.payee = seed_of("coordinator"), address_of(seed_of("payee"))
        keys = _committee_keys(shape.threshold, shape.size)
        self.committee = keys[0].committee
        self.reference = seed_of("list of members")
        self.keys = [WatchedKeys.watch(k, tracker, shape.corrupt) for k in keys]
        verifying = self.toy.proving.verifying
        self.policy = Policy(self.toy.proving.policy.capacity, verifying.key_hash, seed_of("verifier's code"))
        self.terms = _terms(address_of(self.coordinator))
        self.context = Context.of(self.terms, 0, _MODEL, self.policy)
        bent = dict(shape.bent)
        honest = {i: secret_directions(tracker) for i in range(shape.owners) if i not in bent}
        self.secrets = tracker.width
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

    def cohort(self, submissions: Sequence[int]) -> Cohort:
        """A cohort of some submissions, of one owner each."""
        chosen = sorted((self.submissions[i] for i in submissions), key=lambda s: s.owner)
        return Cohort(self.context, tuple(s.header for s in chosen))

    def holder(self, prover: int) -> Membership:
        """Whose share a prover holds."""
        return Membership(self.committee, prover)

    def submission_of(self, header: SubmissionHeader) -> Submission:
        """The submission with a header."""
        return next(s for s in self.submissions if s.header == header)

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
        unsigned = SubmissionHeader(self.terms.task_id, 0, address_of(key), index, commitment, digests)
        return unsigned.signed(self.context, partial(sign_digest, key))


@cache
def _committee_keys(threshold: int, size: int) -> tuple[PrssKeys, ...]:
    members = Committee(1, threshold, tuple(address_of(seed_of("prover", p)) for p in range(size)))
    dealt = {p: deal_keys(p, members, seed_of("deal", p)) for p in range(size)}
    return tuple(accept(p, members, dealt) for p in range(size))


def _terms(coordinator: bytes) -> TaskTerms:
    return TaskTerms(
        committee_id=1, verifier=bytes(20), coordinator=coordinator, dimension=DIMENSION, fraction_bits=16,
        bound=BOUND, min_owners=2, capacity=64, rounds=10, windows=Windows(60, 60), pay=Pay(bonus=1), market=_MARKET,
        task_id=7, creator=bytes(19) + b"\x41",
    )  # fmt: skip
