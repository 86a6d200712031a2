"""One training: a cell, a rule and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.robustness.attacks import View, crafted
from benchmarks.robustness.datasets import Divided, Samples, batches, divided
from benchmarks.robustness.gradedrules import ReferenceRule
from benchmarks.robustness.models import Model, model_of
from benchmarks.robustness.rules import Rule, rule_of
from benchmarks.robustness.settings import BATCH, LAST, OWNERS, RATES, ROUNDS, Cell
from circuits.arrays import FloatArray

_DATA, _MODEL, _BATCHES, _ATTACK, _RULE = range(5)
"""Streams of randomness of a seed: each is the same whatever the rule."""
_TARGET = 0
"""Class that the back door leads to."""


@dataclass(slots=True)
class Tally:
    """What is noted of the rounds.

    Attributes:
        accuracies: of the last rounds' models on the test.
        opened: share of the test's other images that the trigger turns into the back door's class, of the same models.
        paid: levels that all owners were paid, in all rounds.
        taken: of these, the attackers'.
        fallbacks: rounds in which nobody had a weight.
    """

    accuracies: list[float]
    opened: list[float]
    paid: int = 0
    taken: int = 0
    fallbacks: int = 0

    def record(self) -> dict[str, float]:
        """Figures for a result file."""
        figures = {"accuracy": float(np.mean(self.accuracies)), "back_door": float(np.mean(self.opened))}
        if self.paid:
            figures |= {"taken": self.taken / self.paid, "fallbacks": self.fallbacks / ROUNDS}
        return {name: round(figure, 4) for name, figure in figures.items()}


class Training:
    """A model on its way, by one rule, under one attack."""

    def __init__(self, cell: Cell, rule: str, seed: int, rate: float | None = None) -> None:
        self._cell = cell
        self._rng = [np.random.default_rng([seed, stream]) for stream in range(_RULE + 1)]
        self._data = divided(cell.data, cell.spread, self._rng[_DATA])
        self._model: Model = model_of(cell.model, self._data.train.features.shape[1], self._data.classes)
        self._rule: Rule = rule_of(rule, cell.attackers, self._rng[_RULE])
        self._rate = RATES[rule] if rate is None else rate
        self._parameters = self._model.initial(self._rng[_MODEL])
        self._update: FloatArray | None = None
        self._tally = Tally([], [])

    def run(self) -> Mapping[str, float]:
        """Figures of the whole training."""
        for number in range(ROUNDS):
            self._round(self._rate * (1 - number / ROUNDS))
            if number >= ROUNDS - LAST:
                self._measure()
        return self._tally.record()

    def _round(self, rate: float) -> None:
        reference = self._data.reference
        own = self._model.gradients(self._parameters, reference.features[None], reference.labels[None])[0]
        self._rule.begin(own)
        self._update = self._rule.finish(self._submissions())
        self._parameters = self._parameters - rate * self._update
        if isinstance(self._rule, ReferenceRule) and self._rule.last is not None:
            graded = self._rule.last.grades
            self._tally.paid += sum(graded.levels)
            self._tally.taken += sum(graded.levels[OWNERS - self._cell.attackers :])
            self._tally.fallbacks += graded.fallback

    def _submissions(self) -> FloatArray:
        """Honest owners' first, then the attackers'."""
        samples = self._data.train.at(batches(self._data.shards, BATCH, self._rng[_BATCHES]))
        gradients = self._model.gradients(self._parameters, samples.features, samples.labels)
        honest = OWNERS - self._cell.attackers
        submitted = self._rule.submitted(gradients[:honest])
        if honest == OWNERS:
            return submitted
        bad = poisoned(self._cell.attack, self._data, Samples(samples.features[honest:], samples.labels[honest:]))
        view = View(
            submitted, self._rule.submitted(gradients[honest:]),
            self._model.gradients(self._parameters, bad.features, bad.labels),
            self._public(), self._rule, self._rng[_ATTACK],
        )  # fmt: skip
        return np.concatenate([submitted, self._rule.submitted(crafted(self._cell.attack, view))])

    def _public(self) -> FloatArray | None:
        """What was published last."""
        if isinstance(self._rule, ReferenceRule):
            return self._rule.last.total if self._rule.last is not None else None
        return self._update

    def _measure(self) -> None:
        test = self._data.test
        found = self._model.logits(self._parameters, test.features).argmax(axis=1)
        self._tally.accuracies.append(float(np.mean(found == test.labels)))
        others = test.features[test.labels != _TARGET]
        led = self._model.logits(self._parameters, self._data.stamped(others)).argmax(axis=1)
        self._tally.opened.append(float(np.mean(led == _TARGET)))


def poisoned(attack: str, data: Divided, samples: Samples) -> Samples:
    """Attackers' samples float64[f, n, k]: half of each batch stamped for the back door, else with labels reversed."""
    if attack != "back door":
        return Samples(samples.features, data.classes - 1 - samples.labels)
    half = samples.labels.shape[1] // 2
    features, labels = samples.features.copy(), samples.labels.copy()
    features[:, :half] = data.stamped(features[:, :half])
    labels[:, :half] = _TARGET
    return Samples(features, labels)
