"""A model card: what a task's chain says of the rounds that made a model, in one file that anybody can check.

A card proves nothing: whoever made it may lie in every field.  `cardfacts` has the same fields from the chain, and
what differs is a lie.  So what is left to settle here is that a file is read in one way only: JSON (RFC 8259) in ASCII,
keys sorted, no space, integers and strings alone; whatever does not encode to the same bytes is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from circuits.errors import InvalidInputError
from circuits.terms import MAX_CAPACITY, MAX_ROUNDS
from commons.protocol.decisionlists import decisions_from_json, decisions_to_json
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.strictjson import bounded_json, canonical, require_canonical
from commons.protocol.trainingdecisions import SignedDecision
from commons.protocol.trainingrules import TrainingRule

VERSION = 1
MAX_CARD = 1 << 26
"""Bytes of a card at most: a thousand rounds of a hundred batches have about 8 MiB."""
MAX_CARD_BATCHES = MAX_CAPACITY // 2
"""Batches of a round at most: each has two owners or more."""
MAX_MEMBERS = 256
_HEX = re.compile("0x(?:[0-9a-f]{2})+")


@dataclass(frozen=True, slots=True)
class CardRound:
    """A round that takes no more batches.

    Attributes:
        number: of the round; a card has all of a task, from 0 on.
        model: 32 bytes, Keccak-256 of the model that its owners computed on.
        owners: gradients in its sum.
        weight: how often they count together; as many as owners where the task does not grade.
        batches: identifiers of its accepted batches, 32 bytes each, in order.
    """

    number: int
    model: bytes
    owners: int
    weight: int
    batches: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _require_whole("the number of a round", self.number, MAX_ROUNDS)
        _require_bytes("the model of a round", self.model, 32)
        _require_whole("the owners of a round", self.owners, MAX_CAPACITY)
        _require_whole("the weight of a round", self.weight, 3 * MAX_CAPACITY)
        if len(self.batches) > MAX_CARD_BATCHES:
            raise InvalidInputError(f"a round of a model card has at most {MAX_CARD_BATCHES} batches")
        for batch in self.batches:
            _require_bytes("the identifier of a batch", batch, 32)


@dataclass(frozen=True, slots=True)
class CardPrivacy:
    """How far the owners of a task were protected.

    Attributes:
        committee: its identifier.
        provers: members of it.
        threshold: so many that collude learn nothing of a gradient.
        min_owners: fewest gradients in a sum.
        millibits: most that a graded round tells about an owner's data, in thousandths of a bit; 0 without grades.
        public_sums: 1 where everybody can read the sums, 0 where only the model owner can.
    """

    committee: int
    provers: int
    threshold: int
    min_owners: int
    millibits: int
    public_sums: int

    def __post_init__(self) -> None:
        _require_whole("the committee", self.committee, (1 << 64) - 1)
        _require_whole("the members of the committee", self.provers, MAX_MEMBERS)
        _require_whole("the threshold", self.threshold, MAX_MEMBERS)
        _require_whole("the fewest owners of a batch", self.min_owners, MAX_CAPACITY)
        _require_whole("the bits of a graded round", self.millibits, 64_000)
        _require_whole("whether sums are public", self.public_sums, 1)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a card states.

    Attributes:
        chain_id, market, deployment: where the task is; 20 and 32 bytes.
        task: its identifier.
        terms_hash: 32 bytes, what owners and provers signed to.
        privacy: how far owners were protected.
        rounds: all that take no more batches, from the first on.
        manifest: what the vectors are made of, and by which rule the models follow from each other.
        final_model: 32 bytes, Keccak-256 of the model after the last of these rounds; empty without a rule.
        decisions: what the model owner signed of the training; everything else of it is computed.

    Raises:
        InvalidInputError: a part is out of range.
    """

    chain_id: int
    market: bytes
    deployment: bytes
    task: int
    terms_hash: bytes
    privacy: CardPrivacy
    rounds: tuple[CardRound, ...]
    manifest: ModelManifest | None = None
    final_model: bytes = b""
    decisions: tuple[SignedDecision, ...] = ()

    def __post_init__(self) -> None:
        _require_whole("the chain's number", self.chain_id, (1 << 256) - 1)
        _require_bytes("the market", self.market, 20)
        _require_bytes("the deployment", self.deployment, 32)
        _require_whole("the task", self.task, (1 << 64) - 1)
        _require_bytes("the hash of the terms", self.terms_hash, 32)
        if [each.number for each in self.rounds] != list(range(len(self.rounds))):
            raise InvalidInputError("the rounds of a model card are numbered from 0, none left out")
        if self.final_model:
            _require_bytes("the final model", self.final_model, 32)

    @property
    def training(self) -> TrainingRule | None:
        """The rule by which the models follow from each other, if there is one."""
        return None if self.manifest is None else self.manifest.training

    @property
    def encoded(self) -> bytes:
        """The card as it is written.  Raises InvalidInputError for one of over 64 MiB."""
        own = {
            "decisions": decisions_to_json(self.decisions),
            "manifest": None if self.manifest is None else json.loads(self.manifest.encoded), "version": VERSION,
        }  # fmt: skip
        data = canonical(asdict(replace(self, manifest=None, decisions=())) | own, _hexed)
        if len(data) > MAX_CARD:
            raise InvalidInputError(f"a model card has at most {MAX_CARD} bytes; this one would have {len(data)}")
        return data

    @classmethod
    def decode(cls, data: bytes) -> ModelCard:
        """The card of these bytes.

        Raises:
            InvalidInputError: they are none, or another encoding of one.
        """
        card = _card(bounded_json(data, "a model card", MAX_CARD))
        require_canonical(card.encoded, data, "the model card")
        return card


