"""Independent points, and small integers sealed under one key, against single points."""

from __future__ import annotations

import numpy as np
import pytest

import native
from native import G1, G1Bases, R
from tests.native.reference import elements

TAG = bytes(range(32))
G = native.g1_generator
KEY = elements("key", 1)[0]


def points(bases: G1Bases) -> list[G1]:
    raw = bases.to_bytes()
    return [G1(raw[at : at + 64]) for at in range(0, len(raw), 64)]


@pytest.mark.parametrize("count", [0, 1, 9, 2500])
@pytest.mark.parametrize("key", [0, 1, R - 1, KEY])
def test_sealing_agrees_with_single_multiples(count: int, key: int) -> None:
    bases = native.independent_points(TAG, count)
    values = np.random.default_rng(count).integers(-2048, 2048, count)
    sealed = native.elgamal_encrypt(bases, values, key, 12)
    for at in {0, 7, 2047, 2048, count - 1} & set(range(count)):
        base = points(bases.slice(at, at + 1))[0]
        assert points(sealed.slice(at, at + 1))[0] == native.g1_linear_combination(
            [G, base], [int(values[at]) % R, key]
        )
    assert np.array_equal(native.elgamal_decrypt(sealed, bases, key, 12), values)


def test_errors_have_their_kinds() -> None:
    bases, values = native.independent_points(TAG, 4), np.array([0, 1, -2, 3])
    sealed = native.elgamal_encrypt(bases, values, KEY, 12)
    with pytest.raises(native.DecryptionError, match="no small integer"):
        native.elgamal_decrypt(sealed, bases, KEY + 1, 12)
    wide = native.elgamal_encrypt(bases, values * 4, KEY, 5)
    with pytest.raises(native.DecryptionError, match="ciphertext 3 "):
        native.elgamal_decrypt(wide, bases, KEY, 4)
    with pytest.raises(ValueError, match="value 3 is no integer of 2 bits"):
        native.elgamal_encrypt(bases, values, KEY, 2)
    with pytest.raises(ValueError, match="integers of 17 bits"):
        native.elgamal_encrypt(bases, values, KEY, 17)
    with pytest.raises(ValueError, match="values against bases: 3 against 4"):
        native.elgamal_encrypt(bases, values[:3].copy(), KEY, 12)
    with pytest.raises(ValueError, match="ciphertexts against bases: 4 against 3"):
        native.elgamal_decrypt(sealed, bases.slice(0, 3), KEY, 12)
    with pytest.raises(native.NonCanonicalError):
        native.elgamal_encrypt(bases, values, R, 12)


def test_independent_points_are_checked() -> None:
    bases = native.independent_points(TAG, 30, 5)
    assert bases.to_raw() == native.independent_points(TAG, 35).slice(5, 35).to_raw()
    native.check_independent(bases, TAG, 5)
    with pytest.raises(native.PointError, match="no hash of number"):
        native.check_independent(bases, TAG, 4)
    with pytest.raises(native.PointError, match="no hash of number"):
        native.check_independent(bases, bytes(32), 5)
    with pytest.raises(ValueError, match="the tag has 31 bytes"):
        native.independent_points(TAG[1:], 1)
    with pytest.raises(ValueError, match="points from"):
        native.independent_points(TAG, 1 << 40)
