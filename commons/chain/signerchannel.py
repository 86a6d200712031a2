"""HTTP to an external signer: one exchange a question, no second try, and the name of every way to fail."""

from __future__ import annotations

import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

import requests
from requests.exceptions import SSLError

from circuits.errors import SignerError
from commons.runtime.exchange import PlainSession, TooMuchError, body_of, causes, over_within, reason_of
from commons.runtime.scrubbing import hide
from commons.runtime.urls import SecretUrl
from commons.settings.signersettings import SignerSettings
from commons.storage.tlsfiles import read_pair, read_roots

MOST_BYTES = 1 << 20
"""Of one answer: some times what the largest transaction takes."""
_HEADERS = {
    "Content-Type": "application/json", "Accept": "application/json, text/plain", "User-Agent": "gradroll",
    "Connection": "close",
}  # fmt: skip


class SignerChannel:
    """The way to one external signer.  Thread-safe.

    A question is asked once: whoever wants a signature knows what may be signed a second time.  Nothing of the
    environment counts: no proxy, no certificates, no passwords of other files.

    Args:
        url: its base; neither shown nor kept where it could be.
    """

    def __init__(self, url: SecretUrl, own: SignerSettings) -> None:
        """Raises ConfigError: a file for TLS cannot be used."""
        hide(url.reveal())
        self.shown = url.shown
        self._url, self._timeout = url, own.timeout
        self._verify: str | bool = str(own.tls_roots) if own.tls_roots else True
        self._shows = (str(own.tls.certificate), str(own.tls.key)) if own.tls else None
        _require_usable(own)

    def post(self, path: str, body: bytes) -> bytes:
        """What it answers to a body of JSON.

        Args:
            path: what comes behind the base, with a slash before it; empty for the base itself.

        Raises:
            SignerError: it cannot be reached, or does not answer well.
        """
        return self._exchanged("POST", path, body)

    def get(self, path: str) -> bytes:
        """What it shows at a path.  Raises as ``post``."""
        return self._exchanged("GET", path, None)

    def trouble(self, what: str) -> SignerError:
        """An error about what it did: words that go on from its name."""
        return SignerError(f"the signer at {self.shown} {what}")

    def hidden_in(self, text: str) -> str:
        """What the signer says, without what may be secret of its URL."""
        return self._url.hidden_in(text)

    def _exchanged(self, method: str, path: str, body: bytes | None) -> bytes:
        base = self._url.reveal()
        url = f"{base.rstrip('/')}{path}" if path else base
        try:
            with PlainSession() as session, over_within(self._timeout):
                session.trust_env = False
                with session.request(
                    method, url, data=body, headers=_HEADERS, timeout=self._timeout, stream=True,
                    allow_redirects=False, verify=self._verify, cert=self._shows,
                ) as response:  # fmt: skip
                    self._require_well(response)
                    return body_of(response, MOST_BYTES)
        except TooMuchError:
            raise self.trouble(
                f"answers with over {MOST_BYTES >> 20} MiB; is it a signer? correct the account's place"
            ) from None
        except OSError as error:
            raise self._unreached(error) from None  # what the library says has the URL
        except ValueError:  # a header, or a URL, that the library cannot read
            raise self.trouble(
                "answers with no HTTP that can be read; is it a signer? correct the account's place"
            ) from None

    def _require_well(self, response: requests.Response) -> None:
        """Raise unless it took the question.  Neither the body is shown nor where it sends: it is anybody's text."""
        status = response.status_code
        if response.is_redirect or 300 <= status < 400:
            raise self.trouble(
                f"sends elsewhere with HTTP status {status}, which is not followed; name the signer itself"
            )
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise self.trouble(
                f"refuses these credentials (HTTP status {status}); correct the password in the account's place, or "
                "signer.tls_certificate"
            )
        if status == HTTPStatus.NOT_FOUND:
            raise self.trouble(
                "has not this key, or not this API (HTTP status 404); correct the account's place, and give it the key"
            )
        if not response.ok:
            raise self.trouble(f"answers with HTTP status {status}; look at its log")

    def _unreached(self, error: OSError) -> SignerError:
        found = tuple(causes(error))
        if isinstance(error, requests.Timeout) or any(isinstance(cause, TimeoutError) for cause in found):
            return self.trouble(
                f"has not answered within {self._timeout:g} s; look at its log, or raise signer.timeout"
            )
        if isinstance(error, SSLError) or any(isinstance(cause, ssl.SSLError) for cause in found):
            return self.trouble(
                f"and this machine do not agree on TLS: {reason_of(error)}; check its certificate, signer.tls_roots "
                "and signer.tls_certificate"
            )
        if any(isinstance(cause, ConnectionRefusedError) for cause in found):
            return self.trouble("cannot be reached; is it running?")
        host = urlsplit(self.shown).hostname
        return self.trouble(f"cannot be reached: {reason_of(error)}; look at the network between here and {host}")


def _require_usable(own: SignerSettings) -> None:
    """Raise ConfigError for files that TLS could not use later."""
    read_roots(own.tls_roots, "signer.tls_roots")
    if own.tls is not None:
        read_pair(own.tls.certificate, own.tls.key, "signer.")
