"""The declared events of all namespaces."""

from __future__ import annotations

from handlers.schemas.connection_events import EVERYWHERE
from handlers.schemas.voice_events import ON_MAIN
from handlers.sockets import analyses, brain, conversations, document, locks, main, relays, rooms, voice
from handlers.sockets.events import Events


def every() -> tuple[Events, ...]:
    """`sent` has what comes there besides the events of `handlers.relay`."""
    parts = (rooms, relays, locks, analyses, conversations, main)
    declared = [*(each for part in parts for each in part.events.all), *document.events().all]
    main_events = Events("/", "main", [*declared, *voice.events.all], rooms.events.sent | ON_MAIN)
    tables = (main_events, brain.events, voice.events)
    return tuple(Events(each.namespace, each.service, each.all, EVERYWHERE | each.sent) for each in tables)
