"""Traces of a process: what a collector gets, what it never gets, and that it may be away, hang or lie."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from circuits.errors import ConfigError, StorageError
from commons.runtime import spans
from commons.runtime.logcontext import about
from commons.settings.loading import Settings, load
from commons.telemetry import traces
from commons.telemetry.tracing import traced
from commons.wire._generated.common_pb2 import BatchRequest
from tests.support.certificates import self_signed
from tests.support.collector import Collector
from tests.support.waiting import wait_for
from tests.test_layers import ROOT, SOURCES, imports

SECRET = "planted-7c1f09"
STRANGER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def settings(**telemetry: object) -> Settings:
    return load(None, environment={}).changed({f"telemetry.{name}": value for name, value in telemetry.items()})


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


def test_a_collector_gets_spans_with_what_they_are_a_part_of(collector: Collector) -> None:
    with traced(settings(traces=collector.url), "prover"):
        with about(task="0x3fa9", round=7), spans.span("outer", owners=3) as outer:
            outer.set(batch="0xabcd")
            with spans.part("inner", calls=True, prover=2) as inner:
                list(inner.outgoing([BatchRequest(batch_id=bytes(50))]))
        with spans.part("nobody's"):
            pass
    (outer_seen,), (inner_seen,) = collector.named("outer"), collector.named("inner")
    assert collector.paths == ["/v1/traces"]
    assert outer_seen.service == inner_seen.service == "gradroll-prover"
    assert (outer_seen.parent, inner_seen.parent) == ("", outer_seen.id)
    assert outer_seen.trace == inner_seen.trace
    assert outer_seen.told == {"task": "0x3fa9", "round": 7, "owners": 3, "batch": "0xabcd"}
    assert inner_seen.told == {"task": "0x3fa9", "round": 7, "prover": 2, "sent": 52}
    assert not collector.named("nobody's")


def test_a_failure_is_told_by_its_code_alone(collector: Collector) -> None:
    with traced(settings(traces=collector.url), "prover"):
        with pytest.raises(StorageError), spans.span("ours"):
            raise StorageError(f"cannot write /home/{SECRET}")
        with pytest.raises(OSError, match=SECRET), spans.span("system's"):
            raise OSError(f"/home/{SECRET}")
    assert {seen.name: seen.error for seen in collector.spans} == {"ours": "storage", "system's": "OSError"}
    assert SECRET.encode() not in b"".join(collector.bodies)


@pytest.mark.parametrize(
    "attributes",
    [
        {"path": "1"}, {"url": 1}, {"gradient": 1},
        {"batch": f"https://user:{SECRET}@host/"}, {"batch": f"/home/{SECRET}"}, {"batch": SECRET + " "},
        {"batch": "x" * 81}, {"batch": SECRET.encode()}, {"round": SECRET}, {"round": -1}, {"round": 2**63},
        {"round": True}, {"round": 0.5}, {"batch": 3},
    ],
)  # fmt: skip
def test_nothing_leaves_that_is_not_on_the_list(collector: Collector, attributes: dict[str, int]) -> None:
    with traced(settings(traces=collector.url), "owner"), about(**attributes), spans.span("one", **attributes) as one:
        one.set(**attributes)
    (seen,) = collector.spans
    assert seen.told == {}
    assert SECRET.encode() not in b"".join(collector.bodies)


def test_a_span_joins_the_one_of_a_caller_that_is_known_whatever_it_says_about_keeping_it(
    collector: Collector,
) -> None:
    """The last two digits of the caller's name say that nobody is to keep the trace."""
    with traced(settings(traces=collector.url), "prover"):
        with spans.joined("step", STRANGER):
            assert spans.carried().startswith(STRANGER[:36])
        for junk in ("", "x", STRANGER.upper(), STRANGER[:-1], "00-" + 32 * "0" + STRANGER[35:], "ff" + STRANGER[2:]):
            with spans.joined("alone", junk):
                pass
        assert spans.carried() == ""
    (step,), alone = collector.named("step"), collector.named("alone")
    assert f"00-{step.trace}-{step.parent}-00" == STRANGER
    assert len(alone) == 6
    assert not any(seen.parent for seen in alone)
    assert len({seen.trace for seen in collector.spans}) == 7


def test_without_a_collector_nothing_of_it_is_imported() -> None:
    script = (
        "import sys; from commons.settings.loading import load; from commons.telemetry.tracing import traced; "
        "from commons.runtime import spans\n"
        "with traced(load(None, environment={}), 'prover'), spans.span('one', round=1) as one:\n"
        "    one.set(round=2); assert spans.carried() == ''; assert spans.part('two') is spans.joined('three', '')\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'commons.telemetry.traces'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    users = [name for name, path in SOURCES.items() if "commons.telemetry.traces" in imports(path)]
    assert users == ["commons.telemetry.tracing"]
    assert not [
        line for line in SOURCES[users[0]].read_text().splitlines() if re.match(r"(from|import) .*\btraces\b", line)
    ]


def test_a_span_that_nobody_keeps_leaves_messages_as_they_are() -> None:
    messages = [BatchRequest()]
    with spans.span("one") as one:
        assert one.incoming(messages) is one.outgoing(messages) is messages


def test_a_missing_extra_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "commons.telemetry.traces", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'gradroll\[traces\]'"),
        traced(settings(traces="http://localhost:1"), "prover"),
    ):
        pass


