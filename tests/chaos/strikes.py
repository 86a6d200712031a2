"""Faults of a plan, done to a running market."""

from __future__ import annotations

import signal
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from circuits.hashing import keccak
from commons.chain.decoding import BATCH_ACCEPTED
from commons.chain.view import ChainView
from tests.chaos.chronicle import Chronicle
from tests.chaos.disks import Disks
from tests.chaos.faultplan import ATTACKS, COORDINATOR, DEEPEST, LEADER, REDIS, SHARED, STANDBY, Fault, coordinators
from tests.chaos.hostile import Attack
from tests.chaos.invariants_of_campaigns import MAY_END
from tests.chaos.nodeproxy import Mood, NodeProxy, RefusedError
from tests.chaos.places import BLOCK_SECONDS, Market
from tests.chaos.supervised import Supervised
from tests.chaos.tcpproxy import Proxy
from tests.support.redisserver import RedisServer

Ending = Callable[[], str]
"""Ends a fault; what came of it, in words."""
_FARTHEST, _TIME_TO_RESTORE = 40, 75
"""Blocks that a reorganisation looks back for a batch; seconds that its round has to take it again."""
_INTERRUPTED = 130
_KILLED = (-signal.SIGKILL, -signal.SIGTERM, _INTERRUPTED, *MAY_END)
"""What else a process may have ended with that was told to stop: killed by another fault, or hardly started."""
_ALL_NODES = ("lag", "short-logs", "hang")
"""Moods of both nodes of a process: with one that is well beside them nothing would be noticed."""


