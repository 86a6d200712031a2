"""PyTorch computes what numpy computes on views, and networks of PyTorch become schemes and vectors, or are refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.errors import ConfigError, InvalidInputError
from commons.protocol.hidingschemes import HidingScheme, scheme_described
from gradroll.cli import main
from gradroll.hiddenmodel.hiding import draw_noise, hide, recover
from gradroll.hiddenmodel.network import forward
from gradroll.hiddenmodel.ownerterms import owner_terms, plain_gradient
from gradroll.hiddenmodel.torchnetworks import network_of, owner_terms_by_torch, scheme_of, vector_of
from tests.hiddenmodel.schemes import KEY, convolutional, directions, perceptron, random_model, random_samples
from tests.support.pages import blocks

SCHEMES = {"linear": perceptron(8, 6, 7, groups=3), "deep": perceptron(10, 9, 8, 5), "conv": convolutional(2)}
NAMED = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@NAMED
def test_torch_computes_the_terms_that_numpy_computes(torch: Any, scheme: HidingScheme) -> None:
    model = random_model(scheme)
    noise = draw_noise(scheme, model, KEY)
    view = hide(scheme, model, noise)
    samples, targets = random_samples(scheme, 6)
    found = owner_terms_by_torch(scheme, view, torch.from_numpy(samples), torch.from_numpy(targets))
    assert np.allclose(found, owner_terms(scheme, view, samples, targets), rtol=1e-10, atol=1e-12)
    true = plain_gradient(scheme, model, samples, targets)
    assert np.max(np.abs(recover(scheme, found, noise) - true)) <= 1e-9 * np.max(np.abs(true))


@NAMED
def test_a_network_goes_there_and_back(torch: Any, scheme: HidingScheme) -> None:
    model = random_model(scheme)
    network = network_of(scheme, model)
    assert scheme_of(network, scheme.input, scheme.groups, scheme.gamma) == scheme
    assert np.array_equal(vector_of(network), model)
    samples, _ = random_samples(scheme, 6)
    outputs = network(torch.from_numpy(samples)).detach().numpy()
    assert np.allclose(outputs, forward(scheme, model, samples).outputs, rtol=1e-12, atol=1e-12)


def test_the_example_of_the_page_describes_a_network_that_commands_hide(
    torch: Any, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = [each for each in blocks(repository / "docs" / "model-privacy.md") if each.language == "python"]
    exec(example.text, {})  # noqa: S102 - the project's own page
    words = ["model", "hide", "model.npy", "--network", "network.json", "--secret", "hiding.key", "--first"]
    assert main([*words, "--out", "view.npy"]) == 0
    scheme = scheme_described(Path("network.json").read_bytes())
    assert np.load("view.npy").shape == (scheme.model_length,)
    assert scheme_of(network_of(scheme, np.load("view.npy")), (4,), range(3), [1.0] * 3) == scheme


def test_networks_that_cannot_be_hidden_are_refused(torch: Any) -> None:
    nn = torch.nn
    groups, gamma = directions(2, 1)
    refused = [
        (nn.Linear(4, 3), nn.Linear(3, 2)),
        (nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU()),
        (nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)),
        (nn.Linear(4, 3), nn.ReLU(), nn.ReLU(), nn.Linear(3, 2)),
        (nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)),
        (nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 2)),
        (nn.Linear(4, 3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 2)),
    ]
    for modules in refused:
        with pytest.raises(InvalidInputError):
            scheme_of(nn.Sequential(*modules), (4,), groups, gamma)
    convolutions = [
        nn.Conv2d(2, 4, 3, groups=2), nn.Conv2d(2, 4, 3, dilation=2), nn.Conv2d(2, 4, (3, 2)),
        nn.Conv2d(2, 4, 3, padding="same"), nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"),
    ]  # fmt: skip
    for module in convolutions:
        network = nn.Sequential(module, nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        with pytest.raises(InvalidInputError):
            scheme_of(network, (2, 8, 8), groups, gamma)
    for pool in (nn.MaxPool2d(2, padding=1), nn.AvgPool2d(2, ceil_mode=True), nn.MaxPool2d(2, dilation=2)):
        network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), pool, nn.Flatten(), nn.Linear(36, 2))
        with pytest.raises(InvalidInputError):
            scheme_of(network, (2, 8, 8), groups, gamma)


def test_samples_of_another_shape_are_refused(torch: Any) -> None:
    scheme = perceptron(8, 6, 4)
    samples, targets = random_samples(scheme, 5)
    for wrong in (samples[:, :7], samples[:0]):
        with pytest.raises(InvalidInputError, match="samples have shape"):
            owner_terms_by_torch(scheme, random_model(scheme), wrong, targets)
    with pytest.raises(InvalidInputError, match="targets have shape"):
        owner_terms_by_torch(scheme, random_model(scheme), samples, targets[:4])


def test_without_pytorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commons.runtime.extras.find_spec", lambda module: None)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    scheme = perceptron(8, 6, 4)
    with pytest.raises(ConfigError, match=r"gradroll\[torch\]"):
        network_of(scheme, random_model(scheme))
