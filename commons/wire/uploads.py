"""The committee's shared keys, lists of batches, receipts of availability and node status on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from circuits.errors import WireError
from circuits.payload import MAX_INLINE
from commons.protocol.keypackages import KeyConfirmation, KeyPackage, members_of
from commons.protocol.messages import MAX_PROVERS
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.status import ProverStatus
from commons.runtime.foreigntext import printable
from commons.sharing.prss import KeySet
from commons.wire import checks
from commons.wire._generated import prover_pb2 as pb

MAX_SEALED_KEYS = 4 << 20
MAX_KEY_SETS = 1 << 16
MAX_LISTED = 1024
"""Batches named in one reply."""
MAX_STATUS_ENTRIES = 256
_MAX_NAME = 64


def package_from_wire(message: pb.KeyPackage) -> KeyPackage:
    """Raises WireError for a malformed field."""
    checks.bounded(len(message.sealed), 1, MAX_SEALED_KEYS, "length of package.sealed")
    return KeyPackage(
        checks.bounded(message.dealer, 0, MAX_PROVERS - 1, "package.dealer"),
        checks.bounded(message.recipient, 0, MAX_PROVERS - 1, "package.recipient"),
        message.sealed,
        checks.signature(message.signature, "package.signature"),
    )


def packages_from_wire(messages: Sequence[pb.KeyPackage]) -> tuple[KeyPackage, ...]:
    """At most one package of each dealer for each recipient; raises WireError otherwise."""
    checks.counted(messages, 0, MAX_PROVERS, "packages")
    packages = tuple(package_from_wire(message) for message in messages)
    if len({(p.dealer, p.recipient) for p in packages}) != len(packages):
        raise WireError("packages: one dealer's keys for one member come twice")
    return packages


def package_to_wire(package: KeyPackage) -> pb.KeyPackage:
    """The wire form of a key package."""
    return pb.KeyPackage(
        dealer=package.dealer,
        recipient=package.recipient,
        sealed=package.sealed,
        signature=package.signature,
    )


def confirmation_from_wire(message: pb.KeyConfirmation) -> KeyConfirmation:
    """Raises WireError for a malformed field or sets that are not strictly ascending."""
    checks.counted(message.hashes, 1, MAX_KEY_SETS, "confirmation.hashes")
    checks.ascending([entry.subset for entry in message.hashes], 1 << MAX_PROVERS, "confirmation.hashes.subset")
    hashes: dict[KeySet, bytes] = {
        members_of(entry.subset): checks.digest(entry.hash, "confirmation.hashes.hash") for entry in message.hashes
    }
    return KeyConfirmation(
        checks.bounded(message.member, 0, MAX_PROVERS - 1, "confirmation.member"),
        hashes,
        checks.signature(message.signature, "confirmation.signature"),
    )


def confirmation_to_wire(confirmation: KeyConfirmation) -> pb.KeyConfirmation:
    """The wire form of a member's signed hashes."""
    masked = sorted((sum(1 << p for p in members), value) for members, value in confirmation.hashes.items())
    return pb.KeyConfirmation(
        member=confirmation.member,
        hashes=[pb.KeyHash(subset=mask, hash=value) for mask, value in masked],
        signature=confirmation.signature,
    )


def listed_after(message: pb.ListBatchesRequest) -> bytes:
    """The identifier behind which a list begins, or nothing.  Raises WireError for anything else."""
    return checks.digest(message.after, "after") if message.after else b""


def batches_from_wire(reply: pb.ListBatchesReply, after: bytes) -> tuple[bytes, ...]:
    """Identifiers that ascend, so that a list has an end.  Raises WireError for anything else."""
    checks.counted(reply.batch_ids, 0, MAX_LISTED, "batch_ids")
    listed = tuple(checks.digest(batch_id, "batch_ids") for batch_id in reply.batch_ids)
    if any(a >= b for a, b in pairwise((after, *listed))):
        raise WireError("batch_ids must be in ascending order, after the one that was named")
    return listed


def availability_to_wire(receipt: AvailabilityReceipt) -> pb.AvailabilityReply:
    """The wire form of a receipt of availability."""
    return pb.AvailabilityReply(challenge=receipt.challenge, signature=receipt.signature)


def availability_from_wire(message: pb.AvailabilityReply) -> AvailabilityReceipt:
    """Raises WireError for a malformed signature."""
    return AvailabilityReceipt(message.challenge, checks.signature(message.signature, "availability.signature"))


def asked_availability(message: pb.AvailabilityRequest) -> tuple[bytes, bytes]:
    """A batch's identifier, and the encoded aggregate or nothing.  Raises WireError for a malformed field."""
    checks.bounded(len(message.payload), 0, MAX_INLINE, "length of payload")
    return checks.digest(message.batch_id, "batch_id"), message.payload


def asked_reference(
    message: pb.ProverStatusRequest | pb.DealKeysRequest | pb.AcceptKeysRequest | pb.ConfirmKeysRequest,
) -> bytes:
    """Digest that names a list of members, or nothing for the present ones.  Raises WireError for another length."""
    return checks.digest(message.reference, "reference") if message.reference else b""


def status_from_wire(message: pb.ProverStatusReply) -> ProverStatus:
    """Raises WireError for a malformed field."""
    checks.counted(message.refusals, 0, MAX_STATUS_ENTRIES, "status.refusals")
    return ProverStatus(
        address=checks.address(message.address, "status.address"),
        chain_id=message.chain_id,
        market=checks.address(message.market, "status.market"),
        committee_id=message.committee_id,
        prover=checks.bounded(message.prover, 0, MAX_PROVERS - 1, "status.prover"),
        version=printable(message.version, _MAX_NAME),
        keys_ready=message.keys_ready,
        submissions=message.submissions,
        stored_bytes=message.stored_bytes,
        refusals={printable(code, _MAX_NAME): count for code, count in message.refusals.items()},
    )


def status_to_wire(status: ProverStatus) -> pb.ProverStatusReply:
    """The wire form of a prover's status."""
    return pb.ProverStatusReply(
        address=status.address,
        chain_id=status.chain_id,
        market=status.market,
        committee_id=status.committee_id,
        prover=status.prover,
        version=status.version,
        keys_ready=status.keys_ready,
        submissions=status.submissions,
        stored_bytes=status.stored_bytes,
        refusals=status.refusals,
    )
