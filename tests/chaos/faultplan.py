"""What goes wrong in a campaign, and when: drawn from a seed, the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

PROVERS = 4
COORDINATOR, MODEL_OWNER = "coordinator", "model-owner"
SECOND, REDIS, SHARED = "coordinator-2", "redis", "shared"
"""Of a pair of coordinators: the other process, the server with their log, the folder that both use."""
LEADER, STANDBY = "leader", "standby"
"""Of a pair, whoever it is when a fault comes."""
DEEPEST = 3
"""Blocks that a reorganisation mostly takes back at most; everybody waits for one more (`places.CONFIRMATIONS`)."""
DEPTHS = (*range(1, DEEPEST + 1),) * 3 + (DEEPEST + 1, DEEPEST + 2)
"""Of reorganisations: rarely one is deeper than everybody waits, or deeper yet, to the last acceptance (`strikes`)."""
LEASE = 8
"""Seconds for which one of two coordinators leads without a sign of it: short enough to be outlasted by a pause."""
OFFSETS = (-21_600, -3600, -300, 300, 3600, 21_600)
"""Seconds that a server's clock is wrong by, from a restart until another one."""
SPARED = ("prover-3", "owner-0")
"""Never killed, so that they live long enough to show whether they leak."""
NODE_MOODS = ("down", "error", "busy", "garbage", "cut-off", "hang", "lag", "short-logs")
"""What a node does instead of answering well (`nodeproxy`)."""
ATTACKS = ("silent-calls", "junk-frames", "crowd", "forged-headers")
"""What hostile clients do (`hostile`)."""
KINDS = (
    "kill", "kill-owner", "kill-coordinator", "pause", "partition", "slow-line", "cut-line", "reorganise", "full-disk",
    "wrong-clock",
    *(f"node-{mood}" for mood in NODE_MOODS), *ATTACKS,
)  # fmt: skip
"""Every kind of fault."""
OF_PAIRS = (
    "kill-leader", "pause-leader", "stop-leader", "kill-standby", "kill-redis", "pause-redis", "partition-redis",
)  # fmt: skip
"""Kinds that come, beside all others, where two coordinators share a log in Redis."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        at: seconds after the start.
        kind: one of ``KINDS`` or ``OF_PAIRS``.
        target: whom it befalls; of a line, "caller>callee".
        seconds: how long it lasts; 0 for what is over at once.
        size: blocks, milliseconds, nodes or seconds of a clock, by kind; 0 where there is nothing to say.
    """

    at: float
    kind: str
    target: str
    seconds: float = 0.0
    size: int = 0

    @property
    def record(self) -> dict[str, object]:
        """For the result."""
        return asdict(self)

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.0f} s" if self.seconds else ""
        return f"{self.kind} {self.target}{lasting}{f' ({self.size})' if self.size else ''}"


def kinds_of(*, pair: bool) -> tuple[str, ...]:
    """Every kind of fault that a market can suffer.  ``pair``: whether it has two coordinators."""
    return (*KINDS, *OF_PAIRS) if pair else KINDS


def coordinators(*, pair: bool) -> tuple[str, ...]:
    """Names of the coordinators' processes."""
    return (COORDINATOR, SECOND) if pair else (COORDINATOR,)


def servers(*, pair: bool = False) -> tuple[str, ...]:
    """Names of the processes that serve."""
    return (*coordinators(pair=pair), *(f"prover-{p}" for p in range(PROVERS)))


def owner_names(count: int) -> tuple[str, ...]:
    """Names of the owners' processes."""
    return tuple(f"owner-{i}" for i in range(count))


def mortal(names: Iterable[str]) -> tuple[str, ...]:
    """Those that may be killed."""
    return tuple(name for name in names if name not in SPARED)