@pytest.mark.parametrize("url", ["http://collector:4318", "http://10.0.0.1:4318", "http://1.2.3:4318"])
def test_another_machine_in_the_clear_is_refused_unless_that_is_wanted(url: str) -> None:
    with pytest.raises(ConfigError, match="can be read on the way"), traced(settings(traces=url), "prover"):
        pass


def test_a_collector_that_hangs_keeps_back_nobody(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is full many times over, and the process ends, while the collector answers nothing."""
    monkeypatch.setattr(traces, "_CLOSING", 0.1)
    monkeypatch.setattr(traces, "QUEUE", 32)
    monkeypatch.setattr(traces, "_AT_ONCE", 8)
    collector.hang()
    with traced(settings(traces=collector.url), "prover"):
        for number in range(100):
            with spans.span("one", round=number):
                pass
        assert collector.asked.wait(900)
    assert not collector.bodies
    with spans.span("two") as two:
        two.set(round=1)


def test_a_queue_that_is_full_drops_spans_and_grows_no_further(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "QUEUE", 32)
    monkeypatch.setattr(traces, "_AT_ONCE", 8)
    collector.hang()
    with traced(settings(traces=collector.url), "prover"):
        for number in range(8):
            with spans.span("first", round=number):
                pass
        assert collector.asked.wait(900)
        for number in range(100):
            with spans.span("one", round=number):
                pass
        collector.answers.set()
    assert [seen.told["round"] for seen in collector.named("one")] == [*range(100 - 32, 100)]


@pytest.mark.parametrize("status", [307, 400, 500])
def test_a_collector_that_refuses_or_sends_elsewhere_is_told_of_without_its_password(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Collector(status) as refusing:
        url = f"http://user:{SECRET}@{refusing.place}/base"
        with traced(settings(traces=url), "prover"), spans.span("one"):
            pass
        assert refusing.paths == ["/base/v1/traces"]
        assert refusing.users == [f"user:{SECRET}"]
        (told,) = [record.getMessage() for record in caplog.records if "traces-not-delivered" in record.getMessage()]
        assert told == f"event=traces-not-delivered collector={refusing.url} spans=1"
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_a_collector_that_is_not_there_is_no_trouble(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "_CLOSING", 0.1)
    with traced(settings(traces="http://127.0.0.1:1"), "prover"), spans.span("one"):
        pass
    wait_for(lambda: "event=traces-not-delivered" in caplog.text)
    wait_for(lambda: "traces-end" not in {thread.name for thread in threading.enumerate()})


def test_spans_go_to_the_protocols_path_behind_the_base() -> None:
    for url in ("https://c", "https://c/", "https://c/v1/traces", "https://c/v1/traces/"):
        assert traces.endpoint_of(url) == "https://c/v1/traces"
    assert traces.endpoint_of("https://u:p@c:1/otlp/?k=v") == "https://u:p@c:1/otlp/v1/traces?k=v"


def test_a_collector_is_told_who_one_is_as_the_environment_says(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-token={SECRET}")
    with traced(settings(traces=collector.url), "prover"), spans.span("one"):
        pass
    assert collector.tokens == [SECRET]


def test_the_page_of_operations_names_every_span_attribute_and_limit() -> None:
    section = (ROOT / "docs" / "operations.md").read_text().partition("## Traces")[2].partition("\n## ")[0]
    made = re.compile(r"(?:spans\.(?:span|part)|self\._part)\(\s*\"([a-z ]+)\"")
    names = {name for path in SOURCES.values() for name in made.findall(path.read_text(encoding="utf-8"))}
    assert {"batch", "ask", "run", "compute", "chain", "submit"} <= names
    assert not [name for name in names if f"`{name}`" not in section]
    assert f"{traces.QUEUE} spans wait" in section
    assert traces._CLOSING == 3.0
    assert "waits three seconds" in section


def test_a_collector_over_tls_is_trusted_by_the_certificates_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = self_signed(tmp_path / "collector")
    others, _ = self_signed(tmp_path / "others")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(others))
    monkeypatch.setattr(traces, "_CLOSING", 900.0)
    with Collector(identity=(certificate, key)) as collector:
        url = collector.url.replace("127.0.0.1", "localhost")
        with traced(settings(traces=url, traces_roots=certificate), "prover"), spans.span("one"):
            pass
        assert [seen.name for seen in collector.spans] == ["one"]
        monkeypatch.setattr(traces, "_CLOSING", 0.1)
        with traced(settings(traces=url), "prover"), spans.span("two"):
            pass
        wait_for(lambda: "event=traces-not-delivered" in caplog.text)
        assert not collector.named("two")
