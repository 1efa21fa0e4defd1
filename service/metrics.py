"""Prometheus metrics of ``/metrics``; clients cannot increase the number of label values.

Counts per request or batch are plain numbers, which `Metrics` exports when it is scraped. Only the
event loop counts, and the locks of prometheus_client would take a tenth of the time of a request.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Protocol, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tanger.service import logs
from tanger.service.schemas import WordErrorCode

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WORDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# All metrics, with their descriptions
_SERIES = {
    "requests": "Requests that were answered, by route, method and status.",
    "request_seconds": "Seconds from a request's head to its answer's last byte, by route.",
    "requests_in_flight": "Requests that were received and have no answer yet.",
    "words": "Distinct words and parts of words, by language and origin of their answers: decoded "
    "by the network, cached before, the user lexicon, another lexicon.",
    "word_errors": "Words that were answered with an error of their own, by its code.",
    "batch_words": "Distinct words that one batch decoded together.",
    "decode_seconds": "Seconds that decoding one batch took.",
    "workers_lost": "Decoding processes that died or hung, and were replaced.",
    "workers_exhausted": "Decoding processes that ran out of memory, or failed on words that can "
    "be decoded.",
    "reloads": "Reloads of artifact and lexicons, by outcome; refused: the old ones go on "
    "answering.",
    "key_reloads": "Readings of the file of API keys after it changed, by outcome; refused: the "
    "old keys stay.",
    "queue_words": "Words that wait to be decoded.",
    "queue_letters": "Letters of the words that wait; the setting queue_letters bounds them.",
    "queue_oldest_seconds": "Seconds that the word at the head of the queue has waited.",
    "queue_drain_seconds": "Seconds until the queue would be empty, at the present rate.",
    "cached_words": "Answers of the network that are kept in memory.",
    "languages_open": "Languages that were asked for since the start, and whose lexicons are open.",
    "workers_ready": "Decoding processes that are ready.",
    "ready": "1 where a request that comes now would be decoded, as /readyz says, else 0.",
    "api_keys": "API keys that are good now.",
    "api_keys_stale": "1 where the file of API keys cannot be used and older keys stay, else 0.",
    "model": "Name, version and language of the weights that answer; always 1.",
    "engine": "Name of the engine that decodes; always 1.",
    "connections": "Connections that clients hold open.",
    "buffered_bytes": "Bytes of large requests and answers that are held in memory.",
    "connections_ended": "Connections that were not served on, by why.",
    "log_lines_dropped": "Log lines that nobody read in time.",
}
# Without the extra ``_created`` series
disable_created_metrics()  # type: ignore[no-untyped-call]
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def _series(name: str) -> tuple[str, str]:
    """Return a metric's full name and its description."""
    return f"tanger_{name}", _SERIES[name]


class ServiceState(Protocol):
    """An object whose state is read with each scrape."""

    def gauges(self) -> dict[str, float]:
        """Return values by name."""

    def serving(self) -> list[dict[str, str]]:
        """Return name, version and language of each artifact."""

    @property
    def engine(self) -> str | None:
        """Return the decode engine; None before any worker was ready."""


class ConnectionState(Protocol):
    """The HTTP server's connections; see `connections.limits`."""

    refused: int
    too_slow: int
    too_much: int

    def __len__(self) -> int:
        """Return the number of open connections."""

    @property
    def held(self) -> int:
        """Return the bytes of large requests and responses."""


