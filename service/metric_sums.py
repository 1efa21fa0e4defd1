"""Aggregate the metrics of several processes: counters are added, gauges by their meaning.

Each process counts in its own memory, and a scrape takes a snapshot of each. (The multiprocess mode
of prometheus_client does not support custom collectors, and writes to a file with each count.) The
counts of ended processes are kept, so that counters never decrease.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

# Gauges that are equal in all processes, or whose worst value counts
_NOT_ADDED: dict[str, Callable[[float, float], float]] = {
    "tanger_key_reloads": max,
    "tanger_queue_oldest_seconds": max,
    "tanger_queue_drain_seconds": max,
    "tanger_languages_open": max,
    "tanger_workers_ready": max,
    "tanger_ready": min,
    "tanger_api_keys": max,
    "tanger_api_keys_stale": max,
    "tanger_model": max,
    "tanger_engine": max,
}


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """A sample of a metric."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """A metric family with its samples."""

    name: str
    type: str
    text: str
    samples: tuple[Sample, ...]


def snapshot(registry: CollectorRegistry) -> list[Family]:
    """Return all samples of a registry."""
    return [
        Family(
            family.name,
            family.type,
            family.documentation,
            tuple(
                Sample(sample.name, tuple(sample.labels.items()), sample.value)
                for sample in family.samples
            ),
        )
        for family in registry.collect()
    ]


def received(found: object) -> list[Family]:
    """Convert a snapshot that was received from another process, as untyped data."""
    return msgspec.convert(found, list[Family])


def add_up(snapshots: Iterable[list[Family]]) -> list[Family]:
    """Aggregate snapshots; families are in order of their first appearance."""
    kinds: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for families in snapshots:
        for family in families:
            kinds.setdefault(family.name, family)
            found = values.setdefault(family.name, {})
            add = _NOT_ADDED.get(family.name)
            for name, labels, value in map(msgspec.structs.astuple, family.samples):
                key = (name, labels)
                if key not in found:
                    found[key] = value
                else:
                    found[key] = add(found[key], value) if add else found[key] + value
    return [
        Family(
            name,
            kind.type,
            kind.text,
            tuple(Sample(*key, value) for key, value in values[name].items()),
        )
        for name, kind in kinds.items()
    ]


def counted(families: Iterable[Family]) -> list[Family]:
    """Return the families that stay valid after a process has ended: its counters."""
    return [family for family in families if family.type in ("counter", "histogram")]


def render(families: Iterable[Family]) -> bytes:
    """Return the Prometheus text format, like `Metrics.render`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(families))
    return generate_latest(registry)


class _Given(Collector):
    """A collector that yields a snapshot."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.text, family.type)
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels), sample.value)
            yield metric
