"""What goes wrong in a campaign, and when: drawn from a seed, the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

PROVERS = 4
COORDINATOR, MODEL_OWNER = "coordinator", "model-owner"
DEEPEST = 3
"""Blocks that a reorganisation takes back at most; everybody waits for one more (`places.CONFIRMATIONS`)."""
SPARED = ("prover-3", "owner-0")
"""Never killed, so that they live long enough to show whether they leak."""
NODE_MOODS = ("down", "error", "busy", "garbage", "cut-off", "hang", "lag", "short-logs")
"""What a node does instead of answering well (`nodeproxy`)."""
ATTACKS = ("silent-calls", "junk-frames", "crowd", "forged-headers")
"""What hostile clients do (`hostile`)."""
KINDS = (
    "kill", "kill-owner", "kill-coordinator", "pause", "partition", "slow-line", "cut-line", "reorganise", "full-disk",
    *(f"node-{mood}" for mood in NODE_MOODS), *ATTACKS,
)  # fmt: skip
"""Every kind of fault."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        at: seconds after the start.
        kind: one of ``KINDS``.
        target: whom it befalls; of a line, "caller>callee".
        seconds: how long it lasts; 0 for what is over at once.
        size: blocks, milliseconds or nodes, by kind; 0 where there is nothing to say.
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


def servers() -> tuple[str, ...]:
    """Names of the processes that serve."""
    return (COORDINATOR, *(f"prover-{p}" for p in range(PROVERS)))


def owner_names(count: int) -> tuple[str, ...]:
    """Names of the owners' processes."""
    return tuple(f"owner-{i}" for i in range(count))


def mortal(names: Iterable[str]) -> tuple[str, ...]:
    """Those that may be killed."""
    return tuple(name for name in names if name not in SPARED)


def lines(owners: int) -> tuple[str, ...]:
    """Every pair that talks, as "caller>callee"."""
    callers = (MODEL_OWNER, *owner_names(owners))
    to_provers = [(caller, f"prover-{p}") for caller in (COORDINATOR, *callers) for p in range(PROVERS)]
    return tuple(f"{caller}>{callee}" for caller, callee in (*((c, COORDINATOR) for c in callers), *to_provers))


def drawn(
    seed: int, seconds: float, owners: int, *, every: float = 4.0, kinds: Sequence[str] = KINDS
) -> tuple[Fault, ...]:
    """The faults of a seed, in order; all are over when ``seconds`` are.

    Args:
        every: mean seconds between two faults.
        kinds: those that come; each once before one comes again.
    """
    source, faults, deck = random.Random(f"chaos {seed}"), list[Fault](), list[str]()
    at = source.uniform(0.5, 1.5) * every
    while at < seconds - 1:
        if not deck:
            deck = source.sample(kinds, len(kinds))
        faults.append(_fault(source, deck.pop(), round(at, 2), seconds - at, owners))
        at += source.uniform(0.3, 1.7) * every
    return tuple(faults)


def _fault(source: random.Random, kind: str, at: float, left: float, owners: int) -> Fault:
    """``left``: seconds until all faults have to be over."""
    target, longest, sizes = _shape(kind, owners)
    seconds = round(min(source.uniform(1.0, longest), left), 2) if longest else 0.0
    return Fault(at, kind, source.choice(target), seconds, source.choice(sizes))


def _shape(kind: str, owners: int) -> tuple[Sequence[str], float, Sequence[int]]:
    """Whom a kind befalls, how many seconds it lasts at most, and how large it may be."""
    everybody = (*servers(), MODEL_OWNER, *owner_names(owners))
    provers = tuple(f"prover-{p}" for p in range(PROVERS))
    table: dict[str, Callable[[], tuple[Sequence[str], float, Sequence[int]]]] = {
        "kill": lambda: (mortal(provers), 8.0, (0,)),
        "kill-owner": lambda: (mortal(owner_names(owners)), 6.0, (0,)),
        "kill-coordinator": lambda: ((COORDINATOR,), 8.0, (0,)),
        "pause": lambda: ((*servers(), *owner_names(owners)), 12.0, (0,)),
        "partition": lambda: (lines(owners), 15.0, (0,)),
        "slow-line": lambda: (lines(owners), 20.0, (50, 200, 800)),
        "cut-line": lambda: (lines(owners), 0.0, (0,)),
        "reorganise": lambda: (("chain",), 0.0, range(1, DEEPEST + 1)),
        "full-disk": lambda: (servers(), 8.0, (0,)),
    }
    if kind in table:
        return table[kind]()
    if kind in ATTACKS:
        return servers(), 10.0, (0,)
    return everybody, 12.0, {"node-lag": (2, 6, 12), "node-short-logs": (1, 3)}.get(kind, (1, 2))
