"""The market of a campaign: who is where, what settings each process has, and whom it trusts; nobody else knows."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from circuits.arrays import FloatArray
from circuits.commitment import CommitmentKey
from circuits.quantize import Quantized, quantize
from circuits.terms import Pay, TaskTerms, Windows
from commons.chain.view import ChainView
from commons.storage.accounts import load_account
from commons.storage.parameters import PublicParameters
from gradroll.model_owner.plan import TaskPlan
from gradroll.session import Session, connect
from gradroll.setup.freeports import free_ports
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.local_market import LocalMarket, MarketPlan, prepare
from tests.chaos.disks import Disks
from tests.chaos.faultplan import (
    COORDINATOR,
    DEEPEST,
    LEASE,
    MODEL_OWNER,
    PROVERS,
    REDIS,
    SHARED,
    coordinators,
    owner_names,
    servers,
)
from tests.chaos.supervised import ROOT
from tests.support.redisserver import RedisServer

DIMENSION, CAPACITY, NORM = 16, 4, 4.0
CONFIRMATIONS = DEEPEST + 1
BLOCK_SECONDS = 1
SUBMIT, SETTLE = 20, 120
"""Windows of the tasks, seconds of the chain's time."""
PAY = Pay(
    bonus=10**15, coordinator_batch=10**13, coordinator_gradient=10**12, prover_batch=10**12, prover_gradient=10**11,
    deposit=10**14,
)  # fmt: skip
_ROUNDS = 1000
_MONEY = 10**18
"""Wei in the escrow of each task."""
_FAST: Mapping[str, Mapping[str, object]] = {
    "chain": {"timeout": 5, "confirmations": CONFIRMATIONS, "receipt_poll": 0.1, "resend": 8, "give_up": 120},
    "prover": {"confirmations": CONFIRMATIONS, "clock_skew": 3, "tidy_interval": 5, "stop_grace": 2},
    "coordinator": {
        "confirmations": CONFIRMATIONS, "clock_skew": 3, "step_timeout": 15, "status_timeout": 4, "longest_pause": 4,
        "round_age": 1, "fee_interval": 1, "posting_interval": 2, "stop_grace": 2,
    },
    "owner": {"stall_timeout": 10, "patience": 2},
    "model_owner": {"stall_timeout": 10},
}  # fmt: skip
"""Settings for seconds where the defaults are for minutes: a campaign is short, and its blocks come every second."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must be in no log: user, password and key of the nodes' URLs, and the password of Redis."""

    user: str = "chaos"
    password: str = field(default_factory=lambda: f"pw{secrets.token_hex(12)}", repr=False)
    key: str = field(default_factory=lambda: f"key{secrets.token_hex(12)}", repr=False)
    redis: str = field(default_factory=lambda: f"rd{secrets.token_hex(12)}", repr=False)


@dataclass(frozen=True, slots=True)
class Doors:
    """Ports of 127.0.0.1 by name of the server: the one that is announced, and the one that it listens at.

    Of a pair of coordinators one port is announced, behind which is the one that leads.
    """

    announced: Mapping[str, int]
    own: Mapping[str, int]

    @classmethod
    def drawn(cls, *, pair: bool) -> Doors:
        """Free ones."""
        outer, own = (*servers(), REDIS), servers(pair=pair)
        ports = free_ports(len(outer) + len(own))
        return cls(dict(zip(outer, ports, strict=False)), dict(zip(own, ports[len(outer) :], strict=True)))


def address_of(caller: str) -> str:
    """The address that a caller's connections come from: one each, as on machines of their own."""
    known = (*servers(pair=True), MODEL_OWNER, *owner_names(64))
    return f"127.0.1.{1 + known.index(caller)}" if caller in known else "127.0.2.1"


