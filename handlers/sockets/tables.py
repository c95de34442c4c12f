"""The declared events of all namespaces."""

from __future__ import annotations

from handlers.sockets import brain, clips, conversations, document, locks, lyrics, main, relays, rooms, voice
from handlers.sockets.routing import Events


def every() -> tuple[Events, ...]:
    parts = (rooms, document, relays, locks, clips, lyrics, conversations, main)
    declared = [*(each for part in parts for each in part.events.all), *document.changes().all]
    main_events = Events("/", "main", [*declared, *voice.events.all], dict(voice.events.sent))
    return (main_events, brain.events, voice.events)
