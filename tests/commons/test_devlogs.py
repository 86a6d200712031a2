"""What the development chain remembers is what eth-tester, which computes it anew each time, would have answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hexbytes import HexBytes
from web3 import Web3

from commons.chain.devchain import DevChain
from commons.chain.devlogs import DevLogs
from commons.chain.devmemo import DevMemo

TWO_TOPICS = bytes.fromhex("6020355f355f5fa200")
"""An event without data, whose topics are the two words of the call."""


def word(value: int) -> str:
    return f"0x{value:064x}"


class Logging:
    """A chain on which two contracts log.

    Attributes:
        places: of the contracts.
    """

    def __init__(self) -> None:
        self.dev = DevChain()
        self.web3 = Web3(Web3.HTTPProvider(self.dev.start()))
        creation = bytes.fromhex(f"60{len(TWO_TOPICS):02x}8060095f395ff3") + TWO_TOPICS
        self.places = [str(self._sent({"data": HexBytes(creation)})["contractAddress"]) for _ in range(2)]
        for place in (0, 1, 0):
            for kind in (1, 2):
                self.log(place, kind, 7 + kind)
            self.dev.advance(100)

    def log(self, place: int, first: int, second: int) -> None:
        self._sent({"to": self.places[place], "data": HexBytes(word(first)) + HexBytes(word(second))})

    def _sent(self, transaction: dict[str, Any]) -> Any:
        sent = self.web3.eth.send_transaction({"from": self.web3.eth.accounts[0], **transaction})  # type: ignore[typeddict-item]
        return self.web3.eth.wait_for_transaction_receipt(sent)

    def remembered(self, *params: Any) -> Any:
        return self.dev.answer("eth_getLogs", list(params))

    def computed(self, *params: Any) -> Any:
        return self.dev._computed("eth_getLogs", list(params))


@pytest.fixture(scope="module")
def chain() -> Iterator[Logging]:
    made = Logging()
    yield made
    made.dev.stop()


def questions(chain: Logging) -> list[dict[str, Any]]:
    head = hex(chain.web3.eth.block_number)
    all_of_it = {"fromBlock": "0x0", "toBlock": head}
    here, there = chain.places
    return [
        all_of_it, {}, {"fromBlock": "0x0"}, {"fromBlock": "0x0", "toBlock": "latest"}, {"fromBlock": head},
        {"fromBlock": "0x4", "toBlock": "0x6"}, {"fromBlock": "0x6", "toBlock": "0x4"},
        *({**all_of_it, "address": each} for each in (here, there.lower(), [here, there], "0x" + "00" * 20)),
        *({**all_of_it, "topics": each} for each in (
            [word(1)], [word(2)], [None, word(9)], [word(1), word(9)], [[word(1), word(2)], [word(9)]], [], [word(5)],
            [None, None, None],
        )),
        {**all_of_it, "address": there, "topics": [[word(1), word(3)]]},
    ]  # fmt: skip


def test_logs_that_were_read_before_answer_each_question_as_the_chain_would(chain: Logging) -> None:
    for question in questions(chain):
        found = chain.remembered(question)
        assert found == chain.computed(question), question
    assert len(chain.remembered({"fromBlock": "0x0"})["result"]) == 6


def test_logs_of_new_blocks_are_seen_and_nothing_is_read_twice(chain: Logging) -> None:
    asked: list[tuple[int, int]] = []
    head = chain.web3.eth.block_number

    def read(first: int, last: int) -> list[Any]:
        asked.append((first, last))
        return list(chain.computed({"fromBlock": hex(first), "toBlock": hex(last)})["result"])

    logs = DevLogs(read, lambda: chain.web3.eth.block_number, bytes)
    before = logs.find([{"fromBlock": "0x0"}])
    assert logs.find([{"fromBlock": "0x0"}]) == before
    assert asked == [(0, head)]
    chain.log(1, 3, 3)
    after = logs.find([{"fromBlock": "0x0"}])
    assert before is not None and after is not None
    assert (after[:-1], after[-1]["topics"]) == (before, [word(3), word(3)])
    assert asked[1:] == [(head + 1, chain.web3.eth.block_number)]


@pytest.mark.parametrize(
    "question",
    [
        [], None, {}, ["0x"], [{}, {}], [{"blockHash": "0x" + "11" * 32}], [{"fromBlock": "pending"}],
        [{"fromBlock": 3}], [{"toBlock": "0xfffff"}], [{"toBlock": "0xzz"}], [{"address": 7}], [{"address": []}],
        [{"topics": word(1)}], [{"topics": [7]}],
    ],
)  # fmt: skip
def test_unusual_questions_are_left_to_the_chain(chain: Logging, question: Any) -> None:
    logs = DevLogs(lambda first, last: pytest.fail("nothing is to be read"), lambda: 9, bytes)
    assert logs.find(question) is None


def test_logs_of_blocks_that_are_taken_back_are_forgotten() -> None:
    chain = Logging()
    snapshot = chain.dev.answer("evm_snapshot", [])["result"]
    before = chain.remembered({"fromBlock": "0x0"})
    chain.log(0, 4, 4)
    assert len(chain.remembered({"fromBlock": "0x0"})["result"]) == 7
    assert "error" not in chain.dev.answer("evm_revert", [snapshot])
    assert chain.remembered({"fromBlock": "0x0"}) == before
    chain.log(0, 5, 5)
    assert chain.remembered({"fromBlock": "0x0"})["result"][-1]["topics"] == [word(5), word(5)]
    chain.dev.stop()


def test_an_answer_is_computed_once_for_each_state_and_a_change_is_never_remembered() -> None:
    state, asked = [object()], []

    def compute(method: str, params: Any) -> dict[str, Any]:
        asked.append((method, params))
        return {"result": len(asked)}

    memo = DevMemo(lambda: state[0])
    assert [memo.answer("eth_call", [{"to": "0x1"}], compute)["result"] for _ in range(3)] == [1, 1, 1]
    assert memo.answer("eth_call", [{"to": "0x2"}], compute)["result"] == 2
    assert memo.answer("eth_getCode", [{"to": "0x1"}], compute)["result"] == 3
    state[0] = object()
    assert memo.answer("eth_call", [{"to": "0x1"}], compute)["result"] == 4
    sent = [memo.answer("eth_sendRawTransaction", ["0x"], compute)["result"] for _ in range(2)]
    assert sent == [5, 6]


def test_what_each_block_changes_is_seen_at_once(chain: Logging) -> None:
    asking = ("eth_getTransactionCount", [chain.web3.eth.accounts[0], "latest"])
    before = int(chain.dev.answer(*asking)["result"], 16)
    chain.log(0, 1, 1)
    assert int(chain.dev.answer(*asking)["result"], 16) == before + 1
