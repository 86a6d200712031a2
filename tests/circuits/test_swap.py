"""Sealed rows: what an honest one gives, and every dishonest one that the buyer's check must catch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import native
from circuits.accuracy.modelrows import ModelRow
from circuits.errors import InvalidInputError, KeyMismatchError, ProofError, RuleViolationError
from circuits.hashing import keccak
from circuits.srs import unsafe_development_srs
from circuits.statement import TAIL
from circuits.swap.offerchecks import CheckedRow, check_row, open_row
from circuits.swap.sealedrows import SealedRow
from circuits.swap.swapkeys import key_point, salted_key, salted_point, unsalted_key
from circuits.swap.swaptranscript import swap_context
from native import G1, G1Bases, R
from tests.support.accuracymodels import scalars
from tests.support.plain_batch import seed_of
from tests.support.sealing_attacks import DIMENSION, G, SwapScene, points, small_logarithm, swap_scene

KEY = scalars("key")()
SALT = scalars("salt")()


@pytest.fixture(scope="module")
def scene() -> SwapScene:
    return swap_scene()


@pytest.fixture(scope="module")
def sealed(scene: SwapScene) -> SealedRow:
    return scene.seal(KEY)


def check(scene: SwapScene, sealed: SealedRow) -> CheckedRow:
    return check_row(scene.key, scene.srs, scene.bases, scene.context, scene.model, sealed)


def refused(scene: SwapScene, sealed: SealedRow, match: str) -> None:
    with pytest.raises(ProofError, match=match):
        check(scene, sealed)


OPENING, KNOWLEDGE = "opening does not fit", "proof of knowledge does not hold"


def test_the_buyer_checks_pays_and_has_the_weights(scene: SwapScene, sealed: SealedRow) -> None:
    checked = check(scene, sealed)
    assert checked.digest == sealed.digest
    weights = open_row(checked, KEY)
    assert weights.dtype == np.int64
    assert np.array_equal(weights, scene.row.weights)
    assert {-2048, 2047, 0} <= set(weights.tolist())


def test_it_is_the_row_that_the_equations_give(scene: SwapScene, sealed: SealedRow) -> None:
    assert scene.seal_slowly(KEY).encode() == sealed.encode()
    assert scene.holds_slowly(sealed)


@pytest.mark.parametrize("dimension", [1, 2, 3, 600])
def test_models_of_other_sizes(dimension: int) -> None:
    scene = swap_scene("sizes", dimension)
    assert np.array_equal(open_row(check(scene, scene.seal(KEY)), KEY), scene.row.weights)


@pytest.mark.parametrize("entry", [0, 3, DIMENSION - 1])
def test_one_wrong_weight_is_caught(scene: SwapScene, entry: int) -> None:
    weights = scene.row.weights.copy()
    weights[entry] = -weights[entry] // 2 + 1
    refused(scene, scene.sealed_as(ModelRow(weights, scene.row.tail), KEY), OPENING)


@pytest.mark.parametrize("entry", [0, 1, TAIL - 1])
def test_a_wrong_tail_is_caught(scene: SwapScene, entry: int) -> None:
    tail = scene.row.tail.copy()
    tail[entry] = native.from_ints([5])[0]
    refused(scene, scene.sealed_as(ModelRow(scene.row.weights, tail), KEY), OPENING)


def test_ciphertexts_of_the_right_weights_under_the_proof_of_others_are_caught(
    scene: SwapScene, sealed: SealedRow
) -> None:
    weights = scene.row.weights.copy()
    weights[0] ^= 1
    other = scene.sealed_as(ModelRow(weights, scene.row.tail), KEY)
    refused(scene, replace(other, ciphertexts=sealed.ciphertexts), KNOWLEDGE)


@pytest.mark.parametrize("pair", [(0, 1), (2, DIMENSION), (DIMENSION, DIMENSION + 1)])
def test_swapped_ciphertexts_are_caught(scene: SwapScene, sealed: SealedRow, pair: tuple[int, int]) -> None:
    cts = points(sealed.ciphertexts)
    cts[pair[0]], cts[pair[1]] = cts[pair[1]], cts[pair[0]]
    refused(scene, replace(sealed, ciphertexts=G1Bases.from_bytes(b"".join(cts))), KNOWLEDGE)
    # Also where the proof was made over them as they lie.
    moved = {a: native.g1_add(cts[a], native.g1_neg(cts[b])) for a, b in (pair, pair[::-1])}
    refused(scene, replace(scene, moved=moved).seal_slowly(KEY), KNOWLEDGE)


def test_tau_shift_passes_a_proof_that_has_the_value_in_the_exponent_only(scene: SwapScene) -> None:
    """Two weights are lost, and the buyer's check would not see it."""
    attack = scene.shifted(knows_value=False)
    sealed = attack.seal_slowly(KEY)
    assert attack.holds_slowly(sealed)
    minus = native.g1_linear_combination
    pairs = zip(points(sealed.ciphertexts), points(scene.bases), strict=True)
    left = [small_logarithm(minus([ct, h], [1, R - KEY])) for ct, h in pairs][:DIMENSION]
    assert left[:2] == [None, None]
    assert left[2:] == scene.row.weights[2:].tolist()
    refused(scene, sealed, KNOWLEDGE)


