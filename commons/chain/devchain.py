"""A development chain: eth-tester's EVM behind JSON-RPC on the loopback interface.

For demonstrations and tests only: its accounts' keys are public, it forgets everything when it stops, and it
mines a block for each transaction.  The chain id is eth-tester's, so no signature made here means anything
elsewhere.
"""

from __future__ import annotations

import ast
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from eth_abi.abi import encode
from eth_utils.exceptions import ValidationError as EvmValidationError
from hexbytes import HexBytes
from web3 import EthereumTesterProvider, Web3
from web3.exceptions import ContractPanicError
from web3.types import RPCEndpoint

from circuits.errors import ConfigError
from commons.chain.devlogs import DevLogs
from commons.chain.devmemo import DevMemo
from commons.chain.devprecompiles import DevVM
from commons.runtime.extras import missing
from commons.runtime.process import stop_requested
from commons.settings.hosts import join_address
from commons.storage.accounts import SigningKey

try:
    from eth.exceptions import VMError
    from eth.vm.spoof import SpoofTransaction
    from eth_tester import EthereumTester, PyEVMBackend  # type: ignore[import-untyped]
    from eth_tester.backends.pyevm.main import get_default_account_keys  # type: ignore[import-untyped]
    from eth_tester.exceptions import TransactionFailed, ValidationError  # type: ignore[import-untyped]
except ModuleNotFoundError as error:
    raise missing("a development chain", "dev-chain") from error

CHAIN_ID = 131277322940537
BLOCK_GAS = 30_000_000
_BALANCE = 10**6 * 10**18
_ENOUGH = 1 << 160
_MAX_BODY = 8 << 20
_SENDS_FROM = ("eth_call", "eth_estimateGas")
_TIMED = ("eth_sendRawTransaction", "eth_sendTransaction", "eth_getBlockByNumber")
_CONSTANTS = {"net_version": str(CHAIN_ID), "eth_chainId": hex(CHAIN_ID)}
_ERROR_STRING = bytes.fromhex("08c379a0")
_log = logging.getLogger(__name__)

Json = Mapping[str, Any]
_REFUSALS = (ValidationError, EvmValidationError, ValueError, TypeError, LookupError)


class DevChain:
    """The chain and its HTTP server.

    Attributes:
        accounts: ten funded keys; anybody can derive them.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Prepare a chain at its genesis; ``port`` 0 takes any free one."""
        self.accounts = tuple(SigningKey.from_secret(key.to_bytes()) for key in get_default_account_keys(10))
        backend = PyEVMBackend(_genesis(), _state(), vm_configuration=((0, DevVM),))
        backend.chain.gas_estimator = _estimate
        self._tester = EthereumTester(backend)
        self._lock = threading.Lock()
        self._ahead = 0
        provider = EthereumTesterProvider(self._tester)
        web3 = Web3(provider)
        web3.middleware_onion.clear()
        self._request = provider.request_func(web3, web3.middleware_onion)
        self._memo = DevMemo(lambda: self._pending)
        self._logs = DevLogs(
            self._read_logs,
            lambda: int(self._pending.block_number) - 1,
            lambda number: bytes(self._tester.backend.chain.get_canonical_block_hash(number)),
        )
        self._address = (host, port)
        self._server: _Server | None = None

    def start(self) -> str:
        """Serve in the background; returns the URL.  Raises ConfigError when the port is taken."""
        try:
            server = _Server6 if ":" in self._address[0] else _Server
            self._server = server(self._address, _handler(self.answer))
        except OSError as error:
            where = join_address(*self._address)
            raise ConfigError(f"port: {where} cannot be used ({error.strerror}); choose another") from error
        threading.Thread(target=self._server.serve_forever, daemon=True, name="devchain").start()
        url = f"http://{join_address(str(self._server.server_address[0]), self._server.server_address[1])}"
        _log.info("event=devchain-started url=%s chain_id=%d", url, CHAIN_ID)
        return url

    def stop(self) -> None:
        """Stop serving; the chain is forgotten with this object."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def _pending(self) -> Any:
        """The header of the block that comes next: another object after each change of the chain."""
        return self._tester.backend.chain.header

    def advance(self, seconds: int) -> None:
        """Put the chain's clock forward, from the latest block on: where blocks come fast, they are ahead of it."""
        with self._lock:
            self._ahead = max(self._ahead, int(self._pending.timestamp) - int(time.time())) + seconds
            self._tick()

    def _tick(self) -> None:
        """Blocks come with transactions only; an empty one keeps the chain's time from standing still."""
        now = int(time.time()) + self._ahead
        if now > int(self._pending.timestamp):
            self._tester.time_travel(now)

    def answer(self, method: str, params: Any) -> Json:
        """Answer one JSON-RPC call: an object with ``result`` or ``error``."""
        if method in _CONSTANTS:
            return {"result": _CONSTANTS[method]}
        if method == "evm_increaseTime":
            self.advance(int(params[0], 16) if isinstance(params[0], str) else int(params[0]))
            return {"result": None}
        with self._lock:
            if method in _TIMED:
                self._tick()
            found = self._logs.find(params) if method == "eth_getLogs" else None
            return {"result": found} if found is not None else self._memo.answer(method, params, self._computed)

    def _computed(self, method: str, params: Any) -> Json:
        try:
            if method in _SENDS_FROM:  # otherwise eth-tester derives all accounts, to take the first
                params = [{"from": f"0x{self.accounts[0].address.hex()}", **params[0]}, *params[1:]]
            response = cast(Json, self._request(RPCEndpoint(method), params))
        except (TransactionFailed, ContractPanicError) as error:
            return _reverted(error)
        except _REFUSALS as error:
            return {"error": {"code": -32602, "message": f"{type(error).__name__}: {error}"}}
        if "error" in response:
            return {"error": response["error"]}
        return {"result": _plain(response["result"])}

    def _read_logs(self, first: int, last: int) -> list[Json]:
        bounds = {"fromBlock": hex(first), "toBlock": hex(last)}
        return list(self._computed("eth_getLogs", [bounds])["result"])


