"""What stands before the first request: a committee, its keys, the owners' dealings and the chain's facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from circuits.statement import Committee, Context, Policy, SubmissionHeader, TaskTerms
from provers.messages import Cohort
from provers.prss import PrssKeys, Purpose
from provers.setup import accept
from provers.setup import deal as deal_keys
from provers.shares import encode_dense, payload_digest
from provers.signing import sign_digest
from tests.privacy.leakmeter.answers import Answers
from tests.privacy.leakmeter.dealing import Bend, Secrets, deal, secret_directions
from tests.privacy.leakmeter.tangents import Tracker
from tests.privacy.leakmeter.toy import BOUND, DIMENSION, Toy
from tests.support.plain_batch import address_of, seed_of

GRADIENTS = ((1, 3), (-2, 1), (2, 3), (3, 2))
"""Within the bound, no entry zero, pairwise independent and not orthogonal: what is zero names no tangent."""


@dataclass(frozen=True)
class Shape:
    """Who takes part.

    Attributes:
        corrupt: provers of the adversary.
        owners: how many owners hand in something.
        bent: corrupt owners, and what each does to its shares.
        rewound: honest provers whose ledger may go back in time; with the corrupt ones at most ``threshold``.
    """

    size: int = 3
    threshold: int = 1
    corrupt: frozenset[int] = frozenset({0})
    owners: int = 3
    bent: tuple[tuple[int, Bend], ...] = ()
    rewound: tuple[int, ...] = ()

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
class Owner:
    """One owner's submission.  ``secrets`` is None when the adversary dealt it."""

    header: SubmissionHeader
    values: tuple[int, ...]
    secrets: Secrets | None


@dataclass(eq=False)
class Stage:
    """Everything that no schedule changes.

    Attributes:
        payloads: share payloads by prover and submission.
        secrets: number of directions of x; they are the first columns.
    """

    toy: Toy
    shape: Shape
    owners: list[Owner] = field(default_factory=list)
    payloads: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    addresses: dict[int, bytes] = field(default_factory=dict)
    secrets: int = field(init=False)

    def __post_init__(self) -> None:
        shape, tracker = self.shape, self.toy.tracker
        self.answers = Answers()
        self.signers = [seed_of("prover", p) for p in range(shape.size)]
        self.coordinator = seed_of("coordinator")
        keys = _committee_keys(shape.threshold, shape.size)
        self.committee = keys[0].committee
        self.keys = [WatchedKeys.watch(k, tracker, shape.corrupt) for k in keys]
        self.policy = Policy("norm", self.toy.proving.policy.capacity, self.toy.proving.verifying.key_hash)
        self.terms = _terms(address_of(self.coordinator))
        self.context = Context.of(self.terms, 0, self.policy)
        bent = dict(shape.bent)
        secrets = [None if i in bent else secret_directions(tracker) for i in range(shape.owners)]
        self.secrets = tracker.width
        self.owners.extend(self._submit(nth, own, bent.get(nth)) for nth, own in enumerate(secrets))

    def cohort(self, owners: Sequence[int]) -> Cohort:
        """A cohort of some owners."""
        return Cohort(self.context, tuple(self.owners[i].header for i in owners))

    def digest(self, header: SubmissionHeader) -> bytes:
        """Identifier of the submission with a header."""
        return header.digest(self.terms.chain_id, self.terms.market)

    def _submit(self, nth: int, secrets: Secrets | None, bend: Bend | None) -> Owner:
        shape, values = self.shape, GRADIENTS[nth]
        dealt = deal(self.toy, nth, values, shape.size, shape.threshold, secrets)
        if bend is not None:
            bend(dealt.shares)
        payloads = [encode_dense(share) for share in dealt.shares]
        key, index = seed_of("owner", nth), 2 * nth + 1
        unsigned = SubmissionHeader(
            self.terms.task_id, 0, address_of(key), index, dealt.commitment, tuple(map(payload_digest, payloads))
        )
        header = unsigned.signed(self.terms.chain_id, self.terms.market, partial(sign_digest, key))
        self.payloads.update({(p, self.digest(header)): payload for p, payload in enumerate(payloads)})
        self.addresses[index] = header.owner
        return Owner(header, values, secrets)


@cache
def _committee_keys(threshold: int, size: int) -> tuple[PrssKeys, ...]:
    members = Committee(1, threshold, tuple(address_of(seed_of("prover", p)) for p in range(size)))
    dealt = {p: deal_keys(p, members, seed_of("deal", p)) for p in range(size)}
    return tuple(accept(p, members, dealt) for p in range(size))


def _terms(coordinator: bytes) -> TaskTerms:
    return TaskTerms(
        chain_id=31337, market=bytes(19) + b"\x42", task_id=7, committee_id=1, verifier=bytes(20),
        coordinator=coordinator, dimension=DIMENSION, fraction_bits=16, bound=BOUND, min_owners=2,
        max_owners_per_round=64, rounds=10, reward_per_gradient=1, submit_window=60, settle_window=60,
        permissioned=False, inline_payload=False,
    )  # fmt: skip
