"""Strings and commitment keys made by somebody who cheats: what they would give away, and that they are refused.

Whoever writes a file also writes its digest, so every file here is sound as a container.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import native
from circuits import commitment, container, srs
from circuits.commitment import CommitmentKey, cached_commitment_key, commitment_key
from circuits.errors import KeyFileError, KeyMismatchError
from circuits.ptau import import_ptau
from circuits.statement import TAIL
from native import G1, G1Bases
from tests.support import ptau_writer
from tests.support.crafted import CERTAIN, DOMAIN, INFINITY, TAU, multiple, one, root, string, swapped
from tests.support.plain_batch import seed_of

DIMENSION = 5
G = native.g1_generator


def blinded(key: CommitmentKey) -> set[G1]:
    """Commitments to the same values under three tails."""
    values = native.expand(seed_of("values"), DIMENSION)
    return {key.commit(values, native.expand(seed_of("tail", i), TAIL)) for i in range(3)}


# -- A tau in an evaluation domain ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [root(8, 3), root(4), root(2)], ids=["order 8", "order 4", "order 2"])
def test_commitments_under_a_tau_in_the_domain_do_not_depend_on_the_blinder(tau: int) -> None:
    assert len(blinded(commitment_key(string(TAU), DIMENSION))) == 3
    assert len(blinded(commitment_key(string(tau), DIMENSION))) == 1


@pytest.mark.parametrize("tau", [root(8, 3), root(4), root(2), root(128, 77), root(64 * 3), root(9), root(9 * 16, 5)])
def test_a_ceremony_whose_tau_lies_in_a_domain_is_refused(tmp_path: Path, tau: int) -> None:
    power, domain = 8, 254
    in_g1, in_g2 = ptau_writer.powers_sections(tau, power)
    path = ptau_writer.write(tmp_path / "evil.ptau", [(1, ptau_writer.header(power)), (2, in_g1), (3, in_g2)])
    with pytest.raises(KeyFileError, match="hide nothing; use another ceremony"):
        import_ptau(path, domain)
    string(tau, domain).save(tmp_path / "evil.gsrs")
    with pytest.raises(KeyFileError, match="hide nothing; use another ceremony"):
        srs.load(tmp_path / "evil.gsrs")


def test_every_domain_that_a_string_serves_is_looked_at(tmp_path: Path) -> None:
    for order, domain in ((512, 512), (576, 576), (768, 768), (64, 768), (192, 576), (2, 2)):
        for exponent in (1, 5, 7):
            string(root(order, exponent), domain).save(tmp_path / "evil")
            with pytest.raises(KeyFileError, match=r"domain|trivial"):
                srs.load(tmp_path / "evil")


def test_whoever_knows_tau_opens_a_commitment_to_anything_and_so_learns_nothing_from_it() -> None:
    """For other values there is a blinder that gives the same commitment: hiding is perfect, binding is not."""
    key, tail = commitment_key(string(TAU), DIMENSION), native.to_ints(native.expand(seed_of("tail"), TAIL))
    values, others = (native.expand(seed_of(name), DIMENSION) for name in ("values", "others"))
    lagrange = np.ascontiguousarray(native.lagrange_scalars(TAU, DOMAIN)[:DIMENSION])
    gap = native.inner(native.sub(values, others), lagrange) * pow(TAU**DOMAIN - 1, -1, native.R)
    blinded = [(tail[0] + gap) % native.R, *tail[1:]]
    assert key.commit(values, native.from_ints(tail)) == key.commit(others, native.from_ints(blinded))


def test_a_tau_in_a_domain_that_is_too_large_for_the_string_does_no_harm(tmp_path: Path) -> None:
    far = string(root(1 << 20))
    far.save(tmp_path / "far")
    assert len(blinded(commitment_key(srs.load(tmp_path / "far"), DIMENSION))) == 3
    with pytest.raises(KeyMismatchError, match="powers"):
        commitment_key(far, 1 << 20)


@pytest.mark.parametrize("tau", [0, 1, native.R - 1], ids=["0", "1", "-1"])
def test_a_trivial_tau_is_refused_also_where_the_powers_are_not_read(tmp_path: Path, tau: int) -> None:
    string(tau).save(tmp_path / "evil")
    for read in (srs.load, srs.load_tau):
        with pytest.raises(KeyFileError, match="trivial tau"):
            read(tmp_path / "evil")


def test_a_string_whose_powers_are_not_those_of_its_tau_is_refused(tmp_path: Path) -> None:
    honest = string(TAU)
    other = native.g1_mul(native.g1_generator, 99)
    for index in (1, 2, DOMAIN, -1):
        replace(honest, powers=swapped(honest.powers, {index: other})).save(tmp_path / "evil")
        with pytest.raises(KeyFileError, match="consecutive powers"):
            srs.load(tmp_path / "evil")
    replace(honest, tau=string(TAU + 1).tau).save(tmp_path / "evil")
    with pytest.raises(KeyFileError, match="consecutive powers"):
        srs.load(tmp_path / "evil")
    replace(honest, powers=multiple(honest.powers, 3)).save(tmp_path / "evil")
    with pytest.raises(KeyFileError, match="generators"):
        srs.load(tmp_path / "evil")


# -- Commitment keys beside the policy keys ---------------------------------------------------------------------------


Points = dict[str, G1Bases]
"""The arrays of a commitment key's file, by section."""


