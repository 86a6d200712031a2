"""Keys from elsewhere: taken from files only, and shown by no message."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from eth_account import Account

from circuits.errors import KeyFileError, catalogue
from commons.storage.accounts import SigningKey, load_account
from gradroll.cli import main
from gradroll.setup.keyimport import imported_key, read_source

SECRET = bytes.fromhex("0123456789abcdef" * 4)
PASSWORD = "correct horse"


def keystore() -> str:
    """A keystore that is opened quickly."""
    return json.dumps(Account.encrypt(SECRET, PASSWORD, kdf="pbkdf2", iterations=1))


@pytest.mark.parametrize("text", [SECRET.hex(), f"0x{SECRET.hex().upper()}\n"])
def test_a_hexadecimal_key_is_imported(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").write_text(text)
    arguments = ["setup", "account", "--out", str(tmp_path / "new"), "--import", str(tmp_path / "old")]
    assert main(arguments) == 0
    assert load_account(tmp_path / "new") == SigningKey.from_secret(SECRET)
    assert main(arguments) == catalogue()["storage"].exit_status
    shown = capsys.readouterr()
    assert "exists already; it is not overwritten" in shown.err
    assert SECRET.hex() not in f"{shown.out}{shown.err}".lower()


@pytest.mark.parametrize("ending", ["", "\n", "\r\nsecond line\n"])
def test_a_keystore_is_imported_with_its_password(tmp_path: Path, ending: str) -> None:
    (tmp_path / "UTC--keystore").write_text(keystore())
    (tmp_path / "password").write_bytes((PASSWORD + ending).encode())
    arguments = ["setup", "account", "--out", str(tmp_path / "new"), "--import", str(tmp_path / "UTC--keystore")]
    assert main([*arguments, "--password-file", str(tmp_path / "password")]) == 0
    assert load_account(tmp_path / "new") == SigningKey.from_secret(SECRET)


def test_the_password_is_asked_for_without_being_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").write_text(keystore())
    monkeypatch.setattr("gradroll.setup.keyimport.getpass", lambda prompt: PASSWORD)
    assert main(["setup", "account", "--out", str(tmp_path / "new"), "--import", str(tmp_path / "old")]) == 0
    assert load_account(tmp_path / "new").address == SigningKey.from_secret(SECRET).address


def test_standard_input_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SECRET.hex().encode())))
    assert read_source("-") == SECRET.hex().encode()


def _damaged(**changes: object) -> bytes:
    document = json.loads(keystore())
    document["crypto"] |= changes
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (SECRET.hex()[:-1].encode(), "neither an Ethereum keystore nor"),
        (b"\xff" * 64, "neither"),
        (b'{"kind": "account"}', "neither"),
        (b"[" * 60_000, "neither"),
        (b"0" * 64, "below the curve's order"),
        (b"f" * 64, "below the curve's order"),
        (_damaged(mac="00" * 32), "the passphrase is wrong, or the file is damaged"),
        (_damaged(ciphertext=5), "damaged"),
        (_damaged(kdf="none"), "damaged"),
        (_damaged(kdfparams={}), "damaged"),
    ],
)
def test_what_is_no_key_is_refused_in_words(content: bytes, reason: str) -> None:
    with pytest.raises(KeyFileError, match=reason) as refused:
        imported_key("old", content, lambda: PASSWORD)
    assert SECRET.hex() not in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_wrong_password_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").write_text(keystore())
    (tmp_path / "password").write_text("battery staple")
    arguments = ["setup", "account", "--out", str(tmp_path / "new"), "--import", str(tmp_path / "old")]
    assert main([*arguments, "--password-file", str(tmp_path / "password")]) == catalogue()["bad-key-file"].exit_status
    shown = capsys.readouterr().err
    assert "the passphrase is wrong" in shown
    assert "battery" not in shown
    assert not (tmp_path / "new").exists()


def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(bytes(1 << 17))
    for name, reason in (("absent", "No such file"), (".", "Is a directory"), ("long", "too long for a key")):
        with pytest.raises(KeyFileError, match=reason):
            read_source(str(tmp_path / name))
