"""The terms of a training task, what a model owner asks for and pays, and those of a committee of provers.

Only frozen values that are valid once built; no IO.  Field names follow the contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from circuits.errors import InvalidInputError
from circuits.grading import GradingRule
from circuits.hashing import domain_separator, keccak, tag, words

MAX_BOUND = (1 << 62) - 1
MAX_DIMENSION = 1 << 28
MAX_CAPACITY = 2**16 - 1
"""Most owners registered at a time."""
MAX_ROUNDS = 2**20 - 1
MAX_LAPSE_ROUNDS = 64
DAY = 86_400
CHANGE_DELAY, UNBONDING_DELAY = 7 * DAY, 120 * DAY
"""Usual delays of a committee, seconds: owners and provers see a change of members coming, and a bond outlasts the
windows of a round, finality and the time for which provers keep sums."""
ETHER = bytes(20)
"""Stands for ether where the address of a token is asked for."""
NO_DIGEST = bytes(32)
"""Stands for a manifest or a key in the terms of a task that has none."""
_MAX_IDENTIFIER = (1 << 64) - 1
_NO_GRADING: tuple[int, int, bytes] = (0, 0, NO_DIGEST)
"""Words of ``Grading`` in the terms of a task that does not grade."""


def _require_in(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidInputError(f"task terms: {name} is {value}, it must lie in [{low}, {high}]")


def _require_address(name: str, value: bytes) -> None:
    if len(value) != 20:
        raise InvalidInputError(f"task terms: {name} is an address of 20 bytes, not {len(value)}")


@dataclass(frozen=True, slots=True)
class MarketId:
    """One deployment of the market contract.

    Attributes:
        address: 20 bytes.
        deployment: 32 bytes that the contract fixed when it was created, from chain, address and the block before; a
            contract that takes its place at the same address, after a reorganisation, say, has others.
    """

    chain_id: int
    address: bytes
    deployment: bytes

    def __post_init__(self) -> None:
        sizes = len(self.address), len(self.deployment)
        if sizes != (20, 32) or not 0 <= self.chain_id < 1 << 256:
            raise InvalidInputError("a market has a chain's number, an address of 20 bytes and a deployment of 32")

    @property
    def domain(self) -> bytes:
        """EIP-712 domain separator of everything that is signed for this market."""
        return domain_separator(self.chain_id, self.address, self.deployment)


@dataclass(frozen=True, slots=True)
class Pay:
    """What a task pays, in the smallest unit of its token.

    Attributes:
        token: 20 bytes of an ERC-20's address, or ``ETHER``.
        base: for every accepted gradient; 0 in an open task.
        bonus: for every accepted gradient, divided among a round's owners in proportion to their levels; each has it
            where proofs give no levels.
        coordinator_batch, coordinator_gradient: to the payee of a batch, for it and for each of its gradients.
        prover_batch, prover_gradient: the same to each prover that attested the batch and serves its sum.
        deposit: held for an owner while it is registered.
    """

    token: bytes = ETHER
    base: int = 0
    bonus: int = 0
    coordinator_batch: int = 0
    coordinator_gradient: int = 0
    prover_batch: int = 0
    prover_gradient: int = 0
    deposit: int = 0

    def __post_init__(self) -> None:
        if len(self.token) != 20:
            raise InvalidInputError("a token's address has 20 bytes")
        for amount in self.words[1:]:
            if not 0 <= int(amount) < 1 << 128:
                raise InvalidInputError("an amount of pay, fees or deposit must lie in [0, 2^128)")

    @property
    def flat(self) -> int:
        """What an accepted gradient earns where proofs give no levels."""
        return self.base + self.bonus

    @property
    def fees(self) -> bool:
        """Whether coordinator or provers are paid."""
        return self.pays_coordinator or self.pays_provers

    @property
    def pays_coordinator(self) -> bool:
        """Whether the payee of a batch is paid."""
        return bool(self.coordinator_batch or self.coordinator_gradient)

    @property
    def pays_provers(self) -> bool:
        """Whether provers are paid."""
        return bool(self.prover_batch or self.prover_gradient)

    @property
    def prices_exclusion(self) -> bool:
        """Whether an exclusion of an owner changes anything: a deposit, or what it costs to ignore it."""
        return bool(self.deposit) or self.pays_coordinator

    def of_owner(self, gradients: int, levels: int, level: int) -> int:
        """What one accepted gradient of a round earns where proofs give levels (``share`` in ``Pay.sol``).

        Args:
            gradients: accepted gradients of the round.
            levels: sum of their levels.
            level: this gradient's.
        """
        return self.flat if levels == 0 else self.base + self.bonus * gradients * level // levels

    def of_coordinator(self, owners: int) -> int:
        """What the payee of a batch of so many gradients gets."""
        return self.coordinator_batch + owners * self.coordinator_gradient

    def of_prover(self, owners: int) -> int:
        """What each prover gets that attested a batch of so many gradients and serves its sum."""
        return self.prover_batch + owners * self.prover_gradient

    def per_gradient(self, provers: int) -> int:
        """What an accepted gradient costs the model owner: its pay, and fees for a committee of so many provers."""
        return self.flat + self.coordinator_gradient + provers * self.prover_gradient

    def per_batch(self, provers: int) -> int:
        """What an accepted batch costs the model owner beside its gradients."""
        return self.coordinator_batch + provers * self.prover_batch

    def reserve(self, seats: int, provers: int, min_owners: int) -> int:
        """Most that a round of so many seats can spend (``Pay.sol``): it has at most seats // min_owners batches."""
        return seats * self.per_gradient(provers) + seats // min_owners * self.per_batch(provers)

    @property
    def words(self) -> tuple[bytes | int, ...]:
        """In the order of the contract's terms."""
        return (
            self.token, self.base, self.bonus, self.coordinator_batch, self.coordinator_gradient, self.prover_batch,
            self.prover_gradient, self.deposit,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Windows:
    """Time limits of a task, in seconds.  A market has a shortest window, and keeps pay for 180 days at least.

    Attributes:
        submit: from the opening of a round: owners submit.
        settle: after that: batches are accepted.
        claim: after the settle deadline: pay is kept for its owner.
        exit: after the last round of an owner that leaves: its deposit is kept.
        availability: after a batch's acceptance: a quorum signs that its sum is served.
    """

    submit: int
    settle: int
    claim: int = 180 * DAY
    exit: int = 7 * DAY
    availability: int = 7 * DAY

    def __post_init__(self) -> None:
        for part in fields(self):
            _require_in(f"the {part.name} window", getattr(self, part.name), 1, (1 << 32) - 1)

    @property
    def fees_settled(self) -> int:
        """Seconds after a batch's acceptance in which its fees may be settled: two and a half windows of availability,
        after a challenge in the middle of the first one.
        """
        return 5 * self.availability // 2


@dataclass(frozen=True, slots=True)
class Grading:
    """How a task grades: the words of its terms.

    Attributes:
        step, dither: see ``GradingRule``.
        reference_data: 32 bytes, digest of the data on which the model owner computes its references.
    """

    step: int
    dither: int
    reference_data: bytes

    def __post_init__(self) -> None:
        GradingRule(self.step, self.dither, 1)
        if len(self.reference_data) != 32:
            raise InvalidInputError("task terms: the digest of the reference's data has 32 bytes")

    @classmethod
    def of(cls, step: int, dither: int, reference_data: bytes) -> Grading | None:
        """What words of a task's terms say; None where they are zero.

        Raises:
            InvalidInputError: only some of them are zero, or they are out of range.
        """
        words = step, dither, reference_data
        return None if words == _NO_GRADING else cls(*words)

    @property
    def words(self) -> tuple[bytes | int, ...]:
        """In the order of the contract's terms."""
        return self.step, self.dither, self.reference_data


@dataclass(frozen=True, slots=True)
class NewTask:
    """What a model owner asks for: the terms of a task that does not exist yet.

    Attributes:
        capacity: most owners registered at a time, each of whom may be accepted once a round.
        lapse_rounds: an owner in no accepted batch of so many settled rounds in a row can be made to leave; 0: never.
        grading: how gradients are graded against a reference of the model owner's; None: they all count once.
        manifest: 32 bytes, digest of the task's model manifest, or ``NO_DIGEST``.
        sum_key: 32 bytes, the X25519 public key (RFC 7748) to which provers seal their shares of sums, or
            ``NO_DIGEST``: sums are public.
    """

    committee_id: int
    verifier: bytes
    coordinator: bytes
    dimension: int
    fraction_bits: int
    bound: int
    min_owners: int
    capacity: int
    rounds: int
    windows: Windows
    permissioned: bool = False
    inline_payload: bool = False
    pay: Pay = field(default_factory=Pay)
    lapse_rounds: int = 0
    grading: Grading | None = None
    manifest: bytes = NO_DIGEST
    sum_key: bytes = NO_DIGEST

    def __post_init__(self) -> None:
        limits = (
            ("committee_id", self.committee_id, 0, _MAX_IDENTIFIER),
            ("dimension", self.dimension, 1, MAX_DIMENSION),
            ("bound", self.bound, 1, MAX_BOUND),
            ("fraction_bits", self.fraction_bits, 0, 62),
            ("min_owners", self.min_owners, 2, MAX_CAPACITY),
            ("capacity", self.capacity, self.min_owners, MAX_CAPACITY),
            ("rounds", self.rounds, 1, MAX_ROUNDS),
            ("lapse_rounds", self.lapse_rounds, 0, MAX_LAPSE_ROUNDS),
        )
        for limit in limits:
            _require_in(*limit)
        _require_address("verifier", self.verifier)
        _require_address("coordinator", self.coordinator)
        if self.grading_rule is not None:
            self.grading_rule.scale(self.bound)
        if (len(self.manifest), len(self.sum_key)) != (32, 32):
            raise InvalidInputError("task terms: manifest and sum_key have 32 bytes each")
        if self.inline_payload and self.sums_private:
            raise InvalidInputError("task terms: sums that are sealed to a key are not published on the chain")

    @property
    def sums_private(self) -> bool:
        """Whether sums are sealed to the model owner's key; otherwise everybody reads them."""
        return self.sum_key != NO_DIGEST

    @property
    def grading_rule(self) -> GradingRule | None:
        """By which rule batches are graded, if they are."""
        if self.grading is None:
            return None
        return GradingRule(self.grading.step, self.grading.dither, self.min_owners)

    def largest_batch(self, rows: int) -> int:
        """Most owners of a batch, by a circuit of so many rows: where batches are graded, one is the reference's."""
        return rows if self.grading is None else rows - 1

    @property
    def words(self) -> tuple[bytes | int, ...]:
        """The contract's terms, word by word."""
        return (
            self.committee_id, self.verifier, self.coordinator, self.dimension, self.fraction_bits, self.bound,
            self.min_owners, self.capacity, self.rounds, self.windows.submit, self.windows.settle,
            self.permissioned, self.inline_payload, *self.pay.words, self.lapse_rounds, self.windows.claim,
            self.windows.exit, self.windows.availability,
            *(_NO_GRADING if self.grading is None else self.grading.words), self.manifest, self.sum_key,
        )  # fmt: skip

    def identifier(self, deployment: bytes, creator: bytes, nonce: int) -> int:
        """The identifier that the market gives it (hashed as in ``Terms.sol``)."""
        inner = keccak(words(*self.words))
        return int.from_bytes(keccak(words(tag("gradroll/v1/task"), deployment, creator, nonce, inner))[-8:], "big")


@dataclass(frozen=True, slots=True)
class TaskTerms(NewTask):
    """The terms of a task as the market contract holds them.

    Attributes:
        creator: who created it, and can have passed it on since.
    """

    market: MarketId = field(kw_only=True)
    task_id: int = field(kw_only=True)
    creator: bytes = field(kw_only=True)

    def __post_init__(self) -> None:
        NewTask.__post_init__(self)  # with slots there is no super() without arguments
        _require_in("task_id", self.task_id, 0, _MAX_IDENTIFIER)
        _require_address("creator", self.creator)

    @property
    def terms_hash(self) -> bytes:
        """What owners and provers sign to: deployment, task, creator, every term (hashed as in ``Terms.sol``)."""
        head = (tag("gradroll/v1/terms"), self.market.deployment, self.task_id, self.creator)
        return keccak(words(*head, *self.words))


@dataclass(frozen=True, slots=True)
class CommitteeTerms:
    """The terms of a committee, fixed when it is created.

    Attributes:
        threshold: t, the number of colluding members that learn nothing.
        bond_token: 20 bytes of an ERC-20's address, or ``ETHER``.
        bond: what every member bonds when it joins, in the token's smallest unit.
        change_delay: seconds from a proposed change of a member to its taking effect.
        unbonding_delay: seconds from the end of a membership to the return of its bond.
    """

    threshold: int
    bond_token: bytes = ETHER
    bond: int = 0
    change_delay: int = CHANGE_DELAY
    unbonding_delay: int = UNBONDING_DELAY

    @property
    def words(self) -> tuple[bytes | int, ...]:
        """The contract's terms, word by word."""
        return (self.threshold, self.bond_token, self.bond, self.change_delay, self.unbonding_delay)

    def committee_id(
        self, chain_id: int, registry: bytes, creator: bytes, nonce: int, parent: bytes, signers: Sequence[bytes]
    ) -> int:
        """The number that the registry gives a committee of these signers.

        Args:
            parent: hash of the block before that of its creation, 32 bytes.  So nobody knows the number beforehand: it
                is read from the creation's event, and computed to check that.
        """
        head = (tag("gradroll/v1/committee-id"), chain_id, registry, creator, nonce, parent, *self.words)
        # Behind the words come those of the signers: where they begin, in bytes, and how many there are.
        identity = keccak(words(*head, 32 * (len(head) + 1), len(signers), *signers))
        return int.from_bytes(identity[-8:], "big")
