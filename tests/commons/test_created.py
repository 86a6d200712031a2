"""Where a created contract is follows from its creator and the nonce, whatever a node says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain.deploying import deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.mined import created_address
from tests.support.httpnode import StandIn
from tests.support.poolnode import KEY, PoolNode, Terminal

KNOWN = {
    0: "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d", 1: "343c43a37d37dff08ae8c4a11544c718abb4fcf8",
    2: "f778b86fa74e846c4f0a1fbd1335fe81c00a0c91",
}  # fmt: skip
"""Of the account 0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0, on Ethereum's main network."""


@pytest.mark.parametrize("nonce", KNOWN)
def test_addresses_are_those_of_the_chain(nonce: int) -> None:
    creator = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert created_address(creator, nonce).hex() == KNOWN[nonce]


@pytest.mark.parametrize("nonce", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 1 << 24, (1 << 64) - 2])
def test_nonces_of_all_lengths_are_coded_as_the_library_does(nonce: int) -> None:
    assert created_address(KEY.address, nonce) == keccak(rlp.encode([KEY.address, nonce]))[12:]


def test_a_node_that_names_another_contract_in_a_receipt_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = PoolNode._receipt

    def lying(self: PoolNode, sent: bytes) -> dict[str, Any] | None:
        told = receipt(self, sent)
        return told and {**told, "contractAddress": "0x" + "66" * 20}

    monkeypatch.setattr(PoolNode, "_receipt", lying)
    sender = Terminal(PoolNode(), tmp_path / "outbox").sender(None)
    assert [sender.send(None, b"code", gas=10**6).created for _ in range(2)] == [
        created_address(KEY.address, nonce) for nonce in range(2)
    ]


def test_what_has_no_code_there_is_not_deployed() -> None:
    dev = DevChain()
    node = StandIn(dev)
    node.answer = lambda method, params: {"result": "0x"} if method == "eth_getCode" else dev.answer(method, params)
    with pytest.raises(ChainError, match="shows no code at 0x"):
        deploy_contracts(node.url, dev.accounts[0])
    node.close()
