"""What the contracts of the data market answer, and their events, taken apart.  Callers run it guarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_canonical_address

from circuits.errors import ChainError, InvalidInputError
from commons.chain.datafacts import (
    ARBITERS,
    CAMPAIGN_TERMS,
    SAMPLE_SCHEMA,
    BundleRecord,
    BundleStage,
    CampaignRecord,
    CampaignTerms,
    ChallengeRecord,
    ChallengeStage,
    DisputeRecord,
    DisputeStage,
)
from commons.chain.juryfacts import (
    CaseRecord,
    CaseStage,
    JuryRecord,
    PoolRecord,
    SeatRecord,
    SlotRecord,
    Verdict,
)
from commons.samples.contributions import Decision, Ground, Outcome
from commons.samples.sampleschemas import SampleKind, SampleSchema

CAMPAIGN = f"(address,bool,{7 * 'uint256,'}bytes32,{CAMPAIGN_TERMS})"
BUNDLE = f"(bytes32,address,uint8,{6 * 'uint256,'}bytes32,bytes32)"
CHALLENGE = "(bytes32,address,uint8,uint8,uint256,bytes32,uint256,uint256)"
DISPUTE = f"(uint8,uint8,bool,{5 * 'uint256,'}address,uint256)"
POOL = "(uint32,uint256,uint256,uint256)"
SLOT = "(address,uint32,bool,uint40)"
_JURY = "(uint8,uint40,uint256,uint40,uint40,uint8,uint8,uint8,uint8)"
WINDOWS = "(uint32,uint32,uint32)"
CASE = f"(uint32,uint256,uint8,{WINDOWS},{_JURY},{_JURY})"
SEAT = "(address,uint64,bytes32,uint8,bool)"
CAMPAIGN_OPENED = f"CampaignOpened(bytes32,address,uint256,{CAMPAIGN_TERMS},{SAMPLE_SCHEMA})"
BUNDLE_COMMITTED = "BundleCommitted(bytes32,uint256,address,uint256,bytes32)"
BUNDLE_OPENED = "BundleOpened(uint256,bytes32,bytes32,uint256,uint256)"
BUNDLE_INLINE = "BundleInline(uint256,bytes32,bytes[])"
CHALLENGE_COMMITTED = "ChallengeCommitted(bytes32,uint256,address,bytes32)"
CHALLENGE_OPENED = "ChallengeOpened(uint256,uint256,uint256,uint8,uint8,bytes)"
CASE_OPENED = "CaseOpened(uint256,uint256,uint256)"
CAMPAIGN_CLOSED = "CampaignClosed(bytes32)"
DECIDED = "Decided(bytes32,uint256,uint256,uint256,uint8,uint256,bytes32,bytes32,bytes32)"
EPOCH_CLOSED = "EpochClosed(bytes32,uint256,bytes32,uint256)"
JOINED = "Joined(uint32,address,uint256,uint256)"
JURY_CASE_OPENED = f"CaseOpened(uint256,uint32,{WINDOWS})"
DRAWN = "Drawn(uint256,uint256,bytes32,uint256[])"


def campaign(identifier: bytes, raw: Sequence[Any]) -> CampaignRecord:
    """A campaign."""
    owner, closed, free, held, accepted, decisions, undecided, epochs, start, log, terms = raw
    return CampaignRecord(
        identifier, to_canonical_address(owner), closed, free, held, accepted, decisions, undecided, epochs, start,
        bytes(log), campaign_terms(terms),
    )  # fmt: skip


def campaign_terms(raw: Sequence[Any]) -> CampaignTerms:
    """Terms of a campaign.  Raises ChainError for an arbiter that there is not."""
    token, committee, arbiter, model, *rest = raw
    if arbiter >= len(ARBITERS):
        raise ChainError("the node shows a campaign with an arbiter that there is not; is the contract ours?")
    plain: tuple[Any, ...] = tuple(bytes(value) if isinstance(value, bytes) else value for value in rest)
    return CampaignTerms(to_canonical_address(token), committee, ARBITERS[arbiter], to_canonical_address(model), *plain)


def opened(log: Any) -> tuple[int, CampaignTerms, SampleSchema]:
    """Nonce, terms and schema that ``CampaignOpened`` tells."""
    nonce, terms, schema = decode(["uint256", CAMPAIGN_TERMS, SAMPLE_SCHEMA], bytes(log["data"]))
    return nonce, campaign_terms(terms), sample_schema(schema)


def sample_schema(raw: Sequence[Any]) -> SampleSchema:
    """A schema.  Raises ChainError for one that no contract of ours takes."""
    kind, width, size, classes, least, most, tau, maxima = raw
    try:
        return SampleSchema(SampleKind(kind), width, size, classes, least, most, tau, bytes(maxima))
    except (InvalidInputError, ValueError):
        raise ChainError("the node shows a schema that cannot be one; is the contract ours?") from None


def schema_words(schema: SampleSchema) -> tuple[int | bytes, ...]:
    """The contract's ``SampleSchema``."""
    return (
        int(schema.kind), schema.width, schema.size, schema.classes, schema.least, schema.most, schema.tau,
        schema.maxima,
    )  # fmt: skip


