"""The error catalogue on gRPC: status for machines that know only gRPC, the code for those that know us.

A server answers with the status of an error's code, its message, and the code in the trailing metadata; a
client raises the same class with the same message again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import NoReturn, TypeVar

import grpc

from circuits.errors import BlamedProversError, GradrollError, UnavailableError

_CODE, _PROVERS = "gradroll-code", "gradroll-provers"
_MAX_MESSAGE = 2000
_log = logging.getLogger(__name__)

S = grpc.StatusCode
STATUS: dict[str, grpc.StatusCode] = {
    "internal": S.INTERNAL,
    "invalid-input": S.INVALID_ARGUMENT,
    "bad-gradient": S.INVALID_ARGUMENT,
    "bad-message": S.INVALID_ARGUMENT,
    "bad-assignment": S.INVALID_ARGUMENT,
    "bad-circuit": S.FAILED_PRECONDITION,
    "bad-signature": S.PERMISSION_DENIED,
    "bad-key-file": S.FAILED_PRECONDITION,
    "key-mismatch": S.FAILED_PRECONDITION,
    "insecure-setup": S.FAILED_PRECONDITION,
    "proof-invalid": S.ABORTED,
    "rule-violation": S.PERMISSION_DENIED,
    "not-ready": S.FAILED_PRECONDITION,
    "closed": S.FAILED_PRECONDITION,
    "unknown": S.NOT_FOUND,
    "chain": S.UNAVAILABLE,
    "contract-refused": S.FAILED_PRECONDITION,
    "unavailable": S.UNAVAILABLE,
    "storage": S.RESOURCE_EXHAUSTED,
    "config": S.FAILED_PRECONDITION,
    "prover-blamed": S.ABORTED,
    "inconsistent": S.ABORTED,
}

Request = TypeVar("Request")
Reply = TypeVar("Reply")
OnError = Callable[[GradrollError], None]


def catalogue() -> dict[str, type[GradrollError]]:
    """Every error class by its code."""
    found: dict[str, type[GradrollError]] = {}
    pending: list[type[GradrollError]] = [GradrollError]
    while pending:
        kind = pending.pop()
        found.setdefault(kind.code, kind)
        pending.extend(kind.__subclasses__())
    return found


def status_of(error: GradrollError) -> grpc.StatusCode:
    """The gRPC status that stands for an error."""
    return STATUS.get(error.code, S.UNKNOWN)


def abort(context: grpc.ServicerContext, error: GradrollError) -> NoReturn:
    """End a call with an error of the catalogue."""
    metadata = [(_CODE, error.code)]
    if isinstance(error, BlamedProversError):
        metadata.append((_PROVERS, ",".join(map(str, error.provers))))
    context.set_trailing_metadata(tuple(metadata))
    context.abort(status_of(error), str(error)[:_MAX_MESSAGE])
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
        reference = secrets.token_hex(4)
        _log.exception("event=internal-error reference=%s", reference)
        abort(context, GradrollError(f"internal error; look for reference {reference} in the server's log"))


def from_rpc(error: grpc.RpcError, peer: str) -> GradrollError:
    """The error that a server raised, or UnavailableError when there was no answer."""
    if not isinstance(error, grpc.Call):
        return UnavailableError(f"{peer}: {error}")
    metadata = {str(key): value for key, value in error.trailing_metadata() or ()}
    code, message = _text(metadata.get(_CODE)), error.details() or ""
    if code is not None:
        kind = catalogue().get(code, GradrollError)
        if kind is BlamedProversError:
            return BlamedProversError(_indices(_text(metadata.get(_PROVERS)) or ""), message)
        return kind(message)
    status = error.code()
    if status is S.DEADLINE_EXCEEDED:
        return UnavailableError(f"{peer} did not answer in time; try again, or allow it more time")
    if status is S.UNAVAILABLE:
        return UnavailableError(f"{peer} cannot be reached ({message}); is it running, and is the address right?")
    return GradrollError(f"{peer} answered {status.name}: {message}")


@contextmanager
def calling(peer: str) -> Generator[None]:
    """Raise the catalogue's error for whatever goes wrong in a call to ``peer``."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc(error, peer) from error


def _text(value: str | bytes | None) -> str | None:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _indices(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.isdecimal())


def unary(
    handler: Callable[[Request, grpc.ServicerContext], Reply], on_error: OnError | None = None
) -> Callable[[Request, grpc.ServicerContext], Reply]:
    """Wrap a handler with one reply so that it may raise errors of the catalogue."""

    @wraps(handler)
    def wrapped(request: Request, context: grpc.ServicerContext) -> Reply:
        with answering(context, on_error):
            return handler(request, context)

    return wrapped


def streaming(
    handler: Callable[[Request, grpc.ServicerContext], Iterator[Reply]], on_error: OnError | None = None
) -> Callable[[Request, grpc.ServicerContext], Iterator[Reply]]:
    """Wrap a handler with a stream of replies so that it may raise errors of the catalogue."""

    @wraps(handler)
    def wrapped(request: Request, context: grpc.ServicerContext) -> Iterator[Reply]:
        with answering(context, on_error):
            yield from handler(request, context)

    return wrapped
