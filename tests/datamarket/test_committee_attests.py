"""A contributor whose committee is asked over the network, by the command as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commons.artifacts.bundlefiles import save_bundle
from commons.chain.datafacts import BundleStage
from commons.storage.accounts import save_account
from gradroll.cli import main
from gradroll.setup.settingsfiles import write_settings
from tests.datamarket.datastage import CONTRIBUTOR
from tests.provers.bundletown import BUNDLE, DEEP, BundleTown, bundle_town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BundleTown]:
    with bundle_town(tmp_path_factory.mktemp("town")) as made:
        yield made


def test_one_command_has_a_quorum_hold_a_bundle_and_begins_its_review(
    town: BundleTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data, chain = town.stage.data, town.stage.data.chain
    write_settings(tmp_path / "data.toml", {
        "chain": {"url": town.stage.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex(),
                  "receipt_poll": 0.01},
        "data": {"campaigns": "0x" + data.place.hex(), "confirmations": 2},
    }, development=True)  # fmt: skip
    save_account(tmp_path / "own.key", town.stage.accounts[CONTRIBUTOR])
    save_bundle(tmp_path / "one.bundle", BUNDLE)
    own = ["--account", "own.key", "--state", "state", "--config", "data.toml", "--json"]

    def run(words: str) -> str:
        status = main(["data", *words.split(), *own])
        said = capsys.readouterr()
        assert status == 0, said.err
        return said.out

    number = json.loads(run(f"commit 0x{town.stage.campaign().hex()} one.bundle"))["bundle"]
    town.stage.pass_time(1, 2)
    run("reveal")
    town.stage.pass_time(1, DEEP)
    assert json.loads(run(f"attest {number}"))["stage"] == "review"
    assert json.loads(run(f"attest {number}"))["stage"] == "review", "what is attested is not asked for again"
    assert data.bundle(number).stage is BundleStage.REVIEW
    held = [member.servicer._bundles for member in town.members]
    kept = [1 for bundles in held if bundles is not None and bundles.files.files]
    assert len(kept) >= 3