class Count:
    """A counter that only the event loop changes.

    Attributes:
        value: the current count.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self, amount: int = 1) -> None:
        """Add `amount`."""
        self.value += amount

    def dec(self) -> None:
        """Subtract one."""
        self.value -= 1


class WordCounts:
    """Words of one language, by the source of their pronunciations."""

    __slots__ = ("cached", "decoded", "lexicon", "user")

    def __init__(self) -> None:
        self.decoded, self.cached, self.user, self.lexicon = (Count() for _ in range(4))


class Distribution:
    """A histogram."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Create an empty histogram.

        Args:
            bounds: upper bounds of the buckets, ascending; a last bucket is unbounded.
        """
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, amount: float) -> None:
        """Add an observation."""
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount

    def show(self, family: HistogramMetricFamily, *labels: str) -> None:
        """Add the histogram to `family`, with cumulative buckets."""
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        buckets = zip(bounds, accumulate(self._counts), strict=True)
        family.add_metric(labels, [*buckets], self._sum)


class Metrics(Collector):
    """The metrics of the service.

    Attributes:
        registry: the registry that is exported.
        in_flight: requests without a response yet.
        words: by language.
        workers_lost: decoding processes that died or hung.
        workers_exhausted: decoding processes that could not decode any more.
        reloads, key_reloads: by outcome.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.in_flight = Count()
        self.words: defaultdict[str, WordCounts] = defaultdict(WordCounts)
        self._requests: dict[tuple[str, str, int], Count] = {}
        self._seconds: dict[str, Distribution] = {}
        self._errors = {code: Count() for code in get_args(WordErrorCode.__value__)}
        self._batches = Distribution(_WORDS)
        self._decoding = Distribution(_SECONDS)
        self.workers_lost = self._counter("workers_lost")
        self.workers_exhausted = self._counter("workers_exhausted")
        self.reloads = self._counter("reloads", "outcome")
        self.key_reloads = self._counter("key_reloads", "outcome")
        for outcome in ("done", "refused"):
            self.reloads.labels(outcome)
            self.key_reloads.labels(outcome)

    def _counter(self, name: str, *labels: str) -> Counter:
        return Counter(*_series(name), labels, registry=self.registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics that are counted as plain numbers."""
        requests = CounterMetricFamily(*_series("requests"), labels=["route", "method", "status"])
        for (route, method, status), count in self._requests.items():
            requests.add_metric([route, method, str(status)], count.value)
        yield requests
        seconds = HistogramMetricFamily(*_series("request_seconds"), labels=["route"])
        for route, distribution in self._seconds.items():
            distribution.show(seconds, route)
        yield seconds
        yield GaugeMetricFamily(*_series("requests_in_flight"), self.in_flight.value)
        words = CounterMetricFamily(*_series("words"), labels=["language", "origin"])
        for language, counts in self.words.items():
            for origin in WordCounts.__slots__:
                words.add_metric([language, origin], getattr(counts, origin).value)
        yield words
        errors = CounterMetricFamily(*_series("word_errors"), labels=["code"])
        for code, count in self._errors.items():
            errors.add_metric([code], count.value)
        yield errors
        batches = {"batch_words": self._batches, "decode_seconds": self._decoding}
        for name, distribution in batches.items():
            family = HistogramMetricFamily(*_series(name))
            distribution.show(family)
            yield family

    def watch(self, state: ServiceState) -> None:
        """Export the state of the service."""
        self.registry.register(_State(state))

    def watch_server(self, connections: ConnectionState) -> None:
        """Export the state of the HTTP server's connections."""
        self.registry.register(_ServerState(connections))

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a completed request.

        Args:
            route: template of the route, never the path.
            method: HTTP method; unknown ones count as "other".
            status: of the response.
            seconds: from the request's head to the last byte of the response.
        """
        key = (route, method if method in _METHODS else "other", status)
        count = self._requests.get(key)
        if count is None:
            count = self._requests[key] = Count()
            self._seconds.setdefault(route, Distribution(_SECONDS))
        count.value += 1
        self._seconds[route].observe(seconds)

    def count_errors(self, codes: Mapping[WordErrorCode, int]) -> None:
        """Count the words of a request that got an error."""
        for code, number in codes.items():
            self._errors[code].inc(number)

    def batch(self, words: int, seconds: float) -> None:
        """Count a decoded batch."""
        self._batches.observe(words)
        self._decoding.observe(seconds)

    def render(self) -> bytes:
        """Return the metrics in the Prometheus text format, version 0.0.4."""
        return generate_latest(self.registry)


class _State(Collector):
    def __init__(self, state: ServiceState) -> None:
        self.state = state

    def collect(self) -> list[GaugeMetricFamily]:
        gauges = [
            GaugeMetricFamily(*_series(name), value) for name, value in self.state.gauges().items()
        ]
        model = GaugeMetricFamily(*_series("model"), labels=["name", "version", "language"])
        for artifact in self.state.serving():
            model.add_metric(list(artifact.values()), 1)
        engine = GaugeMetricFamily(*_series("engine"), labels=["engine"])
        if self.state.engine is not None:
            engine.add_metric([self.state.engine], 1)
        return [*gauges, model, engine]


class _ServerState(Collector):
    def __init__(self, connections: ConnectionState) -> None:
        self.connections = connections

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        found = self.connections
        ended = CounterMetricFamily(*_series("connections_ended"), labels=["reason"])
        ended.add_metric(["too_many"], found.refused)
        ended.add_metric(["reads_too_slowly"], found.too_slow)
        ended.add_metric(["sends_too_much"], found.too_much)
        return [
            GaugeMetricFamily(*_series("connections"), len(found)),
            GaugeMetricFamily(*_series("buffered_bytes"), found.held),
            ended,
            CounterMetricFamily(*_series("log_lines_dropped"), logs.dropped_lines()),
        ]
