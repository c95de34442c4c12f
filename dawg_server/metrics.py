"""What the server counts about itself, in Prometheus' form. No label ever names a user."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds

NAMESPACES = ("/", "/ai-brain", "/voice")

Answered = Mapping[tuple[str, str, int], int]
"""HTTP requests by method, route and status."""
Latency = Mapping[tuple[str, str], Sequence[float]]
"""By method and route: requests per bucket of `LATENCY_BUCKETS`, those beyond, and the sum in seconds."""


class Metrics:
    """A registry of its own, so that several servers can live in one test process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.project_sessions = Gauge(
            "dawg_project_visits", "Sockets of this replica that have a project open.", registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def count_sockets(self, by_namespace: Callable[[], Mapping[str, int]]) -> None:
        """Sockets are counted when somebody asks."""
        for namespace in NAMESPACES:
            self.sockets.labels(namespace).set_function(functools.partial(_count, by_namespace, namespace))

    def sockets_by_namespace(self) -> dict[str, int]:
        """Those of this replica, now."""
        read = self.registry.get_sample_value
        return {each: int(read("dawg_sockets", {"namespace": each}) or 0) for each in NAMESPACES}

    def count_cluster(
        self,
        *,
        listener_age: Callable[[], float],
        other_replicas: Callable[[], float],
        project_sessions: Callable[[], float],
        dropped: Callable[[], float],
        recovered: Callable[[], float],
        forwarded: Callable[[], float],
    ) -> None:
        """What one replica knows of the others is read when somebody asks. The last three only ever grow."""
        self.listener_age.set_function(listener_age)
        self.other_replicas.set_function(other_replicas)
        self.project_sessions.set_function(project_sessions)
        totals = {
            ("dawg_bus_dropped_events", "Events that never reached the other replicas."): dropped,
            ("dawg_feed_recovered_changes", "Changes that came from the log, because the bus lost them."): recovered,
            ("dawg_forwarded_requests", "Requests passed on to the replica that has their session."): forwarded,
        }
        self.registry.register(_Totals(totals))

    def count_requests(self, answered: Answered, latency: Latency) -> None:
        """Whoever answers requests counts them there."""
        self.registry.register(_HttpRequests(answered, latency))

    def render(self) -> bytes:
        return generate_latest(self.registry)


class _HttpRequests(Collector):
    def __init__(self, answered: Answered, latency: Latency) -> None:
        self._answered, self._latency = answered, latency

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
