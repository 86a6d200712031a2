"""What tests of the data market have: a market for all tests of a file, and a state directory for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gradroll.datamarket.datastate import DataState
from tests.datamarket.datastage import DataStage, data_stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataStage]:
    with data_stage(tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture
def own_stage(tmp_path: Path) -> Iterator[DataStage]:
    """A market for one test."""
    with data_stage(tmp_path / "data") as made:
        yield made


@pytest.fixture
def state(tmp_path: Path) -> Iterator[DataState]:
    made = DataState(tmp_path / "state")
    yield made
    made.close()