def test_tau_shift_is_caught_by_the_proof_that_the_value_is_known(scene: SwapScene) -> None:
    attack = scene.shifted(knows_value=True)
    sealed = attack.seal_slowly(KEY)
    assert not attack.holds_slowly(sealed)
    refused(scene, sealed, KNOWLEDGE)


@pytest.mark.parametrize("field", ["challenge", "key_answer", "value_answer", "blind_answer"])
def test_every_scalar_of_the_proof_counts(scene: SwapScene, sealed: SealedRow, field: str) -> None:
    refused(scene, replace(sealed, **{field: (getattr(sealed, field) + 1) % R}), KNOWLEDGE)


@pytest.mark.parametrize("field", ["key_point", "opening", "blind"])
def test_every_point_of_the_proof_counts(scene: SwapScene, sealed: SealedRow, field: str) -> None:
    moved: dict[str, Any] = {field: native.g1_add(getattr(sealed, field), G)}
    refused(scene, replace(sealed, **moved), KNOWLEDGE)


@pytest.mark.parametrize(
    "context",
    [
        swap_context(keccak(b"sales"), keccak(b"listing"), b"\2" * 20),
        swap_context(keccak(b"sales"), keccak(b"other listing"), b"\1" * 20),
        swap_context(keccak(b"other sales"), keccak(b"listing"), b"\1" * 20),
    ],
    ids=["buyer", "listing", "sales"],
)
def test_a_row_is_for_one_buyer_and_listing(scene: SwapScene, sealed: SealedRow, context: bytes) -> None:
    refused(replace(scene, context=context), sealed, KNOWLEDGE)


def test_a_row_is_for_one_commitment_and_string(scene: SwapScene, sealed: SealedRow) -> None:
    other = swap_scene("other")
    refused(other, sealed, KNOWLEDGE)
    with pytest.raises(ProofError, match="weights, the model"):
        check(swap_scene("sizes", 600), sealed)
    foreign = unsafe_development_srs(seed_of("another string"), 32)
    refused(replace(scene, srs=foreign), sealed, "does not")


def test_another_key_point_is_caught_also_with_a_proof_of_its_own(scene: SwapScene, sealed: SealedRow) -> None:
    """The key on the chain would open nothing."""
    other = scene.seal(KEY + 1)
    refused(scene, replace(other, ciphertexts=sealed.ciphertexts), KNOWLEDGE)
    refused(scene, replace(sealed, key_point=other.key_point), KNOWLEDGE)


def test_offers_of_one_model_share_no_point_and_no_scalar(scene: SwapScene) -> None:
    offers = [scene.seal(KEY + i, f"offer {i}") for i in range(3)]
    shown = [p for o in offers for p in (o.key_point, o.opening, o.blind, *points(o.ciphertexts), *o.scalars)]
    assert len(set(shown)) == len(shown)
    assert len({o.digest for o in offers}) == len(offers)


