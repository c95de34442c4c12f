"""The realtime service as configured: where it is and with which key, its websocket, and what it answers over HTTP."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import orjson
import yarl

from dawg_server import errors, logs
from dawg_server.voice.dialect import events, wire

REQUEST_TIMEOUT = 10.0  # seconds
CONNECT_TIMEOUT = 10.0  # seconds until the service has accepted the websocket
CLOSE_TIMEOUT = 0.5  # seconds for the closing handshake
PING_INTERVAL = 20.0  # seconds; a service that does not answer is lost
MAX_ERROR_BODY = 65_536  # bytes
MAX_FRAME = 16 * 2**20  # bytes
MAX_WAITING_AUDIO = 1_000_000  # bytes of frames: some 15 s of PCM16 mono at 24 kHz
MAX_WAITING = 1000  # messages; who has so many waiting is as good as lost
NO_STATUS, LOST = 1005, 1006  # RFC 6455, section 7.4.1: a close frame without a code, no close frame at all
CALL_SECONDS = 3600  # after which the service ends a connection, without a warning
PROVIDER = "openai"

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
        return self.code in wire.FINAL_CODES or (400 <= self.status < 500 and self.status not in (408, 425, 429))


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
class MintedSecret:
    """Lets a browser begin a call of its own. `expires_at` is in epoch seconds."""

    value: str
    expires_at: float


class Realtime:
    """`url` is http(s) and ends with /v1."""

    def __init__(self, url: str, key: str | None, model: str, transcription_model: str) -> None:
        self.model, self.transcription_model = model, transcription_model
        self._url, self._key = url.rstrip("/"), key
        self._http: aiohttp.ClientSession | None = None

    @property
    def configured(self) -> bool:
        return bool(self._key)

    def require(self) -> str:
        """The key; raises `ProviderUnconfigured`."""
        if not self._key:
            raise errors.ProviderUnconfigured("The realtime voice", "OPENAI_API_KEY")
        return self._key

    async def connect(self, name: str) -> UpstreamSocket:
        """Raises `UpstreamRefused`."""
        try:
            return await UpstreamSocket.connect(self._client(), self._url, self.require(), self.model, name)
        except UpstreamRefused as refused:
            _log_refusal(refused)
            raise

    async def mint(self, wanted: wire.SessionSettings, seconds: int) -> MintedSecret:
        """A client secret with these settings. Raises `ProviderFailed` and `ProviderTimeout`."""
        body = {
            "expires_after": {"anchor": "created_at", "seconds": seconds},
            "session": {**wire.session_object(wanted), "model": self.model},
        }
        url = f"{self._url}/realtime/client_secrets"
        headers = {"Authorization": f"Bearer {self.require()}", "Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(REQUEST_TIMEOUT),
                self._client().post(url, data=orjson.dumps(body), headers=headers) as reply,
            ):
                answer = _object(await reply.read())
        except TimeoutError:
            raise errors.ProviderTimeout(details={"provider": PROVIDER}) from None
        except UpstreamRefused as refused:
            _log_refusal(refused)
            raise failed(refused.code, retryable=not refused.final) from None
        except aiohttp.ClientError:
            raise failed("unreachable", retryable=True) from None
        value, expires_at = answer.get("value"), answer.get("expires_at")
        if not isinstance(value, str) or not isinstance(expires_at, int | float):
            raise failed("unreadable_reply", retryable=True)
        return MintedSecret(value, float(expires_at))

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            self._http = client()
        return self._http


def log_fault(fault: events.Fault) -> None:
    """An error event of the service, which may say that this server's key or account is refused."""
    if fault.kind is events.FaultKind.FINAL:
        _alert_operator(code=fault.code, said=fault.message, provider_request_id=fault.event_id)
    write = log.debug if fault.kind is events.FaultKind.NOISE else log.warning
    write(
        "The voice service reported an error.",
        action="voice_fault",
        code=fault.code,
        kind=fault.kind.value,
        during=fault.during,
        said=fault.message,
        provider_request_id=fault.event_id,
    )


def _log_refusal(refused: UpstreamRefused) -> None:
    told = {"code": refused.code, "said": refused.said, "provider_request_id": refused.request_id}
    if refused.final:
        _alert_operator(status=refused.status, **told)
        return
    log.warning(
        "The voice service did not answer a request.",
        action="provider_refused",
        provider=PROVIDER,
        status=refused.status,
        **told,
    )


def _alert_operator(**told: Any) -> None:
    """Only whoever runs this server can end such a refusal. The service's support asks for the request id."""
    log.error(
        "The voice service refuses this server: look at its key, model and billing.",
        action="provider_refused",
        provider=PROVIDER,
        **told,
    )


def failed(
    code: str, *, retryable: bool, message: str | None = None, retry_after: float | None = None
) -> errors.ProviderFailed:
    return errors.ProviderFailed(
        message or "The voice service refused or broke.",
        details={"provider": PROVIDER, "providerCode": code, "retryable": retryable},
        retry_after=retry_after,
    )


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}
