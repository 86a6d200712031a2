"""The commands of the model market as people type them: one model from its commitment to the buyer's file."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commons.artifacts.datasetfiles import Dataset, write_dataset
from commons.artifacts.networkfiles import NetworkArrays, read_network, write_network
from commons.settings.loading import load
from commons.settings.sections import KeySettings
from commons.storage.accounts import save_account
from gradroll.cli import main
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.settingsfiles import models_section, write_settings
from tests.modelmarket.modelstage import SIZE, Stage, model_stage, toy_group, toy_model

NAMES = ("operator", "seller", "buyer")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("commands")
    with model_stage(directory) as made:
        chain, keys = made.models.chain, directory / "keys"
        for account, name in enumerate(NAMES):
            save_account(directory / f"{name}.key", made.accounts[account])
            sections: dict[str, dict[str, Any]] = {
                "chain": {"url": made.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex()},
                "keys": {"srs": keys / SRS_FILE, "directory": keys},
                "models": {
                    **models_section(made.models.places), "account": f"{name}.key", "state": name, "confirmations": 1,
                },
            }  # fmt: skip
            write_settings(directory / f"{name}.toml", sections, development=True)
        for number in range(2):
            group = toy_group(made.parameters(), toy_model(), 12, number + 1)
            data = Dataset(group.features.astype(np.int16), group.labels.astype(np.uint8))
            write_dataset(directory / f"test-{number}.safetensors", data)
        write_network(directory / "model.safetensors", NetworkArrays.of_weights(SIZE, toy_model()))
        yield made


@pytest.fixture(autouse=True)
def _toys(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stage.directory)
    monkeypatch.setenv("GRADROLL_CHAIN_RECEIPT_POLL", "0.01")
    monkeypatch.setattr("circuits.accuracy.sizeclasses.CLASSES", (SIZE,))
    monkeypatch.setattr("gradroll.session.ModelParameters", partial(ModelParameters, classes=(SIZE,)))


def run(capsys: pytest.CaptureFixture[str], who: str, *words: str, status: int = 0) -> dict[str, Any]:
    """Run a command of somebody; what it tells programs."""
    capsys.readouterr()
    found = main([*words, "--config", f"{who}.toml", "--json"])
    said = capsys.readouterr()
    assert found == status, said.err + said.out
    told: dict[str, Any] = json.loads(said.out)
    return told


def test_a_model_goes_from_its_seller_to_its_buyer(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", "test-1.safetensors", "--data", "test-0.safetensors"]
    made = run(capsys, "operator", "dataset", "register", "--class", "toy", *data)
    again = run(capsys, "operator", "dataset", "register", "--class", "toy", *data)
    assert made["set"] == again["set"] and "transactions" not in again
    shown = run(capsys, "buyer", "dataset", "show", made["set"], "--class", "toy", *data)
    assert shown["complete"] and shown["recomputed"] == [0, 1]
    committed = run(capsys, "seller", "model", "commit", "model.safetensors", "--class", "toy")
    listed = run(
        capsys, "seller", "model", "list", committed["commitment"], "--verifier", "0x" + stage.verifier.hex(),
        "--set", made["set"], "--base", "1000", "--step", "10", "--floor", "4", "--bond", "500",
    )  # fmt: skip
    listing = listed["listing"]
    proven = run(capsys, "seller", "model", "prove", listing, *data)
    assert proven["openings_left"] == 126 and int(proven["price"]) == 1000 + 10 * (proven["correct"] - 4)
    assert "transactions" not in run(capsys, "seller", "model", "prove", listing, *data)
    seen = run(capsys, "buyer", "model", "show", listing, *data)
    assert (seen["price"], seen["recomputed"]) == (proven["price"], [0, 1])
    assert run(capsys, "buyer", "model", "listings")["listings"] == [listing]
    run(capsys, "buyer", "model", "request", listing, "--out", "request.json")
    refused = run(capsys, "seller", "model", "offer", "request.json", "--out", "offer", status=4)
    assert "gradroll model bond" in refused["error"]["message"]
    run(capsys, "seller", "model", "bond", listing, "800")
    offered = run(capsys, "seller", "model", "offer", "request.json", "--out", "offer")
    assert offered["price"] == proven["price"]
    unseen = run(capsys, "buyer", "model", "buy", "offer/offer.json", *data[:2], status=3)
    assert "not at hand" in unseen["error"]["message"]
    bought = run(capsys, "buyer", "model", "buy", "offer/offer.json", *data)
    assert "transactions" not in run(capsys, "buyer", "model", "buy", "offer/offer.json", *data)
    early = run(capsys, "buyer", "model", "open", bought["sale"], "--out", "bought.safetensors", status=4)
    assert early["error"]["code"] == "not-ready" and not Path("bought.safetensors").exists()
    assert run(capsys, "seller", "model", "reveal")["revealed"] == [bought["sale"]]
    assert run(capsys, "seller", "model", "reveal")["revealed"] == []
    run(capsys, "buyer", "model", "open", bought["sale"], "--out", "bought.safetensors", *data)
    assert np.array_equal(read_network(Path("bought.safetensors")).weights(SIZE), toy_model())
    assert Path("bought.safetensors").stat().st_mode & 0o777 == 0o600
    assert run(capsys, "seller", "model", "earnings")["collected"] == offered["price"]
    assert run(capsys, "seller", "model", "bond", listing, "800", "--withdraw")["free"] == "0"
    run(capsys, "seller", "model", "unlist", listing)
    assert run(capsys, "buyer", "model", "show", listing)["unlisted"]


def test_the_model_market_is_deployed_beside_a_market(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("chain", "deploy-models", "--account", "operator.key", "--minimum-window", "60", "--out", "again.toml")
    made = run(capsys, "operator", *words)
    text = Path("again.toml").read_text()
    assert all(made[name].lower() in text for name in ("registry", "sales", "bounties"))
    assert made["registry"].lower() != "0x" + stage.models.places.registry.hex()
    assert run(capsys, "again", "model", "listings")["listings"] == []
    refused = run(capsys, "operator", *words, status=6)
    assert "again.toml exists already" in refused["error"]["message"]


def test_the_settings_of_a_new_market_name_its_keys(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the string, relative; nowhere else than where both are; as they were chosen, where no key is named."""
    key = Path("keys") / f"rounding-{SIZE.weights}-1.verifying"
    words = ("chain", "deploy-models", "--account", "operator.key", "--minimum-window", "60")
    run(capsys, "operator", *words, "--verifying-key", str(key), "--out", "named.toml")
    assert tomllib.loads(Path("named.toml").read_text())["keys"] == {"srs": "keys/srs.gsrs", "directory": "keys"}
    assert load(Path("named.toml"), environment={}).section(KeySettings).directory == stage.directory / "keys"
    away = stage.directory / "elsewhere"
    away.mkdir()
    shutil.copy(key, away)
    run(capsys, "operator", *words, "--verifying-key", str(away / key.name), "--out", str(away / "chosen.toml"))
    kept = tomllib.loads((away / "chosen.toml").read_text())["keys"]
    assert kept == {"srs": str(stage.directory / "keys" / SRS_FILE), "directory": str(stage.directory / "keys")}
    bare = Path("bare.toml")
    sections = tomllib.loads(Path("operator.toml").read_text())
    write_settings(bare, {"chain": sections["chain"]}, development=True)
    made = run(capsys, "bare", *words, "--verifying-key", str(away / key.name), "--out", "without.toml")
    assert made["registry"]
    assert "keys" not in tomllib.loads(Path("without.toml").read_text())


