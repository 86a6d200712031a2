"""An upload as its owner makes it: share payloads cut into what each prover alone gets, and what several get alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from circuits.statement import Committee, Context, SubmissionHeader
from commons.protocol.manifests import BodyEntry, Manifest, PartEntry
from commons.protocol.streamheads import OfferHead
from commons.sharing import sealing
from commons.sharing.sealedbodies import BodyLabel, Chunks, NoChunks, SealedBody, SealedChunk, body_key, chunk_count
from commons.sharing.sharepayloads import own_bytes


@dataclass(frozen=True, slots=True)
class CutPayloads:
    """Share payloads without what they have in common.

    Attributes:
        own: by prover, how its payload begins.
        bodies: how payloads go on, each once.
        body_of: by prover, the number of its body, None where its payload is over.
    """

    own: tuple[bytes, ...] = field(repr=False)
    bodies: tuple[memoryview, ...] = field(repr=False)
    body_of: tuple[int | None, ...]

    @classmethod
    def of(cls, payloads: Sequence[bytes], committee: Committee) -> CutPayloads:
        """Cut all payloads of a dealing, by prover."""
        own: list[bytes] = []
        bodies: list[memoryview] = []
        body_of: list[int | None] = []
        for payload in payloads:
            end = own_bytes(payload[0], committee)
            own.append(payload[:end])
            rest = memoryview(payload)[end:]
            body_of.append(_place(rest, bodies) if rest else None)
        return cls(tuple(own), tuple(bodies), tuple(body_of))


def _place(rest: memoryview, bodies: list[memoryview]) -> int:
    """Which of the bodies it is; a new one is put behind them."""
    raw = np.frombuffer(rest, np.uint8)
    for number, known in enumerate(bodies):
        if np.array_equal(np.frombuffer(known, np.uint8), raw):
            return number
    bodies.append(rest)
    return len(bodies) - 1


@dataclass(frozen=True, slots=True)
class SealedUpload:
    """Everything of one submission that leaves its owner.

    Attributes:
        bodies: those of the manifest.
    """

    head: OfferHead
    bodies: tuple[SealedBody, ...] = field(repr=False)

    def body(self, prover: int) -> Chunks:
        """What completes a prover's share."""
        number = self.head.manifest.parts[prover].body
        return NoChunks() if number is None else self.bodies[number]

    @property
    def count(self) -> int:
        """Chunks of all bodies."""
        return sum(body.count for body in self.bodies)

    def chunk(self, index: int) -> SealedChunk:
        """One of the chunks of all bodies, one body behind the other."""
        for body in self.bodies:
            if index < body.count:
                return body.chunk(index)
            index -= body.count
        raise IndexError(index)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals one submission's payloads, always with one key.

    Attributes:
        key: 32 bytes, fresh for this submission: two bodies must never be sealed with one.
        sign: the owner's signature of a digest.
    """

    header: SubmissionHeader
    context: Context
    key: bytes = field(repr=False)
    sign: Callable[[bytes], bytes] = field(repr=False)

    def seal(self, cut: CutPayloads, hpke_keys: Sequence[bytes]) -> SealedUpload:
        """Seal everything; the parts come out different each time, the bodies do not.

        Args:
            hpke_keys: registered X25519 keys by prover.

        Raises:
            InvalidInputError: a key is none.
        """
        parts = []
        for prover, own in enumerate(cut.own):
            number = cut.body_of[prover]
            chunks = 0 if number is None else chunk_count(len(cut.bodies[number]))
            label = sealing.PartLabel(self._domain, self._submission, prover, number, chunks)
            key = b"" if number is None else body_key(self.key, number)
            parts.append(sealing.seal_part(hpke_keys[prover], sealing.Part(key, own), label))
        return self.again(cut, parts)

    def again(self, cut: CutPayloads, parts: Sequence[bytes]) -> SealedUpload:
        """The same upload as before, with the parts that were sealed then."""
        bodies = tuple(self._body(number, plaintext) for number, plaintext in enumerate(cut.bodies))
        entries = [PartEntry(sha256(part).digest(), body) for part, body in zip(parts, cut.body_of, strict=True)]
        manifest = Manifest(tuple(entries), tuple(BodyEntry(body.root, body.count) for body in bodies))
        signed = manifest.signed(self.context, self._submission, self.sign)
        return SealedUpload(OfferHead(self.header, signed, tuple(parts)), bodies)

    @property
    def _domain(self) -> bytes:
        return self.context.market.domain

    @property
    def _submission(self) -> bytes:
        return self.header.digest(self.context)

    def _body(self, number: int, plaintext: memoryview) -> SealedBody:
        label = BodyLabel(self._domain, self._submission, number, chunk_count(len(plaintext)))
        return SealedBody(body_key(self.key, number), plaintext, label)
