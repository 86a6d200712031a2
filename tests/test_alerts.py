"""Alerts, runbooks and the dashboard fit each other.

That their metrics exist, `tests/integration/test_operations.py` says, of processes that run.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from gradroll.commands.serverstate import CLOCK_SKEW
from tests.support import alerting
from tests.support.promql import parse

ROOT = Path(__file__).resolve().parent.parent
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL))
RULES = {rule["alert"]: rule for rule in alerting.rules()}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert list(SECTIONS) and set(SECTIONS) == set(RULES)
    assert len(RULES) == len(alerting.rules())


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_one_of_prometheus(name: str) -> None:
    rule = RULES[name]
    assert {"alert", "expr", "labels", "annotations"} <= set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Gradroll[A-Z]\w+", name)
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    assert rule["labels"].keys() == {"severity"}
    assert rule["annotations"].keys() == {"summary", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{name.lower()}"
    assert parse(rule["expr"]).selectors


@pytest.mark.parametrize("name", RULES)
def test_a_runbook_says_how_urgent_it_is_and_what_to_do(name: str) -> None:
    text, severity = SECTIONS[name], RULES[name]["labels"]["severity"]
    assert text.startswith({"page": "*Page.* ", "ticket": "*Ticket.* "}[severity])
    assert "Do: " in text


@pytest.mark.parametrize("name", RULES)
def test_a_summary_names_labels_that_its_alert_has(name: str) -> None:
    """A label that is grouped away is empty in the message that wakes somebody."""
    rule = RULES[name]
    query, used = parse(rule["expr"]), set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    if rule["expr"].startswith(("sum by", "max by")):
        assert used <= set(query.by[0][0])
    elif query.by:
        assert not used


def test_every_event_that_a_runbook_names_is_logged() -> None:
    sources = [p for room in ("commons", "coordinator", "provers") for p in (ROOT / room).rglob("*.py")]
    logged = "".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r"event=([a-z-]+)", RUNBOOKS))
    assert {"stuck", "stack", "chain-silent", "ended-by-watchdog"} <= named
    assert {name for name in named if f"event={name}" not in logged} == set()


def test_prometheus_asks_where_the_examples_listen() -> None:
    document = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))
    assert document["rule_files"] == ["rules.yaml"]
    asked = {job["job_name"]: job["static_configs"][0]["targets"] for job in document["scrape_configs"]}
    for role in ("prover", "coordinator"):
        example = tomllib.loads((ROOT / "deploy" / "examples" / f"{role}.toml").read_text(encoding="utf-8"))
        assert asked[f"gradroll-{role}"] == [example["metrics"]["listen"]]


def test_the_dashboard_is_one_of_grafana() -> None:
    found = alerting.dashboard()
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(found)
    numbers = [panel["id"] for panel in found["panels"]]
    assert len(set(numbers)) == len(numbers) > 10
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in found["panels"]}
    assert len(places) == len(numbers)
    for panel in found["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for target in panel["targets"]:
            assert parse(target["expr"]).selectors
            assert target["legendFormat"]


@pytest.mark.parametrize(
    "text",
    [
        "gradroll_serving ==", "gradroll_serving == 0 1", "rate(gradroll_calls_total)", "gradroll_calls_total[5m]",
        'x{a~"b"}', "x{a=b}", "x{a=\"b\"", "nobody(x)", "sum by phase (x)", "sum by (phase) x", "increase(rate(x[1m]))",
        "x > 5k", "x; y", "", "(x", 'x{a=~"("}', "histogram_quantile(0.9)",
    ],
)  # fmt: skip
def test_what_is_no_promql_is_refused(text: str) -> None:
    with pytest.raises((ValueError, re.error)):
        parse(text)


def test_a_parsed_query_names_its_metrics_and_labels() -> None:
    query = parse('sum by (a, b) (rate(x{c!~"d|e",f="g"}[5m])) / 2 > y or absent(z)')
    assert [selector.metric for selector in query.selectors] == ["x", "y", "z"]
    assert query.selectors[0].matchers == (("c", "!~", "d|e"), ("f", "=", "g"))
    labels = {"x": ("a", "c", "f"), "y": ()}
    assert alerting.unknown(query, labels) == ["z", "x by b"]
    assert alerting.unknown(parse('x{h="i"}'), labels) == ["x.h"]


def test_a_clock_that_an_operator_is_told_of_is_one_that_alerts() -> None:
    assert RULES["GradrollClockBehind"]["expr"] == f"gradroll_chain_clock_ahead_seconds > {CLOCK_SKEW:g}"
