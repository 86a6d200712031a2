"""Who plays in the demo: honest owners with their shards, cheaters, and the model owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from circuits.arrays import FloatArray
from circuits.terms import Pay, Windows
from commons.chain.patience import Patience
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.modelmanifests import ModelManifest
from commons.sharing.dealing import share_gradient
from commons.storage.accounts import create_account, load_account
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.resuming import Deal
from gradroll.data_owner.owner import DataOwner, Submitted
from gradroll.demo.training import DIMENSION, Recipe, Shard
from gradroll.model_owner.buyer import ModelOwner
from gradroll.model_owner.plan import TaskPlan
from gradroll.model_owner.pricing import gas_fees
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.local_market import ALLOWANCE, LocalMarket, endow

REWARD = 10**15
"""Wei for an accepted gradient, and of each owner's deposit: 0.001 ETH."""
_WINDOW = 3600
_FEWEST = 2
"""Owners of a batch: a demonstration has few."""
_PATIENCE = Patience(poll=0.05)
Compute = Callable[[FloatArray, Shard], FloatArray]
"""What an honest owner hands in, of the published model and its shard."""


@dataclass(frozen=True, slots=True)
class Role:
    """How an owner plays.

    Attributes:
        cheat: what it does; empty for one that is honest.
        factor: of the gradient that it hands in.
    """

    cheat: str = ""
    deal: Deal = share_gradient
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Player:
    """A data owner of the demo."""

    name: str
    owner: DataOwner
    shard: Shard
    role: Role
    compute: Compute

    @property
    def honest(self) -> bool:
        """False for those that are to be caught."""
        return not self.role.cheat

    def gradient(self, model: FloatArray) -> FloatArray:
        """What it hands in: of the own shard, as its role has it."""
        return self.role.factor * self.compute(model, self.shard)

    def play(self, task_id: int, round_number: int) -> Submitted:
        """Fetch the round's model, compute a gradient, hand it in."""
        model = self.owner.fetch_model(task_id, round_number)
        return self.owner.submit(task_id, self.gradient(model), round_number=round_number)


@dataclass(frozen=True, slots=True)
class Buying:
    """What the model owner has of its own, beside its account.

    Attributes:
        manifest: what the task states of its model.
        sum_key: gives the private key for private sums; None where sums are public.
    """

    manifest: ModelManifest
    sum_key: Callable[[], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody who has an account."""

    players: tuple[Player, ...]
    buyer: ModelOwner
    buyer_chain: ChainWriter
    coordinator: CoordinatorClient
    parameters: PublicParameters
    view: ChainView

    @property
    def honest_shards(self) -> tuple[Shard, ...]:
        """The data of the owners who keep to the protocol."""
        return tuple(player.shard for player in self.players if player.honest)

    def submit_all(self, task_id: int, round_number: int) -> tuple[Submitted, ...]:
        """Have all owners play at once; a failure of any is raised."""
        with ThreadPoolExecutor(len(self.players), "owner") as pool:
            running = [pool.submit(player.play, task_id, round_number) for player in self.players]
            return tuple(each.result() for each in running)


def assemble(
    market: LocalMarket, shards: Sequence[Shard], roles: Sequence[Role], compute: Compute, buying: Buying
) -> Cast:
    """Make accounts and owners for a prepared market, one for each shard."""
    directory, view = market.plan.directory, market.view()
    keys = market.plan.parameter_directory
    parameters = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
    client = CoordinatorClient(market.coordinator_endpoint)
    players = []
    for i, (role, shard) in enumerate(zip(roles, shards, strict=True)):
        account = create_account(directory / "owners" / f"owner-{i}.json")
        chain = ChainWriter(view, account, _PATIENCE)
        owner = DataOwner(chain, client, parameters, directory / "owners" / f"owner-{i}", deal=role.deal)
        name = f"owner {i} ({role.cheat})" if role.cheat else f"owner {i}"
        players.append(Player(name, owner, shard, role, compute))
    endow(market.plan.chain, [player.owner.address for player in players], ALLOWANCE // 10)
    buyer_chain = ChainWriter(view, load_account(directory / "model-owner.json"), _PATIENCE)
    buyer = ModelOwner(
        view, buyer_chain, client, parameters, state=directory / "model-owner", sum_key=buying.sum_key,
        manifest=buying.manifest,
    )  # fmt: skip
    return Cast(tuple(players), buyer, buyer_chain, client, parameters, view)


def plan_task(cast: Cast, market: LocalMarket, rounds: int, recipe: Recipe, *, graded: bool) -> TaskPlan:
    """Terms for this cast, with the fees of a task that grades or of one that does not."""
    owners, provers = len(cast.players), len(market.plan.provers)
    return TaskPlan(
        market.committee, market.verifier, market.coordinator, DIMENSION, recipe.norm,
        gas_fees(Pay(bonus=REWARD, deposit=REWARD), provers, graded=graded), Windows(submit=_WINDOW, settle=_WINDOW),
        recipe.fraction_bits, min_owners=_FEWEST, capacity=owners, rounds=rounds, inline_payload=True,
        manifest=recipe.manifest,
    )  # fmt: skip


def register(cast: Cast, task_id: int) -> None:
    """Have every owner register itself, in the order of the cast, with a deposit."""
    for player in cast.players:
        player.owner.register(task_id)
