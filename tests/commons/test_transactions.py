"""Transactions survive what a chain, a market for gas and other programs do to them, and each is paid for once."""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain.bids import NO_BID, Bid
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.transactions import Sender
from tests.support.poolnode import CONTRACT, GAS, PATIENCE, STRANGER, Killed, PoolNode, Terminal, refusal

BRIEF = Patience(poll=0.001, resend=0.05, give_up=1.0, doubt=0.05)
"""For what is given up."""
STANDING = 3


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in other processes have the same accounts; they take no turns with these."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(PoolNode(), tmp_path / "outbox.json")


@contextmanager
def server(terminal: Terminal) -> Iterator[Sender]:
    """A process that runs on, with the outbox of the one before it."""
    with Outbox(terminal.path, standing=STANDING) as outbox:
        yield terminal.sender(outbox)


def send(sender: Sender, data: bytes = b"batch", *, repeatable: bool = True) -> bytes:
    return sender.send(CONTRACT, data, gas=10**6, value=1, repeatable=repeatable).transaction


def remembered(terminal: Terminal) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(terminal.path.read_bytes())["entries"]
    return entries


def pending(terminal: Terminal, nonce: int = 0) -> Bid:
    waiting = terminal.node.pool[nonce][1]
    return Bid(waiting["maxFeePerGas"], waiting["maxPriorityFeePerGas"])


# What is being sent survives a restart.


