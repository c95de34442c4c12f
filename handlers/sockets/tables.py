"""The declared events of all namespaces."""

from __future__ import annotations

from handlers.sockets import analyses, brain, conversations, document, locks, main, relays, rooms, voice
from handlers.sockets.events import Events

EVERYWHERE = {
    "error": "Something went wrong that no ack has told: the error envelope, and event where one was refused.",
    "server:draining": "This server is about to stop: reason. Connect again after reconnectAfterMs.",
    "server:slow-client": "This connection is closed, because its client takes too little of what it is sent: "
    "maxQueueBytes.",
}


def every() -> tuple[Events, ...]:
    """`sent` has what comes there besides the events of `handlers.relay`."""
    parts = (rooms, relays, locks, analyses, conversations, main)
    declared = [*(each for part in parts for each in part.events.all), *document.events().all]
    main_events = Events("/", "main", [*declared, *voice.events.all], rooms.events.sent | voice.events.sent)
    tables = (main_events, brain.events, voice.events)
    return tuple(Events(each.namespace, each.service, each.all, EVERYWHERE | each.sent) for each in tables)
