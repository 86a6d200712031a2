"""Nonces that a reorganisation or a pool lost are filled, what waits behind them keeps its own, all is paid once."""

from __future__ import annotations

import itertools
import json
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain import noncegaps, outbox
from commons.chain.bids import Bid
from commons.chain.devchain import DevChain
from commons.chain.outbox import Outbox, OutboxFile
from commons.chain.patience import Patience
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.transactions import Sender
from commons.storage.accounts import SigningKey
from tests.support.poolnode import CONTRACT, GAS, KEY, PATIENCE, STRANGER, Killed, PoolNode, Terminal, refusal

QUICK = Patience(poll=0.001, resend=0.05, doubt=0.005)
BRIEF = replace(QUICK, give_up=0.3)
AT = "eth_getTransactionReceipt"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in other processes have the same accounts; they take no turns with these."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(PoolNode(), tmp_path / "outbox.json", QUICK)


def interrupted(terminal: Terminal, *, keeps: bool = True) -> None:
    """Two commands were interrupted after their transactions were mined; the chain takes both back, the first is lost.

    Args:
        keeps: the second one waits in the node's pool.
    """
    terminal.killed(1, at=AT)
    # another nonce than the first one's: that is mined
    terminal.killed(7, at=AT)
    assert terminal.node.paid == 8
    terminal.node.take_back(keeps=keeps)
    terminal.node.take_back(keeps=False)


def values(node: PoolNode) -> list[int]:
    return [int(sent["value"]) for _, sent in node.mined]


