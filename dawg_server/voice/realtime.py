"""The realtime service as configured: where it is, with which key, and what can be asked of it over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from dawg_server import errors, logs
from dawg_server.voice import upstream
from dawg_server.voice.dialect import session
from dawg_server.voice.upstream import Refused, Upstream

log = logs.get("voice")
REQUEST_TIMEOUT = 10.0  # seconds
PROVIDER = "openai"


@dataclass(frozen=True, slots=True)
class Secret:
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

    async def connect(self, name: str) -> Upstream:
        """Raises `upstream.Refused`."""
        try:
            return await Upstream.connect(self._client(), self._url, self.require(), self.model, name)
        except Refused as refused:
            _log_refusal(refused)
            raise

    async def mint(self, settings: session.Settings, seconds: int) -> Secret:
        """A client secret with these settings. Raises `ProviderFailed` and `ProviderTimeout`."""
        body = {
            "expires_after": {"anchor": "created_at", "seconds": seconds},
            "session": {**session.wire(settings), "model": self.model},
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
        except Refused as refused:
            _log_refusal(refused)
            raise failed(refused.code, retryable=not refused.final) from None
        except aiohttp.ClientError:
            raise failed("unreachable", retryable=True) from None
        value, expires_at = answer.get("value"), answer.get("expires_at")
        if not isinstance(value, str) or not isinstance(expires_at, int | float):
            raise failed("unreadable_reply", retryable=True)
        return Secret(value, float(expires_at))

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            self._http = upstream.client()
        return self._http


def alert_operator(code: str, said: str, request_id: str, *, status: int | None = None) -> None:
    """A refusal that only whoever runs this server can end: a wrong key, an unpaid bill, a wrong request.

    `said` and `request_id` are the service's own; its support asks for the second.
    """
    log.error(
        "The voice service refuses this server: look at its key, model and billing.",
        action="provider_refused",
        provider=PROVIDER,
        status=status,
        code=code,
        said=said,
        provider_request_id=request_id,
    )


def _log_refusal(refused: Refused) -> None:
    if refused.final:
        alert_operator(refused.code, refused.said, refused.request_id, status=refused.status)
        return
    log.warning(
        "The voice service did not answer a request.",
        action="provider_refused",
        provider=PROVIDER,
        status=refused.status,
        code=refused.code,
        said=refused.said,
        provider_request_id=refused.request_id,
    )


def failed(code: str, *, retryable: bool, message: str | None = None) -> errors.ProviderFailed:
    return errors.ProviderFailed(
        message or "The voice service refused or broke.",
        details={"provider": PROVIDER, "providerCode": code, "retryable": retryable},
    )


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}
