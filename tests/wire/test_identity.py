"""What a server shows of itself: its own key, made once and kept to itself, or what an authority issued."""

from __future__ import annotations

import logging
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from circuits.errors import ConfigError, KeyFileError, StorageError
from commons.settings.loading import load
from commons.settings.pins import with_pin, written_pin
from commons.settings.sections import CoordinatorSettings, ProverSettings
from commons.storage import tlskeys
from commons.storage.files import write_durably
from commons.storage.tlskeys import open_server_key, read_server_key
from commons.wire.identity import announced, identity_of, own_key_file, pin_of_key, tell
from tests.support.certificates import self_signed

ENDPOINT = "grpcs://prover0.example.org:7101"


def prover(home: Path, **changes: object) -> ProverSettings:
    values = {"listen": "0.0.0.0:7101", "endpoint": ENDPOINT, "keystore": home / "keys", "state": home / "state",
              "committee": "0x00000000000000c0"} | changes  # fmt: skip
    given = {f"prover.{name}": value for name, value in values.items()}
    return load(environment={}, overrides=given).section(ProverSettings)


def test_a_servers_own_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        first = identity_of(prover(tmp_path))
    finally:
        os.umask(before)
    file = own_key_file(prover(tmp_path))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    again = identity_of(prover(tmp_path))
    assert first is not None
    assert first == again
    assert first.own
    assert announced(ENDPOINT, first) == with_pin(ENDPOINT, first.pin)
    assert "PRIVATE" not in repr(first) + repr(read_server_key(file))


def test_an_own_certificate_has_no_last_day_and_no_name_that_resolves(tmp_path: Path) -> None:
    made = x509.load_pem_x509_certificate(open_server_key(tmp_path / "tls.pem").certificate)
    assert made.not_valid_before_utc == datetime(1970, 1, 1, tzinfo=UTC)
    assert made.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gradroll.invalid"]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_two_that_start_at_once_have_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tls.pem"
    other = open_server_key(tmp_path / "other.pem")
    write = write_durably

    def slower(path: Path, data: bytes, *, replace: bool) -> None:
        file.hardlink_to(tmp_path / "other.pem")
        write(path, data, replace=replace)

    monkeypatch.setattr(tlskeys, "write_durably", slower)
    assert open_server_key(file) == other


def test_a_key_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        open_server_key(tmp_path / "file" / "tls.pem")


def test_a_key_file_that_is_no_good_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tls.pem"
    with pytest.raises(KeyFileError, match="start the server once"):
        read_server_key(file)
    open_server_key(file)
    raw = file.read_bytes()
    file.chmod(0o640)
    with pytest.raises(KeyFileError, match=r"others can read this key; .* publish its endpoint again"):
        read_server_key(file)
    file.chmod(0o600)
    other = open_server_key(tmp_path / "other.pem")
    cut = raw.index(b"-----BEGIN CERTIFICATE")
    for broken in (b"", raw[:100], raw[:cut], raw[cut:], raw[:cut] + other.certificate, other.private + raw[cut:]):
        file.write_bytes(broken)
        with pytest.raises(KeyFileError, match="not a server's key and its certificate") as caught:
            read_server_key(file)
        assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_certificate_of_an_authority_is_announced_without_a_pin(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    settings = prover(tmp_path, tls_certificate=certificate, tls_key=key)
    found = identity_of(settings)
    assert found is not None
    assert not found.own
    assert announced(ENDPOINT, found) == ENDPOINT
    assert not own_key_file(settings).exists()
    pinned = prover(tmp_path, tls_certificate=certificate, tls_key=key, endpoint=with_pin(ENDPOINT, found.pin))
    assert announced(pinned.endpoint, identity_of(pinned)) == pinned.endpoint


def test_a_pin_in_the_settings_is_that_of_the_key(tmp_path: Path) -> None:
    pin = pin_of_key(open_server_key(tmp_path / "keys" / "tls.pem"))
    settings = prover(tmp_path, endpoint=with_pin(ENDPOINT, pin))
    assert announced(settings.endpoint, identity_of(settings)) == settings.endpoint
    with pytest.raises(ConfigError, match=f"not of this server's key, whose pin is {written_pin(pin)}"):
        identity_of(prover(tmp_path, endpoint=with_pin(ENDPOINT, bytes(32))))


def test_in_the_clear_nothing_is_shown_and_no_certificate_is_named(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    settings = prover(tmp_path, endpoint="127.0.0.1:7101", listen="127.0.0.1:7101")
    assert identity_of(settings) is None
    assert announced(settings.endpoint, None) == settings.endpoint
    assert not own_key_file(settings).exists()
    with pytest.raises(ConfigError, match="the endpoint is in the clear"):
        identity_of(prover(tmp_path, endpoint="127.0.0.1:7101", tls_certificate=certificate, tls_key=key))


def test_a_coordinator_that_says_nothing_of_it_speaks_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = {"coordinator.listen": "127.0.0.1:7100", "coordinator.state": tmp_path, "coordinator.account": "a",
             "coordinator.log": "sqlite:///log"}  # fmt: skip
    settings = load(environment={}, overrides=given).section(CoordinatorSettings)
    found = identity_of(settings)
    assert found is not None
    assert own_key_file(settings) == tmp_path / "tls.pem"
    with caplog.at_level(logging.INFO):
        tell(settings, found)
    assert f"event=listens-over-tls pin={written_pin(found.pin)} endpoint=''" in caplog.text