@pytest.mark.parametrize("base_fee", [GAS // 50, GAS, 40 * GAS])
def test_a_restarted_process_raises_the_fees_that_it_had_bid(terminal: Terminal, base_fee: int) -> None:
    """It takes the place of the variant before, whatever gas costs now, and is worth what gas costs now."""
    terminal.node.mines, terminal.node.base_fee = False, 5 * GAS
    terminal.killed(7, at="eth_getTransactionReceipt")
    before = pending(terminal)
    terminal.patience = replace(PATIENCE, give_up=60.0)
    terminal.node.base_fee, terminal.node.mines = base_fee, True
    assert not terminal.fund(7)[0].earlier
    ((_, mined),) = terminal.node.mined
    after = Bid(mined["maxFeePerGas"], mined["maxPriorityFeePerGas"])
    assert after.replaces(before)
    assert after.most >= 2 * base_fee + PATIENCE.tip
    assert terminal.node.paid == 7


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_earlier_version_is_read(terminal: Terminal, version: int) -> None:
    terminal.killed(7, at="eth_getTransactionReceipt")
    (entry,) = remembered(terminal)
    assert entry.pop("raw") and entry.pop("lost") == []
    if version == 1:
        assert (entry.pop("max_fee"), entry.pop("tip")) == (2 * GAS + PATIENCE.tip, PATIENCE.tip)
    terminal.path.write_text(json.dumps({"version": version, "entries": [entry]}))
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_a_server_that_is_killed_finds_what_it_had_sent(terminal: Terminal) -> None:
    with server(terminal) as sender, pytest.raises(Killed):
        terminal.node.kill_at = "eth_getTransactionReceipt"
        send(sender, repeatable=False)
    terminal.node.kill_at = ""
    with server(terminal) as sender:
        send(sender, repeatable=False)
    assert len(terminal.node.mined) == 1


def test_a_server_goes_on_with_what_it_gave_up_before(terminal: Terminal) -> None:
    """The same transaction again is no second one, in the same process neither."""
    terminal.patience, terminal.node.mines = BRIEF, False
    with server(terminal) as sender:
        for _ in range(3):
            with pytest.raises(ChainError, match="was not mined within"):
                send(sender)
        assert list(terminal.node.pool) == [0]
        terminal.node.mine()
        send(sender, repeatable=False)
    assert len(terminal.node.mined) == 1


def test_another_transaction_takes_the_place_of_one_that_is_stuck(terminal: Terminal) -> None:
    """Its own bid would be too low; the one that lost its place is sent again when it is asked for, and once."""
    terminal.patience = replace(BRIEF, resend=0.6)  # few variants, far below the limit of fees
    terminal.node.mines, terminal.node.base_fee = False, 9 * GAS
    with server(terminal) as sender, pytest.raises(ChainError):
        send(sender, b"first")
    before = pending(terminal)
    terminal.patience, terminal.node.mines, terminal.node.base_fee = PATIENCE, True, GAS
    with server(terminal) as sender:
        send(sender, b"second")
        assert Bid(terminal.node.mined[0][1]["maxFeePerGas"], 10**18).replaces(replace(before, tip=1))
        send(sender, b"first")
    assert [bytes(sent["data"]) for _, sent in terminal.node.mined] == [b"second", b"first"]


def test_a_servers_outbox_stays_small(terminal: Terminal) -> None:
    with server(terminal) as sender:
        for number in range(50):
            send(sender, number.to_bytes(2, "big"))
            assert len(remembered(terminal)) <= STANDING
    assert len(terminal.node.mined) == 50


def test_a_node_that_knows_no_accounts_at_depth_stops_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = PoolNode._count

    def pruned(node: PoolNode, block: str) -> int:
        if block.startswith("0x"):
            raise OSError("missing trie node")
        return count(node, block)

    monkeypatch.setattr(PoolNode, "_count", pruned)
    with server(terminal) as sender:
        for number in range(10):
            send(sender, bytes([number]))
    assert len(remembered(terminal)) == 10
    monkeypatch.setattr(PoolNode, "_count", count)
    with server(terminal) as sender:
        send(sender, b"last")
    assert len(remembered(terminal)) <= STANDING


def test_a_server_is_used_by_many_threads(terminal: Terminal) -> None:
    with server(terminal) as sender:
        threads = [threading.Thread(target=send, args=(sender, bytes([number]))) for number in range(16)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert sorted(bytes(sent["data"]) for _, sent in terminal.node.mined) == [bytes([number]) for number in range(16)]


# Fees have a limit.


def test_above_the_limit_nothing_is_bid_and_it_goes_on_when_fees_fall(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    terminal.patience = replace(PATIENCE, resend=0.01, max_fee=10 * GAS)
    terminal.node.base_fee = 11 * GAS

    def fall() -> None:
        assert not terminal.node.pool
        if len(terminal.node.asked) > 30:
            terminal.node.base_fee = 9 * GAS

    terminal.node.on_asked = fall
    terminal.fund(7)
    assert terminal.node.paid == 7
    assert terminal.node.mined[0][1]["maxFeePerGas"] == 10 * GAS
    assert caplog.text.count("event=fee-cap-reached") == 1


def test_a_command_is_told_the_limit_and_the_cure(terminal: Terminal) -> None:
    terminal.patience = replace(BRIEF, max_fee=10 * GAS)
    terminal.node.base_fee = 11 * GAS
    with pytest.raises(ChainError, match=r"asks 11 gwei .* chain\.max_fee allows 10 gwei.*raise it; nothing was sent"):
        terminal.fund(7)
    assert "eth_sendRawTransaction" not in terminal.node.asked
    assert not terminal.path.exists() or remembered(terminal) == []


def test_at_the_limit_a_transaction_is_offered_again_and_not_dearer(terminal: Terminal) -> None:
    """A node may drop what is pending for long: the same transaction is shown to it again, and has one hash."""
    terminal.patience = replace(PATIENCE, resend=0.01, max_fee=3 * GAS)
    terminal.node.mines = False
    offered: list[int] = []

    def drop() -> None:
        offered.append(len(terminal.node.pool))
        terminal.node.pool.clear()
        terminal.node.mines = len(offered) == 4

    terminal.node.on_raw = drop
    told: list[bytes] = []
    with Outbox(terminal.path) as outbox:
        terminal.sender(outbox, on_sent=told.append).send(CONTRACT, b"fund", gas=10**6, value=7)
    assert offered == [0, 1, 1, 1]
    assert told == [terminal.node.mined[0][0]], "told once"
    assert terminal.node.paid == 7


def test_what_waits_at_the_limit_says_so(terminal: Terminal) -> None:
    terminal.patience, terminal.node.mines = replace(BRIEF, max_fee=3 * GAS), False
    terminal.node.on_raw = lambda: setattr(terminal.node, "base_fee", 4 * GAS)
    with pytest.raises(ChainError, match=r"was not mined within .* chain\.max_fee allows 3 gwei.*pays once"):
        terminal.fund(7)
    terminal.node.base_fee, terminal.node.mines = GAS, True
    terminal.node.mine()
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


# Nonces that others use, or that nobody has used.


def test_a_strangers_pending_transaction_is_not_replaced(terminal: Terminal, caplog: pytest.LogCaptureFixture) -> None:
    terminal.node.mines = False
    terminal.node.by_stranger()

    def mine() -> None:
        if len(terminal.node.asked) > 20:
            terminal.node.mines = True
            terminal.node.mine()

    terminal.node.on_asked = mine
    terminal.fund(7)
    assert [sent == STRANGER for sent, _ in terminal.node.mined] == [True, False]
    assert "event=account-has-pending-transactions" in caplog.text
    assert "cancel them with the program that sent them" in caplog.text


def test_a_strangers_transaction_that_stays_pending_is_replaced(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    """Else one that is stuck would stop the account for ever."""
    terminal.node.by_stranger(GAS // 2)
    terminal.fund(7)
    assert "event=pending-transaction-replaced" in caplog.text
    assert [sent == STRANGER for sent, _ in terminal.node.mined] == [False]


def test_a_strangers_dearer_transaction_is_named_with_its_cure_and_not_fought(terminal: Terminal) -> None:
    """The pauses grow: the node is not asked in a tight loop."""
    terminal.patience, terminal.node.mines = BRIEF, False
    terminal.node.by_stranger(10**15)
    with pytest.raises(ChainError, match=r"waits under nonce 0.*wait until it is mined, or cancel it"):
        terminal.fund(7)
    assert terminal.node.asked.count("eth_sendRawTransaction") < 20
    (entry,) = remembered(terminal)
    assert (entry["hashes"], entry["max_fee"]) == ([], 0), "it has lost the nonce"
    assert [lost["nonce"] for lost in entry["lost"]] == [0], "and may be mined until that is used"


def test_a_nonce_that_is_always_taken_is_named(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(node: PoolNode, raw: bytes) -> Any:
        node.by_stranger(10**15)
        node.mine()
        return refusal("nonce too low")

    monkeypatch.setattr(PoolNode, "_take", taken)
    terminal.patience = BRIEF
    with pytest.raises(ChainError, match=r"took one nonce after the other.*give the account to one process"):
        terminal.fund(7)


def test_a_receipt_that_the_node_owes_is_waited_for(terminal: Terminal) -> None:
    """It has the transaction and shows no receipt for a while: nothing is sent again."""
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.patience, terminal.node.hides_receipts = BRIEF, 10**6
    with pytest.raises(ChainError, match="no receipt of it yet"):
        terminal.fund(7)
    terminal.node.hides_receipts = 0
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_what_the_node_knows_is_not_sent_under_another_nonce_by_the_same_run_either(terminal: Terminal) -> None:
    """It is mined, its nonce is used, and for longer than anybody waits the node shows no receipt."""
    terminal.patience, terminal.node.hides_receipts = BRIEF, 10**9
    with pytest.raises(ChainError, match=r"this process sent .* no receipt of it yet"):
        terminal.fund(7)
    assert terminal.node.paid == 7


# One account, several processes.


def test_processes_with_the_key_in_two_files_take_turns(terminal: Terminal, tmp_path: Path) -> None:
    other = Terminal(terminal.node, tmp_path / "other.json")
    most, under_way, gate = [0], [0], threading.Lock()

    def sent() -> None:
        with gate:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.02)
        with gate:
            under_way[0] -= 1

    terminal.node.on_raw = sent
    threads = [threading.Thread(target=one.fund, args=(1, 2, 3)) for one in (terminal, other)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert terminal.node.paid == 12
    assert most == [1]


def test_a_process_that_waits_for_another_in_vain_says_so(terminal: Terminal, tmp_path: Path) -> None:
    terminal.node.mines = False
    thread = threading.Thread(target=terminal.fund, args=(7,))
    thread.start()
    while not terminal.node.pool:
        time.sleep(0.001)
    with pytest.raises(ChainError, match="another process of this machine is sending transactions of account 0x"):
        Terminal(terminal.node, tmp_path / "other.json", BRIEF).fund(9)
    terminal.node.mines = True
    terminal.node.mine()
    thread.join()
    assert terminal.node.paid == 7


# Receipts that are taken back.


def test_a_command_waits_until_it_is_deep(terminal: Terminal) -> None:
    terminal.patience = replace(PATIENCE, depth=4)

    def grow() -> None:
        terminal.node.empty_blocks += bool(terminal.node.mined)

    terminal.node.on_asked = grow
    terminal.fund(7)
    assert terminal.node.head >= 4


@pytest.mark.parametrize("keeps", [True, False], ids=["it is pending again", "it is lost"])
def test_what_is_taken_back_before_is_sent_again_under_its_nonce(
    terminal: Terminal, caplog: pytest.LogCaptureFixture, keeps: bool
) -> None:
    terminal.patience = replace(PATIENCE, depth=4)
    taken: list[bool] = []

    def happen() -> None:
        if terminal.node.asked[-2:] != ["eth_getTransactionReceipt", "eth_getBlockByNumber"]:
            return  # nobody looks how deep it is
        if not taken:
            terminal.node.take_back(keeps=keeps)
            taken.append(True)
        terminal.node.empty_blocks += 1

    terminal.node.on_asked = happen
    told: list[bytes] = []
    with Outbox(terminal.path) as outbox:
        mined = terminal.sender(outbox, on_earlier=told.append).send(CONTRACT, b"fund", gas=10**6, value=7)
    assert "event=transaction-taken-back" in caplog.text
    assert [mined.transaction] == [sent for sent, _ in terminal.node.mined]
    assert not mined.earlier
    assert not told, "it was this run that sent it"


def test_a_chain_that_stands_still_is_named(terminal: Terminal) -> None:
    terminal.patience = replace(BRIEF, depth=4)
    with pytest.raises(ChainError, match=r"no block has come for .* chain\.confirmations .*pays once"):
        terminal.fund(7)
    terminal.node.empty_blocks = 3
    assert terminal.fund(7)[0].earlier


def test_a_server_sends_what_was_taken_back_again_under_its_nonce(terminal: Terminal) -> None:
    with server(terminal) as sender:
        first = send(sender)
        terminal.node.take_back()
        before = pending(terminal)
        second = send(sender)
    assert [sent for sent, _ in terminal.node.mined] == [second] != [first]
    mined = terminal.node.mined[0][1]
    assert Bid(mined["maxFeePerGas"], mined["maxPriorityFeePerGas"]).replaces(before)


def test_a_server_finds_what_was_mined_again_by_itself(terminal: Terminal) -> None:
    """The chain was asked before it was in a block again; without a look at the chain nothing is sent again."""
    with server(terminal) as sender:
        first = send(sender)
        terminal.node.take_back()
        terminal.node.mine()
        assert send(sender, repeatable=False) == first
    assert len(terminal.node.mined) == 1


def test_bids_of_what_is_forgotten_bind_nobody(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox") as outbox:
        entry = outbox.entry(keccak(b"one"))
        entry.hashes.append(keccak(b"hash"))
        entry.bid = Bid(9, 1)
        assert outbox.bid_at(0) == Bid(9, 1)
        entry.forget()
        assert outbox.bid_at(0) == NO_BID
