"""A model manifest has one encoding and one digest; whatever else is read is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, tag
from circuits.terms import NewTask, Windows
from commons.protocol.modelmanifests import MAX_BLOCKS, MAX_MANIFEST, MAX_PUBLISHED, Block, ModelManifest
from commons.protocol.trainingrules import Adam, Dyadic, Plateau, ScheduleStep, Sgd, TrainingRule
from tests.hiddenmodel.schemes import convolutional, perceptron

BLOCKS = (Block("conv1.weight", 6, 20), Block("conv1.bias", 2, 31))
MANIFEST = ModelManifest(BLOCKS, 8)
TEXT = (
    b'{"blocks":[{"fraction_bits":20,"length":6,"name":"conv1.weight"},'
    b'{"fraction_bits":31,"length":2,"name":"conv1.bias"}],"model_length":8,"version":1}'
)


RULE = TrainingRule(Sgd(40), Dyadic(3, 5), 12)
SCHEME = perceptron(3, 4, 2, groups=2)
HIDDEN = ModelManifest(
    tuple(Block(name, length, 5) for name, length in SCHEME.blocks()), SCHEME.model_length, hiding=SCHEME
)


TRAINED = replace(
    MANIFEST,
    training=TrainingRule(
        Adam(), Dyadic(1), 3, decay=Dyadic(1, 9), schedule=(ScheduleStep(2, Dyadic(1, 1)),),
        plateau=Plateau("min", Dyadic(1, 1), 2, 5, 3, b"\x07" * 32),
    ),
)  # fmt: skip


def _changed(**parts: Any) -> bytes:
    value = {**json.loads(TEXT), **parts}
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _block(**parts: Any) -> bytes:
    block = {"name": "a", "length": 8, "fraction_bits": 3, **parts}
    return _changed(blocks=[{key: value for key, value in block.items() if value is not None}])


def test_the_encoding_is_canonical_json_and_read_back() -> None:
    assert MANIFEST.encoded == TEXT
    assert ModelManifest.decode(TEXT) == MANIFEST
    assert MANIFEST.dimension == 8


def test_the_digest_is_the_hash_of_what_is_published() -> None:
    assert MANIFEST.digest == keccak(tag("gradroll/v1/model-manifest") + TEXT) == keccak(MANIFEST.published)
    assert ModelManifest.decode_published(MANIFEST.published) == MANIFEST
    assert MANIFEST.digest != keccak(TEXT)


def test_everything_in_it_changes_the_digest() -> None:
    others = [
        ModelManifest((Block("conv1.weight", 6, 21), BLOCKS[1]), 8),
        ModelManifest((Block("conv1.weights", 6, 20), BLOCKS[1]), 8),
        ModelManifest((Block("conv1.weight", 5, 20), Block("conv1.bias", 3, 31)), 8),
        ModelManifest(BLOCKS[::-1], 8),
    ]
    assert len({each.digest for each in (MANIFEST, *others)}) == 5


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"1", b"null", b"\xff", b"[" * 10**6, TEXT + b"\n", b" " + TEXT,
        TEXT.replace(b",", b", "), TEXT.replace(b"conv1.bias", b"conv1.bia\\u0073"),
        TEXT.replace(b'"version":1', b'"version":1,"version":1'), TEXT.replace(b'"version":1', b'"version":1.0'),
        TEXT.replace(b'"length":2', b'"length":2.0'), TEXT.replace(b'"length":2', b'"length":02'),
        _changed(version=2), _changed(version=True), _changed(extra=1), _changed(blocks="conv1"), _changed(blocks={}),
        _changed(blocks=[]), _changed(blocks=[1]), _changed(model_length=9), _changed(model_length="8"),
        _changed(model_length=True), _changed(model_length=None), _changed(model_length=10**400),
        _block(name=""), _block(name="a" * 65), _block(name="A"), _block(name="a b"), _block(name="a\n"),
        _block(name="é"), _block(name=1), _block(name=None), _block(length=0), _block(length=-8),
        _block(length=True), _block(length="8"), _block(length=None), _block(length=2**28 + 1),
        _block(fraction_bits=-1), _block(fraction_bits=63), _block(fraction_bits=False), _block(fraction_bits=3.0),
        _block(more=1),
    ],
    ids=lambda data: repr(data[-50:]),
)  # fmt: skip
def test_what_is_no_manifest_or_another_encoding_of_one_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError):
        ModelManifest.decode(data)


def test_what_is_published_begins_with_the_tag() -> None:
    for data in (TEXT, b"", bytes(32) + TEXT, MANIFEST.published[:32], MANIFEST.published[1:]):
        with pytest.raises(InvalidInputError):
            ModelManifest.decode_published(data)


def test_names_are_different_and_blocks_are_counted() -> None:
    with pytest.raises(InvalidInputError, match="same name"):
        ModelManifest((BLOCKS[0], BLOCKS[0]), 12)
    most = tuple(Block(f"b{n}", 1, 1) for n in range(MAX_BLOCKS))
    assert ModelManifest.decode(ModelManifest(most, MAX_BLOCKS).encoded).dimension == MAX_BLOCKS
    with pytest.raises(InvalidInputError, match="1 to 4096 blocks"):
        ModelManifest((*most, Block("one-more", 1, 1)), MAX_BLOCKS + 1)


def test_lengths_are_bounded_together_and_so_is_the_encoding() -> None:
    half = 1 << 27
    assert ModelManifest((Block("a", half, 0), Block("b", half, 0)), 2 * half).dimension == 1 << 28
    with pytest.raises(InvalidInputError):
        ModelManifest((Block("a", half, 0), Block("b", half, 0), Block("c", 1, 0)), 2 * half + 1)
    long = tuple(Block(f"{n:064}", 1, 62) for n in range(MAX_BLOCKS))
    with pytest.raises(InvalidInputError, match=f"at most {MAX_MANIFEST} bytes"):
        ModelManifest(long, MAX_BLOCKS)
    with pytest.raises(InvalidInputError, match="at most"):
        ModelManifest.decode(TEXT + bytes(MAX_MANIFEST))
    assert MAX_PUBLISHED == MAX_MANIFEST + 32


def test_a_model_that_is_not_hidden_is_as_long_as_its_gradient() -> None:
    with pytest.raises(InvalidInputError, match="not hidden"):
        ModelManifest(BLOCKS, 7)


def test_a_training_rule_and_a_hidden_models_scheme_are_in_the_encoding() -> None:
    trained = replace(MANIFEST, training=RULE)
    for each in (trained, TRAINED, HIDDEN):
        assert ModelManifest.decode(each.encoded) == each
        assert ModelManifest.decode_published(each.published) == each
    assert len({each.digest for each in (MANIFEST, trained, TRAINED, HIDDEN)}) == 4
    assert json.loads(trained.encoded)["training"] == RULE.to_json()
    assert json.loads(HIDDEN.encoded)["hiding"] == SCHEME.to_json()
    assert set(json.loads(TEXT)) == {"blocks", "model_length", "version"}


def test_a_training_rule_does_not_go_with_private_sums() -> None:
    """The models before and after a round, which are published, tell its sum."""
    manifest = ModelManifest(BLOCKS, 8, RULE)
    public = NewTask(
        1, b"\x02" * 20, bytes(20), 8, 31, 1 << 40, min_owners=2, capacity=4, rounds=12, windows=Windows(600, 3600),
        manifest=manifest.digest,
    )  # fmt: skip
    manifest.require_of(public)
    with pytest.raises(InvalidInputError, match="would not be private"):
        manifest.require_of(replace(public, sum_key=b"\x07" * 32))
    MANIFEST.require_of(replace(public, sum_key=b"\x07" * 32, manifest=MANIFEST.digest))


def test_a_hidden_models_vector_is_longer_than_the_model() -> None:
    assert HIDDEN.dimension == SCHEME.handed_in > HIDDEN.model_length
    for each in (convolutional(), perceptron(2, 3, 1)):
        blocks = tuple(Block(name, length, 5) for name, length in each.blocks())
        assert ModelManifest(blocks, each.model_length, hiding=each).dimension == each.handed_in


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"training": RULE}, "nobody could check"),
        ({"model_length": SCHEME.model_length - 1}, "coordinates"),
        ({"blocks": HIDDEN.blocks[::-1]}, "hiding scheme"),
        ({"blocks": HIDDEN.blocks[:-1]}, "hiding scheme"),
        ({"blocks": (replace(HIDDEN.blocks[0], name="other"), *HIDDEN.blocks[1:])}, "hiding scheme"),
        ({"hiding": perceptron(3, 4, 2)}, "hiding scheme"),
        ({"hiding": None}, "not hidden"),
    ],
)
def test_a_hidden_models_blocks_and_length_are_its_schemes(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidInputError, match=text):
        replace(HIDDEN, **changes)


@pytest.mark.parametrize("part", ["training", "hiding"])
@pytest.mark.parametrize("value", [None, {}, [], "sgd", 1, {"more": 1}])
def test_a_part_that_is_none_is_refused(part: str, value: Any) -> None:
    with pytest.raises(InvalidInputError):
        ModelManifest.decode(_changed(**{part: value}))
