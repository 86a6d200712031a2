"""What the demo shows under each policy: who cheats and how, how a round goes, and what plain training makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from circuits.arrays import FloatArray
from circuits.hashing import keccak
from circuits.policies.graded import REFERENCE
from circuits.policies.norm import NORM
from circuits.quantize import IntArray, quantize
from circuits.terms import Grading
from gradroll.demo.cast import Buying, Cast, Role
from gradroll.demo.cheaters import deal_halves, deal_oversized
from gradroll.demo.report import ViewReport
from gradroll.demo.settling import put_forward
from gradroll.demo.training import (
    DIMENSION,
    Recipe,
    Shard,
    accuracy,
    gradient,
    initial_model,
    plain_aggregate,
    step,
)
from gradroll.model_owner.buyer import RoundAggregate
from gradroll.model_owner.plan import TaskPlan

LATE = 60
"""Seconds after the submit deadline until which provers may take their clocks to be wrong, and a little more."""


@dataclass(frozen=True, eq=False, slots=True)
class Plain:
    """What FedSGD without any cryptography makes of a round.

    Attributes:
        total: int64[d], the sum of the quantised gradients, each times its weight.
        weight: of all of them together.
        weights: of each owner, by name, where owners have weights.
        gradient: mean over the owners that count, where plain training goes along that and not along the sum;
            otherwise empty.
    """

    total: IntArray = field(repr=False)
    weight: int
    weights: Mapping[str, int] = field(default_factory=dict)
    gradient: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """The models of the training through the market, the latest one last, and the latest of plain FedSGD."""

    models: tuple[FloatArray, ...] = field(repr=False)
    plain: FloatArray = field(repr=False)

    @property
    def model(self) -> FloatArray:
        """The latest model."""
        return self.models[-1]


class Scene(Protocol):
    """One of the demo's courses."""

    @property
    def policy(self) -> str:
        """Name of the policy."""

    @property
    def recipe(self) -> Recipe:
        """How gradients are quantised and applied."""

    @property
    def dimension(self) -> int:
        """Numbers that an owner hands in."""

    @property
    def buying(self) -> Buying:
        """What the model owner has of its own."""

    def rows(self, owners: int) -> int:
        """Of the circuit, for so many owners."""

    def first_model(self) -> FloatArray:
        """What the training begins with."""

    def compute(self, model: FloatArray, shard: Shard) -> FloatArray:
        """What an honest owner hands in, of the published model and its shard."""

    def accuracy(self, model: FloatArray, test: Shard) -> float:
        """Share of images whose most likely digit is the right one."""

    def view(self, models: Sequence[FloatArray], test: Shard) -> ViewReport | None:
        """What the latest of a training's models is hidden by, None where it is not."""

    def roles(self, owners: int) -> list[Role]:
        """How each owner plays; the last ones cheat."""

    def terms(self, plan: TaskPlan) -> TaskPlan:
        """The task's terms."""

    def admit(self, cast: Cast, task_id: int) -> None:
        """Admit the owners, where the task asks for that."""

    def open_round(self, cast: Cast, task_id: int, model: FloatArray) -> int:
        """Open the next round; returns its number."""

    def end_submissions(self, cast: Cast, task_id: int, number: int) -> None:
        """What is to be done before a batch is made of what was handed in."""

    def plain(self, cast: Cast, states: Trained, bound: int, aggregate: RoundAggregate) -> Plain:
        """The same round in the clear."""

    def step(self, states: Trained, aggregate: RoundAggregate, expected: Plain) -> Trained:
        """Both trainings after the round."""


class SoftmaxScene:
    """What the courses have in common that train a softmax regression, and publish it as it is."""

    __slots__ = ()
    recipe: Recipe

    @property
    def dimension(self) -> int:
        return DIMENSION

    @property
    def buying(self) -> Buying:
        return Buying(self.recipe.manifest)

    def first_model(self) -> FloatArray:
        return initial_model()

    def compute(self, model: FloatArray, shard: Shard) -> FloatArray:
        return gradient(model, shard)

    def accuracy(self, model: FloatArray, test: Shard) -> float:
        return accuracy(model, test)

    def view(self, models: Sequence[FloatArray], test: Shard) -> ViewReport | None:
        """The model is not hidden."""
        return None

    def step(self, states: Trained, aggregate: RoundAggregate, expected: Plain) -> Trained:
        model = step(self.recipe, states.model, aggregate.quantized, sum(aggregate.weights))
        return Trained((*states.models, model), step(self.recipe, states.plain, expected.total, expected.weight))


