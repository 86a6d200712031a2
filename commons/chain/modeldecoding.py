"""What the contracts of the model market answer, and their events, taken apart.  Callers run it guarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_canonical_address

from circuits.errors import ChainError
from commons.chain.decoding import point
from commons.chain.modelfacts import (
    LISTING_TERMS,
    MOST_GROUPS,
    BountyEntry,
    BountyRecord,
    BountyStage,
    BountyTerms,
    EntryStatus,
    Lineage,
    LineageStatement,
    ListingQuote,
    ListingRecord,
    ListingTerms,
    LockedOffer,
    LockedSale,
    Parent,
    Royalty,
    Score,
    SetRecord,
    members,
)
from commons.protocol.bountydraws import HiddenGroup
from commons.protocol.modelofferings import SaleOffer
from native import G1

LISTING = f"(address,bool,uint256[2],{LISTING_TERMS})"
SET = "(address,uint256,uint64,bool,bytes32)"
SCORE = "(uint64,uint256,uint256,bool)"
ROYALTY = "(address,uint16)"
QUOTE = f"(address,address,uint256,uint128,uint32,{ROYALTY}[])"
LINEAGE = "(bytes32,address)"
LINEAGE_STATEMENT = "(uint256,uint256,int256[],uint256[2])"
LINEAGE_PROVEN = f"LineageProven(bytes32,bytes32,address,{LINEAGE_STATEMENT},uint256)"
OFFER = "(bytes32,address,uint256,uint256,bytes32,uint256,uint256)"
SALE = f"({OFFER},address,address,uint256,{ROYALTY}[])"
BOUNTY_TERMS = (
    "(address,address,uint64,uint32,uint32,uint32,uint32,uint32,uint32,uint32,uint128,uint128,uint128,bytes32,bytes32,bytes32,"
    "uint32,uint32,uint32,uint32,uint32)"
)
BOUNTY = (
    "(address,uint8,bytes32,uint256,bytes32,uint256,uint64,uint64,uint256,uint256,uint256,uint256,bytes32,"
    f"{BOUNTY_TERMS})"
)
ENTRY = "(bytes32,address,uint64,uint8)"
SET_CREATED = "SetCreated(bytes32,address,uint256,bytes32)"
LISTED = f"Listed(bytes32,address,bytes32,uint256,{LISTING_TERMS},uint256[2])"
LOCKED = f"Locked(bytes32,bytes32,address,{SALE})"
REVEALED = "Revealed(bytes32,uint256)"
BOUNTY_OPENED = f"BountyOpened(bytes32,address,bytes32,uint256,{BOUNTY_TERMS})"
OPENING = "(uint32,uint32,bytes32,bytes32,bytes32)"
ANCHOR_PINNED = "AnchorPinned(bytes32,uint8,uint256,bytes32)"
TRAINING_DRAWN = "TrainingDrawn(bytes32,uint64,bytes32)"
TESTS_DRAWN = "TestsDrawn(bytes32,uint64,uint256,bytes32)"
TRAINING_SHOWN = f"TrainingShown(bytes32,{OPENING}[],uint256)"
TESTS_SHOWN = f"TestsShown(bytes32,{OPENING}[],uint256)"
OFFER_LOCKED = "OfferLocked(bytes32,uint256,uint256,uint256,bytes32,uint256,bool)"
BOUNTY_WON = "BountyWon(bytes32,uint256,uint256)"
_MOST_PARENTS = 4


def coordinates(of: G1) -> tuple[int, int]:
    """A point as the contracts take it."""
    return int.from_bytes(of[:32], "big"), int.from_bytes(of[32:], "big")


def listing(identifier: bytes, raw: Sequence[Any]) -> ListingRecord:
    """A listing of the registry."""
    seller, unlisted, model, terms = raw
    return ListingRecord(identifier, to_canonical_address(seller), unlisted, point(*model), listing_terms(terms))


def listing_terms(raw: Sequence[Any]) -> ListingTerms:
    """Terms of a listing.  Raises ChainError for more parents than the registry takes."""
    verifier, set_id, token, base, step, floor, bond, window, artifact, parents = raw
    if len(parents) > _MOST_PARENTS:
        raise ChainError("the node shows a listing with more parents than there can be; is the contract ours?")
    return ListingTerms(
        to_canonical_address(verifier), bytes(set_id), to_canonical_address(token), base, step, floor, bond, window,
        bytes(artifact),
        tuple(Parent(bytes(of), share) for of, share in parents),
    )  # fmt: skip


def registered(raw: Sequence[Any]) -> list[bool]:
    """Of each group of a set, whether it is registered.  Raises ChainError for more than there can be."""
    _, groups, bitmap, *_ = raw
    if not 1 <= groups <= MOST_GROUPS:
        raise ChainError(f"the node shows a set with {groups} groups; is the contract ours?")
    return [bool(bitmap >> at & 1) for at in range(groups)]


def set_record(identifier: bytes, raw: Sequence[Any], hashes: tuple[bytes | None, ...]) -> SetRecord:
    """A set of the registry, with the hashes of its groups."""
    return SetRecord(identifier, to_canonical_address(raw[0]), hashes, bytes(raw[4]))


def score(raw: Sequence[Any]) -> Score:
    """What a listing was proven to do."""
    proven, correct, samples, complete = raw
    return Score(frozenset(members(proven)), correct, samples, complete)


def royalties(raw: Sequence[Any]) -> tuple[Royalty, ...]:
    """Who gets a share of a price.  Raises ChainError for more than there can be."""
    if len(raw) > _MOST_PARENTS:
        raise ChainError("the node shows more royalties than there can be; is the contract ours?")
    return tuple(Royalty(to_canonical_address(recipient), share) for recipient, share in raw)


def quote(raw: Sequence[Any]) -> ListingQuote:
    """All that a sale needs of a listing."""
    seller, token, price, bond, window, shares = raw
    return ListingQuote(
        to_canonical_address(seller), to_canonical_address(token), price, bond, window, royalties(shares)
    )


def lineage(raw: Sequence[Any]) -> Lineage | None:
    """A lineage, if there is one."""
    statement, verifier = raw
    return Lineage(bytes(statement), to_canonical_address(verifier)) if any(statement) else None


def lineage_statement(log: Any) -> LineageStatement:
    """What ``LineageProven`` says."""
    _, (task, first, coefficients, start), _ = decode(["address", LINEAGE_STATEMENT, "uint256"], bytes(log["data"]))
    return LineageStatement(task, first, tuple(coefficients), point(*start))


def sale(raw: Sequence[Any]) -> LockedSale:
    """A sale as it was locked."""
    (of, buyer, x, y, digest, price, deadline), seller, token, bond, shares = raw
    offer = SaleOffer(bytes(of), to_canonical_address(buyer), (x, y), bytes(digest), price, deadline)
    return LockedSale(offer, to_canonical_address(seller), to_canonical_address(token), bond, royalties(shares))


def locked(log: Any) -> LockedSale:
    """What ``Locked`` says."""
    return sale(decode([SALE], bytes(log["data"]))[0])


def listed_nonce(log: Any) -> int:
    """The nonce that ``Listed`` states."""
    return int(decode(["uint256", LISTING_TERMS, "uint256[2]"], bytes(log["data"]))[0])


def first_topic(log: Any) -> bytes:
    """What an event is indexed by first."""
    return bytes(log["topics"][1])


def first_word(log: Any) -> int:
    """The first word of an event's data."""
    return int(decode(["uint256"], bytes(log["data"])[:32])[0])


