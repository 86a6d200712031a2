"""Connections that come from another address of the loopback network, as if from another machine."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_PIECE = 1 << 16


class Elsewhere:
    """A relay on this machine whose connections to a port come from ``address``.  A context manager."""

    def __init__(self, port: int, address: str) -> None:
        self.endpoint = ""
        self._target, self._address = port, address
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="elsewhere", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._relay, "127.0.0.1", 0, backlog=1024), self._loop
        ).result()
        self.endpoint = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):  # the end of a task would be reported as an error
            onward = await asyncio.open_connection("127.0.0.1", self._target, local_addr=(self._address, 0))
            await asyncio.gather(_pour(reader, onward[1]), _pour(onward[0], writer))


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while piece := await source.read(_PIECE):
                into.write(piece)
                await into.drain()
    finally:
        into.close()
