"""What a task's vector is made of: its blocks, each with a scale of its own, and how long the model is.

The terms hold the manifest's digest, so owners and auditors refuse every other one.  The coordinator keeps it beside
the models, which are found by their Keccak-256: what is published is the tag and the encoding, whose hash it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from circuits.errors import InvalidInputError
from circuits.foreignjson import parse_json
from circuits.hashing import keccak, tag
from circuits.quantize import MAX_FRACTION_BITS
from circuits.terms import MAX_DIMENSION, NewTask

VERSION = 1
MAX_BLOCKS = 4096
MAX_MANIFEST = 1 << 18
"""Bytes of an encoded manifest at most."""
_NAME = re.compile(r"[a-z0-9._-]{1,64}")
_TAG = tag("gradroll/v1/model-manifest")
MAX_PUBLISHED = len(_TAG) + MAX_MANIFEST
"""Bytes of a manifest at most as it is published."""


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring coordinates of the vector that owners hand in, with one scale.

    Attributes:
        name: 1 to 64 characters of a to z, digits, dot, underscore and hyphen.
        length: coordinates.
        fraction_bits: a coordinate x becomes the integer round(x * 2^fraction_bits).
    """

    name: str
    length: int
    fraction_bits: int

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or _NAME.fullmatch(self.name) is None:
            raise InvalidInputError(
                "the name of a block has 1 to 64 characters of a to z, digits, dot, underscore and hyphen"
            )
        _require_whole(f"the length of block {self.name}", self.length, 1, MAX_DIMENSION)
        _require_whole(f"the fraction bits of block {self.name}", self.fraction_bits, 0, MAX_FRACTION_BITS)


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What owners, model owner and auditors of a task must agree on beside its terms.

    Attributes:
        blocks: 1 to 4096, of different names; the vector that owners hand in, block after block.
        model_length: coordinates of the model that a round publishes.

    Raises:
        InvalidInputError: a part is out of range, or the encoding has more than 256 KiB.
    """

    blocks: tuple[Block, ...]
    model_length: int

    def __post_init__(self) -> None:
        if not 1 <= len(self.blocks) <= MAX_BLOCKS:
            raise InvalidInputError(f"a model manifest has 1 to {MAX_BLOCKS} blocks, not {len(self.blocks)}")
        if len({block.name for block in self.blocks}) < len(self.blocks):
            raise InvalidInputError("two blocks of a model manifest have the same name; rename one")
        _require_whole("the dimension of a model manifest", self.dimension, 1, MAX_DIMENSION)
        _require_whole("the model length of a model manifest", self.model_length, 1, MAX_DIMENSION)
        if self.model_length != self.dimension:
            raise InvalidInputError(
                f"the model has {self.model_length} coordinates and the gradient {self.dimension}: they are as many "
                "where the model is not hidden"
            )
        if len(self.encoded) > MAX_MANIFEST:
            raise InvalidInputError(f"a model manifest has at most {MAX_MANIFEST} bytes; join blocks of the same scale")

    @property
    def dimension(self) -> int:
        """Coordinates of the vector that owners hand in."""
        return sum(block.length for block in self.blocks)

    @property
    def encoded(self) -> bytes:
        """JSON (RFC 8259) in ASCII, of objects, integers and strings: keys sorted, no space."""
        blocks = [{"fraction_bits": b.fraction_bits, "length": b.length, "name": b.name} for b in self.blocks]
        value = {"blocks": blocks, "model_length": self.model_length, "version": VERSION}
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")

    @property
    def published(self) -> bytes:
        """What a coordinator keeps: the tag's word and the encoding."""
        return _TAG + self.encoded

    @property
    def digest(self) -> bytes:
        """32 bytes, the Keccak-256 of what is published; the terms name it."""
        return keccak(self.published)

    @classmethod
    def decode(cls, data: bytes) -> ModelManifest:
        """The manifest of these bytes.

        Raises:
            InvalidInputError: they are none, or another encoding of one.
        """
        if len(data) > MAX_MANIFEST:
            raise InvalidInputError(f"a model manifest has at most {MAX_MANIFEST} bytes, not {len(data)}")
        try:
            manifest = _manifest(parse_json(data))
        except ValueError:
            raise InvalidInputError("a model manifest is JSON; these bytes are not") from None
        if manifest.encoded != data:
            raise InvalidInputError(
                "the model manifest is not in its canonical form: keys sorted, no spaces, nothing more"
            )
        return manifest

    @classmethod
    def decode_published(cls, data: bytes) -> ModelManifest:
        """The manifest that was published as these bytes.

        Raises:
            InvalidInputError: they are none.
        """
        if not data.startswith(_TAG):
            raise InvalidInputError("these bytes are no published model manifest")
        return cls.decode(data[len(_TAG) :])

    def require_of(self, terms: NewTask) -> None:
        """Raise unless it fits a task.

        Raises:
            InvalidInputError: it describes vectors of another length.
        """
        if self.dimension != terms.dimension:
            raise InvalidInputError(
                f"the blocks of the model manifest have {self.dimension} coordinates, the task's gradients "
                f"{terms.dimension}"
            )


def _manifest(value: Any) -> ModelManifest:
    """What a parsed value states; what it states too much, the canonical form does not have."""
    version = _part(value, "version")
    if version != VERSION or type(version) is not int:
        raise InvalidInputError(f"the model manifest is not of version {VERSION}, the one that this release reads")
    listed = _part(value, "blocks")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or len(listed) > MAX_BLOCKS:
        raise InvalidInputError(f"the blocks of a model manifest are a list of at most {MAX_BLOCKS}")
    blocks = tuple(Block(*(_part(each, key) for key in ("name", "length", "fraction_bits"))) for each in listed)
    return ModelManifest(blocks, _part(value, "model_length"))


def _part(value: Any, key: str) -> Any:
    if not isinstance(value, Mapping) or key not in value:
        raise InvalidInputError(f"a part of the model manifest is missing: {key}")
    return value[key]


def _require_whole(what: str, value: Any, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise InvalidInputError(f"{what} is no whole number from {least} to {most}")
