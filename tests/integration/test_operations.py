"""What the operators of real nodes see: metrics, state, health; and what nobody sees in them."""

from __future__ import annotations

import operator
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from circuits.errors import ConfigError, StandbyError, catalogue
from commons.protocol.messages import Step
from commons.protocol.status import SubmissionState
from commons.runtime.watchdog import Condition
from commons.telemetry.tracing import traced
from commons.wire.methods import METHODS
from coordinator.service import CoordinatorNode
from gradroll.commands.serverstate import lines_of, understood
from provers.node import ProverNode
from tests.support import alerting
from tests.support.collector import Collector, Seen
from tests.support.deployment import Deployment
from tests.support.waiting import wait_for

METRICS = {"metrics.listen": "127.0.0.1:0", "metrics.interval": 0.2}
DIMENSION = 10


@dataclass
class Running:
    """Four provers and a coordinator that have proven a batch, and have the first gradient of the next round."""

    deployment: Deployment
    provers: list[ProverNode]
    coordinator: CoordinatorNode
    waiting: bytes
    collector: Collector

    def page(self, node: ProverNode | CoordinatorNode, path: str = "/metrics") -> requests.Response:
        return requests.get(f"http://127.0.0.1:{node.operations.port}{path}", timeout=60)

    def families(self, node: ProverNode | CoordinatorNode) -> dict[str, Metric]:
        return {family.name: family for family in text_string_to_metric_families(self.page(node).text)}

    def value(self, node: ProverNode | CoordinatorNode, name: str, **labels: str) -> float | None:
        return node.operations.telemetry.registry.get_sample_value(f"gradroll_{name}", labels)

    @property
    def nodes(self) -> tuple[ProverNode | CoordinatorNode, ...]:
        return (*self.provers, self.coordinator)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION)
    collecting = ExitStack()
    collector = collecting.enter_context(Collector())
    traces = made.coordinator_settings().changed({"telemetry.traces": collector.url})
    collecting.enter_context(traced(traces, "all"))
    provers = [ProverNode(made.prover_settings(p).changed(METRICS)) for p in range(4)]
    coordinator = CoordinatorNode(made.coordinator_settings().changed(METRICS))
    nodes: list[ProverNode | CoordinatorNode] = [*provers, coordinator]
    for node in nodes:
        node.start()
    task = made.new_task(2)
    owners = made.owners(task, 2)
    with made.client() as client:
        number = made.model_owner.open_round(task, client.put_model(b"m", task, made.model_owner))
        gradients = [np.full(DIMENSION, 0.1) for _ in owners]
        sent = [made.submit(task, number, *pair)[0].submission for pair in zip(owners, gradients, strict=True)]
        wait_for(lambda: client.submission_status(sent[0]).state is SubmissionState.ACCEPTED)
        wait_for(lambda: coordinator.operations.telemetry.registry.get_sample_value("gradroll_sums_opened_total") == 1)
        number = made.model_owner.open_round(task, client.put_model(b"n", task, made.model_owner))
        waiting = made.submit(task, number, owners[0], gradients[0])[0].submission
    yield Running(made, provers, coordinator, waiting, collector)
    coordinator.stop()
    for one in provers:
        one.stop()
    collecting.close()
    made.close()


def test_a_coordinator_counts_what_it_did(running: Running) -> None:
    node = running.coordinator
    assert running.value(node, "submissions_total") == 3
    assert running.value(node, "batches_total", outcome="proven") == 1
    assert running.value(node, "batches_total", outcome="accepted") == 1
    assert running.value(node, "step_seconds_count", step="MASK") == 1
    assert running.value(node, "calls_total", method="SubmitHeader", outcome="ok") == 3
    assert (running.value(node, "received_bytes_total", method="SubmitHeader") or 0) > 2 * 65
    assert running.value(node, "serving") == running.value(node, "lease_held") == 1
    assert (running.value(node, "account_balance_wei") or 0) > 10**15
    assert running.value(node, "provers_silent") == 0
    assert running.value(node, "transactions_pending") == 0
    assert running.value(node, "last_batch_timestamp_seconds")


