"""Whatever a node says, it is an answer or the node's trouble; nothing else comes of it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.types import RPCEndpoint

from circuits.errors import ChainError, ContractError
from circuits.hashing import keccak
from commons.chain import answers, transport
from commons.chain.rpc import ErrorTable, Rpc
from tests.support.httpnode import Answer, HttpNode

CONTRACT, OTHER = "0x" + "0c" * 20, "0x" + "0d" * 20
EVENT, TASK = "0x" + "ee" * 32, "0x" + "07".zfill(64)
SENT, BLOCK = "0x" + "5e" * 32, "0x" + "b1" * 32
RAW = b"\x02raw"
LOG = {
    "address": CONTRACT, "topics": [EVENT, TASK], "data": "0x", "blockNumber": "0x5", "blockHash": BLOCK,
    "transactionHash": SENT, "logIndex": "0x0", "removed": False, "transactionIndex": "0x0",
}  # fmt: skip
HEAD = {"number": "0x5", "hash": BLOCK, "timestamp": "0x9", "gasLimit": "0x1c9c380", "baseFeePerGas": "0x7"}
RECEIPT = {
    "transactionHash": SENT, "blockNumber": "0x5", "blockHash": BLOCK, "gasUsed": "0x5208", "status": "0x1",
    "contractAddress": None, "logs": [LOG],
}  # fmt: skip
TRANSACTION = {"hash": SENT, "nonce": "0x1", "gas": "0x5208", "input": "0x", "value": "0x0", "maxFeePerGas": "0x1"}
RIGHT: dict[str, Any] = {
    "eth_accounts": [CONTRACT], "eth_blockNumber": "0x5", "eth_call": "0x" + "00" * 32, "eth_chainId": "0x7a69",
    "eth_estimateGas": "0x5208", "eth_gasPrice": "0x1", "eth_getBalance": "0x1", "eth_getBlockByNumber": HEAD,
    "eth_getCode": "0x60", "eth_getLogs": [LOG], "eth_getTransactionByHash": TRANSACTION,
    "eth_getTransactionCount": "0x0", "eth_getTransactionReceipt": RECEIPT,
    "eth_sendRawTransaction": "0x" + keccak(RAW).hex(), "eth_sendTransaction": SENT, "eth_syncing": False,
}  # fmt: skip
NOWHERE = ("eth_getBlockByNumber", "eth_getTransactionByHash", "eth_getTransactionReceipt")
"""Methods that say null of what does not exist."""


def ask(rpc: Rpc, method: str) -> Any:
    """Ask with each method as it is asked by us, through the library."""
    eth: Any = rpc.web3.eth
    call = {"to": to_checksum_address(CONTRACT), "data": "0x"}
    questions: dict[str, Callable[[], Any]] = {
        "eth_accounts": lambda: list(eth.accounts),
        "eth_blockNumber": lambda: eth.block_number,
        "eth_call": lambda: rpc.call(b"\x0c" * 20, "registry()", [], ["uint256"]),
        "eth_chainId": lambda: rpc.chain_id,
        "eth_estimateGas": lambda: eth.estimate_gas(call),
        "eth_gasPrice": lambda: eth.gas_price,
        "eth_getBalance": lambda: eth.get_balance(call["to"]),
        "eth_getBlockByNumber": rpc.head,
        "eth_getCode": lambda: rpc.code(b"\x0c" * 20),
        "eth_getLogs": lambda: rpc.logs(b"\x0c" * 20, [HexBytes(EVENT), HexBytes(TASK)], 5, 5),
        "eth_getTransactionByHash": lambda: eth.get_transaction(SENT),
        "eth_getTransactionCount": lambda: eth.get_transaction_count(call["to"]),
        "eth_getTransactionReceipt": lambda: eth.get_transaction_receipt(SENT),
        "eth_sendRawTransaction": lambda: eth.send_raw_transaction(RAW),
        "eth_sendTransaction": lambda: eth.send_transaction({"from": call["to"], "to": call["to"], "gas": 1, "value": 1,
                                                             "gasPrice": 1}),
        "eth_syncing": lambda: eth.syncing,
    }  # fmt: skip
    return rpc.guarded(questions[method])


class Liar:
    """A node that answers rightly but for one method."""

    def __init__(self) -> None:
        self.method = ""
        self.lie: Answer = {}
        self.node = HttpNode(lambda method, _: self.lie if method == self.method else {"result": RIGHT[method]})
        self.rpc = Rpc(self.node.secret_url, ErrorTable(()))

    def asked(self, method: str, lie: Answer) -> Any:
        """What comes of a question when this is said to it."""
        self.method, self.lie = method, lie
        self.rpc._chain_id = None
        return ask(self.rpc, method)

    def refused(self, method: str, lie: Answer) -> str:
        """The error that comes of it, which is the node's trouble, and shows no secret of its URL."""
        with pytest.raises(ChainError) as caught:
            self.asked(method, lie)
        assert not isinstance(caught.value, ContractError)
        assert not any(secret in str(caught.value) for secret in ("hunter2", "APIKEY"))
        assert caught.value.__cause__ is None
        return str(caught.value)


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    made = Liar()
    yield made
    made.node.close()


