"""A live anvil node for tests."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from eth_account import Account
from web3.types import RPCEndpoint

from circuits.errors import ChainError
from commons.chain.rpc import ErrorTable, Rpc
from commons.storage.accounts import SigningKey
from gradroll.setup.freeports import free_ports

MNEMONIC = "test test test test test test test test test test test junk"
"""Of the accounts that every anvil node funds."""


def funded_keys(count: int = 10) -> tuple[SigningKey, ...]:
    """The keys of an anvil node's first accounts."""
    Account.enable_unaudited_hdwallet_features()
    return tuple(
        SigningKey.from_secret(bytes(Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}").key))
        for number in range(count)
    )


def binary_in(contracts: Path) -> Path | None:
    """The native anvil binary that npm installed, None when there is none."""
    found = sorted(contracts.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    return found[0] if found else None


class Anvil:
    """An anvil process on a free port; ended when the block is left.

    Attributes:
        url: its JSON-RPC address.
    """

    def __init__(self, binary: Path, log: Path) -> None:
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self._binary = binary
        self._log = log

    def __enter__(self) -> Anvil:
        with self._log.open("wb") as log:
            arguments = [str(self._binary), "--port", str(self._port), "--host", "127.0.0.1"]
            self._process = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT)
        rpc, deadline = Rpc(self.url, ErrorTable(())), time.monotonic() + 300
        while True:
            try:
                rpc.head()
                return self
            except ChainError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self._stop()
                    raise
                time.sleep(0.1)

    def ask(self, method: str, *arguments: object) -> Any:
        """The node's answer to one question, also one that only anvil knows."""
        provider = Rpc(self.url, ErrorTable(())).web3.provider
        answer = provider.make_request(RPCEndpoint(method), list(arguments))
        assert "error" not in answer, answer
        return answer["result"]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
