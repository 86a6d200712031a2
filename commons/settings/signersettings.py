"""The settings of external signers."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval

from commons.settings.section import Section
from commons.settings.values import File, TlsFiles, Unit, tls_files


class SignerSettings(Section):
    """How an external signer is asked, where an account names one (`https://host:port#0x...`) instead of a key file."""

    timeout: Annotated[float, Interval(ge=1, le=600), Unit("seconds")] = 30.0
    """How long it has for one signature, from the connection to the last byte; one whose people must agree takes
    longer."""
    tls_roots: File | None = None
    """PEM certificates to trust instead of the system's, for the signer."""
    tls_certificate: File | None = None
    """PEM file of the certificate chain that this machine shows the signer."""
    tls_key: File | None = None
    """PEM file of that certificate's private key."""

    @property
    def tls(self) -> TlsFiles | None:
        """What this machine shows, None for nothing.  Raises ConfigError for one file alone."""
        return tls_files(self.tls_certificate, self.tls_key)
