"""What the contracts' view functions and events answer, as values.

The types name structures of `contracts/src/types`; a test compares them with the contracts' ABI.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_canonical_address

from circuits.errors import ChainError, InvalidInputError
from circuits.statement import Committee, SubmissionHeader
from circuits.terms import CommitteeTerms, Grading, MarketId, Pay, TaskTerms, Windows
from commons.chain.facts import (
    CommitteeRecord,
    ExcludedOwner,
    FeesPaid,
    HeldFees,
    MemberRecord,
    OwnerRecord,
    PendingMember,
    PostedSubmission,
    RecordedBatch,
    RoundRecord,
)
from commons.runtime.foreigntext import printable
from native import G1

TERMS = (
    "(uint64,address,address,uint32,uint8,uint64,uint16,uint16,uint32,uint32,uint32,bool,bool,"
    "address,uint128,uint128,uint128,uint128,uint128,uint128,uint128,uint8,uint32,uint32,uint32,"
    "uint8,uint8,bytes32,bytes32,bytes32)"
)
TASK = f"({TERMS},{4 * 'address,'}{6 * 'uint256,'}bytes32,uint256)"
ROUND = f"(bytes32,{11 * 'uint256,'}bool,bool)"
OWNER = "(address,address,uint256,uint256,bool,uint256,uint256,bool,bool)"
COMMITTEE = ("uint8", "address[]", "bytes[]", "bytes32[]", "bool")
COMMITTEE_TERMS = "(uint8,address,uint128,uint32,uint32)"
CHANGE = "(uint256,address,bytes32,uint256,bool)"
MEMBER = f"(uint256,address,address,bytes,bytes32,uint256,bool,bool,uint256,uint256,uint256,{CHANGE})"
ROUND_OPENED = "RoundOpened(uint256,uint256,bytes32,uint256,uint256,uint256)"
BATCH_ACCEPTED = "BatchAccepted(uint256,uint256,bytes32,uint256,uint256,uint256,bytes)"
HELD_FEES = f"(bytes32,bytes32,uint256,uint256,address,{3 * 'uint256,'}bool)"
FEES_HELD = f"FeesHeld(uint256,uint256,uint256,{HELD_FEES})"
FEES_PAID = "FeesPaid(uint256,uint256,uint256,address,uint256,uint256,uint256)"
FEES_REFUNDED = "FeesRefunded(uint256,uint256,uint256,uint256)"
SIGNED = "(uint8,bytes32,bytes32)[]"
POSTING = f"((uint256,uint256,bytes32,bytes32),bytes32,bytes32,bytes32[],{SIGNED})"
SUBMISSION_POSTED = f"SubmissionPosted(uint256,uint256,uint256,bytes32,{POSTING})"
OWNER_EXCLUDED = "OwnerExcluded(uint256,uint256,uint256,bytes32,uint256)"
KEY_REVOKED = "KeyRevoked(uint256,uint256,address)"
AGGREGATE_PUBLISHED = "AggregatePublished(uint256,uint256,uint256,bytes)"


def terms(raw: Sequence[Any], market: MarketId, task_id: int, creator: bytes) -> TaskTerms:
    """A task's terms.  Raises ChainError for some that no market takes."""
    committee_id, verifier, coordinator, dimension, fraction_bits, bound, *rest = raw
    min_owners, capacity, rounds, submit, settle, permissioned, inline, token, *amounts = rest[:-9]
    lapse, claim, leave, available, *grading, manifest, sum_key = rest[-9:]
    try:
        return TaskTerms(
            committee_id, to_canonical_address(verifier), to_canonical_address(coordinator), dimension, fraction_bits,
            bound, min_owners, capacity, rounds, Windows(submit, settle, claim, leave, available), permissioned, inline,
            Pay(to_canonical_address(token), *amounts), lapse, Grading.of(*grading), manifest, sum_key, market=market,
            task_id=task_id, creator=creator,
        )  # fmt: skip
    except InvalidInputError as error:
        raise ChainError(f"the node shows terms that no market takes ({error}); is the contract ours?") from error


def round_record(raw: Sequence[Any]) -> RoundRecord:
    """A round."""
    digest, submit, settle, batches, owners, seats, limit, epoch, _levels, spent, x, y, closed, finalized = raw
    aggregate = point(x, y)
    return RoundRecord(
        digest, submit, settle, batches, owners, seats, limit, epoch, spent, aggregate, closed, finalized
    )


def owner(raw: Sequence[Any]) -> OwnerRecord:
    """An owner."""
    signer, account, joined, claim, leaving, leaves, free, exited, excluded = raw
    addresses = to_canonical_address(signer), to_canonical_address(account)
    return OwnerRecord(*addresses, joined, claim, leaves if leaving else None, free or None, exited, excluded)


def committee_terms(raw: Sequence[Any]) -> CommitteeTerms:
    """A committee's terms."""
    threshold, token, bond, change, unbonding = raw
    return CommitteeTerms(threshold, to_canonical_address(token), bond, change, unbonding)


