"""A market in this process: a development chain, contracts, a committee, settings of everybody; no server runs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commons.chain.devchain import DevChain
from commons.chain.facts import NewTask
from commons.chain.patience import Patience
from commons.chain.writer import ChainWriter
from commons.storage.accounts import load_account
from gradroll.setup.local_market import LocalMarket, MarketPlan, prepare

DIMENSION, CAPACITY, PROVERS, REWARD = 3, 4, 4, 10**16
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

    def task(self, **changes: int | bool) -> int:
        """A new task of the model owner; returns its number."""
        usual: dict[str, int | bool] = {
            "dimension": DIMENSION, "fraction_bits": 16, "bound": 1 << 36, "min_owners": 2, "max_owners_per_round": 4,
            "rounds": 9, "reward_per_gradient": REWARD, "submit_window": 3600, "settle_window": 3600,
            "permissioned": False, "inline_payload": False,
        }  # fmt: skip
        own = self.local
        usual["committee_id"] = own.committee
        terms = NewTask(verifier=own.verifier, coordinator=own.coordinator, **(usual | changes))  # type: ignore[arg-type]
        return self.writer("model-owner.json").create_task(terms)

    def open_round(self, task: int) -> int:
        """Fund the next round of a task and open it on a model that nobody has; returns its number."""
        owner = self.writer("model-owner.json")
        owner.fund(task, 4 * REWARD)
        return owner.open_round(task, bytes(32))


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


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()
    return ports
