"""The demo's course: processes up, rounds, claims, audit, report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from circuits.arrays import FloatArray
from circuits.errors import ChainError, ConfigError
from circuits.policies import DEFAULT
from circuits.terms import ETHER
from commons.chain.facts import AcceptedBatch
from commons.chain.rpc import ErrorTable, Rpc
from commons.runtime.amounts import ether
from commons.runtime.identifiers import shown
from commons.runtime.stages import stage
from commons.runtime.urls import without_secrets
from commons.wire.prover_client import ProverClient
from gradroll.audit.auditor import Auditor
from gradroll.console import Console
from gradroll.data_owner.claims import claim_all
from gradroll.demo.carding import write_card
from gradroll.demo.cast import Cast, assemble, plan_task, register
from gradroll.demo.hiddenscene import HiddenScene
from gradroll.demo.report import Report, RoundReport, Seconds
from gradroll.demo.scenes import GradedScene, NormScene, Scene, Trained, weighted_sum
from gradroll.demo.settling import await_fees, await_settled, await_sum, end_round, rejections, settlement_gas
from gradroll.demo.training import DATASET, Shard, load_digits, step
from gradroll.setup.freeports import free_ports
from gradroll.setup.local_market import LocalMarket, MarketPlan, prepare
from gradroll.setup.processes import Processes, wait_until

FEWEST = 4
"""Owners, two of whom cheat."""
_CAPACITIES = (16, 64)
_START_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the demo is to show.

    Attributes:
        chain: URL of a live development node, None to start our own.
        parameters: where development keys are kept between runs.
        policy: `norm` or `reference`.
        hidden: train a network that owners do not see, under `norm`.
    """

    rounds: int
    owners: int
    provers: int
    threshold: int
    chain: str | None
    non_iid: bool
    out: Path
    parameters: Path = Path("build/development-keys")
    policy: str = DEFAULT
    hidden: bool = False

    def __post_init__(self) -> None:
        if self.hidden and self.policy != DEFAULT:
            raise ConfigError("--hidden-model goes with --policy norm: grades say nothing of a hidden model's terms")
        most = _CAPACITIES[-1] - (self.policy != DEFAULT)
        if not FEWEST <= self.owners <= most:
            raise ConfigError(f"--owners is {self.owners}, it must lie in [{FEWEST}, {most}]")
        if not 3 * self.threshold + 1 <= self.provers <= 32:
            raise ConfigError(
                f"--provers {self.provers} with --threshold {self.threshold}: a task that pays takes 3t+1 to 32 provers"
            )

    @property
    def data(self) -> tuple[Scene, tuple[Shard, ...], Shard]:
        """What is shown, the owners' data, and a test set."""
        if self.policy == DEFAULT and not self.hidden:
            return (NormScene(), *load_digits(self.owners, non_iid=self.non_iid))
        (*shards, own), test = load_digits(self.owners + 1, non_iid=self.non_iid)
        return HiddenScene.of(own) if self.hidden else GradedScene(own), tuple(shards), test


def _capacity(rows: int) -> int:
    """Slots of the circuit."""
    return next(size for size in _CAPACITIES if size >= rows)


@dataclass(frozen=True, slots=True)
class _Training:
    """The trainings after some rounds: through the market, in plain FedSGD over the owners that count, over all."""

    states: Trained
    ungraded: FloatArray
    reports: tuple[RoundReport, ...] = ()
    batches: tuple[AcceptedBatch, ...] = ()


def run_demo(options: Options, console: Console) -> int:
    """Run everything; returns 0 when all that is to be shown was seen, 7 otherwise."""
    began = time.monotonic()
    scene, shards, test = options.data
    console.heading(f"gradroll demo: {DATASET}, {len(scene.first_model())} parameters")
    console.line(
        "DEVELOPMENT MODE: the public parameters come from a seed that everybody knows. This shows how it works; "
        "it protects nothing.",
        "yellow",
    )
    work = options.out / "run"
    shutil.rmtree(work, ignore_errors=True)
    with Processes(work / "logs") as fleet:
        size = Extent(scene.dimension, scene.policy, _capacity(scene.rows(options.owners)))
        market, name = prepare_market(options, size, fleet, work, console)
        start_servers(market, fleet, console)
        cast = assemble(market, shards, scene.roles(options.owners), scene.compute, scene.buying)
        report = _train(options, scene, cast, test, market, name, fleet.require_alive, console)
    path = options.out / "report.json"
    report.write(path)
    succeeded = report.succeeded([player.name for player in cast.players if not player.honest])
    _summary(report, path, time.monotonic() - began, succeeded, console)
    return 0 if succeeded else 7


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a market's circuit is: numbers of a vector, the policy, its slots."""

    dimension: int
    policy: str
    capacity: int


