"""Keeps what is secret of configured URLs out of every line that a process logs, whoever writes it.

Libraries write addresses as they were given: `urllib3` on every connection, and as a warning when headers cannot be
read, which a server decides.  Exceptions have them in their words, and tracebacks in their frames' messages.  So a line
is cleaned as a whole, once it is formatted, and no level or logger is trusted to be quiet.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

from commons.runtime.urls import may_hold_secrets, secret_parts

_HIDDEN = "..."
_SHORTEST = 4
_lock = threading.Lock()
_known: frozenset[str] = frozenset()


def hide(url: str) -> None:
    """Hide a URL's secrets from now on: the URL, its userinfo, and parts of its path and query that may be keys."""
    global _known  # noqa: PLW0603 - of the process, as logging is
    with _lock:
        _known |= frozenset(_forms(url))


def scrubbed(text: str) -> str:
    """A text without what is to be hidden, longest first."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


class ScrubbingFormatter(logging.Formatter):
    """Formats a record with its arguments, traceback and stack, then hides what is secret in all of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole text of a record."""
        return scrubbed(super().format(record))


def _forms(url: str) -> Iterator[str]:
    """What to look for: as it is written, as it is meant, and as a header carries it.

    A word of few letters is hidden in its place alone, as it stands in lines that have nothing to do with it.
    """
    if may_hold_secrets(url):
        yield url
    for part in secret_parts(url):
        yield from (form for form in (part, unquote(part), quote(part, safe="")) if len(form) >= _SHORTEST)
    userinfo, at, _ = _place(url).rpartition("@")
    if at:
        yield f"{userinfo}@"
        yield base64.b64encode(unquote(userinfo).encode()).decode("ascii")


def _place(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
