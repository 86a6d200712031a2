"""Commands of hidden models: a view, what owners hand in, the gradient; and what must not be mixed up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError, catalogue
from commons.protocol.hidingschemes import HidingScheme
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.storage.hidingkeys import save_hiding_key
from commons.storage.unlock import LOCKED
from gradroll.cli import main
from gradroll.commands.modelhiding import NamedModel, to_publish
from gradroll.hiddenmodel.hiding import unhidden
from gradroll.hiddenmodel.network import split
from gradroll.hiddenmodel.ownerterms import plain_gradient
from tests.hiddenmodel.schemes import KEY, convolutional, perceptron, random_model, random_samples

SCHEME = perceptron(8, 6, 3, groups=3)
NET = ["--network", "network.json"]
HIDE = ["model", "hide", "model.npy", *NET, "--secret", "hiding.key", "--out", "view.npy"]
TERMS = ["model", "terms", "view.npy", *NET, "--samples", "samples.npy", "--targets", "targets.npy"]
RECOVER = [
    "model", "recover", "sum.npy", "--model", "model.npy", "--view", "view.npy", *NET, "--secret", "hiding.key",
    "--out", "gradient.npy",
]  # fmt: skip


def refused(words: list[str], code: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command ends with an error that says so, and writes no file."""
    before = {path: path.read_bytes() for path in Path().iterdir()}
    capsys.readouterr()
    assert main(words) == catalogue()[code].exit_status
    assert f"error[{code}]" in (said := capsys.readouterr().err)
    assert text in said
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def prepare(scheme: HidingScheme) -> None:
    """A network, a model and a sum's worth of samples, in files."""
    Path("network.json").write_text(json.dumps(scheme.to_json(), indent=2))
    np.save("model.npy", random_model(scheme))
    samples, targets = random_samples(scheme, 6)
    np.save("samples.npy", samples)
    np.save("targets.npy", targets)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(SCHEME)


@pytest.fixture
def hidden() -> None:
    """A first model is hidden, and two owners' vectors are added up."""
    assert main([*HIDE, "--first"]) == 0
    assert main([*TERMS, "--out", "terms.npy"]) == 0
    np.save("sum.npy", 2 * np.load("terms.npy"))


@pytest.mark.parametrize("scheme", [SCHEME, convolutional(2)], ids=["linear", "conv"])
def test_the_sum_gives_the_true_gradient(scheme: HidingScheme) -> None:
    prepare(scheme)
    assert main([*HIDE, "--first"]) == 0
    assert main([*TERMS, "--out", "terms.npy"]) == 0
    np.save("sum.npy", 2 * np.load("terms.npy"))
    assert main(RECOVER) == 0
    model, view = np.load("model.npy"), np.load("view.npy")
    true = 2 * plain_gradient(scheme, model, np.load("samples.npy"), np.load("targets.npy"))
    assert np.max(np.abs(np.load("gradient.npy") - true)) <= 1e-9 * np.max(np.abs(true))
    assert unhidden(model, view) == 0


