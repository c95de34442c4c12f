"""The declared events of all namespaces."""

from handlers.sockets import brain, main, voice

ALL = (main.events, brain.events, voice.events)
