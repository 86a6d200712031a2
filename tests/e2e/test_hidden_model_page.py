"""docs/model-privacy.md by commands: every command of the section as it stands there, with two data owners."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from commons.protocol.hidingschemes import HidingScheme, scheme_described
from gradroll.hiddenmodel.hiding import unhidden
from gradroll.hiddenmodel.ownerterms import plain_gradient
from gradroll.setup.processes import Processes
from tests.e2e.test_commands import PROVERS, Market, task_in
from tests.hiddenmodel.schemes import perceptron, random_model, random_samples
from tests.support.pages import Terminals, blocks

pytestmark = pytest.mark.slow

SCHEME = perceptron(4, 5, 3, groups=3)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Processes(tmp_path / "logs") as fleet:
        yield Market(tmp_path, fleet, dimension=SCHEME.handed_in)


def prepare(place: Path) -> None:
    """A model, and samples of the model owner's and of two data owners."""
    np.save(place / "model.npy", random_model(SCHEME))
    for seed, name in enumerate(("", "-0", "-1")):
        samples, targets = random_samples(SCHEME, 20, seed=seed)
        np.save(place / f"samples{name}.npy", samples)
        np.save(place / f"targets{name}.npy", targets)


def test_a_round_of_a_hidden_model_by_commands(market: Market, repository: Path) -> None:
    place, told = market.directory, list[str]()
    prepare(place)
    for p in range(PROVERS):
        market.prover(p)
    market.relay()

    def filled(command: str) -> str:
        """With the reader's own bound and task in place of the page's."""
        said = "\n".join(told)
        for bound in re.findall(r"--manifest manifest.json --bound ([0-9]+)$", said, re.MULTILINE):
            command = command.replace("4415722637205524480", bound)
        return command.replace("0x3fa9", task_in(said)) if " created;" in said else command

    section = [each for each in blocks(repository / "docs" / "model-privacy.md") if each.language == "console"]
    assert [each.who for each in section].count("data owner") == 1
    with Terminals() as terminals:
        for block in section:
            for command in block.commands():
                told.append(terminals.type(filled(command), place))
            if block.who == "data owner":
                for command in block.commands():
                    other = filled(command).replace("owner-0", "owner-1").replace("s-0.npy", "s-1.npy")
                    told.append(terminals.type(other, place))
    said = "\n".join(told)
    assert "sum of 2 gradients" in said
    described = scheme_described((place / "network.json").read_bytes())
    model, sets = np.load(place / "model.npy"), [
        [np.load(place / f"{what}-{o}.npy") for what in ("samples", "targets")] for o in range(2)
    ]  # fmt: skip
    true = np.sum([plain_gradient(described, model, *each) for each in sets], axis=0)
    found = np.load(place / "gradient.npy")
    assert np.max(np.abs(found - true)) < 1e-4 * np.max(np.abs(true))
    _published_only_views(market, task_in(said), described)


def _published_only_views(market: Market, task: str, scheme: HidingScheme) -> None:
    """What anybody downloads of both rounds is a view, and shows no number of the model."""
    for number, name in enumerate(("model.npy", "next.npy")):
        words = ("task", "model", task, "--round", str(number), "--out", f"got-{number}.npy")
        market.command(*words, "--config", "local/owner-1.toml")
        true = np.load(market.directory / name)
        assert len(true) == scheme.model_length
        assert unhidden(true, np.load(market.directory / f"got-{number}.npy")) == 0
