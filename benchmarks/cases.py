"""Which rounds are measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from circuits.policies import DEFAULT
from circuits.policies.graded import REFERENCE

DIMENSIONS = (650, 7_450, 61_470, 270_896, 812_688, 1 << 20)
"""Softmax on digits; MLP, LeNet, ResNet-20, ResNet-20 with two noise vectors; a million."""
SMALL, MIDDLE, LARGE = DIMENSIONS[0], DIMENSIONS[2], DIMENSIONS[-1]
CAPACITY = 64


@dataclass(frozen=True, slots=True)
class Case:
    """One batch: model size, owners, committee, slots of the circuit, policy."""

    dimension: int
    owners: int
    provers: int = 4
    threshold: int = 1
    capacity: int = CAPACITY
    policy: str = DEFAULT

    @property
    def name(self) -> str:
        """Of the round, without its policy."""
        tail = "" if self.capacity == CAPACITY else f"-c{self.capacity}"
        return f"d{self.dimension}-m{self.owners}-n{self.provers}t{self.threshold}{tail}"

    @property
    def result(self) -> str:
        """Name of the result file."""
        return f"{'graded' if self.is_graded else 'round'}-{self.name}"

    @property
    def is_graded(self) -> bool:
        """Whether each batch has a copy of a reference, and gradients count by it."""
        return self.policy != DEFAULT

    @property
    def ungraded(self) -> Case:
        """The same round without a reference, nor a slot for one."""
        slots = self.capacity - (self.capacity == self.owners + 1)
        return replace(self, policy=DEFAULT, capacity=slots)

    def record(self) -> dict[str, object]:
        """For a result file."""
        return asdict(self)


def matrix() -> tuple[Case, ...]:
    """All cases: every size at the default setting, every batch size at two sizes, the larger committee.

    64 owners at 2^20 are left out: the provers' shares of four such rounds take 50 GB of disk.
    """
    cases = [Case(dimension, 32) for dimension in (DIMENSIONS[0], 1 << 12, *DIMENSIONS[1:])]
    cases += [Case(dimension, owners) for dimension in (SMALL, MIDDLE) for owners in (8, 64)]
    cases += [Case(LARGE, 8), *(Case(dimension, 32, 7, 2) for dimension in (SMALL, MIDDLE, LARGE))]
    cases.append(Case(SMALL, 10, capacity=16))
    return tuple(sorted(cases, key=lambda case: (case.dimension * case.owners * case.provers, case.capacity)))


def graded() -> tuple[Case, ...]:
    """Rounds whose gradients count by a reference, each to be held against the same round without; a copy of the
    reference takes a slot.
    """
    cases = (Case(dimension, 32, policy=REFERENCE.name) for dimension in (SMALL, MIDDLE, LARGE))
    return (*cases, Case(SMALL, 32, capacity=33, policy=REFERENCE.name))


def quick() -> tuple[Case, ...]:
    """What takes seconds."""
    return tuple(case for case in matrix() if case.dimension * case.owners <= 1 << 18)
