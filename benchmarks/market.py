"""A market of real processes for one case: anvil, provers, coordinator, a process that plays all owners."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks import parameters
from benchmarks.cases import Case
from benchmarks.machine import ROOT
from circuits.errors import ConfigError, GradrollError, UnavailableError
from circuits.hashing import keccak
from circuits.terms import Grading, Pay, Windows
from commons.chain.patience import Patience
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.storage.accounts import create_account, load_account
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.prover_client import ProverClient
from gradroll.model_owner.buyer import ModelOwner
from gradroll.model_owner.plan import TaskPlan
from gradroll.setup.freeports import free_ports
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.local_market import ALLOWANCE, LocalMarket, MarketPlan, endow, prepare
from gradroll.setup.processes import Processes, Running, wait_until

FRACTION_BITS, _GRADED_BITS = 16, 8
"""Where gradients are graded, the bound in steps is at most 2^34, which leaves so many at 2^20 parameters."""
_START = 120.0
_WINDOW = 36_000
_REWARD = 10**12
_GRADING = Grading(4, 4, keccak(b"the benchmarks' data"))
_MODULES = ROOT / "contracts" / "node_modules" / "@foundry-rs"


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs.

    Attributes:
        owners: a process that submits for every owner when it reads a round's number.
    """

    market: LocalMarket
    fleet: Processes
    task_id: int
    buyer: ModelOwner
    view: ChainView
    coordinator: CoordinatorClient
    provers: tuple[Running, ...]
    relay: Running
    owners: subprocess.Popen[str]

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by role."""
        roles = {f"prover-{p}": running.process.pid for p, running in enumerate(self.provers)}
        return {**roles, "coordinator": self.relay.process.pid, "owners": self.owners.pid}

    def submit_all(self, round_number: int) -> list[dict[str, float]]:
        """Have every owner submit; figures by owner.  Raises UnavailableError when the process gives up."""
        command, answer = _pipes(self.owners)
        command.write(f"{round_number}\n")
        command.flush()
        line = answer.readline()
        if not line:
            raise UnavailableError("the owners' process ended; its log is in the case's directory")
        found: list[dict[str, float]] = json.loads(line)
        return found


def norm_of(dimension: int) -> float:
    """L2 bound under which every coordinate may use 16 bits."""
    return float(0.5 * dimension**0.5)


@contextmanager
def stage(case: Case, work: Path) -> Iterator[Stage]:
    """Start everything for a case in an empty directory; all of it ends with the block."""
    shutil.rmtree(work, ignore_errors=True)
    keys = parameters.ensure(case.dimension)
    chain_port, relay_port, *ports = free_ports(2 + case.provers)
    url = f"http://127.0.0.1:{chain_port}"
    with anvil(chain_port), Processes(work / "logs") as fleet:
        plan = MarketPlan(
            directory=work / "market", chain=url, provers=tuple(f"127.0.0.1:{port}" for port in ports),
            threshold=case.threshold, dimension=case.dimension, policy=case.policy, capacity=case.capacity,
            coordinator=f"127.0.0.1:{relay_port}", parameters=keys,
        )  # fmt: skip
        market = prepare(plan, lambda _: None)
        provers = tuple(
            fleet.start(f"prover-{p}", ["prover", "serve", "--config", str(market.prover_settings(p))])
            for p in range(case.provers)
        )
        relay = fleet.start("coordinator", ["coordinator", "serve", "--config", str(market.coordinator_settings)])
        for endpoint in market.endpoints:
            wait_until(f"starting {endpoint}", lambda at=endpoint: _answers(at), fleet, _START)  # type: ignore[misc]
        coordinator = CoordinatorClient(market.coordinator_endpoint, timeout=300.0)
        buyer, task_id = _task(case, market, coordinator)
        owners = _start_owners(case, market, task_id, work)
        try:
            yield Stage(market, fleet, task_id, buyer, market.view(), coordinator, provers, relay, owners)
        finally:
            owners.terminate()
            owners.wait()


@contextmanager
def anvil(port: int) -> Iterator[None]:
    """A development node on a port.  Raises ConfigError when it is not installed."""
    binary = next(iter(sorted(_MODULES.glob("anvil-*/bin/anvil"))), None)
    if binary is None:
        raise ConfigError("anvil is missing; run `make setup` first")
    arguments = [str(binary), "--port", str(port), "--silent", "--balance", "1000000"]
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        _await_chain(port)
        yield
    finally:
        process.terminate()
        process.wait()


def _await_chain(port: int) -> None:
    rpc = Rpc(f"http://127.0.0.1:{port}", ErrorTable(()))
    with Processes(Path()) as nobody:
        wait_until("starting anvil", lambda: rpc.head().number >= 0, nobody, _START)


def _answers(endpoint: str) -> bool:
    try:
        with ProverClient(endpoint, timeout=2.0) as client:
            return bool(client.status().version)
    except GradrollError:
        return False


def _task(case: Case, market: LocalMarket, coordinator: CoordinatorClient) -> tuple[ModelOwner, int]:
    home = market.plan.directory
    chain = ChainWriter(market.view(), load_account(home / "model-owner.json"), Patience(poll=0.05))
    keys = market.plan.parameter_directory
    parameters = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
    buyer = ModelOwner(market.view(), chain, coordinator, parameters, state=home / "model-owner")
    plan = TaskPlan(
        market.committee, market.verifier, market.coordinator, case.dimension, norm_of(case.dimension),
        Pay(bonus=_REWARD), Windows(_WINDOW, _WINDOW), _GRADED_BITS if case.is_graded else FRACTION_BITS,
        min_owners=2, capacity=case.owners, rounds=64,
        permissioned=case.is_graded, grading=_GRADING if case.is_graded else None,
    )  # fmt: skip
    task_id = buyer.create_task(plan)
    buyer.fund(task_id, 64 * case.owners * _REWARD)
    accounts = [create_account(home / "owners" / f"owner-{i}.json") for i in range(case.owners)]
    endow(market.plan.chain, [account.address for account in accounts], ALLOWANCE)
    if case.is_graded:
        chain.admit(task_id, [account.address for account in accounts])
    for account in accounts:
        ChainWriter(market.view(), account, Patience(poll=0.05)).register(task_id)
    return buyer, task_id


def _start_owners(case: Case, market: LocalMarket, task_id: int, work: Path) -> subprocess.Popen[str]:
    plan = {
        "chain": market.plan.chain, "chain_id": market.chain_id, "market": market.market.hex(),
        "coordinator": market.coordinator_endpoint,
        "parameters": str(market.plan.parameter_directory),
        "accounts": str(market.plan.directory / "owners"), "owners": case.owners, "dimension": case.dimension,
        "task_id": task_id, "together": case.owners if case.owners <= 10 and case.capacity == 16 else 1,
    }  # fmt: skip
    path = work / "owners.json"
    path.write_text(json.dumps(plan))
    with (work / "logs" / "owners.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "benchmarks.owners", str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT,
        )  # fmt: skip
    if not _pipes(process)[1].readline():
        raise UnavailableError(f"the owners' process ended; see {work / 'logs' / 'owners.log'}")
    return process


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise UnavailableError("the owners' process has no pipes")
    return process.stdin, process.stdout
