"""A channel whose answers are bounded before they become objects: servers are strangers as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import grpc

from circuits.errors import WireError
from commons.wire import prescan


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An answer that was refused.  gRPC logs what a deserializer raises, so it is handed on instead."""

    error: WireError


def readable(answer: Any) -> Any:
    """An answer of a checked channel.  Raises WireError for one that was refused."""
    if isinstance(answer, Unreadable):
        raise answer.error
    return answer


class _CheckedChannel:
    """What stubs make of a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        for kind in ("unary_unary", "unary_stream", "stream_unary", "stream_stream"):
            setattr(self, kind, partial(_made, getattr(channel, kind)))


def checked(channel: grpc.Channel) -> grpc.Channel:
    """A channel for stubs, whose answers are read by ``prescan``; pass them through ``readable``."""
    return cast("grpc.Channel", _CheckedChannel(channel))


def _made(make: Callable[..., Any], path: str, *, response_deserializer: Callable[[bytes], Any], **others: Any) -> Any:
    kind = type(response_deserializer(b""))

    def read(raw: bytes) -> Any:
        try:
            return prescan.read(raw, kind)
        except WireError as error:
            return Unreadable(error)

    return make(path, response_deserializer=read, **others)
