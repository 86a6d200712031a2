"""The model owner gets the true gradient out of what owners compute on a view that shows no weight as it is."""

from __future__ import annotations

import numpy as np
import pytest

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError
from circuits.quantize import dequantize, quantize
from commons.protocol.hidingschemes import HidingScheme
from gradroll.hiddenmodel.hiding import draw_noise, hide, recover, unhidden, unhide
from gradroll.hiddenmodel.network import forward
from gradroll.hiddenmodel.ownerterms import in_parts, owner_terms, plain_gradient
from tests.hiddenmodel.schemes import KEY, convolutional, perceptron, random_model, random_samples

SCHEMES = {
    "one hidden layer": perceptron(8, 6, 4),
    "three hidden layers": perceptron(10, 9, 8, 7, 5),
    "groups": perceptron(8, 6, 7, groups=3),
    "a group an output": perceptron(8, 6, 6, 4, groups=4),
    "convolutions": convolutional(),
    "convolutions, groups": convolutional(groups=2),
}
NAMED = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)


def loss(scheme: HidingScheme, model: FloatArray, samples: FloatArray, targets: FloatArray) -> float:
    return float(0.5 * np.sum((forward(scheme, model, samples).outputs - targets) ** 2) / len(samples))


@NAMED
def test_the_plain_gradient_is_the_slope_of_the_loss(scheme: HidingScheme) -> None:
    model = random_model(scheme)
    samples, targets = random_samples(scheme, 6)
    gradient = plain_gradient(scheme, model, samples, targets)
    step = 1e-6
    for at in np.random.default_rng(3).choice(len(model), 40, replace=False):
        ahead, behind = model.copy(), model.copy()
        ahead[at] += step
        behind[at] -= step
        slope = (loss(scheme, ahead, samples, targets) - loss(scheme, behind, samples, targets)) / (2 * step)
        assert slope == pytest.approx(gradient[at], rel=1e-5, abs=1e-8)


