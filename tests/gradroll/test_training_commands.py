"""Commands that compute a training again, as somebody runs them who has a node's URL and the public parameters."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from circuits.arrays import FloatArray
from circuits.errors import catalogue
from commons.chain.devchain import CHAIN_ID
from commons.protocol.decisionlists import encode_decisions
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.protocol.trainingrules import Dyadic, Momentum, TrainingRule
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.audit.modelcards import ModelCard
from gradroll.cli import main
from gradroll.commands.tasktraining import millionths
from gradroll.training.stepping import advance, begin
from tests.gradroll.test_cardchecks import metered
from tests.support.parts import with_parts
from tests.support.trainedmarket import DIMENSION, OWNERS, TrainedMarket, blocks

RULE = TrainingRule(Momentum(30, Dyadic(1, 1), 40), Dyadic(1, 2), 9)
FIRST = np.arange(DIMENSION) / 2
FAILED = 7


@dataclass
class Trained:
    """Three rounds of a task, and the files of whoever trained it."""

    market: TrainedMarket
    task: int
    final: FloatArray
    files: Path

    @property
    def where(self) -> tuple[str, ...]:
        """Options for the node, the market and the public parameters of the current directory."""
        chain = ("--chain", self.market.url, "--chain-id", str(CHAIN_ID), "--market", checksum(self.market.market))
        return (*chain, "--srs", "srs.gsrs", "--keys", "keys", "--development")

    def run(self, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
        """A command with the node, the market and the public parameters; its exit status and what it tells programs."""
        status = main([*arguments, *self.where, "--json"])
        return status, json.loads(capsys.readouterr().out or "{}")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    files = tmp_path_factory.mktemp("files")
    market = TrainedMarket(tmp_path_factory.mktemp("market"))
    manifest = ModelManifest(blocks(), DIMENSION, RULE)
    task, state = market.task(manifest), begin(RULE, blocks(), FIRST)
    for _ in range(3):
        state = advance(RULE, blocks(), state, market.play(task, state.model), OWNERS)
    (files / "manifest.json").write_bytes(manifest.encoded)
    np.save(files / "first.npy", FIRST)
    np.save(files / "final.npy", state.model)
    yield Trained(market, task, state.model, files)
    market.close()


@pytest.fixture(autouse=True)
def _fresh_directory(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the public parameters, and nothing that anybody else made."""
    shutil.copy(trained.market.directory / "srs.gsrs", tmp_path)
    (tmp_path / "keys").mkdir()
    monkeypatch.chdir(tmp_path)


def card(trained: Trained, capsys: pytest.CaptureFixture[str]) -> Path:
    arguments = ("model", "card", shown(trained.task), "--out", "card", "--manifest", f"{trained.files}/manifest.json")
    status, told = trained.run(*arguments, "--initial", f"{trained.files}/first.npy", capsys=capsys)
    assert (status, told["rounds"]) == (0, 3)
    return Path(told["file"])