def test_a_prover_counts_what_it_did(running: Running) -> None:
    """The caller that has its receipt may end the call before its last message is counted as taken."""
    node = running.provers[0]
    assert (running.value(node, "received_bytes_total", method="SubmitShares") or 0) > 2 * DIMENSION * 32
    assert running.value(node, "step_seconds_count", step="ATTEST") == 1
    assert running.value(node, "keys_ready") == running.value(node, "serving") == 1
    assert running.value(node, "shares_stored") == 3
    assert 0 < (running.value(node, "store_used_bytes") or 0) < (running.value(node, "store_limit_bytes") or 0)


def test_both_show_chain_disk_threads_and_process(running: Running) -> None:
    for node in running.nodes:
        wait_for(lambda node=node: running.value(node, "chain_head_block", setting="chain") is not None)  # type: ignore[misc]
        assert running.value(node, "chain_silent_seconds", setting="chain") == 0
        assert running.value(node, "chain_nodes", setting="chain") == 1
        assert running.value(node, "chain_nodes_set_aside", setting="chain") == 0
        assert 0 < (running.value(node, "disk_free_bytes") or 0) <= (running.value(node, "disk_size_bytes") or 0)
        assert (running.value(node, "call_places", pool="health") or 0) >= 4
        assert running.value(node, "thread_stuck", thread="chain-pulse") == 0
        assert running.value(node, "metrics_unread") == 0
        assert {"process_open_fds", "process_resident_memory_bytes", "process_start_time_seconds"} <= running.families(
            node
        ).keys()


def test_metrics_hold_no_secret_no_address_and_no_place(running: Running) -> None:
    home = str(running.deployment.directory)
    for node in running.nodes:
        text = running.page(node).text
        assert "gradroll_calls_total{" in text
        for told in (home, "0x", "http", "127.0.0.1", running.deployment.coordinator_key.address.hex()):
            assert told not in text
        state = running.page(node, "/status").text
        for told in (home, "http://", running.deployment.url):
            assert told not in state


def test_every_label_has_few_values_all_of_them_ours(running: Running) -> None:
    methods = {path.rpartition("/")[2] for path in METHODS}
    known = {
        "outcome": {"ok", "cut", "proven", "accepted", "refused", *catalogue()}, "code": set(catalogue()),
        "method": methods, "step": {step.name for step in Step}, "setting": {"chain", "second_node"},
        "role": {"prover", "coordinator"},
    }  # fmt: skip
    for node in running.nodes:
        for family in running.families(node).values():
            for sample in family.samples:
                for label, value in sample.labels.items():
                    assert label == "le" or re.fullmatch(r"[A-Za-z0-9._-]{1,40}", value), (family.name, label, value)
                    assert value in known.get(label, {value}), (family.name, label)


def test_the_operator_sees_rounds_and_the_last_batch(running: Running) -> None:
    wait_for(lambda: bool(running.coordinator.coordinator.watch.waits((int(_round(running)["task"], 16), 1))))
    one, said = _round(running), running.page(running.coordinator, "/status").json()
    assert (one["round"], one["phase"], one["pending"]) == (1, "gathering", 1)
    assert " (since 20" in one["waits"]
    lines = lines_of(understood("here", said))
    assert any(line.startswith(f"last batch accepted: {said['last_batch']['batch']} with 2 owners") for line in lines)
    assert any(line.startswith("  task 0x") for line in lines)
    assert any(line.startswith("chain: block ") and "the account has" in line for line in lines)
    prover: Any = running.page(running.provers[1], "/status").json()
    assert (prover["role"], prover["prover"], prover["keys_ready"]) == ("prover", 1, True)
    assert prover["last_step"]["step"] in {step.name for step in Step}
    assert prover["shares_overdue_seconds"] == 0
    assert (said["leads"], said["uploads"], said["upload_bytes"]) == (True, 0, 0)
    assert lines_of(understood("here", prover))