def test_an_opening_without_blinding_would_repeat(scene: SwapScene) -> None:
    """pi - rho G is a point that only W and zeta fix; rho hides it."""
    first, second = (scene.seal(KEY, name) for name in ("rho 1", "rho 2"))  # the same key, so the same zeta
    rhos = [scalars(name)() for name in ("rho 1", "rho 2")]
    bare = [native.g1_add(o.opening, native.g1_mul(G, -rho % R)) for o, rho in zip((first, second), rhos, strict=True)]
    assert bare[0] == bare[1]
    assert first.opening != second.opening
    assert first.blind != second.blind


def test_the_key_on_the_chain_alone_decrypts_nothing(scene: SwapScene, sealed: SealedRow) -> None:
    revealed = salted_key(KEY, SALT)
    assert key_point(revealed) == salted_point(sealed.key_point, SALT)
    checked = check(scene, sealed)
    with pytest.raises(ProofError, match="not the key"):
        open_row(checked, revealed)
    left = [native.g1_linear_combination([ct, h], [1, R - revealed]) for ct, h in zip(
        points(sealed.ciphertexts), points(scene.bases), strict=True)]  # fmt: skip
    assert not [point for point in left if small_logarithm(point) is not None]
    assert np.array_equal(open_row(checked, unsalted_key(revealed, SALT)), scene.row.weights)


@pytest.mark.parametrize("bad", [0, -1, R, R + 5])
def test_keys_and_salts_are_nonzero_scalars(scene: SwapScene, sealed: SealedRow, bad: int) -> None:
    for call in (
        lambda: key_point(bad),
        lambda: salted_point(sealed.key_point, bad),
        lambda: salted_key(bad, 1),
        lambda: salted_key(1, bad),
        lambda: unsalted_key(bad, 1),
        lambda: unsalted_key(1, bad),
        lambda: scene.seal(bad),
        lambda: open_row(check(scene, sealed), bad),
    ):
        with pytest.raises(InvalidInputError, match=r"not in \[1, r\)"):
            call()


def test_a_salt_that_gives_the_chain_nothing_to_lock_is_refused(sealed: SealedRow) -> None:
    with pytest.raises(InvalidInputError, match="another salt"):
        salted_point(sealed.key_point, KEY)
    with pytest.raises(InvalidInputError, match="salted key"):
        salted_key(KEY, KEY)
    with pytest.raises(InvalidInputError, match="the key is not"):
        unsalted_key(KEY, R - KEY)


def test_no_row_is_opened_that_was_not_checked(scene: SwapScene, sealed: SealedRow) -> None:
    with pytest.raises(RuleViolationError, match="check_row"):
        open_row(CheckedRow(sealed, scene.bases, None), KEY)


def test_a_checked_row_whose_weights_are_wide_gives_none(scene: SwapScene) -> None:
    """No accuracy proof goes through for such a model; a listing without one may have it."""
    weights = scene.row.weights.copy()
    weights[7] = 2048
    wide = replace(scene, row=ModelRow(weights, scene.row.tail))
    with pytest.raises(InvalidInputError, match="entry 7"):
        wide.seal(KEY)
    checked = check(wide, wide.seal_slowly(KEY))
    with pytest.raises(ProofError, match="no row of 12-bit weights: ciphertext 7 "):
        open_row(checked, KEY)


def test_what_does_not_fit_together_is_refused(scene: SwapScene, sealed: SealedRow) -> None:
    few = replace(scene, bases=scene.bases.slice(0, DIMENSION + TAIL - 1))
    for call in (lambda: few.seal(KEY), lambda: check(few, sealed)):
        with pytest.raises(InvalidInputError, match="bases do not suffice"):
            call()
    with pytest.raises(KeyMismatchError, match="powers"):
        replace(scene, srs=unsafe_development_srs(seed_of("swap"), 16)).seal(KEY)
    short = ModelRow(scene.row.weights[1:].copy(), scene.row.tail)
    with pytest.raises(InvalidInputError, match="expected"):
        replace(scene, row=short).seal(KEY)


def test_a_model_at_infinity_or_off_the_curve_is_no_listing(scene: SwapScene, sealed: SealedRow) -> None:
    with pytest.raises(native.PointError):
        check_row(scene.key, scene.srs, scene.bases, scene.context, G1(b"\1" * 64), sealed)
    with pytest.raises(ProofError, match=KNOWLEDGE):
        check_row(scene.key, scene.srs, scene.bases, scene.context, G1(bytes(64)), sealed)
