"""An event log is used at the deployment of the market whose owners signed what is in it, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from circuits.errors import ChainError, ContractError, StorageError
from circuits.hashing import keccak
from circuits.statement import Context
from circuits.terms import MarketId
from coordinator.coordinator_start import require_own_log
from coordinator.events import Event, HeaderAccepted, HeaderRefused
from coordinator.journal import Journal
from tests.coordinator.markets import Market, MemoryLog
from tests.simulation.world.chain import chain_of
from tests.support.network import network_with

NETWORK = network_with(2)
HEADERS = NETWORK.headers


@dataclass
class Reset(Market):
    """A chain that was started anew: everything is there again, under another deployment."""

    def context(self, task_id: int, number: int) -> Context:
        other = MarketId(self.chain_id, self.market, keccak(b"another block before it"))
        return replace(super().context(task_id, number), market=other)


def journal(*events: Event) -> Journal:
    made = Journal(MemoryLog())
    made.record(*events)
    return made


def entered(number: int = 0) -> HeaderAccepted:
    header = HEADERS[0]
    return HeaderAccepted(header.digest(NETWORK.context), replace(header, round=number), (0, 1, 2))


def test_a_log_of_this_deployment_is_used() -> None:
    require_own_log(journal(entered()), Market(chain_of(NETWORK)))


def test_a_log_of_a_chain_that_was_reset_is_refused_and_the_cure_is_named() -> None:
    with pytest.raises(StorageError, match=r"another chain, or one that was reset; .*another event log"):
        require_own_log(journal(HeaderRefused(1, "closed", b"", 0), entered()), Reset(chain_of(NETWORK)))


@pytest.mark.parametrize("events", [(), (HeaderRefused(1, "closed", b"", 0),)])
def test_a_log_without_submissions_is_used(events: tuple[Event, ...]) -> None:
    require_own_log(journal(*events), Reset(chain_of(NETWORK)))


@pytest.mark.parametrize("market", [Market, Reset])
def test_a_log_whose_rounds_the_chain_does_not_know_waits_for_it(market: type[Market]) -> None:
    """A node that is behind, or a chain that was reset: its next rounds get the numbers that the log has already."""
    with pytest.raises(ChainError, match=r"knows none of the rounds.*Wait for the node; else: give"):
        require_own_log(journal(entered(number=7)), market(chain_of(NETWORK)))


@dataclass
class Another(Market):
    """Another deployment of the market."""

    @property
    def market_id(self) -> MarketId:
        return replace(super().market_id, deployment=keccak(b"another block before it"))


@pytest.mark.parametrize("events", [(), (entered(),)])
def test_a_log_says_for_good_to_which_deployment_it_belongs(events: tuple[Event, ...]) -> None:
    """So no round has to stay in it for that."""
    log, chain = MemoryLog(), chain_of(NETWORK)
    made = Journal(log)
    made.record(*events)
    require_own_log(made, Market(chain))
    require_own_log(made, Market(chain))
    assert [one["kind"] for one in log.records].count("market-named") == 1
    made.forget({NETWORK.terms.task_id: 0})
    for known in (made, Journal(log)):
        require_own_log(known, Market(chain))
        with pytest.raises(StorageError, match=r"another chain, or one that was reset; .*another event log"):
            require_own_log(known, Another(chain))


def test_one_round_that_was_taken_back_and_opened_anew_does_not_make_a_log_foreign() -> None:
    """A reorganisation under a round leaves a header that nothing fits any more; those before it still do."""
    chain = chain_of(NETWORK)
    chain.open_round()
    header = replace(HEADERS[1], round=1)
    require_own_log(journal(entered(), HeaderAccepted(keccak(b"gone"), header, (0, 1, 2))), Market(chain))


@dataclass
class Strange(Market):
    """A chain with tasks of strangers, whose verifiers refuse, cannot be asked, or name another key than before."""

    def context(self, task_id: int, number: int) -> Context:
        if task_id == REFUSING:
            raise ContractError("the contract refused without a reason")
        if task_id == SILENT:
            raise ChainError("the node answered: out of gas")
        if task_id == CHANGING:
            return replace(super().context(NETWORK.terms.task_id, 0), policy_key_hash=keccak(b"another"))
        return super().context(task_id, number)


REFUSING, SILENT, CHANGING = 1001, 1002, 1003


def strangers(task_id: int, rounds: int) -> list[HeaderAccepted]:
    headers = (replace(HEADERS[1], task_id=task_id, round=number) for number in range(rounds))
    return [HeaderAccepted(keccak(bytes([h.round])), h, (0, 1, 2)) for h in headers]


@pytest.mark.parametrize("task", [REFUSING, SILENT, CHANGING])
def test_strangers_tasks_keep_no_coordinator_from_starting(task: int) -> None:
    require_own_log(journal(entered(), *strangers(task, 30)), Strange(chain_of(NETWORK)))
    require_own_log(journal(*strangers(task, 9), entered()), Strange(chain_of(NETWORK)))


def test_verifiers_that_refuse_are_no_evidence() -> None:
    log = journal(*strangers(REFUSING, 3))
    require_own_log(log, Strange(chain_of(NETWORK)))
    with log.reading() as state:
        assert state.market is None


def test_a_node_that_is_down_does_not_make_a_log_foreign() -> None:
    with pytest.raises(ChainError, match="cannot be reached"):
        require_own_log(journal(entered()), Market(chain_of(NETWORK), down=1))