def prepare_market(
    options: Options, extent: Extent, fleet: Processes, work: Path, console: Console
) -> tuple[LocalMarket, str]:
    """Start a chain, and put a market on it; returns the market and the chain's name."""
    chain_port, coordinator_port, *ports = free_ports(2 + options.provers)
    url = options.chain
    if url is None:
        url = f"http://127.0.0.1:{chain_port}"
        fleet.start("chain", ["chain", "serve", "--listen", f"127.0.0.1:{chain_port}"])
    rpc = Rpc(url, ErrorTable(()))
    wait_until("starting the chain", lambda: rpc.head().number >= 0, fleet, _START_SECONDS)
    name = f"{'eth-tester' if options.chain is None else without_secrets(url)} (chain id {rpc.chain_id})"
    console.line(f"chain: {name}")
    plan = MarketPlan(
        directory=work,
        chain=url,
        provers=tuple(f"127.0.0.1:{port}" for port in ports),
        threshold=options.threshold,
        dimension=extent.dimension,
        policy=extent.policy,
        capacity=extent.capacity,
        coordinator=f"127.0.0.1:{coordinator_port}",
        parameters=options.parameters,
    )
    return prepare(plan, console.line), name


def start_servers(market: LocalMarket, fleet: Processes, console: Console) -> None:
    """Start provers and coordinator, each with the settings that were written for it."""
    provers = len(market.plan.provers)
    for p in range(provers):
        fleet.start(f"prover-{p}", ["prover", "serve", "--config", str(market.prover_settings(p))])
    fleet.start("coordinator", ["coordinator", "serve", "--config", str(market.coordinator_settings)])
    for p, endpoint in enumerate(market.endpoints):
        wait_until(f"starting prover {p}", _answers(endpoint), fleet, _START_SECONDS)
    console.line(
        f"{provers} provers (any {market.plan.threshold} may collude and learn nothing) and a coordinator are "
        f"running; logs in {fleet.logs}"
    )


def _answers(endpoint: str) -> Callable[[], bool]:
    def ready() -> bool:
        with ProverClient(endpoint, timeout=2.0) as client:
            return bool(client.status().version)

    return ready


def _train(
    options: Options, scene: Scene, cast: Cast, test: Shard, market: LocalMarket, chain: str,
    alive: Callable[[], None], console: Console,
) -> Report:  # fmt: skip
    task_id = _create_task(options, scene, cast, market)
    console.line(f"task {shown(task_id)}: {options.owners} owners registered, {options.rounds} rounds in escrow")
    first = scene.first_model()
    state = _Training(Trained((first,), first), first)
    for _ in range(options.rounds):
        state = _play_round(scene, cast, task_id, state, test, alive, console)
    payouts = _claim(cast, task_id, console)
    with stage("provers' word that they serve the sums"):
        await_fees(cast, task_id, alive)
    fees = _collect(cast, market, console)
    verdict = _audit(cast, state.batches, console)
    card = write_card(cast, task_id, scene.buying.manifest, state.states.model, options.out, console)
    return Report(
        dataset=DATASET,
        dimension=scene.dimension,
        owners=options.owners,
        provers=options.provers,
        threshold=options.threshold,
        chain=chain,
        rounds=state.reports,
        final_accuracy=scene.accuracy(state.states.model, test),
        plaintext_accuracy=scene.accuracy(state.states.plain, test),
        payouts=payouts,
        fees=fees,
        audit=verdict,
        card=card,
        ungraded_accuracy=scene.accuracy(state.ungraded, test) if state.reports[-1].weights else None,
    )


def _create_task(options: Options, scene: Scene, cast: Cast, market: LocalMarket) -> int:
    """Post and fund the task, and have the owners register."""
    graded = isinstance(scene, GradedScene)
    plan = scene.terms(plan_task(cast, market, options.rounds, scene.recipe, graded=graded))
    task_id = cast.buyer.create_task(plan)
    cast.buyer.fund(task_id, options.rounds * plan.pay.reserve(options.owners, options.provers, plan.min_owners))
    cast.buyer.publish_manifest(task_id)
    scene.admit(cast, task_id)
    register(cast, task_id)
    return task_id


