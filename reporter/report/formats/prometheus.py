"""Prometheus: gauges in its text format, for the textfile collector of the node exporter.

That collector is in the group of the folder, and reads every file there whose name ends with `.prom`, over and over.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reporter.report.metrics import Measured

SHOWS_METRICS = True
FOR_GROUP = True


def write(stem: Path, tables: Any, facts: Sequence[str], *, metrics: Sequence[Measured]) -> list[Path]:
    """Write the metrics to `<stem>.prom`."""
    path = stem.with_name(f"{stem.name}.prom")
    path.write_bytes(generate_latest(_Gauges(metrics)))
    return [path]


class _Gauges(Collector):
    """What prometheus_client takes metrics from."""

    def __init__(self, metrics: Sequence[Measured]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for each in self._metrics:
            gauge = GaugeMetricFamily(each.metric.name, each.metric.meaning, labels=each.metric.labels)
            for values, number in each.samples.items():
                gauge.add_metric(values, number)
            yield gauge
