"""Pseudo-random secret sharing: every quorum opens the same value, and t provers know nothing of it."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import pytest

import native
from circuits.errors import BlamedProversError, InvalidInputError
from circuits.statement import Committee
from commons.sharing.prss import PrssKeys, Purpose, key_sets
from commons.sharing.reconstruct import open_vector
from provers.joining import agreement

COMMITTEES = [(3, 1), (4, 1), (5, 2), (7, 2)]
SESSION = b"s" * 32


def committee_of(size: int, threshold: int) -> Committee:
    return Committee(0, threshold, tuple(bytes([p + 1]) * 20 for p in range(size)))


def keys_of(committee: Committee) -> list[PrssKeys]:
    dealt = {p: agreement.deal(p, committee, bytes([p]) * 32) for p in range(committee.size)}
    return [agreement.accept(p, committee, dealt) for p in range(committee.size)]


@pytest.mark.parametrize(("size", "threshold"), COMMITTEES)
def test_random_is_one_value_of_degree_t(size: int, threshold: int) -> None:
    keys = keys_of(committee_of(size, threshold))
    shares = {k.index: k.random(SESSION, Purpose.MASK_ROW, 5) for k in keys}
    opened = open_vector(shares, threshold, 0, "random")
    assert len(set(native.to_ints(opened))) == 5
    again = {k.index: k.random(SESSION, Purpose.PRODUCT_MASK, 5) for k in keys}
    assert native.to_ints(open_vector(again, threshold, 0, "other")) != native.to_ints(opened)


@pytest.mark.parametrize(("size", "threshold"), COMMITTEES)
def test_zero_opens_to_zero_with_degree_2t_and_no_less(size: int, threshold: int) -> None:
    keys = keys_of(committee_of(size, threshold))
    shares = {k.index: k.zero(SESSION, Purpose.PROOF_ZERO, 3) for k in keys}
    assert native.to_ints(open_vector(shares, 2 * threshold, 0, "zero")) == [0, 0, 0]
    for leading in range(threshold + 1, 2 * threshold + 1):
        xs = [p + 1 for p in range(leading)]
        partial = native.interpolate([shares[p] for p in range(leading)], xs, 0)
        assert 0 not in native.to_ints(partial), "fewer shares than 2t + 1 must not open it"


@pytest.mark.parametrize(("size", "threshold"), COMMITTEES)
def test_any_t_provers_lack_a_key(size: int, threshold: int) -> None:
    committee = committee_of(size, threshold)
    sets = key_sets(committee)
    keys = keys_of(committee)
    for colluding in combinations(range(size), threshold):
        known = set().union(*(keys[p].keys.keys() for p in colluding))
        assert any(s not in known for s in sets)


def test_keys_of_another_prover_are_refused() -> None:
    keys = keys_of(committee_of(4, 1))
    with pytest.raises(InvalidInputError, match="do not belong"):
        dataclasses.replace(keys[0], index=1)


def test_keys_do_not_show_in_repr() -> None:
    keys = keys_of(committee_of(4, 1))[0]
    secret = next(iter(keys.keys.values()))
    assert repr(secret) not in repr(keys)
    assert secret.hex() not in repr(keys)


def test_dealer_that_leaves_a_key_out_is_named() -> None:
    committee = committee_of(4, 1)
    dealt = {p: agreement.deal(p, committee, bytes([p]) * 32) for p in range(4)}
    dealt[1] = {}
    with pytest.raises(BlamedProversError, match="prover 1 dealt no key") as caught:
        agreement.accept(2, committee, dealt)
    assert caught.value.provers == (1,)


def test_dealer_that_hands_out_different_keys_is_named() -> None:
    committee = committee_of(4, 1)
    honest = {p: agreement.deal(p, committee, bytes([p]) * 32) for p in range(4)}
    forked = {**honest, 0: agreement.deal(0, committee, b"x" * 32)}
    own = agreement.commitments(agreement.accept(1, committee, honest))
    others = {p: agreement.commitments(agreement.accept(p, committee, forked if p == 2 else honest)) for p in (0, 2, 3)}
    with pytest.raises(BlamedProversError, match="different keys") as caught:
        agreement.compare(own, others)
    assert caught.value.provers == (0,)


def test_confirmation_binds_every_key_hash() -> None:
    committee = committee_of(4, 1)
    hashes = agreement.commitments(keys_of(committee)[0])
    changed = {**hashes, next(iter(hashes)): bytes(32)}
    assert agreement.confirmation_digest(bytes(20), hashes) != agreement.confirmation_digest(bytes(20), changed)
    assert agreement.confirmation_digest(bytes(20), hashes) != agreement.confirmation_digest(b"1" * 20, hashes)
