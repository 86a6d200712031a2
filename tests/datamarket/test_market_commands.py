"""`gradroll data ...` as it is typed, at the real contracts: a campaign from its opening to its last payment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commons.artifacts.bundlefiles import save_bundle
from commons.artifacts.recordsources import load_document
from commons.chain.dataimprovementview import ImprovementView
from commons.chain.dataperceptronview import PerceptronView
from commons.chain.dataview import DataView
from commons.chain.juryfacts import CaseStage
from commons.samples.epochmanifests import EpochManifest
from commons.samples.samplebundles import SampleBundle
from gradroll.cli import main
from gradroll.setup.settingsfiles import write_settings
from tests.datamarket.datastage import CONTRIBUTOR, OTHER, OWNER, REVIEWER, DataStage, sample
from tests.datamarket.modelarbiters import AGREES, deployed
from tests.datamarket.typedcommands import Command, typed_by
from tests.samples.documents import encoded

DOCUMENT = {"array": {"dtype": "uint8", "shape": [3], "classes": 4, "maximum": 100, "tau": 2}}
TERMS = (
    "--reward 0.00001 --cost 0.0000001 --gain 0.000005 --jurors 3 --max-samples 100 --open-delay 2 --epoch-size 1 "
    "--open-window 3600 --receipt-window 3600 --review-window 3600 --reveal-window 3600 --answer-window 3600 "
    "--case-window 3600 --vote-window 3600 --vote-reveal-window 3600 --appeal-window 3600"
)


@pytest.fixture
def command(
    stage: DataStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.chdir(tmp_path)
    chain = stage.data.chain
    write_settings(tmp_path / "data.toml", {
        "chain": {"url": stage.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex(),
                  "receipt_poll": 0.01},
        "data": {"campaigns": "0x" + stage.data.place.hex(), "confirmations": 2},
    }, development=True)  # fmt: skip
    (tmp_path / "schema.json").write_bytes(encoded(DOCUMENT))
    return typed_by(tmp_path, stage.accounts, capsys)


def schema_hash() -> bytes:
    return load_document(Path("schema.json")).schema.digest


def bundle(path: str, schema: bytes, *samples: bytes) -> None:
    save_bundle(Path(path), SampleBundle(schema, samples))


def test_a_campaign_from_its_opening_to_its_last_payment(stage: DataStage, command: Command, tmp_path: Path) -> None:
    schema = schema_hash()
    bundle("initial.bundle", schema, sample(0, 90, 90, 90))
    opening = (
        f"open --schema schema.json --committee 0x{stage.committee:016x} --escrow 0.1ether --initial initial.bundle "
    )
    command(OWNER, f"{opening}{TERMS} --deposit 0.0001 --stake 0.00003 --correction 0.0001 --fee 0.000001 "
            "--juror-stake 1", fails="invalid-input")  # fmt: skip
    campaign = command(OWNER, opening + TERMS)["campaign"]
    shown = command(OWNER, f"status {campaign}")
    assert (shown["bundles"], shown["jurors"], shown["initial"]["count"]) == ([], 3, 1)
    assert shown["schema"] == f"0x{schema.hex()}"
    assert set(shown["windows"].values()) == {3600}
    assert command(OTHER, f"fund {campaign[:10]} 0.01ether")["free"] == str(11 * 10**16)
    for juror in (1, 2, 3):
        assert len(command(juror, f"jury join {campaign} --slots 2")["slots"]) == 2
    good, bad = sample(1, 10, 20, 30), sample(3, 92, 90, 90)
    bundle("one.bundle", schema, good, sample(2, 40, 50, 60), bad)
    number = command(CONTRIBUTOR, f"commit {campaign} one.bundle")["bundle"]
    assert command(CONTRIBUTOR, f"commit {campaign} one.bundle")["bundle"] == number
    command(CONTRIBUTOR, "reveal", fails="not-ready")
    stage.pass_time(1, 2)
    told = command(CONTRIBUTOR, "reveal --store store")
    assert told["bundles"] == [number]
    receipts = [{"member": at, "signature": "0x" + made.hex()} for at, made in stage.receipts(number)]
    Path("receipts.json").write_text(json.dumps(receipts))
    assert command(CONTRIBUTOR, f"attest {number} --receipts receipts.json")["stage"] == "review"
    cid = told["content"][str(number)]
    command(REVIEWER, f"review {number}", fails="unknown")
    assert command(REVIEWER, f"fetch {number} --from {cid} --store store")["count"] == 3
    assert command(REVIEWER, f"review {number}")["missing"] == [0]
    command(REVIEWER, f"fetch {number} --out seen.bundle")
    assert Path("seen.bundle").read_bytes() == Path("one.bundle").read_bytes()
    command(REVIEWER, f"fetch {number} --out one.bundle", fails="storage")
    command(REVIEWER, f"initial {campaign} initial.bundle")
    found = command(REVIEWER, f"review {number}")
    assert found["copies"] == [{"sample": 2, "bundle": 0, "original": 0, "distance": 2}]
    command(REVIEWER, f"challenge {number} 2 --schema", fails="invalid-input")
    copy = command(REVIEWER, f"challenge {number} 2 --copy-of 0 0")["challenge"]
    bundle("right.bundle", schema, sample(2, 10, 20, 30))
    judged = command(REVIEWER, f"challenge {number} 0 --correction right.bundle")["challenge"]
    command(REVIEWER, "reveal", fails="not-ready")
    stage.pass_time(3601)
    assert command(REVIEWER, "reveal")["challenges"] == [copy, judged]
    (shown,) = command(OTHER, f"status {campaign}")["bundles"]
    assert [(each["sample"], each["proven"], each["stage"]) for each in shown["disputes"]] == [
        (0, False, "challenged"), (2, True, "challenged")
    ]  # fmt: skip
    stage.pass_time(3601)
    assert "settle bundle" in command(OTHER, f"settle {campaign}")["done"][0]
    stage.pass_time(3601)
    assert any("open the case" in each for each in command(OTHER, f"settle {campaign}")["done"])
    stage.pass_time(1, 10)
    command(OTHER, f"settle {campaign}")
    case = stage.data.dispute(number, 0).case
    seated = [juror for juror in (1, 2, 3) if command(juror, "jury seats")["seats"]]
    command(seated[0], f"vote {case} corrected", fails="not-ready")
    stage.pass_time(1, 2)
    command(seated[0], f"vote {case} corrected --about {number} 1", fails="invalid-input")
    for juror in seated:
        command(juror, f"vote {case} corrected --about {number} 0")
    stage.pass_time(3601, 2)
    for juror in seated:
        assert command(juror, "reveal")["cases"] == [case]
    stage.pass_time(3601)
    command(OTHER, f"settle {campaign}")
    assert stage.data.jury.case(case).stage is CaseStage.APPEALABLE
    stage.pass_time(3601)
    command(OTHER, f"settle {campaign}")
    for juror in seated:
        assert command(juror, f"jury release {case}")["released"]
        assert command(juror, "jury leave")["leaving"]
    (shown,) = command(OTHER, f"status {campaign}")["bundles"]
    assert [(each["sample"], each["outcome"], each["case"]) for each in shown["disputes"]] == [
        (0, "corrected", case), (2, "bad", None)
    ]  # fmt: skip
    closed = command(OWNER, f"close {campaign}")
    assert closed["closed"]
    assert closed["accepted"] == 2
    for epoch in range(closed["epochs"]):
        made = command(OTHER, f"epoch {campaign} {epoch} --out epoch{epoch}.json")
        assert EpochManifest.decode(Path(f"epoch{epoch}.json").read_bytes()).log.hex() == made["log"].removeprefix("0x")
    command(OWNER, f"withdraw {campaign}")
    for account in (OWNER, CONTRIBUTOR, REVIEWER):
        assert int(command(account, f"collect {campaign}")["collected"]) > 0
    assert int(command(OTHER, f"collect {campaign}")["collected"]) == 0


def test_an_owner_decides_and_a_contributor_concedes(stage: DataStage, command: Command) -> None:
    schema = schema_hash()
    campaign = command(OWNER, f"open --schema schema.json --committee 0x{stage.committee:016x} --escrow 0.1ether "
                       f"--arbiter owner {TERMS}")["campaign"]  # fmt: skip
    bundle("one.bundle", schema, sample(1, 10, 20, 30), sample(2, 40, 50, 60))
    number = command(CONTRIBUTOR, f"commit {campaign} one.bundle --inline")["bundle"]
    stage.pass_time(1, 2)
    assert command(CONTRIBUTOR, "reveal")["bundles"] == [number]
    for index in (0, 1):
        command(REVIEWER, f"challenge {number} {index}")
    stage.pass_time(3601)
    assert len(command(REVIEWER, "reveal")["challenges"]) == 2
    stage.pass_time(3601)
    command(CONTRIBUTOR, f"answer {number} 0 --concede")
    stage.pass_time(3601)
    command(OWNER, f"verdict {number} 1 corrected", fails="contract-refused")
    command(OWNER, f"verdict {number} 1 good")
    command(OTHER, f"settle {campaign}")
    assert command(OWNER, f"status {campaign}")["accepted"] == 1
    assert command(REVIEWER, f"fetch {number}")["count"] == 2


def test_a_model_decides_where_its_bundle_was_fetched(stage: DataStage, command: Command) -> None:
    schema = schema_hash()
    campaign = command(OWNER, f"open --schema schema.json --committee 0x{stage.committee:016x} --escrow 0.1ether "
                       f"--arbiter model --model 0x{deployed(stage, AGREES).hex()} {TERMS}")["campaign"]  # fmt: skip
    bundle("one.bundle", schema, sample(0, 10, 20, 30), sample(2, 40, 50, 60), sample(1, 90, 50, 60))
    number = command(CONTRIBUTOR, f"commit {campaign} one.bundle")["bundle"]
    stage.pass_time(1, 2)
    told = command(CONTRIBUTOR, "reveal --store store")
    stage.account(CONTRIBUTOR).attest_bundle(number, stage.receipts(number))
    for index in (0, 1):
        command(REVIEWER, f"challenge {number} {index}")
    command(OTHER, f"case {number} 0", fails="unknown")
    stage.pass_time(3601, 2)
    command(REVIEWER, "reveal")
    command(OTHER, f"case {number} 0", fails="not-ready")
    stage.pass_time(7202)
    assert command(OTHER, f"settle {campaign}")["missing"] == [number]
    command(OTHER, f"case {number} 0", fails="unknown")
    command(OTHER, f"fetch {number} --from {told['content'][str(number)]} --store store")
    first = command(OTHER, f"case {number} 0")
    assert (first["outcome"], first["case"]) == ("accepted", None)
    told = command(OTHER, f"settle {campaign}")
    assert (told["missing"], any("open the case of sample 1" in each for each in told["done"])) == ([], True)
    case = command(OTHER, f"case {number} 1")["case"]
    assert stage.data.jury.case(case).stage is CaseStage.QUEUED


def test_a_store_that_is_away_keeps_nothing_from_being_opened_and_gets_the_bundle_later(
    stage: DataStage, command: Command
) -> None:
    schema = schema_hash()
    campaign = command(OWNER, f"open --schema schema.json --committee 0x{stage.committee:016x} --escrow 0.1ether "
                       f"{TERMS}")["campaign"]  # fmt: skip
    bundle("shown.bundle", schema, sample(3, 10, 20, 30))
    bundle("own.bundle", schema, sample(1, 10, 20, 30))
    shown = command(OTHER, f"commit {campaign} shown.bundle --inline")["bundle"]
    stage.pass_time(1, 2)
    command(OTHER, "reveal")
    challenge = command(CONTRIBUTOR, f"challenge {shown} 0")["challenge"]
    stage.pass_time(3601)
    number = command(CONTRIBUTOR, f"commit {campaign} own.bundle")["bundle"]
    stage.pass_time(1, 2)
    Path("away").write_text("no directory")
    told = command(CONTRIBUTOR, "reveal --store away")
    assert (told["bundles"], told["challenges"], told["content"]) == ([number], [challenge], {})
    assert list(told["failed"]) == [f"publishing of bundle {number}"]
    assert str(number) in command(CONTRIBUTOR, "reveal --store store")["content"]


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", "nothing", '[{"member": 0}]', '[{"member": -1, "signature": "0x' + "0" * 130 + '"}]',
     '[{"member": true, "signature": "0x' + "0" * 130 + '"}]', '[{"member": 0, "signature": "0x00"}]'],
)  # fmt: skip
def test_receipts_that_are_none_are_refused_before_anything_is_sent(command: Command, content: str) -> None:
    Path("receipts.json").write_text(content)
    command(CONTRIBUTOR, "attest 1 --receipts receipts.json", fails="invalid-input")


def test_the_market_is_deployed_beside_another_and_named_in_settings(
    stage: DataStage, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "chain deploy-data --account 7.key --out new.toml --config data.toml --json --minimum-window"
    assert main([*words.split(), "60"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["campaigns"] != made["jury"]
    campaign = f"0x{'3f' * 32}"
    assert main(["data", "status", campaign, "--config", "new.toml", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "unknown"
    view = DataView(stage.data.chain, bytes.fromhex(made["campaigns"][2:]))
    assert (view.minimum_window, view.jury.notice) == (60, 7 * 86_400)
    assert PerceptronView(view, bytes.fromhex(made["models"][2:])).models(bytes(32)) == []
    assert ImprovementView(view, bytes.fromhex(made["improvement"][2:])).budgets() == []
    assert made["versions"] is None, "which take a registry of models"
