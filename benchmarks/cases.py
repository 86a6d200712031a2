"""Which rounds are measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass

DIMENSIONS = (650, 7_450, 61_470, 270_896, 812_688, 1 << 20)
"""Softmax on digits; MLP, LeNet, ResNet-20, ResNet-20 with two noise vectors; a million."""
SMALL, MIDDLE, LARGE = DIMENSIONS[0], DIMENSIONS[2], DIMENSIONS[-1]
CAPACITY = 64


@dataclass(frozen=True, slots=True)
class Case:
    """One batch: model size, owners, committee, slots of the circuit."""

    dimension: int
    owners: int
    provers: int = 4
    threshold: int = 1
    capacity: int = CAPACITY

    @property
    def name(self) -> str:
        """Name of the result file."""
        tail = "" if self.capacity == CAPACITY else f"-c{self.capacity}"
        return f"d{self.dimension}-m{self.owners}-n{self.provers}t{self.threshold}{tail}"

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


def quick() -> tuple[Case, ...]:
    """What takes seconds."""
    return tuple(case for case in matrix() if case.dimension * case.owners <= 1 << 18)
