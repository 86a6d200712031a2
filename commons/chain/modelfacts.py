"""What the contracts of the model market hold, as values: sets, listings, proofs, sales, bounties.

Identifiers are 32 bytes.  Amounts are the smallest unit of the token, times seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from eth_abi.abi import encode

from circuits.hashing import keccak, tag, words
from commons.protocol.modelofferings import SaleOffer, sale_id
from native import G1

PARENT = "(bytes32,uint16)"
LISTING_TERMS = f"(address,bytes32,address,uint128,uint128,uint32,uint128,uint32,bytes32,{PARENT}[])"
MOST_GROUPS = 64
"""Groups of a set, and of a bounty."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A listing from which another one is derived.

    Attributes:
        share: its part of every price, in 1/10000.
    """

    listing: bytes
    share: int


@dataclass(frozen=True, slots=True)
class ListingTerms:
    """What a listing promises, for good.

    Attributes:
        verifier: accuracy verifier, 20 bytes.
        set_id: set on which the model is to be proven.
        token: of the price; 20 zeros for ether.
        base: price of a model that has ``floor`` right, or fewer.
        step: price of each right answer beyond ``floor``.
        bond: what the seller stakes on each open sale.
        reveal_window: least seconds that a buyer leaves the seller to reveal.
        artifact: SHA-256 of the artifact's root; 32 zeros for none.
    """

    verifier: bytes
    set_id: bytes
    token: bytes
    base: int
    step: int
    floor: int
    bond: int
    reveal_window: int
    artifact: bytes = bytes(32)
    parents: tuple[Parent, ...] = ()

    @property
    def words(self) -> tuple[object, ...]:
        """The contract's ``ListingTerms``."""
        return (
            self.verifier, self.set_id, self.token, self.base, self.step, self.floor, self.bond, self.reveal_window,
            self.artifact, [(parent.listing, parent.share) for parent in self.parents],
        )  # fmt: skip

    def price(self, correct: int) -> int:
        """The price of a model that has so many answers right."""
        return self.base + self.step * max(0, correct - self.floor)

    def listing_id(self, deployment: bytes, seller: bytes, nonce: int, model: G1) -> bytes:
        """The identifier of a listing with these terms; ``deployment`` is the registry's."""
        terms = keccak(encode([LISTING_TERMS], [self.words]))
        return keccak(words(tag("gradroll/v1/listing"), deployment, seller, nonce, terms, model))


def set_id(deployment: bytes, creator: bytes, salt: bytes, groups: int, manifest: bytes) -> bytes:
    """The identifier of a set; ``deployment`` is the registry's."""
    return keccak(words(tag("gradroll/v1/set"), deployment, creator, salt, groups, manifest))


MOST_REVEAL_WINDOW = 14 * 86_400
"""Seconds; no listing has a longer reveal window (`ModelRegistry`)."""


@dataclass(frozen=True, slots=True)
class ListingRecord:
    """A listing as the registry holds it.

    Attributes:
        unlisted: whether it is closed for new sales.
        model: C_M.
    """

    listing: bytes
    seller: bytes
    unlisted: bool
    model: G1
    terms: ListingTerms


@dataclass(frozen=True, slots=True)
class SetRecord:
    """A set as the registry holds it.

    Attributes:
        creator: who registers its groups.
        hashes: of the groups, in order; None for one that is not registered.
        manifest: digest of its description; zeros for a hidden set.
    """

    set_id: bytes
    creator: bytes
    hashes: tuple[bytes | None, ...]
    manifest: bytes

    @property
    def complete(self) -> bool:
        """Whether all groups are registered."""
        return None not in self.hashes


@dataclass(frozen=True, slots=True)
class Score:
    """What a listing's model was proven to do.

    Attributes:
        proven: numbers of the groups that it was proven on.
        correct: samples of these that it answers rightly, at least.
        samples: samples of these.
        complete: whether these are all groups of a complete set.
    """

    proven: frozenset[int]
    correct: int
    samples: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Royalty:
    """Who gets a share, in 1/10000, of a listing's price."""

    recipient: bytes
    share: int


@dataclass(frozen=True, slots=True)
class ListingQuote:
    """All that a sale needs of a listing."""

    seller: bytes
    token: bytes
    price: int
    bond: int
    reveal_window: int
    royalties: tuple[Royalty, ...]


@dataclass(frozen=True, slots=True)
class LineageStatement:
    """How a model came out of rounds of the gradient market: start - sum c_t S_t, rounded to multiples of 2^12.

    Attributes:
        task: the market's task.
        first: the first round.
        coefficients: c_t of every round from there on; 0 leaves one out.
        start: commitment to the row that training began with, with zero tail.
    """

    task: int
    first: int
    coefficients: tuple[int, ...]
    start: G1

    @property
    def words(self) -> tuple[object, ...]:
        """The contract's ``LineageStatement``."""
        x, y = (int.from_bytes(self.start[at : at + 32], "big") for at in (0, 32))
        return self.task, self.first, list(self.coefficients), (x, y)

    def digest(self, market: bytes) -> bytes:
        """What the registry keeps of it; ``market`` is the gradient market's address."""
        signed = [value % (1 << 256) for value in self.coefficients]
        return keccak(words(tag("gradroll/v1/lineage"), market, self.task, self.first, self.start, *signed))


@dataclass(frozen=True, slots=True)
class Lineage:
    """A lineage that was proven, under a rounding verifier."""

    statement: bytes
    verifier: bytes


