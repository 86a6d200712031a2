"""`gradroll data model | improve | version` as they are typed, at the real contracts: one campaign to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commons.artifacts.bundlefiles import save_bundle
from commons.chain.dataversionview import VersionView
from commons.chain.dataview import DataView
from commons.samples.samplebundles import SampleBundle
from commons.storage.accounts import save_account
from gradroll.cli import main
from gradroll.setup.settingsfiles import data_section, models_section, write_settings
from provers.joining.keystore import Keystore
from tests.datamarket.datastage import CONTRIBUTOR, OTHER, OWNER, REVIEWER, bundle_of, sample
from tests.datamarket.modelstage import ModelStage, model_stage, samples_of
from tests.datamarket.typedcommands import Command, typed_by

TESTS, LATE = bundle_of(*samples_of(20, first=500, shift=3)), bundle_of(*samples_of(4, first=90))
BUNDLES = [bundle_of(*samples_of(12)), bundle_of(*samples_of(12, first=12))]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelStage]:
    with model_stage(tmp_path_factory.mktemp("models")) as made:
        yield made


@pytest.fixture
def command(
    market: ModelStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.chdir(tmp_path)
    stage = market.stage
    chain = stage.data.chain
    named = {"url": stage.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex(), "receipt_poll": 0.01}
    data = {**data_section(stage.data.place, market.places), "confirmations": 2}
    sections = {"chain": named, "data": data, "models": models_section(market.models)}
    write_settings(tmp_path / "data.toml", sections, development=True)  # type: ignore[arg-type]
    bare = {name: value for name, value in data.items() if name not in ("models", "improvement", "versions")}
    write_settings(tmp_path / "bare.toml", {**sections, "data": bare}, development=True)  # type: ignore[dict-item]
    return typed_by(tmp_path, stage.accounts, capsys, "model tests")


def keep(market: ModelStage, account: int, bundles: dict[int, SampleBundle]) -> None:
    market.library(Path(f"state{account}"), bundles)


def committed(market: ModelStage, command: Command) -> tuple[str, dict[int, SampleBundle]]:
    """A campaign with hidden tests and two bundles that are decided, each with an epoch."""
    save_bundle(Path("tests.bundle"), TESTS)
    tests = command(OWNER, "model tests tests.bundle --out tests.json")["tests"]
    campaign = market.stage.campaign(market.stage.terms(tests=bytes.fromhex(tests[2:])))
    held = {}
    for bundle in BUNDLES:
        held[market.settled(campaign, bundle)] = bundle
        market.stage.account(OTHER).close_epoch(campaign)
    return f"0x{campaign.hex()}", held


def test_from_a_model_to_its_version(market: ModelStage, command: Command, tmp_path: Path) -> None:
    campaign, held = committed(market, command)
    first, second = held
    assert command(OTHER, f"model show {campaign}")["models"] == []
    command(OTHER, f"model train {campaign} --bits 16", fails="unknown")
    made = command(OTHER, f"model make {campaign} --bits 16")
    assert command(REVIEWER, f"model make {campaign} --bits 16")["model"] == made["model"]
    keep(market, OTHER, {first: held[first]})
    failed = command(OTHER, f"model train {campaign} --bits 16", fails="unavailable")
    assert f"bundle {second}" in failed["error"]["message"], "the bundle that is missing is named"
    keep(market, OTHER, {second: held[second]})
    told = command(OTHER, f"model train {campaign} --bits 16")
    assert (told["trained"], told["complete"]) == (24, True)
    budget = command(OWNER, f"improve open {campaign} 10000 --bits 16")["budget"]
    untested = "0x" + market.stage.campaign().hex()
    refused = command(OWNER, f"improve open {untested} 10000 --bits 16", fails="rule-violation")
    assert "no hidden tests" in refused["error"]["message"]
    market.close(bytes.fromhex(campaign[2:]))
    command(OTHER, f"model score {campaign} 0 --bits 16 --bundle tests.bundle", fails="not-ready")
    keep(market, OWNER, held)
    early = command(OWNER, f"model reveal {campaign} 0 --bits 16 --tests tests.json", fails="not-ready")
    assert "data.confirmations" in early["error"]["message"], "the closing could still be undone"
    market.stage.pass_time(1, blocks=2)
    assert command(OWNER, f"model reveal {campaign} 0 --bits 16 --tests tests.json")["count"] == 20
    scored = command(OTHER, f"model score {campaign} 0 --bits 16 --bundle tests.bundle")
    assert (scored["scored"], scored["count"]) == (20, 20)
    (shown,) = command(OTHER, f"model show {campaign}")["models"]
    assert shown["groups"] == [{"group": 0, "count": 20, "scored": 20, "right": scored["right"]}]
    classes = command(OTHER, f"model predict {campaign} --bits 16 --bundle tests.bundle")["classes"]
    assert sum(found == one[1] for found, one in zip(classes, TESTS.samples, strict=True)) == scored["right"]

    _pay(market, command, budget, held)
    version = command(OTHER, f"version perceptron {campaign} 1 --bits 16 --out model.json")["version"]
    claims = command(OTHER, f"version verify {version}")["claims"]
    assert [claim["standing"] for claim in claims] == ["computed"] * 3
    Path("own.bin").write_text("another model")
    Path("rule.md").write_text("how")
    child = command(OTHER, f"version register --model own.bin --rule rule.md --parent {version} "
                    f"--epoch {campaign}:0")["version"]  # fmt: skip
    assert command(OTHER, f"version show {child}")["parents"] == [version]
    assert [each["version"] for each in command(OTHER, f"version graph {child}")["versions"]] == [child, version]
    false = command(OTHER, f"version register --model own.bin --epoch {campaign}:0 --epoch {campaign}:1 "
                    f"--rule {command(OTHER, f'version show {version}')['rule']}")["version"]  # fmt: skip
    command(OTHER, f"version verify {false}", fails="proof-invalid")


def _pay(market: ModelStage, command: Command, budget: str, held: dict[int, SampleBundle]) -> None:
    """Members sign the table that each computes, and its parts are claimed."""
    rule = "--bits 16 --tests 0=tests.bundle"
    table = command(OTHER, f"improve table {budget} {rule} --out table.json")
    assert table["total"] != "0"
    keep(market, CONTRIBUTOR, held)
    sign = f"improve sign {budget} {rule} --keystore"
    command(CONTRIBUTOR, f"{sign} none --out x.json", fails="bad-key-file")
    for member in range(3):
        made = Keystore.create(Path(f"keys{member}"))
        made.account_file.unlink()
        save_account(made.account_file, market.stage.accounts[1 + member])
        told = command(CONTRIBUTOR, f"{sign} keys{member} --out vote-{member}.json")
        assert (told["member"], told["root"]) == (member, table["root"])
    command(OTHER, "improve submit vote-0.json vote-1.json", fails="contract-refused")
    assert command(OTHER, "improve submit vote-0.json vote-1.json vote-2.json")["total"] == table["total"]
    assert command(OTHER, f"improve show {budget}")["signed"]
    paid = command(OTHER, f"improve claim {budget} --table table.json")["credited"]
    assert sum(int(each["amount"]) for each in paid) == int(table["total"])
    assert command(OTHER, f"improve claim {budget} --table table.json")["credited"] == []
    assert command(CONTRIBUTOR, f"improve collect {budget}")["collected"] == table["total"]
    command(OTHER, f"improve return {budget}")


def test_a_lost_sample_is_reported_and_later_passed_over(market: ModelStage, command: Command) -> None:
    campaign = market.stage.campaign()
    market.settled(campaign, LATE)
    name = f"0x{campaign.hex()}"
    command(OTHER, f"model make {name}")
    told = command(OTHER, f"model missing {name}")
    assert (told["sample"], told["passed"]) == (0, False)
    assert command(REVIEWER, f"model missing {name}")["until"] == told["until"], "one report for all"
    market.stage.pass_time(7 * 86_400 + 1)
    assert command(OTHER, f"model missing {name}")["passed"]
    assert command(OTHER, f"model show {name}")["models"][0]["index"] == 1


def test_versions_are_deployed_where_a_registry_is_named(
    market: ModelStage, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(OTHER, f"status 0x{'3f' * 32}", fails="unknown")
    words = f"chain deploy-data --account {OTHER}.key --out new.toml --config data.toml --json --minimum-window 60"
    assert main(words.split()) == 0
    made = json.loads(capsys.readouterr().out)
    data = DataView(market.stage.data.chain, bytes.fromhex(made["campaigns"][2:]))
    view = VersionView(data, market.models.registry, bytes.fromhex(made["versions"][2:]))
    assert view.versions() == []
    assert f'versions = "{made["versions"].lower()}"' in Path("new.toml").read_text()


def test_a_contract_that_is_not_named_is_told(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    campaign, word = f"0x{'3f' * 32}", f"0x{'4d' * 32}"
    for words, name in ((f"model show {campaign}", "models"), (f"improve show {word}", "improvement"),
                        (f"version show {word}", "versions")):  # fmt: skip
        told = command(OTHER, words, fails="config", config="bare.toml")
        assert f"data.{name} is missing" in told["error"]["message"]


def test_files_that_are_none_are_refused_before_anything_is_sent(command: Command) -> None:
    word = f"0x{'4d' * 32}"
    Path("table.json").write_text("{}")
    command(OTHER, f"improve claim {word} --table table.json", fails="invalid-input")
    Path("vote.json").write_text("{}")
    command(OTHER, "improve submit vote.json", fails="invalid-input")
    command(OTHER, f"model reveal {word} 0 --tests vote.json", fails="bad-key-file")
    command(OTHER, f"version register --rule {word}", fails="invalid-input")
    save_bundle(Path("other.bundle"), SampleBundle(b"\1" * 32, (sample(1, 1, 1, 1),)))
    save_bundle(Path("tests.bundle"), TESTS)
    command(OTHER, "model tests tests.bundle other.bundle --out salts.json", fails="invalid-input")
    assert not Path("salts.json").exists()
