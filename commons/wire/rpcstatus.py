"""The error catalogue on gRPC: status for machines that know only gRPC, the code for those that know us.

A server answers with the status of an error, its message, and the code in the trailing metadata; a
client raises the same class with the same message again.  A server that is full, or stands by, says in
``retry-after-ms`` when to come back, in whole milliseconds.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from traceback import extract_tb
from typing import NoReturn

import grpc

from circuits.errors import BlamedProversError, BusyError, GradrollError, StandbyError, UnavailableError, catalogue
from commons.protocol.messages import MAX_PROVERS
from commons.runtime.foreigntext import printable
from commons.runtime.seldom import Seldom
from commons.wire.tls import unreachable

_CODE, _PROVERS, _RETRY = "gradroll-code", "gradroll-provers", "retry-after-ms"
_MAX_MESSAGE, _MAX_DIGITS = 2000, 3
_MAX_RETRY_DIGITS, _SHORTEST_RETRY, _LONGEST_RETRY = 9, 0.1, 60.0
"""Digits that are read, and seconds that are believed: a server must not send its callers away for ever."""
_TOO_LARGE = "larger than max"
"""Of gRPC's own words for a message beyond the limit, which has the status of overload."""
_SALT = secrets.token_bytes(16)
"""So that a reference says nothing of the place in the program."""
LEAST = 0.01
"""Seconds that a call is given in any case, so that gRPC says what is wrong."""
_log = logging.getLogger(__name__)
_seldom = Seldom(_log)

S = grpc.StatusCode

OnError = Callable[[GradrollError], None]


def abort(context: grpc.ServicerContext, error: GradrollError) -> NoReturn:
    """End a call with an error of the catalogue; what speaks of this machine goes to the log alone."""
    message = _behind_reference(error) if error.own_machine else str(error)
    metadata = [(_CODE, error.code)]
    if isinstance(error, BlamedProversError):
        metadata.append((_PROVERS, ",".join(map(str, error.provers))))
    if isinstance(error, BusyError | StandbyError):
        metadata.append((_RETRY, str(round(error.retry_after * 1000))))
    context.set_trailing_metadata(tuple(metadata))
    context.abort(grpc.StatusCode[error.rpc_status], message[:_MAX_MESSAGE])
    raise error  # abort never returns; this line is for readers that cannot know


@contextmanager
def answering(context: grpc.ServicerContext, on_error: OnError | None = None) -> Generator[None]:
    """Translate what a handler raises; an unforeseen exception is logged and hidden behind a reference."""
    try:
        yield
    except GradrollError as error:
        if on_error is not None:
            on_error(error)
        abort(context, error)
    except Exception as error:
        if not context.is_active() or isinstance(error, grpc.RpcError):
            raise
        abort(context, GradrollError(_behind_reference(error)))


def code_told(context: grpc.ServicerContext) -> str | None:
    """The code of the error that a call was ended with here; None where it was ended without one."""
    metadata = {str(key): value for key, value in context.trailing_metadata() or ()}
    return _text(metadata.get(_CODE))


def _behind_reference(error: Exception) -> str:
    """Log an error whole, with a reference; returns what a stranger is told instead.

    A cause has the same reference as long as the process runs: of one that was logged a moment ago there is no line.
    """
    cause = (type(error).__name__, *_place(error))
    reference = sha256(_SALT + repr(cause).encode()).hexdigest()[:8]
    if isinstance(error, GradrollError):
        trouble = "event=own-trouble reference=%s code=%s reason=%r"
        _seldom.say(logging.ERROR, cause, trouble, reference, error.code, str(error))
    else:
        _seldom.say(logging.ERROR, cause, "event=internal-error reference=%s", reference, error=error)
    return f"the server has a problem of its own (reference {reference}); its operator finds the cause in its log"


def _place(error: Exception) -> tuple[str, int]:
    """Where an error was raised, which no caller can choose freely."""
    frames = extract_tb(error.__traceback__)
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)


def closed_here(peer: str) -> UnavailableError:
    """Of a call that begins, or is under way, while the connection is closed at this end."""
    return UnavailableError(f"the connection to {peer} was closed here")


def from_rpc(error: grpc.RpcError, peer: str, seconds: float | None = None) -> GradrollError:
    """The error that a server raised, or UnavailableError when there was no answer.

    Args:
        seconds: how long the server had for the call, if that was limited.
    """
    if not isinstance(error, grpc.Call):
        return UnavailableError(f"{peer}: {error}")
    metadata = {str(key): value for key, value in error.trailing_metadata() or ()}
    code, message = _text(metadata.get(_CODE)), printable(error.details() or "", _MAX_MESSAGE)
    if code is not None:
        return _named(code, message, metadata)
    return _unanswered(error.code(), message, peer, seconds)


def _named(code: str, message: str, metadata: Mapping[str, str | bytes]) -> GradrollError:
    kind = catalogue().get(code, GradrollError)
    error: GradrollError
    if kind is BlamedProversError:
        error = BlamedProversError(_indices(_text(metadata.get(_PROVERS)) or ""), message)
    elif kind is BusyError:
        error = BusyError(message, _seconds(_text(metadata.get(_RETRY)) or ""))
    elif kind is StandbyError:
        error = StandbyError(message, _seconds(_text(metadata.get(_RETRY)) or ""))
    else:
        error = kind(message)
    error.own_machine = False  # it is another machine's, and that one has said of it what others may know
    return error


def _unanswered(status: grpc.StatusCode, message: str, peer: str, seconds: float | None) -> GradrollError:
    """What gRPC itself says when no server of ours did."""
    if status is S.DEADLINE_EXCEEDED:
        limit = "in time" if seconds is None else f"within {seconds:g} seconds"
        return UnavailableError(f"{peer} did not answer {limit}; try again, or allow it more time")
    if status is S.UNAVAILABLE:
        return UnavailableError(unreachable(peer, message))
    if status is S.CANCELLED:
        return UnavailableError(f"{peer} ended the call, as a server does when nothing moves for long; try again")
    if status is S.RESOURCE_EXHAUSTED and _TOO_LARGE not in message:  # refused before any code of ours was reached
        return BusyError(f"{peer} has as many calls as it takes at a time; ask again in a while")
    return GradrollError(f"{peer} answered {status.name}: {message}")


@contextmanager
def calling(peer: str, seconds: float | None = None) -> Generator[None]:
    """Raise the catalogue's error for whatever goes wrong in a call to ``peer``, which has so many seconds for it."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc(error, peer, seconds) from error


def _text(value: str | bytes | None) -> str | None:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _seconds(text: str) -> float:
    """When to come back, from milliseconds that a peer wrote."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_RETRY_DIGITS):
        return BusyError("").retry_after
    return min(max(int(text) / 1000, _SHORTEST_RETRY), _LONGEST_RETRY)


def _indices(text: str) -> tuple[int, ...]:
    """Committee indices; a peer may have written anything."""
    few = (part for part in text.split(",") if part.isdecimal() and len(part) <= _MAX_DIGITS)
    return tuple(sorted({int(part) for part in few if int(part) < MAX_PROVERS}))