class SaleStatus(IntEnum):
    """How far a sale is."""

    UNKNOWN = 0
    OPEN = 1
    OVER = 2


def offer_words(offer: SaleOffer) -> tuple[int | bytes, ...]:
    """The contract's ``Offer``."""
    return offer.listing, offer.buyer, *offer.key, offer.offer, offer.price, offer.deadline


@dataclass(frozen=True, slots=True)
class LockedSale:
    """A sale as it was locked; whoever reveals or asks for a refund hands it in again.

    Attributes:
        offer: what the seller signed.
        bond: what the seller stakes on it.
    """

    offer: SaleOffer
    seller: bytes
    token: bytes
    bond: int
    royalties: tuple[Royalty, ...]

    @property
    def sale(self) -> bytes:
        """Its identifier."""
        return sale_id(self.seller, self.offer.key)

    @property
    def public(self) -> G1:
        """K'."""
        return G1(words(*self.offer.key))

    @property
    def words(self) -> tuple[object, ...]:
        """The contract's ``Sale``."""
        shares = [(one.recipient, one.share) for one in self.royalties]
        return offer_words(self.offer), self.seller, self.token, self.bond, shares


class BountyStage(IntEnum):
    """How far a bounty is; the last four are ends."""

    UNKNOWN = 0
    OPENED = 1
    TRAINING_DRAWN = 2
    ENTERING = 3
    CLOSED = 4
    TESTS_DRAWN = 5
    PROVING = 6
    SELLING = 7
    LOCKED = 8
    SOLD = 9
    UNSOLD = 10
    WITHHELD = 11
    CANCELLED = 12


class EntryStatus(IntEnum):
    """How far an entry of a bounty is."""

    UNKNOWN = 0
    ENTERED = 1
    UNPROVEN = 2
    RELEASED = 3
    CANDIDATE = 4
    FORFEITED = 5
    SOLD = 6


@dataclass(frozen=True, slots=True)
class BountyEntry:
    """An entry of a bounty.

    Attributes:
        correct: right answers over all tests, once settled.
    """

    listing: bytes
    seller: bytes
    correct: int
    status: EntryStatus


@dataclass(frozen=True, slots=True)
class LockedOffer:
    """A winner's offer as it was locked.

    Attributes:
        entry: number of the winner's entry.
        public: K'.
        offer: digest of the sealed row.
        deadline: last second for the winner to reveal.
        by_receipts: whether a quorum stood in for the owner.
    """

    entry: int
    public: G1
    offer: bytes
    deadline: int
    by_receipts: bool


@dataclass(frozen=True, slots=True)
class BountyTerms:
    """Terms of a bounty, fixed when it is opened; windows are seconds, ``delay`` is blocks.

    What each means stands in `contracts/src/models/types/Bounties.sol`.
    """

    verifier: bytes
    token: bytes
    committee_id: int
    max_entrants: int
    threshold: int
    total_groups: int
    training_groups: int
    test_groups: int
    delay: int
    feature_bound: int
    prize: int
    bond: int
    compensation: int
    commitment: bytes
    seed_commitment: bytes
    manifest: bytes
    reveal_window: int
    entry_window: int
    prove_window: int
    offer_window: int
    key_window: int

    @property
    def words(self) -> tuple[int | bytes, ...]:
        """The contract's ``BountyTerms``."""
        return (
            self.verifier, self.token, self.committee_id, self.max_entrants, self.threshold, self.total_groups,
            self.training_groups, self.test_groups, self.delay, self.feature_bound, self.prize, self.bond,
            self.compensation, self.commitment, self.seed_commitment, self.manifest, self.reveal_window,
            self.entry_window, self.prove_window, self.offer_window, self.key_window,
        )  # fmt: skip

    @property
    def escrow(self) -> int:
        """What opening takes: the prize, and the compensation of as many as may enter."""
        return self.prize + self.max_entrants * self.compensation

    def bounty_id(self, deployment: bytes, owner: bytes, nonce: int) -> bytes:
        """The identifier of a bounty with these terms; ``deployment`` is that of the contract of bounties."""
        terms = keccak(words(*self.words))
        return keccak(words(tag("gradroll/v1/bounty"), deployment, owner, nonce, terms))


@dataclass(frozen=True, slots=True)
class BountyRecord:
    """A bounty as its contract holds it.

    Attributes:
        set_id: its set in the registry: the tests, in ascending order of their index.
        anchor: block whose hash has a part in the draw that is waited for.
        anchor_hash: that hash, once it was pinned; else zeros.
        deadline: last second of the present stage's window.
        training, tests: groups that were drawn.
        entries: how many there are.
        winner: number of the entry that wins at present.
        public: K' of what was locked, 64 bytes; zeros before.
        offer: digest of the sealed row that was locked.
    """

    bounty: bytes
    owner: bytes
    stage: BountyStage
    set_id: bytes
    anchor: int
    anchor_hash: bytes
    deadline: int
    training: tuple[int, ...]
    tests: tuple[int, ...]
    entries: int
    winner: int
    public: G1
    offer: bytes
    terms: BountyTerms


@dataclass(frozen=True, slots=True)
class ModelPlaces:
    """Where the contracts of the model market are, 20 bytes each."""

    registry: bytes
    sales: bytes
    bounties: bytes


def members(bitmap: int) -> tuple[int, ...]:
    """Numbers of the bits that are set, ascending."""
    return tuple(at for at in range(bitmap.bit_length()) if bitmap >> at & 1)
