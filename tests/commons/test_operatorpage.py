"""What an operator is shown: where it is served, to whom, and what it can never hold."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from circuits.errors import ClosedError, ConfigError, GradrollError
from commons.settings.loading import load
from commons.settings.sections import MetricsSettings
from commons.telemetry.callmetrics import CUT, DONE, CallMetrics
from commons.telemetry.metrics import Telemetry
from commons.telemetry.operatorpage import OperatorPage


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The values of a page of metrics by name and labels."""
    families = text_string_to_metric_families(text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry("prover")


@pytest.fixture
def page(telemetry: Telemetry) -> Iterator[OperatorPage]:
    made = OperatorPage("127.0.0.1:0", telemetry.registry, lambda: {"serving": True})
    made.start()
    yield made
    made.stop()


def get(page: OperatorPage, path: str, **headers: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{page.port}{path}", headers=headers, timeout=60)


def test_metrics_and_state_are_served_and_nothing_else(page: OperatorPage) -> None:
    metrics = get(page, "/metrics")
    assert metrics.status_code == 200
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert "process_open_fds" in metrics.text
    assert "gradroll_build_info{" in metrics.text
    assert get(page, "/status").json() == {"serving": True}
    for path in ("/", "/metrics/", "/metrics?x", "/debug"):
        assert get(page, path).status_code == 404
    assert requests.post(f"http://127.0.0.1:{page.port}/metrics", timeout=60).status_code == 501


def test_a_browser_that_is_led_here_by_a_strangers_name_reads_nothing(page: OperatorPage) -> None:
    for host in ("evil.example", f"evil.example:{page.port}", "127.0.0.1.evil.example", ""):
        answer = get(page, "/status", Host=host)
        assert answer.status_code == 403
        assert "serving" not in answer.text
    for host in (f"localhost:{page.port}", "localhost", "[::1]:9100", "127.0.0.1"):
        assert get(page, "/status", Host=host).status_code == 200


def test_callers_that_say_nothing_take_no_more_than_a_few_places(page: OperatorPage) -> None:
    silent = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(8)]
    ninth = socket.create_connection(("127.0.0.1", page.port))
    ninth.settimeout(60)
    assert ninth.recv(1) == b"", "one more is hung up on at once"
    for one in (*silent, ninth):
        one.close()


def test_a_state_that_cannot_be_told_is_the_logs_matter(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    def state() -> dict[str, object]:
        raise OSError("/var/lib/secret is gone")

    page = OperatorPage("127.0.0.1:0", telemetry.registry, state)
    page.start()
    answer = get(page, "/status")
    page.stop()
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_a_taken_place_is_a_mistake_in_the_settings(page: OperatorPage, telemetry: Telemetry) -> None:
    with pytest.raises(ConfigError, match="another process has it"):
        OperatorPage(f"127.0.0.1:{page.port}", telemetry.registry, dict)


@pytest.mark.parametrize("listen", ["0.0.0.0:9100", "192.0.2.1:9100", "[::]:9100", "node.example.org:9100"])
def test_others_read_metrics_only_where_the_operator_says_so(listen: str) -> None:
    given = {"metrics.listen": listen}
    with pytest.raises(ConfigError, match=r"set metrics\.beyond_loopback"):
        _ = load(environment={}, overrides=given).section(MetricsSettings).place
    told = load(environment={}, overrides={**given, "metrics.beyond_loopback": True})
    assert told.section(MetricsSettings).place == listen


@pytest.mark.parametrize("listen", ["127.0.0.1:9100", "127.1.2.3:0", "[::1]:9100", "localhost:9100"])
def test_the_loopback_address_needs_no_permission(listen: str) -> None:
    assert load(environment={}, overrides={"metrics.listen": listen}).section(MetricsSettings).place == listen


def test_nothing_is_served_unless_it_is_set() -> None:
    assert load(environment={}).section(MetricsSettings).place is None


def test_a_gauge_that_cannot_be_read_leaves_the_others(telemetry: Telemetry, page: OperatorPage) -> None:
    def broken() -> float:
        raise OSError("the disk is gone")

    telemetry.gauge("broken", "Cannot be read.", broken)
    telemetry.gauge("whole", "Can be.", lambda: 7.0)
    telemetry.gauge("nothing", "Has no value now.", lambda: None)
    telemetry.gauge("several", "Has two.", lambda: {"a": 1.0, "b": 2.0}, "which")
    text = get(page, "/metrics").text
    found = samples(text)
    assert found["gradroll_whole", frozenset()] == 7
    assert found["gradroll_several", frozenset({("which", "b")})] == 2
    assert found["gradroll_metrics_unread", frozenset()] == 1
    assert "# TYPE gradroll_broken gauge" in text
    assert not any(name in ("gradroll_broken", "gradroll_nothing") for name, _ in found)


def test_two_processes_metrics_share_nothing() -> None:
    first, second = Telemetry("prover"), Telemetry("prover")
    first.counter("things", "Things.").inc()
    names = {family.name for family in second.registry.collect()}
    assert "gradroll_things" not in names


def test_outcomes_of_calls_are_codes_of_ours_and_no_others(telemetry: Telemetry, page: OperatorPage) -> None:
    calls = CallMetrics(telemetry)
    for outcome in (DONE, CUT, ClosedError.code, *(f"made up by a stranger {n}" for n in range(1000))):
        calls.ended("Status", outcome, 3, 5)
    found = samples(get(page, "/metrics").text)
    outcomes = {
        dict(labels)["outcome"]: value for (name, labels), value in found.items() if name == "gradroll_calls_total"
    }
    assert outcomes == {"ok": 1, "cut": 1, ClosedError.code: 1, GradrollError.code: 1000}
    assert found["gradroll_sent_bytes_total", frozenset({("method", "Status")})] == 1003 * 5


def test_the_state_is_plain_json(page: OperatorPage) -> None:
    answer = get(page, "/status")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(answer.content) == {"serving": True}
