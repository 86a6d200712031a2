"""Key files that are encrypted: opened by the right passphrase alone, once a process, and never taken for another."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from eth_account import Account

from circuits.errors import ConfigError, KeyFileError
from commons.runtime.passphrases import Passphrase
from commons.settings.loading import load
from commons.settings.sections import UnlockSettings
from commons.storage import unlock as unlocking
from commons.storage.accounts import SigningKey, create_account, load_account, save_account
from commons.storage.secretfiles import read_secret_file, write_secret_file
from commons.storage.unlock import LOCKED, Unlock, unlock_by
from gradroll.cli import main
from provers.joining.keystore import Keystore, SharedKeys

RIGHT, WRONG = "correct horse", "battery staple"
COMMITTEE = bytes(31) + b"\x05"
KEYS: dict[tuple[int, ...], bytes] = {(0,): bytes(range(32))}


def knows(passphrase: str) -> Unlock:
    return Unlock(lambda: passphrase)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same functions at less cost."""
    monkeypatch.setattr(unlocking, "_N", 1 << 4)
    encrypt = Account.encrypt
    monkeypatch.setattr(Account, "encrypt", lambda secret, word: encrypt(secret, word, iterations=1 << 4))


def place(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_an_account_is_an_ethereum_keystore_that_other_tools_open(tmp_path: Path) -> None:
    key = create_account(tmp_path / "a.json", knows(RIGHT))
    document = json.loads((tmp_path / "a.json").read_text())
    assert (document["version"], document["crypto"]["kdf"]) == (3, "scrypt")
    assert Account.decrypt(document, RIGHT) == key.secret_bytes()
    assert load_account(tmp_path / "a.json", knows(RIGHT)) == key
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600


def test_a_wrong_or_missing_passphrase_opens_nothing_and_says_no_more(tmp_path: Path) -> None:
    create_account(tmp_path / "a.json", knows(RIGHT))
    write_secret_file(tmp_path / "s.json", "kind", {"secret": "00"}, replace=False, unlock=knows(RIGHT))
    openings: tuple[Callable[[Unlock], object], ...] = (
        lambda unlock: load_account(tmp_path / "a.json", unlock),
        lambda unlock: read_secret_file(tmp_path / "s.json", "kind", unlock),
    )
    for opened in openings:
        with pytest.raises(KeyFileError, match="the passphrase is wrong, or the file is damaged") as caught:
            opened(knows(WRONG))
        assert WRONG not in str(caught.value)
        with pytest.raises(KeyFileError, match=r"is encrypted, and no passphrase is set; .*unlock\.passphrase_file"):
            opened(LOCKED)


def test_what_is_changed_damaged_or_renamed_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    write_secret_file(path, "kind", {"secret": "5ec2e7"}, replace=False, unlock=knows(RIGHT))
    whole = json.loads(path.read_text())
    assert "5ec2e7" not in path.read_text()
    for name in ("salt", "nonce", "sealed"):
        flipped = f"{int(whole[name][0], 16) ^ 1:x}{whole[name][1:]}"
        for text in (flipped, whole[name][2:], "", "zz", None):
            place(path, json.dumps(whole | {name: text}))
            with pytest.raises(KeyFileError, match="the passphrase is wrong, or the file is damaged"):
                read_secret_file(path, "kind", knows(RIGHT))
    for changed, name, kind in ((whole, "other.json", "kind"), (whole | {"kind": "other"}, "s.json", "other")):
        place(tmp_path / name, json.dumps(changed))
        with pytest.raises(KeyFileError, match="cannot be opened"):
            read_secret_file(tmp_path / name, kind, knows(RIGHT))
    place(path, json.dumps(whole | {"version": 3}))
    with pytest.raises(KeyFileError, match="that this release reads"):
        read_secret_file(path, "kind", knows(RIGHT))


def test_plain_files_are_read_as_before(tmp_path: Path) -> None:
    key = create_account(tmp_path / "a.json")
    assert load_account(tmp_path / "a.json", knows(RIGHT)) == load_account(tmp_path / "a.json") == key


def test_a_keystore_is_encrypted_whole_and_stays_so(tmp_path: Path) -> None:
    made = Keystore.create(tmp_path / "keys", knows(RIGHT))
    entropy = made.dealing_entropy(COMMITTEE)
    assert made.fix_recipients(COMMITTEE, [bytes(32)])
    made.save_shared(COMMITTEE, SharedKeys(KEYS, confirmed=True))
    again = Keystore.load(tmp_path / "keys", knows(RIGHT))
    assert (again.account, again.hpke_secret) == (made.account, made.hpke_secret)
    assert again.dealing_entropy(COMMITTEE) == entropy
    assert again.fix_recipients(COMMITTEE, [bytes(32)])
    assert not again.fix_recipients(COMMITTEE, [bytes(range(32))])
    shared = again.load_shared(COMMITTEE)
    assert shared is not None
    assert shared.keys == KEYS
    again.save_shared(COMMITTEE, shared)
    secrets = (made.account.secret_bytes(), made.hpke_secret, entropy, *KEYS.values())
    for file in (tmp_path / "keys").iterdir():
        assert not any(secret.hex() in file.read_text() for secret in secrets)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for unlock in (knows(WRONG), LOCKED):
        with pytest.raises(KeyFileError):
            Keystore.load(tmp_path / "keys", unlock)


@pytest.mark.parametrize("name", ["hpke.json", "dealing", "recipients", "shared"])
def test_a_file_in_the_clear_is_not_taken_in_place_of_an_encrypted_one(tmp_path: Path, name: str) -> None:
    """Somebody who writes to the disk, but does not know the passphrase, puts keys there that it knows."""
    made, other = Keystore.create(tmp_path / "keys", knows(RIGHT)), Keystore.create(tmp_path / "other")
    for each in (made, other):
        each.dealing_entropy(COMMITTEE)
        each.fix_recipients(COMMITTEE, [bytes(32)])
        each.save_shared(COMMITTEE, SharedKeys(KEYS, confirmed=True))
    (file,) = [path for path in (tmp_path / "other").iterdir() if path.name.startswith(name)]
    place(tmp_path / "keys" / file.name, file.read_text())
    uses: dict[str, Callable[[Keystore], Any]] = {
        "hpke.json": lambda _: None, "dealing": lambda keys: keys.dealing_entropy(COMMITTEE),
        "recipients": lambda keys: keys.fix_recipients(COMMITTEE, [bytes(32)]),
        "shared": lambda keys: keys.load_shared(COMMITTEE),
    }  # fmt: skip
    with pytest.raises(KeyFileError, match="it is not encrypted, though the other files"):
        uses[name](Keystore.load(tmp_path / "keys", knows(RIGHT)))


def test_the_cost_is_paid_once_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passphrase = Passphrase(file=place(tmp_path / "word", f"{RIGHT}\n"))
    Keystore.create(tmp_path / "keys", unlock_by(passphrase)).dealing_entropy(COMMITTEE)
    paid: list[str] = []

    decrypt = Account.decrypt

    def derived(**named: Any) -> Scrypt:
        paid.append("ours")
        return Scrypt(**named)

    def decrypted(*given: Any) -> bytes:
        paid.append("account")
        return bytes(decrypt(*given))

    monkeypatch.setattr(unlocking, "Scrypt", derived)
    monkeypatch.setattr(Account, "decrypt", decrypted)
    fresh = knows(RIGHT)
    for _ in range(3):
        keys = Keystore.load(tmp_path / "keys", fresh)
        keys.dealing_entropy(COMMITTEE)
        keys.save_shared(COMMITTEE, SharedKeys(KEYS, confirmed=False))
        load_account(tmp_path / "keys" / "account.json", fresh)
    assert sorted(paid) == ["account", "ours"]
    assert unlock_by(passphrase) is unlock_by(Passphrase(file=tmp_path / "word"))


def test_a_passphrase_comes_from_a_file_a_variable_or_a_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Passphrase(file=place(tmp_path / "word", f"{RIGHT}\r\nmore\n")).read() == RIGHT
    monkeypatch.setenv("KEY_WORD", RIGHT)
    by_variable = Passphrase(variable="KEY_WORD")
    assert [by_variable.read(), by_variable.read()] == [RIGHT, RIGHT]
    assert "KEY_WORD" not in os.environ  # so no process that is started here has it
    reading, writing = os.pipe()
    os.write(writing, f"{RIGHT}\n".encode())
    os.close(writing)
    by_descriptor = Passphrase(descriptor=reading)
    assert [by_descriptor.read(), by_descriptor.read()] == [RIGHT, RIGHT]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)