@dataclass(frozen=True, slots=True)
class NormScene(SoftmaxScene):
    """Two owners break the norm bound, and are named, excluded and unpaid."""

    policy: str = NORM.name
    recipe: Recipe = field(default_factory=Recipe)

    def rows(self, owners: int) -> int:
        return owners

    def roles(self, owners: int) -> list[Role]:
        return with_cheaters(owners)

    def terms(self, plan: TaskPlan) -> TaskPlan:
        return plan

    def admit(self, cast: Cast, task_id: int) -> None:
        """The task is open."""

    def open_round(self, cast: Cast, task_id: int, model: FloatArray) -> int:
        return cast.buyer.open_round(task_id, model)

    def end_submissions(self, cast: Cast, task_id: int, number: int) -> None:
        """The batch is made as soon as all seats are taken."""

    def plain(self, cast: Cast, states: Trained, bound: int, aggregate: RoundAggregate) -> Plain:
        return Plain(plain_aggregate(states.plain, cast.honest_shards, self.recipe, bound), len(cast.honest_shards))


@dataclass(frozen=True, slots=True)
class GradedScene(SoftmaxScene):
    """Three in ten owners push against the model, within the bound: they are in the batch, and count and earn nothing.

    Attributes:
        own: the model owner's data, on which it computes its references.
    """

    own: Shard = field(repr=False)
    policy: str = REFERENCE.name
    recipe: Recipe = field(default_factory=lambda: Recipe(norm=1.0))

    def rows(self, owners: int) -> int:
        return owners + 1

    def roles(self, owners: int) -> list[Role]:
        cheaters = attackers(owners)
        return [Role()] * (owners - cheaters) + [Role("against the model", factor=-1.0)] * cheaters

    def terms(self, plan: TaskPlan) -> TaskPlan:
        data = keccak(self.own.features.tobytes() + self.own.labels.tobytes())
        return replace(plan, permissioned=True, grading=Grading(4, 4, data))

    def admit(self, cast: Cast, task_id: int) -> None:
        cast.buyer_chain.admit(task_id, [player.owner.address for player in cast.players])

    def open_round(self, cast: Cast, task_id: int, model: FloatArray) -> int:
        return cast.buyer.open_round(task_id, model, reference=gradient(model, self.own))

    def end_submissions(self, cast: Cast, task_id: int, number: int) -> None:
        """Numbers are opened when nobody can hand in any more: the development chain's clock is put forward."""
        put_forward(cast.view, cast.view.round(task_id, number).submit_deadline + LATE)

    def plain(self, cast: Cast, states: Trained, bound: int, aggregate: RoundAggregate) -> Plain:
        """With the weights that the proven numbers give; the cheaters' gradients are among them."""
        weights = dict(zip(aggregate.owners, aggregate.weights, strict=True))
        weighed = [(weights[player.owner.address], player) for player in cast.players]
        total = weighted_sum([(w, player.gradient(states.plain)) for w, player in weighed], self.recipe, bound)
        return Plain(total, sum(weights.values()), {player.name: w for w, player in weighed})


def with_cheaters(owners: int) -> list[Role]:
    """Honest owners, and last two that break the norm bound."""
    cheaters = [Role("too big, with lying bits", deal_oversized), Role("four halves of the field", deal_halves)]
    return [Role()] * (owners - len(cheaters)) + cheaters


def attackers(owners: int) -> int:
    """How many of the owners attack where gradients are graded: three in ten."""
    return 3 * owners // 10


def weighted_sum(weighed: Sequence[tuple[int, FloatArray]], recipe: Recipe, bound: int) -> IntArray:
    """Gradients brought to the bound and quantised, as owners of a task that grades do, each times its weight."""
    total: IntArray = np.zeros(DIMENSION, np.int64)
    for weight, values in weighed:
        quantized = quantize(
            values, fraction_bits=recipe.fraction_bits, bound=bound, dimension=DIMENSION, stretch=True
        )  # fmt: skip
        total = total + weight * quantized.values
    return total
