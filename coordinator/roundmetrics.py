"""The coordinator's metrics: what events and steps count, and what is read of its state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from commons.protocol.messages import Step
from commons.protocol.status import SubmissionState
from commons.telemetry.callmetrics import known_code
from commons.telemetry.metrics import Reading, Telemetry
from coordinator.coordinator import Coordinator
from coordinator.events import (
    BatchGraded,
    BatchProven,
    BatchSettled,
    CohortFailed,
    Event,
    HeaderAccepted,
    HeaderRefused,
    OwnerDropped,
    ProverBlamed,
    SumOpened,
)
from coordinator.phases import Phase, phase_of
from coordinator.rounds import CoordinatorState
from coordinator.roundwatch import RoundWatch

CAUSES = frozenset({"commitment", "dealing", "signature", "smallness", "unattributed", "validity"})
"""The words that reasons of the machine begin with; any other is `other`."""
_STEPS = frozenset(step.name for step in Step)
_WAITING = (SubmissionState.PENDING, SubmissionState.PROVING, SubmissionState.PROVEN)


class RoundMetrics:
    """Counts what happens in rounds."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._headers = telemetry.counter("submissions", "Submissions taken in.")
        self._refused = telemetry.counter("submissions_refused", "Headers refused, by error code.", "code")
        self._dropped = telemetry.counter(
            "submissions_dropped", "Submissions that were rejected or set aside, by the word of the cause.", "cause"
        )
        self._blamed = telemetry.counter(
            "provers_blamed", "Messages of provers that do not fit or are missing: proven, or suspected.", "certainty"
        )
        self._batches = telemetry.counter(
            "batches", "Batches: proven, and then accepted or refused by the chain for good.", "outcome"
        )
        self._weightless = telemetry.counter(
            "submissions_weightless", "Submissions in batches whose gradients are in no sum, as graded."
        )
        self._sums = telemetry.counter("sums_opened", "Sums that provers have released.")
        self._failed = telemetry.counter(
            "cohorts_failed", "Tries of a cohort that failed: it is tried again, or given up.", "end"
        )
        self._troubles = telemetry.counter("round_troubles", "Troubles of rounds, by error code.", "code")
        self._taken_back = telemetry.counter(
            "deep_reorganisations", "Batches that the chain took back although they were final."
        )
        self._seconds = telemetry.seconds("step_seconds", "Until all provers had answered to a step.", "step")

    def heard(self, event: Event, _: CoordinatorState) -> None:
        """An event was recorded."""
        match event:
            case HeaderAccepted():
                self._headers.inc()
            case HeaderRefused():
                self._refused.labels(known_code(event.code)).inc()
            case OwnerDropped():
                word = event.reason.partition(":")[0]
                self._dropped.labels(word if word in CAUSES else "other").inc()
            case ProverBlamed():
                self._blamed.labels("proven" if event.proven else "suspected").inc()
            case CohortFailed():
                self._failed.labels("given-up" if event.final else "again").inc()
            case BatchProven():
                self._batches.labels("proven").inc()
            case BatchGraded():
                self._weightless.inc(event.weights.count(0))
            case BatchSettled():
                self._batches.labels("accepted" if event.accepted else "refused").inc()
            case SumOpened():
                self._sums.inc()

    def stepped(self, step: str, seconds: float) -> None:
        """A step's answers are in."""
        if step in _STEPS:
            self._seconds.labels(step).observe(seconds)

    def troubled(self, code: str) -> None:
        """A round cannot go on."""
        self._troubles.labels(known_code(code)).inc()

    def taken_back(self) -> None:
        """The chain took a batch back that had counted as final."""
        self._taken_back.inc()


def show(telemetry: Telemetry, leading: Callable[[], Coordinator | None]) -> None:
    """Have the coordinator's state read; while another one leads there is nothing to read."""

    def of_state(read: Callable[[CoordinatorState, RoundWatch], Reading]) -> Callable[[], Reading]:
        def reading() -> Reading:
            coordinator = leading()
            if coordinator is None:
                return None
            with coordinator.journal.reading() as state:
                return read(state, coordinator.watch)

        return reading

    def rounds(state: CoordinatorState, _: RoundWatch) -> Reading:
        found = Counter(str(phase_of(state, key)) for key in state.open_rounds())
        return {str(phase): float(found[phase]) for phase in Phase}

    def waiting(state: CoordinatorState, _: RoundWatch) -> Reading:
        counts = [state.rounds[key].counts for key in state.open_rounds()]
        return {str(one): float(sum(count[one] for count in counts)) for one in _WAITING}

    def silent() -> Reading:
        coordinator = leading()
        return None if coordinator is None else float(coordinator.silent_provers())

    telemetry.gauge("rounds", "Rounds that are not closed, by what they are in.", of_state(rounds), "phase")
    telemetry.gauge(
        "round_unmoved_seconds", "How long the round has not come further that has not for longest.",
        of_state(lambda state, watch: watch.longest_unmoved(state)), "phase",
    )  # fmt: skip
    telemetry.gauge(
        "submissions_waiting", "Submissions without an end, by where they stand.", of_state(waiting), "state"
    )
    telemetry.gauge(
        "rounds_with_open_fees", "Rounds whose fees are not settled yet.",
        of_state(lambda state, _: float(len(state.fees_open))),
    )  # fmt: skip
    telemetry.gauge(
        "last_batch_timestamp_seconds", "When the last acceptance of a batch was recorded by this process.",
        of_state(lambda _, watch: None if watch.last_batch is None else watch.last_batch.at),
    )  # fmt: skip
    telemetry.gauge("provers_silent", "Provers that did not answer when they were last asked for their status.", silent)