def test_a_place_without_a_passphrase_is_named(tmp_path: Path) -> None:
    for passphrase, words in (
        (Passphrase(file=tmp_path / "gone"), r"gone \(unlock\.passphrase_file\) cannot be read"),
        (Passphrase(file=place(tmp_path / "empty", "\nsecond")), "holds no passphrase"),
        (Passphrase(file=place(tmp_path / "shared", RIGHT, 0o640)), "others can read this passphrase; chmod 600"),
        (Passphrase(variable="NO_SUCH_WORD"), r"the variable NO_SUCH_WORD \(unlock\.passphrase_env\) holds no"),
        (Passphrase(descriptor=65_000), r"descriptor 65000 \(unlock\.passphrase_fd\) cannot be read"),
    ):
        with pytest.raises(ConfigError, match=words):
            passphrase.read()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "binary").chmod(0o600)
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        Passphrase(file=tmp_path / "binary").read()
    assert caught.value.__suppress_context__


def test_settings_name_one_place(tmp_path: Path) -> None:
    def section(**values: object) -> UnlockSettings:
        given = {f"unlock.{name}": value for name, value in values.items()}
        return load(environment={}, overrides=given).section(UnlockSettings)

    assert not section().passphrase
    assert unlock_by(section().passphrase) is LOCKED
    assert section(passphrase_fd=0).passphrase == Passphrase(descriptor=0)
    with pytest.raises(ConfigError, match="several places"):
        _ = section(passphrase_fd=0, passphrase_file=tmp_path / "word").passphrase