def test_what_a_seller_keeps_is_for_its_owner_alone(stage: Stage) -> None:
    kept = [path for path in (stage.directory / "seller").rglob("*") if path.is_file()]
    assert {path.parent.name for path in kept} >= {"models", "offers", "openings", "proofs"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)


def test_a_sale_that_is_lost_holds_up_no_other(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A buyer that never asks for its refund would block the reveals of all sales after it, and win their bonds."""
    data = ["--data", "test-0.safetensors"]
    made = run(capsys, "operator", "dataset", "register", "--class", "toy", *data, "--salt", "9")
    committed = run(capsys, "seller", "model", "commit", "model.safetensors", "--class", "toy")
    listed = run(
        capsys, "seller", "model", "list", committed["commitment"], "--verifier", "0x" + stage.verifier.hex(),
        "--set", made["set"], "--base", "1000", "--step", "10", "--floor", "4",
    )  # fmt: skip
    run(capsys, "seller", "model", "prove", listed["listing"], *data)
    run(capsys, "buyer", "model", "request", listed["listing"], "--out", "asked.json")
    sales = []
    for name, hours in (("soon", "25"), ("later", "100")):
        run(capsys, "seller", "model", "offer", "asked.json", "--hours", hours, "--out", name)
        sales.append(run(capsys, "buyer", "model", "buy", f"{name}/offer.json", *data)["sale"])
    stage.pass_time(24 * 3600 + 1800, 2)
    assert run(capsys, "seller", "model", "reveal")["revealed"] == sales[1:]


def test_a_set_that_counts_the_same_data_twice_is_shown_as_one(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Right answers, and with them the price, are multiplied by naming one file again and again."""
    data = ["--data", "test-0.safetensors"]
    made = run(capsys, "operator", "dataset", "register", "--class", "toy", *data, *data, "--salt", "11")
    committed = run(capsys, "seller", "model", "commit", "model.safetensors", "--class", "toy")
    listed = run(
        capsys, "seller", "model", "list", committed["commitment"], "--verifier", "0x" + stage.verifier.hex(),
        "--set", made["set"], "--base", "1000", "--step", "10", "--floor", "4",
    )  # fmt: skip
    seen = run(capsys, "buyer", "model", "show", listed["listing"], *data)
    assert (seen["recomputed"], seen["repeated"]) == ([0, 1], 1)


def test_a_reveal_is_not_tried_into_its_margin(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADROLL_CHAIN_GIVE_UP", "3600")
    refused = run(capsys, "seller", "model", "reveal", status=3)
    assert "models.reveal_margin" in refused["error"]["message"]
