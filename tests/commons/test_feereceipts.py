"""Which receipts count, and which of them are shown: as many as a quorum needs, and all that earn something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuits.hashing import keccak
from circuits.statement import Committee
from commons.chain.counting import Counting
from commons.chain.facts import HeldFees
from commons.chain.feereceipts import FeeReceipts
from commons.protocol.receipts import AvailabilityReceipt, availability_digest
from tests.support.plain_batch import MARKET, address_of, seed_of, sign

KEYS = [seed_of("member", member) for member in range(7)]
COMMITTEE = Committee(3, 2, tuple(map(address_of, KEYS)))
WORDS = FeeReceipts(MARKET, Counting(COMMITTEE))
HELD = HeldFees(seed_of("batch"), seed_of("attested"), 3, 0b0011111, bytes(20), 900, challenge=0, paid=0)


def receipt(
    member: int, challenge: int = 0, posted: bytes = bytes(32), batch: bytes = HELD.batch_id
) -> AvailabilityReceipt:
    digest = availability_digest(MARKET, batch, challenge, posted)
    return AvailabilityReceipt(challenge, sign(KEYS[member], digest))


def test_only_a_members_own_word_for_this_batch_and_this_challenge_counts() -> None:
    told = {
        0: receipt(0),
        1: receipt(0),
        2: receipt(2, batch=seed_of("another batch")),
        3: receipt(3, challenge=7),
        4: replace(receipt(4, challenge=7), challenge=0),
        5: AvailabilityReceipt(0, bytes(65)),
        6: receipt(6, posted=keccak(b"the sum")),
    }
    assert WORDS.valid(HELD, told).keys() == {0}
    assert WORDS.valid(replace(HELD, challenge=7), told).keys() == {3}
    assert WORDS.valid(HELD, told, b"the sum").keys() == {6}


def test_members_that_attested_and_did_not_sign_are_missing() -> None:
    assert WORDS.missing(HELD, {0: b"", 3: b"", 6: b""}) == [1, 2, 4]
    assert WORDS.missing(replace(HELD, attesters=0), {}) == []


def test_a_revoked_key_counts_for_nothing_and_is_waited_for_by_nobody() -> None:
    words = FeeReceipts(MARKET, Counting(COMMITTEE, frozenset({COMMITTEE.members[2]})))
    signed = words.valid(HELD, {member: receipt(member) for member in range(6)})
    assert signed.keys() == {0, 1, 3, 4, 5}
    assert words.missing(HELD, signed) == []
    shown = words.shown(HELD, signed)
    assert shown is not None
    assert [member for member, _ in shown] == [0, 1, 3, 4, 5], "another member makes up the quorum"


@pytest.mark.parametrize(
    ("signed", "attesters", "paid", "shown"),
    [
        ((0, 1, 2, 3), 0b1111, 0, None),  # no quorum, which is 5
        ((0, 1, 2, 3, 4), 0b11111, 0, (0, 1, 2, 3, 4)),
        ((0, 1, 2, 3, 4, 5, 6), 0b1111111, 0, (0, 1, 2, 3, 4, 5, 6)),  # more than a quorum: each is paid
        ((0, 1, 2, 3, 4, 5, 6), 0b11111, 0, (0, 1, 2, 3, 4)),  # the others earn nothing, and cost gas
        ((1, 2, 3, 4, 5, 6), 0b11111, 0, (1, 2, 3, 4, 5)),  # one of them makes up the quorum
        ((0, 1, 2, 3, 4, 5, 6), 0b1111111, 0b1111, (0, 1, 4, 5, 6)),  # three are added
        ((0, 1, 2, 3, 4), 0b11111, 0b11111, None),  # all were paid before
        ((2, 3, 4, 5, 6), 0b00011, 0, None),  # nobody would be paid
    ],
)
def test_what_is_shown_pays_as_many_as_possible_for_as_little_gas(
    signed: tuple[int, ...], attesters: int, paid: int, shown: tuple[int, ...] | None
) -> None:
    words = {member: bytes([member]) for member in reversed(signed)}
    found = WORDS.shown(replace(HELD, attesters=attesters, paid=paid), words)
    assert found == (None if shown is None else tuple((member, bytes([member])) for member in shown))


def test_signatures_that_count_are_shown_in_ascending_order() -> None:
    counting = Counting(COMMITTEE, frozenset({COMMITTEE.members[1], bytes(20)}))
    assert counting.only([(4, b"4"), (1, b"1"), (0, b"0")]) == [(0, b"0"), (4, b"4")]
