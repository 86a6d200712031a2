"""The bases of the swap: what they are, their file, and what a known relation among them would give away."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from py_ecc.optimized_bn128 import field_modulus

import native
from circuits import container
from circuits.errors import InvalidInputError
from circuits.hashing import keccak, tag, words
from circuits.statement import TAIL
from circuits.swap.swapbases import FILE, KIND, MOST, swap_bases
from native import G1, G1Bases, R
from tests.support.accuracymodels import scalars
from tests.support.sealing_attacks import DIMENSION, G, SwapScene, points, small_logarithm, swap_scene


def slow_base(number: int) -> G1:
    """By the definition."""
    for attempt in range(256):
        x = int.from_bytes(keccak(words(tag("gradroll/v1/swap/base"), number, attempt)), "big") % field_modulus
        square = (x**3 + 3) % field_modulus
        y = pow(square, (field_modulus + 1) // 4, field_modulus)
        if y * y % field_modulus == square:
            return G1(words(x, min(y, field_modulus - y)))
    raise AssertionError


def test_bases_are_what_the_definition_says() -> None:
    assert points(swap_bases(70)) == [slow_base(number) for number in range(70)]


@pytest.mark.parametrize("count", [0, -1, MOST + 1])
def test_no_more_than_a_row_has(count: int) -> None:
    with pytest.raises(InvalidInputError, match="bases are outside"):
        swap_bases(count)


def test_a_file_serves_for_fewer_and_is_extended_for_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, int]] = []
    plain = native.independent_points

    def counting(name: bytes, count: int, start: int = 0) -> G1Bases:
        made.append((start, count))
        return plain(name, count, start)

    monkeypatch.setattr(native, "independent_points", counting)
    first, more, fewer = (swap_bases(count, tmp_path / "cache") for count in (20, 50, 9))
    assert made == [(0, 20), (20, 30)]
    assert more.to_raw() == plain(tag("gradroll/v1/swap/base"), 50).to_raw()
    assert first.to_raw() == more.slice(0, 20).to_raw()
    assert fewer.to_raw() == more.slice(0, 9).to_raw()


def _crafted(scene: SwapScene) -> dict[str, G1Bases]:
    """Bases among which a relation is known."""
    known = G1Bases.from_bytes(b"".join(native.g1_mul(G, number + 5) for number in range(DIMENSION + TAIL)))
    doubled = points(scene.bases)
    doubled[1] = native.g1_mul(doubled[0], 2)
    return {"logarithms": known, "ratio": G1Bases.from_bytes(b"".join(doubled))}


def test_known_logarithms_of_bases_would_open_every_offer(scene: SwapScene) -> None:
    """Whoever sees an offer reads the weights off it, with K alone."""
    weak = replace(scene, bases=_crafted(scene)["logarithms"])
    sealed = weak.seal(scalars("key")())
    left = [native.g1_linear_combination([ct, sealed.key_point], [1, R - 5 - j])
            for j, ct in enumerate(points(sealed.ciphertexts)[:DIMENSION])]  # fmt: skip
    assert [small_logarithm(point) for point in left] == scene.row.weights.tolist()


def test_a_known_ratio_of_two_bases_would_give_a_combination_of_two_weights(scene: SwapScene) -> None:
    weak = replace(scene, bases=_crafted(scene)["ratio"])
    first, second = points(weak.seal(scalars("key")()).ciphertexts)[:2]
    left = native.g1_linear_combination([second, first], [1, R - 2])
    w = scene.row.weights.tolist()
    assert left == native.g1_mul(G, (w[1] - 2 * w[0]) % R)


@pytest.mark.parametrize("relation", ["logarithms", "ratio"])
def test_a_file_of_such_bases_is_not_used(
    scene: SwapScene, relation: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bases = _crafted(scene)[relation]
    container.write(tmp_path / FILE, KIND, {"points": len(bases)}, {"points": bases.to_raw()})
    assert swap_bases(len(bases), tmp_path).to_raw() == scene.bases.to_raw()
    assert [record.getMessage().split()[0] for record in caplog.records] == ["event=swap-bases-refused"]
    caplog.clear()
    assert swap_bases(len(bases), tmp_path).to_raw() == scene.bases.to_raw()
    assert not caplog.records, "the right file took the place of the wrong one"


@pytest.mark.parametrize("wrong", ["order", "negative", "infinity", "count", "section", "cut", "kind"])
def test_a_file_that_is_anything_else_is_made_again(
    scene: SwapScene, wrong: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    right = points(scene.bases)[:20]
    listed = {
        "order": [right[1], right[0], *right[2:]],
        "negative": [native.g1_neg(right[0]), *right[1:]],
        "infinity": [G1(bytes(64)), *right[1:]],
    }.get(wrong, right)
    raw = G1Bases.from_bytes(b"".join(listed)).to_raw()
    name = "points" if wrong != "section" else "others"
    kind, count = ("srs" if wrong == "kind" else KIND), 20 + (wrong == "count")
    container.write(tmp_path / FILE, kind, {"points": count}, {name: raw[: -3 if wrong == "cut" else None]})
    with caplog.at_level(logging.WARNING):
        assert points(swap_bases(20, tmp_path)) == right
    assert [record.getMessage().split()[0] for record in caplog.records] == ["event=swap-bases-refused"]


def test_a_directory_that_cannot_be_written_costs_nothing_but_the_file(
    scene: SwapScene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").touch()
    assert swap_bases(len(scene.bases), tmp_path / "cache").to_raw() == scene.bases.to_raw()
    assert [record.getMessage().split()[0] for record in caplog.records] == ["event=swap-bases-not-kept"]


@pytest.fixture(scope="module")
def scene() -> SwapScene:
    return swap_scene()