def craft(folder: Path, change: Callable[[Points], Points], dimension: int = DIMENSION) -> Path:
    """The file of a commitment key with changed points, and a digest that fits them."""
    commitment_key(string(TAU), dimension, folder)
    (path,) = folder.iterdir()
    file = container.read(path, commitment.KIND)
    sections = {name: bytes(data) for name, data in file.sections.items()}
    crafted = change({name: G1Bases.from_raw(data) for name, data in sections.items() if data})
    written = sections | {name: bytes(data.to_raw()) for name, data in crafted.items()}
    assert written != sections
    container.write(path, commitment.KIND, file.fields, written)
    return path


def _replaced(section: str, changes: dict[int, G1]) -> Callable[[Points], Points]:
    return lambda points: {section: swapped(points[section], changes)}


CRAFTED: dict[str, Callable[[Points], Points]] = {
    "the first coordinate alone": _replaced("bases", {0: G}),
    "two coordinates change places": lambda points: {
        "bases": swapped(points["bases"], {1: one(points["bases"], 2), 2: one(points["bases"], 1)})
    },
    "the last coordinate": _replaced("bases", {DIMENSION - 1: G}),
    "no blinder": _replaced("bases", {DIMENSION: INFINITY}),
    "no blinder and no masks": _replaced("bases", dict.fromkeys(range(DIMENSION, DIMENSION + TAIL), INFINITY)),
    "a blinder of known size": _replaced("bases", {DIMENSION: G}),
    "a mask": _replaced("bases", {DIMENSION + 5: INFINITY}),
    "the last mask": _replaced("bases", {-1: G}),
    "a multiple of all": lambda points: {name: multiple(data, 3) for name, data in points.items()},
    "a multiple of the tail": lambda points: {
        "bases": G1Bases.concat(
            [points["bases"].slice(0, DIMENSION), multiple(points["bases"].slice(DIMENSION, DIMENSION + TAIL), 3)]
        )
    },
}


@pytest.mark.parametrize("name", CRAFTED)
def test_a_crafted_commitment_key_is_not_used_and_derived_again(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = craft(tmp_path, CRAFTED[name])
    made = string(TAU)
    for _ in range(CERTAIN):
        assert cached_commitment_key(made.tau, DIMENSION, tmp_path) is None
    assert "event=commitment-key-refused" in caplog.text and str(path) in caplog.text
    used = commitment_key(made, DIMENSION, tmp_path)
    assert used.bases.to_bytes() == commitment_key(made, DIMENSION).bases.to_bytes()
    assert container.read(path, commitment.KIND).section("bases") == used.bases.to_raw()


def test_the_points_that_pin_the_basis_cannot_be_traded(tmp_path: Path) -> None:
    """Lagrange points scaled by 3 with a rest that keeps their sum at the generator."""

    def scaled(points: Points) -> Points:
        low = points["bases"].slice(0, DIMENSION)
        short = [native.g1_mul(one(low, i), 3) for i in range(DIMENSION)]
        missing = native.g1_linear_combination([G, *short], [1] + [native.R - 1] * DIMENSION)
        rest = [missing, *[INFINITY] * (DOMAIN - DIMENSION - 1)]
        tail = multiple(points["bases"].slice(DIMENSION, DIMENSION + TAIL), 3)
        return {"bases": G1Bases.concat([G1Bases.from_bytes(b"".join(short)), tail]),
                "rest": G1Bases.from_bytes(b"".join(rest))}  # fmt: skip

    craft(tmp_path, scaled)
    assert cached_commitment_key(string(TAU).tau, DIMENSION, tmp_path) is None


def test_a_crafted_commitment_key_that_fills_its_domain_is_refused(tmp_path: Path) -> None:
    craft(tmp_path, _replaced("bases", {3: G}), dimension=DOMAIN)
    assert cached_commitment_key(string(TAU).tau, DOMAIN, tmp_path) is None
    assert commitment_key(string(TAU), DOMAIN, tmp_path).domain == DOMAIN
    assert cached_commitment_key(string(TAU).tau, DOMAIN, tmp_path) is not None


def test_a_commitment_key_of_another_string_is_refused_whatever_its_header_says(tmp_path: Path) -> None:
    other, ours, theirs = string(TAU + 1), tmp_path / "ours", tmp_path / "theirs"
    commitment_key(string(TAU), DIMENSION, ours)
    commitment_key(other, DIMENSION, theirs)
    (from_ours,), (place,) = tuple(ours.iterdir()), tuple(theirs.iterdir())
    file = container.read(from_ours, commitment.KIND)
    sections = {name: bytes(data) for name, data in file.sections.items()}
    container.write(place, commitment.KIND, {**file.fields, "tau": other.tau.hex()}, sections)
    assert cached_commitment_key(other.tau, DIMENSION, theirs) is None
