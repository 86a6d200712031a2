"""How deep a block is: by a number of blocks, or by what the chain itself calls safe or finalized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from circuits.errors import ChainError
from commons.chain.devchain import DevChain
from commons.chain.rpc import ErrorTable, Rpc
from commons.settings.values import Depth


@pytest.fixture
def chain() -> Iterator[DevChain]:
    made = DevChain()
    yield made
    made.stop()


@pytest.mark.parametrize(("depth", "number"), [(1, 7), (2, 6), (8, 0), (9, 0), (10_000, 0)])
def test_a_block_is_as_deep_as_blocks_vouch_for_it_and_the_first_one_is_deep_enough(
    chain: DevChain, depth: int, number: int
) -> None:
    rpc = Rpc(chain.start(), ErrorTable(()))
    while rpc.head().number < 7:
        chain._tester.mine_block()
    found = rpc.block(depth)
    assert found.number == number
    assert found.hash == rpc.block_hash(number)


@pytest.mark.parametrize("tag", ["safe", "finalized"])
def test_a_tag_is_the_nodes_own_word(monkeypatch: pytest.MonkeyPatch, tag: Depth) -> None:
    rpc = Rpc("http://node", ErrorTable(()))
    asked = []

    def answer(method: str, params: Any) -> Any:
        asked.append((method, params[0]))
        return {"jsonrpc": "2.0", "id": 1, "result": {"number": "0x5", "timestamp": "0x9", "hash": "0x" + "ab" * 32}}

    monkeypatch.setattr(rpc.web3.provider, "make_request", answer)
    found = rpc.block(tag)
    assert asked == [("eth_getBlockByNumber", tag)]
    assert (found.number, found.timestamp, found.hash) == (5, 9, b"\xab" * 32)


def test_a_node_without_such_a_block_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    rpc = Rpc("http://node", ErrorTable(()))
    nothing = {"jsonrpc": "2.0", "id": 1, "result": None}
    monkeypatch.setattr(rpc.web3.provider, "make_request", lambda method, params: nothing)
    with pytest.raises(ChainError, match='knows no "finalized" block, let confirmations be a number'):
        rpc.block("finalized")
