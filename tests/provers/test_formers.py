"""With whom a prover was ever started is on its disk, and only what it was itself counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import StorageError
from circuits.statement import Committee, Membership
from provers.formers import FILE, Formers

FIRST = Committee(5, 1, tuple(bytes([p + 1]) * 20 for p in range(4)))
NOBODY = '{"committee_id": 5, "threshold": 1, "members": []}'
SECOND = replace(FIRST, members=(b"\x77" * 20, *FIRST.members[1:]))


def test_all_memberships_are_known_after_a_restart(tmp_path: Path) -> None:
    formers = Formers(tmp_path)
    for members in (FIRST, SECOND, FIRST):
        formers.remember(Membership(members, 2))
    again = Formers(tmp_path)
    assert again.has(FIRST, 2)
    assert again.has(SECOND, 2)
    assert not again.has(SECOND, 1)
    assert not again.has(replace(SECOND, threshold=1, committee_id=6), 2)
    assert len(json.loads((tmp_path / FILE).read_text())["memberships"]) == 2


def test_a_new_prover_knows_nobody(tmp_path: Path) -> None:
    assert not Formers(tmp_path).has(FIRST, 2)


def test_what_is_on_disk_already_is_not_written_again(tmp_path: Path) -> None:
    Formers(tmp_path).remember(Membership(FIRST, 2))
    before = (tmp_path / FILE).stat().st_ino
    Formers(tmp_path).remember(Membership(FIRST, 2))
    assert (tmp_path / FILE).stat().st_ino == before


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("{", "names no members"),
        ("[]", "names no members"),
        ('{"version": 1, "memberships": [{"index": 0}]}', "names no members"),
        (f'{{"version": 1, "memberships": [{{"committee": {NOBODY}, "index": 0}}]}}', "names no members"),
        ('{"version": 2, "memberships": []}', "newer release"),
        ('{"version": -1, "memberships": []}', "is damaged"),
    ],
)
def test_a_damaged_file_is_said_to_be(tmp_path: Path, content: str, match: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(StorageError, match=match):
        Formers(tmp_path)
