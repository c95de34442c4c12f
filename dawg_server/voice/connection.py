"""One connection to the realtime service: the websocket, and the dialect that is spoken on it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import aiohttp
import orjson
import yarl

from dawg_server import logs
from dawg_server.voice.dialect import Dialect, events, wire
from dawg_server.voice.dialect.faults import FINAL_CODES, Fault, FaultKind

CONNECT_TIMEOUT = 10.0  # seconds until the service has accepted the websocket
CLOSE_TIMEOUT = 0.5  # seconds for the closing handshake
PING_INTERVAL = 20.0  # seconds; a service that does not answer is lost
MAX_ERROR_BODY = 65_536  # bytes
MAX_FRAME = 16 * 2**20  # bytes
MAX_WAITING_AUDIO = 1_000_000  # bytes of frames: some 15 s of PCM16 mono at 24 kHz
MAX_WAITING = 1000  # messages; who has so many waiting is as good as lost
NO_STATUS, LOST = 1005, 1006  # RFC 6455, section 7.4.1: a close frame without a code, no close frame at all

log = logs.get("voice")


class UpstreamRefused(Exception):
    """The service did not accept a request; `status` is its HTTP status, 0 when there was no answer.

    `code` and `said` are the service's words, for the log; `request_id` is what its support asks for.
    """

    def __init__(self, status: int, *, code: str = "", said: str = "", request_id: str = "") -> None:
        super().__init__(said)
        self.status, self.code = status, code or str(status)
        self.said, self.request_id = said, request_id

    @property
    def final(self) -> bool:
        """The same request would be refused again."""
        return self.code in FINAL_CODES or (400 <= self.status < 500 and self.status not in (408, 425, 429))


def client() -> aiohttp.ClientSession:
    """For websockets and requests; an error of the service becomes `UpstreamRefused`, with what it says."""
    # Every session holds a connection of its own for long: no limit, and no waiting for a free one.
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), raise_for_status=_refuse)


async def _refuse(response: aiohttp.ClientResponse) -> None:
    # Here, because the body of a refused handshake is not to be had later.
    if response.status < 400:
        return
    try:
        body = orjson.loads(await response.content.read(MAX_ERROR_BODY))
    except orjson.JSONDecodeError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    told = error if isinstance(error, dict) else {}
    raise UpstreamRefused(
        response.status,
        code=str(told.get("code") or told.get("type") or ""),
        said=str(told.get("message") or response.reason or ""),
        request_id=response.headers.get("x-request-id", ""),
    )


class UpstreamSocket:
    """Moves frames and knows nothing of what they mean.

    Sending never waits: a writer task works off what waits, and of audio that waits too long the oldest is dropped. The
    handshake is the SDK's: the model in the query, the key as bearer token, no compression.
    """

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[bool], name: str) -> None:
        self.dropped_frames = 0  # of audio
        self._websocket = websocket
        self._waiting: deque[tuple[bytes, bool]] = deque()  # frame, and whether it is audio
        self._waiting_audio = 0
        self._arrival = asyncio.Event()
        self._writer = asyncio.create_task(self._write(), name=f"{name} writer")

    @classmethod
    async def connect(cls, http: aiohttp.ClientSession, base_url: str, key: str, model: str, name: str) -> Self:
        """`base_url` is http(s) and ends with /v1. `http` is of `client()`. Raises `UpstreamRefused`."""
        url = yarl.URL(f"{base_url.rstrip('/')}/realtime").with_query(model=model)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                websocket = await http.ws_connect(
                    url,
                    headers={"Authorization": f"Bearer {key}"},
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                    heartbeat=PING_INTERVAL,
                    max_msg_size=MAX_FRAME,
                    decode_text=False,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise UpstreamRefused(error.status, said=error.message) from None
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            raise UpstreamRefused(0, code="unreachable", said=repr(error)) from None
        return cls(websocket, name)

    def send(self, message: Mapping[str, Any]) -> None:
        self._put(orjson.dumps(message), audio=False)

    def send_audio(self, message: Mapping[str, str]) -> None:
        self._put(orjson.dumps(message), audio=True)

    async def receive(self) -> bytes | int:
        """The next frame, or the close code once there is none any more."""
        message = await self._websocket.receive()
        while message.type is aiohttp.WSMsgType.BINARY:  # the dialect knows none
            message = await self._websocket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            frame: bytes = message.data
            return frame
        if message.type is aiohttp.WSMsgType.CLOSE:
            return int(message.data) or NO_STATUS
        return LOST

    async def close(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        await self._websocket.close()

    def _put(self, frame: bytes, *, audio: bool) -> None:
        if self._writer.done():
            return
        self._waiting.append((frame, audio))
        if audio:
            self._waiting_audio += len(frame)
            if self._waiting_audio > MAX_WAITING_AUDIO:
                self._drop_oldest_audio()
        self._arrival.set()

    def _drop_oldest_audio(self) -> None:
        position = next(at for at, (_, audio) in enumerate(self._waiting) if audio)
        self._waiting_audio -= len(self._waiting[position][0])
        del self._waiting[position]
        self.dropped_frames += 1

    async def _write(self) -> None:
        # Ends with the connection, which the reader notices as well.
        try:
            while len(self._waiting) <= MAX_WAITING:
                while self._waiting:
                    frame, audio = self._waiting.popleft()
                    if audio:
                        self._waiting_audio -= len(frame)
                    await self._websocket.send_frame(frame, aiohttp.WSMsgType.TEXT)
                self._arrival.clear()
                await self._arrival.wait()
        except (ConnectionError, aiohttp.ClientError):
            return
        await self._websocket.close()


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


def _closed(fault: Fault) -> Ending:
    return Ending("final" if fault.kind is FaultKind.FINAL else "lost", "upstream", fault.code, fault.message)


def _parsed(frame: bytes) -> Mapping[str, Any]:
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        log.warning("The voice service sent something unreadable.", action="voice_frame_unreadable", size=len(frame))
        return {}
    return event
