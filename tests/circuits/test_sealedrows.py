"""The encoding of sealed rows: one for each row, bounded, strict; and the digest that binds all of it."""

from __future__ import annotations

import numpy as np
import pytest
from py_ecc.optimized_bn128 import field_modulus

import native
from circuits.errors import WireError
from circuits.statement import TAIL
from circuits.swap.offerchecks import check_row, open_row
from circuits.swap.sealedrows import MAGIC, SealedRow, encoded_length
from circuits.terms import MAX_DIMENSION
from native import R
from tests.support.accuracymodels import scalars
from tests.support.sealing_attacks import DIMENSION, points, swap_scene

KEY = scalars("key")()
HEAD = 14
KEY_AT, OPENING_AT, BLIND_AT, SCALARS_AT, CIPHERTEXTS_AT = HEAD, HEAD + 64, HEAD + 128, HEAD + 192, HEAD + 320


@pytest.fixture(scope="module")
def sealed() -> SealedRow:
    return swap_scene().seal(KEY)


@pytest.fixture(scope="module")
def encoded(sealed: SealedRow) -> bytes:
    return sealed.encode()


def test_what_is_read_is_what_was_written(sealed: SealedRow, encoded: bytes) -> None:
    read = SealedRow.decode(memoryview(encoded), DIMENSION)
    assert read.encode() == b"".join(read.parts()) == encoded
    assert read.digest == sealed.digest
    assert read.dimension == DIMENSION
    assert len(encoded) == encoded_length(DIMENSION) == CIPHERTEXTS_AT + 64 * (DIMENSION + TAIL)
    scene = swap_scene()
    checked = check_row(scene.key, scene.srs, scene.bases, scene.context, scene.model, read)
    assert np.array_equal(open_row(checked, KEY), scene.row.weights)


def test_a_row_of_several_parts(sealed: SealedRow) -> None:
    many = native.independent_points(bytes(32), (1 << 14) + 200)
    long = SealedRow(sealed.key_point, many, sealed.opening, sealed.blind, *sealed.scalars)
    parts = list(long.parts())
    assert [len(part) for part in parts] == [CIPHERTEXTS_AT, 64 << 14, 64 * 200]
    assert SealedRow.decode(b"".join(parts), long.dimension).digest == long.digest


@pytest.mark.parametrize("change", [-64, -1, 1, 64, -(1 << 20)])
def test_wrong_lengths_are_refused(encoded: bytes, change: int) -> None:
    wrong = encoded[:change] if change < 0 else encoded + bytes(change)
    with pytest.raises(WireError, match="bytes; one of 27 weights"):
        SealedRow.decode(wrong, DIMENSION)


@pytest.mark.parametrize("dimension", [0, -TAIL, MAX_DIMENSION + 1])
def test_dimensions_that_no_row_has_are_refused(encoded: bytes, dimension: int) -> None:
    with pytest.raises(WireError, match="a row has 1 to"):
        SealedRow.decode(encoded, dimension)


@pytest.mark.parametrize("at", [0, 7, 9, 10, 13])
def test_other_heads_are_refused(encoded: bytes, at: int) -> None:
    wrong = bytearray(encoded)
    wrong[at] ^= 1
    with pytest.raises(WireError, match="no sealed row of 27 weights"):
        SealedRow.decode(bytes(wrong), DIMENSION)
    assert encoded.startswith(MAGIC)


@pytest.mark.parametrize("at", [KEY_AT, OPENING_AT, BLIND_AT, CIPHERTEXTS_AT, CIPHERTEXTS_AT + 64 * (DIMENSION + 50)])
@pytest.mark.parametrize("kind", ["infinity", "off the curve", "not canonical"])
def test_points_are_strict(encoded: bytes, at: int, kind: str) -> None:
    x, y = (int.from_bytes(encoded[start : start + 32], "big") for start in (at, at + 32))
    point = {"infinity": (0, 0), "off the curve": (x, y ^ 1), "not canonical": (x + field_modulus, y)}[kind]
    raw = b"".join(value.to_bytes(32, "big") for value in point)
    message = "infinity" if kind == "infinity" else "sealed row: "
    with pytest.raises(WireError, match=message):
        SealedRow.decode(encoded[:at] + raw + encoded[at + 64 :], DIMENSION)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("value", [R, 2**256 - 1])
def test_scalars_are_below_the_order(encoded: bytes, number: int, value: int) -> None:
    at = SCALARS_AT + 32 * number
    with pytest.raises(WireError, match="scalar"):
        SealedRow.decode(encoded[:at] + value.to_bytes(32, "big") + encoded[at + 32 :], DIMENSION)


def test_the_digest_binds_every_part(sealed: SealedRow) -> None:
    cts = points(sealed.ciphertexts)
    cts[3] = native.g1_neg(cts[3])
    values = {
        "key_point": native.g1_neg(sealed.key_point),
        "ciphertexts": native.G1Bases.from_bytes(b"".join(cts)),
        "opening": native.g1_neg(sealed.opening),
        "blind": native.g1_neg(sealed.blind),
        "challenge": sealed.challenge ^ 1,
        "key_answer": sealed.key_answer ^ 1,
        "value_answer": sealed.value_answer ^ 1,
        "blind_answer": sealed.blind_answer ^ 1,
    }
    fields = {name: getattr(sealed, name) for name in values}
    digests = {SealedRow(**{**fields, name: value}).digest for name, value in values.items()}
    assert len(digests | {sealed.digest}) == len(values) + 1
