"""Keys of rotations beside the first ones, and how keys are destroyed; a crash at any step leaves whole keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from circuits.errors import ClosedError, StorageError
from circuits.statement import Committee
from commons.storage.erasing import LOCK, destroy, finish_destroying
from commons.storage.files import Disk, FileLock, TakenError
from commons.storage.unlock import Unlock
from provers.joining.keyring import Keyring
from provers.joining.keystore import Keystore, SharedKeys

COMMITTEE = b"\x0c" * 32
SECRET, LEFT = b"a secret that must not stay\n", b"nothing\n"


class CrashError(Exception):
    """The machine is gone."""


class CrashingDisk(Disk):
    """A disk whose machine dies before a durable step."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def durably(self, act: Callable[[], object]) -> None:
        if self.steps == 0:
            raise CrashError
        self.steps -= 1
        act()


def members(*addresses: bytes) -> Committee:
    others = (bytes([number]) * 20 for number in range(1, 4))
    return Committee(1, 1, (*addresses, *others))


def content(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def test_keys_of_a_rotation_are_whole_and_durable_and_those_before_stay(tmp_path: Path) -> None:
    first = Keystore.create(tmp_path)
    ring = Keyring.load(tmp_path)
    made = ring.make_next()
    again = Keyring.load(tmp_path)
    assert [keys.address for keys in again.keystores] == [first.address, made.address]
    assert again.newest.hpke_secret == made.hpke_secret != first.hpke_secret
    assert again.before(again.newest) == again.keystores[:1]
    assert again.with_address(first.address) is again.keystores[0]
    assert again.with_address(b"\x09" * 20) is None


def test_which_keys_count_says_the_registry_and_not_a_file(tmp_path: Path) -> None:
    """So a prover that is started between a change and whatever its operator does next has the right ones."""
    first = Keystore.create(tmp_path)
    made = Keyring.load(tmp_path).make_next()
    ring = Keyring.load(tmp_path)
    assert ring.seated(members(first.address)).address == first.address
    assert ring.seated(members(made.address)).address == made.address


def test_a_rotation_that_was_broken_off_is_gone_on_with(tmp_path: Path) -> None:
    Keystore.create(tmp_path)
    account = Keyring.load(tmp_path).make_next().address
    (tmp_path / "rotation-1" / "hpke.json").unlink()
    ring = Keyring.load(tmp_path)
    assert len(ring.keystores) == 1, "half of them are no keys"
    assert ring.make_next().address == account
    assert [keys.address for keys in Keyring.load(tmp_path).keystores][1:] == [account]


def test_keys_that_are_missing_in_between_are_not_passed_over(tmp_path: Path) -> None:
    """Who has lost some of its keys would seem to be another prover, or number the next ones like them."""
    Keystore.create(tmp_path)
    for _ in range(2):
        Keyring.load(tmp_path).make_next()
    for path in (tmp_path / "rotation-1").iterdir():
        path.unlink()
    (tmp_path / "rotation-1").rmdir()
    with pytest.raises(StorageError, match="lacks the keys of a rotation"):
        Keyring.load(tmp_path)


def test_keys_of_a_rotation_are_encrypted_when_the_first_ones_are(tmp_path: Path) -> None:
    unlock = Unlock(lambda: "correct horse battery staple")
    Keystore.create(tmp_path, unlock)
    made = Keyring.load(tmp_path, unlock).make_next()
    for secret in (made.hpke_secret, made.account.secret_bytes()):
        assert secret.hex().encode() not in content(tmp_path)
    made.destroy_sealing_key()
    assert not Keyring.load(tmp_path, unlock).newest.opens_shares


def test_a_sealing_key_that_is_destroyed_opens_nothing_and_is_not_drawn_again(tmp_path: Path) -> None:
    keys = Keystore.create(tmp_path)
    secret, public = keys.hpke_secret, keys.hpke_public
    keys.destroy_sealing_key()
    keys.destroy_sealing_key()
    for one in (keys, Keystore.load(tmp_path), Keystore.open(tmp_path)):
        assert (one.opens_shares, one.hpke_public) == (False, public)
        with pytest.raises(ClosedError, match="has destroyed the sealing key"):
            _ = one.hpke_secret
    assert secret.hex().encode() not in content(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["account.json", LOCK, "hpke.json"]
    with pytest.raises(StorageError, match="not replaced"):
        Keystore.create(tmp_path)


def test_shared_keys_that_are_forgotten_are_gone_with_what_they_follow_from(tmp_path: Path) -> None:
    keys = Keystore.create(tmp_path)
    entropy = keys.dealing_entropy(COMMITTEE)
    keys.save_shared(COMMITTEE, SharedKeys({(0, 1, 2): b"\x07" * 32}, confirmed=True))
    assert not keys.has_forgotten(COMMITTEE)
    keys.forget_shared(COMMITTEE)
    keys.forget_shared(COMMITTEE)
    assert keys.has_forgotten(COMMITTEE)
    for secret in (entropy, b"\x07" * 32):
        assert secret.hex().encode() not in content(tmp_path)


def test_members_whose_keys_were_never_set_up_are_left_as_well(tmp_path: Path) -> None:
    keys = Keystore.create(tmp_path)
    keys.forget_shared(COMMITTEE)
    assert Keystore.load(tmp_path).has_forgotten(COMMITTEE)


@pytest.mark.parametrize("step", range(5))
def test_a_crash_leaves_a_secret_whole_or_destroyed(tmp_path: Path, step: int) -> None:
    path = tmp_path / "secret.json"
    path.write_bytes(SECRET)
    try:
        destroy(path, LEFT, CrashingDisk(step))
        crashed = False
    except CrashError:
        crashed = True
    assert crashed == (step < 4), "as many durable steps as there are"
    finish_destroying(tmp_path)
    assert sorted(name for name in os.listdir(tmp_path) if not name.startswith(".new-")) == [LOCK, "secret.json"]
    assert path.read_bytes() == (SECRET if step < 2 else LEFT)
    destroy(path, LEFT)
    finish_destroying(tmp_path)
    assert path.read_bytes() == LEFT


def test_what_is_destroyed_is_overwritten_where_it_lies(tmp_path: Path) -> None:
    """By another name of the same file: what is unlinked alone could be read from the disk."""
    path, seen = tmp_path / "secret.json", tmp_path / "seen"
    path.write_bytes(SECRET)
    os.link(path, seen)
    destroy(path, LEFT)
    assert seen.read_bytes() == bytes(len(SECRET))


class LookingDisk(Disk):
    """A disk before each durable step of which somebody looks at the keys, as each command does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def durably(self, act: Callable[[], object]) -> None:
        finish_destroying(self.directory)
        act()


def test_whoever_looks_at_keys_while_they_are_destroyed_keeps_none_of_them_from_being_overwritten(
    tmp_path: Path,
) -> None:
    path, seen = tmp_path / "secret.json", tmp_path / "seen"
    path.write_bytes(SECRET)
    os.link(path, seen)
    destroy(path, LEFT, LookingDisk(tmp_path))
    assert seen.read_bytes() == bytes(len(SECRET))
    assert path.read_bytes() == LEFT


def test_two_processes_do_not_destroy_in_one_directory_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    path.write_bytes(SECRET)
    lock = FileLock(tmp_path / LOCK, "taken")
    with pytest.raises(TakenError, match="wait until it has finished"):
        destroy(path, LEFT)
    assert path.read_bytes() == SECRET
    lock.release()
    destroy(path, LEFT)


def abandon(path: Path) -> None:
    """Have a file's last write be hours ago."""
    os.utime(path, (1, 1))


def test_new_files_of_processes_that_died_are_overwritten_and_those_of_others_left_alone(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".new-0", tmp_path / ".new-1"
    for path in (old, fresh):
        path.write_bytes(SECRET)
    abandon(old)
    with old.open("rb") as seen:
        finish_destroying(tmp_path)
        assert not any(seen.read()), "it was overwritten"
    assert not old.exists()
    assert fresh.read_bytes() == SECRET, "its process may be about to give it its place"


def test_a_new_file_that_was_given_its_place_is_not_overwritten_there(tmp_path: Path) -> None:
    """Where nothing is replaced it has both names for a moment, at which its process may die."""
    path, other = tmp_path / "secret.json", tmp_path / ".new-0"
    path.write_bytes(SECRET)
    os.link(path, other)
    abandon(other)
    finish_destroying(tmp_path)
    assert not other.exists()
    assert path.read_bytes() == SECRET


def test_shared_keys_that_are_confirmed_leave_nothing_of_the_file_before(tmp_path: Path) -> None:
    keys = Keystore.create(tmp_path)
    shared: dict[tuple[int, ...], bytes] = {(0, 1, 2): b"\x07" * 32}
    keys.save_shared(COMMITTEE, SharedKeys(shared, confirmed=False))
    seen = tmp_path / "seen"
    os.link(next(tmp_path.glob("shared-*.json")), seen)
    keys.save_shared(COMMITTEE, SharedKeys(shared, confirmed=True))
    assert not any(seen.read_bytes()), "it was overwritten"
    assert keys.load_shared(COMMITTEE) == SharedKeys(shared, confirmed=True)
