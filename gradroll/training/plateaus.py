"""When a metric no longer gets better, the rate is reduced: recomputed from the metrics that were signed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from commons.protocol.trainingrules import Plateau


@dataclass(frozen=True, slots=True)
class PlateauState:
    """What is remembered of the metrics so far.

    Attributes:
        best: the best metric, in millionths; None before the first.
        stale: rounds in a row that were no better.
        reductions: how often the rate was reduced.
    """

    best: int | None = None
    stale: int = 0
    reductions: int = 0


def observe_metric(plateau: Plateau, state: PlateauState, metric: int) -> PlateauState:
    """The state after one more metric, in millionths.

    A metric that beats the best by more than ``min_delta`` takes its place.  Any other is one more stale round; with
    ``patience`` of them the rate is reduced, unless it was reduced as often as it may be, and they are counted anew.
    """
    if state.best is None or _gain(plateau, state.best, metric) > plateau.min_delta:
        return replace(state, best=metric, stale=0)
    if state.stale + 1 < plateau.patience:
        return replace(state, stale=state.stale + 1)
    return replace(state, stale=0, reductions=min(state.reductions + 1, plateau.reductions))


def _gain(plateau: Plateau, best: int, metric: int) -> int:
    """By how much a metric is better than the best."""
    return best - metric if plateau.mode == "min" else metric - best
