"""The realtime service as configured: where it is, with which key, and what can be asked of it over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from dawg_server import errors, logs
from dawg_server.voice import connection
from dawg_server.voice.connection import UpstreamRefused, UpstreamSocket
from dawg_server.voice.dialect import settings
from dawg_server.voice.dialect.faults import Fault, FaultKind

log = logs.get("voice")
REQUEST_TIMEOUT = 10.0  # seconds
PROVIDER = "openai"


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

    async def mint(self, wanted: settings.SessionSettings, seconds: int) -> MintedSecret:
        """A client secret with these settings. Raises `ProviderFailed` and `ProviderTimeout`."""
        body = {
            "expires_after": {"anchor": "created_at", "seconds": seconds},
            "session": {**settings.wire(wanted), "model": self.model},
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
            self._http = connection.client()
        return self._http


def log_fault(fault: Fault) -> None:
    """An error event of the service, which may say that this server's key or account is refused."""
    if fault.kind is FaultKind.FINAL:
        _alert_operator(code=fault.code, said=fault.message, provider_request_id=fault.event_id)
    write = log.debug if fault.kind is FaultKind.NOISE else log.warning
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
