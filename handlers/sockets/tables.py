"""The declared events of all namespaces."""

from handlers.sockets import brain, clips, conversations, document, locks, lyrics, main, relays, rooms, voice
from handlers.sockets.routing import Events

MAIN = Events(
    "/",
    "main",
    [each for part in (rooms, document, relays, locks, clips, lyrics, conversations, main) for each in part.events.all],
)
ALL = (MAIN, brain.events, voice.events)
