"""Results of the robustness benchmark: what is kept, what is void, and what its tables make of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import results
from benchmarks.machine import ROOT, facts
from benchmarks.robustness import __main__ as command
from benchmarks.robustness import cellfiles, worst
from benchmarks.robustness.robusttables import TABLES
from benchmarks.robustness.settings import HEADLINE, NONE, PEERS, RULES, SEEDS, Cell, grid
from benchmarks.robustness.summaries import Interval, accuracy_of, attacked, figure, interval, standings

OWN = pytest.mark.usefixtures("folder")
"""Results of the test's own."""
CELL = Cell("digits", "mlp", "iid", "scaling", 30)
MACHINE = facts(("numpy",))


def test_what_the_page_says_of_the_results_is_so() -> None:
    seeds = worst.whole_seeds()
    assert seeds
    ours = ("reference", HEADLINE)
    known = ("back door", "informed")
    for rule in ours:
        assert all(each.lead > -3 for each in standings(rule, seeds) if each.cell.attack not in known)
    least = {rule: min(figure(cell, rule, seeds, accuracy_of).mean for cell in attacked()) for rule in RULES}
    assert min(least[rule] for rule in ours) > max(least[peer] for peer in PEERS)
    few = [each for each in standings(HEADLINE, seeds) if each.cell.attack == "informed" and each.cell.percent < 45]
    assert all(each.lead < 0 for each in few)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "DIRECTORY", tmp_path)
    return tmp_path


def row(rule: str, seed: int, accuracy: float, back_door: float = 0.1) -> Mapping[str, Any]:
    return {
        "rule": rule, "seed": seed, "accuracy": accuracy, "back_door": back_door, "taken": 0.2, "fallbacks": 0.1,
    }  # fmt: skip


def keep_whole(seeds: int, behind: Mapping[Cell, float] | None = None) -> None:
    """Every cell of the grid: peers at 90%, ours at 91% or as far behind as is said."""
    for cell in grid():
        lead = (behind or {}).get(cell, 0.01)
        rows = [
            row(rule, seed, 0.9 + (lead if rule == HEADLINE else 0), 0.1 - (lead if rule == HEADLINE else 0))
            for seed in SEEDS[:seeds]
            for rule in cell.rules
        ]
        cellfiles.keep(cell, rows, MACHINE)


class Played:
    """Stands in for a training, which takes a second; notes what was run."""

    ran: tuple[tuple[str, str, int], ...] = ()

    def __init__(self, cell: Cell, rule: str, seed: int) -> None:
        Played.ran += ((cell.name, rule, seed),)

    def run(self) -> Mapping[str, float]:
        return {"accuracy": 0.5, "back_door": 0.0, "taken": 0.1, "fallbacks": 0.0}


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> type[Played]:
    Played.ran = ()
    monkeypatch.setattr(command, "Training", Played)
    return Played


@OWN
def test_what_is_kept_is_not_run_again(played: type[Played]) -> None:
    cellfiles.keep(CELL, [row("krum", 1, 0.7)], MACHINE)
    said: list[str] = []
    command.run(SEEDS[:2], [CELL.name], MACHINE, said.append)
    assert len(said) == 2
    assert len(played.ran) == 2 * len(CELL.rules) - 1
    assert (CELL.name, "krum", 1) not in played.ran
    assert next(each for each in cellfiles.rows_of(CELL) if each["rule"] == "krum")["accuracy"] == 0.7
    command.run(SEEDS[:2], [CELL.name], MACHINE, said.append)
    assert len(said) == 2


def test_a_result_tells_the_command_that_makes_it(folder: Path, played: type[Played]) -> None:
    command.run(SEEDS[:2], [CELL.name], MACHINE, lambda line: None)
    found = json.loads((folder / "robustness" / f"{CELL.name}.json").read_text(encoding="utf-8"))
    assert found["command"] == f"python -m benchmarks.robustness --only {CELL.name} --seeds 2"
    assert found["digest"] == cellfiles.digest()
    assert Cell(**found["cell"]) == CELL


@OWN
def test_rows_of_other_code_are_void(monkeypatch: pytest.MonkeyPatch) -> None:
    cellfiles.keep(CELL, [row("krum", 1, 0.7)], MACHINE)
    assert cellfiles.rows_of(CELL)
    monkeypatch.setattr(cellfiles, "digest", lambda: "another")
    assert not cellfiles.rows_of(CELL)


