"""The demo's model out of the gradient rollup: rounds on owners' own data, from a public start."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from circuits.accuracy.inference import Int64Array
from circuits.accuracy.roundingproof import round_row
from circuits.arrays import FloatArray
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.runtime.stages import stage
from gradroll.console import Console
from gradroll.demo import developers
from gradroll.demo.cast import Buying, Cast, Role, assemble, plan_task, register
from gradroll.demo.developers import SIZE, Images, coefficient
from gradroll.demo.modelplay import Play
from gradroll.demo.settling import await_settled, await_sum, put_forward
from gradroll.demo.training import Recipe, Shard
from gradroll.model_owner.roundsums import RoundReader
from gradroll.modelmarket.lineages import Derived, derive

_OWNERS, _ROUNDS = 4, 2


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of the training.

    Attributes:
        start: int64[d], the public integers that it began with.
    """

    start: Int64Array = field(repr=False)
    derived: Derived

    @property
    def start_model(self) -> Int64Array:
        """The start as a model, int64[d]: rounded as the trained one is."""
        return round_row(self.start)[0]


def train_in_the_rollup(play: Play, name: str, images: Images, console: Console) -> Trained:
    """Some rounds on owners' own data, from a public start; each sum opens the chain's commitment.

    Args:
        name: in the books, of the account that has the model trained.
    """
    console.heading("a model out of the gradient rollup")
    market = play.models.market
    own = images.part(slice(500, 1000))
    shards = [Shard(own.features[at::_OWNERS].astype(np.float64), own.labels[at::_OWNERS].astype(np.int64))
              for at in range(_OWNERS)]  # fmt: skip
    recipe = Recipe(developers.GRADIENT_BITS)
    manifest = ModelManifest((Block("weights", SIZE.weights, developers.GRADIENT_BITS),), SIZE.weights)
    cast = assemble(market, shards, [Role()] * _OWNERS, _compute, Buying(manifest))
    usual = plan_task(cast, market, _ROUNDS, recipe, graded=False)
    plan = replace(usual, dimension=SIZE.weights, manifest=manifest)
    task = cast.buyer.create_task(plan)
    escrow = _ROUNDS * plan.pay.reserve(_OWNERS, len(market.plan.provers), plan.min_owners)
    cast.buyer.fund(task, escrow)
    play.books.note(name, "escrow of the training", -escrow)
    cast.buyer.publish_manifest(task)
    register(cast, task)
    with stage("warming up the public start"):
        start = developers.public_start(images.part(slice(0, 500)))
    reader = RoundReader(cast.view, cast.parameters, cast.coordinator)
    key, each, rounds, model = play.parameters.commitment_key(SIZE.weights), coefficient(_OWNERS), [], start
    for _ in range(_ROUNDS):
        number = _round(play, cast, task, model)
        rounds.append((each, reader.round_row(task, number)))
        model = derive(key, task, 0, start, rounds).row.weights
        console.line(f"  round {number}: {_OWNERS} gradients in a proven sum, which opens the chain's commitment")
    return Trained(start, derive(key, task, 0, start, rounds))


def _compute(model: FloatArray, shard: Shard) -> FloatArray:
    return developers.gradient(model, Images(shard.features.astype(np.int16), shard.labels.astype(np.uint8)))


def _round(play: Play, cast: Cast, task: int, model: Int64Array) -> int:
    number = cast.buyer.open_round(task, developers.parameters_of(model))
    submitted = cast.submit_all(task, number)
    with stage("provers prove the batch, and release its sum"):
        await_settled(cast, submitted, play.alive)
        await_sum(cast, task, number, play.alive)
    put_forward(cast.view, cast.view.round(task, number).settle_deadline)
    cast.buyer_chain.finalize_round(task, number)
    return number