def committee(committee_id: int, epoch: int, raw: Sequence[Any]) -> CommitteeRecord:
    """A committee in an epoch.  Raises ChainError for lists that do not match."""
    threshold, members, endpoints, keys, ready = raw
    if not len(members) == len(endpoints) == len(keys):
        raise ChainError("the node shows a committee whose members, endpoints and keys do not match")
    known = Committee(committee_id, threshold, tuple(map(to_canonical_address, members)))
    return CommitteeRecord(known, tuple(map(place, endpoints)), tuple(keys), ready, epoch)


def member(raw: Sequence[Any]) -> MemberRecord:
    """A committee's member."""
    number, signer, controller, endpoint, key, since, joined, revoked, bond, free, replacements, change = raw
    due, coming, coming_key, coming_number, coming_joined = change
    pending = PendingMember(to_canonical_address(coming), coming_key, coming_number, due, coming_joined)
    return MemberRecord(
        number, to_canonical_address(signer), to_canonical_address(controller), place(endpoint), key, since, joined,
        revoked, bond, free or None, replacements, pending if due else None,
    )  # fmt: skip


def place(endpoint: bytes) -> str:
    """A member's endpoint.  Bytes, for the contract takes any: text that is no UTF-8 must not hide the others'."""
    return printable(endpoint.decode("utf-8", "replace"), len(endpoint))


def opened(log: Any) -> int:
    """The submit deadline that ``RoundOpened`` states."""
    return int(decode(["bytes32", "uint256", "uint256", "uint256"], bytes(log["data"]))[1])


def published(logs: Iterable[Any]) -> dict[int, list[bytes]]:
    """The payloads of ``AggregatePublished``, by number of the batch."""
    payloads: dict[int, list[bytes]] = {}
    for log in logs:
        payloads.setdefault(_third(log), []).append(decode(["bytes"], bytes(log["data"]))[0])
    return payloads


def posted(log: Any, place: tuple[int, int], owner: bytes) -> PostedSubmission:
    """What ``SubmissionPosted`` says.  Its commitment may be no point: nobody has looked at it.

    Args:
        place: task and round.
        owner: address of the signer.
    """
    dealing, raw = decode(["bytes32", POSTING], bytes(log["data"]))
    (x, y, *submission), r, vs, digests, signed = raw
    header = SubmissionHeader(
        *place, owner, poster(log), point(x, y), tuple(digests), _signature(*submission), _signature(r, vs)
    )
    return PostedSubmission(dealing, header, {member: _signature(*each) for member, *each in signed})


def poster(log: Any) -> int:
    """Registration index of the owner that ``SubmissionPosted`` is about."""
    return _third(log)


def round_of(log: Any) -> tuple[int, int]:
    """Task and round that an event of the market is indexed by."""
    task, number = (int.from_bytes(bytes(log["topics"][at]), "big") for at in (1, 2))
    return task, number


def revoked_key(log: Any) -> bytes:
    """Address of the key that ``KeyRevoked`` is about."""
    return bytes(log["topics"][3])[-20:]


def excluded(log: Any) -> ExcludedOwner:
    """What ``OwnerExcluded`` says."""
    dealing, deposit = decode(["bytes32", "uint256"], bytes(log["data"]))
    return ExcludedOwner(_third(log), dealing, deposit)


def held_fees(log: Any) -> tuple[int, HeldFees]:
    """Number of the batch and its fees, of ``FeesHeld``."""
    (raw,) = decode([HELD_FEES], bytes(log["data"]))
    batch, attestation, owners, attesters, payee, *state = raw
    held = HeldFees(batch, attestation, owners, attesters, to_canonical_address(payee), *state)
    return _third(log), held


def fees_paid(log: Any) -> FeesPaid:
    """What ``FeesPaid`` says."""
    payee, coordinator, members, each = decode(["address", "uint256", "uint256", "uint256"], bytes(log["data"]))
    return FeesPaid(_third(log), to_canonical_address(payee), coordinator, members, each)


def fees_refunded(log: Any) -> FeesPaid:
    """What ``FeesRefunded`` says."""
    return FeesPaid(_third(log), refunded=decode(["uint256"], bytes(log["data"]))[0])


def accepted(log: Any) -> RecordedBatch:
    """What ``BatchAccepted`` says.  Raises ChainError for indices that are cut off."""
    index, x, y, raw = decode(["uint256", "uint256", "uint256", "bytes"], bytes(log["data"]))
    if len(raw) % 2:
        raise ChainError("an event of the market is cut off; does the node serve the right contract?")
    indices = tuple(int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2))
    return RecordedBatch(index, bytes(log["topics"][3]), point(x, y), indices)


def _third(log: Any) -> int:
    """A number that an event has as its third topic: of the batch, or of the owner."""
    return int.from_bytes(bytes(log["topics"][3]), "big")


def _signature(r: bytes, vs: bytes) -> bytes:
    """65 bytes r, s, v from an EIP-2098 compact signature."""
    return bytes(r) + bytes((vs[0] & 0x7F,)) + bytes(vs[1:]) + bytes((27 + (vs[0] >> 7),))


def point(x: int, y: int) -> G1:
    """A point of G1 from its coordinates."""
    return G1(x.to_bytes(32, "big") + y.to_bytes(32, "big"))
