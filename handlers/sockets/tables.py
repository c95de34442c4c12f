"""The declared events of all namespaces."""

from __future__ import annotations

from handlers.sockets import brain, clips, conversations, document, locks, lyrics, main, relays, rooms, voice
from handlers.sockets.routing import Events


def every() -> tuple[Events, ...]:
    parts = (rooms, document, relays, locks, clips, lyrics, conversations, main)
    declared = [*(each for part in parts for each in part.events.all), *document.changes().all]
    return (Events("/", "main", declared), brain.events, voice.events)