def test_the_secret_is_for_its_owner_and_never_replaced(hidden: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert Path("hiding.key").stat().st_mode & 0o077 == 0
    refused([*HIDE, "--first"], "storage", "leave out --first if it is this task's secret", capsys)


def test_a_model_is_never_hidden_by_a_secret_that_is_made_by_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    refused(HIDE, "bad-key-file", "pass --first if this is its first model", capsys)


def test_views_under_one_secret_have_its_factors_and_fresh_noise() -> None:
    """With factors that stay, and noise that does not, a step between two models shows below the last layer alone."""
    save_hiding_key(Path("hiding.key"), KEY, SCHEME)
    assert main(HIDE) == 0
    first, before = np.load("model.npy"), np.load("view.npy")
    assert main(HIDE) == 0
    assert np.array_equal(np.load("view.npy"), before)
    step = np.random.default_rng(3).normal(0.0, 0.001, SCHEME.model_length)
    np.save("model.npy", first + step)
    assert main(HIDE) == 0
    moved = np.load("view.npy") - before
    factors = before / first
    below = SCHEME.weights[-1].start
    assert np.allclose(moved[:below], factors[:below] * step[:below], rtol=1e-9, atol=1e-12)
    rows, biases = split(moved, SCHEME.weights[-1])
    assert np.min(np.abs(biases)) > 10 * np.max(np.abs(step))
    assert np.min(np.abs(rows)) > 10 * np.max(np.abs(step))


def another_model() -> None:
    np.save("model.npy", np.load("model.npy") * (1 + 1e-7))


def another_view() -> None:
    np.save("view.npy", np.load("view.npy") * (1 + 1e-7))


def another_secret() -> None:
    Path("hiding.key").unlink()
    assert main([*HIDE[:-1], "other.npy", "--first"]) == 0
    Path("other.npy").unlink()


def true_model_in_place_of_the_view() -> None:
    np.save("view.npy", np.load("model.npy"))


@pytest.mark.parametrize("change", [another_model, another_view, another_secret, true_model_in_place_of_the_view])
def test_a_model_a_view_and_a_secret_of_different_rounds_give_no_gradient(
    hidden: None, change: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    change()
    refused(RECOVER, "key-mismatch", "is not the view of model.npy by hiding.key", capsys)


def test_a_secret_is_of_one_network(hidden: None, capsys: pytest.CaptureFixture[str]) -> None:
    other = replace(SCHEME, gamma=(1.0, 2.0, 3.0))
    Path("network.json").write_text(json.dumps(other.to_json()))
    for words in (HIDE, RECOVER):
        refused(words, "key-mismatch", "hiding.key was made for the network 0x", capsys)


@pytest.mark.parametrize(
    ("name", "words", "code", "text"),
    [
        ("hiding.key", RECOVER, "bad-key-file", "not a readable key file"),
        ("hiding.key", HIDE, "bad-key-file", "not a readable key file"),
        ("sum.npy", RECOVER, "invalid-input", "cut off or damaged"),
        ("model.npy", HIDE, "invalid-input", "cut off or damaged"),
        ("view.npy", RECOVER, "invalid-input", "cut off or damaged"),
        ("samples.npy", [*TERMS, "--out", "new.npy"], "invalid-input", "cut off or damaged"),
        ("network.json", HIDE, "invalid-input", "network.json describes no network that can be hidden"),
    ],
)
def test_a_file_that_was_cut_off_is_refused(
    hidden: None, name: str, words: list[str], code: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(words, code, text, capsys)


def test_a_secret_that_others_can_read_or_of_another_kind_is_refused(
    hidden: None, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("hiding.key").chmod(0o640)
    refused(HIDE, "bad-key-file", "others can read this key", capsys)
    Path("hiding.key").unlink()
    assert main(["setup", "sum-key", "--out", "hiding.key"]) == 0
    refused(HIDE, "bad-key-file", "not a key file of kind 'hiding-key'", capsys)


def test_a_secret_is_sealed_with_the_passphrase(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PHRASE", "correct horse")
    monkeypatch.setenv("GRADROLL_UNLOCK_PASSPHRASE_ENV", "PHRASE")
    assert main([*HIDE, "--first", "--encrypt"]) == 0
    assert json.loads(Path("hiding.key").read_text()).keys() == {"kind", "version", "salt", "nonce", "sealed"}
    before = np.load("view.npy")
    assert main(HIDE) == 0
    assert np.array_equal(np.load("view.npy"), before)
    refused([*HIDE, "--encrypt"], "config", "pass it with --first", capsys)
    monkeypatch.delenv("GRADROLL_UNLOCK_PASSPHRASE_ENV")
    refused(HIDE, "bad-key-file", "no passphrase is set", capsys)


def test_nothing_that_is_read_is_written_over(hidden: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("link.npy").symlink_to("model.npy")
    for words in ([*HIDE[:-1], "model.npy"], [*HIDE[:-1], "link.npy"], [*RECOVER[:-1], "sum.npy"],
                  [*RECOVER[:-1], "hiding.key"], [*TERMS, "--out", "samples.npy"]):  # fmt: skip
        refused(words, "invalid-input", "is what is read, and would be replaced", capsys)


def test_zeros_that_a_view_shows_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    model = np.load("model.npy")
    model[:5] = 0.0
    np.save("model.npy", model)
    assert main([*HIDE, "--first"]) == 0
    said = capsys.readouterr()
    assert "5 numbers of the model are the same in its view" in said.err
    assert "open the round on it, not on the model" in said.out


def test_help_says_that_it_is_no_encryption(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["model", "hide", "--help"])
    assert "This is obfuscation and no encryption" in " ".join(capsys.readouterr().out.split())


def manifest(scheme: HidingScheme = SCHEME) -> ModelManifest:
    blocks = tuple(Block(name, length, 8) for name, length in scheme.blocks())
    return ModelManifest(blocks, scheme.model_length, hiding=scheme)


def test_a_manifest_names_the_network_as_well(hidden: None) -> None:
    before = np.load("view.npy")
    Path("manifest.json").write_bytes(manifest().encoded)
    assert main([word.replace("network", "manifest") for word in HIDE]) == 0
    assert np.array_equal(np.load("view.npy"), before)


def test_a_manifest_that_hides_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("manifest.json").write_bytes(ModelManifest((Block("all", 3, 8),), 3).encoded)
    words = [word.replace("network", "manifest") for word in HIDE]
    refused([*words, "--first"], "invalid-input", "says nothing of a hidden model", capsys)


def test_scales_make_the_manifest_of_a_described_network(hidden: None, capsys: pytest.CaptureFixture[str]) -> None:
    scales = ["scales", "--sample", "terms.npy", *NET, "--out", "manifest.json"]
    assert main(scales) == 0
    made = ModelManifest.decode(Path("manifest.json").read_bytes())
    assert (made.hiding, made.model_length, made.training) == (SCHEME, SCHEME.model_length, None)
    assert made.blocks != manifest().blocks
    Path("manifest.json").unlink()
    refused([*scales, "--graded"], "config", "a task with a hidden model does not grade", capsys)
    Path("manifest.json").write_bytes(manifest().encoded)
    words = ["scales", "--sample", "terms.npy", "--manifest", "manifest.json", "--out", "new.json", "--graded"]
    refused(words, "config", "leave out --graded", capsys)


@pytest.mark.parametrize(
    ("samples", "targets", "text"),
    [
        (np.zeros((2, 7)), np.zeros((2, 3)), "samples have shape (2, 7)"),
        (np.zeros((2, 8)), np.zeros((3, 3)), "one row of outputs for each sample"),
        (np.zeros((2, 8)), np.zeros((2, 4)), "targets have shape (2, 4)"),
        (np.zeros((2, 8)), np.zeros(2), "one row of outputs for each sample"),
        (np.zeros((0, 8)), np.zeros((0, 3)), "of which there is at least one"),
        (np.array(1.0), np.zeros((1, 3)), "one row of outputs for each sample"),
        (np.full((2, 8), np.nan), np.zeros((2, 3)), "the samples are NaN or infinite"),
        (np.zeros((2, 8)), np.zeros((2, 3), complex), "the targets holds complex numbers"),
        (np.zeros((2, 8), dtype="M8[s]"), np.zeros((2, 3)), "the samples holds dates"),
    ],
)
def test_samples_that_are_none_are_refused(
    hidden: None, samples: FloatArray, targets: FloatArray, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("samples.npy", samples)
    np.save("targets.npy", targets)
    refused([*TERMS, "--out", "new.npy"], "invalid-input", text, capsys)


def test_a_view_that_overflows_is_told(hidden: None, capsys: pytest.CaptureFixture[str]) -> None:
    """A model owner's own doing: its data owners hand in no infinities, and crash on none."""
    np.save("view.npy", np.full(SCHEME.model_length, 1e300))
    refused([*TERMS, "--out", "new.npy"], "invalid-input", "NaN or infinite", capsys)


def test_pytorch_is_named_where_it_is_asked_for_and_missing(
    hidden: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("commons.runtime.extras.find_spec", lambda module: None)
    refused([*TERMS, "--torch", "--out", "new.npy"], "config", "gradroll[torch]", capsys)


def test_pytorch_computes_the_same(hidden: None) -> None:
    pytest.importorskip("torch")
    assert main([*TERMS, "--torch", "--out", "new.npy"]) == 0
    assert np.allclose(np.load("new.npy"), np.load("terms.npy"), rtol=1e-10, atol=1e-12)


def manifest_of(scheme: HidingScheme) -> ModelManifest:
    blocks = tuple(Block(name, length, 20) for name, length in scheme.blocks())
    return ModelManifest(blocks, scheme.model_length, hiding=scheme)


@pytest.mark.parametrize(
    "named",
    [
        NamedModel(np.ones(3)),
        NamedModel(None),
        NamedModel(None, None, Path("hiding.key")),
        NamedModel(np.ones(3), np.ones(3)),
        NamedModel(np.ones(3), np.ones(3), Path("hiding.key")),
    ],
    ids=["model", "nothing", "secret", "both", "all"],
)
def test_a_task_that_hides_its_models_publishes_no_model_that_is_not_said_to_be_a_view(named: NamedModel) -> None:
    with pytest.raises(InvalidInputError, match="would be published as it is"):
        to_publish(named, manifest_of(SCHEME), LOCKED)


def test_a_view_that_is_named_is_published_as_it_is() -> None:
    view = np.ones(SCHEME.model_length)
    assert to_publish(NamedModel(None, view), manifest_of(SCHEME), LOCKED) is view


@pytest.mark.parametrize("named", [NamedModel(None, np.ones(3)), NamedModel(np.ones(3), None, Path("hiding.key"))])
@pytest.mark.parametrize("manifest", [None, ModelManifest((Block("all", 3, 20),), 3)])
def test_views_and_secrets_are_for_tasks_that_hide_their_models(
    named: NamedModel, manifest: ModelManifest | None
) -> None:
    with pytest.raises(InvalidInputError, match="leave them out"):
        to_publish(named, manifest, LOCKED)
