"""Seals tell what was written from everything else, however it came."""

from __future__ import annotations

import hashlib
import random
from io import BytesIO

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provers.seals import Sealer, fits

SIZES = [0, 1, 15, 16, 17, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 5]
CONTENT = random.Random(7).randbytes(SIZES[-1])


def seals(seal: bytes, content: bytes) -> bool:
    return fits(seal, BytesIO(content))


def sealed(*pieces: bytes) -> bytes:
    sealer = Sealer()
    for piece in pieces:
        sealer.update(piece)
    return sealer.seal()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_fits_in_whatever_pieces_it_came(size: int) -> None:
    content = CONTENT[:size]
    cut = size // 3
    assert seals(sealed(content), content)
    assert seals(sealed(content[:cut], content[cut:]), content)


@pytest.mark.parametrize("size", SIZES[1:])
def test_one_bit_a_byte_more_or_a_byte_less_does_not_fit(size: int) -> None:
    content = CONTENT[:size]
    seal = sealed(content)
    for at in {0, size // 2, size - 1}:
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        assert not seals(seal, bytes(flipped))
    assert not seals(seal, content[:-1])
    assert not seals(seal, content + b"\0")


def test_the_tag_is_that_of_another_implementation_of_gmac() -> None:
    """The library's one call for the whole construction: nothing encrypted, the content as associated data."""
    seal = sealed(CONTENT)
    assert seal[17:] == AESGCM(seal[1:17]).encrypt(bytes(12), b"", CONTENT)


def test_every_file_has_a_key_of_its_own() -> None:
    assert len({sealed(b"share")[1:17] for _ in range(8)}) == 8


@pytest.mark.parametrize(
    "seal", [b"", b"\x01", bytes(33), b"\x02" + bytes(32), b"\x01" + bytes(31), b"\x01" + bytes(33)]
)
def test_what_is_no_seal_fits_nothing(seal: bytes) -> None:
    assert not seals(seal, CONTENT)


def test_digests_of_earlier_releases_are_still_read() -> None:
    digest = hashlib.sha256(CONTENT).digest()
    assert seals(digest, CONTENT)
    assert not seals(digest, CONTENT[1:])
