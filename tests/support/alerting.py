"""What deploy/ has for Prometheus and Grafana, read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.promql import Query, parse

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OWN = {"process_start_time_seconds", "process_open_fds", "process_max_fds", "process_resident_memory_bytes",
       "process_cpu_seconds_total"}  # fmt: skip
"""Of every process; `up` is Prometheus's own."""
ADDED = {"instance", "job", "le"}
"""Labels that Prometheus adds, and that histograms have."""


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    document = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))
    assert set(document) == {"groups"}
    for group in document["groups"]:
        assert set(group) == {"name", "rules"}
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    found: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    return found


def queries() -> dict[str, str]:
    """Every expression of both, by where it stands."""
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for panel in dashboard()["panels"]:
        found |= {f"{panel['title']} {target['refId']}": target["expr"] for target in panel["targets"]}
    return found


def unknown(query: Query, labels: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What an expression names that no process has.

    Args:
        labels: of each metric that processes have.
    """
    wrong = []
    for selector in query.selectors:
        if selector.metric not in labels and selector.metric not in (*OWN, "up"):
            wrong.append(selector.metric)
        known = {*labels.get(selector.metric, ()), *ADDED}
        wrong += [f"{selector.metric}.{label}" for label, _, _ in selector.matchers if label not in known]
    for grouped, below in query.by:
        wrong += [
            f"{selector.metric} by {label}" for selector in below for label in grouped
            if label not in {*labels.get(selector.metric, ()), *ADDED}
        ]  # fmt: skip
    return wrong


def parsed() -> dict[str, Query]:
    """Every expression, parsed."""
    return {where: parse(text) for where, text in queries().items()}
