"""The demo's own parts: data, gradients, the two cheaters, and what counts as success."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import native
from circuits.errors import ConfigError, InvalidInputError
from circuits.hashing import challenge
from circuits.quantize import quantize
from circuits.statement import Committee, Membership
from circuits.terms import Pay
from commons.protocol.blockscales import BlockScales
from commons.protocol.rules import small
from commons.runtime import stages
from commons.sharing.dealing import OwnerSeeds
from commons.sharing.sharepayloads import decode_payload
from commons.wire.resuming import Deal
from gradroll.demo.cast import Player
from gradroll.demo.cheaters import deal_halves, deal_oversized
from gradroll.demo.hiddenscene import HiddenScene
from gradroll.demo.report import Rejection, Report, RoundReport, Seconds, ViewReport
from gradroll.demo.run import Options
from gradroll.demo.scenes import GradedScene, Trained, weighted_sum
from gradroll.demo.training import (
    CLASSES,
    DIMENSION,
    FEATURES,
    Recipe,
    Shard,
    accuracy,
    gradient,
    initial_model,
    load_digits,
    plain_aggregate,
    step,
)
from gradroll.model_owner.plan import TaskPlan
from gradroll.setup import keygen
from gradroll.setup.freeports import free_ports
from gradroll.setup.processes import Processes
from native import FrArray
from tests.gradroll.fakes import BOUND
from tests.support.plain_batch import development_setup, seed_of

COMMITTEE = Committee(0, 1, tuple(bytes([p + 1]) * 20 for p in range(4)))


@pytest.mark.parametrize("non_iid", [False, True])
def test_shards_are_disjoint_and_cover_the_training_set(non_iid: bool) -> None:
    shards, test = load_digits(10, non_iid=non_iid)
    assert sum(len(shard.labels) for shard in shards) + len(test.labels) == 1797
    rows = np.concatenate([shard.features for shard in (*shards, test)])
    assert rows.shape == (1797, FEATURES + 1)
    digits = [len(set(shard.labels.tolist())) for shard in shards]
    assert (max(digits) <= 3) if non_iid else (min(digits) == CLASSES)


def test_the_gradient_is_that_of_the_loss() -> None:
    shard = load_digits(10, non_iid=False)[0][0]
    model = np.random.default_rng(1).normal(size=DIMENSION) / 10

    def loss(at: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        logits = shard.features @ at.reshape(CLASSES, FEATURES + 1).T
        right = logits[np.arange(len(shard.labels)), shard.labels]
        return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - right))

    exact = gradient(model, shard)
    for j in (0, 100, 649):
        nudge = np.zeros(DIMENSION)
        nudge[j] = 1e-6
        assert exact[j] == pytest.approx((loss(model + nudge) - loss(model - nudge)) / 2e-6, abs=1e-6)


def test_plain_training_learns() -> None:
    (shards, test), recipe = load_digits(10, non_iid=False), Recipe()
    model = initial_model()
    for _ in range(5):
        total = plain_aggregate(model, shards[:8], recipe, BOUND)
        mean = total / 2.0**recipe.fraction_bits / 8
        following = step(recipe, model, total, 8)
        np.testing.assert_allclose(following, model - mean, rtol=0, atol=2.0**-41)
        model = following
    assert accuracy(model, test) > 0.85


def dealt(deal: Deal) -> tuple[FrArray, bytes]:
    """The vector that a cheater shares (opened), and its commitment."""
    values = np.linspace(-1, 1, 10)
    quantized = quantize(values, fraction_bits=16, bound=BOUND, dimension=10)
    seeds = OwnerSeeds.from_bytes(b"".join(seed_of("cheater", i) for i in range(OwnerSeeds.length(COMMITTEE) // 32)))
    key = development_setup("norm", 2, 10).commitment
    sharing = deal(quantized, BOUND, key, COMMITTEE, seeds)
    rows = [decode_payload(raw, 10, Membership(COMMITTEE, p)) for p, raw in enumerate(sharing.payloads[:2])]
    return native.interpolate(rows, [1, 2]), sharing.commitment


@pytest.mark.parametrize("deal", [deal_oversized, deal_halves])
def test_a_cheaters_shares_fit_its_commitment(deal: Deal) -> None:
    opened, commitment = dealt(deal)
    key = development_setup("norm", 2, 10).commitment
    assert key.commit(opened[:10], opened[10:139]) == commitment


def test_the_oversized_owner_exceeds_the_bound_and_claims_bits_that_are_bits() -> None:
    opened, _ = dealt(deal_oversized)
    values = [value if value < native.R // 2 else value - native.R for value in native.to_ints(opened[:10])]
    assert sum(value * value for value in values) > BOUND
    bits = native.to_ints(opened[139:201])
    assert set(bits) <= {0, 1}
    assert sum(bit << e for e, bit in enumerate(bits)) <= BOUND


def test_four_halves_pass_every_inner_product_and_fail_smallness() -> None:
    opened, _ = dealt(deal_halves)
    values = opened[:10]
    assert native.inner(values, values) == 1
    bits = native.to_ints(opened[139:201])
    assert sum(bit << e for e, bit in enumerate(bits)) == BOUND - 1
    (projected,) = native.project([values], challenge(seed_of("signs")).to_bytes(32, "big"))
    assert not small(native.add(projected, opened[11:139].copy()))


def _round() -> RoundReport:
    return RoundReport(8, (Rejection("owner 9", "smallness: ..."),), 0.9, 800, 100, Seconds(1, 2, 3, 4), True)


def _report() -> Report:
    return Report(
        "digits",
        650,
        10,
        4,
        1,
        "eth-tester",
        (_round(),),
        0.9,
        0.9,
        {"owner 0": 1},
        {"coordinator": 1},
        "passed",
        "verified",
    )


def test_the_report_has_the_documented_keys() -> None:
    assert [field.name for field in fields(Report)] == [
        "dataset", "dimension", "owners", "provers", "threshold", "chain", "rounds", "final_accuracy",
        "plaintext_accuracy", "payouts", "fees", "audit", "card", "ungraded_accuracy",
    ]  # fmt: skip
    assert [field.name for field in fields(RoundReport)] == [
        "accepted", "rejected", "accuracy", "gas", "gas_per_gradient", "seconds", "aggregate_matches_plaintext",
        "weights", "view",
    ]  # fmt: skip
    assert [field.name for field in fields(Seconds)] == ["submit", "prove", "settle", "release"]


def test_success_means_that_everything_was_seen() -> None:
    report = _report()
    cheaters = ["owner 9"]
    assert report.succeeded(cheaters)
    unlike = replace(_round(), aggregate_matches_plaintext=False)
    uncaught = replace(_round(), rejected=())
    for changed in (
        replace(report, audit="row"),
        replace(report, card="models"),
        replace(report, plaintext_accuracy=0.8),
        replace(report, rounds=(unlike,)),
        replace(report, rounds=(uncaught,)),
        replace(report, payouts={"owner 0": 1, "owner 9": 1}),
        replace(report, fees={"coordinator": 1, "prover 0": 0}),
        replace(report, payouts={"owner 0": 0}),
    ):
        assert not changed.succeeded(cheaters)


def test_where_gradients_are_graded_success_is_that_attackers_count_and_earn_nothing() -> None:
    weights = {"owner 0": 3, "owner 1": 0, "owner 9": 0}
    played = replace(_round(), rejected=(), weights=weights)
    report = replace(
        _report(), rounds=(played,), payouts={"owner 0": 2, "owner 1": 1, "owner 9": 0}, ungraded_accuracy=0.6
    )  # fmt: skip
    assert report.succeeded(["owner 9"])
    for changed in (
        replace(report, rounds=(replace(played, weights={**weights, "owner 9": 1}),)),
        replace(report, rounds=(played, replace(played, weights={**weights, "owner 9": 1}))),
        replace(report, payouts={**report.payouts, "owner 9": 1}),
        replace(report, ungraded_accuracy=0.9),
    ):
        assert not changed.succeeded(["owner 9"])


def test_in_the_graded_demo_the_last_three_in_ten_push_against_the_model() -> None:
    shard = load_digits(10, non_iid=False)[0][0]
    roles, model = GradedScene(shard).roles(10), initial_model()
    assert [role.factor for role in roles] == [1.0] * 7 + [-1.0] * 3
    honest, *_, attacker = (Player("", None, shard, role, gradient) for role in roles)  # type: ignore[arg-type]
    assert (honest.honest, attacker.honest) == (True, False)
    assert np.array_equal(attacker.gradient(model), -honest.gradient(model))


def test_where_the_model_is_hidden_success_is_that_no_number_of_it_is_shown() -> None:
    hides = replace(_round(), view=ViewReport(accuracy=0.1, shown=0, repeated=0))
    report, cheaters = replace(_report(), rounds=(hides,)), [each.owner for each in hides.rejected]
    assert report.succeeded(cheaters)
    for view in (ViewReport(0.1, 1, 0), ViewReport(0.1, 0, 1)):
        assert not replace(report, rounds=(hides, replace(hides, view=view))).succeeded(cheaters)


def test_a_hidden_scene_recovers_what_plain_training_computes() -> None:
    """Without provers: the sum of the quantised vectors of three owners on the view, and the step along it."""
    (*shards, own), test = load_digits(4, non_iid=False)
    scene = HiddenScene.of(own)
    cast: Any = SimpleNamespace(honest_shards=tuple(shards))
    states = Trained((scene.first_model(),), scene.first_model())
    for _ in range(2):
        expected = scene.plain(cast, states, scene.bound, None)  # type: ignore[arg-type]
        total = BlockScales(scene.manifest.blocks).dequantize(expected.total)
        mean: Any = SimpleNamespace(mean=total / expected.weight)
        states = scene.step(states, mean, expected)
        view = scene.view(states.models, test)
        assert view is not None and view.hides and view.accuracy < 0.6
    assert not np.array_equal(states.models[0], states.model)
    assert np.allclose(states.model, states.plain, rtol=0.0, atol=1e-4)
    assert scene.accuracy(states.model, test) > 0.6


def test_a_hidden_scenes_task_hides_it() -> None:
    own = load_digits(4, non_iid=False)[0][0]
    scene, other = HiddenScene.of(own), HiddenScene.of(own)
    plan = TaskPlan(1, bytes(20), bytes(20), DIMENSION, 4.0, Pay(), min_owners=2, inline_payload=True)
    terms = scene.terms(plan).terms()
    assert (terms.dimension, terms.manifest) == (scene.dimension, scene.manifest.digest)
    assert terms.sums_private and not terms.inline_payload
    assert scene.key != other.key and scene.sum_secret != other.sum_secret
    assert not np.any(scene.first_model() == other.first_model())
    with pytest.raises(InvalidInputError, match="public"):
        replace(scene.terms(plan), sum_key=bytes(32)).terms()


def test_a_weighted_sum_is_of_gradients_at_the_bound() -> None:
    one, other = np.zeros(DIMENSION), np.zeros(DIMENSION)
    one[0], other[1] = 1e-3, -5.0
    total = weighted_sum([(3, one), (0, one), (1, other)], Recipe(fraction_bits=16), 1 << 32)
    assert (total[:2].tolist(), int(np.count_nonzero(total))) == ([3 << 16, -1 << 16], 2)


@pytest.mark.parametrize(
    ("changes", "named"), [({"owners": 3}, "owners"), ({"owners": 65}, "owners"), ({"threshold": 2}, "3t")]
)
def test_options_that_cannot_work_are_refused(changes: dict[str, int], named: str, tmp_path: Path) -> None:
    parts: dict[str, Any] = {"rounds": 1, "owners": 10, "provers": 4, "threshold": 1} | changes
    with pytest.raises(ConfigError, match=named):
        Options(**parts, chain=None, non_iid=False, out=tmp_path)


def test_a_hidden_model_is_not_graded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hidden-model"):
        Options(1, 10, 4, 1, None, non_iid=False, out=tmp_path, policy="reference", hidden=True)


def test_an_honest_shard_is_untouched_by_training() -> None:
    shard = Shard(np.ones((2, FEATURES + 1)), np.array([0, 1]))
    before = shard.features.copy()
    gradient(initial_model(), shard)
    assert np.array_equal(shard.features, before)


def test_a_second_interrupt_while_stopping_leaves_no_process_behind(tmp_path: Path) -> None:
    """Under make, Ctrl-C arrives twice: from the terminal and from make."""
    script = tmp_path / "demo.py"
    script.write_text(
        "import signal, sys, time\n"
        "from pathlib import Path\n"
        "from gradroll.setup.freeports import free_ports\n"
        "from gradroll.setup.processes import Processes\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # A job in the background ignores it.\n"
        "with Processes(Path(sys.argv[1])) as fleet:\n"
        "    for port in free_ports(3):\n"
        "        print(fleet.start(str(port), ['chain', 'serve', '--listen', f'127.0.0.1:{port}']).process.pid)\n"
        "    print('up', flush=True)\n"
        "    time.sleep(3600)\n"
    )
    with subprocess.Popen([sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        lines = [demo.stdout.readline().strip() for _ in range(4)]
        demo.send_signal(signal.SIGINT)
        time.sleep(0.05)
        while demo.poll() is None:
            demo.send_signal(signal.SIGINT)
            time.sleep(0.05)
    assert lines[-1] == "up"
    for pid in lines[:-1]:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_an_interrupt_while_a_process_starts_leaves_none_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Between a process and the list that it is stopped by, nothing may come."""
    made: list[subprocess.Popen[bytes]] = []
    usual = subprocess.Popen

    def interrupted(*arguments: Any, **options: Any) -> Any:
        made.append(usual(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return made[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), Processes(tmp_path) as fleet:
            fleet.start("chain", ["chain", "serve", "--listen", f"127.0.0.1:{free_ports(1)[0]}"])
            made.clear()  # not reached
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    (process,) = made
    assert process.poll() is not None


def test_keys_that_take_long_are_told_while_they_are_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = []

    def noted(make: Any) -> Any:
        def making(*arguments: Any, **options: Any) -> Any:
            busy = stages.current()
            told.append(busy and busy.what)
            return make(*arguments, **options)

        return making

    for name in ("development_srs", "commitment_key", "unsafe_generate_keys"):
        monkeypatch.setattr(keygen, name, noted(getattr(keygen, name)))
    keygen.cached_development_parameters(tmp_path, 3, "norm", 2)
    assert told == [
        "making a development string for 3 coordinates",
        "deriving the commitment key of 3 coordinates",
        "making the keys of policy norm for 2 owners",
    ]
    assert stages.current() is None
