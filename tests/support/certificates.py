"""Certificates and keys of servers, as PEM files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def issued(
    key: ec.EllipticCurvePublicKey,
    names: Sequence[x509.GeneralName],
    signer: ec.EllipticCurvePrivateKey,
    *,
    subject: str = "localhost",
    issuer: str | None = None,
    days: tuple[int, int] = (-1, 1),
    authority: bool | None = None,
) -> x509.Certificate:
    """A certificate of a key, by whoever signs it.

    Args:
        days: from today, between which it is valid.
        authority: whether it may vouch for others, as its basic constraints say; None for none.
    """
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer or subject)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    return builder.sign(signer, hashes.SHA256())


def self_signed(
    directory: Path, *, name: str = "localhost", days: tuple[int, int] = (-1, 1), password: bytes | None = None
) -> tuple[Path, Path]:
    """A certificate for a host and its key.

    Args:
        days: from today, between which it is valid.
        password: encrypts the key.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    certificate = issued(private.public_key(), [x509.DNSName(name)], private, subject=name, days=days)
    closed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    directory.mkdir(parents=True, exist_ok=True)
    files = (directory / "certificate.pem", directory / "key.pem")
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed))
    return files