def test_a_keystore_that_asks_for_too_much_work_is_refused(tmp_path: Path) -> None:
    save_account(tmp_path / "a.json", SigningKey.generate(), knows(RIGHT))
    whole = json.loads((tmp_path / "a.json").read_text())
    for change in ({"n": 1 << 30}, {"r": 1 << 24}, {"p": 17}, {"c": 10**8}):
        whole["crypto"]["kdfparams"] |= change
        place(tmp_path / "b.json", json.dumps(whole))
        with pytest.raises(KeyFileError, match="asks for more work than any wallet does"):
            load_account(tmp_path / "b.json", knows(RIGHT))
        whole = json.loads((tmp_path / "a.json").read_text())
    for name, value in (("n", -1), ("n", "16"), ("n", True), ("r", 0)):
        whole["crypto"]["kdfparams"][name] = value
        place(tmp_path / "b.json", json.dumps(whole))
        with pytest.raises(KeyFileError, match="damaged keystore"):
            load_account(tmp_path / "b.json", knows(RIGHT))
        whole = json.loads((tmp_path / "a.json").read_text())


def test_commands_make_and_import_encrypted_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADROLL_UNLOCK_PASSPHRASE_FILE", str(place(tmp_path / "word", f"{RIGHT}\n")))
    assert main(["setup", "account", "--out", "made.json", "--encrypt"]) == 0
    assert main(["prover", "init", "--keystore", "keys", "--encrypt"]) == 0
    place(tmp_path / "old", f"{WRONG}\n")
    foreign = Account.encrypt(b"\x01" * 32, WRONG)
    place(tmp_path / "wallet.json", json.dumps(foreign))
    imported = ["setup", "account", "--import", "wallet.json", "--password-file", "old", "--out", "new.json"]
    assert main([*imported, "--encrypt"]) == 0
    assert load_account(tmp_path / "new.json", knows(RIGHT)).secret_bytes() == b"\x01" * 32
    assert load_account(tmp_path / "made.json", knows(RIGHT)).address
    assert Keystore.load(tmp_path / "keys", knows(RIGHT)).address
    monkeypatch.delenv("GRADROLL_UNLOCK_PASSPHRASE_FILE")
    typed = iter([RIGHT, WRONG, WRONG, WRONG])
    monkeypatch.setattr("gradroll.setup.keyimport.getpass", lambda _: next(typed))
    assert main(["setup", "account", "--out", "typed.json", "--encrypt"]) == 6
    assert "the two are not the same" in capsys.readouterr().err
    assert not (tmp_path / "typed.json").exists()
    assert main(["setup", "account", "--out", "typed.json", "--encrypt"]) == 0
    assert load_account(tmp_path / "typed.json", knows(WRONG)).address
