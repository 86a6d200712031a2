"""What gives a hidden model away and what does not: `docs/model-privacy.md` says the same, with these figures.

A network of 64, 32 and 10 neurons is trained on the digits data, with one group of outputs or one for each; attackers
have views, and at most a few samples of their own.  Most attacks work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest

from circuits.arrays import FloatArray
from circuits.quantize import dequantize, quantize
from commons.protocol.hidingschemes import HidingScheme
from gradroll.hiddenmodel.hiding import Noise, draw_noise, hide, recover, unhide
from gradroll.hiddenmodel.network import forward, split
from gradroll.hiddenmodel.ownerterms import owner_terms, plain_gradient
from tests.hiddenmodel.attacks import (
    by_labels,
    by_medians,
    by_public_sum,
    by_public_sum_of_each,
    by_sum_of_outputs,
    by_two_views,
    without_noise,
)
from tests.hiddenmodel.schemes import KEY, perceptron, random_model

STEPS, RATE = 200, 0.2
OTHER_KEY = bytes(32)


@dataclass(frozen=True, eq=False)
class Story:
    """A training: models of all rounds, samples of the owners (the attacker's come first), and a test set."""

    scheme: HidingScheme
    models: tuple[FloatArray, ...]
    train: tuple[FloatArray, FloatArray]
    test: tuple[FloatArray, FloatArray]

    def noise(self, at: int, key: bytes = KEY) -> Noise:
        return draw_noise(self.scheme, self.models[at], key)

    def view(self, at: int, key: bytes = KEY) -> FloatArray:
        return hide(self.scheme, self.models[at], self.noise(at, key))

    def own(self, count: int) -> tuple[FloatArray, FloatArray]:
        return self.train[0][:count], self.train[1][:count]

    def accuracy(self, outputs: FloatArray) -> float:
        return float(np.mean(outputs.argmax(axis=1) == self.test[1].argmax(axis=1)))

    def true_accuracy(self) -> float:
        return self.accuracy(forward(self.scheme, self.models[-1], self.test[0]).outputs)


@lru_cache(maxsize=2)
def story(groups: int) -> Story:
    data = pytest.importorskip("sklearn.datasets").load_digits()
    samples, targets = data.data / 16.0, np.eye(10)[data.target]
    order = np.random.default_rng(2026).permutation(len(samples))
    test, train = order[:359], order[359:]
    scheme = perceptron(64, 32, 10, groups=groups)
    models = [random_model(scheme)]
    for _ in range(STEPS):
        models.append(models[-1] - RATE * plain_gradient(scheme, models[-1], samples[train], targets[train]))
    return Story(scheme, tuple(models), (samples[train], targets[train]), (samples[test], targets[test]))


def error(found: FloatArray, noise: Noise) -> float:
    """The largest relative error of the scalars."""
    return float(np.max(np.abs(found / noise.scalars - 1.0)))


ONE, EACH = pytest.param(1, id="one group"), pytest.param(10, id="a group an output")


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_a_view_used_as_it_is_is_worse_than_the_model(groups: int) -> None:
    told = story(groups)
    seen = told.accuracy(forward(told.scheme, told.view(-1), told.test[0]).outputs)
    assert told.true_accuracy() > 0.93
    assert seen < 0.9 if groups == 1 else seen < 0.4


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_fifty_labelled_samples_give_a_model_as_good_as_the_true_one(groups: int) -> None:
    """The noise is as many numbers as there are groups; who has data fits them."""
    told = story(groups)
    found = by_labels(told.scheme, told.view(-1), *told.own(50))
    assert told.accuracy(without_noise(told.scheme, told.view(-1), told.test[0], found)) > told.true_accuracy() - 0.02
    assert error(found, told.noise(-1)) < (0.01 if groups == 1 else 0.2)


def test_samples_without_labels_are_enough_where_targets_add_up_to_one() -> None:
    told = story(1)
    found = by_sum_of_outputs(told.scheme, told.view(-1), told.own(50)[0])
    assert error(found, told.noise(-1)) < 0.01


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_a_view_alone_gives_most_of_it(groups: int) -> None:
    told = story(groups)
    found = by_medians(told.scheme, told.view(-1))
    reached = told.accuracy(without_noise(told.scheme, told.view(-1), told.test[0], found))
    assert reached > told.true_accuracy() - (0.01 if groups == 1 else 0.3)


def test_outputs_of_a_group_are_visible_but_for_one_number() -> None:
    """Differences of outputs, each divided by its gamma, are those of the true model; ten outputs tell the digit."""
    told = story(1)
    gamma = np.array(told.scheme.gamma)
    true = forward(told.scheme, told.models[-1], told.test[0]).outputs / gamma
    seen = forward(told.scheme, told.view(-1), told.test[0]).outputs / gamma
    assert np.allclose(np.diff(seen, axis=1), np.diff(true, axis=1), atol=1e-9)
    without = (seen * gamma) @ (np.eye(10) - np.outer(gamma, gamma) / (gamma @ gamma))
    assert told.accuracy(without) > told.true_accuracy() - 0.02


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_hidden_layers_are_visible_up_to_a_factor_a_neuron(groups: int) -> None:
    """Signs, zeros, directions of the first layer's neurons, and products around a cycle of weights."""
    told = story(groups)
    true, seen = (split(model, told.scheme.weights[0]) for model in (told.models[-1], told.view(-1)))
    assert np.array_equal(np.sign(true[0]), np.sign(seen[0]))
    rows = [np.column_stack(each) / np.linalg.norm(np.column_stack(each), axis=1)[:, None] for each in (true, seen)]
    assert np.allclose(rows[0], rows[1], rtol=1e-12)


def test_cycles_of_a_deeper_layer_are_visible() -> None:
    scheme = perceptron(6, 5, 4, 3)
    model = random_model(scheme)
    view = hide(scheme, model, draw_noise(scheme, model, KEY))
    true, seen = (split(each, scheme.weights[1])[0] for each in (model, view))

    def cycle(w: FloatArray) -> float:
        return float(w[0, 1] * w[2, 3] / (w[0, 3] * w[2, 1]))

    assert cycle(seen) == pytest.approx(cycle(true), rel=1e-12)
    assert abs(seen[0, 1] / true[0, 1] - 1.0) > 1e-3


def test_a_linear_head_on_a_views_features_is_nearly_as_good() -> None:
    """Nobody needs the last layer who has data for one: the features are in the view."""
    told = story(10)

    def features(samples: FloatArray) -> FloatArray:
        run = forward(told.scheme, told.view(-1), samples)
        return np.column_stack((run.inputs[-1], np.ones(len(samples))))

    samples, targets = told.own(140)
    known = features(samples)
    sizes = np.sqrt(np.mean(known**2, axis=0)) + 1e-9
    normal = (known / sizes).T @ (known / sizes) + 1.4 * np.eye(known.shape[1])
    head = np.linalg.solve(normal, (known / sizes).T @ targets)
    assert told.accuracy((features(told.test[0]) / sizes) @ head) > told.true_accuracy() - 0.02


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_fresh_factors_would_give_all_away_and_kept_ones_do_not(groups: int) -> None:
    """On one model under two noises exactly; on two rounds' models within a percent."""
    told = story(groups)
    at, noise = STEPS // 2, told.noise(STEPS // 2)
    assert error(by_two_views(told.scheme, told.view(at), told.view(at, OTHER_KEY)), noise) < 1e-9
    assert error(by_two_views(told.scheme, told.view(at), told.view(at + 1, OTHER_KEY)), noise) < 0.01
    assert error(by_two_views(told.scheme, told.view(at), told.view(at + 1)), noise) > 0.1
    kept = replace(noise, scalars=2.0 * noise.scalars)
    assert np.all(np.isnan(by_two_views(told.scheme, told.view(at), hide(told.scheme, told.models[at], kept))))


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_two_views_with_kept_factors_fit_other_scalars_as_well(groups: int) -> None:
    """Models that lie elsewhere, but are the same step apart, have the very same views under other scalars."""
    told = story(groups)
    others = [replace(told.noise(at), scalars=told.noise(at).scalars + 1.0) for at in (0, 1)]
    models = [unhide(told.scheme, told.view(at), others[at]) for at in (0, 1)]
    for at in (0, 1):
        assert np.allclose(hide(told.scheme, models[at], others[at]), told.view(at), rtol=1e-12, atol=1e-12)
        assert np.linalg.norm(models[at] - told.models[at]) > 1.0
    assert np.allclose(models[1] - models[0], told.models[1] - told.models[0], rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("rounded", [False, True], ids=["exact", "quantised"])
@pytest.mark.parametrize("groups", [ONE, EACH])
def test_a_public_sum_between_two_views_gives_all_away(groups: int, rounded: bool) -> None:
    """Why a hidden model's sums have to be private."""
    told = story(groups)
    at = STEPS // 2
    total = owner_terms(told.scheme, told.view(at), *told.train)
    attack = by_public_sum if groups == 1 else by_public_sum_of_each
    published = _quantised(told.scheme, total) if rounded else total
    found = attack(told.scheme, told.view(at), told.view(at + 1), published)
    assert error(found, told.noise(at)) < (0.01 if rounded else 1e-6)


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_an_owners_own_terms_do_not_stand_for_a_private_sum(groups: int) -> None:
    """With a ninth of all data; it would get further with its labels alone."""
    told = story(groups)
    at = STEPS // 2
    own = owner_terms(told.scheme, told.view(at), *told.own(160))
    attack = by_public_sum if groups == 1 else by_public_sum_of_each
    found = error(attack(told.scheme, told.view(at), told.view(at + 1), own), told.noise(at))
    assert found > 0.02
    assert found > error(by_labels(told.scheme, told.view(at), *told.own(160)), told.noise(at))


def _quantised(scheme: HidingScheme, terms: FloatArray) -> FloatArray:
    parts = np.split(terms, np.cumsum([length for _, length in scheme.blocks()])[:-1])
    out = []
    for part in parts:
        bits = 24 - int(np.ceil(np.log2(np.max(np.abs(part)))))
        whole = quantize(part, fraction_bits=bits, bound=(1 << 62) - 1, dimension=len(part))
        out.append(dequantize(whole.values, bits))
    return np.concatenate(out)


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_who_knows_the_first_model_knows_all_factors(groups: int) -> None:
    """So it must be drawn in secret: no zeros, nobody else's model, no seed that others know."""
    told = story(groups)
    known, seen = (split(model, told.scheme.weights[0])[0] for model in (told.models[0], told.view(0)))
    factors = np.median(seen / known, axis=1)
    assert np.allclose(factors, told.noise(0).factors[0], rtol=1e-12)
    last = split(told.view(0), told.scheme.weights[-1])[1] - split(told.models[0], told.scheme.weights[-1])[1]
    assert np.allclose(last / told.scheme.gamma, told.noise(0).scalars[list(told.scheme.groups)], rtol=1e-9)


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_a_grade_by_cosine_says_nothing(groups: int) -> None:
    """Wrong labels, and a vector that gives the reverse of the true gradient, are as like the reference as honest ones.

    For the reverse an attacker needs the scalars, which the tests above find.
    """
    told = story(groups)
    view, noise = told.view(STEPS // 2), told.noise(STEPS // 2)
    samples, targets = told.own(140)
    honest = owner_terms(told.scheme, view, samples, targets)
    reference = owner_terms(told.scheme, view, told.train[0][140:280], told.train[1][140:280])
    wrong = owner_terms(told.scheme, view, samples, np.roll(targets, 1, axis=1))
    reverse = honest.copy()
    plain = Noise(tuple(np.ones_like(f) for f in noise.factors), noise.scalars)
    reverse[: told.scheme.model_length] -= 2.0 * recover(told.scheme, honest, plain)
    true = recover(told.scheme, honest, noise)
    assert cosine(recover(told.scheme, reverse, noise), true) == pytest.approx(-1.0)
    assert cosine(recover(told.scheme, wrong, noise), true) < 0.1
    for each in (honest, wrong, reverse):
        assert cosine(each, reference) > 0.98


@pytest.mark.parametrize("groups", [ONE, EACH])
def test_a_norm_bound_lets_one_owner_outweigh_many(groups: int) -> None:
    """The bound has to fit sigma and beta; all of it in the gradient's place is hundreds of gradients."""
    told = story(groups)
    view, noise = told.view(STEPS // 2), told.noise(STEPS // 2)
    honest = owner_terms(told.scheme, view, *told.own(140))
    true = recover(told.scheme, honest, noise)
    length = told.scheme.model_length
    push = np.zeros_like(honest)
    push[:length] = recover(told.scheme, honest, noise)
    push *= np.linalg.norm(honest) / np.linalg.norm(push)
    assert np.linalg.norm(recover(told.scheme, push, noise)) > 100.0 * np.linalg.norm(true)


def cosine(left: FloatArray, right: FloatArray) -> float:
    return float(left @ right / np.linalg.norm(left) / np.linalg.norm(right))