def _genesis() -> dict[str, Any]:
    return dict(PyEVMBackend.generate_genesis_params(overrides={"gas_limit": BLOCK_GAS}))


def _state() -> dict[bytes, Any]:
    return dict(PyEVMBackend.generate_genesis_state(overrides={"balance": _BALANCE}, num_accounts=10))


def _estimate(state: Any, transaction: Any) -> int:
    """Gas that a transaction needs: from what it used, as a search would run it a dozen times."""
    limit = state.gas_limit
    used = limit - _run(state, transaction, limit).get_gas_remaining()
    while True:
        needed = used + used // 32 + 3_000  # calls inside keep 1/64 back (EIP-150)
        try:
            _run(state, transaction, needed)
        except VMError:  # out of gas, or a contract that asks for more than it has left
            used *= 2
        else:
            return int(min(needed, limit))


def _run(state: Any, transaction: Any, gas: int) -> Any:
    """Run a transaction with a gas limit, and undo it.  Raises what the run fails with."""
    snapshot = state.snapshot()
    try:
        state.set_balance(transaction.sender, _ENOUGH)  # an estimate is also for accounts that cannot pay it yet
        computation = state.apply_transaction(SpoofTransaction(transaction, gas=gas, gas_price=0))
        computation.raise_if_error()
        return computation
    finally:
        state.revert(snapshot)


def _reverted(error: TransactionFailed | ContractPanicError) -> Json:
    """The revert data, which eth-tester hands on as the text of a bytes literal or as a decoded reason.

    The reason of an estimate may be any custom error's: web3 decodes all as if they were ``Error(string)``, and raises
    panics as errors of its own.
    """
    if isinstance(error, ContractPanicError):
        return _revert(HexBytes(str(error.data)))
    raw = _raw(error.__context__)
    if raw is not None:
        return _revert(raw)
    message = str(error.args[0] if error.args else "").removeprefix("execution reverted: ")
    data = b""
    if message.startswith(("b'", 'b"')):
        data = ast.literal_eval(message)
    elif message:
        data = _ERROR_STRING + encode(["string"], [message])
    return _revert(data)


def _raw(cause: BaseException | None) -> bytes | None:
    """Revert data as the machine gave it, from within what it is wrapped in; None where it is not there."""
    while isinstance(cause, Exception) and cause.args:
        if isinstance(cause.args[0], bytes):
            return cause.args[0]
        cause = cause.args[0]
    return None


def _revert(data: bytes) -> Json:
    return {"error": {"code": 3, "message": "execution reverted", "data": "0x" + data.hex()}}


def _plain(value: Any) -> Any:
    """JSON-RPC's form of a value: quantities and bytes as hexadecimal."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes):
        return "0x" + bytes(value).hex()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # five by default: a crowd that connects at once would be reset


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler(answer: Callable[[str, Any], Json]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body leave in one packet; otherwise the peer's delayed acknowledgement costs 40 ms

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            if not 0 < length <= _MAX_BODY:
                self._reply(413, {"error": {"code": -32600, "message": f"a body has 1 to {_MAX_BODY} bytes"}})
                self.close_connection = True
                return
            try:
                request = json.loads(self.rfile.read(length))
            except ValueError:
                self._reply(400, {"error": {"code": -32700, "message": "not JSON"}})
                return
            if isinstance(request, list):
                self._reply(200, [self._one(item) for item in request])
            else:
                self._reply(200, self._one(request))

        def _one(self, request: Any) -> dict[str, Any]:
            head = {"jsonrpc": "2.0", "id": request.get("id") if isinstance(request, dict) else None}
            if not isinstance(request, dict) or not isinstance(request.get("method"), str):
                return {**head, "error": {"code": -32600, "message": "not a JSON-RPC request"}}
            try:
                return {**head, **answer(request["method"], request.get("params") or [])}
            except Exception:
                _log.exception("event=devchain-error method=%s", request["method"])
                return {**head, "error": {"code": -32603, "message": "internal error of the chain"}}

        def _reply(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            _log.debug("event=devchain-request " + format, *args)

    return Handler


def serve(port: int, host: str = "127.0.0.1") -> None:
    """Serve a development chain until the process is told to stop (see ``commons.runtime.process``)."""
    chain = DevChain(host, port)
    stop = stop_requested()
    chain.start()
    stop.wait()
    chain.stop()
