"""What a message would become, found out from its bytes before protobuf makes objects of them.

Two bytes on the wire can be a message of hundreds in memory, so a bound on the bytes of a message is none on what it
takes.  Every repeated field has a most here, and a message has one for all of its fields together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from circuits.errors import WireError
from commons.protocol.bountydraws import MAX_GROUPS
from commons.protocol.messages import MAX_COHORT, MAX_PROVERS
from commons.wire import coordination, uploads

MOST_FIELDS = 1 << 19
"""Of a message and all in it: the words of a committee's members on all of their shared keys fit in, and nobody has
more."""
_MOST_UNKNOWN = 16
"""Fields of a later version of the protocol, which are passed over."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10

_LIMITS: Mapping[str, int] = {
    "BountyGroupHead.leaves": MAX_GROUPS,
    "SubmissionHeader.share_digests": MAX_PROVERS,
    "UploadManifest.parts": MAX_PROVERS,
    "UploadManifest.bodies": MAX_PROVERS,
    "ShareHead.receipts": MAX_PROVERS,
    "OfferHead.parts": MAX_PROVERS,
    "OfferStatusReply.receipts": MAX_PROVERS,
    "OfferStatusReply.undelivered": MAX_PROVERS,
    "Cohort.headers": MAX_COHORT,
    "Proposal.kept": MAX_COHORT,
    "Proposal.active": MAX_PROVERS,
    "Proposal.nonces": MAX_PROVERS,
    "DealKeysReply.packages": MAX_PROVERS,
    "AcceptKeysRequest.packages": MAX_PROVERS,
    "KeyConfirmation.hashes": uploads.MAX_KEY_SETS,
    "ConfirmKeysRequest.confirmations": MAX_PROVERS,
    "ListBatchesReply.batch_ids": uploads.MAX_LISTED,
    "ProverStatusReply.refusals": uploads.MAX_STATUS_ENTRIES,
    "SubmitHeaderRequest.receipts": MAX_PROVERS,
    "TaskStatusReply.rounds": coordination.MAX_ENTRIES,
    "TaskStatusReply.rejections": coordination.MAX_ENTRIES,
    "TaskStatusReply.recent": coordination.MAX_ENTRIES,
    "RoundStatus.batches": coordination.MAX_ENTRIES,
    "RoundStatus.named": coordination.MAX_ENTRIES,
}
"""Most entries of every repeated field of this package, by message and field."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What may stand in a field: ``wire`` its wire type, ``most`` entries, messages of a kind or none."""

    name: str
    wire: int
    most: int
    packed: bool
    inner: Descriptor | None
    group: str


class _Count:
    """Fields that are left to a message."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS

    def spend(self, fields: int) -> None:
        self._left -= fields
        if self._left < 0:
            raise WireError(f"a message has more than {MOST_FIELDS} fields")


def read(raw: bytes, kind: type[Message]) -> Any:
    """Parse a message that is not larger in memory than its kind may be.

    Raises:
        WireError: it is no message of that kind, or a field comes too often.
    """
    require_bounded(raw, cast("Descriptor", kind.DESCRIPTOR))
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise WireError(f"no message of the kind {kind.DESCRIPTOR.name} is in these bytes") from error


def require_bounded(raw: bytes, kind: Descriptor) -> None:
    """Raise WireError for bytes that are no message, or one with a field that comes more often than it may."""
    _walk(memoryview(raw), kind, _Count())


def _walk(raw: memoryview, kind: Descriptor, count: _Count) -> None:
    plan, seen, groups, unknown, at = _plan(kind), dict[int, int](), set[str](), 0, 0
    while at < len(raw):
        count.spend(1)
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        value, at = _value(raw, at, wire)
        field = plan.get(number)
        if field is None or (wire != field.wire and not (field.packed and wire == _VARINT)):
            unknown += 1
            if number == 0 or unknown > _MOST_UNKNOWN:
                raise WireError(f"{kind.name} has more fields of another version than are passed over")
            continue
        seen[number] = seen.get(number, 0) + _entries(field, wire, value, count)
        if seen[number] > field.most or field.group in groups:
            raise WireError(f"{kind.name}.{field.name} comes more than {field.most} times, or beside an alternative")
        if field.group:
            groups.add(field.group)
        if field.inner is not None:
            _walk(value, field.inner, count)


def _entries(field: _Field, wire: int, value: memoryview, count: _Count) -> int:
    """How many entries a field's value adds."""
    if not field.packed or wire != _BYTES:
        return 1
    if len(value) > field.most * _LONGEST_VARINT:
        raise WireError(f"{field.name} has more than {field.most} entries")
    entries = sum(byte < 0x80 for byte in value)
    count.spend(entries)
    return entries


def _value(raw: memoryview, at: int, wire: int) -> tuple[memoryview, int]:
    """A field's value, empty for a number, and where the next field begins."""
    if wire == _VARINT:
        return raw[:0], _varint(raw, at)[1]
    if wire == _BYTES:
        size, at = _varint(raw, at)
    elif wire in (_FIXED64, _FIXED32):
        size = 8 if wire == _FIXED64 else 4
    else:
        raise WireError("a message has a field of a kind that none here has")
    if size > len(raw) - at:
        raise WireError("a message ends in the middle of a field")
    return raw[at : at + size], at + size


def _varint(raw: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(raw[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    raise WireError("a message ends in the middle of a number, or has one that is too long")


@cache
def _plan(kind: Descriptor) -> dict[int, _Field]:
    return {field.number: _field(kind, field) for field in kind.fields}


def _field(kind: Descriptor, field: FieldDescriptor) -> _Field:
    numbers = {FieldDescriptor.TYPE_FIXED64: _FIXED64, FieldDescriptor.TYPE_FIXED32: _FIXED32}
    texts = (FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE)
    wire = _BYTES if field.type in texts else numbers.get(field.type, _VARINT)
    repeated = is_repeated(field)
    packed = repeated and wire == _VARINT
    most = _LIMITS[f"{kind.name}.{field.name}"] if repeated else 1
    group = field.containing_oneof.name if field.containing_oneof is not None else ""
    return _Field(field.name, _BYTES if packed else wire, most, packed, field.message_type, group)


def is_repeated(field: Any) -> bool:
    """Whether a field may have several entries; protobuf 7 has another name for it than 6."""
    known = getattr(field, "is_repeated", None)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED if known is None else known)