ODD: list[Any] = [
    {}, [], 5, -1, 1.5, True, "", "0x", "0xzz", "zz", "5", "-0x1", "0x-1", "0x" + "f" * 65,
    "0x" + "f" * 1000, [{}], [[]], [None], {"number": "0x1"}, {"hash": 5}, "0x123",
]  # fmt: skip
FITTING = {
    "eth_accounts": ([],), "eth_getLogs": ([],), "eth_call": ("0x" + "f" * 1000,),
    "eth_getCode": ("0x", "0x" + "f" * 1000), "eth_gasPrice": ("0x123",), "eth_getBalance": ("0x123",),
    "eth_blockNumber": ("0x123",), "eth_chainId": ("0x123",), "eth_estimateGas": ("0x123",),
    "eth_getTransactionCount": ("0x123",),
}  # fmt: skip
"""Of these, what is right in its place."""


def test_every_method_that_is_asked_is_in_the_table() -> None:
    assert set(RIGHT) == set(answers.METHODS)


@pytest.mark.parametrize("method", answers.METHODS)
def test_a_right_answer_is_taken_and_no_other(method: str, liar: Liar) -> None:
    liar.asked(method, {"result": RIGHT[method]})
    for odd in [*ODD, None]:
        fits = odd in FITTING.get(method, ()) and odd is not True
        if not fits and odd != RIGHT[method]:
            liar.refused(method, {"result": odd})


@pytest.mark.parametrize("method", answers.METHODS)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"5", b'"text"', b"{", b"<html>hunter2</html>", b"\xff\xfe", b"[" * 200_000,
        b'{"id": ' + b"9" * 5000 + b"}", b"{}", b'{"jsonrpc": "2.0", "id": 987654321, "result": "0x1"}',
        b'{"jsonrpc": "2.0", "result": "0x1"}', b'{"error": "APIKEY"}', b'{"error": []}', b'{"error": {}}',
        b'{"error": {"code": "x", "message": "m"}}', b'{"error": {"code": -32000, "message": 5}}',
        b'{"result": "0x1", "error": {"code": -32000, "message": "m"}}', b'{"error": {"code": 1e999, "message": "m"}}',
    ],
    ids=lambda body: body[:40].decode("ascii", "replace"),
)  # fmt: skip
def test_what_is_no_json_rpc_is_the_nodes_trouble(method: str, body: bytes, liar: Liar) -> None:
    liar.refused(method, body)


