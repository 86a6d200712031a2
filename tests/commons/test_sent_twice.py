"""What a transaction does that is mined twice: the table in docs/operations.md, held against the contracts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import contracts
from circuits.errors import ContractError
from circuits.hashing import keccak
from circuits.terms import ETHER, NewTask, Pay, Windows
from commons.chain.calldata import NO_PERMIT, signatures
from commons.chain.deploying import MarketRules, deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from tests.support.plain_batch import development_setup

ROOT = Path(__file__).resolve().parents[2]
SENT = re.compile(
    r'(?:_market|_registry|_models|_sales|_bounties|_show|_campaigns|_pay|_jury)\(\s*"(\w+)"'
    r'|calldata\.call\(\w+, "(\w+)"|call_data\("(\w+)\('
)
UNTIL_EXIT = 3600 + 700
"""Seconds: the announcement counts from the next whole hour, and the terms hold an owner for 600 more."""
ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| (.+) \|$", re.MULTILINE)
HPKE = b"\x07" * 32


def tables() -> list[dict[str, str]]:
    """Of the gradient market, of the model market, and of the data market."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.split("## A transaction that is sent twice\n")[1].split("\n## ")[0]
    parts = re.split(r"\nOf the \[\w+ market\]", section)
    return [{name: row[1] for row in ROW.findall(part) for name in re.findall(r"\w+", row[0])} for part in parts]


def table() -> dict[str, str]:
    return tables()[0]


def refusal(name: str) -> str:
    """The refusal that the table names for a function, the first of them."""
    return next(re.finditer(r"`([A-Z]\w+)`", table()[name]))[1]


def test_every_function_that_is_sent_is_in_the_table_and_no_other() -> None:
    files = list((ROOT / "commons" / "chain").glob("*.py"))
    models = {path for path in files if path.name.startswith("model")}
    data = {path for path in files if path.name.startswith(("data", "jury"))}
    parts = (set(files) - models - data, models, data)
    for part, listed, least in zip(parts, tables(), (35, 25, 25), strict=True):
        sources = [path.read_text(encoding="utf-8") for path in part]
        sent = {name for source in sources for found in SENT.findall(source) for name in found if name}
        assert len(sent) >= least
        assert sent == listed.keys()


def test_every_refusal_of_the_table_is_one_of_the_contracts() -> None:
    known = {name for contract in contracts.NAMES for name in signatures(contract, "error")}
    named = {name for listed in tables() for said in listed.values() for name in re.findall(r"`([A-Z]\w+)`", said)}
    assert len(named) > 25
    assert named <= known


@dataclass
class Market:
    """A market on a development chain: a model owner, four members, an owner of data."""

    dev: DevChain
    owner: ChainWriter
    members: list[ChainWriter]
    data_owner: ChainWriter
    committee: int
    verifier: bytes

    def terms(self) -> NewTask:
        return NewTask(
            self.committee, self.verifier, self.owner.address, 10, 16, 1 << 40, min_owners=2, capacity=6, rounds=3,
            windows=Windows(60, 600, exit=600), pay=Pay(bonus=10**9),
        )  # fmt: skip

    def later(self, seconds: int) -> None:
        self.dev._tester.time_travel(self.owner.view.now() + seconds)
        self.dev._tester.mine_block()


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    dev = DevChain()
    made = deploy_contracts(dev.start(), dev.accounts[0], MarketRules(minimum_window=1, minimum_delay=1))
    url = f"http://127.0.0.1:{dev._server.server_address[1]}"  # type: ignore[union-attr]
    owner, *others = (ChainWriter(ChainView(url, made.market), key) for key in dev.accounts[:6])
    committee = owner.create_committee(1, [one.address for one in others[:4]])
    for index, one in enumerate(others[:4]):
        one.join(committee, f"127.0.0.1:{7000 + index}", HPKE)
    verifier = owner.deploy_verifier(made.factory, development_setup("norm", 16, 10).verifying)
    yield Market(dev, owner, others[:4], others[4], committee, verifier)
    dev.stop()


def refused(name: str, act: Callable[[], object]) -> None:
    """The first time it is done, the second time it is refused as the table says."""
    act()
    with pytest.raises(ContractError) as caught:
        act()
    assert caught.value.error == refusal(name)


def test_creating_and_opening(market: Market) -> None:
    chain = market.owner
    refused("createTask", lambda: chain._market("createTask", market.terms().words, 7))
    task = chain.create_task(market.terms(), 8)
    chain.fund(task, 10**12)
    refused("openRound", lambda: chain.open_round(task, keccak(b"model"), 2))
    market.later(700)
    refused("finalizeRound", lambda: chain.finalize_round(task, 0))


def test_money_of_a_task(market: Market) -> None:
    """The two that move money again: each is undone by the other."""
    chain = market.owner
    task = chain.create_task(market.terms(), 20)
    for _ in range(2):
        chain.fund(task, 1000)
    assert chain.view.task(task).balance == 2000
    for _ in range(2):
        chain.withdraw(task, 600)
    assert chain.view.task(task).balance == 800


def test_an_owners_way(market: Market) -> None:
    task = market.owner.create_task(market.terms(), 30)
    owner = market.data_owner
    refused("register", lambda: owner._market("register", task, owner.address, b"", NO_PERMIT.words, gas=10**6))
    for _ in range(2):
        owner.set_account(task, 0, owner.address)
    assert owner.view.owner_at(task, 0) == owner.address
    refused("compactRoster", lambda: market.owner.compact_roster(task, 0))
    refused("resign", lambda: owner.resign(task, 0))
    market.later(UNTIL_EXIT)
    refused("exit", lambda: owner.exit(task, 0))


def test_offers_and_names(market: Market) -> None:
    chain, other = market.owner, market.data_owner
    task = chain.create_task(market.terms(), 40)
    for _ in range(2):
        chain.set_coordinator(task, other.address)
    assert chain.view.task(task).coordinator == other.address
    for _ in range(2):
        chain.transfer_task(task, other.address)
    refused("acceptTask", lambda: other.accept_task(task))


def test_members(market: Market) -> None:
    chain, member = market.owner, market.members[0]
    numbers = [chain.create_committee(1, [one.address for one in market.members]) for _ in range(2)]
    assert numbers[0] != numbers[1]
    for _ in range(2):
        member.set_endpoint(market.committee, "127.0.0.1:7100")
    assert chain.view.committee_record(market.committee).endpoints[0] == "127.0.0.1:7100"
    member.join(numbers[0], "127.0.0.1:7000", HPKE)
    refused("retire", lambda: member.retire(numbers[0], 0))
    refused("revoke", lambda: member.revoke_key(market.committee, member.address))


def test_pay(market: Market) -> None:
    with pytest.raises(ContractError) as caught:
        market.owner.collect(ETHER)
    assert caught.value.error == refusal("collect")