def test_terms_in_parts_are_those_of_all_samples_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of three samples, of which the last one has fewer, count by their samples."""
    scheme = perceptron(8, 6, 7, groups=3)
    monkeypatch.setattr("gradroll.hiddenmodel.ownerterms._AT_ONCE", 3 * 8)
    model, (samples, targets), sizes = random_model(scheme), random_samples(scheme, 7), list[int]()

    def terms(own: HidingScheme, view: FloatArray, some: FloatArray, aims: FloatArray) -> FloatArray:
        sizes.append(len(some))
        return owner_terms(own, view, some, aims)

    found = in_parts(terms, scheme, model, samples, targets)
    assert np.allclose(found, owner_terms(scheme, model, samples, targets), rtol=1e-12, atol=1e-13)
    assert sizes == [3, 3, 1]


@NAMED
def test_outputs_of_a_view_are_off_by_alpha_times_the_noise(scheme: HidingScheme) -> None:
    model = random_model(scheme)
    noise = draw_noise(scheme, model, KEY)
    samples, _ = random_samples(scheme, 6)
    true, seen = forward(scheme, model, samples), forward(scheme, hide(scheme, model, noise), samples)
    shift = noise.scalars[list(scheme.groups)] * np.array(scheme.gamma)
    assert np.allclose(seen.outputs, true.outputs + seen.alpha[:, None] * shift, rtol=1e-12, atol=1e-12)


@NAMED
def test_the_true_gradient_comes_out_of_several_owners_sum(scheme: HidingScheme) -> None:
    model = random_model(scheme)
    noise = draw_noise(scheme, model, KEY)
    view = hide(scheme, model, noise)
    total, true = np.zeros(scheme.handed_in), np.zeros(scheme.model_length)
    for owner in range(5):
        samples, targets = random_samples(scheme, 3 + owner, seed=owner)
        total += owner_terms(scheme, view, samples, targets)
        true += plain_gradient(scheme, model, samples, targets)
    assert np.max(np.abs(recover(scheme, total, noise) - true)) <= 1e-9 * np.max(np.abs(true))


@NAMED
def test_every_weight_differs_from_the_view_and_comes_back(scheme: HidingScheme) -> None:
    model = random_model(scheme)
    noise = draw_noise(scheme, model, KEY)
    view = hide(scheme, model, noise)
    assert unhidden(model, view) == 0
    assert np.min(np.abs(view / model - 1.0)) > 1e-6
    assert np.allclose(unhide(scheme, view, noise), model, rtol=1e-12, atol=1e-12)


@NAMED
def test_other_noise_does_not_recover(scheme: HidingScheme) -> None:
    model = random_model(scheme)
    noise, other = draw_noise(scheme, model, KEY), draw_noise(scheme, model, bytes(32))
    samples, targets = random_samples(scheme, 6)
    terms = owner_terms(scheme, hide(scheme, model, noise), samples, targets)
    true = plain_gradient(scheme, model, samples, targets)
    assert np.linalg.norm(recover(scheme, terms, other) - true) > 0.5 * np.linalg.norm(true)


@NAMED
def test_quantised_by_block_the_gradient_is_off_by_quantisation_only(scheme: HidingScheme) -> None:
    """Each block has a scale of its own; what comes out is off by no more than the roundings, as they are recovered."""
    model = random_model(scheme)
    noise = draw_noise(scheme, model, KEY)
    samples, targets = random_samples(scheme, 6)
    terms = owner_terms(scheme, hide(scheme, model, noise), samples, targets)
    rounded, units, at = [], [], 0
    for _, length in scheme.blocks():
        block = terms[at : at + length]
        bits = 24 - int(np.ceil(np.log2(np.max(np.abs(block)))))
        whole = quantize(block, fraction_bits=bits, bound=(1 << 62) - 1, dimension=length)
        assert not whole.clipped
        rounded.append(dequantize(whole.values, bits))
        units.append(np.full(length, 2.0 ** -(bits + 1)))
        at += length
    assert at == scheme.handed_in
    found = recover(scheme, np.concatenate(rounded), noise)
    exact = recover(scheme, terms, noise)
    allowed = worst_case(scheme, np.concatenate(units), noise.scalars) * np.abs(ratio_of(scheme, model))
    assert np.all(np.abs(found - exact) <= allowed * (1 + 1e-9) + 1e-13)
    assert np.linalg.norm(found - exact) < 1e-4 * np.linalg.norm(exact)


def ratio_of(scheme: HidingScheme, model: FloatArray) -> FloatArray:
    """What the view multiplies the numbers of a model by, seen from outside: the view of twice it less the view."""
    noise = draw_noise(scheme, model, KEY)
    return (hide(scheme, 2 * model, noise) - hide(scheme, model, noise)) / model


def worst_case(scheme: HidingScheme, units: FloatArray, scalars: FloatArray) -> FloatArray:
    """The largest error of each number when all roundings add up, before the factors."""
    gamma = np.array(scheme.gamma)
    places = dict(zip((name for name, _ in scheme.blocks()), split_blocks(scheme, units), strict=True))
    layers = len(scheme.weights)
    parts = []
    for layer, weights in enumerate(scheme.weights[:-1]):
        error = places[f"gradient.{layer}"].copy()
        for group, rho in enumerate(scalars):
            own = list(scheme.outputs_of(group))
            error += abs(rho) * places[f"sigma.{group}.{layer}"]
            error += rho**2 * float(np.sum(gamma[own] ** 2)) * places[f"beta.{layer}"]
        assert len(error) == weights.length
        parts.append(error)
    last = places[f"gradient.{layers - 1}"].copy()
    for group, rho in enumerate(scalars):  # a block has one unit, so rows need not be told apart: the largest serves
        last += abs(rho) * places[f"sigma.{group}.{layers - 1}"][0]
    return np.concatenate((*parts, last))


def split_blocks(scheme: HidingScheme, values: FloatArray) -> list[FloatArray]:
    return np.split(values, np.cumsum([length for _, length in scheme.blocks()])[:-1])


def test_scalars_are_fresh_for_each_model_and_factors_are_the_tasks() -> None:
    scheme = perceptron(8, 6, 4)
    model = random_model(scheme)
    first, again = draw_noise(scheme, model, KEY), draw_noise(scheme, model, KEY)
    next_round = draw_noise(scheme, np.nextafter(model, 9.0), KEY)
    elsewhere = [draw_noise(scheme, model, bytes(32)), draw_noise(scheme, model, KEY, b"another task")]
    assert np.array_equal(first.scalars, again.scalars)
    assert np.array_equal(first.factors[0], next_round.factors[0])
    assert all(not np.any(first.factors[0] == other.factors[0]) for other in elsewhere)
    assert len({float(noise.scalars[0]) for noise in (first, next_round, *elsewhere)}) == 4
    assert "scalars" not in repr(first) and "factors" not in repr(first)


def test_noise_covers_its_range() -> None:
    scheme = perceptron(3, 4096, 2)
    noise = draw_noise(scheme, random_model(scheme), KEY)
    factors = noise.factors[0]
    assert 0.25 < factors.min() < 0.26 and 3.9 < factors.max() < 4.0
    assert abs(np.mean(factors > 1.0) - 0.5) < 0.05


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_short_key_is_refused(key: bytes) -> None:
    scheme = perceptron(8, 6, 4)
    with pytest.raises(InvalidInputError, match="32 bytes"):
        draw_noise(scheme, random_model(scheme), key)


def test_shapes_that_do_not_fit_are_refused() -> None:
    scheme = perceptron(8, 6, 4)
    model = random_model(scheme)
    samples, targets = random_samples(scheme, 5)
    noise = draw_noise(scheme, model, KEY)
    with pytest.raises(InvalidInputError, match="samples have shape"):
        owner_terms(scheme, model, samples[:, :7], targets)
    with pytest.raises(InvalidInputError, match="samples have shape"):
        owner_terms(scheme, model, samples[:0], targets[:0])
    with pytest.raises(InvalidInputError, match="targets have shape"):
        owner_terms(scheme, model, samples, targets[:4])
    with pytest.raises(InvalidInputError, match="the model has shape"):
        owner_terms(scheme, model[1:], samples, targets)
    with pytest.raises(InvalidInputError, match="the task is for"):
        recover(scheme, np.zeros(scheme.handed_in + 1), noise)
    with pytest.raises(InvalidInputError, match="NaN or infinite"):
        hide(scheme, np.full(scheme.model_length, np.nan), noise)


def test_a_weight_of_zero_in_a_hidden_layer_stays_zero() -> None:
    """As every factor leaves it; in the last layer noise is added."""
    scheme = perceptron(8, 6, 4)
    model = random_model(scheme)
    model[:10] = 0.0
    model[-5:] = 0.0
    assert unhidden(model, hide(scheme, model, draw_noise(scheme, model, KEY))) == 10
