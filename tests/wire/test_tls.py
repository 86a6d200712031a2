"""What keeps two sides from speaking TLS is said in words, with the setting that cures it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from circuits.errors import ConfigError, GradrollError, UnavailableError
from commons.settings.values import TlsFiles
from commons.storage.tlsfiles import read_pair, read_roots
from commons.wire.prover_client import ProverClient
from tests.support.certificates import self_signed
from tests.support.tlsservers import answering, shown


@contextmanager
def serving(tls: TlsFiles | None) -> Iterator[int]:
    """A server that knows no call."""
    with answering(None if tls is None else shown(tls)) as port:
        yield port


def told(endpoint: str, roots: bytes | None = None) -> str:
    """What a client says when it cannot get through."""
    with ProverClient(endpoint, tls_roots=roots) as client, pytest.raises(UnavailableError) as caught:
        client.status()
    return str(caught.value)


@pytest.fixture
def pair(tmp_path: Path) -> TlsFiles:
    return TlsFiles(*self_signed(tmp_path))


def test_a_client_that_trusts_the_certificate_gets_through(pair: TlsFiles) -> None:
    roots = read_roots(pair.certificate, "owner.tls_roots")
    with (
        serving(pair) as port,
        ProverClient(f"grpcs://localhost:{port}", tls_roots=roots) as client,
        pytest.raises(GradrollError, match="UNIMPLEMENTED"),
    ):
        client.status()


def test_whom_nobody_vouches_for_is_refused_with_the_setting_that_helps(pair: TlsFiles, tmp_path: Path) -> None:
    other = self_signed(tmp_path / "other")[0].read_bytes()
    with serving(pair) as port:
        for roots in (None, other):
            words = told(f"grpcs://localhost:{port}", roots)
            assert "nobody whom you trust vouches" in words
            assert "tls_roots" in words


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    elsewhere = TlsFiles(*self_signed(tmp_path, name="elsewhere.example"))
    with serving(elsewhere) as port:
        assert "for another name" in told(f"grpcs://localhost:{port}", elsewhere.certificate.read_bytes())


def test_an_expired_certificate_is_refused_by_clients(pair: TlsFiles, tmp_path: Path) -> None:
    """A server that runs on after the day of its certificate."""
    old = TlsFiles(*self_signed(tmp_path / "old", days=(-3, -1)))
    with serving(old) as port:
        assert "has expired" in told(f"grpcs://localhost:{port}", old.certificate.read_bytes())


def test_one_side_alone_speaks_tls(pair: TlsFiles) -> None:
    with serving(pair) as port:
        assert "with grpcs://" in told(f"localhost:{port}")
    with serving(None) as port:
        assert "does not speak TLS" in told(f"grpcs://localhost:{port}", pair.certificate.read_bytes())


def refused(tls: TlsFiles) -> str:
    with pytest.raises(ConfigError) as caught:
        read_pair(tls.certificate, tls.key)
    return str(caught.value)


def test_what_is_wrong_with_a_servers_files_is_named(pair: TlsFiles, tmp_path: Path) -> None:
    other = TlsFiles(*self_signed(tmp_path / "other"))
    text, nothing = tmp_path / "text", tmp_path / "nothing"
    text.write_text("hello")
    assert "tls_key does not belong to tls_certificate" in refused(TlsFiles(pair.certificate, other.key))
    assert f"tls_key: {nothing} cannot be read" in refused(TlsFiles(pair.certificate, nothing))
    assert f"tls_certificate: {nothing} cannot be read" in refused(TlsFiles(nothing, pair.key))
    assert f"tls_key: {text} is no PEM private key" in refused(TlsFiles(pair.certificate, text))
    assert f"tls_certificate: {text} holds no PEM certificate" in refused(TlsFiles(text, pair.key))
    assert "is encrypted" in refused(TlsFiles(*self_signed(tmp_path / "closed", password=b"secret")))
    assert "has expired" in refused(TlsFiles(*self_signed(tmp_path / "old", days=(-3, -1))))
    assert "clock" in refused(TlsFiles(*self_signed(tmp_path / "new", days=(1, 3))))


def test_roots_are_a_file_of_certificates(pair: TlsFiles, tmp_path: Path) -> None:
    assert read_roots(None, "owner.tls_roots") is None
    with pytest.raises(ConfigError, match=r"owner\.tls_roots: .*gone cannot be read"):
        read_roots(tmp_path / "gone", "owner.tls_roots")
    with pytest.raises(ConfigError, match=r"owner\.tls_roots: .* holds no PEM certificate"):
        read_roots(pair.key, "owner.tls_roots")
