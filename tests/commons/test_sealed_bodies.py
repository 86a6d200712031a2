"""Bodies: sealed once for several provers, and every chunk is known for the owner's when it comes."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from circuits.errors import WireError
from commons.sharing.sealedbodies import (
    END,
    PIECE,
    SEALED,
    BodyLabel,
    NoChunks,
    RunningCheck,
    SealedBody,
    SealedChunk,
    body_key,
    chunk_count,
    open_chunk,
)

KEY, TEXT = b"\x07" * 32, bytes(range(256)) * 600
LABEL = BodyLabel(b"\x01" * 32, b"\x02" * 32, 0, chunk_count(len(TEXT)))


def sealed() -> SealedBody:
    return SealedBody(KEY, memoryview(TEXT), LABEL)


def chunks() -> list[SealedChunk]:
    body = sealed()
    return [body.chunk(index) for index in range(body.count)]


def test_a_body_comes_back_chunk_by_chunk() -> None:
    check, found = RunningCheck(sealed().root, LABEL.chunks), b""
    for index, chunk in enumerate(chunks()):
        assert not check.complete
        check.take(chunk)
        found += open_chunk(KEY, chunk.sealed, LABEL, index)
    assert (check.complete, found) == (True, TEXT)
    assert [len(chunk.sealed) for chunk in chunks()] == [SEALED, SEALED, len(TEXT) - 2 * PIECE + 16]


def test_chunks_are_those_of_the_rfc_under_a_nonce_and_a_label_of_their_own() -> None:
    for index, chunk in enumerate(chunks()):
        data = LABEL.data(index)
        assert (
            ChaCha20Poly1305(KEY).decrypt(index.to_bytes(12, "big"), chunk.sealed, data)
            == (TEXT[index * PIECE : (index + 1) * PIECE])
        )
    assert len({LABEL.data(index) for index in range(3)}) == 3


def test_the_root_binds_every_chunk() -> None:
    below = END
    for chunk in reversed(chunks()):
        assert chunk.rest == below
        below = sha256(chunk.sealed + below).digest()
    assert sealed().root == below
    assert SealedBody(KEY, memoryview(b""), replace(LABEL, chunks=0)).root == END


def test_the_same_body_is_the_same_again_and_another_key_or_label_gives_another() -> None:
    assert chunks() == chunks()
    others = [
        SealedBody(body_key(KEY, 0), memoryview(TEXT), LABEL),
        SealedBody(KEY, memoryview(TEXT), replace(LABEL, body=1)),
        SealedBody(KEY, memoryview(TEXT), replace(LABEL, domain=bytes(32))),
    ]
    assert len({sealed().root, *(other.root for other in others)}) == 4
    assert len({KEY, body_key(KEY, 0), body_key(KEY, 1), body_key(bytes(32), 0)}) == 4


@pytest.mark.parametrize("index", range(3))
def test_nothing_but_the_next_chunk_is_taken(index: int) -> None:
    good, check = chunks(), RunningCheck(sealed().root, LABEL.chunks)
    for chunk in good[:index]:
        check.take(chunk)
    flipped = bytes([good[index].sealed[0] ^ 1]) + good[index].sealed[1:]
    wrong = [
        *(other for other in good if other != good[index]),
        replace(good[index], sealed=flipped),
        replace(good[index], sealed=good[index].sealed[:-1]),
        replace(good[index], sealed=b""),
        replace(good[index], rest=sha256(b"").digest()),
        replace(good[index], rest=good[index].rest[1:]),
    ]
    for chunk in wrong:
        with pytest.raises(WireError, match=f"chunk {index} of the share"):
            check.take(chunk)
    check.take(good[index])
    assert check.taken == index + 1


def test_behind_the_last_chunk_nothing_is_taken() -> None:
    check = RunningCheck(sealed().root, LABEL.chunks)
    for chunk in chunks():
        check.take(chunk)
    with pytest.raises(WireError):
        check.take(chunks()[-1])


def test_a_chain_that_ends_early_is_refused() -> None:
    """An owner that signs one has a body that nobody takes; nothing of it is left open."""
    only = SealedChunk(bytes(SEALED), END)
    with pytest.raises(WireError, match="not one of the 2"):
        RunningCheck(only.digest, 2).take(only)


def test_a_chunk_does_not_open_in_another_place_or_with_another_key() -> None:
    for key, label, index in ((body_key(KEY, 1), LABEL, 0), (KEY, replace(LABEL, body=1), 0), (KEY, LABEL, 1)):
        with pytest.raises(WireError, match="does not open"):
            open_chunk(key, chunks()[0].sealed, label, index)


def test_a_share_without_a_body_has_no_chunk() -> None:
    assert NoChunks().count == 0
    with pytest.raises(IndexError):
        NoChunks().chunk(0)
