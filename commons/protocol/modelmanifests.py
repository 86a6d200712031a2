"""What a task's vector is made of, how models follow from each other, and what is needed to compute on a hidden one.

The terms hold the manifest's digest, so owners and auditors refuse every other one.  The coordinator keeps it beside
the models, which are found by their Keccak-256: what is published is the tag and the encoding, whose hash it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, tag
from circuits.quantize import MAX_FRACTION_BITS
from circuits.terms import MAX_DIMENSION, NO_DIGEST, NewTask
from commons.protocol.hidingschemes import HidingScheme, require_hiding_terms
from commons.protocol.strictjson import bounded_json, canonical, require_canonical, require_fields, require_whole
from commons.protocol.trainingrules import TrainingRule

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
        require_whole(f"the length of block {self.name}", self.length, 1, MAX_DIMENSION)
        require_whole(f"the fraction bits of block {self.name}", self.fraction_bits, 0, MAX_FRACTION_BITS)


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What owners, model owner and auditors of a task must agree on beside its terms.

    Attributes:
        blocks: 1 to 4096, of different names; the vector that owners hand in, block after block.
        model_length: coordinates of the model that a round publishes; as many as the vector has, unless it is hidden.
        training: the rule by which models follow from each other; None: the model owner's own business.
        hiding: what owners must know of a hidden model; None: models are published as they are.  Nobody else could
            tell whether a hidden model follows the rule, so both together are refused.

    Raises:
        InvalidInputError: a part is out of range or does not go with another, or the encoding has more than 256 KiB.
    """

    blocks: tuple[Block, ...]
    model_length: int
    training: TrainingRule | None = None
    hiding: HidingScheme | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.blocks) <= MAX_BLOCKS:
            raise InvalidInputError(f"a model manifest has 1 to {MAX_BLOCKS} blocks, not {len(self.blocks)}")
        if len({block.name for block in self.blocks}) < len(self.blocks):
            raise InvalidInputError("two blocks of a model manifest have the same name; rename one")
        require_whole("the dimension of a model manifest", self.dimension, 1, MAX_DIMENSION)
        require_whole("the model length of a model manifest", self.model_length, 1, self.dimension)
        if self.hiding is not None:
            self._require_hiding(self.hiding)
        elif self.model_length != self.dimension:
            raise InvalidInputError(
                f"the model has {self.model_length} coordinates and the gradient {self.dimension}: they are as many "
                "where the model is not hidden"
            )
        if len(self.encoded) > MAX_MANIFEST:
            raise InvalidInputError(f"a model manifest has at most {MAX_MANIFEST} bytes; join blocks of the same scale")

    def _require_hiding(self, scheme: HidingScheme) -> None:
        """The blocks are those of the scheme, and no rule says what nobody could check."""
        if self.training is not None:
            raise InvalidInputError("nobody could check a training rule of a hidden model; leave one of them out")
        if tuple((block.name, block.length) for block in self.blocks) != scheme.blocks():
            raise InvalidInputError("the blocks of a hidden model are those of its hiding scheme, in its order")
        if self.model_length != scheme.model_length:
            raise InvalidInputError(f"the hidden model has {scheme.model_length} coordinates, not {self.model_length}")

    @property
    def dimension(self) -> int:
        """Coordinates of the vector that owners hand in."""
        return sum(block.length for block in self.blocks)

    @property
    def finest(self) -> int:
        """Fraction bits of the block that has most of them, in whose units a bound is."""
        return max(block.fraction_bits for block in self.blocks)

    @property
    def encoded(self) -> bytes:
        """JSON (RFC 8259) in ASCII, of objects, integers and strings: keys sorted, no space."""
        blocks = [{"fraction_bits": b.fraction_bits, "length": b.length, "name": b.name} for b in self.blocks]
        value: dict[str, object] = {"blocks": blocks, "model_length": self.model_length, "version": VERSION}
        if self.training is not None:
            value["training"] = self.training.to_json()
        if self.hiding is not None:
            value["hiding"] = self.hiding.to_json()
        return canonical(value)

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
        manifest = _manifest(bounded_json(data, "a model manifest", MAX_MANIFEST))
        require_canonical(manifest.encoded, data, "the model manifest")
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
        """Raise unless it is the one that a task's terms name.

        Raises:
            InvalidInputError: they name another or none, it describes vectors of another length than the task's, a
                hidden model that they would not hide, or a rule that gives their private sums away.
        """
        if self.digest != terms.manifest:
            named = "none" if terms.manifest == NO_DIGEST else f"0x{terms.manifest.hex()}"
            raise InvalidInputError(
                f"the model manifest at hand has the digest 0x{self.digest.hex()}, the task's terms name {named}; name "
                "the task's own"
            )
        if self.dimension != terms.dimension:
            raise InvalidInputError(
                f"the blocks of the model manifest have {self.dimension} coordinates, the task's gradients "
                f"{terms.dimension}"
            )
        if self.hiding is not None:
            require_hiding_terms(terms)
        if self.training is not None and terms.sums_private:
            raise InvalidInputError(
                "whoever knows the training rule computes a round's sum from the models before and after it, so the "
                "task's sums would not be private: leave out the rule, or the key for sums"
            )


def _manifest(value: Any) -> ModelManifest:
    """What a parsed value states."""
    keys = ("blocks", "model_length", "version")
    found = require_fields(value, "a model manifest", keys, ("hiding", "training"))
    require_whole("the version of a model manifest that this release reads", found["version"], VERSION, VERSION)
    listed = found["blocks"]
    if not isinstance(listed, list) or len(listed) > MAX_BLOCKS:
        raise InvalidInputError(f"the blocks of a model manifest are a list of at most {MAX_BLOCKS}")
    return ModelManifest(
        tuple(map(_block, listed)),
        found["model_length"],
        TrainingRule.from_json(found["training"]) if "training" in found else None,
        HidingScheme.from_json(found["hiding"]) if "hiding" in found else None,
    )


def _block(value: Any) -> Block:
    found = require_fields(value, "a block of a model manifest", ("fraction_bits", "length", "name"))
    return Block(found["name"], found["length"], found["fraction_bits"])