def lines(owners: int, *, pair: bool = False) -> tuple[str, ...]:
    """Every two that talk, as "caller>callee"."""
    callers, relays = (MODEL_OWNER, *owner_names(owners)), coordinators(pair=pair)
    to_provers = [(caller, f"prover-{p}") for caller in (*relays, *callers) for p in range(PROVERS)]
    to_redis = [(relay, REDIS) for relay in relays if pair]
    to_relays = [(caller, COORDINATOR) for caller in callers]
    return tuple(f"{caller}>{callee}" for caller, callee in (*to_relays, *to_provers, *to_redis))


def drawn(
    seed: int, seconds: float, owners: int, *, every: float = 4.0, kinds: Sequence[str] = KINDS, pair: bool = False
) -> tuple[Fault, ...]:
    """The faults of a seed, in order; all are over when ``seconds`` are.

    Args:
        every: mean seconds between two faults.
        kinds: those that come; each once before one comes again.
        pair: whether two coordinators share a log in Redis.
    """
    source, faults, deck = random.Random(f"chaos {seed}"), list[Fault](), list[str]()
    at = source.uniform(0.5, 1.5) * every
    while at < seconds - 1:
        if not deck:
            deck = source.sample(kinds, len(kinds))
        faults.append(_fault(source, deck.pop(), round(at, 2), seconds - at, owners, pair=pair))
        at += source.uniform(0.3, 1.7) * every
    return tuple(faults)


def _fault(source: random.Random, kind: str, at: float, left: float, owners: int, *, pair: bool) -> Fault:
    """``left``: seconds until all faults have to be over."""
    target, longest, sizes = _shape(kind, owners, pair)
    seconds = round(min(source.uniform(1.0, longest), left), 2) if longest else 0.0
    return Fault(at, kind, source.choice(target), seconds, source.choice(sizes))


def _shape(kind: str, owners: int, pair: bool) -> tuple[Sequence[str], float, Sequence[int]]:
    """Whom a kind befalls, how many seconds it lasts at most, and how large it may be."""
    everybody = (*servers(pair=pair), MODEL_OWNER, *owner_names(owners))
    provers = tuple(f"prover-{p}" for p in range(PROVERS))
    table: dict[str, Callable[[], tuple[Sequence[str], float, Sequence[int]]]] = {
        "kill": lambda: (mortal(provers), 8.0, (0,)),
        "kill-owner": lambda: (mortal(owner_names(owners)), 6.0, (0,)),
        "kill-coordinator": lambda: ((COORDINATOR,), 8.0, (0,)),
        "pause": lambda: ((*servers(pair=pair), *owner_names(owners)), 12.0, (0,)),
        "partition": lambda: (lines(owners, pair=pair), 15.0, (0,)),
        "slow-line": lambda: (lines(owners, pair=pair), 20.0, (50, 200, 800)),
        "cut-line": lambda: (lines(owners, pair=pair), 0.0, (0,)),
        "reorganise": lambda: (("chain",), 0.0, DEPTHS),
        "full-disk": lambda: ((*servers(pair=pair), *((SHARED,) if pair else ())), 8.0, (0,)),
        "wrong-clock": lambda: (mortal(servers(pair=pair)), 4.0, OFFSETS),
        "kill-leader": lambda: ((LEADER,), 12.0, (0,)),
        "pause-leader": lambda: ((LEADER,), 2 * LEASE, (0,)),
        "stop-leader": lambda: ((LEADER,), 12.0, (0,)),
        "kill-standby": lambda: ((STANDBY,), 12.0, (0,)),
        "kill-redis": lambda: ((REDIS,), 6.0, (0,)),
        "pause-redis": lambda: ((REDIS,), 1.5 * LEASE, (0,)),
        "partition-redis": lambda: ((f"{LEADER}>{REDIS}", f"{STANDBY}>{REDIS}"), 2 * LEASE, (0,)),
    }
    if kind in table:
        return table[kind]()
    if kind in ATTACKS:
        return servers(pair=pair), 10.0, (0,)
    return everybody, 12.0, {"node-lag": (2, 6, 12), "node-short-logs": (1, 3)}.get(kind, (1, 2))
