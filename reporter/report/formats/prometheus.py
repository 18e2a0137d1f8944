"""Prometheus: gauges in its text format, for the textfile collector of the node exporter.

That collector reads files of any name that ends with `.prom`, over and over: a file is replaced whole, and the group of
its folder reads it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reporter.files import write_whole
from reporter.report.metrics import Measured

SHOWS_METRICS = True


def write(stem: Path, tables: Any, facts: Sequence[str], *, metrics: Sequence[Measured]) -> list[Path]:
    """Write the metrics to `<stem>.prom`, which the group of its folder may read."""
    path = stem.with_name(f"{stem.name}.prom")
    write_whole(path, generate_latest(_Gauges(metrics)), group_reads=True)
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
