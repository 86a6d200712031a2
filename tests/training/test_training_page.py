"""What docs/training.md shows is what the code reads, names and computes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from circuits.foreignjson import parse_json
from commons.protocol.trainingdecisions import TRAINING_DECISION_TYPE, DecisionKind
from commons.protocol.trainingrules import TrainingRule
from gradroll.training.replay import Fault
from tests.training.test_trainingrules import FULL


@pytest.fixture(scope="module")
def page() -> str:
    return (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def block(page: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rows(page: str, head: str) -> list[list[str]]:
    """The rows of the table whose head begins so, cell by cell."""
    table = page.split(f"| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table]


def test_the_json_of_the_page_is_a_rule(page: str) -> None:
    assert TrainingRule.from_json(parse_json(block(page, "json"))) == FULL


def test_the_table_of_keys_has_those_of_a_rule(page: str) -> None:
    assert {row[0].strip("`") for row in rows(page, "key")} == set(FULL.to_json())


def test_the_table_of_deviations_has_them_all(page: str) -> None:
    assert [row[0].strip("`") for row in rows(page, "deviation")] == [fault.value for fault in Fault]


def test_the_page_has_what_is_signed(page: str) -> None:
    assert f"\n    {TRAINING_DECISION_TYPE}\n" in page
    kinds = {int(row[0]): row[1].split("*")[1].upper() for row in rows(page, "kind")}
    assert kinds == {kind.value: kind.name for kind in DecisionKind}


def test_the_example_of_a_step_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(block(page, "python"), {})  # noqa: S102 - the project's own page
    number, model = capsys.readouterr().out.split(" ", 1)
    assert number == "1"
    assert [round(float(each), 4) for each in model.strip("[]\n ").split()] == [0.05, -0.1, 0.25]
