"""What the server counts about itself, in Prometheus' form. No label ever names a user."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class Metrics:
    """A registry of its own, so that several servers can live in one test process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = HttpRequestCollector()
        self.registry.register(self.requests)
        self.sockets = Gauge("dawg_sockets", "Connected sockets.", ["namespace"], registry=self.registry)
        self.socket_events = Counter(
            "dawg_socket_events_total",
            "Events from clients.",
            ["namespace", "event", "outcome"],
            registry=self.registry,
        )
        self.jobs = Gauge("dawg_jobs", "Jobs by type and state.", ["type", "state"], registry=self.registry)
        self.queue_age = Gauge("dawg_queue_age_seconds", "How long the next job has waited.", registry=self.registry)
        self.provider_calls = Counter(
            "dawg_provider_calls_total", "Calls of outside services.", ["provider", "outcome"], registry=self.registry
        )
        self.provider_cost = Counter(
            "dawg_provider_cost_usd_total", "What they cost.", ["provider"], registry=self.registry
        )
        self.voice_minutes = Counter("dawg_voice_minutes_total", "Minutes of live speech.", registry=self.registry)
        self.voice_sessions = Gauge("dawg_voice_sessions", "Voice sessions that are open.", registry=self.registry)
        self.dropped_events = Counter(
            "dawg_dropped_events_total", "Events that were given up.", ["reason"], registry=self.registry
        )
        self.listener_age = Gauge(
            "dawg_bus_listener_age_seconds", "Since this replica heard itself through Redis.", registry=self.registry
        )
        self.other_replicas = Gauge(
            "dawg_other_replicas", "Replicas that this one hears, without itself.", registry=self.registry
        )
        self.visits = Gauge(
            "dawg_project_visits", "Sockets of this replica that have a project open.", registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def count_sockets(self, by_namespace: Callable[[], Mapping[str, int]]) -> None:
        """Sockets are counted when somebody asks."""
        for namespace in ("/", "/ai-brain", "/voice"):
            self.sockets.labels(namespace).set_function(functools.partial(_count, by_namespace, namespace))

    def count_cluster(
        self,
        *,
        listener_age: Callable[[], float],
        other_replicas: Callable[[], float],
        visits: Callable[[], float],
        dropped: Callable[[], float],
        recovered: Callable[[], float],
        forwarded: Callable[[], float],
    ) -> None:
        """What one replica knows of the others is read when somebody asks. The last three only ever grow."""
        self.listener_age.set_function(listener_age)
        self.other_replicas.set_function(other_replicas)
        self.visits.set_function(visits)
        totals = {
            ("dawg_bus_dropped_events", "Events that never reached the other replicas."): dropped,
            ("dawg_feed_recovered_changes", "Changes that came from the log, because the bus lost them."): recovered,
            ("dawg_forwarded_requests", "Requests passed on to the replica that has their session."): forwarded,
        }
        self.registry.register(_Totals(totals))

    def render(self) -> bytes:
        return generate_latest(self.registry)


class HttpRequestCollector(Collector):
    """HTTP requests by method, route and status, and how long they took.

    Counted on the event loop alone, so without the locks and checks of the library's own counters.
    """

    def __init__(self) -> None:
        self._answered: dict[tuple[str, str, int], int] = {}
        self._latency: dict[tuple[str, str], list[float]] = {}  # per bucket, the last one without a bound; then the sum

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is a template, so that there are only as many of these as there are routes."""
        key = method, route, status
        self._answered[key] = self._answered.get(key, 0) + 1
        latency = self._latency.get((method, route))
        if latency is None:
            latency = self._latency[method, route] = [0.0] * (len(LATENCY_BUCKETS) + 2)
        latency[bisect.bisect_left(LATENCY_BUCKETS, seconds)] += 1
        latency[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        answered = CounterMetricFamily("dawg_http_requests", "HTTP requests.", labels=["method", "route", "status"])
        for (method, route, status), count in self._answered.items():
            answered.add_metric([method, route, str(status)], count)
        yield answered
        latency = HistogramMetricFamily("dawg_http_request_seconds", "Time to answer.", labels=["method", "route"])
        bounds = [*(str(bound) for bound in LATENCY_BUCKETS), "+Inf"]
        for labels, (*counts, total) in self._latency.items():
            buckets = list(zip(bounds, itertools.accumulate(counts), strict=True))
            latency.add_metric(list(labels), buckets, total)
        yield latency


class _Totals(Collector):
    """Counters that live where things are counted; by name and help."""

    def __init__(self, counts: Mapping[tuple[str, str], Callable[[], float]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        for (name, help), count in self._counts.items():
            yield CounterMetricFamily(name, help, value=count())


def _count(by_namespace: Callable[[], Mapping[str, int]], namespace: str) -> float:
    return float(by_namespace().get(namespace, 0))