def test_a_card_is_written_and_verified(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    path = card(trained, capsys)
    assert path.with_suffix(".html").read_text().startswith("<!DOCTYPE html>")
    given = ("--initial", f"{trained.files}/first.npy")
    status, told = trained.run(
        "model", "verify", str(path), *given, "--model", f"{trained.files}/final.npy", capsys=capsys
    )
    assert (status, told["lies"], told["models"], told["later"]) == (0, [], "recomputed", 0)
    status, told = trained.run(
        "model", "verify", str(path), *given, "--model", f"{trained.files}/first.npy", capsys=capsys
    )
    assert (status, [lie["field"] for lie in told["lies"]]) == (FAILED, ["final_model"])


def test_a_card_that_lies_fails(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    path = card(trained, capsys)
    lie = with_parts(ModelCard.decode(path.read_bytes()), final_model=b"\x01" * 32)
    path.write_bytes(lie.encoded)
    status, told = trained.run("model", "verify", str(path), "--initial", f"{trained.files}/first.npy", capsys=capsys)
    assert (status, [each["field"] for each in told["lies"]]) == (FAILED, ["final_model"])


def test_a_stop_that_somebody_has_shows_that_a_card_denies_it(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, owner, initial = card(trained, capsys), trained.market.owner, ("--initial", f"{trained.files}/first.npy")
    stated = ModelCard.decode(path.read_bytes())
    decision = Decision(trained.task, stated.terms_hash, 0, stated.rounds[1].model, DecisionKind.STOP)
    signature = owner.sign_message(decision.message(owner.view.market_id))
    (tmp_path / "stop.json").write_bytes(encode_decisions([SignedDecision(decision, owner.address, signature)]))
    assert trained.run("model", "verify", str(path), *initial, capsys=capsys)[0] == 0
    status, told = trained.run("model", "verify", str(path), *initial, "--decisions", "stop.json", capsys=capsys)
    assert (status, [each["field"] for each in told["lies"]]) == (FAILED, ["models"])
    assert "decided to stop after round 0" in told["lies"][0]["reason"]


def test_a_final_model_that_rests_on_signed_metrics_alone_is_told_until_a_round_is_opened_on_it(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another metric would make another card, which were as true."""
    training, decisions = metered(trained.market, 500, 499, 498)
    (tmp_path / "manifest.json").write_bytes(training.manifest.encoded)
    (tmp_path / "decisions.json").write_bytes(encode_decisions(decisions))
    given = ("--out", "card", "--manifest", "manifest.json", "--decisions", "decisions.json")
    assert trained.run("model", "card", shown(training.task), *given, capsys=capsys)[0] == 0
    verify = ["model", "verify", "card/card.json"]
    assert main([*verify, *trained.where]) == 0
    told = "no round is opened on the final model yet, so the last rate is as the signed metrics say: name decisions"
    assert told in (said := capsys.readouterr().out)
    assert "everything in the card that can be checked is as the chain has it" in said
    assert trained.run(*verify, capsys=capsys)[1]["unsettled"] is True
    final = ModelCard.decode(Path("card/card.json").read_bytes()).final_model
    trained.market.owner.open_round(training.task, final, OWNERS)
    assert main([*verify, *trained.where]) == 0
    assert told not in (said := capsys.readouterr().out)
    assert "the task has opened 1 rounds more, which are not in the card" in said
    assert trained.run(*verify, capsys=capsys)[1]["unsettled"] is False


@pytest.mark.parametrize("change", [lambda model: model.astype(str), lambda model: model + 1j])
def test_a_file_of_other_things_than_numbers_is_no_model(
    trained: Trained,
    tmp_path: Path,
    change: Callable[[FloatArray], npt.NDArray[Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """numpy would make the card's numbers of them."""
    np.save(tmp_path / "other.npy", change(trained.final))
    given = ("--initial", f"{trained.files}/first.npy", "--model", "other.npy")
    status, _ = trained.run("model", "verify", str(card(trained, capsys)), *given, capsys=capsys)
    assert status not in (0, FAILED)


def test_people_are_told_the_same(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    path = card(trained, capsys)
    first = ["--initial", f"{trained.files}/first.npy"]
    assert main(["model", "verify", str(path), *trained.where, *first]) == 0
    assert "computed again" in capsys.readouterr().out
    told = ["--manifest", f"{trained.files}/manifest.json"]
    assert main(["audit", shown(trained.task), "--training", *trained.where, *first, *told]) == 0
    assert "3 rounds are as the rule says" in capsys.readouterr().out


def audit(trained: Trained, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    """Of the training, with the manifest's file."""
    manifest = ("--manifest", f"{trained.files}/manifest.json")
    return trained.run("audit", shown(trained.task), "--training", *manifest, *more, capsys=capsys)


def test_an_audit_of_the_training_says_how_each_round_was_opened(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = audit(trained, capsys, "--initial", f"{trained.files}/first.npy")
    training = told["training"]
    assert status == 0
    assert [(each["round"], each["weight"], each["rate"]) for each in training["rounds"]] == [
        (number, OWNERS, "1/4") for number in range(3)
    ]
    assert (training["deviation"], training["blocked"]) == (None, None)


def test_a_training_that_deviates_fails_with_the_round(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = ModelManifest(blocks(), DIMENSION, RULE)
    other = Trained(trained.market, trained.market.task(manifest), trained.final, trained.files)
    for _ in range(2):
        trained.market.play(other.task, np.zeros(DIMENSION))
    status, told = audit(other, capsys)
    deviation = told["training"]["deviation"]
    assert (status, deviation["fault"], deviation["round"]) == (FAILED, "skipped", 1)
    manifested = ("--out", "card", "--manifest", f"{other.files}/manifest.json")
    assert other.run("model", "card", shown(other.task), *manifested, capsys=capsys)[0] == FAILED
    assert not Path("card").exists()


@pytest.mark.parametrize(
    ("more", "code", "named"),
    [
        ((), "unavailable", "--initial"),
        (("--initial", "final.npy"), "invalid-input", "not the first model"),
        (("--initial", "missing.npy"), "unknown", "missing.npy"),
        (("--initial", "first.npy", "--decisions", "first.npy"), "invalid-input", "file of decisions"),
    ],
)
def test_what_is_missing_or_another_is_named(
    trained: Trained, more: tuple[str, ...], code: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(trained.files / part) if part.endswith(".npy") else part for part in more]
    manifest = ["--manifest", f"{trained.files}/manifest.json"]
    status = main(["audit", shown(trained.task), "--training", *manifest, *trained.where, *given])
    assert status == catalogue()[code].exit_status
    assert named in capsys.readouterr().err


def test_another_manifest_is_refused(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(ModelManifest(blocks(), DIMENSION).encoded)
    status = main(["audit", shown(trained.task), "--training", "--manifest", str(other), *trained.where])
    assert status == catalogue()["invalid-input"].exit_status
    assert "the task's terms name" in capsys.readouterr().err


def test_decisions_of_nobody_are_refused(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, terms = tmp_path / "decisions.json", trained.market.view().terms(trained.task)
    decision = Decision(trained.task, terms.terms_hash, 0, bytes(32), DecisionKind.STOP)
    path.write_bytes(encode_decisions([SignedDecision(decision, b"\x11" * 20, bytes(64) + b"\x1b")]))
    status, _ = audit(trained, capsys, "--initial", f"{trained.files}/first.npy", "--decisions", str(path))
    assert status == catalogue()["bad-signature"].exit_status


def test_a_training_is_audited_whole(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["audit", "0x3fa9", "--training", "--round", "1"], ["audit", "--training"]):
        assert main(arguments) == catalogue()["config"].exit_status
        assert "name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.9731", 973_100), ("1", 10**6), ("-0.000001", -1), ("123456789.5", 123_456_789_500_000), (" 0 ", 0)],
)
def test_metrics_are_exact(text: str, value: int) -> None:
    assert millionths(text) == value


@pytest.mark.parametrize("text", ["", "1e3", "0.1234567", "1234567890", "nan", "+1", "1.", ".5", "0x1", "--1", "１"])
def test_what_is_no_metric_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="is no number"):
        millionths(text)