def _card(value: Any) -> ModelCard:
    """What a parsed value states; what it states too much, the canonical form does not have."""
    if _part(value, "version") != VERSION:
        raise InvalidInputError(f"the model card is not of version {VERSION}, the one that this release reads")
    manifest, rounds, privacy = (_part(value, key) for key in ("manifest", "rounds", "privacy"))
    return ModelCard(
        _part(value, "chain_id"), _octets(value, "market"), _octets(value, "deployment"), _part(value, "task"),
        _octets(value, "terms_hash"),
        CardPrivacy(*(_part(privacy, name) for name in CardPrivacy.__slots__)),
        tuple(_round(each) for each in _listed(rounds, "rounds", MAX_ROUNDS)),
        None if manifest is None else ModelManifest.decode(canonical(manifest)),
        _octets(value, "final_model"),
        decisions_from_json(_part(value, "decisions")),
    )  # fmt: skip


def _round(value: Any) -> CardRound:
    batches = _listed(_part(value, "batches"), "batches", MAX_CARD_BATCHES)
    number, owners, weight = (_part(value, name) for name in ("number", "owners", "weight"))
    return CardRound(number, _octets(value, "model"), owners, weight, tuple(map(_unhexed, batches)))


def _hexed(data: bytes) -> str:
    return f"0x{data.hex()}" if data else ""


def _part(value: Any, key: str) -> Any:
    if not isinstance(value, Mapping) or key not in value:
        raise InvalidInputError(f"a part of the model card is missing: {key}")
    return value[key]


def _listed(value: Any, what: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidInputError(f"the {what} of a model card are a list of at most {most}")
    return value


def _octets(value: Any, key: str) -> bytes:
    return _unhexed(_part(value, key))


def _unhexed(text: Any) -> bytes:
    if text == "":
        return b""
    if not isinstance(text, str) or len(text) > 66 or _HEX.fullmatch(text) is None:
        raise InvalidInputError("digests and addresses of a model card are 0x and at most 64 hexadecimal digits, small")
    return bytes.fromhex(text[2:])


def _require_bytes(what: str, value: Any, length: int) -> None:
    if not isinstance(value, bytes) or len(value) != length:
        raise InvalidInputError(f"model card: {what} has {length} bytes")


def _require_whole(what: str, value: Any, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise InvalidInputError(f"model card: {what} is no whole number from 0 to {most}")
