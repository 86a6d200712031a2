"""What a prover keeps of bounties: whose room it is, a full disk, and a crash between any two writes."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest

from circuits.errors import FullError, StorageError, UnknownError
from commons.protocol.bountydraws import HiddenGroup
from commons.storage.files import LOCAL_DISK, Disk
from native import G1
from provers.bountychain import BountyChain
from provers.bountyfiles import MOST_OFFERS, BountyFiles
from provers.bountyreceipts import BountyReceipts
from tests.support.failingdisk import FailingDisk, StruckError

BOUNTY, LISTING, OFFER = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
OWNER, OTHER = b"\x0a" * 20, b"\x0b" * 20
PUBLIC = G1(bytes(63) + b"\x01")
ROW, X = b"a sealed row", 7
FILE = b"a file"
GROUP = HiddenGroup(bytes(32), bytes(32), sha256(FILE).digest(), 3)


class Full(Disk):
    """Has no room for anything while a group's file is on it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def durably(self, act: Callable[[], object]) -> None:
        if any(self._directory.rglob("*.data")):
            raise OSError(28, "No space left on device")
        act()


def name(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_no_owner_keeps_the_others_out(tmp_path: Path) -> None:
    files = BountyFiles(tmp_path, 1000)
    files.begin(name(1), OWNER, 300)
    files.begin(name(2), OWNER, 200)
    with pytest.raises(FullError, match="this owner"):
        files.begin(name(3), OWNER, 1)
    files.begin(name(4), OTHER, 250)
    with pytest.raises(FullError, match="this owner"):
        files.begin(name(5), OTHER, 1)
    files.begin(name(5), b"\x0c" * 20, 125)
    with pytest.raises(FullError, match="used up"):
        files.begin(name(6), b"\x0d" * 20, 126)
    assert files.promised == 875


def test_shares_survive_a_restart_and_end_with_their_bounties(tmp_path: Path) -> None:
    BountyFiles(tmp_path, 1000).begin(BOUNTY, OWNER, 500)
    files = BountyFiles(tmp_path, 1000)
    assert files.promised == 500
    files.begin(BOUNTY, OWNER, 500)  # again
    with pytest.raises(FullError):
        files.begin(name(3), OWNER, 1)
    files.drop(BOUNTY)
    assert files.promised == 0
    files.begin(name(3), OWNER, 500)


def test_a_bounty_has_the_room_that_it_was_promised(tmp_path: Path) -> None:
    files = BountyFiles(tmp_path, 1000)
    files.begin(BOUNTY, OWNER, 500)
    files.begin(name(2), OTHER, 250)
    files.begin(name(3), b"\x0c" * 20, 120)
    with files.room(BOUNTY, 300), files.room(BOUNTY, 200):
        with pytest.raises(FullError), files.room(BOUNTY, 131):
            pass
        with files.room(BOUNTY, 130):
            assert files.promised == 1000
    assert files.promised == 870


def test_a_damaged_record_of_room_is_written_anew(tmp_path: Path) -> None:
    BountyFiles(tmp_path, 1000).begin(BOUNTY, OWNER, 400)
    (tmp_path / BOUNTY.hex() / "room").write_bytes(b"x")
    files = BountyFiles(tmp_path, 1000)
    assert files.promised == 1
    files.begin(BOUNTY, OWNER, 400)
    assert BountyFiles(tmp_path, 1000).promised == 400


@pytest.mark.parametrize("steps", range(2))
def test_a_crash_within_an_offer_leaves_none_and_it_comes_again(tmp_path: Path, steps: int) -> None:
    """No receipt is signed for an offer of which a part is here, and the part keeps nothing out."""
    with pytest.raises(StruckError):
        BountyFiles(tmp_path, 1 << 20, FailingDisk(steps, StruckError())).put_offer(
            BOUNTY, LISTING, OFFER, PUBLIC, ROW, X
        )
    files = BountyFiles(tmp_path, 1 << 20)
    assert not files.holds_offer(BOUNTY, LISTING, OFFER, PUBLIC, X)
    for other in range(MOST_OFFERS - 1):
        files.put_offer(BOUNTY, LISTING, name(other), PUBLIC, ROW, X)
    files.put_offer(BOUNTY, LISTING, OFFER, PUBLIC, ROW, X)
    assert files.holds_offer(BOUNTY, LISTING, OFFER, PUBLIC, X)
    assert files.blinding(BOUNTY, LISTING, OFFER, PUBLIC) == X


@pytest.mark.parametrize("steps", range(2))
def test_a_crash_within_a_group_leaves_none_and_it_comes_again(tmp_path: Path, steps: int) -> None:
    with pytest.raises(StruckError):
        BountyFiles(tmp_path, 1 << 20, FailingDisk(steps, StruckError())).put_group(BOUNTY, 1, GROUP, FILE)
    files = BountyFiles(tmp_path, 1 << 20)
    assert not files.holds_group(BOUNTY, 1, GROUP)
    files.put_group(BOUNTY, 1, GROUP, FILE)
    assert BountyFiles(tmp_path, 1 << 20).holds_group(BOUNTY, 1, GROUP)


def test_a_crash_within_deleting_leaves_no_x_and_the_rest_goes(tmp_path: Path) -> None:
    BountyFiles(tmp_path, 1 << 20).put_offer(BOUNTY, LISTING, OFFER, PUBLIC, ROW, X)
    for steps in range(6):
        try:
            BountyFiles(tmp_path, 1 << 20, FailingDisk(steps, StruckError())).drop(BOUNTY)
            break
        except StruckError:
            continue
    else:
        raise AssertionError("it never ends")
    assert list(tmp_path.iterdir()) == [] and steps > 1


def test_x_that_another_row_or_key_has_is_not_this_ones(tmp_path: Path) -> None:
    files, other = BountyFiles(tmp_path, 1 << 20), G1(bytes(63) + b"\x02")
    files.put_offer(BOUNTY, LISTING, OFFER, PUBLIC, ROW, X)
    files.put_offer(BOUNTY, LISTING, OFFER, other, ROW, X + 1)
    assert [files.blinding(BOUNTY, LISTING, OFFER, public) for public in (PUBLIC, other)] == [X, X + 1]
    assert not files.holds_offer(BOUNTY, LISTING, OFFER, PUBLIC, X + 1)
    path = next((tmp_path / BOUNTY.hex() / LISTING.hex()).glob("*.blinding"))
    raw = path.read_bytes()
    path.write_bytes(bytes((raw[0] ^ 1,)) + raw[1:])
    with pytest.raises(UnknownError, match="another member"):
        [files.blinding(BOUNTY, LISTING, OFFER, public) for public in (PUBLIC, other)]


def test_a_damaged_file_is_not_served(tmp_path: Path) -> None:
    files = BountyFiles(tmp_path, 1 << 20)
    files.put_group(BOUNTY, 1, GROUP, FILE)
    assert files.file(BOUNTY, GROUP.file_digest) == FILE
    (tmp_path / BOUNTY.hex() / f"{GROUP.file_digest.hex()}.data").write_bytes(FILE[:-1])
    with pytest.raises(UnknownError, match="another member"):
        files.file(BOUNTY, GROUP.file_digest)


class Over:
    """Nodes that show every bounty as over."""

    def is_over(self, bounty: bytes) -> bool:
        return True

    def is_cancelled(self, bounty: bytes) -> bool:
        return False


def receipts(files: BountyFiles, kept: int) -> BountyReceipts:
    return BountyReceipts(cast("BountyChain", Over()), files, None, Path(), bytes, kept)  # type: ignore[arg-type]


def test_a_full_disk_does_not_keep_itself_full(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The note since when a bounty is over cannot be written; without it nothing would ever be deleted."""
    BountyFiles(tmp_path, 1 << 20).put_group(BOUNTY, 1, GROUP, FILE)
    BountyFiles(tmp_path, 1 << 20).put_offer(BOUNTY, LISTING, OFFER, PUBLIC, ROW, X)
    member = receipts(BountyFiles(tmp_path, 1 << 20, Full(tmp_path)), 100)
    member.tidy(1000)
    assert "bounty-end-not-noted" in caplog.text
    member.tidy(1101)
    assert list(tmp_path.iterdir()) == []


def test_one_bounty_that_cannot_be_deleted_keeps_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = BountyFiles(tmp_path, 1 << 20, LOCAL_DISK)
    for number in range(3):
        files.put_group(name(number), 1, GROUP, FILE)
    drop = files.drop

    def stuck(bounty: bytes) -> None:
        if bounty == name(files_in_order[0]):
            raise StorageError("its folder is another user's")
        drop(bounty)

    files_in_order = [int.from_bytes(bounty, "big") for bounty in files.names()]
    monkeypatch.setattr(files, "drop", stuck)
    member = receipts(files, 0)
    member.tidy(1000)
    with pytest.raises(StorageError, match="another user"):
        member.tidy(1001)
    assert files.names() == [name(files_in_order[0])]
