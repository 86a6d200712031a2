"""Gas of whole transactions, on a real node, for batches that one party made: accepting a batch, and paying for it.

What the contract does depends on nothing but the number of owners, so these rows show that gas does not grow with the
model.  The rounds between real processes give the same figures (`summary.gas_per_batch`).  A gradient that is also paid
costs its part of a claim of all owners for all rounds together.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import parameters
from benchmarks.cases import CAPACITY, LARGE, SMALL
from benchmarks.market import FRACTION_BITS, anvil
from benchmarks.rounds import WORK
from circuits.commitment import commitment_key
from circuits.keyfiles import load_proving_key
from circuits.policies import DEFAULT
from circuits.srs import load
from circuits.terms import NewTask, Pay, Windows
from commons.chain.mined import Mined
from commons.chain.patience import Patience
from commons.chain.writer import ChainWriter
from commons.storage.accounts import SigningKey, load_account
from gradroll.setup.freeports import free_ports
from gradroll.setup.keygen import SRS_FILE, proving_key_file
from gradroll.setup.local_market import LocalMarket, MarketPlan, endow, prepare
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
_PAID = ((10, False), (10, True), (100, False))
"""Rounds that are claimed at once, and whether the owners' accounts were never used before; in the largest batches."""
_THRESHOLD, _PROVERS = 1, 4
_BOUND = 1 << 40
_WINDOW = 36_000


@dataclass(frozen=True, slots=True)
class Scene:
    """A market with a task for every case."""

    market: LocalMarket
    chain: ChainWriter
    buyer: ChainWriter
    payer: SigningKey
    keystores: tuple[Keystore, ...]


Row = dict[str, int | bool]
Measure = Callable[[Scene, Setup, tuple[int, ...]], list[Row]]


def measure() -> dict[str, Any]:
    """Gas and calldata for batches of every size, smallest and largest model; gas of pay for the smallest."""
    rows = [row for dimension, sizes in _SIZES.items() for row in _dimension(dimension, _rows, sizes)]
    return {"capacity": CAPACITY, "rows": rows, "paid": _dimension(SMALL, _paid_rows, (max(_SIZES[SMALL]),))}


def _dimension(dimension: int, measured: Measure, sizes: tuple[int, ...]) -> list[Row]:
    """What is measured on a market of its own for models of a dimension."""
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
        return measured(_scene(market), setup, sizes)


def _rows(scene: Scene, setup: Setup, sizes: tuple[int, ...]) -> list[Row]:
    rosters = _ROSTERS[setup.commitment.dimension]
    return [_row(scene, setup, owners, compact) for owners in sizes for compact in rosters]


def _paid_rows(scene: Scene, setup: Setup, sizes: tuple[int, ...]) -> list[Row]:
    return [_paid(scene, setup, owners, rounds, new) for owners in sizes for rounds, new in _PAID]


def _scene(market: LocalMarket) -> Scene:
    home = market.plan.directory
    view, patience = market.view(), Patience(poll=0.05)
    buyer = load_account(home / "model-owner.json")
    keystores = tuple(Keystore.load(home / f"prover-{p}" / "keys") for p in range(_PROVERS))
    key = load_account(home / "coordinator" / "account.json")
    return Scene(market, ChainWriter(view, key, patience), ChainWriter(view, buyer, patience), key, keystores)


def _row(scene: Scene, setup: Setup, owners: int, compact: bool) -> Row:
    """The first batch of a task's first round."""
    dimension = setup.commitment.dimension
    task_id = _task(scene, dimension, owners, rounds=1)
    copying = scene.buyer.compact_roster(task_id, 0).gas_used if compact else 0
    mined = _accepted(scene, setup, task_id, owners)
    data_bytes = len(scene.chain.view.rpc.web3.eth.get_transaction(mined.transaction)["input"])  # type: ignore[arg-type]
    return {
        "dimension": dimension, "owners": owners, "roster_compacted": compact, "gas": mined.gas_used,
        "compaction_gas": copying,
        "gas_per_gradient": round(mined.gas_used / owners), "calldata": data_bytes,
    }  # fmt: skip


def _paid(scene: Scene, setup: Setup, owners: int, rounds: int, new: bool) -> Row:
    """A batch of the same owners in each of so many rounds, and one claim for all of it."""
    task_id = _task(scene, setup.commitment.dimension, owners, rounds)
    scene.buyer.compact_roster(task_id, 0)
    if new:
        for index, secret in enumerate(_secrets(owners)):
            account = address_of(seed_of("account", task_id, index))
            _owner(scene, secret).set_account(task_id, index, account)
    accepted = sum(_accepted(scene, setup, task_id, owners).gas_used for _ in range(rounds))
    spent: list[bytes] = []
    payer = ChainWriter(scene.market.view(), scene.payer, Patience(poll=0.05), on_sent=spent.append)
    payer.claim(task_id, range(owners))
    claimed = sum(_gas_used(scene, transaction) for transaction in spent)
    return {
        "owners": owners, "rounds": rounds, "new_accounts": new, "accepting_gas": accepted, "claim_gas": claimed,
        "gas_per_gradient": round((accepted + claimed) / (owners * rounds)),
    }  # fmt: skip


def _gas_used(scene: Scene, transaction: bytes) -> int:
    web3 = scene.chain.view.rpc.web3
    return int(web3.eth.get_transaction_receipt(transaction)["gasUsed"])  # type: ignore[arg-type]


def _accepted(scene: Scene, setup: Setup, task_id: int, owners: int) -> Mined:
    """A batch of all owners in the task's next round."""
    view, committee = scene.chain.view, scene.market.committee
    number = scene.buyer.open_round(task_id, bytes(32))
    context, code = view.context(task_id, number), view.policy(task_id).verifier_code
    at = Circumstances(
        context.market, task_id, context.terms_hash, number, context.model_digest, _BOUND, committee, code,
        scene.market.coordinator,
    )  # fmt: skip
    gradients = random_gradients(owners, setup.commitment.dimension, _BOUND)
    batch = build_batch(setup, gradients, at=at, seed="gas", owner_keys=_secrets(owners))
    digest = batch.attested.digest(context)
    quorum = view.committee(committee).quorum
    attestations = [(p, scene.keystores[p].sign(digest)) for p in range(quorum)]
    return scene.chain.accept_batch(batch.statement, batch.proof, attestations, batch.at.payee)


def _secrets(owners: int) -> tuple[bytes, ...]:
    return tuple(seed_of("gas", index) for index in range(owners))


def _owner(scene: Scene, secret: bytes) -> ChainWriter:
    return ChainWriter(scene.market.view(), SigningKey.from_secret(secret), Patience(poll=0.05))


def _task(scene: Scene, dimension: int, owners: int, rounds: int) -> int:
    """A funded task whose owners are registered, each with its own account."""
    market, secrets = scene.market, _secrets(owners)
    endow(market.plan.chain, [address_of(secret) for secret in secrets], 10**17)
    task_id = scene.buyer.create_task(
        NewTask(
            committee_id=market.committee, verifier=market.verifier, coordinator=market.coordinator,
            dimension=dimension, fraction_bits=FRACTION_BITS, bound=_BOUND, min_owners=2, capacity=owners,
            rounds=rounds, windows=Windows(_WINDOW, _WINDOW), pay=Pay(bonus=1),
        )
    )  # fmt: skip
    scene.buyer.fund(task_id, owners * rounds)
    for secret in secrets:
        _owner(scene, secret).register(task_id)
    return task_id
