"""Several nodes of one chain: one stands in for another, and none that is wrong is believed for being there."""

from __future__ import annotations

import logging
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from circuits.errors import ChainError, ContractError, UnknownError
from circuits.hashing import keccak
from commons.chain import nodes
from commons.chain.blockwatch import BlockWatch
from commons.chain.devchain import DevChain
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.nodes import Nodes
from commons.chain.nodetrouble import NodeTroubleError
from commons.chain.patience import Patience
from commons.chain.rehearsal import Rehearsal
from commons.chain.rpc import ErrorTable, Rpc
from tests.support.httpnode import HttpNode, StandIn

pytestmark = pytest.mark.usefixtures("no_waits")

NOBODY = to_checksum_address(bytes(20))


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Net:
    """A chain, nodes that show it, and one who asks them."""

    def __init__(self, undo: ExitStack, count: int = 2) -> None:
        self.dev = DevChain()
        while self._head() < 20:
            self.dev._tester.mine_block()
        self.nodes = [StandIn(self.dev) for _ in range(count)]
        for node in self.nodes:
            undo.callback(node.close)
        self.clock = Clock()
        self.rpc = self.asking(*(node.secret_url for node in self.nodes))

    def asking(self, *urls: str, chain: int | None = None) -> Rpc:
        """One who asks some nodes, by the test's clock."""
        rpc = Rpc(",".join(urls), ErrorTable(("Refused()",)), timeout=2.0, chain=chain)
        rpc._nodes._monotonic = self.clock
        return rpc

    def _head(self) -> int:
        return int(self.dev.answer("eth_getBlockByNumber", ["latest", False])["result"]["number"], 16)

    def answering(self, sent: Any, method: str, params: Any) -> Any:
        """What the chain says, but to a transaction."""
        return sent if method == "eth_sendRawTransaction" else self.dev.answer(method, params)

    def answered(self, ask: Any = None) -> int:
        """Number of the node that answers a question."""
        before = [node.count("eth_getBalance") for node in self.nodes]
        (ask or self._balance)()
        (number,) = (n for n, node in enumerate(self.nodes) if not node.status and self._asked(node, before[n]))
        return number

    @staticmethod
    def _asked(node: StandIn, before: int) -> bool:
        return node.count("eth_getBalance") > before

    def _balance(self) -> None:
        self.rpc.guarded(lambda: self.rpc.web3.eth.get_balance(NOBODY))


@pytest.fixture
def net(undo: ExitStack) -> Net:
    return Net(undo)


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().split()[0].removeprefix("event=") for record in caplog.records
            if "event=node-" in record.getMessage() and "asks-to-wait" not in record.getMessage()]  # fmt: skip


