"""Content identifiers, version 1, of the one form that artifacts have: SHA-256, base32, raw bytes or a node of a file.

Source: the CID, multihash and multibase specifications of multiformats.  An identifier has one spelling here; others
that mean the same are refused, so that what is named once on a chain is named alike everywhere.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from circuits.errors import InvalidInputError

RAW, DAG_PB = 0x55, 0x70
"""Codecs of multicodec's table: bytes as they are, and a node with links."""
_VERSION, _SHA2_256, _LENGTH = 1, 0x12, 32
_BYTES = 4 + _LENGTH
_TEXT = re.compile("b[a-z2-7]{58}")


@dataclass(frozen=True, slots=True)
class Cid:
    """One identifier.

    Attributes:
        codec: RAW or DAG_PB.
        digest: SHA-256 of the block, 32 bytes.
    """

    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        """Refuse what is no identifier of an artifact."""
        if self.codec not in (RAW, DAG_PB) or len(self.digest) != _LENGTH:
            raise InvalidInputError("a content identifier has the codec raw or dag-pb, and a digest of 32 bytes")

    def __str__(self) -> str:
        return "b" + base64.b32encode(bytes(self)).decode("ascii").rstrip("=").lower()

    def __bytes__(self) -> bytes:
        return bytes((_VERSION, self.codec, _SHA2_256, _LENGTH)) + self.digest

    @classmethod
    def of(cls, block: bytes, codec: int = RAW) -> Cid:
        """The identifier of a block."""
        return cls(codec, hashlib.sha256(block).digest())

    @classmethod
    def decode(cls, raw: bytes) -> Cid:
        """The identifier in 36 bytes.  Raises InvalidInputError."""
        if len(raw) != _BYTES or (raw[0], raw[2], raw[3]) != (_VERSION, _SHA2_256, _LENGTH):
            raise InvalidInputError("these bytes are no content identifier of version 1 with SHA-256")
        return cls(raw[1], bytes(raw[4:]))

    @classmethod
    def parse(cls, text: str) -> Cid:
        """The identifier in its one spelling, such as bafkrei... or bafybei...  Raises InvalidInputError."""
        found = None
        if _TEXT.fullmatch(text):
            found = cls.decode(base64.b32decode(text[1:].upper() + "=" * 6))
        if found is None or str(found) != text:
            raise InvalidInputError(
                "this is no content identifier of version 1 in base32, such as bafkrei... or bafybei... of 59 letters; "
                "`ipfs cid format -v 1 -b base32` rewrites others"
            )
        return found

    def fits(self, block: bytes) -> bool:
        """Whether a block is the one that is named."""
        return hashlib.sha256(block).digest() == self.digest
