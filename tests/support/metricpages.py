"""What a server's page of metrics says."""

from __future__ import annotations

import requests
from prometheus_client.parser import text_string_to_metric_families


def metric(port: int, name: str, **labels: str) -> float:
    """A value on the page of a server on this machine; ``name`` is without `gradroll_`."""
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return next(s.value for s in samples if s.name == f"gradroll_{name}" and s.labels == labels)
