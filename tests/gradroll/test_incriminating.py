"""A prover that attests very much hides no evidence, and crowds nobody else's word out of an export."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commons.protocol.bundle import Certificate
from gradroll.audit.auditing import found_in
from gradroll.audit.incriminating import kept
from tests.commons.test_evidence import ATTESTERS, COMMITTEE, SIGN, TERMS, whole
from tests.support.perjury import attested, of_owners, with_false_sum

OTHER_TERMS = replace(TERMS, rounds=8)
"""Not those of the batches, so that one owner is not too few."""
MANY = 8


def by(certificate: Certificate, *members: int) -> Certificate:
    return attested(certificate, ATTESTERS, {member: SIGN[member] for member in members})


def fillers(member: int) -> list[Certificate]:
    """What costs a member nothing: one set of owners, attested over and over."""
    one = of_owners(whole(), (0,))
    return [by(replace(one, proof=replace(one.proof, square_norm=norm)), member) for norm in range(1, MANY + 1)]


def perjury() -> tuple[Certificate, Certificate]:
    """Two sets that meet, of which member 1 attested both."""
    return by(of_owners(whole(), (0, 1)), 0, 1), by(of_owners(whole(), (1, 2)), 1)


def culprits(certificates: list[Certificate] | tuple[Certificate, ...]) -> set[bytes]:
    return {evidence.culprit() for evidence in found_in(certificates, ATTESTERS, OTHER_TERMS)}


def test_what_a_prover_attests_between_two_words_does_not_have_the_first_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a witness would that remembers some batches only."""
    monkeypatch.setattr("commons.protocol.witness._BATCHES", MANY // 2)
    first, second = perjury()
    assert culprits([first, *fillers(3), second]) == {COMMITTEE.members[1]}
    assert culprits([*fillers(3), first, by(of_owners(whole(), (0, 1)), 2)]) == set(), "these attested one set each"


def test_each_culprit_is_found_once_by_whatever_it_did() -> None:
    first, second = perjury()
    other = by(of_owners(whole(), (0, 2)), 0, 1)
    false = by(with_false_sum(whole()), 3)
    found = found_in([first, second, other, false, other], ATTESTERS, OTHER_TERMS)
    assert sorted(each.culprit() for each in found) == sorted(COMMITTEE.members[member] for member in (0, 1, 3))


def test_what_accuses_is_kept_before_all_else_wherever_it_stands() -> None:
    first, second = perjury()
    crowd = [*fillers(2), first, *fillers(3), second]
    assert kept(crowd, ATTESTERS, OTHER_TERMS, 2) == (first, second)
    assert culprits(kept(crowd, ATTESTERS, OTHER_TERMS, 3)) == {COMMITTEE.members[1]}


def test_the_rest_is_of_each_member_in_turn() -> None:
    """None takes the room of others."""
    own = by(of_owners(whole(), (1, 2)), 1, 2)
    crowd = [*fillers(0), *fillers(3), own]
    assert kept(crowd, ATTESTERS, OTHER_TERMS, 3) == (crowd[0], own, crowd[MANY])
    assert len(kept(crowd, ATTESTERS, OTHER_TERMS, 100)) == len(crowd), "each is there once"


def test_what_nobody_attested_is_not_kept() -> None:
    assert kept([of_owners(whole(), (0, 1))], ATTESTERS, OTHER_TERMS, 5) == ()
