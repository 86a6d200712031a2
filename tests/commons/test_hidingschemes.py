"""What a manifest says of a hidden model: written in one way, read strictly, with lengths that follow from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from circuits.errors import InvalidInputError
from circuits.terms import Grading, NewTask, Windows
from commons.protocol.hidingschemes import (
    CONV,
    FLATTEN,
    LINEAR,
    MAX_DESCRIPTION,
    MAX_POOL,
    HidingScheme,
    Layer,
    require_hiding_terms,
    scheme_described,
)
from commons.protocol.modelmanifests import Block, ModelManifest

SCHEME = HidingScheme(
    (1, 6, 6),
    (Layer(CONV, 3, kernel=3, stride=1, padding=1), Layer(MAX_POOL, kernel=2, stride=2), Layer(FLATTEN),
     Layer(LINEAR, 5), Layer(LINEAR, 4)),
    (0, 1, 0, 0), (1.0, -0.5, 1.5, 0.1),
)  # fmt: skip


def test_it_comes_back_from_json() -> None:
    text = json.dumps(SCHEME.to_json())
    assert HidingScheme.from_json(json.loads(text)) == SCHEME
    assert '"-0x1.0000000000000p-1"' in text


def test_lengths_follow_from_the_layers() -> None:
    assert SCHEME.shapes() == ((1, 6, 6), (3, 6, 6), (3, 3, 3), (27,), (5,), (4,))
    assert [w.shape for w in SCHEME.weights] == [(3, 1, 3, 3), (5, 27), (4, 5)]
    assert SCHEME.model_length == 30 + 140 + 24
    assert SCHEME.blocks() == (
        ("gradient.0", 30), ("gradient.1", 140), ("gradient.2", 24),
        ("sigma.0.0", 30), ("sigma.0.1", 140), ("sigma.0.2", 18),
        ("sigma.1.0", 30), ("sigma.1.1", 140), ("sigma.1.2", 6),
        ("beta.0", 30), ("beta.1", 140),
    )  # fmt: skip
    assert SCHEME.handed_in == 194 + 188 + 176 + 170


def without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda value: {k: v for k, v in value.items() if k != key}


def changed(key: str, new: object) -> Callable[[dict[str, Any]], object]:
    return lambda value: {**value, key: new}


def layer(at: int, **new: object) -> Callable[[dict[str, Any]], object]:
    return lambda value: {
        **value, "layers": [{**each, **new} if i == at else each for i, each in enumerate(value["layers"])]
    }  # fmt: skip


GAMMA = [g.hex() for g in SCHEME.gamma]
REFUSED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no object": lambda _: [],
    "a key too few": without("gamma"),
    "a key too many": changed("loss", "squared-error"),
    "layers no list": changed("layers", {}),
    "a layer no object": changed("layers", [1]),
    "an unknown kind": layer(0, kind="attention"),
    "a kind that is no text": layer(0, kind=["conv"]),
    "another layer's number": layer(3, kernel=3),
    "a truth value": layer(3, outputs=True),
    "a float": layer(3, outputs=5.0),
    "no outputs": layer(3, outputs=0),
    "too many outputs": layer(3, outputs=1 << 21),
    "a negative padding": layer(0, padding=-1),
    "padding alone": layer(0, padding=3),
    "no stride": layer(1, stride=0),
    "a kernel beyond the input": layer(1, kernel=7),
    "the last not linear": lambda value: {**value, "layers": value["layers"][:3]},
    "one layer with weights": lambda value: {**value, "layers": [{"kind": "flatten"}, value["layers"][-1]]},
    "linear without flatten": lambda value: {**value, "layers": value["layers"][:2] + value["layers"][3:]},
    "too many layers": changed("layers", [{"kind": "flatten"}] * 257),
    "two sides": changed("input", [6, 6]),
    "four sides": changed("input", [1, 1, 6, 6]),
    "a side of zero": changed("input", [1, 0, 6]),
    "a side as text": changed("input", [1, "6", 6]),
    "activations beyond memory": changed("input", [1 << 20, 1 << 20, 6]),
    "a group too few": changed("groups", [0, 1, 0]),
    "an empty group": changed("groups", [0, 2, 0, 0]),
    "a negative group": changed("groups", [0, -1, 0, 0]),
    "a huge group": changed("groups", [0, 1 << 62, 0, 0]),
    "a group as text": changed("groups", [0, "1", 0, 0]),
    "a gamma too many": changed("gamma", [*GAMMA, GAMMA[0]]),
    "a gamma as number": changed("gamma", [1.0, *GAMMA[1:]]),
    "a gamma written otherwise": changed("gamma", ["0x1p0", *GAMMA[1:]]),
    "a gamma in capitals": changed("gamma", [GAMMA[0].upper(), *GAMMA[1:]]),
    "a gamma of zero": changed("gamma", [(0.0).hex(), *GAMMA[1:]]),
    "a gamma that is lost": changed("gamma", [(2.0**-21).hex(), *GAMMA[1:]]),
    "an infinite gamma": changed("gamma", ["inf", *GAMMA[1:]]),
    "a gamma beyond float64": changed("gamma", ["0x1p+99999", *GAMMA[1:]]),
    "no number as gamma": changed("gamma", ["nan", *GAMMA[1:]]),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_what_is_not_written_so_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(InvalidInputError, match="hiding scheme"):
        HidingScheme.from_json(change(SCHEME.to_json()))


HIDDEN = ModelManifest(tuple(Block(name, length, 5) for name, length in SCHEME.blocks()), 194, hiding=SCHEME)
PRIVATE = NewTask(
    1, b"\1" * 20, b"\2" * 20, SCHEME.handed_in, 16, 1 << 32, 2, 6, 3, Windows(60, 600), permissioned=True,
    manifest=HIDDEN.digest, sum_key=b"\7" * 32,
)  # fmt: skip


def test_a_hidden_models_task_has_private_sums_and_no_grades() -> None:
    require_hiding_terms(PRIVATE)
    HIDDEN.require_of(PRIVATE)
    graded = replace(PRIVATE, grading=Grading(15, 16, b"\3" * 32))
    for terms, text in ((replace(PRIVATE, sum_key=bytes(32)), "public"), (graded, "grades say nothing")):
        with pytest.raises(InvalidInputError, match=text):
            require_hiding_terms(terms)
        with pytest.raises(InvalidInputError, match=text):
            HIDDEN.require_of(terms)


def test_a_network_is_described_without_groups() -> None:
    text = b'{"layers": [{"kind": "linear", "outputs": 4}, {"kind": "linear", "outputs": 3}], "input": [5]}'
    layers = (Layer(LINEAR, 4), Layer(LINEAR, 3))
    assert scheme_described(text) == HidingScheme((5,), layers, (0, 1, 2), (1.0, 1.0, 1.0))


def test_a_network_is_described_with_groups_as_a_manifest_has_it() -> None:
    assert scheme_described(json.dumps(SCHEME.to_json(), indent=1).encode()) == SCHEME


DESCRIBED: dict[str, Any] = {
    "input": [5],
    "layers": [{"kind": "linear", "outputs": 4}, {"kind": "linear", "outputs": 3}],
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"groups": [0, 0, 1]}, "keys"),
        ({"gamma": ["0x1.0p+0"] * 3}, "keys"),
        ({"training": {}}, "nothing that is not known"),
        ({"layers": []}, "one before it have weights"),
        ({"layers": DESCRIBED["layers"][:1]}, "one before it have weights"),
        ({"layers": [*DESCRIBED["layers"][:1], {"kind": "linear", "outputs": 65}]}, "which outputs share one"),
        ({"layers": {}}, "must be a list"),
        ({"input": [5, 5]}, "one side or three"),
        ({"input": "5"}, "must be a list"),
        ({"input": [True]}, "positive integers"),
    ],
)
def test_what_describes_no_network_is_refused(change: dict[str, object], text: str) -> None:
    with pytest.raises(InvalidInputError, match=text):
        scheme_described(json.dumps(DESCRIBED | change).encode())


def test_a_description_is_bounded_and_json() -> None:
    for data, text in ((b" " * (MAX_DESCRIPTION + 1), "at most"), (b"{", "is JSON"), (b"[]", "is an object")):
        with pytest.raises(InvalidInputError, match=text):
            scheme_described(data)


def test_a_scheme_has_a_digest_of_all_of_it() -> None:
    others = [
        replace(SCHEME, gamma=(1.0, -0.5, 1.5, 0.2)), replace(SCHEME, groups=(0, 0, 0, 1)),
        replace(SCHEME, input=(1, 7, 6)),
        replace(SCHEME, layers=(*SCHEME.layers[:-2], Layer(LINEAR, 6), SCHEME.layers[-1])),
    ]  # fmt: skip
    assert len({each.digest for each in (SCHEME, *others)}) == 5
