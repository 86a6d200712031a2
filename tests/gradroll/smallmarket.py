"""A market in this process: a development chain, contracts, a committee, settings of everybody; no server runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import to_checksum_address

from circuits.terms import NewTask, Pay, Windows
from commons.chain.devchain import DevChain
from commons.chain.patience import Patience
from commons.chain.writer import ChainWriter
from commons.storage.accounts import load_account
from gradroll.setup.freeports import free_ports
from gradroll.setup.local_market import LocalMarket, MarketPlan, prepare
from tests.support.parts import with_parts

DIMENSION, CAPACITY, SEATS, PROVERS, REWARD = 3, 4, 4, 4, 10**16
_PATIENCE = Patience(poll=0.01)


@dataclass(frozen=True, slots=True)
class SmallMarket:
    """A prepared market and its chain; settings and keys lie in ``directory`` as `gradroll setup local` puts them."""

    chain: DevChain
    local: LocalMarket

    @property
    def directory(self) -> Path:
        return self.local.plan.directory

    @property
    def url(self) -> str:
        return self.local.plan.chain

    def writer(self, account: str) -> ChainWriter:
        """Transactions of an account in the directory, by its file's name."""
        return ChainWriter(self.local.view(), load_account(self.directory / account), _PATIENCE)

    def sent(self, account: str) -> int:
        """How many transactions of an account the chain has."""
        address = to_checksum_address(self.writer(account).address)
        return int(self.local.view().rpc.web3.eth.get_transaction_count(address))

    def task(self, **changes: object) -> int:
        """A new task of the model owner; changes are of its terms.  Returns its identifier."""
        own = self.local
        usual = NewTask(
            own.committee, own.verifier, own.coordinator, DIMENSION, fraction_bits=16, bound=1 << 36, min_owners=2,
            capacity=SEATS, rounds=9, windows=Windows(submit=3600, settle=3600), pay=Pay(bonus=REWARD),
        )  # fmt: skip
        return self.writer("model-owner.json").create_task(with_parts(usual, **changes))

    def open_round(self, task: int) -> int:
        """Fund the next round of a task and open it on a model that nobody has; returns its number."""
        owner = self.writer("model-owner.json")
        owner.fund(task, SEATS * REWARD)
        return owner.open_round(task, bytes(32), SEATS)


@contextmanager
def small_market(directory: Path) -> Iterator[SmallMarket]:
    """A market whose servers, which do not run, have ports that nobody listens at."""
    chain = DevChain()
    url = chain.start()
    try:
        ports = free_ports(PROVERS + 1)
        plan = MarketPlan(
            directory, url, tuple(f"127.0.0.1:{port}" for port in ports[1:]), 1, DIMENSION, "norm", CAPACITY,
            coordinator=f"127.0.0.1:{ports[0]}", owners=2,
        )  # fmt: skip
        yield SmallMarket(chain, prepare(plan, lambda _: None))
    finally:
        chain.stop()
