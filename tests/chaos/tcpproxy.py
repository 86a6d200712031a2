"""What stands between everybody who talks: passes bytes on, and holds, delays or cuts them by caller and callee.

It knows a caller by the process at the near end of a connection, so that all use the same addresses, as outside, and it
looks into nothing, so that it serves for TLS as well.  Each caller arrives from an address of its own in 127/8.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
_PIECE = 1 << 16
_AT_ONCE = struct.pack("ii", 1, 0)
"""Linger no second: the end is a reset (socket(7))."""


class Line:
    """What is done to the bytes of one caller to one callee, both ways."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.delay = 0.0
        self.writers: set[asyncio.StreamWriter] = set()


class Proxy:
    """A context manager.  Its methods may be called from any thread.

    Args:
        caller_of: name of the process whose connection comes from a port of 127.0.0.1.
        address_of: source address for a caller's connections.
    """

    def __init__(self, caller_of: Callable[[int], str], address_of: Callable[[str], str]) -> None:
        self._caller_of, self._address_of = caller_of, address_of
        self._lines: dict[tuple[str, str], Line] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def listen(self, callee: str, port: int, onward: Callable[[], int]) -> None:
        """Stand before a server: connections to ``port`` go on to where ``onward`` says then."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.CancelledError):  # the end of a task would be reported as an error
                await self._relay(callee, onward(), reader, writer)

        async def start() -> None:
            self._servers.append(await asyncio.start_server(accept, "127.0.0.1", port, backlog=1024))

        self._run(start())

    def hold(self, caller: str, callee: str) -> None:
        """Let nothing through: what is sent waits, as it does in a network that drops it."""
        self._run(self._change(caller, callee, lambda line: line.open.clear()))

    def delay(self, caller: str, callee: str, seconds: float) -> None:
        """Keep each piece for so long."""
        self._run(self._change(caller, callee, lambda line: setattr(line, "delay", seconds)))

    def heal(self, caller: str, callee: str) -> None:
        """Let everything through again, also what was held."""

        def healed(line: Line) -> None:
            line.delay = 0.0
            line.open.set()

        self._run(self._change(caller, callee, healed))

    def cut(self, caller: str, callee: str) -> int:
        """Reset the connections that there are; how many there were."""
        return self._reset(lambda: self._line(caller, callee).writers)

    def cut_all(self, callee: str) -> int:
        """The same of all callers."""
        return self._reset(
            lambda: [writer for (_, to), line in self._lines.items() if to == callee for writer in line.writers]
        )

    def _reset(self, writers: Callable[[], Iterable[asyncio.StreamWriter]]) -> int:
        async def reset() -> int:
            for writer in (found := list(writers())):
                near = writer.get_extra_info("socket")
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                writer.transport.abort()
            return len(found) // 2

        return self._run(reset())

    async def _change(self, caller: str, callee: str, change: Callable[[Line], object]) -> None:
        change(self._line(caller, callee))

    def _line(self, caller: str, callee: str) -> Line:
        return self._lines.setdefault((caller, callee), Line())

    async def _relay(
        self, callee: str, onward: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        source = writer.get_extra_info("peername")[1]
        caller = await asyncio.to_thread(self._caller_of, source)
        line = self._line(caller, callee)
        line.writers.add(writer)
        try:
            await line.open.wait()
            there, back = await asyncio.open_connection("127.0.0.1", onward, local_addr=(self._address_of(caller), 0))
            line.writers.add(back)
            try:
                await asyncio.gather(_pour(reader, back, line), _pour(there, writer, line))
            finally:
                line.writers.discard(back)
                back.close()
        finally:
            line.writers.discard(writer)
            writer.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter, line: Line) -> None:
    try:
        with suppress(OSError):
            while piece := await source.read(_PIECE):
                await asyncio.sleep(line.delay)
                await line.open.wait()
                into.write(piece)
                await into.drain()
    finally:
        into.close()
