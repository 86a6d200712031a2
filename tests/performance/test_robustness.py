"""The parts of the robustness benchmark: models, data, attacks and rules do what its page says."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.machine import ROOT
from benchmarks.robustness import rates, settings
from benchmarks.robustness.attacks import ATTACKS, View, crafted
from benchmarks.robustness.datasets import Samples, divided
from benchmarks.robustness.gradedrules import ReferenceRule, as_integers
from benchmarks.robustness.models import Cnn, Mlp, Model
from benchmarks.robustness.rules import NormBound, Rule, rule_of
from benchmarks.robustness.settings import (
    BOUND,
    DITHER,
    HEADLINE,
    MIN_OWNERS,
    NONE,
    OWNERS,
    PEERS,
    REFERENCE_SAMPLES,
    RULES,
    SPREADS,
    STEP,
    Cell,
    grid,
)
from benchmarks.robustness.training import Training, poisoned
from circuits.arrays import FloatArray
from circuits.grading import NOISE_BITS, GradingRule, grades
from circuits.quantize import IntArray, squared_norm
from gradroll.model_owner.pricing import HIDDEN_AMONG

DIMENSION = 600
PAGE = ROOT / "docs" / "robustness.md"


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def around(direction: FloatArray, count: int, seed: int = 2, noise: float = 0.5) -> FloatArray:
    """Gradients that agree with a direction in part."""
    return direction + noise * rng(seed).normal(size=(count, len(direction)))


def cross_entropy(logits: FloatArray, labels: IntArray) -> float:
    lifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(lifted).sum(axis=1)) - lifted[np.arange(len(labels)), labels]))


@pytest.mark.parametrize("model", [Mlp(64, 10), Cnn(10)], ids=["mlp", "cnn"])
def test_gradients_are_the_slopes_of_each_owners_loss(model: Model) -> None:
    drawn = rng()
    parameters = model.initial(drawn) + 0.01 * drawn.normal(size=len(model.initial(drawn)))
    features, labels = drawn.random((3, 5, 64)), drawn.integers(0, 10, (3, 5))
    gradients = model.gradients(parameters, features, labels)
    direction, short = drawn.normal(size=len(parameters)), 1e-6
    for owner in range(3):
        ahead, behind = (
            cross_entropy(model.logits(parameters + side * short * direction, features[owner]), labels[owner])
            for side in (1, -1)
        )
        assert (ahead - behind) / (2 * short) == pytest.approx(gradients[owner] @ direction, rel=1e-4)


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("name", ["digits", "cancer"])
def test_every_sample_is_one_ones(name: str, spread: str) -> None:
    data = divided(name, spread, rng())
    held = np.sort(np.concatenate(data.shards))
    assert len(data.shards) == OWNERS
    assert np.array_equal(held, np.arange(len(data.train.labels)))
    assert len(data.reference.labels) == REFERENCE_SAMPLES
    parts = (data.train, data.reference, data.test)
    rows = np.concatenate([part.features for part in parts])
    assert len(rows) == {"digits": 1797, "cancer": 569}[name]


def test_dirichlet_gives_owners_few_classes_and_iid_all() -> None:
    counts = {}
    for spread in SPREADS:
        data = divided("digits", spread, rng())
        counts[spread] = np.mean([np.bincount(data.train.labels[shard]).max() / len(shard) for shard in data.shards])
    assert counts["iid"] < 0.25 < counts["dirichlet"]


def test_poisoned_samples_have_reversed_classes_or_the_trigger() -> None:
    data = divided("digits", "iid", rng())
    batch = data.train.at(np.arange(6).reshape(1, 6))
    flipped = poisoned("label flip", data, batch)
    assert np.array_equal(flipped.labels, 9 - batch.labels)
    assert np.array_equal(flipped.features, batch.features)
    doored = poisoned("back door", data, batch)
    assert np.array_equal(doored.labels[:, 3:], batch.labels[:, 3:])
    assert not doored.labels[:, :3].any()
    assert (doored.features[:, :3][..., list(data.trigger)] == 1).all()
    assert np.array_equal(doored.features[:, 3:], batch.features[:, 3:])


def graded(past: int = 0, seed: int = 3) -> ReferenceRule:
    return ReferenceRule(taken_out=past, min_owners=MIN_OWNERS, rng=rng(seed))


def test_a_graded_round_is_the_protocols() -> None:
    """The same numbers by whole integers, as the provers open them and the contract weighs them."""
    own = rng().normal(size=DIMENSION)
    rule = graded()
    rule.begin(own)
    submitted = rule.submitted(np.concatenate([around(own, 12), around(-own, 8)]))
    update = rule.finish(submitted)
    settled, drawn = GradingRule(STEP, DITHER, MIN_OWNERS), rng(3)
    reference = [int(value) for value in as_integers(rule.reference)]
    noise = [int(value) for value in drawn.integers(0, 1 << NOISE_BITS, OWNERS)]
    rows = [[int(value) for value in row] for row in as_integers(submitted)]
    assert all(0.99 * BOUND < squared_norm(row) <= BOUND for row in as_integers(submitted))
    inner = [sum(a * b for a, b in zip(row, reference, strict=True)) for row in rows]
    found = grades(settled, [settled.scale(BOUND) * w + n for w, n in zip(inner, noise, strict=True)])
    assert rule.last is not None
    assert rule.last.grades == found
    assert min(found.weights[:12]) > 0
    assert not any(found.weights[12:])
    total = [sum(w * row[k] for w, row in zip(found.weights, rows, strict=True)) for k in range(DIMENSION)]
    assert np.allclose(update, np.array(total) / 2.0**16 / sum(found.weights), rtol=0, atol=1e-12)


def test_who_repeats_a_public_sum_earns_nothing_in_an_open_task() -> None:
    own = rng().normal(size=DIMENSION)
    for past, level in ((0, 3), (5, 0)):
        rule = graded(past)
        rule.begin(own)
        rule.finish(rule.submitted(around(own, OWNERS)))
        assert rule.last is not None
        first = rule.last.total
        rule.begin(own + 0.3 * rng(9).normal(size=DIMENSION))
        rule.finish(rule.submitted(np.tile(first, (OWNERS, 1))))
        assert set(rule.last.grades.levels) <= ({level} if level else {0, 1})
        assert rule.last.grades.fallback == (level == 0)


def test_who_has_no_gradient_counts_for_nothing() -> None:
    own = rng().normal(size=DIMENSION)
    rule = graded()
    rule.begin(own)
    gradients = around(own, OWNERS)
    gradients[4] = 0
    gradients[7] *= 1e-310
    rule.finish(rule.submitted(gradients))
    assert rule.last is not None
    assert (rule.last.grades.weights[4], rule.last.grades.weights[7]) == (0, 0)
    assert sum(rule.last.grades.weights) > OWNERS


def view(rule: Rule, attackers: int = 6, noise: float = 0.5) -> View:
    own = rng().normal(size=DIMENSION)
    rule.begin(own)
    honest, theirs = rule.submitted(around(own, OWNERS - attackers)), rule.submitted(around(own, attackers, 5, noise))
    return View(honest, theirs, -theirs, own, rule, rng(7))


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack not in ("replay", "back door")])
def test_attacks_take_progress_from_a_plain_sum(attack: str) -> None:
    seen = view(NormBound())
    mean = seen.honest.mean(axis=0)
    submitted = seen.rule.submitted(crafted(attack, seen))
    assert submitted.shape == seen.own.shape
    attacked = seen.rule.combined(np.concatenate([seen.honest, submitted]))
    spared = seen.rule.combined(np.concatenate([seen.honest, seen.own]))
    assert attacked @ mean < spared @ mean


def test_the_informed_have_weight_and_do_more_harm_than_who_guesses() -> None:
    seen = view(graded(), attackers=9, noise=2.0)
    assert isinstance(seen.rule, ReferenceRule)
    progress = {}
    for attack in ("sign flip", "adaptive", "informed"):
        submitted = np.concatenate([seen.honest, seen.rule.submitted(crafted(attack, seen))])
        progress[attack] = seen.rule.finish(submitted) @ seen.honest.mean(axis=0)
        assert seen.rule.last is not None
        weights = seen.rule.last.grades.weights[-9:]
        assert any(weights) == (attack != "sign flip")
    assert progress["informed"] < progress["adaptive"] < progress["sign flip"]


def test_peers_are_told_how_many_attackers_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a library of that shape: the real one is installed beside the benchmark only."""
    told: list[tuple[Any, ...]] = []

    def aggregator(*given: Any, **named: Any) -> Any:
        told.append((*given, *named.values()))
        return lambda gradients: gradients[0]

    names = ("Krum", "MultiKrum", "TrMean", "Median", "CenteredClipping")
    monkeypatch.setitem(sys.modules, "byzfl", SimpleNamespace(**dict.fromkeys(names, aggregator)))
    gradients = rng().normal(size=(OWNERS, 3))
    assert all(np.array_equal(rule_of(peer, 6, rng()).finish(gradients), gradients[0]) for peer in PEERS)
    assert told == [(6,), (6,), (6,), (), (1, 1.0)]