class StandingBy:
    """The seat of a coordinator while another one leads."""

    tenure, failure, is_leading = None, None, False

    def coordinator(self) -> None:
        raise StandbyError("this coordinator stands by; the one at h:1 leads", 3.0)


def test_one_that_stands_by_tells_its_operator_who_leads(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.coordinator, "_seat", StandingBy())
    said = running.page(running.coordinator, "/status").json()
    assert (said["leads"], said["standby"]) == (False, "this coordinator stands by; the one at h:1 leads")
    assert said["standby"] in lines_of(understood("here", said))


def _round(running: Running) -> dict[str, Any]:
    (one,) = running.page(running.coordinator, "/status").json()["rounds"]
    assert isinstance(one, dict)
    return one


def test_an_owner_is_told_what_its_submission_waits_for(running: Running) -> None:
    with running.deployment.client() as client:
        wait_for(lambda: " (since 20" in client.submission_status(running.waiting).reason)
        status = client.submission_status(running.waiting)
    assert status.state is SubmissionState.PENDING
    assert status.reason == _round(running)["waits"]


def test_the_watchdog_looks_after_every_thread_that_lives_long(running: Running) -> None:
    watched = set(running.coordinator.operations.watchdog.names)
    assert watched == {"driver", "rounds", "fleet", "accusing", "beside", "operator-page", "chain-pulse"}
    watched = set(running.provers[0].operations.watchdog.names)
    assert watched == {"tidy", "tidying", "steps", "suspicions", "operator-page", "chain-pulse"}
    assert all(node.operations.watchdog.look() is Condition.WORKING for node in running.nodes)


def test_health_follows_the_watchdog(running: Running) -> None:
    node = running.provers[3]
    node.health.works(False)
    assert running.value(node, "serving") == 0
    assert running.page(node, "/status").json()["serving"] is False
    node.health.works(True)
    assert running.value(node, "serving") == 1


def _below(spans: list[Seen], above: Seen, name: str) -> list[Seen]:
    return [seen for seen in spans if (seen.trace, seen.parent, seen.name) == (above.trace, above.id, name)]


def test_a_batch_is_one_trace_from_the_coordinator_through_every_prover(running: Running) -> None:
    wait_for(lambda: bool(running.collector.named("release")))
    spans = running.collector.spans
    (batch,) = [seen for seen in spans if seen.name == "batch"]
    assert (batch.parent, batch.told["round"], batch.told["owners"]) == ("", 0, 2)
    steps = _below(spans, batch, "step")
    assert {"COIN", "PROJECT", "MASK", "COMBINE", "PROVE", "ATTEST"} <= {step.told["step"] for step in steps}
    for step in steps:
        asked = _below(spans, step, "ask")
        assert {(ask.told["prover"], ask.told["step"]) for ask in asked} == {(p, step.told["step"]) for p in range(4)}
        assert all(ask.told["sent"] and ask.told["received"] for ask in asked)
        for ask in asked:
            (read,), (run,) = _below(spans, ask, "read"), _below(spans, ask, "run")
            assert read.told["prover"] == run.told["prover"] == ask.told["prover"]
            assert 0 <= int(read.told.get("received", 0)) < int(ask.told["sent"]), "it counts from behind the head on"
            assert {part.name for part in spans if part.parent == run.id} >= {"wait", "compute", "write"}
    assert _below(spans, batch, "advance")
    (settle,) = [seen for seen in spans if seen.name == "settle"]
    (transaction,) = _below(spans, settle, "transaction")
    assert settle.told["batch"] == batch.told["batch"]
    assert transaction.told["gas"]
    assert _below(spans, transaction, "chain")


