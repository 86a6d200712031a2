"""The tables of docs/robustness.md, of the seeds that are whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean

from benchmarks import results
from benchmarks.markdown import table
from benchmarks.robustness import cellfiles
from benchmarks.robustness.settings import (
    ATTACKS,
    HEADLINE,
    NONE,
    PERCENTS,
    RULES,
    SEEDS,
    SPREADS,
    WIDER,
    WIDER_PERCENTS,
    Cell,
    grid,
)  # fmt: skip
from benchmarks.robustness.summaries import POINTS, Interval, accuracy_of, attacked, figure, scored, standings
from benchmarks.robustness.worst import moved_cells, seeds_of, whole_seeds

_OURS = ("reference", HEADLINE)


def _of_whole_seeds(make: Callable[[Sequence[int]], str]) -> Callable[[], str]:
    """A table once a seed is whole, nothing before."""

    def made() -> str:
        seeds = whole_seeds()
        return make(seeds) if seeds else ""

    return made


def runs(seeds: Sequence[int]) -> str:
    """What the other tables are made of."""
    found = results.load(f"{cellfiles.FOLDER}/{next(grid()).name}")
    assert found is not None  # noqa: S101 - whole seeds are made of files
    facts = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    return (
        f"{len(seeds)} of {len(SEEDS)} seeds are whole: {', '.join(map(str, seeds))}. {facts['cpu']}, "
        f"Python {facts['python']}, {versions}; code and settings `{cellfiles.digest()[:12]}`.\n"
    )


def summary(seeds: Sequence[int]) -> str:
    """One row a rule."""
    cells = attacked()
    doors = [cell for cell in cells if cell.attack == "back door"]
    rows = []
    for rule in RULES:
        reached = {cell: figure(cell, rule, seeds, accuracy_of) for cell in cells}
        worst = min(cells, key=lambda cell: reached[cell].mean)
        stands = standings(rule, seeds)
        rows.append((
            rule, f"{fmean(each.mean for each in reached.values()):.1f}", f"{reached[worst]} ({_called(worst)})",
            f"{fmean(100 - scored(cell, rule, seeds).mean for cell in doors):.1f}",
            f"{sum(not each.missed for each in stands)} of {len(stands)}", str(sum(each.lead > 0 for each in stands)),
        ))  # fmt: skip
    head = (
        "rule", "mean accuracy under attack, %", "worst accuracy, %", "back doors open, mean %",
        f"cells at most {POINTS:g} points behind the best peer", "cells ahead of all peers",
    )  # fmt: skip
    return table(head, rows)


def _called(cell: Cell) -> str:
    return f"{cell.attack}, {cell.percent}%, {cell.spread}"


def accuracy(spread: str, seeds: Sequence[int]) -> str:
    """Test accuracy of every rule, one row a cell."""
    cells = [cell for cell in grid() if cell.spread == spread]
    rows = ((cell.attack, f"{cell.percent}%", *_accuracies(cell, seeds)) for cell in cells)
    return table(("attack", "attackers", *RULES), rows)


def _accuracies(cell: Cell, seeds: Sequence[int]) -> list[str]:
    return _best_marked([figure(cell, rule, seeds, accuracy_of) for rule in RULES])


def _best_marked(figures: Sequence[Interval]) -> list[str]:
    best = max(each.mean for each in figures)
    return [f"**{each}**" if each.mean == best else str(each) for each in figures]


def back_door(seeds: Sequence[int]) -> str:
    """How often the trigger works."""
    cells = [cell for cell in grid() if cell.attack in ("back door", NONE)]
    rows = (
        (
            cell.spread, f"{cell.percent}%",
            *(str(figure(cell, rule, seeds, lambda row: float(row["back_door"]))) for rule in RULES),
        )
        for cell in cells
    )  # fmt: skip
    return table(("samples", "attackers", *RULES), rows)


def misses(seeds: Sequence[int]) -> str:
    """Cells in which ours is behind by more than the goal allows."""
    rows = [
        (rule, _called(each.cell), str(each.ours), f"{each.best} ({each.peer})", f"{each.lead:.1f}")
        for rule in _OURS
        for each in standings(rule, seeds)
        if each.missed
    ]
    return table(("rule", "cell", "score, %", "best peer", "points"), rows)


def paid(seeds: Sequence[int]) -> str:
    """What attackers are paid of all, and how many rounds nobody had a weight in."""
    rows = []
    for attack in ATTACKS:
        for percent in PERCENTS[1::2]:
            cells = [Cell("digits", "mlp", spread, attack, percent) for spread in SPREADS]
            figures = [
                str(figure(cell, rule, seeds, lambda row, key=key: float(row[key])))  # type: ignore[misc]
                for rule in _OURS
                for key in ("taken", "fallbacks")
                for cell in cells
            ]
            rows.append((attack, f"{percent}%", *figures))
    head = [f"{rule}: {what}, {spread}" for rule in _OURS for what in ("paid", "fell back") for spread in SPREADS]
    return table(("attack", "attackers", *head), rows)


def wider(seeds: Sequence[int]) -> str:
    """Larger classes against smaller ones."""
    cells = [cell for cell in grid() if cell.percent in WIDER_PERCENTS]
    rows = (
        (
            _called(cell),
            *(
                str(figure(cell, rule, seeds, lambda row, key=key: float(row[key])))  # type: ignore[misc]
                for key in ("accuracy", "fallbacks")
                for rule in (HEADLINE, WIDER)
            ),
        )
        for cell in cells
    )
    head = (f"{what}: {rule}" for what in ("accuracy", "fell back") for rule in (HEADLINE, WIDER))
    return table(("cell", *head), rows)


def elsewhere(seeds: Sequence[int]) -> str:
    """The worst cells with the other model and the other data, by the seeds that have them whole."""
    cells = moved_cells()
    whole = sorted(set(seeds).intersection(*map(seeds_of, cells)))
    if not whole:
        return ""
    scores = ((cell, [scored(cell, rule, whole) for rule in RULES]) for cell in cells)
    rows = ((f"{cell.data}, {cell.model}", _called(cell), *_best_marked(figures)) for cell, figures in scores)
    return table((f"data, model (seeds: {len(whole)})", "cell", *RULES), rows)


_MADE: dict[str, Callable[[Sequence[int]], str]] = {
    "runs": runs, "summary": summary, "iid": partial(accuracy, "iid"), "dirichlet": partial(accuracy, "dirichlet"),
    "back-door": back_door, "misses": misses, "paid": paid, "wider": wider, "elsewhere": elsewhere,
}  # fmt: skip
TABLES = {f"robust-{name}": _of_whole_seeds(make) for name, make in _MADE.items()}
