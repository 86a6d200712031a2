"""One campaign: a market of real processes, faults by a plan, then peace, and the books."""

from __future__ import annotations

import heapq
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from circuits.errors import GradrollError
from commons.storage.accounts import load_account
from commons.wire.health import is_serving
from tests.chaos import invariants_of_campaigns as invariants
from tests.chaos.buying import Buying
from tests.chaos.callers import caller_at
from tests.chaos.chainbook import Ask, read_acceptances, read_book
from tests.chaos.chronicle import Chronicle
from tests.chaos.disks import Disks
from tests.chaos.faultplan import (
    COORDINATOR,
    MODEL_OWNER,
    PROVERS,
    REDIS,
    SHARED,
    Fault,
    coordinators,
    owner_names,
    servers,
)
from tests.chaos.invariants_of_campaigns import Violation
from tests.chaos.leadership import Leadership
from tests.chaos.nodeproxy import NodeProxy, asker
from tests.chaos.ownerprocess import read_report
from tests.chaos.places import BLOCK_SECONDS, PAY, Market, Secrets, address_of, set_up
from tests.chaos.settling import Settling
from tests.chaos.steadiness import Slope, slope_of
from tests.chaos.strikes import Striker
from tests.chaos.supervised import ROOT, Supervised
from tests.chaos.tcpproxy import Proxy
from tests.support.anvil import Anvil, binary_in
from tests.support.redisserver import RedisServer

_WATCH, _TURN = 1.0, 0.1


@dataclass(frozen=True, slots=True)
class Orders:
    """What a campaign is to do.

    Attributes:
        seconds: in which things go wrong.
        directory: for logs and state.
        parameters: where development keys are kept between runs.
        pair: whether two coordinators share a log in Redis.
    """

    seed: int
    seconds: float
    directory: Path
    faults: tuple[Fault, ...]
    owners: int = 5
    tasks: int = 1
    parameters: Path = ROOT / "build" / "development-keys"
    pair: bool = False