@pytest.mark.parametrize("method", answers.METHODS)
@pytest.mark.parametrize(
    "message", ["rate limit exceeded", "Too Many Requests", "boo", "transaction not found", "request timed out", ""]
)
@pytest.mark.parametrize("code", [-32005, -32601, -32603, -32000, 0, 2**70])
def test_so_is_an_error(method: str, code: int, message: str, liar: Liar) -> None:
    odd: tuple[Any, ...] = (None, {}, [], 5, "0xzz", {"data": 5}, {"data": {"data": "0x"}})
    for data in odd:
        liar.refused(method, {"error": {"code": code, "message": message, "data": data}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from(["0x", "0x0", "0x1", "latest", CONTRACT, SENT, BLOCK, EVENT, "0x" + "f" * 64]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from([*LOG, *HEAD, *RECEIPT, *TRANSACTION, "data", "code", "message"]), inner),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(answers.METHODS), JSON, st.sampled_from(["result", "error"]))
def test_nothing_but_an_answer_or_the_nodes_trouble_comes_of_anything(
    liar: Liar, method: str, said: Any, where: str
) -> None:
    with suppress(ChainError):
        liar.asked(method, {where: said})


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["eth_getBlockByNumber", "eth_getLogs", "eth_getTransactionReceipt"]), st.data())
def test_nor_of_a_right_answer_with_one_field_changed(liar: Liar, method: str, data: st.DataObject) -> None:
    right = json.loads(json.dumps(RIGHT[method]))
    record = right[0] if isinstance(right, list) else right
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(JSON)
    with suppress(ChainError):
        liar.asked(method, {"result": right})


OTHER_LOGS: dict[str, list[dict[str, Any]]] = {
    "contract": [{**LOG, "address": OTHER}],
    "event": [{**LOG, "topics": [BLOCK, TASK]}],
    "task": [{**LOG, "topics": [EVENT, BLOCK]}],
    "no task": [{**LOG, "topics": [EVENT]}],
    "five topics": [{**LOG, "topics": [EVENT, TASK, TASK, TASK, TASK]}],
    "earlier": [{**LOG, "blockNumber": "0x4"}],
    "later": [{**LOG, "blockNumber": "0x6"}],
    "doubled": [LOG, LOG],
    "in disorder": [{**LOG, "logIndex": "0x1"}, LOG],
    "two blocks": [LOG, {**LOG, "logIndex": "0x1", "blockHash": SENT}],
    "removed": [{**LOG, "removed": True}],
    "pending": [{**LOG, "blockNumber": None, "blockHash": None}],
    "odd data": [{**LOG, "data": "0x123"}],
    "huge number": [{**LOG, "logIndex": hex(1 << 63)}],
}


@pytest.mark.parametrize("logs", OTHER_LOGS.values(), ids=OTHER_LOGS)
def test_logs_that_were_not_asked_for_are_not_read(logs: list[dict[str, Any]], liar: Liar) -> None:
    assert "answers eth_getLogs with" in liar.refused("eth_getLogs", {"result": logs})


@pytest.mark.parametrize(
    "changed",
    [
        {"transactionHash": BLOCK}, {"transactionHash": BLOCK, "logs": []}, {"status": "0x2"},
        {"status": None}, {"blockHash": None},
        {"logs": [{**LOG, "transactionHash": BLOCK}]}, {"logs": [{**LOG, "blockHash": SENT}]},
        {"logs": [{**LOG, "blockNumber": "0x6"}]}, {"logs": [{**LOG, "removed": True}]}, {"logs": [LOG, LOG]},
    ],
    ids=str,
)  # fmt: skip
def test_a_receipt_is_of_the_transaction_that_was_asked_for(changed: dict[str, Any], liar: Liar) -> None:
    liar.refused("eth_getTransactionReceipt", {"result": {**RECEIPT, **changed}})


def test_so_are_a_transaction_a_block_and_what_was_sent(liar: Liar) -> None:
    liar.refused("eth_getTransactionByHash", {"result": {**TRANSACTION, "hash": BLOCK}})
    liar.refused("eth_sendRawTransaction", {"result": SENT})
    liar.method, liar.lie = "eth_getBlockByNumber", {"result": {**HEAD, "number": "0x6"}}
    with pytest.raises(ChainError, match="another block than was asked for"):
        liar.rpc.block_hash(5)