@dataclass(frozen=True)
class Market:
    """A market that is set up; nothing runs yet but its chain.

    Attributes:
        direct: URL of the real node, for what a campaign makes sure of itself.
        urls: value of chain.url for a process.
        tasks: identifiers.
        disks: where servers have their state.
        redis: URL of the log that two coordinators share, through the proxy; empty where there is one.
    """

    directory: Path
    local: LocalMarket
    doors: Doors
    direct: str
    urls: Callable[[str], str]
    owners: int
    tasks: tuple[int, ...]
    disks: Disks
    redis: str = ""

    def endpoint(self, name: str) -> str:
        """What is announced of a server, with the pin of its key."""
        if name.startswith(COORDINATOR):
            return self.local.coordinator_endpoint
        return self.local.endpoints[int(name.removeprefix("prover-"))]

    def endpoint_at(self, name: str, port: int) -> str:
        """The same at another port, behind which the server is as well."""
        announced = self.doors.announced[COORDINATOR if name.startswith(COORDINATOR) else name]
        return self.endpoint(name).replace(f":{announced}", f":{port}", 1)

    def own_endpoint(self, name: str) -> str:
        """The same where the server itself listens."""
        return self.endpoint_at(name, self.doors.own[name])

    @property
    def account_file(self) -> Path:
        """The model owner's key."""
        return self.directory / f"{MODEL_OWNER}.json"

    def view(self) -> ChainView:
        """The chain as it is."""
        return ChainView(self.direct, self.local.market, from_block=self.local.from_block)

    def config(self, name: str) -> Path:
        """Settings file of a process."""
        if name.startswith(COORDINATOR):
            return self.local.coordinator_settings
        if name.startswith("prover-"):
            return self.local.prover_settings(int(name.removeprefix("prover-")))
        return self.directory / f"{name}.toml"

    def environment(self, name: str) -> dict[str, str]:
        """Variables of a process: where its nodes are, which port it listens at, how long it waits."""
        sections = {"chain", "owner" if name.startswith("owner-") else name.partition("-")[0]}
        settings = {"GRADROLL_CHAIN_URL": self.urls(name), "GRADROLL_DEVELOPMENT": "1", "PYTHONPATH": str(ROOT)}
        if name in self.doors.own:
            role, disk = f"GRADROLL_{name.partition('-')[0].upper()}", self.disks.place(name).resolve()
            settings |= {f"{role}_LISTEN": f"127.0.0.1:{self.doors.own[name]}", f"{role}_STATE": str(disk / "state")}
            if name.startswith(COORDINATOR):
                settings |= {f"{role}_{key}": value for key, value in self._log_of(name, disk).items()}
        for section in sections & _FAST.keys():
            settings |= {f"GRADROLL_{section}_{key}".upper(): str(value) for key, value in _FAST[section].items()}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GRADROLL_")}
        return kept | settings

    def _log_of(self, name: str, disk: Path) -> dict[str, str]:
        if not self.redis:
            return {"LOG": f"sqlite://{disk}/events.sqlite"}
        shared = self.disks.place(SHARED).resolve() / "files"
        return {
            "LOG": self.redis, "SHARED": str(shared), "LEASE": str(LEASE), "ENDPOINT": self.own_endpoint(name),
        }  # fmt: skip

    def command(self, name: str) -> list[str]:
        """Arguments of Python for a server's process."""
        return ["-m", "gradroll", name.partition("-")[0], "serve", "--config", str(self.config(name))]

    @contextmanager
    def session(self, name: str = MODEL_OWNER, **others: object) -> Iterator[Session]:
        """A session in this process, with the settings that a process of the name would have, or others."""
        values = {
            f"{section}__{key}": value
            for section, own in _FAST.items()
            if section in ("chain", name.replace("-", "_"))
            for key, value in own.items()
        }
        with connect(self.config(name), development=True, chain__url=self.urls(name), **(values | others)) as session:
            yield session

    def accounts(self) -> dict[str, bytes]:
        """Address of everybody who is paid or pays, by name."""
        members = self.view().committee(self.local.committee).members
        files = {name: self.directory / f"{name}.json" for name in (MODEL_OWNER, *owner_names(self.owners))}
        return {
            COORDINATOR: self.local.coordinator,
            **{f"prover-{p}": member for p, member in enumerate(members)},
            **{name: load_account(path).address for name, path in files.items()},
        }

    @cached_property
    def commitment_key(self) -> CommitmentKey:
        """What gradients are committed with."""
        keys = self.local.plan.parameter_directory
        return PublicParameters(keys / SRS_FILE, keys, allow_insecure=True).commitment_key(DIMENSION)


def set_up(
    directory: Path, parameters: Path, direct: str, urls: Callable[[str], str], owners: int, tasks: int,
    disks: Disks, say: Callable[[str], None], redis_password: str | None = None,
) -> Market:  # fmt: skip
    """Deploy, register, fund: all that comes before trouble.  The node has to mine each transaction at once.

    Args:
        redis_password: of a Redis server behind the proxy, where two coordinators share a log there.
    """
    pair = redis_password is not None
    doors = Doors.drawn(pair=pair)
    plan = MarketPlan(
        directory, direct, tuple(f"127.0.0.1:{doors.announced[f'prover-{p}']}" for p in range(PROVERS)),
        threshold=1, dimension=DIMENSION, policy="norm", capacity=CAPACITY,
        coordinator=f"127.0.0.1:{doors.announced[COORDINATOR]}", parameters=parameters, owners=owners,
    )  # fmt: skip
    local = prepare(plan, say)
    for name in coordinators(pair=pair):  # with one key for TLS, as one endpoint stands for both
        shutil.copytree(directory / COORDINATOR / "state", disks.place(name) / "state")
    made = []
    with connect(directory / "model-owner.toml", development=True) as session:
        for number in range(tasks):
            task = session.model_owner.create_task(_plan(local, owners, inline=number % 2 == 1))
            session.model_owner.fund(task, _MONEY)
            made.append(task)
    for name in owner_names(owners):
        with connect(directory / f"{name}.toml", development=True) as session:
            for task in made:
                session.participant.register(task)
    redis = RedisServer.url_at(doors.announced[REDIS], redis_password) if redis_password is not None else ""
    return Market(directory, local, doors, direct, urls, owners, tuple(made), disks, redis)


def _plan(local: LocalMarket, owners: int, *, inline: bool) -> TaskPlan:
    return TaskPlan(
        local.committee, local.verifier, local.coordinator, DIMENSION, NORM, PAY,
        Windows(SUBMIT, SETTLE), min_owners=2, capacity=owners, rounds=_ROUNDS, inline_payload=inline, lapse_rounds=0,
    )  # fmt: skip


def gradient(seed: int, owner: int, task: int, number: int) -> FloatArray:
    """What an owner computes for a round: float64[16], mostly within the norm."""
    return np.random.default_rng([seed, owner, task, number]).normal(size=DIMENSION)


def quantized(seed: int, owner: int, terms: TaskTerms, number: int) -> Quantized:
    """The same in the integers of the task."""
    values = gradient(seed, owner, terms.task_id, number)
    return quantize(values, fraction_bits=terms.fraction_bits, bound=terms.bound, dimension=terms.dimension)
