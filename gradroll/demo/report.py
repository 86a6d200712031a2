"""The demo's machine-readable outcome, build/demo/report.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from circuits.atomicfile import storing


@dataclass(frozen=True, slots=True)
class Rejection:
    """A submission that was not accepted: the owner's name in the demo, and why."""

    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall time of a round's four parts.

    Attributes:
        submit: from the opened round to the last header at the coordinator.
        prove: from there to a proven and attested batch.
        settle: until the market has accepted it.
        release: until the provers have released the sum and the model owner has read it.
    """

    submit: float
    prove: float
    settle: float
    release: float


@dataclass(frozen=True, slots=True)
class RoundReport:
    """One round; `gas` is that of the settling transaction."""

    accepted: int
    rejected: tuple[Rejection, ...]
    accuracy: float
    gas: int
    gas_per_gradient: int
    seconds: Seconds
    aggregate_matches_plaintext: bool


@dataclass(frozen=True, slots=True)
class Report:
    """The whole demo.

    Attributes:
        payouts: wei received by owner name.
        fees: wei received by the coordinator and by each prover.
        audit: "passed", or the name of the failing check.
    """

    dataset: str
    dimension: int
    owners: int
    provers: int
    threshold: int
    chain: str
    rounds: tuple[RoundReport, ...]
    final_accuracy: float
    plaintext_accuracy: float
    payouts: dict[str, int]
    fees: dict[str, int]
    audit: str

    def succeeded(self, cheaters: Sequence[str]) -> bool:
        """Whether everything was seen that the demo is to show: every cheater, and nobody else, rejected and unpaid,
        and coordinator and provers paid."""
        return (
            self.audit == "passed"
            and self.final_accuracy == self.plaintext_accuracy
            and all(played.aggregate_matches_plaintext for played in self.rounds)
            and all([each.owner for each in played.rejected] == list(cheaters) for played in self.rounds)
            and all((wei == 0) == (name in cheaters) for name, wei in self.payouts.items())
            and all(self.fees.values())
        )

    def write(self, path: Path) -> None:
        """Write the report.  Raises StorageError."""
        with storing(f"cannot write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