@pytest.mark.parametrize("keeps", [True, False], ids=["it waits", "it is lost as well"])
def test_a_missing_nonce_is_filled_with_the_bytes_that_were_sent_under_it(
    terminal: Terminal, keeps: bool, caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(terminal, keeps=keeps)
    terminal.fund(7)
    assert values(terminal.node) == [1, 7]
    assert "event=missing-nonce-filled" in caplog.text
    assert terminal.fund(1)[0].earlier, "it goes on with that"
    assert values(terminal.node) == [1, 7]


@pytest.mark.parametrize("keeps", [True, False], ids=["it waits", "it is lost as well"])
def test_where_nothing_is_stored_it_is_filled_with_nothing(terminal: Terminal, keeps: bool) -> None:
    terminal.fund(1)
    terminal.killed(7, at=AT)
    terminal.node.take_back(keeps=keeps)
    terminal.node.take_back(keeps=False)
    terminal.fund(7)
    assert values(terminal.node) == [0, 7]
    filler = terminal.node.mined[0][1]
    assert bytes(filler["to"]) == KEY.address
    assert (filler["gas"], bytes(filler["data"])) == (21_000, b"")
    assert json.loads(terminal.path.read_bytes())["entries"] == []


def forgotten_bytes(terminal: Terminal) -> None:
    """The outbox as version 2 had it: what was sent is known by its hashes alone."""
    stored = json.loads(terminal.path.read_bytes())
    for entry in stored["entries"]:
        assert entry.pop("raw") and entry.pop("lost") == []
    terminal.path.write_text(json.dumps({"version": 2, "entries": stored["entries"]}))


@pytest.mark.parametrize("blocks_take", [1, 3], ids=["at once", "the third variant"])
def test_what_fills_the_nonce_of_one_whose_bytes_are_not_kept_does_not_count_as_that_one(
    terminal: Terminal, blocks_take: int
) -> None:
    interrupted(terminal)
    forgotten_bytes(terminal)
    dearest, offered = max(entry["max_fee"] for entry in json.loads(terminal.path.read_bytes())["entries"]), []

    def heard() -> None:
        offered.append(1)
        terminal.node.mines = len(offered) >= blocks_take

    terminal.node.on_raw, terminal.node.mines = heard, False
    terminal.fund(7)
    assert values(terminal.node) == [0, 7]
    assert terminal.node.mined[0][1]["maxFeePerGas"] > dearest, "a node that has the other one takes it instead"
    assert not terminal.fund(1)[0].earlier
    assert values(terminal.node) == [0, 7, 1]
    assert json.loads(terminal.path.read_bytes())["entries"] == []


def test_one_that_was_filled_in_for_and_is_mined_after_all_is_not_sent_again(terminal: Terminal) -> None:
    """Another branch of the chain has it instead of what filled its nonce."""
    terminal.killed(1, at=AT)
    first = terminal.node.mined[0]
    terminal.killed(7, at=AT)
    terminal.node.take_back()
    terminal.node.take_back(keeps=False)
    forgotten_bytes(terminal)
    terminal.fund(7)
    terminal.killed(1, at="eth_sendRawTransaction")
    terminal.node.mined[0] = first
    (mined,) = terminal.fund(1)
    assert (mined.earlier, mined.transaction) == (True, first[0])
    assert values(terminal.node) == [1, 7]


def test_a_server_without_room_for_the_bytes_sends_what_it_could_not_keep(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_MAX_RAW", 10)
    with Outbox(terminal.path, standing=50) as box:
        sender = terminal.sender(box)
        for batch in (b"first", b"second"):
            sender.send(CONTRACT, batch, gas=10**6)
        terminal.node.take_back()
        terminal.node.take_back(keeps=False)
        for batch in (b"second", b"first"):
            sender.send(CONTRACT, batch, gas=10**6)
    assert [bytes(sent["data"]) for _, sent in terminal.node.mined] == [b"", b"second", b"first"]


def test_what_was_sent_to_another_chain_fills_no_nonce_of_this_one(terminal: Terminal) -> None:
    """Two chains, and one account's file beside its key: the money is meant for the first of them."""
    terminal.killed(1, at=AT)
    elsewhere, terminal.node = terminal.node, PoolNode(chain_id=6)
    terminal.fund(2)
    terminal.killed(7, at=AT)
    terminal.node.take_back()
    terminal.node.take_back(keeps=False)
    terminal.fund(7)
    assert values(terminal.node) == [0, 7]
    assert {sent["chainId"] for _, sent in terminal.node.mined} == {6}
    terminal.node = elsewhere
    assert terminal.fund(1)[0].earlier
    assert values(elsewhere) == [1]


@pytest.mark.parametrize("as_filler", [False, True], ids=["as ours", "as what fills the nonce"])
def test_what_another_account_signed_is_signed_for_nobody(terminal: Terminal, tmp_path: Path, as_filler: bool) -> None:
    """Whoever writes into the outbox, which may be kept in Redis, does not choose what is paid for."""
    theirs = Terminal(PoolNode(), tmp_path / "theirs.json", QUICK, key=SigningKey.from_secret(b"\x09" * 32))
    theirs.killed(5, at=AT)
    interrupted(terminal)
    ours, put = (json.loads(one.path.read_bytes())["entries"] for one in (terminal, theirs))
    (behind,) = (entry for entry in ours if entry["nonce"] == 1)
    if as_filler:
        put[0]["intent"] = keccak(b"nothing" + KEY.address + (5).to_bytes(32, "big") + bytes(8)).hex()
    terminal.path.write_text(json.dumps({"version": 3, "entries": [*put, behind]}))
    terminal.fund(7)
    assert values(terminal.node) == [0, 7]


@pytest.mark.parametrize("junk", [b"junk", b"\x02", b"\x02\xc1\x80", b"\x02" + b"\xf8" * 40])
def test_what_is_no_transaction_fills_no_nonce_and_stops_nobody(terminal: Terminal, junk: bytes) -> None:
    """Its hash fits, as whoever writes into the outbox can see to; its nonce is filled with nothing."""
    interrupted(terminal)
    document = json.loads(terminal.path.read_bytes())
    (first,) = (entry for entry in document["entries"] if entry["nonce"] == 0)
    first["raw"], first["hashes"] = junk.hex(), [keccak(junk).hex()]
    terminal.path.write_text(json.dumps(document))
    terminal.fund(7)
    assert values(terminal.node) == [0, 7]


def test_what_a_node_lost_behind_a_missing_nonce_keeps_its_own(terminal: Terminal) -> None:
    """The node that is asked knows nothing of it, another one has it: under another nonce it would be mined twice."""
    terminal.fund(1)
    terminal.killed(7, at=AT)
    elsewhere = terminal.node.mined[1]
    terminal.node.take_back(keeps=False)
    terminal.node.take_back(keeps=False)
    terminal.node.mines = False
    with pytest.raises(ChainError, match=r"under nonce 1, and the account's transaction under nonce 0 is missing"):
        Terminal(terminal.node, terminal.path, BRIEF).fund(7)
    terminal.node.pool[1] = elsewhere
    terminal.node.mine()
    terminal.node.mines = True
    assert terminal.fund(7)[0].earlier
    assert values(terminal.node) == [0, 7]


def test_what_fills_a_nonce_is_bid_for_from_what_was_bid_and_up_to_the_limit(terminal: Terminal) -> None:
    terminal.node.base_fee = 2 * GAS
    interrupted(terminal)
    before = Bid(2 * 2 * GAS + QUICK.tip, QUICK.tip)
    terminal.node.base_fee = 50 * GAS
    Terminal(terminal.node, terminal.path, replace(QUICK, max_fee=60 * GAS)).fund(7)
    fields = terminal.node.mined[0][1]
    after = Bid(fields["maxFeePerGas"], fields["maxPriorityFeePerGas"])
    assert values(terminal.node) == [1, 7]
    assert after.replaces(before)
    assert after.most == 60 * GAS


def test_above_the_limit_nothing_fills_it_and_that_is_told(terminal: Terminal) -> None:
    interrupted(terminal)
    terminal.node.base_fee = 50 * GAS
    terminal.node.asked.clear()
    with pytest.raises(ChainError, match="is missing before it, and was not mined in time"):
        Terminal(terminal.node, terminal.path, replace(BRIEF, max_fee=10 * GAS)).fund(7)
    assert "eth_sendRawTransaction" not in terminal.node.asked


def test_one_that_no_block_takes_is_offered_for_more(terminal: Terminal) -> None:
    interrupted(terminal)
    terminal.node.mines, offered = False, []

    def heard() -> None:
        offered.append(1)
        terminal.node.mines = len(offered) == 3

    terminal.node.on_raw = heard
    terminal.fund(7)
    assert values(terminal.node) == [1, 7]
    assert terminal.node.mined[0][1]["maxFeePerGas"] > 2 * GAS + QUICK.tip


def test_a_strangers_that_waits_there_is_left_to_be_mined(terminal: Terminal) -> None:
    terminal.fund(1)
    terminal.killed(7, at=AT)
    terminal.node.take_back()
    terminal.node.take_back(keeps=False)
    terminal.node.pool[0] = (STRANGER, {"maxFeePerGas": 9 * GAS, "value": 0})
    asked = len(terminal.node.asked)

    def mine() -> None:
        if len(terminal.node.asked) > asked + 60:
            terminal.node.mine()

    terminal.node.on_asked = mine
    assert terminal.fund(7)[0].earlier
    assert [sent == STRANGER for sent, _ in terminal.node.mined] == [True, False]
    assert "eth_sendRawTransaction" not in terminal.node.asked[asked:]


def test_a_refusal_of_what_fills_a_nonce_is_told_with_it(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(terminal)
    monkeypatch.setattr(PoolNode, "_take", lambda *_: refusal("insufficient funds"))
    with pytest.raises(ChainError, match=r"under nonce 0 is missing, and the node refused .*insufficient funds"):
        terminal.fund(7)


def test_a_node_that_is_catching_up_has_no_nonce_filled(terminal: Terminal) -> None:
    interrupted(terminal)
    terminal.node.syncing = True
    terminal.node.asked.clear()
    with pytest.raises(ChainError, match="still catching up"):
        terminal.fund(7)
    assert "eth_sendRawTransaction" not in terminal.node.asked


def test_on_a_chain_that_began_anew_far_below_nothing_is_filled(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noncegaps, "_MOST", 3)
    for _ in range(4):
        terminal.fund(1)
    terminal.killed(7, at=AT)
    terminal.node = PoolNode()
    terminal.fund(7)
    assert values(terminal.node) == [7]


def lost_its_nonce(terminal: Terminal) -> tuple[bytes, dict[str, Any]]:
    """A stranger's transaction took the nonce of ours, which a second run learns, and dies before it sends another."""
    terminal.node.mines = False
    terminal.killed(7, at=AT)
    ours = terminal.node.pool.pop(0)
    terminal.node.by_stranger()
    terminal.node.mine()
    terminal.killed(7, at="eth_sendRawTransaction")
    terminal.node.mines = True
    return ours


def test_one_that_lost_its_nonce_and_is_mined_after_all_is_not_sent_again(terminal: Terminal) -> None:
    """The chain takes the stranger's back, and a node elsewhere has ours still."""
    ours = lost_its_nonce(terminal)
    terminal.node.take_back(keeps=False)
    terminal.node.mined.append(ours)
    (mined,) = terminal.fund(7)
    assert (mined.earlier, mined.transaction) == (True, ours[0])
    assert terminal.node.paid == 7


def test_a_server_remembers_what_lost_its_nonce_until_that_is_used_deep_enough(terminal: Terminal) -> None:
    ours = lost_its_nonce(terminal)
    lost = [{"nonce": 0, "hash": ours[0].hex()}]

    def kept() -> list[Any]:
        return [entry["lost"] for entry in json.loads(terminal.path.read_bytes())["entries"]]

    with Outbox(terminal.path, standing=3) as box:
        sender = terminal.sender(box)
        for number in range(4):
            sender.send(b"\xaa" * 20, bytes([number]), gas=10**6)
            assert (lost in kept()) is (number < 2)


def taken_back_meanwhile(node: PoolNode, most: int = 5) -> list[bytes]:
    """While a transaction is sent, the chain takes the one before it back, and it is lost; hashes of what was."""
    lost: list[bytes] = []
    offered = itertools.count()

    def happen() -> None:
        if not lost:
            lost.append(node.mined[0][0])
            node.take_back(keeps=False)
        if next(offered) > most:
            raise Killed

    node.on_raw = happen
    return lost


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "forgotten"])
def test_what_is_taken_back_while_the_next_one_is_sent_is_filled_in_and_no_bid_is_raised(
    terminal: Terminal, stored: bool
) -> None:
    if stored:
        terminal.killed(1, at=AT)
    else:
        terminal.fund(1)
    lost = taken_back_meanwhile(terminal.node)
    assert not terminal.fund(7)[0].earlier
    assert values(terminal.node) == [int(stored), 7]
    assert (terminal.node.mined[0][0] == lost[0]) is stored
    assert terminal.node.mined[1][1]["maxFeePerGas"] == 2 * GAS + QUICK.tip


def test_without_an_outbox_no_bid_is_raised_for_what_waits_behind_a_missing_nonce(terminal: Terminal) -> None:
    terminal.fund(1)
    before, node = terminal.node.mined[0], terminal.node
    taken_back_meanwhile(node, 10**6)
    raws = "eth_sendRawTransaction"

    def come_back() -> None:
        if node.asked.count(raws) == 5 and not node.mined:
            node.pool[0] = before
            node.mine()

    node.on_asked = come_back
    terminal.sender(None).send(CONTRACT, b"fund", gas=10**6, value=7)
    assert values(node) == [1, 7]
    assert node.mined[1][1]["maxFeePerGas"] == 2 * GAS + QUICK.tip


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "forgotten"])
def test_a_process_that_dies_anywhere_while_it_fills_a_nonce_pays_once(
    stored: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each question to the node, and before and after each write."""
    left = [10**9]
    save = OutboxFile.save

    def step() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    def saving(place: OutboxFile, data: bytes) -> None:
        step()
        save(place, data)
        step()

    monkeypatch.setattr(OutboxFile, "save", saving)
    for steps in itertools.count():
        terminal = Terminal(PoolNode(), tmp_path / f"outbox-{steps}.json", QUICK)
        if stored:
            terminal.killed(1, at=AT)
        else:
            terminal.fund(1)
        terminal.killed(7, at=AT)
        terminal.node.take_back(keeps=bool(steps % 2))
        terminal.node.take_back(keeps=False)
        terminal.node.on_asked = step
        left[0] = steps
        with suppress(Killed):
            terminal.fund(7)
        died, left[0] = left[0] < 0, 10**9
        done = not died
        if died:
            reported = json.loads(terminal.path.read_bytes())["entries"]
            done = not any(entry["nonce"] == 1 for entry in reported)  # it died after its last write
        if not done:
            terminal.fund(7)
        assert values(terminal.node) == [int(stored), 7], steps
        if not died:
            break
    assert steps > 10


def test_bytes_that_are_kept_are_bounded_and_the_oldest_go_first(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_MAX_RAW", 1000)
    with Outbox(terminal.path, standing=50) as box:
        sender = terminal.sender(box)
        for number in range(20):
            sender.send(b"\xaa" * 20, bytes([number]) * 100, gas=10**6)
    entries = sorted(json.loads(terminal.path.read_bytes())["entries"], key=lambda entry: entry["nonce"])
    kept = [bool(entry["raw"]) for entry in entries]
    assert kept == sorted(kept)
    assert 2 < sum(kept) < 20
    assert all(keccak(bytes.fromhex(e["raw"])).hex() == e["hashes"][-1] for e in entries if e["raw"])


def test_on_a_chain_of_the_evm_what_was_taken_back_is_sent_again_in_its_order(tmp_path: Path) -> None:
    dev = DevChain()
    rpc = Rpc(dev.start(), ErrorTable(()))
    before = dev._tester.take_snapshot()
    try:
        with Outbox(tmp_path / "outbox", standing=6) as box:
            sender = Sender(rpc, dev.accounts[3], PATIENCE, outbox=box)
            sent = [sender.send(bytes([8]) * 20, bytes([n]), gas=50_000, value=n).transaction for n in (1, 2)]
            dev._tester.revert_to_snapshot(before)
            again = sender.send(bytes([8]) * 20, bytes([2]), gas=50_000, value=2)
            assert sender.send(bytes([8]) * 20, bytes([1]), gas=50_000, value=1).transaction == sent[0]
        assert again.transaction != sent[1], "it is offered for more"
        assert rpc.guarded(lambda: rpc.web3.eth.get_balance(to_checksum_address(bytes([8]) * 20))) == 3
    finally:
        dev.stop()
