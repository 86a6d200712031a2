"""An epoch of a campaign as a file: the same bytes for everybody who has its events and bundles.

docs/protocol-data.md, section "Epochs".  Nobody gives the file's CID to the chain: what anybody may give, nobody could
stop a liar from giving.  The chain has the hash of the log of decisions, which the file has to lead to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from circuits.errors import InvalidInputError
from circuits.hashing import keccak
from commons.protocol.strictjson import bounded_json, canonical, require_canonical, require_fields, require_whole
from commons.samples.contributions import ALL_SAMPLES, Decision, Outcome
from commons.samples.merkletrees import MAX_LEAVES, merkle_root
from commons.samples.sampleschemas import MAX_SAMPLE

__all__ = ["MAX_EPOCH_DECISIONS", "EpochBundle", "EpochManifest"]

VERSION = 1
MAX_EPOCH_DECISIONS = 1 << 17
_MAX_BYTES = 1 << 28
_MAX_NUMBER = 2**63 - 1
_HEX = re.compile(r"[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class EpochBundle:
    """A bundle of which something was decided in the epoch.

    Attributes:
        number: its number; 0: the initial data.
        root, content_digest: 32 bytes each; the latter is zero for samples that were opened in the chain.
        count: its samples.
        challenged: places, ascending, of those against which a challenge was opened; each has a decision of its own,
            here or in another epoch.
    """

    number: int
    root: bytes
    content_digest: bytes
    count: int
    challenged: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        places = self.challenged
        ascending = all(one < other for one, other in pairwise(places))
        if not 1 <= self.count <= MAX_LEAVES or not ascending or any(not 0 <= at < self.count for at in places):
            raise InvalidInputError(f"bundle {self.number} has no such samples")
        if any(len(each) != 32 for each in (self.root, self.content_digest)):
            raise InvalidInputError(f"root and digest of bundle {self.number} have 32 bytes")


@dataclass(frozen=True, slots=True)
class EpochManifest:
    """What was decided between two closings.

    Attributes:
        campaign: 32-byte identifier.
        epoch: its number, from 0.
        schema_digest: 32 bytes, of the campaign's terms.
        log_before: 32 bytes, hash of the log at the closing before.
        decisions: in the order of the log, at least one.
        bundles: those that decisions are about, ascending by number, and no others.
        corrected: corrected samples that count, in the order of their decisions.

    Raises:
        InvalidInputError: parts do not go together.
    """

    campaign: bytes
    epoch: int
    schema_digest: bytes
    log_before: bytes
    decisions: tuple[Decision, ...] = field(repr=False)
    bundles: tuple[EpochBundle, ...] = field(repr=False)
    corrected: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if any(len(each) != 32 for each in (self.campaign, self.schema_digest, self.log_before)):
            raise InvalidInputError("campaign, schema and log of an epoch have 32 bytes")
        if not 1 <= len(self.decisions) <= MAX_EPOCH_DECISIONS:
            raise InvalidInputError(f"an epoch has 1 to {MAX_EPOCH_DECISIONS} decisions, not {len(self.decisions)}")
        if [each.number for each in self.bundles] != sorted({each.bundle for each in self.decisions}):
            raise InvalidInputError("the bundles of an epoch are those that its decisions are about")
        held = {each.number: each for each in self.bundles}
        if len({(each.bundle, each.index) for each in self.decisions}) < len(self.decisions):
            raise InvalidInputError("nothing is decided twice in an epoch")
        for decision in self.decisions:
            _require_about(decision, held[decision.bundle])
        digests = [each.correction for each in self.decisions if each.outcome is Outcome.CORRECTED]
        if any(len(each) > MAX_SAMPLE for each in self.corrected) or list(map(keccak, self.corrected)) != digests:
            raise InvalidInputError("the corrected samples of an epoch are those that its decisions are about")

    @property
    def log(self) -> bytes:
        """32 bytes, hash of the log at this closing: what ``EpochClosed`` has to say."""
        found = self.log_before
        for decision in self.decisions:
            found = decision.after(found)
        return found

    def samples(self, contents: Mapping[int, Sequence[bytes]]) -> Iterator[bytes]:
        """The samples that count, in the order in which a model trains on them: decisions, and places in a bundle.

        Args:
            contents: of each bundle whose samples count, all its samples.

        Raises:
            InvalidInputError: a bundle is missing, or is not the one with that root.
        """
        held, corrected, checked = {each.number: each for each in self.bundles}, iter(self.corrected), set[int]()
        for decision in self.decisions:
            if decision.outcome is Outcome.CORRECTED:
                yield next(corrected)
            if decision.outcome is not Outcome.ACCEPTED:
                continue
            bundle = held[decision.bundle]
            if bundle.number not in checked:
                _require_content(bundle, contents.get(bundle.number, ()))
                checked.add(bundle.number)
            yield from _counted(decision, bundle, contents[bundle.number])

    @property
    def encoded(self) -> bytes:
        """The file: JSON (RFC 8259) in ASCII, keys sorted, no space."""
        return canonical({
            "bundles": [_bundle_json(each) for each in self.bundles],
            "campaign": self.campaign.hex(),
            "corrected": [each.hex() for each in self.corrected],
            "decisions": [_decision_json(each) for each in self.decisions],
            "epoch": self.epoch,
            "log": self.log.hex(),
            "log_before": self.log_before.hex(),
            "schema": self.schema_digest.hex(),
            "version": VERSION,
        })  # fmt: skip

    @property
    def digest(self) -> bytes:
        """32 bytes, SHA-256 of the file."""
        return hashlib.sha256(self.encoded).digest()

    @classmethod
    def decode(cls, data: bytes) -> EpochManifest:
        """The epoch in a file's bytes.

        Raises:
            InvalidInputError: they are none, another encoding of one, or lead to another hash than they say.
        """
        names = ("bundles", "campaign", "corrected", "decisions", "epoch", "log", "log_before", "schema", "version")
        value = require_fields(bounded_json(data, "an epoch", _MAX_BYTES), "an epoch", names)
        require_whole("the version of an epoch", value["version"], VERSION, VERSION)
        require_whole("the number of an epoch", value["epoch"], 0, _MAX_NUMBER)
        made = cls(
            _bytes(value["campaign"], 32), value["epoch"], _bytes(value["schema"], 32), _bytes(value["log_before"], 32),
            tuple(map(_decision, _list(value["decisions"], MAX_EPOCH_DECISIONS))),
            tuple(map(_bundle, _list(value["bundles"], MAX_EPOCH_DECISIONS))),
            tuple(_bytes(each) for each in _list(value["corrected"], MAX_EPOCH_DECISIONS)),
        )  # fmt: skip
        require_canonical(made.encoded, data, "the epoch")
        return made


def _require_about(decision: Decision, bundle: EpochBundle) -> None:
    """Raise InvalidInputError unless a decision can be one about a bundle."""
    if decision.root != bundle.root or decision.outcome is Outcome.NONE:
        raise InvalidInputError(f"a decision is about another bundle than {bundle.number}")
    if (decision.outcome is Outcome.CORRECTED) != (decision.correction != bytes(32)):
        raise InvalidInputError("a decision has a correction where the outcome is one, and nowhere else")
    if decision.index != ALL_SAMPLES:
        fits = decision.count == 1 and decision.index in bundle.challenged
    else:
        left = bundle.count - len(bundle.challenged)
        fits = decision.count == left and decision.outcome is Outcome.ACCEPTED
    if not fits:
        raise InvalidInputError(f"a decision is about samples that bundle {bundle.number} has not, or not open")


def _require_content(bundle: EpochBundle, samples: Sequence[bytes]) -> None:
    if len(samples) != bundle.count or merkle_root(samples) != bundle.root:
        raise InvalidInputError(f"these are not the samples of bundle {bundle.number}; fetch it by its CID")


def _counted(decision: Decision, bundle: EpochBundle, samples: Sequence[bytes]) -> Iterator[bytes]:
    if decision.index != ALL_SAMPLES:
        yield samples[decision.index]
        return
    left_out = set(bundle.challenged)
    yield from (sample for place, sample in enumerate(samples) if place not in left_out)


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "bundle": decision.bundle, "correction": decision.correction.hex(), "count": decision.count,
        "index": decision.index, "outcome": int(decision.outcome), "root": decision.root.hex(),
    }  # fmt: skip


def _decision(value: Any) -> Decision:
    given = require_fields(value, "a decision", ("bundle", "correction", "count", "index", "outcome", "root"))
    require_whole("the bundle of a decision", given["bundle"], 0, _MAX_NUMBER)
    require_whole("the index of a decision", given["index"], 0, ALL_SAMPLES)
    require_whole("the outcome of a decision", given["outcome"], Outcome.ACCEPTED, Outcome.CORRECTED)
    require_whole("the count of a decision", given["count"], 0, MAX_LEAVES)
    root, correction = _bytes(given["root"], 32), _bytes(given["correction"], 32)
    return Decision(given["bundle"], given["index"], Outcome(given["outcome"]), given["count"], root, correction)


def _bundle_json(bundle: EpochBundle) -> dict[str, Any]:
    return {
        "challenged": list(bundle.challenged), "content": bundle.content_digest.hex(), "count": bundle.count,
        "number": bundle.number, "root": bundle.root.hex(),
    }  # fmt: skip


def _bundle(value: Any) -> EpochBundle:
    given = require_fields(value, "a bundle", ("challenged", "content", "count", "number", "root"))
    require_whole("the number of a bundle", given["number"], 0, _MAX_NUMBER)
    require_whole("the count of a bundle", given["count"], 1, MAX_LEAVES)
    places = _list(given["challenged"], MAX_LEAVES)
    for place in places:
        require_whole("the place of a sample", place, 0, MAX_LEAVES - 1)
    root, content = _bytes(given["root"], 32), _bytes(given["content"], 32)
    return EpochBundle(given["number"], root, content, given["count"], tuple(places))


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidInputError(f"a list of at most {most} belongs there")
    return value


def _bytes(value: Any, size: int | None = None) -> bytes:
    """Bytes of their hexadecimal digits; without a size, those of a sample."""
    text = value if isinstance(value, str) and len(value) <= 2 * MAX_SAMPLE and len(value) % 2 == 0 else "?"
    if not _HEX.fullmatch(text) or (size is not None and len(text) != 2 * size):
        raise InvalidInputError("bytes are written as hexadecimal digits, in small letters")
    return bytes.fromhex(text)
