"""How far an upload is that a coordinator hands on, and how long it waits before it tries again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from circuits.errors import StorageError, UnknownError
from circuits.statement import Committee
from commons.protocol.messages import Step

HandAgain = Callable[[int, Collection[bytes]], bool]
"""Told of a prover that may have lost shares for which it gave receipts, and of which submissions; says whether it is
handed all of them again."""
_DOUBLINGS = 16
_TRIES = 2
"""How often a prover is tried before a header is entered without it: once may be a node that lags, or a full queue."""


@dataclass(slots=True)
class Handing:
    """How far an upload is.

    Attributes:
        reasons: why a prover did not take it the last time.
        due: when it is tried again, on the monotonic clock.
        moved: chunks that were handed on.
        unsound: provers that say that their share is not what the owner signed.
        lost: provers that gave a receipt, and say that they have not everything that they gave one for; by how often.
        missing: those of them that are handed it again, and have not given their receipt again.
        committee: the round's, once a prover was to be handed its share.
        enter_at: when the header is entered without waiting for more receipts; None before a quorum has given theirs.
        again_at: when it is entered again; it was refused ``refused`` times.
        looking: whether its files are looked at; that failed ``looks`` times, and is tried again at ``look_at``.
    """

    receipts: dict[int, bytes] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)
    failures: Counter[int] = field(default_factory=Counter)
    under_way: set[int] = field(default_factory=set)
    unsound: set[int] = field(default_factory=set)
    lost: Counter[int] = field(default_factory=Counter)
    missing: set[int] = field(default_factory=set)
    committee: Committee | None = None
    moved: int = 0
    enter_at: float | None = None
    again_at: float = 0.0
    refused: int = 0
    looking: bool = False
    looks: int = 0
    look_at: float = 0.0

    @property
    def is_unsound(self) -> bool:
        """Whether an honest prover is among those that say so, and asking them again is of no use."""
        return self.committee is not None and len(self.unsound) > self.committee.threshold

    @property
    def has_quorum(self) -> bool:
        """Whether its header can be entered."""
        return self.committee is not None and len(self.receipts) >= self.committee.quorum

    @property
    def expects(self) -> bool:
        """Whether a prover may well take its share soon.

        Who is drawn before all have its share is put together with others of that kind, who may be liars.
        """
        if self.committee is None:
            return False
        others = set(range(self.committee.size)) - set(self.receipts) - self.unsound
        return any(p in self.under_way or self.failures[p] < _TRIES for p in others)

    def waits(self, prover: int, now: float) -> bool:
        """Whether a prover is not to be handed its share now."""
        has = prover in self.receipts and prover not in self.missing
        return (
            has
            or prover in self.under_way
            or self.due.get(prover, now) > now
            or (prover in self.unsound and self.is_unsound)
        )

    def given(self, prover: int, receipt: bytes) -> None:
        """A prover has its share, and said so."""
        self.receipts[prover] = receipt
        self.reasons.pop(prover, None)
        self.unsound.discard(prover)
        self.missing.discard(prover)

    def hand_again(self, prover: int, now: float, first: float, longest: float) -> None:
        """A prover that gave a receipt says that it lost something: it is handed it again, at once the first time."""
        if prover in self.receipts and prover not in self.missing:
            times = self.lost[prover]
            again = self.due.get(prover, now) + pause_behind(times - 1, first, longest) if times else now
            self.lost[prover], self.due[prover] = times + 1, max(now, again)
            self.missing.add(prover)


def may_have_lost(step: Step, code: str) -> bool:
    """Whether a prover that fails with a code may have lost a share that it gave a receipt for.

    Where a step is the first to need a share, one that is not there is unknown; later on an unknown session is meant.
    """
    return code == StorageError.code or (code == UnknownError.code and step in (Step.COIN, Step.RELEASE))


def pause_behind(failures: int, first: float, longest: float) -> float:
    """Seconds before the next try behind so many that failed."""
    return float(min(first * 2 ** min(failures, _DOUBLINGS), longest))
