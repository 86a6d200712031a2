"""The forge tests' fixtures and the transcript's vectors are what Python makes today."""

from __future__ import annotations

import json

import pytest

from tests.contracts import fixtures, modelfixtures
from tests.contracts.fixtures import FIXTURES, RECIPES, VECTORS


@pytest.mark.parametrize(
    "name",
    ["norm_1", "norm_3", "norm_3_sparse", "norm_3_other_gamma", "reference_1", "reference_6", "reference_3_fallback"],
)
def test_fixture_is_current(name: str) -> None:
    recipe = RECIPES[name]
    batch = fixtures.build(name, recipe)
    assert json.loads((FIXTURES / f"{name}.json").read_text()) == fixtures.batch_fixture(batch, recipe, name)
    assert json.loads((FIXTURES / f"{recipe.key_name}.json").read_text()) == fixtures.key_fixture(batch.setup)
    vector = VECTORS / f"{name}.json"
    if name in fixtures.VECTOR_NAMES:
        assert json.loads(vector.read_text()) == fixtures.transcript_vector(batch)


def test_every_fixture_is_there() -> None:
    for name, recipe in RECIPES.items():
        assert (FIXTURES / f"{name}.json").is_file()
        assert (FIXTURES / f"{recipe.key_name}.json").is_file()


def test_listings_and_their_proofs_are_current() -> None:
    assert json.loads(modelfixtures.PATH.read_text()) == modelfixtures.fixture()
