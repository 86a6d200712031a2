"""The metrics of one process: counters that its shells move, and readings that are taken when somebody asks.

Each process has a registry of its own.  Labels have few values, all of them ours: nothing that came over the wire, from
a node or out of a file is a label, or a stranger could fill the memory of whoever collects them.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from commons import VERSION

Reading = float | Mapping[str, float] | None
"""One value, one for each value of a label, or none to be had."""
_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Seconds of a step: a small model on one machine, to a large one over a slow line."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Gauge:
    name: str
    words: str
    label: str
    read: Callable[[], Reading]

    def family(self) -> GaugeMetricFamily:
        """Without values."""
        return GaugeMetricFamily(self.name, self.words, labels=[self.label] if self.label else None)

    def values(self) -> GaugeMetricFamily:
        """With those of this moment.  Raises whatever reading raises."""
        family, reading = self.family(), self.read()
        if isinstance(reading, Mapping):
            for label, value in reading.items():
                family.add_metric([label], value)
        elif reading is not None:
            family.add_metric([], reading)
        return family


class _Readings(Collector):
    """Gauges that are read when they are asked for; one that cannot be read leaves the others as they are."""

    def __init__(self) -> None:
        self.gauges: list[_Gauge] = []

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return []  # more come after it is registered

    def collect(self) -> Iterable[GaugeMetricFamily]:
        unread = 0
        for gauge in tuple(self.gauges):
            try:
                yield gauge.values()
            except Exception as error:  # a disk that is gone, a database that is closed: just then others are needed
                unread += 1
                _log.debug("event=metric-unread name=%s reason=%s", gauge.name, type(error).__name__)
                yield gauge.family()
        yield GaugeMetricFamily("gradroll_metrics_unread", "Gauges that could not be read this time.", value=unread)


class Telemetry:
    """The metrics of one process.

    Args:
        role: "prover" or "coordinator".

    Attributes:
        registry: what is served.
        labels: of each of our metrics, by its name without what counters and histograms add.
    """

    def __init__(self, role: str) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.labels: dict[str, tuple[str, ...]] = {}
        self._readings = _Readings()
        self.registry.register(self._readings)
        ProcessCollector(registry=self.registry)
        build = Gauge(
            "gradroll_build_info", "Always 1; release and role are its labels.", ["version", "role", "python"],
            registry=self.registry,
        )  # fmt: skip
        build.labels(VERSION, role, platform.python_version()).set(1)

    def counter(self, name: str, words: str, *labels: str) -> Counter:
        """A new counter; its name in the output ends in ``_total``."""
        self.labels[f"gradroll_{name}"] = labels
        return Counter(f"gradroll_{name}", words, labels, registry=self.registry)

    def seconds(self, name: str, words: str, *labels: str) -> Histogram:
        """A new histogram of seconds."""
        self.labels[f"gradroll_{name}"] = labels
        return Histogram(f"gradroll_{name}", words, labels, registry=self.registry, buckets=_BUCKETS)

    def gauge(self, name: str, words: str, read: Callable[[], Reading], label: str = "") -> None:
        """A new gauge.

        Args:
            read: its value, or its values by the label; called by the thread that serves metrics, so it must not wait.
        """
        self.labels[f"gradroll_{name}"] = (label,) if label else ()
        self._readings.gauges.append(_Gauge(f"gradroll_{name}", words, label, read))
