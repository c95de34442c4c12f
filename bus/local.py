"""The bus inside one process: subscribers are called in the order in which they came, one event after the other."""

from __future__ import annotations

import enum
import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from bus.events import Event

E = TypeVar("E", bound=Event)
Handler = Callable[[E], Awaitable[None] | None]

log = structlog.get_logger(service="main")


class Scope(enum.Enum):
    """Where in a cluster a subscriber runs for one event."""

    ORIGIN = "origin"  # on the replica that published it: once per cluster
    EVERYWHERE = "everywhere"  # on every replica


class LocalBus:
    """Typed publish and subscribe. One failing subscriber never stops another; its failure is logged with the event."""

    def __init__(self) -> None:
        self.dropped = 0  # events that never reached the other replicas
        self._handlers: dict[type[Event], list[tuple[Handler[Any], Scope]]] = defaultdict(list)

    async def start(self) -> None:
        """Nothing to connect to: a local bus is ready at once."""

    async def close(self) -> None:
        self._handlers.clear()

    @property
    def healthy(self) -> bool:
        """False when events of other replicas have not arrived here for so long that something is wrong."""
        return True

    @property
    def connected(self) -> bool:
        """Whether events pass between this replica and the others at this moment."""
        return True

    @property
    def listener_age(self) -> float:
        """Seconds since this replica last heard itself where the others are heard."""
        return 0.0

    def subscribe(self, kind: type[E], handler: Handler[E], scope: Scope = Scope.ORIGIN) -> Callable[[], None]:
        """Calls `handler` for each event of exactly that class; returns what ends the subscription."""
        entry = (handler, scope)
        self._handlers[kind].append(entry)

        def unsubscribe() -> None:
            if entry in self._handlers[kind]:
                self._handlers[kind].remove(entry)

        return unsubscribe

    async def publish(self, event: Event) -> None:
        """Returns when every subscriber on this replica has seen the event."""
        await self._deliver(event, (Scope.ORIGIN, Scope.EVERYWHERE))

    def publish_nowait(self, event: Event) -> None:
        """`publish` for events by the hundred whose subscribers are all plain functions: nothing waits."""
        for handler, _ in tuple(self._handlers.get(type(event), ())):
            try:
                handler(event)
            except Exception:
                self._report(event, handler)

    async def _deliver(self, event: Event, scopes: tuple[Scope, ...]) -> None:
        for handler, scope in tuple(self._handlers.get(type(event), ())):
            if scope not in scopes:
                continue
            try:
                outcome = handler(event)
                if inspect.isawaitable(outcome):
                    await outcome
            except Exception:
                self._report(event, handler)

    @staticmethod
    def _report(event: Event, handler: Handler[Any]) -> None:
        log.exception(
            "A subscriber failed; the others were served.",
            action="bus_subscriber_failed",
            event_name=event.name,
            subscriber=getattr(handler, "__qualname__", repr(handler)),
        )