@pytest.mark.parametrize("status", [429, 500, 502, 503, 401, 404])
def test_another_node_answers_for_one_that_does_not_and_the_first_comes_back(
    net: Net, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert net.answered() == 0
    net.nodes[0].status = status
    assert [net.answered() for _ in range(5)] == [1] * 5
    assert events(caplog) == ["node-set-aside"], "told once"
    net.nodes[0].status = 0
    assert net.answered() == 1, "it is left alone for a while"
    net.clock.now += 600
    assert net.answered() == 0
    assert events(caplog) == ["node-set-aside", "node-back"]
    assert not any(secret in caplog.text for secret in ("hunter2", "APIKEY"))


def test_so_does_one_for_a_node_that_is_gone_and_one_that_talks_nonsense(net: Net) -> None:
    net.nodes[0].answer = lambda *_: b"<html>"
    assert net.answered() == 1
    rpc = net.asking("http://127.0.0.1:9", net.nodes[1].url)
    assert rpc.head().number == 20


def test_when_none_works_all_are_asked_and_named(net: Net) -> None:
    net.rpc.head()
    net.nodes[0].status = net.nodes[1].status = 500
    with pytest.raises(ChainError, match=r"none of 2 nodes is of use: .*; .*HTTP status 500") as caught:
        net.rpc.head()
    assert not any(secret in str(caught.value) for secret in ("hunter2", "APIKEY"))
    net.nodes[1].status = 0
    assert net.rpc.head().number == 20, "nobody waits for a time to pass when there is nothing better"


def test_each_failure_sets_a_node_aside_for_longer_with_jitter(net: Net) -> None:
    net.rpc.head()
    net.nodes[0].status = 500
    pauses = []
    for _ in range(10):
        net.clock.now += 10**6
        net.rpc.head()
        pauses.append(net.rpc._nodes._standings[0].until - net.clock.now)
    assert all(1 <= pause <= 450 for pause in pauses)
    assert pauses[0] <= 3 < pauses[2] and pauses[9] >= 150
    asked = len(net.nodes[0].asked)
    for _ in range(20):
        net.rpc.head()
    assert len(net.nodes[0].asked) == asked


def test_a_contract_that_refuses_is_no_node_that_fails(net: Net) -> None:
    refusal = {"error": {"code": 3, "message": "execution reverted", "data": "0x" + keccak(b"Refused()")[:4].hex()}}
    for node in net.nodes:
        node.answer = lambda method, params: refusal if method == "eth_call" else net.dev.answer(method, params)
    for _ in range(3):
        with pytest.raises(ContractError):
            net.rpc.call(b"\1" * 20, "any()", [], ["uint256"])
    assert [node.count("eth_call") for node in net.nodes] == [3, 0]


def test_a_node_far_behind_that_stands_still_is_set_aside_until_it_has_caught_up(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    net.nodes[0].behind = 9
    assert net.answered() == 0
    net.clock.now += 61
    assert net.answered() == 1
    assert "it is 9 blocks behind" in caplog.text
    net.nodes[0].behind = 8
    net.clock.now += 600
    assert net.answered() == 0


def test_of_three_one_far_behind_two_others_is_set_aside_at_once(undo: ExitStack) -> None:
    net = Net(undo, 3)
    net.nodes[0].behind = 9
    assert net.answered() == 1


def test_the_second_of_two_does_not_have_the_first_set_aside_by_claiming_to_be_ahead(net: Net) -> None:
    """Else all would be read from it, and transactions would go to it alone."""
    net.nodes[1].answer = partial(_ahead, net, 9)
    for _ in range(10):
        _kept_asking(net, 300)
        assert net.answered() == 0
    assert net.rpc.set_aside == (False, False)


def test_one_that_claims_to_be_far_ahead_is_not_believed_against_two(undo: ExitStack) -> None:
    net = Net(undo, 3)

    def ahead(method: str, params: Any) -> Any:
        if method != "eth_getBlockByNumber":
            return net.dev.answer(method, params)
        return {"result": {**net.dev.answer(method, ["0x14", False])["result"], "number": "0x7fffffff"}}

    net.nodes[2].answer = ahead
    assert net.answered() == 0


def test_a_node_of_another_chain_is_never_asked(net: Net, undo: ExitStack) -> None:
    """Also not when it is the first of the list and comes late, and not when no other works."""
    stranger = HttpNode(lambda method, params: {"result": "0x5"} if method == "eth_chainId"
                        else net.dev.answer(method, params))  # fmt: skip
    undo.callback(stranger.close)
    rpc = net.asking("http://127.0.0.1:9", net.nodes[0].url, stranger.url)
    rpc.head()
    rpc._nodes._nodes[0].url = type(rpc._nodes._nodes[0].url)(stranger.url)
    net.clock.now += 600
    assert rpc.chain_id == 131277322940537
    net.nodes[0].status = 500
    net.clock.now += 600
    before = len(stranger.asked)
    with pytest.raises(ChainError):
        rpc.guarded(lambda: rpc.web3.eth.get_balance(NOBODY))
    assert "eth_getBalance" not in [method for method, _ in stranger.asked[before:]]


CHAIN = 131277322940537


def elsewhere(net: Net, number: int) -> None:
    """A node is on another chain from now on."""
    net.nodes[number].answer = lambda method, params: (
        {"result": "0x5"} if method == "eth_chainId" else net.dev.answer(method, params)
    )


def questions(net: Net, number: int) -> set[str]:
    """What a node was asked beside which chain it is on."""
    return {method for method, _ in net.nodes[number].asked} - {"eth_chainId"}


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("wrong", [0, 1])
def test_the_chain_that_is_meant_is_the_one_of_the_settings_and_not_the_first_nodes(
    count: int, wrong: int, undo: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    """The first node that answers would have all others left out, and be asked and believed alone."""
    net = Net(undo, count)
    elsewhere(net, wrong)
    rpc = net.asking(*(node.secret_url for node in net.nodes), chain=CHAIN)
    assert rpc.head().number == 20
    assert rpc.chain_id == CHAIN
    net.clock.now += 600
    rpc.guarded(lambda: rpc.web3.eth.send_raw_transaction(_signed(net)))
    assert questions(net, wrong) == set(), "nothing is asked of it, and no transaction goes there"
    assert rpc.set_aside == tuple(number == wrong for number in range(count))
    assert f"is on chain 5, the configuration says {CHAIN}; correct the address of the node" in caplog.text
    assert not any(secret in caplog.text for secret in ("hunter2", "APIKEY"))


def test_of_two_one_on_another_chain_is_no_vote_and_is_named(net: Net) -> None:
    """It answers, so no time leaves it out: an operator has to."""
    elsewhere(net, 0)
    rpc = net.asking(*(node.url for node in net.nodes), chain=CHAIN)
    for _ in range(3):
        net.clock.now += 10**6
        with pytest.raises(NoAgreementError, match=r"1 of 2 nodes answer, .*is on chain 5"):
            rpc.most(lambda: rpc.head().number)
    assert questions(net, 0) == set()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_where_all_are_on_another_chain_each_is_named_and_nothing_is_asked(count: int, undo: ExitStack) -> None:
    net = Net(undo, count)
    for number in range(count):
        elsewhere(net, number)
    rpc = net.asking(*(node.secret_url for node in net.nodes), chain=CHAIN)
    for ask in (rpc.head, lambda: rpc.most(lambda: True), lambda: rpc.on_one_node(lambda _: rpc.head()),
                lambda: rpc.guarded(lambda: rpc.web3.eth.send_raw_transaction(_signed(net)))):  # fmt: skip
        with pytest.raises(ChainError) as caught:
            ask()
            rpc.head()  # what asks no node is no question
        assert str(caught.value).count(f"is on chain 5, the configuration says {CHAIN}") == count
        assert not any(secret in str(caught.value) for secret in ("hunter2", "APIKEY"))
    assert repr(rpc) and rpc.set_aside
    assert [questions(net, number) for number in range(count)] == [set()] * count


def test_what_comes_back_at_a_nodes_place_says_its_chain_before_it_is_asked(net: Net) -> None:
    """Also for a vote, of which no node is left out for being set aside, and in the seconds before the next look."""
    rpc = net.asking(*(node.url for node in net.nodes), chain=CHAIN)
    assert rpc.most(lambda: rpc.head().number) == 20
    net.nodes[1].status = 500
    with pytest.raises(NoAgreementError):
        rpc.most(lambda: rpc.head().number)
    net.nodes[1].status = 0
    net.nodes[1].asked.clear()
    elsewhere(net, 1)
    with pytest.raises(NoAgreementError, match="is on chain 5"):
        rpc.most(lambda: rpc.head().number)
    assert questions(net, 1) == set()


def test_the_only_one_is_asked_for_its_chain_until_it_is_the_right_one(undo: ExitStack) -> None:
    net = Net(undo, 1)
    elsewhere(net, 0)
    rpc = net.asking(net.nodes[0].url, chain=CHAIN)
    for _ in range(2):
        with pytest.raises(ChainError, match="is on chain 5"):
            rpc.head()
    net.nodes[0].answer = net.dev.answer
    assert [rpc.head().number for _ in range(3)] == [20] * 3
    assert net.nodes[0].count("eth_chainId") == 3, "once it has said so, it is not asked again"


def test_a_node_that_is_brought_to_the_right_chain_is_back(net: Net) -> None:
    elsewhere(net, 0)
    rpc = net.asking(*(node.url for node in net.nodes), chain=CHAIN)
    rpc.head()
    net.nodes[0].answer = net.dev.answer
    net.clock.now += 600
    assert rpc.most(lambda: rpc.head().number) == 20
    assert rpc.set_aside == (False, False)


def test_one_url_costs_no_looks(undo: ExitStack) -> None:
    net = Net(undo, 1)
    net.rpc.head()
    assert [method for method, _ in net.nodes[0].asked] == ["eth_getBlockByNumber"]


def test_logs_up_to_a_block_come_from_a_node_that_has_it(net: Net) -> None:
    """Else events would be taken for none, and never looked for again."""
    last = net.rpc.head().number
    net.nodes[0].behind = 3
    net.rpc._nodes._saw(0, last - 3, latest=True)
    assert net.rpc.logs(b"\1" * 20, [], 0, last) == []
    assert [node.count("eth_getLogs") for node in net.nodes] == [0, 1]
    net.nodes[1].behind = 3
    net.rpc._nodes._saw(1, last - 3, latest=True)
    with pytest.raises(ChainError, match="does not have block 20 yet"):
        net.rpc.logs(b"\1" * 20, [], 0, last)


def test_a_node_that_lacks_a_block_is_not_set_aside_as_there_may_be_none(net: Net) -> None:
    """Another node says how high the chain is, and may lie."""
    net.nodes[0].answer = partial(_ahead, net, 5)
    last = net.rpc.head().number
    net.nodes[0].answer = net.dev.answer
    net.rpc._nodes._saw(0, 20, latest=True)
    with pytest.raises(ChainError, match="does not have block 25 yet"):
        net.rpc.logs(b"\1" * 20, [], 0, last)
    assert net.rpc.set_aside == (False, False)


def test_a_node_that_lags_is_no_reorganisation(net: Net) -> None:
    forgotten: list[int] = []
    watch = BlockWatch(net.rpc, lambda: forgotten.append(1))
    net.nodes[1].behind = 3
    net.nodes[0].status = 500
    watch.look()
    net.nodes[0].status = 0
    net.clock.now += 600
    watch.look()
    assert not forgotten
    net.nodes[0].behind = 3  # the same node, which had the block
    watch.look()
    assert forgotten == [1]


def test_a_reorganisation_is_noticed_through_another_node_as_soon_as_it_has_the_block(net: Net) -> None:
    forgotten: list[int] = []
    snapshot = net.dev._tester.take_snapshot()
    net.dev._tester.mine_block()
    watch = BlockWatch(net.rpc, lambda: forgotten.append(1))
    net.nodes[0].status = 500
    net.dev._tester.revert_to_snapshot(snapshot)
    watch.look()
    assert not forgotten, "it may be behind"
    net.dev.advance(100)
    net.dev._tester.mine_blocks(2)
    watch.look()
    assert forgotten == [1]


def test_a_node_that_answers_to_looks_and_hangs_when_it_is_asked_is_set_aside_for_longer_each_time(net: Net) -> None:
    looks = ("eth_chainId", "eth_getBlockByNumber")
    net.nodes[0].answer = lambda method, params: net.dev.answer(method, params) if method in looks else 500
    pauses = []
    for _ in range(8):
        net.clock.now = net.rpc._nodes._standings[0].until + 16
        net._balance()
        pauses.append(net.rpc._nodes._standings[0].until - net.clock.now)
    assert net.nodes[1].count("eth_getBalance") == 8
    assert pauses[0] <= 3 < pauses[3] and pauses[7] >= 100
    net.nodes[0].answer = net.dev.answer
    for _ in range(30):
        net.clock.now += 30
        net._balance()
    net.nodes[0].answer = lambda *_: 500
    net._balance()
    assert net.rpc._nodes._standings[0].until - net.clock.now <= 3, "it had worked for long"


@pytest.mark.parametrize("code", [-32000, -32603])
def test_another_node_is_asked_where_one_answers_with_an_error_and_neither_is_set_aside(net: Net, code: int) -> None:
    """It may be a stranger's contract that has all nodes say so."""
    said = {"error": {"code": code, "message": "missing trie node"}}
    for node in net.nodes:
        node.answer = lambda method, params: said if method == "eth_getBalance" else net.dev.answer(method, params)
        with pytest.raises(ChainError, match="missing trie node") if node is net.nodes[1] else nullcontext():
            net._balance()
    assert [node.count("eth_getBalance") for node in net.nodes] == [2, 2]
    assert not any(standing.reason for standing in net.rpc._nodes._standings)


def votes(net: Net, *says: Any) -> Any:
    """What most nodes say, of which each says one thing: an error stands for none."""

    def ask() -> Any:
        net._balance()
        said = says[net.rpc._nodes._held]  # type: ignore[index]
        if isinstance(said, Exception):
            raise said
        return said

    return net.rpc.most(ask)


LOST, DOWN = UnknownError("it knows no such round"), NodeTroubleError("it hangs")


@pytest.mark.parametrize(
    ("says", "result"),
    [
        ((True, True, True), True), ((True, True, None), True), ((None, True, True), True), ((DOWN, True, True), True),
        ((True, LOST, True), True), ((True, None, None), None), ((None, True, None), None), ((None, None, DOWN), None),
        (("a", "b", "b"), "b"), ((True, None, DOWN), None), ((True, True), True), ((True, None), None),
        ((None, True), None), ((None, None), None), ((True, True, True, DOWN), True), ((True, True, None, None), None),
    ],
    ids=str,
)  # fmt: skip
def test_what_most_nodes_say_counts_and_one_that_errs_or_lies_does_not(
    says: tuple[Any, ...], result: Any, undo: ExitStack
) -> None:
    assert votes(Net(undo, len(says)), *says) == result


@pytest.mark.parametrize(
    ("says", "match"),
    [
        ((True, DOWN, DOWN), "1 of 3 nodes answer, and 2 must say the same"), ((DOWN, LOST, DOWN), "0 of 3 nodes"),
        ((True, DOWN), "1 of 2 nodes answer, and 2 must"), ((LOST, True), "1 of 2"), (("a", "b"), "different things"),
        (("a", "b", "c"), "different things"), (("a", "b", DOWN), "different things"),
    ],
    ids=str,
)  # fmt: skip
def test_where_too_few_answer_or_they_differ_nothing_is_said(
    says: tuple[Any, ...], match: str, undo: ExitStack
) -> None:
    with pytest.raises(NoAgreementError, match=match):
        votes(Net(undo, len(says)), *says)


def _kept_asking(net: Net, seconds: int) -> None:
    """Time passes while somebody reads the chain, and the chain goes on."""
    for _ in range(seconds // 30):
        net.clock.now += 30
        net.dev._tester.mine_block()
        net._balance()


def _ahead(net: Net, blocks: int, method: str, params: Any) -> Any:
    """The chain, with a latest block that there is not."""
    answer = net.dev.answer(method, params)
    if method == "eth_getBlockByNumber" and params[0] == "latest":
        number = int(answer["result"]["number"], 16) + blocks
        return {"result": {**answer["result"], "number": hex(number)}}
    return answer


def test_of_two_nodes_one_that_is_silent_for_long_is_left_out_and_no_sooner(net: Net) -> None:
    net._balance()
    net.nodes[1].status = 500
    for seconds in (0, 450, 420):
        _kept_asking(net, seconds)
        with pytest.raises(NoAgreementError):
            votes(net, True, True)
    _kept_asking(net, 60)
    assert votes(net, True, True) is True
    net.nodes[1].status = 0
    assert votes(net, True, None) is None, "it is back, and asked although it is set aside"
    net.nodes[1].status = 500
    with pytest.raises(NoAgreementError):
        votes(net, True, True)


@pytest.mark.parametrize("liar", [0, 1])
@pytest.mark.parametrize("often", [True, False])
def test_of_two_nodes_a_liar_that_claims_to_be_ahead_does_not_decide_alone(liar: int, often: bool, net: Net) -> None:
    """The honest one would count as silent for the rest of its life, though it answers whatever it is asked."""
    net._balance()
    for _ in range(2):
        net.nodes[liar].answer = partial(_ahead, net, 9)
        net.clock.now += 16
        net._balance()
        net.nodes[liar].answer = net.dev.answer
        _kept_asking(net, 1200 if often else 0)
        net.clock.now += 0 if often else 1200
    net.nodes[liar].answer = partial(_ahead, net, 9)
    net.clock.now += 16
    before = net.nodes[1 - liar].count("eth_getBalance")
    said = [None, None]
    said[liar] = True  # type: ignore[call-overload]
    assert votes(net, *said) is None
    if liar == 0:
        assert net.nodes[1].count("eth_getBalance") == before + 1


@pytest.mark.parametrize("often", [True, False])
def test_of_two_nodes_one_that_was_away_once_is_not_left_out_for_one_more_failure(often: bool, net: Net) -> None:
    """Hours lie between, in which it answered, or in which nobody asked it."""
    net._balance()
    net.nodes[1].status = 500
    with pytest.raises(NoAgreementError):
        votes(net, True, True)
    if often:
        net.nodes[1].status = 0
        _kept_asking(net, 3600)
        net.nodes[1].status = 500
    net.clock.now += 3600
    with pytest.raises(NoAgreementError):
        votes(net, True, True)


def test_of_two_nodes_one_that_fails_now_and_then_is_not_left_out(net: Net) -> None:
    net._balance()
    for _ in range(8):
        net.nodes[1].status = 500
        with pytest.raises(NoAgreementError):
            votes(net, True, True)
        net.nodes[1].status = 0
        _kept_asking(net, 300)


def test_of_two_nodes_one_that_says_errors_or_answers_to_looks_alone_is_not_left_out(net: Net) -> None:
    looks = ("eth_chainId", "eth_getBlockByNumber")
    said: Any = 500
    net.nodes[1].answer = lambda method, params: net.dev.answer(method, params) if method in looks else said
    for _ in range(40):
        net.clock.now += 60
        with pytest.raises(NoAgreementError):
            votes(net, True, True)
        said = {"error": {"code": -32000, "message": "missing trie node"}}


def test_one_that_is_silent_is_asked_all_the_same_and_not_waited_for_long(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    net._balance()
    net.nodes[1].status = 500
    with pytest.raises(NoAgreementError):
        votes(net, True, True)
    waits: list[Any] = []
    node = net.rpc._nodes._nodes[1]
    ask = node.ask

    def noted(*args: Any, look: float | None) -> Any:
        waits.append(look)
        return ask(*args, look=look)

    monkeypatch.setattr(node, "ask", noted)
    for _ in range(3):
        with pytest.raises(NoAgreementError):
            votes(net, True, True)
    assert waits == [nodes._LOOK] * 3
    net.nodes[0].status = 500
    with pytest.raises(NoAgreementError):
        votes(net, True, True)
    assert waits[3:] == [None], "when none works, each has its time"


def test_of_three_nodes_a_liar_and_one_that_is_away_do_not_have_the_third_left_out(undo: ExitStack) -> None:
    net = Net(undo, 3)
    net.nodes[0].answer = partial(_ahead, net, 9)
    net.nodes[1].status = 500
    for _ in range(4):
        _kept_asking(net, 1200)
        before = net.nodes[2].count("eth_getBalance")
        assert votes(net, True, DOWN, None) is None
        assert net.nodes[2].count("eth_getBalance") == before + 1
        with pytest.raises(NoAgreementError):
            votes(net, True, DOWN, DOWN)


def test_one_that_was_away_once_and_has_answered_nothing_since_but_looks_is_asked_all_the_same(net: Net) -> None:
    """Else a node that nobody needed for a while would let the other decide alone."""
    net.rpc.head()
    net.nodes[1].status = 500
    net.clock.now += 60
    net.rpc.head()
    net.nodes[1].status = 0
    net.clock.now += 10_000
    assert votes(net, True, None) is None
    assert net.nodes[1].count("eth_getBalance") == 1


@pytest.mark.parametrize("nodes", [3, 4])
def test_of_more_than_two_no_time_makes_one_node_enough(nodes: int, undo: ExitStack) -> None:
    net = Net(undo, nodes)
    for _ in range(3):
        net.clock.now += 10**6
        with pytest.raises(NoAgreementError):
            votes(net, True, *[DOWN] * (nodes - 1))


def test_all_that_one_node_is_asked_for_a_vote_is_answered_by_it(undo: ExitStack) -> None:
    net = Net(undo, 3)
    votes(net, True, True, True)
    before = [len(node.asked) for node in net.nodes]

    def ask() -> bool:
        for _ in range(3):
            net._balance()
        return True

    net.rpc.most(ask)
    assert [len(node.asked) - count for node, count in zip(net.nodes, before, strict=True)] == [3, 3, 0], (
        "it is decided"
    )


@pytest.mark.parametrize(("refusing", "refused"), [((0,), False), ((0, 1), True), ((0, 1, 2), True)])
def test_one_node_that_refuses_keeps_no_transaction_from_the_others(
    refusing: tuple[int, ...], refused: bool, undo: ExitStack
) -> None:
    net = Net(undo, 3)
    said = {"error": {"code": 3, "message": "execution reverted", "data": "0x" + keccak(b"Refused()")[:4].hex()}}
    for number in refusing:
        net.nodes[number].answer = lambda method, params: (
            said if method == "eth_call" else net.dev.answer(method, params)
        )
    call = {"to": NOBODY, "data": "0x"}
    with pytest.raises(ContractError) if refused else nullcontext():
        Rehearsal(net.rpc, Patience(doubt=0.0), lambda _: None).require(call)


def _signed(net: Net, nonce: int = 0) -> bytes:
    transaction = {"to": "0x" + "00" * 20, "value": 1, "gas": 21000, "maxFeePerGas": 10**11, "nonce": nonce,
                   "maxPriorityFeePerGas": 1, "chainId": 131277322940537}  # fmt: skip
    return bytes(Account.sign_transaction(transaction, net.dev.accounts[0].secret_bytes()).raw_transaction)


def test_a_transaction_goes_to_all_and_one_that_takes_it_is_enough(net: Net) -> None:
    raw = _signed(net)
    net.nodes[0].answer = partial(net.answering, {"error": {"code": -32000, "message": "txpool is full"}})
    assert net.rpc.guarded(lambda: bytes(net.rpc.web3.eth.send_raw_transaction(raw))) == keccak(raw)
    assert [node.count("eth_sendRawTransaction") for node in net.nodes] == [1, 1]
    assert {params[0] for node in net.nodes for m, params in node.asked if m == "eth_sendRawTransaction"} == {
        "0x" + raw.hex()
    }


def _send(net: Net, nonce: int = 0) -> None:
    net.rpc.guarded(lambda: net.rpc.web3.eth.send_raw_transaction(_signed(net, nonce)))


def test_a_transaction_goes_also_to_a_node_that_is_said_to_be_behind(net: Net) -> None:
    net.nodes[1].answer = partial(_ahead, net, 9)
    net._balance()
    net.clock.now += 61
    net._balance()
    assert net.rpc.set_aside == (True, False), "it stands still"
    _send(net)
    assert [node.count("eth_sendRawTransaction") for node in net.nodes] == [1, 1]


def test_a_transaction_goes_also_to_a_node_that_is_set_aside_and_back_and_to_none_that_is_silent(net: Net) -> None:
    net._balance()
    net.nodes[0].status = 500
    net._balance()
    refusal = {"error": {"code": -32000, "message": "insufficient funds"}}
    net.nodes[1].answer = partial(net.answering, refusal)
    with pytest.raises(ChainError, match="insufficient funds"):
        _send(net)
    assert [node.count("eth_sendRawTransaction") for node in net.nodes] == [0, 1], "one that is silent has nothing"
    net.nodes[0].status = 0
    _send(net)
    assert [node.count("eth_sendRawTransaction") for node in net.nodes] == [1, 2]


def test_when_none_works_a_transaction_goes_to_all(net: Net) -> None:
    net._balance()
    looks = ("eth_chainId", "eth_getBlockByNumber")
    for node in net.nodes:
        node.status = 500
    with pytest.raises(ChainError):
        net._balance()
    for node in net.nodes:
        node.status = 0
        node.answer = lambda method, params: 500 if method in looks else net.dev.answer(method, params)
    _send(net)
    assert [node.count("eth_sendRawTransaction") for node in net.nodes] == [1, 1]


@pytest.mark.parametrize(
    ("first", "second", "sure"),
    [
        ({"error": {"code": -32000, "message": "insufficient funds"}}, 401, True),
        ({"error": {"code": -32000, "message": "insufficient funds"}}, b"{}", False),
        (500, {"error": {"code": -32000, "message": "insufficient funds"}}, False),
        (429, {"error": {"code": -32000, "message": "insufficient funds"}}, True),
    ],
    ids=str,
)
def test_it_is_refused_only_when_none_may_have_it(net: Net, first: Any, second: Any, sure: bool) -> None:
    """A command that believed the refusal would send another transaction, and pay twice."""
    for node, said in zip(net.nodes, (first, second), strict=True):
        node.answer = partial(net.answering, said)
    with pytest.raises(ChainError) as caught:
        net.rpc.guarded(lambda: net.rpc.web3.eth.send_raw_transaction(_signed(net)))
    assert ("insufficient funds" in str(caught.value)) is sure


def test_no_more_is_asked_of_a_pinned_node_than_it_answers(net: Net) -> None:
    """What is asked in one go is of one node, from the beginning."""
    tries: list[int] = []

    def ask(number: int) -> tuple[int, int]:
        tries.append(number)
        head = net.rpc.head().number
        net.nodes[0].status = 500
        return head, net.rpc.head().number

    assert net.rpc.on_one_node(ask) == (20, 20)
    assert tries == [0, 1]


def test_the_blocks_that_a_node_may_lag_are_few() -> None:
    assert nodes._BEHIND < 12, "fewer than the confirmations that are usual"
    assert not Nodes.global_ccip_read_enabled
