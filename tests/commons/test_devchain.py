"""The development chain speaks JSON-RPC well enough for an ordinary client, and its time does not stand still."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from eth_account import Account
from hexbytes import HexBytes
from web3 import Web3

from circuits.errors import ConfigError
from commons.chain.devchain import BLOCK_GAS, CHAIN_ID, DevChain


@pytest.fixture(scope="module")
def dev() -> Iterator[tuple[DevChain, str]]:
    chain = DevChain()
    yield chain, chain.start()
    chain.stop()


def ask(url: str, body: bytes) -> tuple[int, Any]:
    answer = requests.post(url, body, timeout=10)
    return answer.status_code, answer.json()


def test_client_sees_chain_and_transfers(dev: tuple[DevChain, str]) -> None:
    chain, url = dev
    web3 = Web3(Web3.HTTPProvider(url))
    assert web3.eth.chain_id == CHAIN_ID
    assert web3.net.version == str(CHAIN_ID)
    assert web3.eth.get_block("latest")["gasLimit"] == BLOCK_GAS
    sender = Account.from_key(chain.accounts[0].secret_bytes())
    receiver = Web3.to_checksum_address(chain.accounts[1].address)
    before = web3.eth.get_balance(receiver)
    signed = sender.sign_transaction(
        {"to": receiver, "value": 7, "gas": 21_000, "nonce": 0, "chainId": CHAIN_ID,
         "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1}
    )  # fmt: skip
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
    assert receipt["status"] == 1
    assert web3.eth.get_balance(receiver) == before + 7


def test_time_moves_when_told(dev: tuple[DevChain, str]) -> None:
    chain, url = dev
    web3 = Web3(Web3.HTTPProvider(url))
    before = web3.eth.get_block("latest")["timestamp"]
    chain.advance(1000)
    assert web3.eth.get_block("latest")["timestamp"] >= before + 990


def test_it_moves_from_the_latest_block_on_where_blocks_come_fast(dev: tuple[DevChain, str]) -> None:
    """Each has a second of its own, however many there are in one."""
    chain, url = dev
    web3 = Web3(Web3.HTTPProvider(url))
    for _ in range(50):
        ask(url, b'{"jsonrpc": "2.0", "id": 1, "method": "evm_mine", "params": []}')
    before = web3.eth.get_block("latest")["timestamp"]
    chain.advance(20)
    assert web3.eth.get_block("latest")["timestamp"] >= before + 20


def test_malformed_requests_are_answered(dev: tuple[DevChain, str]) -> None:
    url = dev[1]
    assert ask(url, b"{")[0] == 400
    assert ask(url, b"[1]")[1][0]["error"]["code"] == -32600
    assert "error" in ask(url, b'{"id": 1, "method": "eth_noSuchThing", "params": []}')[1]
    assert "error" in ask(url, b'{"id": 1, "method": "eth_getBalance", "params": ["zebra", "latest"]}')[1]


def test_taken_port_is_named(dev: tuple[DevChain, str]) -> None:
    port = int(dev[1].rsplit(":", 1)[1])
    with pytest.raises(ConfigError, match=f"{port} cannot be used"):
        DevChain(port=port).start()


def test_a_panic_is_answered_with_its_data(dev: tuple[DevChain, str]) -> None:
    """Code that reverts as the compiler does for an overflow."""
    runtime = bytes.fromhex("634e487b7160e01b5f52601160045260245ffd")
    creation = bytes.fromhex(f"60{len(runtime):02x}8060095f395ff3") + runtime
    web3 = Web3(Web3.HTTPProvider(dev[1]))
    sent = web3.eth.send_transaction({"from": web3.eth.accounts[0], "data": HexBytes(creation)})
    place = web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    body = json.dumps({"id": 1, "method": "eth_call", "params": [{"to": place}, "latest"]}).encode()
    assert ask(dev[1], body)[1]["error"]["data"] == "0x4e487b71" + f"{0x11:064x}"