@dataclass
class Striker:
    """Does faults and undoes them.

    Attributes:
        ask: a question to the real node.
        redis: the server with the log of two coordinators, where there are two.
        leads: name of the one of them that leads, or led last.
        taken: forged submissions that a server took.
        stopped_badly: what was told to stop, and ended with an error.
    """

    market: Market
    processes: Mapping[str, Supervised]
    proxy: Proxy
    node: NodeProxy
    disks: Disks
    ask: Callable[..., Any]
    view: ChainView
    chronicle: Chronicle
    redis: RedisServer | None = None
    leads: Callable[[], str] = lambda: COORDINATOR
    taken: int = 0
    stopped_badly: list[str] = field(default_factory=list)
    _open: dict[Fault, tuple[Fault, Ending]] = field(default_factory=dict)

    def begin(self, fault: Fault) -> None:
        """Let it happen; ``end`` is for later, where it lasts."""
        actual = replace(fault, target=self._resolved(fault.target))
        ending = self._begin(actual)
        self.chronicle.tell(fault.kind, actual.target, str(fault))
        if ending is not None:
            self._open[fault] = actual, ending

    def end(self, fault: Fault) -> None:
        """Undo it; nothing happens for one that is over."""
        actual, ending = self._open.get(fault, (fault, None))
        if ending is not None:
            self.chronicle.tell("over", actual.target, f"{fault.kind}: {ending() or 'as before'}")
            del self._open[fault]

    def end_all(self) -> None:
        """Undo everything."""
        for fault in list(self._open):
            self.end(fault)

    def hindered(self, coordinator: str) -> bool:
        """Whether something is done at present that may keep a coordinator from leading."""
        concerned = {coordinator, f"{coordinator}>{REDIS}", REDIS, SHARED}
        under_way = [actual for actual, _ in list(self._open.values())]
        return any(fault.target in concerned and fault.kind not in ATTACKS for fault in under_way)

    def _resolved(self, target: str) -> str:
        """Whom "leader" and "standby" mean now."""
        leader = self.leads()
        standby = next((name for name in coordinators(pair=True) if name != leader), leader)
        who, separator, callee = target.partition(">")
        return {LEADER: leader, STANDBY: standby}.get(who, who) + separator + callee

    def _begin(self, fault: Fault) -> Ending | None:
        if fault.kind in ATTACKS:
            return self._attack(fault)
        act = {
            "kill": self._kill, "kill-owner": self._kill, "kill-coordinator": self._kill, "kill-leader": self._kill,
            "kill-standby": self._kill, "kill-redis": self._kill_redis, "pause-redis": self._pause_redis,
            "pause": self._pause, "pause-leader": self._pause, "stop-leader": self._stop,
            "partition": self._line, "partition-redis": self._line, "slow-line": self._line, "cut-line": self._line,
            "reorganise": self._reorganise, "full-disk": self._fill, "wrong-clock": self._misset,
        }.get(fault.kind, self._spoil)  # fmt: skip
        return act(fault)

    def _kill_redis(self, _: Fault) -> Ending:
        self._server.kill()

        def again() -> str:
            self._server.start()
            return "started again, with what it had written"

        return again

    def _pause_redis(self, _: Fault) -> Ending:
        self._server.freeze()

        def go_on() -> str:
            self._server.thaw()
            return "goes on"

        return go_on

    @property
    def _server(self) -> RedisServer:
        assert self.redis is not None, "this market has no Redis"
        return self.redis

    def _stop(self, fault: Fault) -> Ending:
        """As an update does: it is told to stop, and lets another one lead."""
        process = self.processes[fault.target]
        asked = process.pid
        process.ask_to_stop()

        def again() -> str:
            if asked is None or process.pid not in (None, asked):  # another fault had it end, or started it again
                process.start()
                return "started again"
            others = _KILLED if process.pid is None else ()
            status = process.stop()
            if status not in (0, *others):
                self.stopped_badly.append(f"{fault.target} ended with status {status} when it was told to stop")
            process.start()
            return "started again"

        return again

    def _reorganise(self, fault: Fault) -> None:
        """Other blocks take the place of the last ones, without their transactions.

        One that is deeper than everybody waits takes the last acceptance with it, if that can be made up for.
        """
        depth = fault.size if fault.size <= DEEPEST else max(fault.size, self._to_last_acceptance())
        self.ask("evm_setIntervalMining", 0)  # anvil loses receipts where it makes a block at the same time
        try:
            self.ask("anvil_reorg", depth, [])
        except RefusedError as error:  # anvil keeps the states of few blocks at hand
            self.chronicle.tell("not-reorganised", fault.target, str(error))
        else:
            self.chronicle.tell("blocks-taken-back", fault.target, str(depth))
        finally:
            self.ask("evm_setIntervalMining", BLOCK_SECONDS)

    def _to_last_acceptance(self) -> int:
        """Blocks from the last accepted batch on; 0 if it is long ago, or its round takes no batches soon."""
        head = self.view.rpc.head().number
        wanted = {
            "address": f"0x{self.market.local.market.hex()}", "topics": [f"0x{keccak(BATCH_ACCEPTED.encode()).hex()}"],
            "fromBlock": hex(max(head - _FARTHEST, 0)), "toBlock": hex(head),
        }  # fmt: skip
        logs = self.ask("eth_getLogs", wanted)
        if not logs:
            return 0
        task, number = (int(topic, 16) for topic in logs[-1]["topics"][1:3])
        left = self.view.round(task, number).settle_deadline - self.view.now()
        return head - int(logs[-1]["blockNumber"], 16) + 1 if left > _TIME_TO_RESTORE else 0

    def _kill(self, fault: Fault) -> Ending | None:
        process = self.processes[fault.target]
        if process.status == 0:
            return None  # an owner that is done
        process.kill()

        def again() -> str:
            process.start()
            return "started again"

        return again

    def _misset(self, fault: Fault) -> Ending | None:
        """Its machine is started anew, with another clock."""
        role = fault.target.partition("-")[0].upper()
        self.processes[fault.target].change({f"GRADROLL_{role}_INSECURE_CLOCK_OFFSET": str(fault.size)})
        return self._kill(fault)

    def _pause(self, fault: Fault) -> Ending:
        process = self.processes[fault.target]

        process.signal(signal.SIGSTOP)

        def go_on() -> str:
            return "goes on" if process.signal(signal.SIGCONT) else "it had ended"

        return go_on

    def _line(self, fault: Fault) -> Ending | None:
        caller, _, callee = fault.target.partition(">")
        if fault.kind == "cut-line":
            cut = self.proxy.cut(caller, callee)
            self.chronicle.tell("connections-cut", fault.target, str(cut))
            return None
        if fault.kind.startswith("partition"):
            self.proxy.hold(caller, callee)
        else:
            self.proxy.delay(caller, callee, fault.size / 1000)

        def heal() -> str:
            self.proxy.heal(caller, callee)
            return "the line is well"

        return heal

    def _fill(self, fault: Fault) -> Ending:
        """A disk without a free byte; where there are no disks, no file takes another byte (EFBIG)."""
        name = fault.target
        if self.disks.mounted:
            self.disks.fill(name)

            def make_room() -> str:
                self.disks.free(name)
                return "there is room"

            return make_room
        writers = [self.processes[each] for each in (coordinators(pair=True) if name == SHARED else (name,))]
        for process in writers:
            process.limit_files(0)

        def free() -> str:
            running = [process.limit_files(-1) for process in writers]
            return "there is room" if any(running) else "it had ended"

        return free

    def _spoil(self, fault: Fault) -> Ending:
        kind = fault.kind.removeprefix("node-")
        before = self.node.spoilt[kind]
        self.node.befall(fault.target, Mood(kind, fault.size), 2 if kind in _ALL_NODES else fault.size)

        def heal() -> str:
            self.node.heal(fault.target)
            return f"{self.node.spoilt[kind] - before} answers spoilt"

        return heal

    def _attack(self, fault: Fault) -> Ending:
        attack = Attack(fault.kind, fault.target, self.market, self.view, zlib.crc32(str(fault).encode()))
        return partial(self._ended, attack)

    def _ended(self, attack: Attack) -> str:
        outcome = attack.end()
        self.taken += outcome.get("TAKEN", 0)
        return ", ".join(f"{number} {what}" for what, number in outcome.items())
