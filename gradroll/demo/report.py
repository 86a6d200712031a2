"""The demo's machine-readable outcome, build/demo/report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
class ViewReport:
    """What a round shows of a hidden model.

    Attributes:
        accuracy: on the test set, of the view used as if it were the model.
        shown: numbers of the model that are the same in the view.
        repeated: numbers of the last layer that are the same in the view of the round before.
    """

    accuracy: float
    shown: int
    repeated: int

    @property
    def hides(self) -> bool:
        """Whether no number is shown as it is, and the last layer's noise is fresh."""
        return self.shown == self.repeated == 0


@dataclass(frozen=True, slots=True)
class RoundReport:
    """One round; `gas` is that of the settling transaction.

    Attributes:
        weights: how often each owner counts in the sum, where gradients are graded.
        view: of a hidden model, what owners are shown of it.
    """

    accepted: int
    rejected: tuple[Rejection, ...]
    accuracy: float
    gas: int
    gas_per_gradient: int
    seconds: Seconds
    aggregate_matches_plaintext: bool
    weights: Mapping[str, int] = field(default_factory=dict)
    view: ViewReport | None = None

    def caught(self) -> list[str]:
        """Owners that count in no sum."""
        return [each.owner for each in self.rejected] or [name for name, weight in self.weights.items() if not weight]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole demo.

    Attributes:
        payouts: wei received by owner name.
        fees: wei received by the coordinator and by each prover.
        audit: "passed", or the name of the failing check.
        card: "verified", or the first field of the model card that is not as the chain has it; None where the model is
            hidden, so that nobody can compute it again.
        ungraded_accuracy: of plain FedSGD over all owners, those that attack among them; where gradients are graded.
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
    card: str | None
    ungraded_accuracy: float | None = None

    def succeeded(self, cheaters: Sequence[str]) -> bool:
        """Whether everything was seen that the demo is to show: every cheater, and nobody else, rejected and unpaid,
        and coordinator and provers paid.  Where gradients are graded an honest one may count in no sum, too."""
        graded = self.ungraded_accuracy is not None
        return (
            self.audit == "passed"
            and self.card in ("verified", None)
            and self.final_accuracy == self.plaintext_accuracy
            and all(played.aggregate_matches_plaintext for played in self.rounds)
            and all(graded or played.caught() == list(cheaters) for played in self.rounds)
            and all(set(cheaters) <= set(played.caught()) for played in self.rounds)
            and (self.ungraded_accuracy is None or self.final_accuracy > self.ungraded_accuracy)
            and all((wei == 0) == (name in cheaters) for name, wei in self.payouts.items())
            and all(self.fees.values())
            and all(played.view is None or played.view.hides for played in self.rounds)
        )

    def write(self, path: Path) -> None:
        """Write the report.  Raises StorageError."""
        with storing(f"cannot write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
