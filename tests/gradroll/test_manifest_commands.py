"""Commands of tasks with a model manifest: created with one, which is published; shown; taken by who submits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.errors import UnknownError
from circuits.foreignjson import parse_json
from circuits.hashing import keccak
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.protocol.status import TaskStatus
from commons.protocol.strictjson import canonical
from commons.protocol.trainingrules import Dyadic, Sgd, TrainingRule
from commons.runtime.identifiers import shown
from commons.sharing.sealing import public_key
from commons.storage.hidingkeys import save_hiding_key
from commons.storage.modelfiles import decode_model, encode_model
from commons.storage.sumkeys import create_sum_key
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.cli import main
from gradroll.hiddenmodel.hiding import draw_noise, hide
from tests.gradroll.smallmarket import REWARD, SEATS, SmallMarket, small_market
from tests.hiddenmodel.schemes import KEY, perceptron

BUYER = ["--config", "model-owner.toml"]
MANIFEST = ModelManifest((Block("weights", 2, 20), Block("bias", 1, 4)), 3, TrainingRule(Sgd(40), Dyadic(1, 3), 7))
HIDDEN = perceptron(1, 1, 1)
CREATE = ["task", "create", "--reward", "1", *BUYER]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        yield made


@pytest.fixture(autouse=True)
def blobs(market: SmallMarket, monkeypatch: pytest.MonkeyPatch) -> dict[bytes, bytes]:
    """What a coordinator keeps, which is not run here."""
    kept: dict[bytes, bytes] = {}

    def put(client: CoordinatorClient, data: bytes, task: int, account: object) -> bytes:
        kept[keccak(data)] = data
        return keccak(data)

    def get(client: CoordinatorClient, digest: bytes) -> ModelManifest:
        if digest not in kept:
            raise UnknownError("there is nothing of this digest")
        return ModelManifest.decode_published(kept[digest])

    monkeypatch.setattr(CoordinatorClient, "put_model", put)
    monkeypatch.setattr(CoordinatorClient, "get_manifest", get)
    monkeypatch.setattr(CoordinatorClient, "task_status", lambda client, task: TaskStatus((), {}, ()))
    monkeypatch.chdir(market.directory)
    Path("manifest.json").write_bytes(MANIFEST.encoded)
    return kept


def told(capsys: pytest.CaptureFixture[str], words: list[str]) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    return outcome


@pytest.fixture
def task(capsys: pytest.CaptureFixture[str]) -> str:
    created: str = told(capsys, [*CREATE, "--manifest", "manifest.json", "--bound", "123456"])["task"]
    return created


def test_a_task_is_created_with_a_manifest_which_is_published(
    market: SmallMarket, task: str, blobs: dict[bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert blobs == {MANIFEST.digest: MANIFEST.published}
    terms = market.writer("model-owner.json").view.terms(int(task, 16))
    assert (terms.manifest, terms.dimension, terms.fraction_bits, terms.bound) == (MANIFEST.digest, 3, 20, 123456)
    offered = told(capsys, ["task", "show", task, *BUYER])["task"]
    assert (offered["manifest"], offered["bound"]) == (f"0x{MANIFEST.digest.hex()}", "123456")
    assert main(["task", "show", task, *BUYER]) == 0
    said = capsys.readouterr().out
    assert "rounded block by block by scales in the manifest, squares of all integers up to 123456 together" in said


def test_a_norm_is_in_units_of_the_finest_block(market: SmallMarket, capsys: pytest.CaptureFixture[str]) -> None:
    made = told(capsys, [*CREATE, "--manifest", "manifest.json", "--norm", "4"])["task"]
    assert market.writer("model-owner.json").view.terms(int(made, 16)).bound == 1 << 44


def test_what_was_created_and_not_published_is_published_by_the_same_command(
    market: SmallMarket, blobs: dict[bytes, bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*CREATE, "--manifest", "manifest.json", "--norm", "5"]
    put = CoordinatorClient.put_model

    def away(*_: object) -> bytes:
        raise UnknownError("this coordinator knows no such task yet")

    monkeypatch.setattr(CoordinatorClient, "put_model", away)
    before = market.sent("model-owner.json")
    assert main(words) == 4
    capsys.readouterr()
    monkeypatch.setattr(CoordinatorClient, "put_model", put)
    assert told(capsys, words)["task"]
    assert blobs == {MANIFEST.digest: MANIFEST.published}
    assert market.sent("model-owner.json") == before + 1


def test_the_blocks_of_a_task_are_shown(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task", "status", task, *BUYER]) == 0
    said = capsys.readouterr().out
    assert "block weights: 2 coordinates, in multiples of 2^-20" in said
    assert "block bias: 1 coordinates, in multiples of 2^-4" in said
    assert "models follow from each other by sgd, in 7 rounds at most" in said
    model = told(capsys, ["task", "status", task, *BUYER])["model"]
    assert model["blocks"] == [
        {"name": "weights", "length": 2, "fraction_bits": 20}, {"name": "bias", "length": 1, "fraction_bits": 4}
    ]  # fmt: skip
    assert model["training"] == MANIFEST.training.to_json()  # type: ignore[union-attr]
    assert model["digest"] == f"0x{MANIFEST.digest.hex()}"


def test_a_status_without_the_manifest_says_so(
    task: str, blobs: dict[bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    blobs.clear()
    assert main(["task", "status", task, *BUYER]) == 0
    said = capsys.readouterr()
    assert "the model manifest is not shown: " in said.err
    assert "block weights" not in said.out


def test_a_manifest_is_downloaded_whole(
    market: SmallMarket, task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "copy.json"
    assert main(["task", "manifest", task, "--out", str(out), *BUYER]) == 0
    assert out.read_bytes() == MANIFEST.encoded
    assert "block weights: 2 coordinates" in capsys.readouterr().out
    assert main(["task", "manifest", shown(market.task()), "--out", str(out), *BUYER]) == 4
    assert "name no model manifest" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--manifest", "manifest.json", "--norm", "4", "--fraction-bits", "16"], "leave out --fraction-bits"),
        (["--manifest", "manifest.json", "--norm", "4", "--dimension", "4"], "3 coordinates, the task's gradients 4"),
        (["--manifest", "absent.json", "--norm", "4"], "absent.json cannot be read (No such file or directory); "),
        (["--manifest", "model-owner.toml", "--norm", "4"], "model-owner.toml is no model manifest: "),
        (["--manifest", "manifest.json", "--norm", "1e20"], "outside [1, 2^62)"),
        (["--norm", "4"], "pass --dimension, or a --manifest"),
    ],
)
def test_what_does_not_go_with_a_manifest_is_told_before_anything_is_sent(
    market: SmallMarket, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = market.sent("model-owner.json")
    assert main([*CREATE, *words]) == 3
    assert text in capsys.readouterr().err
    assert market.sent("model-owner.json") == before


@pytest.mark.parametrize(
    ("name", "words", "text"),
    [
        ("hidden.json", [], "sums that are public give a hidden model away; make them private"),
        ("hidden.json", ["--sum-key", "sums.key", "--inline-payload"], "leave out one of them"),
        (
            "hidden.json",
            ["--sum-key", "sums.key", "--reference-data", "hidden.json"],
            "take a policy that does not grade",
        ),
        ("both.json", ["--sum-key", "sums.key"], "nobody could check a training rule of a hidden model"),
    ],
)
def test_what_would_give_a_hidden_model_away_is_refused_before_anything_is_sent(
    market: SmallMarket, name: str, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = ModelManifest(
        tuple(Block(n, length, 8) for n, length in HIDDEN.blocks()), HIDDEN.model_length, None, HIDDEN
    )
    ruled = parse_json(MANIFEST.encoded)["training"]
    Path("hidden.json").write_bytes(hidden.encoded)
    Path("both.json").write_bytes(canonical(parse_json(hidden.encoded) | {"training": ruled}))
    if not Path("sums.key").exists():
        create_sum_key(Path("sums.key"))
    before = market.sent("model-owner.json")
    assert main([*CREATE, "--bound", "1000", "--manifest", name, *words]) == 3
    assert text in capsys.readouterr().err
    assert market.sent("model-owner.json") == before


@pytest.fixture
def hidden_task(market: SmallMarket, blobs: dict[bytes, bytes]) -> str:
    """A funded task with a hidden model, whose manifest is served; its true model and the secret are in files."""
    manifest = ModelManifest(tuple(Block(n, k, 8) for n, k in HIDDEN.blocks()), HIDDEN.model_length, None, HIDDEN)
    blobs[manifest.digest] = manifest.published
    task = market.task(
        manifest=manifest.digest, dimension=HIDDEN.handed_in, fraction_bits=8, sum_key=public_key(bytes(range(32)))
    )
    market.writer("model-owner.json").fund(task, SEATS * REWARD)
    np.save("true.npy", [0.5, -0.25, 1.0, 2.0])
    if not Path("hiding.key").exists():
        save_hiding_key(Path("hiding.key"), KEY, HIDDEN)
    return shown(task)


def test_a_round_is_opened_on_the_view_of_the_true_model_that_is_named_with_its_secret(
    hidden_task: str, blobs: dict[bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        told(capsys, ["task", "open", hidden_task, "--model", "true.npy", "--secret", "hiding.key", *BUYER])["round"]
        == 0
    )
    (served,) = [raw for raw in blobs.values() if raw.startswith(b"\x93NUMPY")]
    true = np.load("true.npy")
    assert np.array_equal(decode_model(served, 4), hide(HIDDEN, true, draw_noise(HIDDEN, true, KEY, HIDDEN.digest)))
    assert encode_model(true) not in blobs.values()


def test_a_round_is_opened_on_a_view_that_is_named_as_one(
    hidden_task: str, blobs: dict[bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    view = np.array([3.0, 1.0, 2.5, -1.0])
    np.save("view.npy", view)
    assert told(capsys, ["task", "open", hidden_task, "--view", "view.npy", *BUYER])["round"] == 0
    assert encode_model(view) in blobs.values()


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["--model", "true.npy", "--secret", "absent.key"], 6, "no such key file"),
        (["--secret", "hiding.key"], 3, "name the true model and the task's secret"),
        (["--model", "true.npy"], 3, "would be published as it is"),
        (["--model", "short.npy", "--secret", "hiding.key"], 3, "the task is for 4 coordinates"),
    ],
)
def test_a_model_that_cannot_be_hidden_is_not_published(
    market: SmallMarket, hidden_task: str, blobs: dict[bytes, bytes], words: list[str], status: int, text: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    np.save("short.npy", [0.5, -0.25, 1.0])
    before, sent = dict(blobs), market.sent("model-owner.json")
    assert main(["task", "open", hidden_task, *words, *BUYER]) == status
    assert text in capsys.readouterr().err
    assert (blobs, market.sent("model-owner.json")) == (before, sent)


def test_a_secret_is_refused_where_nothing_is_hidden(
    task: str, blobs: dict[bytes, bytes], hidden_task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dict(blobs)
    assert main(["task", "open", task, "--model", "true.npy", "--secret", "hiding.key", *BUYER]) == 3
    assert "leave them out" in capsys.readouterr().err
    assert blobs == before


def test_a_gradient_that_must_not_be_clipped_costs_its_owner_no_registration(
    market: SmallMarket, task: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save("large.npy", np.array([1000.0, 2, 3]))
    words = ["submit", task, "--gradient", "large.npy", "--register", "--config", "owner-0.toml"]
    before = market.sent("owner-0.json")
    assert main([*words, "--no-clip"]) == 3
    assert "would be shrunk by the factor" in capsys.readouterr().err
    assert market.sent("owner-0.json") == before
    monkeypatch.setenv("GRADROLL_OWNER_PATIENCE", "0")
    assert main(words) == 4, "the task has no open round yet"
    said = capsys.readouterr().err
    assert said.count("shrunk by the factor") == 1
    assert said.index("shrunk by the factor") < said.index("no open round")


def test_an_owner_with_another_manifest_at_hand_is_told_so(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    other = ModelManifest((Block("weights", 3, 20),), 3)
    Path("other.json").write_bytes(other.encoded)
    np.save("small.npy", np.zeros(3))
    words = ["submit", task, "--gradient", "small.npy", "--manifest", "other.json", "--config", "owner-0.toml"]
    assert main(words) == 3
    assert f"the task's terms name 0x{MANIFEST.digest.hex()}" in capsys.readouterr().err
