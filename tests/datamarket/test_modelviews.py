"""What the client asks of models, budgets and versions, held against their ABI."""

from __future__ import annotations

import inspect
import re

import contracts
from circuits.hashing import keccak
from commons.chain import dataimprovementview, dataperceptronview, dataversionview
from commons.chain.calldata import IMPROVEMENT, PERCEPTRON, PERCEPTRONS, VERSIONS, signatures, type_of
from commons.samples.improvementrules import IMPROVEMENT_TABLE_TYPE

VIEWS = (dataperceptronview, dataimprovementview, dataversionview)
NAMES = (PERCEPTRON, PERCEPTRONS, IMPROVEMENT, VERSIONS)


def all_of(kind: str) -> set[str]:
    return {text for name in NAMES for text in signatures(name, kind).values()}


def test_every_question_is_in_the_abi() -> None:
    asked = {found for of in VIEWS for found in re.findall(r'"(\w+\([^"{}]*\))"', inspect.getsource(of))}
    events = {found for found in asked if found[0].isupper()}
    assert len(asked - events) > 12
    assert asked - events <= all_of("function")


def test_every_event_that_is_read_is_in_the_abi() -> None:
    values = [value for of in VIEWS for value in vars(of).values() if isinstance(value, str)]
    events = {text for text in values if re.match(r"[A-Z]\w+\(", text)}
    assert len(events) == 5
    assert events <= all_of("event")


def test_answers_have_the_types_of_the_abi() -> None:
    returned = {
        item["name"]: type_of(item["outputs"][0])
        for name in NAMES for item in contracts.load(name).abi if item["type"] == "function" and item["outputs"]
    }  # fmt: skip
    expected = {
        "testsOf": dataperceptronview.TESTS, "budgetOf": dataimprovementview.BUDGET,
        "versionOf": dataversionview.VERSION, "weights": "int256[]", "reportedUntil": "uint256",
    }  # fmt: skip
    assert {name: returned[name] for name in expected} == expected
    assert f"register({dataversionview.VERSION_TERMS})" in all_of("function")


def test_members_sign_the_type_that_the_contract_has() -> None:
    assert keccak(IMPROVEMENT_TABLE_TYPE.encode()) in contracts.load(IMPROVEMENT).unlinked
