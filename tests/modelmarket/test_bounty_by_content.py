"""A bounty whose data and offer go by content: entrants fetch what was shown, the owner what it won."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from commons.artifacts.localstore import LocalStore
from commons.artifacts.networkfiles import read_network
from commons.runtime.identifiers import shown
from tests.artifacts.blockservers import Server, gateway_over
from tests.modelmarket import test_bounty_commands
from tests.modelmarket.modelstage import SIZE, toy_model
from tests.modelmarket.receiptstown import Town
from tests.modelmarket.test_bounty_commands import WINDOW
from tests.modelmarket.test_model_commands import run

town, stage, _toys = test_bounty_commands.town, test_bounty_commands.stage, test_bounty_commands._toys
STORE = ("--store", "kept")


def test_a_bounty_goes_by_content(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    files = [word for number in range(3) for word in ("--data", f"hidden-{number}.safetensors")]
    whole = run(
        capsys, "owner", "bounty", "open", "--class", "toy", *files, "--verifier", "0x" + town.stage.verifier.hex(),
        "--committee", shown(town.committee), "--prize", "1000", "--bond", "70", "--compensation", "30",
        "--threshold", "1", "--delay", "2",
    )["bounty"]  # fmt: skip
    bounty = whole[:8]
    assert run(capsys, "developer", "bounty", "data", bounty, "--out", "none", *STORE)["files"] == {}
    town.stage.pass_time(1, 4)
    drawn = run(capsys, "owner", "bounty", "draw", bounty)
    town.stage.pass_time(1, 2)
    with Server(lambda _: (503, {}, b"")) as broken:
        run(capsys, "owner", "bounty", "publish", bounty, "--store", broken.url, status=5)
    published = run(capsys, "owner", "bounty", "publish", bounty, *STORE)  # shown already: it is put alone
    assert published["groups"] == [] and "transactions" not in published
    found = run(capsys, "developer", "bounty", "data", bounty, "--out", "training", *STORE)["files"]
    assert list(found) == [str(index) for index in drawn["training"]]
    hidden = [index for index in range(3) if index not in drawn["training"]]
    names = {run(capsys, "owner", "artifact", "cid", f"hidden-{index}.safetensors")["cid"] for index in hidden}
    assert not names & {path.name for path in Path("kept").rglob("b*")}
    committed = run(capsys, "developer", "model", "commit", "model.safetensors", "--class", "toy")
    listing = run(
        capsys, "developer", "model", "list", committed["commitment"], "--verifier", "0x" + town.stage.verifier.hex(),
        "--set", drawn["set"], "--base", "1000", "--step", "10", "--floor", "4",
    )["listing"]  # fmt: skip
    run(capsys, "developer", "bounty", "enter", bounty, "--listing", listing[:10])
    town.stage.pass_time(WINDOW + 1)
    run(capsys, "owner", "bounty", "draw", bounty, status=4)
    town.stage.pass_time(1, 4)
    tests = run(capsys, "owner", "bounty", "draw", bounty)["tests"]
    town.stage.pass_time(1, 2)
    listed = run(capsys, "owner", "bounty", "publish", bounty, *STORE)
    assert listed["groups"] == sorted(tests)
    with Server(gateway_over(LocalStore(Path("kept")))) as gateway:
        found = run(
            capsys, "developer", "bounty", "data", bounty, "--from", listed["cid"], "--out", "all", "--store",
            gateway.url,
        )["files"]  # fmt: skip
    assert set(found) == {str(index) for index in (*drawn["training"], *tests)}
    data = [word for index in tests for word in ("--data", found[str(index)])]
    run(capsys, "developer", "model", "prove", listing, *data)
    town.stage.pass_time(WINDOW + 1)
    run(capsys, "owner", "bounty", "settle", bounty)
    run(capsys, "owner", "bounty", "request", bounty, "--out", "request.json")
    words = ("bounty", "offer", bounty, "--request", "request.json", "--out", "offer")
    offered = run(capsys, "developer", *words, *STORE)["cid"]
    with Server(lambda _: (200, {}, b"others")) as lying:
        refused = run(capsys, "owner", "bounty", "take", bounty, offered, "--store", lying.url, status=7)
    assert "transactions" not in refused
    assert run(capsys, "owner", "bounty", "take", bounty, offered, *STORE)["stage"] == "locked"
    run(capsys, "developer", "bounty", "reveal", bounty)
    run(capsys, "owner", "bounty", "claim", bounty, "--out", "won.safetensors")
    assert np.array_equal(read_network(Path("won.safetensors")).weights(SIZE), toy_model())
    assert run(capsys, "owner", "bounty", "show", bounty)["bounty"] == whole
