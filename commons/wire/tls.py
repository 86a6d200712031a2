"""TLS: what a pin names, and in words what keeps client and server apart."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_TROUBLES = (
    (
        "certificate has expired",
        "the certificate of {peer} has expired; its operator has to renew it, or this machine's clock is wrong",
    ),
    ("certificate is not yet valid", "the certificate of {peer} is not valid yet; is this machine's clock right?"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "nobody whom you trust vouches for the certificate of {peer}; if a private authority does, name the file of "
        "its root in tls_roots or --tls-roots (prover_roots at a coordinator); if the server made the key itself, its "
        "endpoint ends in a pin, #sha256-...",
    ),
    (
        "Hostname Verification Check failed",
        "the certificate of {peer} is for another name; use the name that stands in it as the endpoint",
    ),
    (
        "WRONG_VERSION_NUMBER",
        "{peer} does not speak TLS; is the port right? its operator has to write grpcs:// in its own settings, too",
    ),
    (
        "http1.x server",
        "{peer} is no gRPC server but one of HTTP/1; is the port right, or a proxy in between that cannot do HTTP/2?",
    ),
)
"""What gRPC's text holds, and what it means.  The more special one stands first."""
_HUNG_UP = ("failed to connect", "Socket closed")


def pin_of(certificate: x509.Certificate) -> bytes:
    """The pin of a certificate's key: SHA-256 of its SubjectPublicKeyInfo in DER, 32 bytes."""
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).digest()


def unreachable(peer: str, details: str) -> str:
    """In words why a connection to an endpoint failed.

    Args:
        details: what gRPC says.
    """
    for sign, words in _TROUBLES:
        if sign in details:
            return words.format(peer=peer)
    if all(sign in details for sign in _HUNG_UP):
        return (
            f"{peer} hangs up at once; if it uses TLS, take the endpoint as its operator shows it, with grpcs:// "
            f"({details})"
        )
    return f"{peer} cannot be reached ({details}); is it running, and is the address right?"
