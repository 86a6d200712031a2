"""What docs/protocol-models.md says of the circuits, counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import results
from circuits.accuracy.accuracycircuit import block_length, constraint_count
from circuits.accuracy.linkgadgets import power_plan
from circuits.accuracy.modelrows import MAX_OPENINGS
from circuits.accuracy.roundingcircuit import rounding_constraints
from circuits.accuracy.sizeclasses import CLASSES, MAX_CHUNKS, SizeClass
from circuits.statement import domain_size

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "protocol-models.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", CLASSES, ids=lambda size: size.name)
def test_the_table_of_classes_is_the_codes(size: SizeClass) -> None:
    shape = f"{size.inputs}, {size.hidden}, {size.classes}, {size.samples}"
    counts = f"{size.weights:,} | {constraint_count(size):,} | {block_length(size):,}"
    assert f"| {size.name} | {shape} | {counts} |" in PAGE


def rows_of_constraints(size: SizeClass) -> list[int]:
    """The last column of the table of constraints, computed."""
    section = PAGE.split("| constraints, in this order | number |")[1].split("\n\n")[0]
    cells = [row.rstrip("|").rpartition("|")[2].strip() for row in section.splitlines()[2:]]
    plan, d = power_plan(domain_size(size.weights), size.samples), size.weights
    named = {"P": size.inputs, "H": size.hidden, "C": size.classes, "n": size.samples, "d": d}
    named |= {"log": size.samples.bit_length() - 1, "powers": plan.squarings + 2 * plan.cubes}
    return [_value(cell, named) for cell in cells]


def _value(cell: str, named: dict[str, int]) -> int:
    text = cell.replace(",", "").replace("log n", "log")
    text = re.sub(r"(\d)(?=[A-Z])", r"\1*", text)  # 2H, 4C
    text = re.sub(r"(?<=[A-Zn)])(?= ?[n(])", "*", text).replace("* ", "*")  # Hn, H n, (P+C) n, H (n-1)
    return int(eval(text, {"__builtins__": {}}, named))  # noqa: S307 - our own page


@pytest.mark.parametrize("size", CLASSES, ids=lambda size: size.name)
def test_the_numbers_of_constraints_add_up(size: SizeClass) -> None:
    assert sum(rows_of_constraints(size)) == constraint_count(size)


def test_what_is_said_in_passing() -> None:
    running = " ".join(PAGE.split())
    assert f"{MAX_OPENINGS} openings of one C_M" in running
    assert f"1 to {MAX_CHUNKS} chunks" in running
    assert all(abs(rounding_constraints(size.weights) - 2 * size.weights - 4_250) < 20 for size in CLASSES)


def test_what_was_measured_is_of_these_circuits_and_within_the_goal() -> None:
    found = results.load("accuracy")
    assert found is not None
    for size in CLASSES:
        figures = found["classes"][size.name]
        assert (figures["constraints"], figures["block"]) == (constraint_count(size), block_length(size))
    small = found["classes"]["small"]
    assert small["prove_cpu"] <= 1.2
    assert small["peak_bytes"] <= 250_000_000
