"""A command that is interrupted and run again pays for nothing twice, whatever became of what it had sent."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from web3.types import RPCResponse

from circuits.errors import ChainError, ContractError, StorageError
from circuits.hashing import keccak
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Quote
from commons.chain.rehearsal import Rehearsal
from tests.support.poolnode import CONTRACT, ETHER, GAS, KEY, STRANGER, Killed, PoolNode, Terminal, refusal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(PoolNode(), tmp_path / "outbox.json")


def test_a_command_that_ends_well_pays_once_and_again_when_it_is_meant(terminal: Terminal) -> None:
    assert not terminal.fund(7)[0].earlier
    assert not terminal.fund(7)[0].earlier
    assert [mined.transaction for mined in terminal.fund(7, 7)] == [sent for sent, _ in terminal.node.mined[2:]]
    assert terminal.node.paid == 28


def test_killed_after_the_broadcast_it_finds_the_receipt(terminal: Terminal, caplog: pytest.LogCaptureFixture) -> None:
    terminal.killed(7, at="eth_getTransactionReceipt")
    (mined,) = terminal.fund(7)
    assert mined.earlier
    assert "event=sent-by-an-earlier-run" in caplog.text
    assert terminal.node.paid == 7
    assert terminal.fund(7)[0].earlier is False
    assert terminal.node.paid == 14


def test_killed_before_the_broadcast_it_sends(terminal: Terminal) -> None:
    terminal.killed(7, at="eth_sendRawTransaction")
    assert json.loads(terminal.path.read_bytes())["entries"], "what may be sent is remembered before it is"
    assert terminal.path.stat().st_mode & 0o777 == 0o600
    assert not terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_killed_while_it_is_pending_it_goes_on_under_the_same_nonce(terminal: Terminal) -> None:
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node.mines = True
    assert terminal.fund(7)[0].transaction == terminal.node.mined[0][0]
    assert terminal.node.paid == 7
    assert not terminal.node.pool


def test_mined_while_it_is_run_again_it_is_found(terminal: Terminal) -> None:
    """The first variant is mined between the look at the nonce and the second broadcast."""
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node.on_raw = terminal.node.mine
    terminal.fund(7)
    assert terminal.node.paid == 7


def test_mined_while_it_is_rehearsed_again_its_refusal_is_not_believed(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first variant did may be why the contract refuses the second."""
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")

    def refuse(self: Rehearsal, transaction: object) -> None:
        terminal.node.mine()
        raise ContractError("it has that already")

    monkeypatch.setattr(Rehearsal, "require", refuse)
    terminal.fund(7)
    assert terminal.node.paid == 7


def test_dropped_from_the_pool_it_is_sent_again(terminal: Terminal) -> None:
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node.pool.clear()
    terminal.node.mines = True
    terminal.fund(7)
    assert terminal.node.paid == 7


