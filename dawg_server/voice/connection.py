"""The upstream connections of one session: one after another, until there is to be no further one."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from dawg_server import logs
from dawg_server.voice.dialect import Dialect, conversation, events, ga, wire
from dawg_server.voice.prompt import SessionPrompt
from dawg_server.voice.realtime import CALL_SECONDS, Realtime, UpstreamRefused, UpstreamSocket

READY_TIMEOUT = 15.0  # seconds for the service to accept the configuration
EXPIRY_MARGIN = 60.0  # seconds
TRIES = 3
FIRST_PAUSE = 1.0  # seconds, doubled each time
JITTER = 0.2
SETTLED = 60.0  # seconds after which a connection counts as a good one

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


class UpstreamConnection:
    """Reads frames, lets the dialect say what they mean, sends what it decides, and gives other events to `react`."""

    def __init__(
        self, socket: UpstreamSocket, dialect: Dialect, react: Callable[[events.Event], None], name: str
    ) -> None:
        self.dialect = dialect
        self._socket, self._react, self._name = socket, react, name
        self._over: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    async def run(self) -> Ending:
        """Returns when the connection is over, or `end` was called. The socket is then still to be closed."""
        reader = asyncio.create_task(self._read(), name=f"{self._name} reader")
        try:
            await asyncio.wait({reader, self._over}, return_when=asyncio.FIRST_COMPLETED)
            return self._over.result() if self._over.done() else reader.result()
        finally:
            self._over.cancel()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    def end(self, ending: Ending) -> None:
        """The first call counts."""
        if not self._over.done():
            self._over.set_result(ending)

    def act(self, decided: Iterable[events.Event]) -> None:
        """Does what the dialect has decided, in its order."""
        for event in decided:
            if type(event) is events.SendUpstream:
                self._socket.send(event.message)
            elif type(event) is events.RetryLater:
                asyncio.get_running_loop().call_later(event.seconds, self._retry)
            else:
                self._react(event)

    def speak(self, base64_text: str) -> None:
        self._socket.send_audio(self.dialect.send_audio(base64_text))

    def _retry(self) -> None:
        if not self._over.done():
            self.act(self.dialect.retry())

    async def _read(self) -> Ending:
        while not self._over.done():
            frame = await self._socket.receive()
            if isinstance(frame, int):
                return _closed(self.dialect.closed(frame))
            self.act(self.dialect.receive(wire.audio_delta(frame) or _parsed(frame)))
        return self._over.result()


class ReconnectPolicy:
    """When another connection is worth a try, and after which pause: 1, 2, 4 s with jitter, three tries.

    A connection that was good wipes out the losses before it; short ones do not, so that nothing loops for ever.
    """

    def __init__(self, settled: float = SETTLED) -> None:
        self._settled = settled
        self._losses = 0

    def pause(self, ending: Ending, lived: float | None) -> float | None:
        """Seconds until the next connection, 0 when a good one is only replaced; None: there is to be none.

        `lived` is how long the connection was ready, None when it never was.
        """
        settled = lived is not None and lived >= self._settled
        if settled:
            self._losses = 0
        if ending.how == "final":
            return None
        if ending.how == "recycle" and (settled or ending.reason == "voice"):
            return 0.0
        self._losses += 1
        if self._losses > TRIES:
            return None
        return FIRST_PAUSE * float(2 ** (self._losses - 1)) * random.uniform(1 - JITTER, 1 + JITTER)


class ReconnectingUpstream:
    """Each connection after the first is told the talk so far as text. `voice` is that of the next one.

    `react` gets the events of all connections, `lost` is called whenever one is over, `retrying` before a pause.
    """

    def __init__(
        self,
        realtime: Realtime,
        prompt: SessionPrompt,
        voice: str,
        react: Callable[[events.Event], None],
        lost: Callable[[], None],
        retrying: Callable[[Ending], None],
        recycle_seconds: float,
    ) -> None:
        self.voice = voice
        self.connection: UpstreamConnection | None = None
        self.reason = ""  # why the present connection is not the first: age, voice or upstream
        self.dropped_audio = 0  # messages that waited too long to be sent
        self._realtime, self._prompt = realtime, prompt
        self._react, self._lost, self._retrying = react, lost, retrying
        self._recycle_seconds = recycle_seconds
        self._carried: conversation.CarriedTalk | None = None
        self._ready_at: float | None = None
        self._recycle_at = 0.0

    @property
    def ready(self) -> UpstreamConnection | None:
        """The connection that listens, if there is one."""
        return self.connection if self.connection is not None and self.connection.dialect.ready else None

    @property
    def old(self) -> bool:
        return time.monotonic() >= self._recycle_at

    async def run(self, name: str) -> Ending:
        """Returns why there is to be no further connection."""
        policy = ReconnectPolicy(min(SETTLED, self._recycle_seconds / 2))
        while True:
            ending = await self._connect(name)
            lived = time.monotonic() - self._ready_at if self._ready_at is not None else None
            pause = policy.pause(ending, lived)
            if pause is None:
                return ending
            self.reason = ending.reason
            if pause:
                self._retrying(ending)
                await asyncio.sleep(pause)

    async def _connect(self, name: str) -> Ending:
        """Returns when the connection is over."""
        self._ready_at = None
        settings = await self._prompt.settings(self.voice)
        try:
            socket = await self._realtime.connect(name)
        except UpstreamRefused as refused:
            sentence = f"The voice service refuses the connection ({refused.code})."
            if not refused.status:
                sentence = "The voice service cannot be reached."
            return Ending("final" if refused.final else "lost", "upstream", refused.code, sentence)
        dialect = ga.GaDialect(settings, self._carried)
        self.connection = UpstreamConnection(socket, dialect, self._received, name)
        timer = asyncio.get_running_loop().call_later(READY_TIMEOUT, _end_unready, self.connection)
        try:
            return await self.connection.run()
        finally:
            timer.cancel()
            if dialect.ready:
                self._carried = dialect.carry()
            self.connection = None
            self._lost()
            self.dropped_audio += socket.dropped_frames
            await socket.close()

    def _received(self, event: events.Event) -> None:
        if type(event) is events.Ready:
            self._ready_at = time.monotonic()
            left = event.expires_at - time.time() - EXPIRY_MARGIN if event.expires_at else CALL_SECONDS - EXPIRY_MARGIN
            # A time that has (nearly) passed is no reason for one new connection after the other.
            self._recycle_at = self._ready_at + min(self._recycle_seconds, left if left > 0 else CALL_SECONDS)
        self._react(event)


def _closed(fault: events.Fault) -> Ending:
    return Ending("final" if fault.kind is events.FaultKind.FINAL else "lost", "upstream", fault.code, fault.message)


def _parsed(frame: bytes) -> Mapping[str, Any]:
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        log.warning("The voice service sent something unreadable.", action="voice_frame_unreadable", size=len(frame))
        return {}
    return event


def _end_unready(connection: UpstreamConnection) -> None:
    if not connection.dialect.ready:
        connection.end(Ending("lost", "upstream", "timeout", "The voice service did not become ready in time."))
