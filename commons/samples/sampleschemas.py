"""What samples of a campaign are, as the contract has it: ``SampleSchema`` of contracts/src/data.

docs/protocol-data.md, section "Samples".  A schema says everything that the contract must know to judge a sample by
itself: how its bytes are laid out, what is out of range, and how near is a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, words

__all__ = ["LABEL_BYTES", "MAX_CLASSES", "MAX_SAMPLE", "MAX_TEXT", "MAX_WIDTH", "SampleKind", "SampleSchema"]

MAX_SAMPLE = 4096
"""Bytes of a sample."""
LABEL_BYTES = 2
MAX_TEXT = MAX_SAMPLE - LABEL_BYTES
"""Bytes of a text in UTF-8."""
MAX_WIDTH = 2047
"""Features of an array: as many as fit with two bytes each."""
MAX_CLASSES = 0xFFFF
_MAX_TAU = 2**32 - 1


class SampleKind(IntEnum):
    """How a sample's bytes are laid out."""

    ARRAY = 0
    """Label, then features: unsigned integers of one or two bytes, big-endian."""
    TEXT = 1
    """Label, then words in UTF-8 with one space between them."""


@dataclass(frozen=True)
class SampleSchema:
    """What fits a campaign.

    Attributes:
        kind: layout of a sample.
        width: features of an array, 1 to 2,047; 0 for texts.
        size: bytes of a feature, 1 or 2; 0 for texts.
        classes: labels are smaller, 1 to 65,535.
        least, most: bytes of a text, 1 to 4,094; 0 for arrays.
        tau: samples at this distance, or nearer, are copies; below 2**32.
        maxima: largest value of each feature, or one of all, ``size`` bytes each, big-endian; none for texts.

    Raises:
        InvalidInputError: a part is out of range or does not go with the kind.
    """

    kind: SampleKind
    width: int
    size: int
    classes: int
    least: int
    most: int
    tau: int
    maxima: bytes = b""

    def __post_init__(self) -> None:
        _require("number of classes", self.classes, 1, MAX_CLASSES)
        _require("distance tau", self.tau, 0, _MAX_TAU)
        if self.kind is SampleKind.ARRAY:
            self._require_array()
        else:
            self._require_text()

    def _require_array(self) -> None:
        _require("width of a sample", self.width, 1, MAX_WIDTH)
        _require("size of a feature", self.size, 1, 2)
        _require("length of a text in a schema of arrays", self.least, 0, 0)
        _require("length of a text in a schema of arrays", self.most, 0, 0)
        if len(self.maxima) not in (self.size, self.size * self.width):
            raise InvalidInputError(f"a schema has one maximum, or {self.width}, of {self.size} bytes each")

    def _require_text(self) -> None:
        _require("width in a schema of texts", self.width, 0, 0)
        _require("size of a feature in a schema of texts", self.size, 0, 0)
        _require("greatest length of a text", self.most, 1, MAX_TEXT)
        _require("least length of a text", self.least, 1, self.most)
        if self.maxima:
            raise InvalidInputError("a schema of texts has no maxima of features")

    @classmethod
    def array(cls, classes: int, maxima: list[int], width: int, size: int, tau: int = 0) -> SampleSchema:
        """A schema of arrays; ``maxima`` is one of all features, or one of each."""
        if any(type(each) is not int or not 0 <= each < 1 << 8 * size for each in maxima):
            raise InvalidInputError(f"the maximum of a feature of {size} bytes is a whole number of so many bytes")
        packed = b"".join(each.to_bytes(size, "big") for each in maxima)
        return cls(SampleKind.ARRAY, width, size, classes, 0, 0, tau, packed)

    @classmethod
    def text(cls, classes: int, least: int, most: int, tau: int = 0) -> SampleSchema:
        """A schema of texts of ``least`` to ``most`` bytes."""
        return cls(SampleKind.TEXT, 0, 0, classes, least, most, tau)

    @cached_property
    def limits(self) -> tuple[int, ...]:
        """Largest value of each feature; empty for texts."""
        if self.kind is SampleKind.TEXT:
            return ()
        parts = range(0, len(self.maxima), self.size)
        found = tuple(int.from_bytes(self.maxima[at : at + self.size], "big") for at in parts)
        return found if len(found) == self.width else found * self.width

    @property
    def longest(self) -> int:
        """Bytes of the longest sample that fits."""
        return LABEL_BYTES + (self.width * self.size or self.most)

    @cached_property
    def encoded(self) -> bytes:
        """What ``abi.encode`` gives of the contract's struct."""
        head = words(32, self.kind, self.width, self.size, self.classes, self.least, self.most, self.tau, 8 * 32)
        padded = self.maxima + bytes(-len(self.maxima) % 32)
        return head + words(len(self.maxima)) + padded

    @cached_property
    def digest(self) -> bytes:
        """32 bytes, the Keccak-256 of ``encoded``: ``schemaHash`` of a campaign's terms."""
        return keccak(self.encoded)


def _require(what: str, value: int, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise InvalidInputError(f"the {what} is a whole number from {least} to {most}, not {value!r:.40}")
