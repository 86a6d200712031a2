"""A bounty as people type it: receipts over gRPC, a winner that stands in, an owner that gets its model."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commons.artifacts.datasetfiles import Dataset, write_dataset
from commons.artifacts.networkfiles import NetworkArrays, read_network, write_network
from commons.runtime.identifiers import shown
from commons.storage.accounts import save_account
from gradroll.commands import bounty as bounty_command
from gradroll.console import Console
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.settingsfiles import models_section, write_settings
from tests.modelmarket import test_model_commands
from tests.modelmarket.modelstage import SIZE, model_stage, toy_group, toy_model
from tests.modelmarket.receiptstown import DEVELOPER, OWNER, Town, town_on
from tests.modelmarket.test_model_commands import run

_toys = test_model_commands._toys
WINDOW = 3 * 86_400


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("bounty-commands")
    with model_stage(directory) as made, town_on(made, directory) as town:
        chain, keys = made.models.chain, directory / "keys"
        for account, name in ((OWNER, "owner"), (DEVELOPER, "developer")):
            save_account(directory / f"{name}.key", made.accounts[account])
            sections: dict[str, dict[str, Any]] = {
                "chain": {"url": made.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex()},
                "keys": {"srs": keys / SRS_FILE, "directory": keys},
                "models": {
                    **models_section(made.models.places), "account": f"{name}.key", "state": f"{name}-kept",
                    "confirmations": 1,
                },
            }  # fmt: skip
            write_settings(directory / f"{name}.toml", sections, development=True)
        for number in range(3):
            group = toy_group(made.parameters(), toy_model(), 12, number + 1)
            data = Dataset(group.features.astype(np.int16), group.labels.astype(np.uint8))
            write_dataset(directory / f"hidden-{number}.safetensors", data)
        write_network(directory / "model.safetensors", NetworkArrays.of_weights(SIZE, toy_model()))
        yield town


@pytest.fixture
def stage(town: Town) -> Any:
    return town.stage


def test_a_bounty_goes_from_its_owner_to_the_opened_model(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    files = [word for number in range(3) for word in ("--data", f"hidden-{number}.safetensors")]
    bounty = run(
        capsys, "owner", "bounty", "open", "--class", "toy", *files, "--verifier", "0x" + town.stage.verifier.hex(),
        "--committee", shown(town.committee), "--prize", "1000", "--bond", "70", "--compensation", "30",
        "--threshold", "1", "--delay", "2",
    )["bounty"]  # fmt: skip
    early = run(capsys, "owner", "bounty", "publish", bounty, status=4)
    assert early["error"]["code"] == "not-ready"
    town.stage.pass_time(1, 4)
    assert run(capsys, "developer", "bounty", "pin", bounty[:12])["pinned"]  # a beginning, as every command takes it
    drawn = run(capsys, "owner", "bounty", "draw", bounty)
    town.stage.pass_time(1, 2)
    assert run(capsys, "owner", "bounty", "publish", bounty)["groups"] == drawn["training"]
    committed = run(capsys, "developer", "model", "commit", "model.safetensors", "--class", "toy")
    listing = run(
        capsys, "developer", "model", "list", committed["commitment"], "--verifier", "0x" + town.stage.verifier.hex(),
        "--set", drawn["set"], "--base", "1000", "--step", "10", "--floor", "4", "--bond", "500",
    )["listing"]  # fmt: skip
    training = [word for index in drawn["training"] for word in ("--data", f"hidden-{index}.safetensors")]
    unmeasured = run(capsys, "developer", "bounty", "enter", bounty, "--listing", "0x" + "77" * 32, status=4)
    assert "not measured" in unmeasured["warnings"][0]
    entered = run(capsys, "developer", "bounty", "enter", bounty, "--listing", listing, *training)
    assert entered["entry"] == 0 and not entered["warnings"]
    town.stage.pass_time(WINDOW + 1)
    run(capsys, "developer", "bounty", "pin", bounty, status=4)
    town.stage.pass_time(1, 4)
    run(capsys, "owner", "bounty", "draw", bounty)
    town.stage.pass_time(1, 2)
    tests = run(capsys, "owner", "bounty", "publish", bounty)["groups"]
    data = [word for index in tests for word in ("--data", f"hidden-{index}.safetensors")]
    run(capsys, "developer", "model", "prove", listing, *data)
    town.stage.pass_time(WINDOW + 1)
    run(capsys, "owner", "bounty", "settle", bounty)
    none = run(capsys, "owner", "bounty", "receive", bounty, "--out", "early.sealed", status=4)
    assert none["error"]["code"] == "not-ready" and not Path("early.sealed").exists()
    run(capsys, "developer", "bounty", "stand-in", bounty, "--out", "made.sealed")
    run(capsys, "owner", "bounty", "receive", bounty, "--out", "row.sealed")
    run(capsys, "developer", "bounty", "reveal", bounty)
    run(capsys, "owner", "bounty", "claim", bounty, "--out", "won.safetensors")
    assert np.array_equal(read_network(Path("won.safetensors")).weights(SIZE), toy_model())


def test_who_enters_all_the_same_is_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = Namespace(data=[Path("absent.safetensors")], unlikely=True, console=Console())
    assert bounty_command._measured_on(arguments, None) == []  # type: ignore[arg-type]
    assert not capsys.readouterr().err
