"""The dialects of realtime voice services, without any input or output of their own.

The connection reads frames, parses them and hands them to `receive`; every method returns the events and the messages
to send, in the order in which they have to happen. A second service is a second module beside `ga`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dawg_server.voice.dialect import events
from dawg_server.voice.dialect.conversation import CarriedTalk, ConversationMirror


class Dialect(Protocol):
    conversation: ConversationMirror

    @property
    def ready(self) -> bool:
        """The configuration is accepted; before that microphone audio has to wait."""

    @property
    def idle(self) -> bool:
        """Nobody speaks, and nothing is owed or left to be heard: the moment for a new upstream."""

    @property
    def awaited(self) -> bool:
        """A response was asked for, by us or by what the user said, and has not begun."""

    @property
    def audible(self) -> bool:
        """The user still hears something."""

    @property
    def voice_can_change(self) -> bool:
        """Whether `change_voice` works here; otherwise a new upstream is needed."""

    def receive(self, event: Mapping[str, Any]) -> list[events.Event]:
        """Takes one parsed frame of the upstream. Never raises, whatever the frame holds."""

    def closed(self, code: int) -> events.Fault:
        """What the end of the connection with this close code means."""

    def send_audio(self, base64_text: str) -> dict[str, str]:
        """One message with microphone audio: PCM16 little-endian mono 24 kHz as base64."""

    def commit_audio(self) -> list[events.Event]:
        """Ends the user's turn where the service does not detect it by itself."""

    def played(self, item_id: str, played_ms: int) -> None:
        """The browser reports how much of an item the listener has heard."""

    def interrupt(self) -> list[events.Event]:
        """Stops the answer now, as if the user had spoken."""

    def function_result(self, call_id: str, output: str, *, respond: bool = True) -> list[events.Event]:
        """Returns the result of a function call; the model goes on once all calls of its response have one.

        Unless it is not to `respond` to one of them: then it waits for the user's next words.
        """

    def note(self, text: str) -> list[events.Event]:
        """Tells the model something that nobody said, as data; it knows it from the next response on."""

    def retry(self) -> list[events.Event]:
        """The time of a `RetryLater` is up."""

    def carry(self) -> CarriedTalk:
        """What the next connection has to know, now that this one is over."""

    def change_voice(self, voice: str) -> list[events.Event]:
        """Asks for another voice; `Reconfigured` follows."""
