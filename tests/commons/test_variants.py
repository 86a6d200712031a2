"""Of a transaction no more variants are made than help, all of them stay known, and looking for them stays cheap."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain import variants
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from tests.support.poolnode import CONTRACT, GAS, PoolNode, Terminal, refusal

QUICK = Patience(poll=0.001, resend=0.05, doubt=0.005)
RECEIPT = "eth_getTransactionReceipt"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in other processes have the same accounts; they take no turns with these."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(PoolNode(), tmp_path / "outbox.json", QUICK)


def stored(terminal: Terminal) -> dict[str, Any]:
    (entry,) = json.loads(terminal.path.read_bytes())["entries"]
    return dict(entry)


@pytest.fixture
def unfunded(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The account has no money while this list is not emptied; what was offered of it."""
    take, offered = PoolNode._take, [b""]

    def refuse(node: PoolNode, raw: bytes) -> Any:
        if not offered:
            return take(node, raw)
        offered.append(raw)
        return refusal("insufficient funds for gas * price + value")

    monkeypatch.setattr(PoolNode, "_take", refuse)
    return offered


def tries(terminal: Terminal, *base_fees: int) -> None:
    """A server that tries again and again, without money."""
    with Outbox(terminal.path, standing=50) as box:
        sender = terminal.sender(box)
        for terminal.node.base_fee in base_fees:
            with pytest.raises(ChainError, match="insufficient funds"):
                sender.send(CONTRACT, b"batch", gas=10**6, value=7)


def test_without_money_for_it_the_same_transaction_is_offered_whatever_gas_costs_until_it_is_too_cheap(
    terminal: Terminal, unfunded: list[bytes]
) -> None:
    tries(terminal, *(GAS + 10**7 * ((31 * number) % 90) for number in range(40)))
    assert len(stored(terminal)["hashes"]) == 1
    assert len(set(unfunded)) == 2
    tries(terminal, *(4 * GAS + number for number in range(10)))
    assert len(stored(terminal)["hashes"]) == 2


def test_once_there_is_money_what_was_refused_is_mined_and_told(terminal: Terminal, unfunded: list[bytes]) -> None:
    tries(terminal, GAS, GAS + 1)
    (sent,) = stored(terminal)["hashes"]
    unfunded.clear()
    told: list[bytes] = []
    with Outbox(terminal.path, standing=50) as box:
        mined = terminal.sender(box, on_sent=told.append).send(CONTRACT, b"batch", gas=10**6, value=7)
    assert told == [mined.transaction] == [bytes.fromhex(sent)]
    assert terminal.node.paid == 7


def test_with_another_limit_of_gas_it_is_another_transaction(terminal: Terminal, unfunded: list[bytes]) -> None:
    """The one before would run out of gas."""
    tries(terminal, GAS)
    unfunded.clear()
    with Outbox(terminal.path, standing=50) as box:
        terminal.sender(box).send(CONTRACT, b"batch", gas=2 * 10**6, value=7)
    assert [sent["gas"] for _, sent in terminal.node.mined] == [2 * 10**6]


def test_of_one_nonce_no_more_variants_are_made_than_may_be_asked_for(
    terminal: Terminal, unfunded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "_MOST", 3)
    tries(terminal, *(GAS * 4**number for number in range(3)))
    terminal.patience = replace(QUICK, give_up=0.2)
    terminal.node.base_fee = GAS * 4**3
    with (
        Outbox(terminal.path, standing=50) as box,
        pytest.raises(ChainError, match=r"3 variants of it were made.*wait until gas is cheaper, or.* nonce 0 of"),
    ):
        terminal.sender(box).send(CONTRACT, b"batch", gas=10**6, value=7)
    before = stored(terminal)["hashes"]
    terminal.node.base_fee, terminal.patience = GAS * 20, QUICK
    unfunded.clear()
    with Outbox(terminal.path, standing=50) as box:
        terminal.sender(box).send(CONTRACT, b"batch", gas=10**6, value=7)
    assert [sent.hex() for sent, _ in terminal.node.mined] == before[-1:], "the last one is offered as before"
    assert len(before) == 3


def test_the_last_variant_is_offered_again_until_it_is_mined(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "_MOST", 3)
    offered: list[int] = []

    def drop() -> None:
        offered.append(len(terminal.node.pool))
        terminal.node.pool.clear()
        terminal.node.mines = len(offered) == 6

    terminal.node.mines, terminal.node.on_raw = False, drop
    terminal.fund(7)
    assert terminal.node.paid == 7
    assert terminal.node.mined[0][1]["maxFeePerGas"] < 5 * GAS, "two quarters more than the first"


def many(terminal: Terminal, count: int) -> list[str]:
    """An earlier run left so many variants under one nonce, of which the node took the last."""
    terminal.node.mines = False
    terminal.killed(7, at=RECEIPT)
    content = json.loads(terminal.path.read_bytes())
    (entry,) = content["entries"]
    others = [keccak(number.to_bytes(4, "big")).hex() for number in range(count)]
    entry["hashes"] = others + entry["hashes"]
    terminal.path.write_text(json.dumps(content))
    terminal.node.asked.clear()
    return others


def test_a_look_for_many_variants_under_an_unused_nonce_is_short(terminal: Terminal) -> None:
    many(terminal, 2000)
    terminal.node.on_raw = lambda: setattr(terminal.node, "mines", True)
    terminal.node.pool.clear()
    terminal.fund(7)
    assert terminal.node.paid == 7
    assert terminal.node.asked.count(RECEIPT) < 20


def test_once_the_nonce_is_used_the_oldest_variant_is_found_too(terminal: Terminal) -> None:
    oldest = many(terminal, 20)[0]
    _, sent = terminal.node.pool.pop(0)
    terminal.node.mined.append((bytes.fromhex(oldest), sent))
    (mined,) = terminal.fund(7)
    assert (mined.earlier, mined.transaction.hex()) == (True, oldest)
    assert terminal.node.paid == 7
