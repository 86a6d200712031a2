"""An opening is counted before its proof leaves, whatever becomes of it, and the 129th is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuits.errors import RuleViolationError, StorageError
from circuits.hashing import keccak
from gradroll.modelmarket.openingledger import MOST_OPENINGS, Opening, OpeningLedger
from native import g1_generator, g1_neg

HERE, ELSEWHERE = b"\x01" * 32, b"\x02" * 32
MODEL = g1_generator


def made(number: int, deployment: bytes = HERE) -> Opening:
    return Opening(deployment, b"\x05" * 32, f"group {number}", keccak(bytes([number])))


def nothing_landed(_: Opening) -> bool:
    return False


def all_landed(_: Opening) -> bool:
    return True


def test_the_hundred_and_twenty_ninth_is_refused_though_the_chain_has_none_of_them(tmp_path: Path) -> None:
    ledger = OpeningLedger(tmp_path)
    for number in range(MOST_OPENINGS):
        assert ledger.enter(MODEL, made(number), 0, nothing_landed) == MOST_OPENINGS - 1 - number
    with pytest.raises(RuleViolationError, match="128 times"):
        ledger.enter(MODEL, made(200), 0, nothing_landed)
    assert OpeningLedger(tmp_path).openings(g1_neg(MODEL)) == ()  # another model is not opened by it


def test_the_same_proof_is_counted_once_also_when_nothing_is_left(tmp_path: Path) -> None:
    ledger = OpeningLedger(tmp_path)
    assert ledger.enter(MODEL, made(1), 127, nothing_landed) == 0
    assert ledger.enter(MODEL, made(1), 127, nothing_landed) == 0
    assert len(ledger.openings(MODEL)) == 1


def test_another_proof_of_the_same_group_is_another_opening(tmp_path: Path) -> None:
    ledger = OpeningLedger(tmp_path)
    ledger.enter(MODEL, made(1), 0, nothing_landed)
    again = Opening(HERE, b"\x05" * 32, "group 1", b"\x09" * 32)
    ledger.enter(MODEL, again, 0, nothing_landed)
    assert ledger.used(MODEL, HERE, 0, nothing_landed) == 2


def test_what_landed_is_counted_by_the_chain_and_not_twice(tmp_path: Path) -> None:
    ledger = OpeningLedger(tmp_path)
    for number in range(3):
        ledger.enter(MODEL, made(number), 0, nothing_landed)
    assert ledger.used(MODEL, HERE, 3, all_landed) == 3
    assert ledger.used(MODEL, HERE, 5, all_landed) == 5, "another machine sent two"


def test_of_two_proofs_of_one_group_the_chain_has_one(tmp_path: Path) -> None:
    ledger = OpeningLedger(tmp_path)
    ledger.enter(MODEL, made(1), 0, nothing_landed)
    ledger.enter(MODEL, Opening(HERE, b"\x05" * 32, "group 1", b"\x09" * 32), 0, nothing_landed)
    assert ledger.used(MODEL, HERE, 1, all_landed) == 2


def test_openings_on_another_chain_count_here(tmp_path: Path) -> None:
    ledger = OpeningLedger(tmp_path)
    for number in range(MOST_OPENINGS):
        ledger.enter(MODEL, made(number, ELSEWHERE), 0, all_landed)
    with pytest.raises(RuleViolationError):
        ledger.enter(MODEL, made(1, HERE), 0, all_landed)


def test_what_others_sent_from_another_machine_counts(tmp_path: Path) -> None:
    with pytest.raises(RuleViolationError):
        OpeningLedger(tmp_path).enter(MODEL, made(1), MOST_OPENINGS, nothing_landed)


def test_it_outlives_the_process_and_a_damaged_one_stops_everything(tmp_path: Path) -> None:
    OpeningLedger(tmp_path).enter(MODEL, made(1), 0, nothing_landed)
    assert OpeningLedger(tmp_path).openings(MODEL) == (made(1),)
    (path,) = (tmp_path / "openings").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StorageError, match="prove nothing of this model without it"):
        OpeningLedger(tmp_path).enter(MODEL, made(2), 0, nothing_landed)


def test_a_node_that_counts_nothing_and_says_that_all_landed_opens_no_more(tmp_path: Path) -> None:
    """A node that lies, or that was asked for the count before the proofs were there and for the proofs after."""
    ledger = OpeningLedger(tmp_path)
    for number in range(MOST_OPENINGS):
        ledger.enter(MODEL, made(number), 0, all_landed)
    assert ledger.left(MODEL, HERE, 0, all_landed) == 0
    with pytest.raises(RuleViolationError, match="128 times"):
        ledger.enter(MODEL, made(200), 0, all_landed)
