"""The demo's course of a hidden model: owners compute on a view, and the model owner alone has sums and gradients."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from circuits.arrays import FloatArray
from circuits.policies.norm import NORM
from circuits.quantize import IntArray
from commons.protocol.blockscales import BlockScales
from commons.protocol.hidingschemes import LINEAR, HidingScheme, Layer
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.sharing.sealing import generate, public_key
from gradroll.demo.cast import Buying, Cast, Role
from gradroll.demo.report import ViewReport
from gradroll.demo.scenes import Plain, Trained, with_cheaters
from gradroll.demo.training import CLASSES, FEATURES, Recipe, Shard
from gradroll.hiddenmodel.hiding import KEY_BYTES, draw_noise, hide, recover, unhidden
from gradroll.hiddenmodel.network import forward, split
from gradroll.hiddenmodel.ownerterms import owner_terms, plain_gradient
from gradroll.model_owner.buyer import RoundAggregate
from gradroll.model_owner.plan import TaskPlan
from gradroll.model_owner.scalechoice import choose_scales

_HIDDEN = 16
_RATE = 0.1
_BEFORE = 500
"""Steps on the model owner's own data before it asks others."""
_STARTS = 3
"""Trainings on the own data, of which the best goes on: so small a network sticks now and then."""
_SAMPLES = 16
"""Views of its last own models, by which the model owner chooses scales."""


@dataclass(frozen=True, slots=True)
class HiddenScene:
    """A network of 64, 16 and 10 neurons; two owners break the norm bound, as where nothing is hidden.

    Attributes:
        first: the model that the model owner made of its own data.
        key: for the noise.
        sum_secret: X25519 private key, for which provers seal sums.
        bound: of the task.
    """

    first: FloatArray = field(repr=False)
    key: bytes = field(repr=False)
    sum_secret: bytes = field(repr=False)
    manifest: ModelManifest = field(repr=False)
    bound: int
    policy: str = NORM.name
    recipe: Recipe = field(default_factory=Recipe)

    @classmethod
    def of(cls, own: Shard) -> HiddenScene:
        """With secrets drawn now, and a model owner that has this data."""
        scheme, key = _scheme(), secrets.token_bytes(KEY_BYTES)
        trainings = [_trained_alone(scheme, own) for _ in range(_STARTS)]
        models = min(trainings, key=lambda each: _loss(scheme, each[-1], own))
        views = [hide(scheme, model, draw_noise(scheme, model, key)) for model in models]
        blocks = [Block(name, length, 0) for name, length in scheme.blocks()]
        chosen = choose_scales(blocks, [owner_terms(scheme, view, *_known(own)) for view in views])
        manifest = ModelManifest(chosen.blocks, scheme.model_length, hiding=scheme)
        return cls(models[-1], key, generate(), manifest, chosen.bound)

    @property
    def scheme(self) -> HidingScheme:
        """What owners know of the model."""
        return _scheme()

    @property
    def dimension(self) -> int:
        return self.manifest.dimension

    @property
    def buying(self) -> Buying:
        return Buying(self.manifest, lambda: self.sum_secret)

    def rows(self, owners: int) -> int:
        return owners

    def first_model(self) -> FloatArray:
        return self.first

    def compute(self, model: FloatArray, shard: Shard) -> FloatArray:
        """On the view, which is all that an owner has."""
        return owner_terms(self.scheme, model, *_known(shard))

    def accuracy(self, model: FloatArray, test: Shard) -> float:
        outputs = forward(self.scheme, model, _known(test)[0]).outputs
        return float(np.mean(np.argmax(outputs, axis=1) == test.labels))

    def view(self, models: Sequence[FloatArray], test: Shard) -> ViewReport | None:
        shown = [self._view(model) for model in models[-2:]]
        last = [split(each, self.scheme.weights[-1])[0] for each in shown]
        repeated = 0 if len(last) < 2 else int(np.count_nonzero(last[0] == last[1]))
        return ViewReport(self.accuracy(shown[-1], test), unhidden(models[-1], shown[-1]), repeated)

    def roles(self, owners: int) -> list[Role]:
        return with_cheaters(owners)

    def terms(self, plan: TaskPlan) -> TaskPlan:
        return replace(
            plan, dimension=self.dimension, norm=None, bound=self.bound, manifest=self.manifest,
            sum_key=public_key(self.sum_secret), inline_payload=False,
        )  # fmt: skip

    def admit(self, cast: Cast, task_id: int) -> None:
        """The task is open."""

    def open_round(self, cast: Cast, task_id: int, model: FloatArray) -> int:
        return cast.buyer.open_round(task_id, self._view(model))

    def end_submissions(self, cast: Cast, task_id: int, number: int) -> None:
        """The batch is made as soon as all seats are taken."""

    def plain(self, cast: Cast, states: Trained, bound: int, aggregate: RoundAggregate) -> Plain:
        """The same vectors in the clear: what honest owners compute on the view, quantised and added up."""
        view, scales = self._view(states.model), BlockScales(self.manifest.blocks)
        vectors = [scales.quantize(self.compute(view, shard), bound) for shard in cast.honest_shards]
        total: IntArray = np.sum([vector.values for vector in vectors], axis=0, dtype=np.int64)
        sets = [_known(shard) for shard in cast.honest_shards]
        gradients = [plain_gradient(self.scheme, states.plain, *each) for each in sets]
        return Plain(total, len(vectors), gradient=np.mean(gradients, axis=0))

    def step(self, states: Trained, aggregate: RoundAggregate, expected: Plain) -> Trained:
        """Along the gradient that the sum gives; the plain training never sees a view, nor an integer."""
        found = recover(self.scheme, aggregate.mean, draw_noise(self.scheme, states.model, self.key))
        return Trained((*states.models, states.model - _RATE * found), states.plain - _RATE * expected.gradient)

    def _view(self, model: FloatArray) -> FloatArray:
        return hide(self.scheme, model, draw_noise(self.scheme, model, self.key))


def _scheme() -> HidingScheme:
    """A group an output: fewer would show differences of outputs as they are."""
    gamma = tuple(float(g) for g in np.random.default_rng(2002).uniform(0.5, 1.5, CLASSES))
    return HidingScheme((FEATURES,), (Layer(LINEAR, _HIDDEN), Layer(LINEAR, CLASSES)), tuple(range(CLASSES)), gamma)


def _drawn_model(scheme: HidingScheme) -> FloatArray:
    """Weights and biases in their layer's usual scale, by fresh randomness: who knew them would know all factors."""
    rng = np.random.default_rng(secrets.randbits(128))
    return np.concatenate([rng.normal(0.0, where.shape[1] ** -0.5, where.length) for where in scheme.weights])


def _trained_alone(scheme: HidingScheme, own: Shard) -> list[FloatArray]:
    """The last models of a training on one shard."""
    model, models = _drawn_model(scheme), []
    for _ in range(_BEFORE):
        model = model - _RATE * plain_gradient(scheme, model, *_known(own))
        models.append(model)
    return models[-_SAMPLES:]


def _loss(scheme: HidingScheme, model: FloatArray, shard: Shard) -> float:
    samples, targets = _known(shard)
    return float(np.sum((forward(scheme, model, samples).outputs - targets) ** 2))


def _known(shard: Shard) -> tuple[FloatArray, FloatArray]:
    """Pixels without the constant, and targets of which one is 1."""
    return shard.features[:, :FEATURES], np.eye(CLASSES)[shard.labels]
