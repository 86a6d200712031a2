"""Faults of a plan, done to a running market."""

from __future__ import annotations

import signal
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from commons.chain.view import ChainView
from tests.chaos.chronicle import Chronicle
from tests.chaos.disks import Disks
from tests.chaos.faultplan import ATTACKS, Fault
from tests.chaos.hostile import Attack
from tests.chaos.nodeproxy import Mood, NodeProxy
from tests.chaos.places import Market
from tests.chaos.supervised import Supervised
from tests.chaos.tcpproxy import Proxy

Ending = Callable[[], str]
"""Ends a fault; what came of it, in words."""
_ALL_NODES = ("lag", "short-logs", "hang")
"""Moods of both nodes of a process: with one that is well beside them nothing would be noticed."""


@dataclass
class Striker:
    """Does faults and undoes them.

    Attributes:
        ask: a question to the real node.
        taken: forged submissions that a server took.
    """

    market: Market
    processes: Mapping[str, Supervised]
    proxy: Proxy
    node: NodeProxy
    disks: Disks
    ask: Callable[..., Any]
    view: ChainView
    chronicle: Chronicle
    taken: int = 0
    _open: dict[Fault, Ending] = field(default_factory=dict)

    def begin(self, fault: Fault) -> None:
        """Let it happen; ``end`` is for later, where it lasts."""
        ending = self._begin(fault)
        self.chronicle.tell(fault.kind, fault.target, str(fault))
        if ending is not None:
            self._open[fault] = ending

    def end(self, fault: Fault) -> None:
        """Undo it; nothing happens for one that is over."""
        ending = self._open.pop(fault, None)
        if ending is not None:
            self.chronicle.tell("over", fault.target, f"{fault.kind}: {ending() or 'as before'}")

    def end_all(self) -> None:
        """Undo everything."""
        for fault in list(self._open):
            self.end(fault)

    def _begin(self, fault: Fault) -> Ending | None:
        if fault.kind in ATTACKS:
            return self._attack(fault)
        act = {
            "kill": self._kill, "kill-owner": self._kill, "kill-coordinator": self._kill, "pause": self._pause,
            "partition": self._line, "slow-line": self._line, "cut-line": self._line,
            "reorganise": self._reorganise, "full-disk": self._fill,
        }.get(fault.kind, self._spoil)  # fmt: skip
        return act(fault)

    def _reorganise(self, fault: Fault) -> None:
        """Other blocks take the place of the last ones, without their transactions."""
        self.ask("anvil_reorg", fault.size, [])

    def _kill(self, fault: Fault) -> Ending | None:
        process = self.processes[fault.target]
        if process.status == 0:
            return None  # an owner that is done
        process.kill()

        def again() -> str:
            process.start()
            return "started again"

        return again

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
        if fault.kind == "partition":
            self.proxy.hold(caller, callee)
        else:
            self.proxy.delay(caller, callee, fault.size / 1000)

        def heal() -> str:
            self.proxy.heal(caller, callee)
            return "the line is well"

        return heal

    def _fill(self, fault: Fault) -> Ending:
        """A disk without a free byte; where there are no disks, no file takes another byte (EFBIG)."""
        process, name = self.processes[fault.target], fault.target
        if self.disks.mounted:
            self.disks.fill(name)

            def make_room() -> str:
                self.disks.free(name)
                return "there is room"

            return make_room
        process.limit_files(0)

        def free() -> str:
            return "there is room" if process.limit_files(-1) else "it had ended"

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
