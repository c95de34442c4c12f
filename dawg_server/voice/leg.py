"""One upstream connection of a session, with the dialect that is spoken on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from dawg_server import logs
from dawg_server.voice.dialect import Dialect, events
from dawg_server.voice.dialect.frames import audio_delta
from dawg_server.voice.upstream import Upstream

log = logs.get("voice")


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection is over: `lost` by accident, to be replaced (`recycle`), or for good (`final`).

    `reason` of a recycling is age, voice or upstream. `code` is the service's word, `message` a sentence.
    """

    how: Literal["lost", "recycle", "final"]
    reason: str
    code: str
    message: str


class Leg:
    """Reads frames, lets the dialect say what they mean, and acts: sends what it wants sent, tells `react` the rest."""

    def __init__(self, upstream: Upstream, dialect: Dialect, react: Callable[[events.Event], None], name: str) -> None:
        self.dialect = dialect
        self._upstream, self._react, self._name = upstream, react, name
        self._over: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    async def run(self) -> Ending:
        """Returns when the connection is over, or `end` was called. The upstream is then still to be closed."""
        reader = asyncio.create_task(self._read(), name=f"{self._name} reader")
        try:
            await asyncio.wait({reader, self._over}, return_when=asyncio.FIRST_COMPLETED)
            return self._over.result() if self._over.done() else reader.result()
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    def end(self, ending: Ending) -> None:
        """The first call counts."""
        if not self._over.done():
            self._over.set_result(ending)

    def act(self, answers: Iterable[events.Event]) -> None:
        for answer in answers:
            if type(answer) is events.Send:
                self._upstream.send(answer.message)
            else:
                self._react(answer)

    def speak(self, base64_text: str) -> None:
        self._upstream.send_audio(self.dialect.send_audio(base64_text))

    async def _read(self) -> Ending:
        while not self._over.done():
            frame = await self._upstream.receive()
            if isinstance(frame, int):
                return _closed(self.dialect.closed(frame))
            self.act(self.dialect.receive(audio_delta(frame) or _parsed(frame)))
        return self._over.result()


def _closed(fault: events.Fault) -> Ending:
    return Ending("final" if fault.kind is events.Class.FINAL else "lost", "upstream", fault.code, fault.message)


def _parsed(frame: bytes) -> Mapping[str, Any]:
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        log.warning("The voice service sent something unreadable.", action="voice_frame_unreadable", size=len(frame))
        return {}
    return event