def _play_round(
    scene: Scene,
    cast: Cast,
    task_id: int,
    state: _Training,
    test: Shard,
    alive: Callable[[], None],
    console: Console,
) -> _Training:
    began, recipe = time.monotonic(), scene.recipe
    number = scene.open_round(cast, task_id, state.states.model)
    console.heading(f"round {number}")
    submitted = cast.submit_all(task_id, number)
    handed_in = time.monotonic()
    scene.end_submissions(cast, task_id, number)
    with stage("provers prove the batch" + (", once they have set up their shared keys" if number == 0 else "")):
        settled = await_settled(cast, submitted, alive)
    with stage("provers release the sum"):
        aggregate = await_sum(cast, task_id, number, alive)
    released = time.monotonic()
    bound = cast.view.terms(task_id).bound
    expected = scene.plain(cast, state.states, bound, aggregate)
    matches = bool(np.array_equal(aggregate.quantized, expected.total))
    states = scene.step(state.states, aggregate, expected)
    ungraded = state.ungraded
    if expected.weights:
        everybody = weighted_sum([(1, player.gradient(ungraded)) for player in cast.players], recipe, bound)
        ungraded = step(recipe, ungraded, everybody, len(cast.players))
    end_round(cast.view, task_id, number)
    gas = settlement_gas(cast, task_id, number)
    report = RoundReport(
        accepted=len(aggregate.owners),
        rejected=rejections(cast, submitted),
        accuracy=scene.accuracy(states.model, test),
        gas=gas,
        gas_per_gradient=gas // len(aggregate.owners),
        seconds=Seconds(
            round(handed_in - began, 3),
            round(settled.proven - handed_in, 3),
            round(settled.accepted - settled.proven, 3),
            round(released - settled.accepted, 3),
        ),
        aggregate_matches_plaintext=matches,
        weights=expected.weights,
        view=scene.view(state.states.models, test),
    )
    _tell(report, console)
    return _Training(states, ungraded, (*state.reports, report), (*state.batches, *aggregate.batches))


def _tell(report: RoundReport, console: Console) -> None:
    seconds = report.seconds
    console.line(f"  {report.accepted} gradients aggregated; test accuracy {report.accuracy:.4f}")
    for rejection in report.rejected:
        console.line(f"  rejected {rejection.owner}: {rejection.reason}", "red")
    for name, weight in report.weights.items():
        console.line(f"  {name} counts {weight} times", "" if weight else "red")
    if report.view is not None:
        console.line(
            f"  owners were shown a view: {report.view.shown} of the model's numbers are in it as they are, and used "
            f"as the model it has an accuracy of {report.view.accuracy:.4f}"
        )
    which = "weighted FedSGD's" if report.weights else "FedSGD's over the honest owners"
    same = "the same, bit for bit, as" if report.aggregate_matches_plaintext else "DIFFERENT from"
    console.line(f"  the sum read through the contract is {same} plain {which}")
    console.line(
        f"  submit {seconds.submit:.1f} s, prove {seconds.prove:.1f} s, settle {seconds.settle:.1f} s, "
        f"release {seconds.release:.1f} s; "
        f"{report.gas} gas, {report.gas_per_gradient} a gradient"
    )


def _claim(cast: Cast, task_id: int, console: Console) -> dict[str, int]:
    """Have everybody paid for all rounds in one call, which anybody may send."""
    console.heading("pay")
    view, rounds = cast.view, cast.view.task(task_id).rounds_opened
    indices = {player.name: view.owner_index(task_id, player.owner.address) for player in cast.players}
    payouts = {
        name: view.claimable(task_id, index, rounds).amount for name, index in indices.items() if index is not None
    }
    for name, amount in payouts.items():
        console.line(f"  {name}: {ether(amount)}")
    with stage("claiming"):
        paid = claim_all(cast.buyer_chain, task_id, (index for index in indices.values() if index is not None))
    if paid != sum(payouts.values()):
        raise ChainError(f"the market paid {ether(paid)} in all, which is not what it owed")
    return payouts


def _collect(cast: Cast, market: LocalMarket, console: Console) -> dict[str, int]:
    """Have the credits of coordinator and provers paid out, which anybody may send."""
    members = cast.view.committee(market.committee).members
    accounts = {"coordinator": market.coordinator, **{f"prover {p}": member for p, member in enumerate(members)}}
    fees = {}
    for name, account in accounts.items():
        fees[name] = cast.buyer_chain.collect(ETHER, account) if cast.view.owed(ETHER, account) else 0
        console.line(f"  {name}: {ether(fees[name])}")
    return fees


def _audit(cast: Cast, batches: Sequence[AcceptedBatch], console: Console) -> str:
    console.heading("audit")
    auditor = Auditor(cast.view, cast.coordinator, cast.parameters)
    verdict = "passed"
    for batch in batches:
        report = auditor.audit_batch(batch)
        console.line(f"  round {batch.round}: {report.verdict} {report.reason}".rstrip())
        verdict = verdict if report.failed is None else report.verdict
    return verdict


def _summary(report: Report, path: Path, seconds: float, succeeded: bool, console: Console) -> None:
    console.heading("outcome")
    without = "" if report.ungraded_accuracy is None else f", ungraded {report.ungraded_accuracy:.4f}"
    console.line(f"  accuracy {report.final_accuracy:.4f}, of plain FedSGD {report.plaintext_accuracy:.4f}{without}")
    card = "" if report.card is None else f", model card {report.card}"
    paid, fees = ether(sum(report.payouts.values())), ether(sum(report.fees.values()))
    console.line(f"  paid {paid} to owners, {fees} to coordinator and provers")
    console.line(f"  audit {report.audit}{card}; {seconds:.0f} s; {path}")
    if succeeded:
        console.line("  everything that was to be shown was seen", "green")
    else:
        console.line("  something is not as it should be, see above", "red")
