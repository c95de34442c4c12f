"""What the server counts about itself, in Prometheus' form. No label ever names a user."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class Metrics:
    """A registry of its own, so that several servers can live in one test process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "dawg_http_requests_total", "HTTP requests.", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "dawg_http_request_seconds",
            "Time to answer.",
            ["method", "route"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
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

    def count_sockets(self, by_namespace: Callable[[], Mapping[str, int]]) -> None:
        """Sockets are counted when somebody asks."""
        for namespace in ("/", "/ai-brain", "/voice"):
            self.sockets.labels(namespace).set_function(functools.partial(_count, by_namespace, namespace))

    def render(self) -> bytes:
        return generate_latest(self.registry)


def _count(by_namespace: Callable[[], Mapping[str, int]], namespace: str) -> float:
    return float(by_namespace().get(namespace, 0))
