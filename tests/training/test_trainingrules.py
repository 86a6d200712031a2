"""Training rules as a manifest holds them: one JSON each, and refused whatever is not exactly that."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from circuits.foreignjson import parse_json
from commons.protocol.trainingrules import (
    Adam,
    Clip,
    Dyadic,
    Momentum,
    Plateau,
    ScheduleStep,
    Sgd,
    TrainingRule,
)

HALF = Dyadic(1, 1)
PLATEAU = Plateau("min", HALF, 3, 100, 4, bytes(range(32)))
FULL = TrainingRule(
    Momentum(40, Dyadic(7, 3), 44),
    Dyadic(5, 7),
    20,
    64,
    Clip("norm", Dyadic(3, 1)),
    Dyadic(1, 10),
    (ScheduleStep(4, HALF), ScheduleStep(9, Dyadic(1, 2))),
    PLATEAU,
)
RULES = (
    TrainingRule(Sgd(40), Dyadic(1, 5), 3),
    FULL,
    TrainingRule(Adam(), Dyadic.near(0.001, 60), 1 << 10, clip=Clip("value", Dyadic(2))),
)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_comes_back_from_its_json(rule: TrainingRule) -> None:
    text = json.dumps(rule.to_json(), sort_keys=True)
    assert TrainingRule.from_json(parse_json(text)) == rule


def kinds(value: Any) -> set[type]:
    """Types of everything in a JSON value."""
    if isinstance(value, dict):
        return {str}.union(*(kinds(each) for each in value.values()))
    return set().union(*map(kinds, value)) if isinstance(value, list) else {type(value)}


@pytest.mark.parametrize("rule", RULES)
def test_json_holds_integers_and_strings_only(rule: TrainingRule) -> None:
    assert kinds(rule.to_json()) == {int, str}


def test_what_is_left_at_its_default_is_not_there() -> None:
    assert RULES[0].to_json() == {
        "divisor": "weight",
        "max_rounds": 3,
        "method": {"model_bits": 40, "name": "sgd"},
        "rate": {"bits": 5, "numerator": 1},
    }


def changed(*path: str | int, to: Any) -> Callable[[Any], None]:
    """An edit of a JSON value."""

    def edit(value: Any) -> None:
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = to

    return edit


WRONG = (
    changed("decay", to={"bits": 0, "numerator": 0}),  # a default, written out
    changed("schedule", to=[]),
    changed("clip", to=None),
    changed("plateau", to=None),
    changed("unknown", to=1),
    changed("clip", "unknown", to=1),
    changed("max_rounds", to=True),
    changed("max_rounds", to=0),
    changed("max_rounds", to="3"),
    changed("max_rounds", to=20.0),
    changed("divisor", to="owners"),
    changed("divisor", to=0),
    changed("divisor", to=1 << 32),
    changed("divisor", to=True),
    changed("rate", to={"bits": 0, "numerator": 0}),
    changed("rate", to={"bits": 3, "numerator": 2}),  # not in lowest terms
    changed("rate", to={"bits": 63, "numerator": 1}),
    changed("rate", to={"bits": 0, "numerator": 1 << 53}),
    changed("rate", "numerator", to=-1),
    changed("rate", to=0.5),
    changed("clip", "kind", to="l1"),
    changed("clip", "kind", to=[]),
    changed("clip", "limit", to={"bits": 0, "numerator": 0}),
    changed("method", "name", to="lion"),
    changed("method", to="sgd"),
    changed("method", "model_bits", to=63),
    changed("method", "velocity_bits", to=-1),
    changed("method", "momentum", to={"bits": 0, "numerator": 1}),
    changed("schedule", 0, "round", to=0),
    changed("schedule", 0, "round", to=9),  # twice the same round
    changed("schedule", 1, "round", to=3),  # out of order
    changed("schedule", 0, "factor", to={"bits": 0, "numerator": 0}),
    changed("schedule", to={"factor": {"bits": 1, "numerator": 1}, "round": 4}),
    changed("schedule", to=[{"factor": {"bits": 1, "numerator": 1}, "round": at} for at in range(1, 258)]),
    changed("plateau", "mode", to="least"),
    changed("plateau", "factor", to={"bits": 0, "numerator": 1}),
    changed("plateau", "patience", to=0),
    changed("plateau", "min_delta", to=-1),
    changed("plateau", "reductions", to=65),
    changed("plateau", "validation", to="0x" + "ab" * 31),
    changed("plateau", "validation", to="0x" + "AB" * 32),
    changed("plateau", "validation", to="ab" * 32),
    changed("plateau", "validation", to=7),
)


@pytest.mark.parametrize("edit", WRONG)
def test_json_that_no_rule_has_is_refused(edit: Callable[[Any], None]) -> None:
    value = FULL.to_json()
    assert TrainingRule.from_json(value) == FULL
    edit(value)
    with pytest.raises(InvalidInputError):
        TrainingRule.from_json(value)


@pytest.mark.parametrize("key", sorted(set(FULL.to_json()) - {"clip", "decay", "plateau", "schedule"}))
def test_json_without_a_part_is_refused(key: str) -> None:
    value = FULL.to_json()
    del value[key]
    with pytest.raises(InvalidInputError, match="training rule"):
        TrainingRule.from_json(value)


@pytest.mark.parametrize("text", ["0.9", "0x1.0p+0", "-0x0.0p+0", "nan", "inf", "0x1p-1", "0x1.0p+999999", 1, None])
def test_floats_have_one_text_and_lie_in_their_range(text: Any) -> None:
    value = RULES[2].to_json()
    value["method"]["beta1"] = text
    with pytest.raises(InvalidInputError):
        TrainingRule.from_json(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("weight"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("bits"), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        return [each for key in keys for each in ((*path, key), *places(value[key], (*path, key)))]
    return []


@given(st.sampled_from(RULES), st.data(), JSON)
def test_whatever_stands_anywhere_is_refused_in_words_or_is_a_rule(rule: TrainingRule, data: Any, other: Any) -> None:
    value = rule.to_json()
    changed(*data.draw(st.sampled_from(places(value))), to=other)(value)
    try:
        found = TrainingRule.from_json(value)
    except InvalidInputError:
        return
    assert found.to_json() == value
    assert kinds(value) <= {int, str}


@pytest.mark.parametrize("value", [None, 3, "rule", [], [1]])
def test_a_rule_is_an_object(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        TrainingRule.from_json(value)


@pytest.mark.parametrize(
    "changes",
    [{"method": "sgd"}, {"schedule": (ScheduleStep(1, HALF),) * 2},
     {"schedule": tuple(ScheduleStep(at, HALF) for at in range(1, 258))}],
)  # fmt: skip
def test_a_rule_that_is_built_wrongly_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        replace(FULL, **changes)


@pytest.mark.parametrize("epsilon", [0.0, -1e-8, 2.0, 2.0**-201, 1, math.nan])
def test_epsilon_lies_in_its_range(epsilon: Any) -> None:
    with pytest.raises(InvalidInputError, match="epsilon"):
        Adam(epsilon=epsilon)


def test_the_digest_of_a_validation_set_has_32_bytes() -> None:
    with pytest.raises(InvalidInputError, match="32 bytes"):
        replace(PLATEAU, validation=bytes(31))


@given(st.fractions(0, 1 << 20), st.integers(0, 32))
def test_the_nearest_dyadic_number_is_within_half_a_step(value: Fraction, bits: int) -> None:
    step = Fraction(1, 1 << bits)
    if value and value * 2 <= step:
        with pytest.raises(InvalidInputError):
            Dyadic.near(value, bits)
        return
    found = Dyadic.near(value, bits)
    assert abs(found.fraction - value) * 2 <= step
    assert found.bits <= bits
    assert found == Dyadic.from_json(found.to_json())


@pytest.mark.parametrize("value", [-0.5, math.nan, math.inf, 2.0**60])
def test_what_is_no_rate_becomes_no_dyadic_number(value: float) -> None:
    with pytest.raises(InvalidInputError):
        Dyadic.near(value)


def test_the_schedules_factor_holds_from_its_round_on() -> None:
    factors = [FULL.factor_in(number) for number in (0, 3, 4, 8, 9, 1000)]
    assert factors == [Dyadic(1), Dyadic(1), HALF, HALF, Dyadic(1, 2), Dyadic(1, 2)]