@dataclass
class Outcome:
    """What a campaign came to.

    Attributes:
        applied: faults that were begun.
        accepted: gradients that the chain has.
    """

    violations: list[Violation] = field(default_factory=list)
    applied: list[Fault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    slopes: list[Slope] = field(default_factory=list)
    rounds: int = 0
    batches: int = 0
    accepted: int = 0
    sums: int = 0
    told: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False

    def record(self, **more: object) -> dict[str, Any]:
        """For the JSON result."""
        return {
            **more, "interrupted": self.interrupted, "violations": [asdict(each) for each in self.violations],
            "rounds": self.rounds, "batches": self.batches, "gradients_accepted": self.accepted, "sums": self.sums,
            "owners_were_told": dict(self.told), "events": dict(sorted(self.counts.items())),
            "faults": [fault.record for fault in self.applied], "processes": [asdict(slope) for slope in self.slopes],
        }  # fmt: skip


class Campaign:
    """Runs orders.

    Args:
        chronicle: told of everything.
    """

    def __init__(self, orders: Orders, chronicle: Chronicle) -> None:
        self._orders, self._chronicle = orders, chronicle
        self._secrets = Secrets()
        self._processes: dict[str, Supervised] = {}
        self._redis: RedisServer | None = None
        self._leadership: Leadership | None = None
        self._watched = 0.0
        self._peaceful = False
        self.outcome = Outcome(counts=chronicle.counts)

    def run(self) -> Outcome:
        """All of it; an interruption ends it early, and in good order."""
        try:
            with self._market() as (market, ask, proxy, node):
                self._play(market, ask, proxy, node)
        except KeyboardInterrupt:
            self.outcome.interrupted = True
            self._chronicle.tell("interrupted")
        self._look_at_logs()
        return self.outcome

    def _accuse(self, violation: Violation) -> None:
        if violation not in self.outcome.violations:
            self.outcome.violations.append(violation)
            self._chronicle.tell("VIOLATION", violation.kind, violation.text)

    @contextmanager
    def _market(self) -> Iterator[tuple[Market, Ask, Proxy, NodeProxy]]:
        """Chain, proxies, and a market on them with its processes started; all of it ends with the block."""
        orders, logs = self._orders, self._orders.directory / "logs"
        binary = binary_in(ROOT / "contracts")
        if binary is None:
            raise FileNotFoundError("anvil is not installed; run `make setup`")
        logs.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            anvil = undo.enter_context(Anvil(binary, logs / "anvil.log"))
            port = int(anvil.url.rpartition(":")[2])
            names = (*servers(pair=orders.pair), *((SHARED,) if orders.pair else ()))
            disks = undo.enter_context(Disks(orders.directory / "disks", names))
            secrets = self._secrets
            if orders.pair:
                (home := orders.directory / "redis").mkdir()
                self._redis = undo.enter_context(RedisServer(home, password=secrets.redis))
            node = undo.enter_context(NodeProxy(port, secrets.user, secrets.password, secrets.key))
            proxy = undo.enter_context(Proxy(lambda near: caller_at(near, self._pids()), address_of))
            market = set_up(
                orders.directory / "market", orders.parameters, anvil.url, node.urls, orders.owners, orders.tasks,
                disks, lambda text: self._chronicle.tell("setup", "", text), secrets.redis if orders.pair else None,
            )  # fmt: skip
            ask = asker(port)
            ask("evm_setAutomine", False)
            ask("evm_setIntervalMining", BLOCK_SECONDS)
            self._listen(market, proxy)
            undo.callback(self._stop)
            self._start(market)
            yield market, ask, proxy, node

    def _listen(self, market: Market, proxy: Proxy) -> None:
        """Stand before all that is asked; before two coordinators as a load balancer does."""
        announced, own = market.doors.announced, market.doors.own
        for name in servers():
            if name != COORDINATOR:
                proxy.listen(name, announced[name], partial(own.__getitem__, name))
        proxy.listen(COORDINATOR, announced[COORDINATOR], lambda: own[self._leads()])
        if self._redis is not None:
            port = self._redis.port
            proxy.listen(REDIS, announced[REDIS], lambda: port)

    def _leads(self) -> str:
        return COORDINATOR if self._leadership is None else self._leadership.leader

    def _pids(self) -> dict[str, int]:
        running = {name: process.pid for name, process in self._processes.items()}
        return {MODEL_OWNER: os.getpid()} | {name: pid for name, pid in running.items() if pid is not None}

    def _start(self, market: Market) -> None:
        logs = self._orders.directory / "logs"
        for name in servers(pair=self._orders.pair):
            self._add(name, market.command(name), market, logs)
        self._await_servers(market)
        for number, name in enumerate(owner_names(self._orders.owners)):
            arguments = [
                "-m", "tests.chaos.ownerprocess", "--config", str(market.config(name)),
                "--seed", str(self._orders.seed), "--number", str(number), "--report", str(self._report(number)),
                *(hex(task) for task in market.tasks),
            ]  # fmt: skip
            self._add(name, arguments, market, logs)

    def _await_servers(self, market: Market) -> None:
        deadline = time.monotonic() + 300
        for name in servers(pair=self._orders.pair):
            while not _answers(market.own_endpoint(name)):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{name} does not answer; see its log in {self._orders.directory / 'logs'}")
                time.sleep(0.2)
        self._chronicle.tell("started", "", "all servers answer")

    def _add(self, name: str, arguments: list[str], market: Market, logs: Path) -> None:
        process = Supervised(name, arguments, market.environment(name), logs / f"{name}.log", self._ended)
        self._processes[name] = process
        process.start()

    def _report(self, owner: int) -> Path:
        return self._orders.directory / f"owner-{owner}.jsonl"

    def _ended(self, name: str, status: int) -> None:
        self._chronicle.tell("process-ended", name, f"by itself, with status {status}")
        for violation in invariants.unexpected_ends(name, status):
            self._accuse(violation)

    def _play(self, market: Market, ask: Ask, proxy: Proxy, node: NodeProxy) -> None:
        view, accounts = market.view(), {**market.accounts(), "market": market.local.market}
        first = view.rpc.head().number
        striker = Striker(
            market, self._processes, proxy, node, market.disks, ask, view, self._chronicle, self._redis, self._leads
        )
        self._look_at_pair(market, proxy, striker)
        buying = Buying(market, self._orders.seed, self._chronicle, self._accuse)
        try:
            buying.start()
            self._strike(striker)
            buying.cease()
            (self._orders.directory / "finish").touch()
            self._chronicle.tell("peace", "", "nothing goes wrong any more, no round is opened any more")
            settling = Settling(
                market, view, ask, buying, self._unfinished_owners, self._watch, self._chronicle,
                list if self._leadership is None else self._leadership.missing,
            )  # fmt: skip
            for violation in settling.run():
                self._accuse(violation)
            self._peaceful = True
        finally:
            striker.end_all()
            buying.stop()
            if self._leadership is not None:
                self._leadership.stop()
        last = view.rpc.head().number
        book = read_book(ask, accounts, first, last)
        read_acceptances(book, view, market.tasks)
        reports = {owner: read_report(self._report(owner)) for owner in range(self._orders.owners)}
        found = itertools.chain(
            invariants.unread_sums(book, buying.sums.values()), invariants.lost_owners(reports, book),
            invariants.unbalanced(book, PAY, self._orders.owners, PROVERS, settling.withdrawn),
        )  # fmt: skip
        for violation in found:
            self._accuse(violation)
        if striker.taken:
            self._accuse(Violation("wrong-sum", f"{striker.taken} forged submissions were taken"))
        for text in striker.stopped_badly:
            self._accuse(Violation("crash", text))
        self.outcome.rounds, self.outcome.batches = len(book.accepted), book.batches.total()
        self.outcome.accepted, self.outcome.sums = sum(map(len, book.accepted.values())), len(buying.sums)
        for report in reports.values():
            self.outcome.told.update(line["what"] for line in report)

    def _look_at_pair(self, market: Market, proxy: Proxy, striker: Striker) -> None:
        if self._redis is None:
            return
        endpoints = {name: market.own_endpoint(name) for name in coordinators(pair=True)}
        self._leadership = Leadership(
            endpoints, self._redis.url, striker.hindered, lambda _: proxy.cut_all(COORDINATOR), self._chronicle,
            self._accuse,
        )  # fmt: skip
        self._leadership.start()

    def _strike(self, striker: Striker) -> None:
        """Faults begin and end at their times."""
        began, order = time.monotonic(), itertools.count()
        due: list[tuple[float, int, Callable[[Fault], None], Fault]] = []
        for fault in self._orders.faults:
            heapq.heappush(due, (fault.at, next(order), striker.begin, fault))
            if fault.seconds:
                heapq.heappush(due, (fault.at + fault.seconds, next(order), striker.end, fault))
        while (now := time.monotonic() - began) < self._orders.seconds or due:
            while due and due[0][0] <= now:
                _, _, act, fault = heapq.heappop(due)
                act(fault)
                if act == striker.begin:
                    self.outcome.applied.append(fault)
            self._watch()
            time.sleep(_TURN)

    def _watch(self) -> None:
        """Measure every process, and start those again that ended."""
        if time.monotonic() - self._watched >= _WATCH:
            self._watched = time.monotonic()
            for process in self._processes.values():
                process.watch()

    def _unfinished_owners(self) -> list[str]:
        return [name for name in owner_names(self._orders.owners) if self._processes[name].status != 0]

    def _stop(self) -> None:
        for process in self._processes.values():
            process.ask_to_stop()
        for name, process in self._processes.items():
            status = process.stop()
            if status != 0 and self._peaceful:
                self._accuse(Violation("crash", f"{name} ended with status {status} when it was told to stop"))

    def _look_at_logs(self) -> None:
        """What is in the logs that should not be, and whether processes grew."""
        planted = {
            self._secrets.password: "the password of a node", self._secrets.key: "the key of a node",
            self._secrets.redis: "the password of Redis",
        }  # fmt: skip
        for path in sorted((self._orders.directory / "market").rglob("*.json")):
            if path.name in ("account.json", "operator.json", "model-owner.json") or path.name.startswith("owner-"):
                planted[load_account(path).secret_bytes().hex()] = f"the secret of {path.name}"
        for path in sorted([*self._orders.directory.glob("logs/*.log"), *self._orders.directory.glob("*.jsonl")]):
            text = path.read_text(encoding="utf-8", errors="replace")
            for violation in invariants.told_secrets(path.name, text, planted):
                self._accuse(violation)
            for violation in invariants.crashes(path.name, text):
                self._accuse(violation)
        texts = {
            name: (self._orders.directory / "logs" / f"{name}.log") for name in coordinators(pair=self._orders.pair)
        }
        read = {
            name: path.read_text(encoding="utf-8", errors="replace") for name, path in texts.items() if path.exists()
        }
        lost = sum(text.count("event=batch-reinstated") for text in read.values())
        if lost:
            self._chronicle.tell("batch-reinstated", "chain", f"{lost} batches were handed in again")
        for violation in invariants.led_at_once(read):
            self._accuse(violation)
        for name, process in self._processes.items():
            slopes = [slope_of(f"{name} ({life + 1})", samples) for life, samples in enumerate(process.lives)]
            self.outcome.slopes += [slope for slope in slopes if slope is not None]
        for violation in invariants.leaks(self.outcome.slopes):
            self._accuse(violation)


def _answers(endpoint: str) -> bool:
    try:
        return is_serving(endpoint, timeout=2.0)
    except GradrollError:
        return False