def test_a_pending_one_that_is_dearer_than_the_market_is_waited_for(terminal: Terminal) -> None:
    """Base fees fell: the second variant is refused as too cheap, and the first one may still be mined."""
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node.pool[0][1]["maxFeePerGas"] *= 1000
    terminal.patience = Patience(poll=0.001, resend=0.1, give_up=0.2, doubt=0.1)
    with pytest.raises(ChainError, match="was not mined within 0 s; run the command again"):
        terminal.fund(7)
    terminal.node.mine()
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_a_nonce_that_another_transaction_took_is_given_up(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node.pool.clear()
    terminal.node.by_stranger()
    terminal.node.mine()
    terminal.node.mines = True
    terminal.fund(7)
    assert "event=earlier-transaction-lost" in caplog.text
    assert [sent == STRANGER for sent, _ in terminal.node.mined] == [True, False]
    assert terminal.node.paid == 7


def test_a_node_that_shows_receipts_late_is_given_time(terminal: Terminal) -> None:
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node.hides_receipts = 2
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_a_node_that_lags_is_given_time(terminal: Terminal) -> None:
    """It does not know of the first of two transactions yet, so the nonce of the second looks too high."""
    terminal.fund(1)
    terminal.killed(7, at="eth_getTransactionReceipt")
    mined, terminal.node.mined = terminal.node.mined, []

    def catch_up() -> None:
        if terminal.node.asked.count("eth_getTransactionReceipt") > 2:
            terminal.node.mined = mined

    terminal.node.on_asked = catch_up
    terminal.node.asked.clear()
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 8


def test_a_node_without_an_answer_decides_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.killed(7, at="eth_getTransactionReceipt")
    found = PoolNode._receipt

    def unsure(node: PoolNode, sent: bytes) -> Any:
        raise OSError("transaction indexing is in progress")

    monkeypatch.setattr(PoolNode, "_receipt", unsure)
    with pytest.raises(ChainError):
        terminal.fund(7)
    monkeypatch.setattr(PoolNode, "_receipt", found)
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


@pytest.mark.parametrize("age", [0, 1, 3])
def test_a_chain_that_began_anew_gets_it_anew(terminal: Terminal, age: int) -> None:
    terminal.fund(1)
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node = PoolNode()
    for _ in range(age):
        terminal.node.by_stranger()
    terminal.node.mine()
    assert not terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


@pytest.mark.parametrize("change", ["chain", "account", "value", "receiver", "data", "creation"])
def test_another_transaction_is_another_one(terminal: Terminal, change: str) -> None:
    with Outbox(terminal.path) as outbox:
        sender = terminal.sender(outbox)
        first = sender._entry(CONTRACT, b"fund", 7)
        if change == "chain":
            terminal.node.chain_id = 6
            sender = terminal.sender(outbox)
        if change == "account":
            sender.address = b"\x01" * 20
        to = {"receiver": b"\xbb" * 20, "creation": None}.get(change, CONTRACT)
        data = {"data": b"fond", "creation": CONTRACT + b"fund"}.get(change, b"fund")
        outbox._turns.clear()
        assert sender._entry(to, data, 8 if change == "value" else 7) is not first


def test_a_command_of_several_goes_on_where_it_stopped(terminal: Terminal) -> None:
    """Two of them are alike, and meant so: each is paid once."""
    terminal.node.on_raw = lambda: setattr(
        terminal.node, "kill_at", "eth_getTransactionReceipt" if len(terminal.node.mined) == 2 else ""
    )
    with pytest.raises(Killed):
        terminal.fund(7, 7, 9, 11)
    terminal.node.kill_at, terminal.node.on_raw = "", None
    assert terminal.node.paid == 7 + 7 + 9
    assert [mined.earlier for mined in terminal.fund(7, 7, 9, 11)] == [True, True, True, False]
    assert terminal.node.paid == 7 + 7 + 9 + 11
    assert json.loads(terminal.path.read_bytes())["entries"] == []


def test_another_command_in_between_leaves_what_was_interrupted(terminal: Terminal) -> None:
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.fund(9)
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 16


def test_one_that_was_mined_and_failed_is_told_and_may_be_tried_again(terminal: Terminal) -> None:
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node.status = 0
    with pytest.raises(ContractError, match="was reverted, but would succeed now"):
        terminal.fund(7)
    terminal.node.status = 1
    assert not terminal.fund(7)[0].earlier
    assert len(terminal.node.mined) == 2


def test_what_the_node_refuses_for_money_is_told_at_once_and_bid_for_as_before(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bid that grew with each try would need ever more money; and nobody waits for what is not under way."""
    take = PoolNode._take
    monkeypatch.setattr(PoolNode, "_take", lambda *_: refusal("insufficient funds at http://node"))
    terminal.patience = Patience(poll=0.001, resend=0.3, doubt=10**6)
    for _ in range(3):
        with pytest.raises(ChainError, match="the node refused the transaction"):
            terminal.fund(7)
    (entry,) = json.loads(terminal.path.read_bytes())["entries"]
    assert (len(entry["hashes"]), entry["max_fee"]) == (1, 0), "one transaction, whatever it is asked for again"
    monkeypatch.setattr(PoolNode, "_take", take)
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.node.on_asked = lambda: setattr(terminal.node, "mines", True)
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.fund(7)
    assert terminal.node.paid == 7


def test_what_one_node_refuses_and_has_mined_all_the_same_is_not_paid_twice(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was shown the signed bytes can hand them on until their nonce is used, and a node may lie."""
    take = PoolNode._take

    def lie(node: PoolNode, raw: bytes) -> Any:
        take(node, raw)
        return refusal("insufficient funds")

    monkeypatch.setattr(PoolNode, "_take", lie)
    terminal.node.mines = False
    with pytest.raises(ChainError, match="insufficient funds"):
        terminal.fund(7)
    terminal.node.mine()
    monkeypatch.setattr(PoolNode, "_take", take)
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_a_broadcast_whose_answer_is_lost_may_have_been_heard(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = PoolNode._take

    def lost(node: PoolNode, raw: bytes) -> Any:
        take(node, raw)
        raise ValueError("an answer that is no JSON")

    monkeypatch.setattr(PoolNode, "_take", lost)
    terminal.fund(7)
    assert terminal.node.paid == 7


def test_a_broadcast_that_is_heard_twice_is_no_strangers(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway gives up, the question is asked again, and the node says that the nonce is used: by the same one."""
    take = PoolNode._take

    def twice(node: PoolNode, raw: bytes) -> Any:
        node.hides_receipts = 2
        take(node, raw)
        return take(node, raw)

    monkeypatch.setattr(PoolNode, "_take", twice)
    terminal.fund(7)
    assert terminal.node.paid == 7


@pytest.mark.parametrize("change", [{"status": None}, {"status": "0x0", "gasUsed": None}, {"logs": 5}, {"logs": [{}]}])
def test_a_receipt_in_another_form_is_the_nodes_trouble(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    receipt = PoolNode._receipt
    monkeypatch.setattr(PoolNode, "_receipt", lambda *asked: (receipt(*asked) or {}) | change)
    terminal.patience = Patience(poll=0.001, resend=0.1, give_up=0.2, doubt=0.1)
    with pytest.raises(ChainError):
        terminal.fund(7)


def test_the_hash_of_what_is_sent_is_told(terminal: Terminal) -> None:
    told: list[bytes] = []
    sender = terminal.sender(None, on_sent=told.append)
    mined = sender.send(CONTRACT, b"fund", gas=10**6)
    other: list[bytes] = []
    sender.send(CONTRACT, b"fund", gas=10**6, on_sent=other.append)
    assert told == [mined.transaction]
    assert len(other) == 1


def test_pending_transactions_of_others_are_told(terminal: Terminal, caplog: pytest.LogCaptureFixture) -> None:
    terminal.node.by_stranger()
    terminal.node.on_raw = terminal.node.mine
    terminal.fund(7)
    assert "event=account-has-pending-transactions" in caplog.text
    assert "first_nonce=0 count=1" in caplog.text
    caplog.clear()
    terminal.fund(7)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_two_commands_at_once_are_refused(terminal: Terminal) -> None:
    with Outbox(terminal.path), pytest.raises(StorageError, match="wait until it has ended"):
        Outbox(terminal.path)
    terminal.fund(7)


VALID: dict[str, Any] = {"intent": "ab" * 32, "turn": 0, "nonce": 1, "hashes": ["cd" * 32]}
MISTAKES: tuple[dict[str, Any], ...] = (
    {"nonce": -1}, {"nonce": "1"}, {"turn": 1.5}, {"hashes": []}, {"hashes": ["cd"]}, {"intent": "zz" * 32},
    {"more": 1}, {"hashes": ["cd" * 32 + "\n"]}, {"raw": "02"}, {"raw": "zz"}, {"raw": "0"}, {"lost": [{}]},
    {"lost": [{"nonce": -1, "hash": "cd" * 32}]},
)  # fmt: skip


def stored(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"version": 1, "entries": entries}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff", b"[]", b"{}", b'{"version": 1}', b'{"version": 1, "entries": [{}]}', b'{"version": 1' * 10**6,
        *(stored(VALID | mistake) for mistake in MISTAKES), stored(VALID, VALID), stored(VALID)[:-1],
    ],
    ids=lambda content: str(content[:60]),
)  # fmt: skip
def test_a_damaged_file_is_refused_in_words_and_left(terminal: Terminal, content: bytes) -> None:
    terminal.path.write_bytes(stored(VALID))
    Outbox(terminal.path).close()
    terminal.path.write_bytes(content)
    for _ in range(2):  # and the lock is given back
        with pytest.raises(StorageError, match="is damaged"):
            Outbox(terminal.path)
    assert terminal.path.read_bytes() == content
    assert terminal.node.asked == []


def test_a_file_of_a_newer_release_is_refused_and_left(terminal: Terminal) -> None:
    terminal.path.write_text(json.dumps({"version": 4, "entries": [], "more": 1}))
    with pytest.raises(StorageError, match="written by a newer release"):
        Outbox(terminal.path)


def test_an_outbox_does_not_grow_for_ever(terminal: Terminal) -> None:
    with Outbox(terminal.path) as outbox:
        entry = outbox.entry(keccak(b"many"))
        entry.hashes += [keccak(number.to_bytes(4, "big")) for number in range(70_000)]
        with pytest.raises(StorageError, match="split the command"):
            outbox.save()


def test_a_disk_that_is_full_sends_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("no space left on device; free some space")

    monkeypatch.setattr("commons.chain.outbox.write_durably", full)
    with pytest.raises(StorageError, match="no space"):
        terminal.fund(7)
    assert "eth_sendRawTransaction" not in terminal.node.asked


def test_the_cost_is_announced_before_anything_is_sent(terminal: Terminal) -> None:
    quotes: list[Quote] = []

    def announce(quote: Quote) -> None:
        assert "eth_sendRawTransaction" not in terminal.node.asked
        quotes.append(quote)

    terminal.sender(None, announce=announce).send(CONTRACT, b"fund", gas=10**6, value=7)
    (sent,) = [transaction for _, transaction in terminal.node.mined]
    assert sent["gas"] == 125_000
    assert quotes == [Quote(KEY.address, 100_000, 125_000 * sent["maxFeePerGas"], 7, 10 * ETHER)]


def test_without_it_no_estimate_is_asked_for(terminal: Terminal) -> None:
    terminal.fund(7)
    assert "eth_estimateGas" not in terminal.node.asked
    assert "eth_getBalance" not in terminal.node.asked


@pytest.mark.parametrize("balance", [0, ETHER - 1, ETHER + 1000])
def test_an_account_that_cannot_pay_is_told_how_much_it_needs(terminal: Terminal, balance: int) -> None:
    terminal.node.balance = balance
    sender = terminal.sender(None, announce=lambda _: pytest.fail("announced"))
    with pytest.raises(ChainError, match=r"has .* ETH, this needs up to .* ETH"):
        sender.send(CONTRACT, b"fund", gas=10**6, value=ETHER)
    assert not terminal.node.mined


def test_the_largest_fee_fits_what_the_account_has(terminal: Terminal) -> None:
    fee = 125_000 * (2 * GAS + Patience().tip)
    terminal.node.balance = ETHER + fee
    terminal.sender(None, announce=lambda _: None).send(CONTRACT, b"fund", gas=10**6, value=ETHER)
    terminal.node.balance -= 1
    with pytest.raises(ChainError, match="send it the difference"):
        terminal.sender(None, announce=lambda _: None).send(CONTRACT, b"fund", gas=10**6, value=ETHER)


@pytest.mark.parametrize("said", ["FeeTooLow", "internal error", "upstream request timeout"])
def test_a_node_that_denies_what_it_took_makes_nobody_pay_twice(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    take = PoolNode._take

    def deny(node: PoolNode, raw: bytes) -> RPCResponse:
        take(node, raw)
        return refusal(said)

    terminal.node.mines = False
    monkeypatch.setattr(PoolNode, "_take", deny)
    with pytest.raises(ChainError, match=f"refused the transaction: .*{said}.*run the command again, it pays once"):
        terminal.fund(7)
    terminal.node.mine()
    monkeypatch.setattr(PoolNode, "_take", take)
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_what_is_mined_although_the_node_denies_it_is_found_at_once(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = PoolNode._take
    monkeypatch.setattr(PoolNode, "_take", lambda node, raw: (take(node, raw), refusal("internal error"))[1])
    assert not terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


@pytest.mark.parametrize("words", [("AlreadyKnown", "OldNonce"), ("already known", "nonce too low")])
def test_every_kind_of_node_is_understood(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]
) -> None:
    """Nethermind has words of its own; the gateway before it asks twice."""
    take = PoolNode._take

    def again(node: PoolNode, raw: bytes) -> RPCResponse:
        heard = keccak(raw) in dict(node.mined) or keccak(raw) in [sent for sent, _ in node.pool.values()]
        return refusal(words[node.mines]) if heard else take(node, raw)

    monkeypatch.setattr(PoolNode, "_take", lambda node, raw: (again(node, raw), again(node, raw))[1])
    terminal.fund(7)
    assert terminal.node.paid == 7
    terminal.node.mines = False
    terminal.node.on_raw = lambda: None
    terminal.killed(9, at="eth_getTransactionReceipt")
    terminal.node.mine()
    assert terminal.fund(9)[0].earlier
    assert terminal.node.paid == 16


def test_while_an_earlier_variant_is_under_way_a_refusal_is_waited_out(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account has no money for higher fees, and needs none: the first variant is mined."""
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")

    def poor(node: PoolNode, raw: bytes) -> RPCResponse:
        node.mine()
        return refusal("insufficient funds for gas * price + value")

    monkeypatch.setattr(PoolNode, "_take", poor)
    terminal.fund(7)
    assert terminal.node.paid == 7


def test_money_that_an_earlier_variant_spent_is_not_asked_for_again(terminal: Terminal) -> None:
    terminal.node.mines = False
    terminal.killed(7, at="eth_getTransactionReceipt")

    def spent() -> None:
        if terminal.node.asked[-1] == "eth_getBalance":
            terminal.node.mine()
            terminal.node.balance = 0

    terminal.node.on_asked = spent
    with Outbox(terminal.path) as outbox:
        assert terminal.sender(outbox, announce=lambda _: None).send(CONTRACT, b"fund", gas=10**6, value=7).earlier


def test_fast_resending_does_not_shorten_the_doubt(terminal: Terminal) -> None:
    """Receipts come later than higher fees: what has to be sure is not what has to be quick."""
    terminal.killed(7, at="eth_getTransactionReceipt")
    terminal.patience = Patience(poll=0.001, resend=0.01, doubt=5.0)
    terminal.node.hides_receipts = 50
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_a_node_that_is_still_syncing_decides_nothing(terminal: Terminal) -> None:
    """It knows neither the nonce nor the receipt, and one that was sent under its own nonce would be forgotten."""
    terminal.fund(1)
    terminal.killed(7, at="eth_getTransactionReceipt")
    whole, terminal.node = terminal.node, PoolNode(syncing=True)
    with pytest.raises(ChainError, match="still catching up"):
        terminal.fund(7)
    terminal.node = whole
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 8


def test_what_an_earlier_run_sent_is_told(terminal: Terminal) -> None:
    terminal.killed(7, at="eth_getTransactionReceipt")
    told: list[bytes] = []
    with Outbox(terminal.path) as outbox:
        terminal.sender(outbox, on_earlier=told.append).send(CONTRACT, b"fund", gas=10**6, value=7)
    assert told == [terminal.node.mined[0][0]]


def test_what_was_undone_since_is_done_again(terminal: Terminal) -> None:
    terminal.killed(7, at="eth_getTransactionReceipt")
    with Outbox(terminal.path) as outbox:
        sender = terminal.sender(outbox)
        assert not sender.send(CONTRACT, b"fund", gas=10**6, value=7, repeatable=True).earlier
    assert len(terminal.node.mined) == 2


def test_a_receipt_that_was_seen_once_is_believed(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes behind one address answer in turn, and one of them lags."""
    terminal.killed(7, at="eth_getTransactionReceipt")
    answers, receipt = iter([False, True]), PoolNode._receipt
    monkeypatch.setattr(PoolNode, "_receipt", lambda node, sent: receipt(node, sent) if next(answers, False) else None)
    assert terminal.fund(7)[0].earlier
    assert terminal.node.paid == 7


def test_a_node_that_shows_the_nonce_before_the_receipt_is_given_time_although_resending_is_fast(
    terminal: Terminal,
) -> None:
    terminal.patience = Patience(poll=0.001, resend=0.01, doubt=5.0)
    terminal.node.hides_receipts = 60
    terminal.fund(7)
    assert terminal.node.paid == 7


def test_a_place_that_cannot_be_written_is_told_with_the_setting_that_names_another(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"chain\.outbox names another place"):
        Outbox(tmp_path / "file" / "owner.key.outbox")
