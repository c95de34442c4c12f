"""What outside services tell us by themselves: never more than a reason to look."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator

from bus import events
from bus.local import LocalBus, Scope


class Listener:
    """News about one job, for as long as somebody listens."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._ref: str | None = None

    async def wait(self, seconds: float) -> str | None:
        """Returns as soon as there is news, at the latest after `seconds`: the provider's id that was named last."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        self._news.clear()
        return self._ref

    def tell(self, ref: str) -> None:
        self._ref = ref
        self._news.set()


class WebhookHints:
    """Passes news on to whoever works on the job; they arrive on any replica and travel over the bus."""

    def __init__(self, bus: LocalBus) -> None:
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self.close = bus.subscribe(events.ProviderHinted, self._on_hint, Scope.EVERYWHERE)

    @contextlib.contextmanager
    def listen(self, job_id: str) -> Iterator[Listener]:
        listener = Listener()
        self._listeners[job_id].add(listener)
        try:
            yield listener
        finally:
            self._listeners[job_id].discard(listener)
            if not self._listeners[job_id]:
                del self._listeners[job_id]

    def _on_hint(self, event: events.ProviderHinted) -> None:
        for listener in self._listeners.get(event.job_id, ()):
            listener.tell(event.ref)