def test_spans_hold_no_secret_and_no_place(running: Running) -> None:
    wait_for(lambda: bool(running.collector.named("release")))
    made, said = running.deployment, b"".join(running.collector.bodies)
    for told in (str(made.directory), "http", "127.0.0.1", made.coordinator_key.secret_bytes().hex()):
        assert told.encode() not in said
    for keys in made.keystores:
        assert keys.hpke_secret not in said
        assert keys.hpke_secret.hex().encode() not in said
    for seen in running.collector.spans:
        assert not seen.span.events
        assert not seen.span.links


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A market of which no node runs."""
    made = Deployment(tmp_path_factory.mktemp("alone"), dimension=DIMENSION)
    yield made
    made.close()


def test_what_hangs_while_a_coordinator_ends_to_lead_is_noticed(
    alone: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else leads before it has ended: the lease is released behind that."""
    node = CoordinatorNode(alone.coordinator_settings())
    node.start()
    tenure, watchdog, free = node._seat.tenure, node.operations.watchdog, threading.Event()
    assert tenure is not None
    hangs = tenure.pools["beside"].submit(free.wait)
    wait_for(hangs.running)
    stopping = threading.Thread(target=node.stop)
    stopping.start()
    try:
        wait_for(lambda: "driver" not in watchdog.names)
        with monkeypatch.context() as patch:
            patch.setattr(watchdog, "_monotonic", lambda: time.monotonic() + 1e9)
            assert "beside" in watchdog.stuck()
    finally:
        free.set()
        stopping.join()
    assert not {"driver", *tenure.pools} & {*watchdog.names}


def test_a_driver_that_dies_is_noticed(alone: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no ``Exception`` ends the thread, and with it all rounds, behind a port that answers."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    node = CoordinatorNode(alone.coordinator_settings())

    def turn() -> None:
        raise SystemExit

    monkeypatch.setattr(node.coordinator, "turn", turn)
    assert node.operations.watchdog.look() is Condition.WORKING
    node.start()
    assert node.operations.port is None, "nothing is served that is not set"
    wait_for(lambda: node.operations.watchdog.look() is Condition.HOPELESS)
    node.stop()
    with pytest.raises(ConfigError, match="beyond_loopback"):
        CoordinatorNode(alone.coordinator_settings().changed({"metrics.listen": "0.0.0.0:0"}))
    with pytest.raises(ConfigError, match="beyond_loopback"):
        ProverNode(alone.prover_settings(0).changed({"metrics.listen": "0.0.0.0:0"}))


def _labels(running: Running) -> dict[str, tuple[str, ...]]:
    """Every metric that the two kinds of processes show, under each name that it is asked by, with its labels."""
    found: dict[str, tuple[str, ...]] = {}
    for node in (running.provers[0], running.coordinator):
        shown = running.families(node)
        for name, labels in node.operations.telemetry.labels.items():
            family = shown[name]
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
            found |= {f"{name}{suffix}": labels for suffix in suffixes}
    return found | {"gradroll_metrics_unread": ()}


def test_every_metric_and_label_of_alerts_and_dashboard_is_one_of_a_live_process(running: Running) -> None:
    labels, shown = _labels(running), running.families(running.coordinator)
    for where, query in alerting.parsed().items():
        assert alerting.unknown(query, labels) == [], where
    assert {name.removesuffix("_total") for name in alerting.OWN} <= shown.keys()


def test_a_healthy_process_wakes_nobody(running: Running) -> None:
    """Of the alerts that compare one metric with a number and stand for any chain.

    A development chain makes a block for each transaction only, and gives each a later second than the one before: its
    head grows old when nobody sends, and is ahead of all clocks when many do.
    """
    compared = {
        rule["alert"]: re.fullmatch(r"(gradroll_\w+)(?:\{[^}]*\})? (<|>|==) ([\d.]+)", rule["expr"])
        for rule in alerting.rules()
        if rule["alert"] not in {"GradrollChainLag", "GradrollClockBehind"}
    }
    wakes = {"<": operator.lt, ">": operator.gt, "==": operator.eq}
    looked = 0
    for name, match in compared.items():
        for node in running.nodes if match else ():
            assert match
            family = running.families(node).get(match[1])
            for sample in family.samples if family else ():
                looked += 1
                assert not wakes[match[2]](sample.value, float(match[3])), (name, sample)
    assert looked > 5 * len(running.nodes)