def test_the_digest_is_of_what_code_does_and_not_of_its_prose() -> None:
    source = '"""Words."""\nSTEP = 4\n"""About it."""\n\n\ndef twice(x):\n    """Words."""\n    return 2 * x  # why\n'
    assert cellfiles.without_prose(source) == cellfiles.without_prose(
        source.replace("Words", "Other").replace("# why", "")
    )
    assert cellfiles.without_prose(source) != cellfiles.without_prose(source.replace("STEP = 4", "STEP = 5"))
    assert cellfiles.without_prose(source) != cellfiles.without_prose(source.replace("2 * x", "3 * x"))
    only = 'def none():\n    """Words."""\n'
    assert "pass" in cellfiles.without_prose(only)


@pytest.mark.parametrize("path", cellfiles.CODE)
def test_every_module_behind_a_row_is_in_the_digest(path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Taken from a copy of the house in which one number of the module is another."""
    for each in (*cellfiles.CODE, "requirements/robustness.txt"):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_bytes((ROOT / each).read_bytes())
    changed = tmp_path / path
    changed.write_text(changed.read_text(encoding="utf-8") + "\nCHANGED = 1\n", encoding="utf-8")
    before = cellfiles.digest()
    monkeypatch.setattr(cellfiles, "ROOT", tmp_path)
    cellfiles.digest.cache_clear()
    after = cellfiles.digest()
    cellfiles.digest.cache_clear()
    assert after != before


@OWN
def test_a_seed_counts_when_all_of_it_is_there() -> None:
    keep_whole(2)
    assert worst.whole_seeds() == SEEDS[:2]
    cellfiles.keep(CELL, [each for each in cellfiles.rows_of(CELL) if each["seed"] == 1], MACHINE)
    assert worst.whole_seeds() == SEEDS[:1]
    cellfiles.keep(CELL, cellfiles.rows_of(CELL)[1:], MACHINE)
    assert worst.whole_seeds() == ()
    assert {make() for make in TABLES.values()} == {""}


@OWN
def test_the_worst_cells_are_of_four_attacks_by_the_first_seed() -> None:
    attacked = [cell for cell in grid() if cell.attack != NONE]
    chosen = [attacked[at] for at in (40, 9, 30, 5)]  # of four attacks; another of the first, nearly as bad
    assert attacked[41].attack == chosen[0].attack
    behind = dict(
        zip([chosen[0], attacked[41], *chosen[1:], attacked[20]], (-0.5, -0.45, -0.3, -0.2, -0.1, 0), strict=True)
    )
    keep_whole(1, behind)
    assert worst.worst_cells() == chosen
    assert {(cell.data, cell.model) for cell in worst.moved_cells()} == {("digits", "cnn"), ("cancer", "mlp")}
    assert len(worst.moved_cells()) == 8


def test_under_a_back_door_a_rule_is_judged_by_how_it_stays_shut() -> None:
    assert worst.score(CELL, row("krum", 1, 0.7, 0.25)) == 0.7
    assert worst.score(Cell("digits", "mlp", "iid", "back door", 30), row("krum", 1, 0.7, 0.25)) == 0.75


def test_intervals_are_students() -> None:
    assert interval([0.5]) == Interval(50.0, None)
    found = interval([0.90, 0.92, 0.94, 0.96, 0.98])
    assert found.mean == pytest.approx(94)
    assert found.half == pytest.approx(2.776 * 3.1623 / 5**0.5, rel=1e-3)
    assert str(found) == "94.0 ±3.9"


@OWN
def test_tables_tell_every_miss_of_the_goal() -> None:
    missed, near = CELL, Cell("digits", "mlp", "dirichlet", "noise", 45)
    keep_whole(2, {missed: -0.021, near: -0.019})
    first = standings(HEADLINE, SEEDS[:2])[0]
    assert first.cell == missed
    assert first.missed
    assert first.peer in PEERS
    lines = TABLES["robust-misses"]().splitlines()[2:]
    assert [line for line in lines if HEADLINE in line] == [
        "| reference open | scaling, 30%, iid | 87.9 ±0.0 | 90.0 ±0.0 (krum) | -2.1 |"
    ]
    summary = next(line for line in TABLES["robust-summary"]().splitlines() if line.startswith(f"| {HEADLINE} |"))
    assert summary == f"| {HEADLINE} | 90.9 | 87.9 ±0.0 (scaling, 30%, iid) | 9.0 | 81 of 82 | 80 |"
    assert TABLES["robust-runs"]().startswith("2 of 5 seeds are whole: 1, 2.")
    assert TABLES["robust-elsewhere"]() == ""
    assert all(
        make().startswith("| ") for name, make in TABLES.items() if name not in ("robust-runs", "robust-elsewhere")
    )