def bundle(number: int, raw: Sequence[Any]) -> BundleRecord:
    """A bundle."""
    of, contributor, stage, *numbers, root, digest = raw
    head = (number, bytes(of), to_canonical_address(contributor), BundleStage(stage))
    return BundleRecord(*_given(*head, *numbers, bytes(root), bytes(digest)))


def challenge(number: int, raw: Sequence[Any]) -> ChallengeRecord:
    """A challenge."""
    of, challenger, stage, ground, since, digest, bundle, index = raw
    return ChallengeRecord(
        number, bytes(of), to_canonical_address(challenger), ChallengeStage(stage), Ground(ground), since,
        bytes(digest), bundle, index,
    )  # fmt: skip


def dispute(raw: Sequence[Any]) -> DisputeRecord:
    """A sample's dispute."""
    stage, outcome, upheld, *numbers, appellant, pot = raw
    head = (DisputeStage(stage), Outcome(outcome), upheld)
    return DisputeRecord(*_given(*head, *numbers, to_canonical_address(appellant), pot))


def decided(log: Any) -> tuple[int, Decision, bytes]:
    """Position, decision, and the log's hash after it, that ``Decided`` tells."""
    position, of = (int.from_bytes(bytes(topic), "big") for topic in log["topics"][2:4])
    index, outcome, count, root, correction, acc = decode(
        ["uint256", "uint8", "uint256", "bytes32", "bytes32", "bytes32"], bytes(log["data"])
    )
    return position, Decision(of, index, Outcome(outcome), count, root, correction), acc


def epoch_closed(log: Any) -> tuple[int, bytes, int]:
    """Number of an epoch, hash of the log at its closing, and how many decisions the log had."""
    acc, decisions = decode(["bytes32", "uint256"], bytes(log["data"]))
    return number_at(log, 2), acc, decisions


def inline_samples(log: Any) -> tuple[bytes, ...]:
    """The samples that ``BundleInline`` tells."""
    return tuple(map(bytes, decode(["bytes32", "bytes[]"], bytes(log["data"]))[1]))


def challenge_opened(log: Any) -> tuple[int, int, bytes]:
    """Number of a challenge that was opened, the place of its sample, and its correction."""
    return number_at(log, 1), number_at(log, 3), bytes(decode(["uint8", "uint8", "bytes"], bytes(log["data"]))[2])


def committed(log: Any) -> tuple[int, bytes]:
    """Number and commitment of a bundle or a challenge; the commitment is the last word of the event."""
    return number_at(log, 2), bytes(log["data"])[-32:]


def case_opened(log: Any) -> tuple[int, int, int]:
    """Number of a case, bundle and place of its sample."""
    return int(decode(["uint256"], bytes(log["data"]))[0]), number_at(log, 1), number_at(log, 2)


def joined(log: Any) -> range:
    """The slots that ``Joined`` tells."""
    first, slots = decode(["uint256", "uint256"], bytes(log["data"]))
    return range(first, first + slots)


def drawn(log: Any) -> tuple[int, int, tuple[int, ...]]:
    """Number of a case, round of its jury, and the slots that were drawn for it, in the order of their seats."""
    return number_at(log, 1), number_at(log, 2), tuple(decode(["bytes32", "uint256[]"], bytes(log["data"]))[1])


def number_at(log: Any, place: int) -> int:
    """A number that an event is indexed by."""
    return int.from_bytes(bytes(log["topics"][place]), "big")


def pool(raw: Sequence[Any]) -> PoolRecord:
    """A pool."""
    return PoolRecord(*raw)


def slot(raw: Sequence[Any]) -> SlotRecord:
    """A slot."""
    juror, of, seated, leaves_at = raw
    return SlotRecord(to_canonical_address(juror), of, seated, leaves_at)


def case(number: int, raw: Sequence[Any]) -> CaseRecord:
    """A case."""
    of, round_, stage, windows, first, second = raw
    if round_ > 1:
        raise ChainError("the node shows a case with a third jury; is the contract ours?")
    juries = tuple(JuryRecord(*_given(*one[:-1], Verdict(one[-1]))) for one in (first, second))
    return CaseRecord(*_given(number, of, round_, CaseStage(stage), *windows, juries))


def seat(raw: Sequence[Any]) -> SeatRecord:
    """A seat."""
    juror, of, commitment, vote, released = raw
    return SeatRecord(to_canonical_address(juror), of, bytes(commitment), Verdict(vote), released)


def _given(*values: Any) -> tuple[Any, ...]:
    """Fields of a record, in their order."""
    return values