def pinned_hash(log: Any) -> bytes:
    """The hash that ``AnchorPinned`` tells."""
    return bytes(log["data"])[32:64]


def shown_groups(log: Any) -> dict[int, HiddenGroup]:
    """The groups that ``TrainingShown`` and ``TestsShown`` show.  Raises ChainError for more than there can be."""
    groups, _ = decode([f"{OPENING}[]", "uint256"], bytes(log["data"]))
    if len(groups) > MOST_GROUPS:
        raise ChainError("the node shows more groups of a bounty than there can be; is the contract ours?")
    return {
        index: HiddenGroup(salt, group_hash, digest, samples) for index, samples, salt, group_hash, digest in groups
    }


def offer_locked(log: Any) -> LockedOffer:
    """What ``OfferLocked`` says."""
    x, y, digest, deadline, by_receipts = decode(
        ["uint256", "uint256", "bytes32", "uint256", "bool"], bytes(log["data"])
    )
    return LockedOffer(int.from_bytes(bytes(log["topics"][2]), "big"), point(x, y), digest, deadline, by_receipts)


def bounty(identifier: bytes, raw: Sequence[Any]) -> BountyRecord:
    """A bounty."""
    owner, stage, set_id, anchor, anchor_hash, deadline, training, tests, entries, winner, x, y, offer, terms = raw
    public = G1(x.to_bytes(32, "big") + y.to_bytes(32, "big"))
    if entries > MOST_GROUPS:
        raise ChainError(f"the node shows a bounty with {entries} entries; is the contract ours?")
    return BountyRecord(
        identifier, to_canonical_address(owner), BountyStage(stage), bytes(set_id), anchor, bytes(anchor_hash),
        deadline, members(training), members(tests), entries, winner, public, bytes(offer), bounty_terms(terms),
    )  # fmt: skip


def bounty_terms(raw: Sequence[Any]) -> BountyTerms:
    """Terms of a bounty."""
    verifier, token, *numbers = raw
    return BountyTerms(to_canonical_address(verifier), to_canonical_address(token), *map(_plain, numbers))


def entry(raw: Sequence[Any]) -> BountyEntry:
    """An entry of a bounty."""
    of, seller, correct, status = raw
    return BountyEntry(bytes(of), to_canonical_address(seller), correct, EntryStatus(status))


def _plain(value: int | bytes) -> Any:
    return bytes(value) if isinstance(value, bytes) else value
