"""Gas of the whole transaction that accepts a batch, on a real node, for batches that one party made.

What the contract does depends on nothing but the number of owners, so these rows show that gas does not grow with the
model.  The rounds between real processes give the same figures (`summary.gas_per_batch`).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import parameters
from benchmarks.cases import CAPACITY, LARGE, SMALL
from benchmarks.market import FRACTION_BITS, anvil
from benchmarks.rounds import WORK
from circuits.commitment import commitment_key
from circuits.keyfiles import load_proving_key
from circuits.policies import DEFAULT
from circuits.srs import load
from commons.chain.facts import NewTask
from commons.chain.patience import Patience
from commons.chain.writer import ChainWriter
from commons.storage.accounts import load_account
from gradroll.setup.keygen import SRS_FILE, proving_key_file
from gradroll.setup.local_market import LocalMarket, MarketPlan, prepare
from gradroll.setup.processes import free_ports
from provers.joining.keystore import Keystore
from tests.support.plain_batch import (
    Circumstances,
    Setup,
    address_of,
    build_batch,
    random_gradients,
    seed_of,
)

_SIZES = {SMALL: (8, 32, 64), LARGE: (64,)}
_ROSTERS = {SMALL: (True, False), LARGE: (True,)}
"""Owners of the batches by dimension, and whether the roster of owners is compacted, as a model owner does by default.
Real rounds give the figures for the large model's smaller batches."""
_THRESHOLD, _PROVERS = 1, 4
_BOUND = 1 << 40
_WINDOW = 36_000


@dataclass(frozen=True, slots=True)
class Scene:
    """A market with a task for every case."""

    market: LocalMarket
    chain: ChainWriter
    buyer: ChainWriter
    keystores: tuple[Keystore, ...]


def measure() -> dict[str, Any]:
    """Gas and calldata for batches of every size, for the smallest and the largest model."""
    rows = [row for dimension, sizes in _SIZES.items() for row in _dimension(dimension, sizes)]
    return {"capacity": CAPACITY, "rows": rows}


def _dimension(dimension: int, sizes: tuple[int, ...]) -> list[dict[str, int | bool]]:
    work = WORK / f"gas-{dimension}"
    shutil.rmtree(work, ignore_errors=True)
    (port,) = free_ports(1)
    keys = parameters.ensure(dimension)
    with anvil(port):
        plan = MarketPlan(
            directory=work, chain=f"http://127.0.0.1:{port}", provers=("127.0.0.1:1",) * _PROVERS,
            threshold=_THRESHOLD, dimension=dimension, policy=DEFAULT, capacity=CAPACITY, parameters=keys,
        )  # fmt: skip
        market = prepare(plan, lambda _: None)
        srs = load(keys / SRS_FILE, allow_insecure=True)
        proving = load_proving_key(proving_key_file(keys, DEFAULT, CAPACITY), allow_insecure=True)
        setup = Setup(srs, commitment_key(srs, dimension, cache=keys), proving)
        scene = _scene(market)
        return [_row(scene, setup, owners, compact) for owners in sizes for compact in _ROSTERS[dimension]]


def _scene(market: LocalMarket) -> Scene:
    home = market.plan.directory
    view, patience = market.view(), Patience(poll=0.05)
    buyer = load_account(home / "model-owner.json")
    keystores = tuple(Keystore.load(home / f"prover-{p}" / "keys") for p in range(_PROVERS))
    relay = ChainWriter(view, load_account(home / "coordinator" / "account.json"), patience)
    return Scene(market, relay, ChainWriter(view, buyer, patience), keystores)


def _row(scene: Scene, setup: Setup, owners: int, compact: bool) -> dict[str, int | bool]:
    """The first batch of a task's first round."""
    market, dimension = scene.market, setup.commitment.dimension
    secrets = tuple(seed_of("gas", i) for i in range(owners))
    task_id = scene.buyer.create_task(_terms(market, dimension, owners))
    scene.buyer.fund(task_id, owners)
    scene.buyer.admit(task_id, [address_of(secret) for secret in secrets])
    copying = scene.buyer.compact_roster(task_id, 0).gas_used if compact else 0
    scene.buyer.open_round(task_id, bytes(32))
    context = scene.chain.view.context(task_id, 0)
    at = Circumstances(context.market, task_id, context.terms_hash, 0, context.model_digest, _BOUND)
    gradients = random_gradients(owners, dimension, _BOUND)
    batch = build_batch(setup, gradients, at=at, seed="gas", owner_keys=secrets)
    code = scene.chain.view.policy(task_id).verifier_code
    digest = replace(batch.attested, verifier_code=code, committee_id=market.committee).digest(context)
    quorum = scene.chain.view.committee(market.committee).quorum
    attestations = [(p, scene.keystores[p].sign(digest)) for p in range(quorum)]
    mined = scene.chain.accept_batch(batch.statement, batch.proof, attestations)
    data_bytes = len(scene.chain.view.rpc.web3.eth.get_transaction(mined.transaction)["input"])  # type: ignore[arg-type]
    return {
        "dimension": dimension, "owners": owners, "roster_compacted": compact, "gas": mined.gas_used,
        "compaction_gas": copying,
        "gas_per_gradient": round(mined.gas_used / owners), "calldata": data_bytes,
    }  # fmt: skip


def _terms(market: LocalMarket, dimension: int, owners: int) -> NewTask:
    return NewTask(
        committee_id=market.committee, verifier=market.verifier, coordinator=market.coordinator, dimension=dimension,
        fraction_bits=FRACTION_BITS, bound=_BOUND, min_owners=2, max_owners_per_round=owners, rounds=1,
        reward_per_gradient=1, submit_window=_WINDOW, settle_window=_WINDOW, permissioned=True,
    )  # fmt: skip