def test_what_does_not_exist_is_no_trouble(liar: Liar) -> None:
    liar.method, liar.lie = "eth_getBlockByNumber", {"result": None}
    assert liar.rpc.block_hash(5) is None


def test_fields_that_nobody_reads_do_no_harm(liar: Liar) -> None:
    said = {**HEAD, "difficulty": {}, "nonce": [], "uncles": 5, "totalDifficulty": "zz", "withdrawals": {"a": "b"}}
    assert liar.asked("eth_getBlockByNumber", {"result": said}).number == 5


@pytest.mark.parametrize(
    "data",
    [
        "0x4e487b71" + "00" * 31 + "77",  # a panic that the library does not know
        "0x556f1830" + "ff" * 64,  # an EIP-3668 lookup that cannot be read
        "Reverted 0x08c379a0", "0x08c379a0" + "ff" * 32, "0x12345678", "0x", {"data": "0x12345678"},
    ],
    ids=str,
)  # fmt: skip
def test_a_contract_that_reverts_with_anything_refuses_and_the_node_is_no_trouble(data: Any, liar: Liar) -> None:
    """A task's verifier is its model owner's contract: it must not have an honest node set aside."""
    with pytest.raises(ContractError):
        liar.asked("eth_call", {"error": {"code": 3, "message": "execution reverted: rate limit", "data": data}})


def test_no_contract_has_us_ask_a_server_of_its_choice(liar: Liar) -> None:
    """EIP-3668 has a client fetch what a contract names: from within our network, in our name."""
    there = HttpNode(lambda *_: {"result": "0x"})
    lookup = encode(
        ["address", "string[]", "bytes", "bytes4", "bytes"],
        [CONTRACT, [f"{there.url}/{{sender}}/{{data}}", f"{there.url}/x"], b"", b"\0" * 4, b""],
    )
    with pytest.raises(ContractError):
        liar.asked("eth_call", {"error": {"code": 3, "message": "reverted", "data": "0x556f1830" + lookup.hex()}})
    there.close()
    assert not there.asked


def test_an_answer_without_end_is_cut_off(liar: Liar) -> None:
    text = liar.refused("eth_getCode", b" " * (transport.MOST_BYTES + 1))
    assert "answers with over 32 MiB" in text


def _dripping(server: socket.socket, piece: bytes) -> None:
    while True:
        try:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while True:
                    connection.sendall(piece)
                    time.sleep(0.02)
        except OSError:
            if server.fileno() < 0:
                return


def test_so_is_one_that_comes_by_drops() -> None:
    """Each drop comes in time, and no thread waits for the last."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_dripping, args=(server, b" "), daemon=True).start()
        rpc = Rpc(f"http://127.0.0.1:{server.getsockname()[1]}", ErrorTable(()), timeout=0.3)
        with pytest.raises(ChainError, match="did not answer within"):
            _ = rpc.chain_id


def test_no_secret_is_in_what_holds_the_nodes(liar: Liar) -> None:
    provider: Any = liar.rpc.web3.provider
    held = [liar.rpc, provider, *provider._nodes, *(node.url for node in provider._nodes)]
    for each in held:
        shown = f"{each!r} {each} {vars(each) if hasattr(each, '__dict__') else ''}"
        assert not any(secret in shown for secret in ("hunter2", "APIKEY"))
        assert f"127.0.0.1:{liar.node.port}" in repr(each)


def test_methods_of_development_chains_are_handed_through(liar: Liar) -> None:
    liar.method, liar.lie = "evm_mine", {"result": {"anything": 1}}
    assert liar.rpc.web3.provider.make_request(RPCEndpoint("evm_mine"), [])["result"] == {"anything": 1}