def test_the_grid_is_whole() -> None:
    cells = list(grid())
    assert len({cell.name for cell in cells}) == len(cells) == 2 + 2 * 10 * 4
    assert {cell.attackers for cell in cells} == {0, 2, 4, 6, 9}
    assert all(set(RULES) <= set(cell.rules) for cell in cells)


def test_a_training_is_the_same_again_and_ours_withstands_what_breaks_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.robustness.training.ROUNDS", 60)
    cell = Cell("digits", "mlp", "iid", "inner product", 45)
    ours = Training(cell, HEADLINE, 1).run()
    assert Training(cell, HEADLINE, 1).run() == ours
    assert ours["accuracy"] > 0.8
    assert Training(cell, "norm", 1).run()["accuracy"] < 0.5
    assert ours["taken"] < 0.3
    assert Training(Cell("digits", "mlp", "iid", NONE, 0), "norm", 1).run()["accuracy"] > 0.8


def test_samples_are_found_by_an_index_of_any_shape() -> None:
    samples = Samples(np.arange(12.0).reshape(6, 2), np.arange(6))
    found = samples.at(np.array([[0, 5], [2, 2]]))
    assert found.features.shape == (2, 2, 2)
    assert found.labels.tolist() == [[0, 5], [2, 2]]


def test_the_page_says_what_is_run() -> None:
    text = re.sub(r"<!-- table: .*?<!-- end -->", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    said = " ".join(text.split())
    small, convolved = Mlp(64, 10).initial(rng()), Cnn(10).initial(rng())
    for words in (
        f"{settings.OWNERS} owners train a model of {len(small):,} parameters (one hidden layer of {settings.HIDDEN})",
        f"for {settings.ROUNDS} rounds", f"{REFERENCE_SAMPLES} are the model owner's",
        f"concentration {settings.CONCENTRATION}", f"that of {settings.BATCH} of its images",
        f"step and dither {STEP} and classes of at least {MIN_OWNERS} owners",
        f"takes the last {settings.PAST_SUMS} public sums", f"within the bound, {settings.NORM:g},",
        f"(radius {settings.CLIPPING:g}, one step)", f"of at least {settings.MORE_OWNERS} owners",
        f"convolutional network ({len(convolved)} parameters)",
    ):  # fmt: skip
        assert words in said, words
    assert settings.STEP == settings.DITHER
    assert settings.LAST == 10
    assert settings.MORE_OWNERS == HIDDEN_AMONG
    assert (len(rates.TRIED), len(rates.ATTACKS), len(rates.SEEDS)) == (6, 4, 2)
    assert not set(rates.SEEDS) & set(settings.SEEDS)
    assert {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")} == {
        *ATTACKS, "attack", "---",
    }  # fmt: skip


class Counted(NormBound):
    """Notes how often it is asked."""

    asked = 0

    def combined(self, gradients: FloatArray) -> FloatArray:
        self.asked += 1
        return super().combined(gradients)


class CountedReference(ReferenceRule):
    """The same of ours."""

    asked = 0

    def combined(self, gradients: FloatArray) -> FloatArray:
        self.asked += 1
        return super().combined(gradients)


def test_the_adaptive_try_as_many_as_the_page_says() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    others, ours = Counted(), CountedReference(taken_out=0, min_owners=MIN_OWNERS, rng=rng())
    crafted("adaptive", view(others))
    crafted("adaptive", view(ours))
    assert f"of {others.asked} gradients around the honest mean" in text
    assert f"of {ours.asked} that have a level" in text


def test_rates_are_those_that_were_best(monkeypatch: pytest.MonkeyPatch) -> None:
    class Played:
        def __init__(self, cell: Cell, rule: str, seed: int, rate: float) -> None:
            self.rate = rate

        def run(self) -> dict[str, float]:
            return {"accuracy": 1 - abs(self.rate - 1.5)}

    monkeypatch.setattr(rates, "Training", Played)
    lines = list(rates.tried())
    assert len(lines) == len(RULES)
    assert all(line.endswith("2: 0.500, 3: -0.500; best 1.5") for line in lines)
