"""The HTTP API of the gateways to Suno (sunoapi.org and its sibling).

HTTP 200 with another `code` than 200 in the body is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
import structlog
import yarl

from dawg_server import errors, logs
from dawg_server.generation.providers.base import ContentRefused, Late, Refused, Transient, Unanswered

PROVIDER = "suno"
CREATE_TIMEOUT = 15.0  # seconds; a server that stops waits for the answer
READ_TIMEOUT = 15.0  # seconds
CONNECT_TIMEOUT = 5.0  # seconds
GOOD = 200
NO_CREDIT = 429  # not a rate limit here
TRANSIENT_CODES = {408: "timed out", 430: "is asked too often", 455: "is being maintained", 500: "has a fault"}
OPERATOR_CODES = (401, 404, 405, NO_CREDIT)  # somebody has to look after the key, the address or the account
TOO_LONG = 413

log: structlog.stdlib.BoundLogger = logs.get("main")


class SunoApi:
    """One account at one gateway."""

    def __init__(self, key: str, base_url: str) -> None:
        self.create_seconds, self.read_seconds = CREATE_TIMEOUT, READ_TIMEOUT
        self._base = yarl.URL(base_url)
        self._headers = {"Authorization": f"Bearer {key}"}
        self._made: aiohttp.ClientSession | None = None

    async def create(self, order: Mapping[str, Any]) -> str:
        """Buys two songs; returns the task's id.

        Raises `Refused`, `Transient` when nothing was made, and `Unanswered` when that is not known.
        """
        try:
            status, body = await self._send("POST", "/api/v1/generate", self.create_seconds, json=order)
        except aiohttp.ClientConnectorError:
            raise Transient("Suno could not be reached.") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unanswered(type(error).__name__) from None
        code = _code(status, body)
        if code == GOOD and isinstance(body, dict):
            task = (body.get("data") or {}).get("taskId")
            if isinstance(task, str) and task:
                return task
            raise Unanswered("the answer names no task")
        if not isinstance(body, dict):
            if status == 429:
                raise Transient("The gateway to Suno is asked too often.")
            if status >= 500 or status == GOOD:
                raise Unanswered(f"status {status}")
        if code in TRANSIENT_CODES:
            raise Transient(f"Suno {TRANSIENT_CODES[code]}: {_words(body)}.")
        raise Refused(_told(code, _words(body)))

    async def record(self, task: str) -> Mapping[str, Any]:
        """How far a task is: `data` of the answer. Raises `Transient`, and `ProviderFailed` for good."""
        try:
            status, body = await self._send(
                "GET", "/api/v1/generate/record-info", self.read_seconds, params={"taskId": task}
            )
        except TimeoutError:
            raise Late("Suno did not answer in time.") from None
        except aiohttp.ClientError as error:
            raise Transient(f"Suno could not be reached ({type(error).__name__}).") from None
        code = _code(status, body)
        if not isinstance(body, dict) or code in TRANSIENT_CODES or code >= 500:
            raise Transient(f"Suno answered with {code}.")
        if code != GOOD:
            raise _told(code, _words(body))
        if not isinstance(body.get("data"), dict):
            raise Transient("Suno does not know the task (yet).")
        found: Mapping[str, Any] = body["data"]
        return found

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()

    async def _send(self, method: str, path: str, seconds: float, **options: Any) -> tuple[int, Any]:
        """(HTTP status, JSON or None)."""
        async with (
            asyncio.timeout(seconds),
            self._session.request(method, self._base.joinpath(path.lstrip("/")), **options) as reply,
        ):
            data = await reply.read()
            try:
                return reply.status, orjson.loads(data)
            except ValueError:
                return reply.status, None

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._made is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT)
            self._made = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self._made


def failure(words: str, code: int | str) -> errors.ProviderFailed:
    return errors.ProviderFailed(f"Suno has failed: {words.rstrip('.')}.", details=_details(code))


def refusal(words: str, code: int | str) -> ContentRefused:
    return ContentRefused(f"Suno does not sing this: {words.rstrip('.')}.", details=_details(code))


def _told(code: int, words: str) -> errors.DawgError:
    if code in OPERATOR_CODES:
        log.error(
            "Suno refuses this account.", action="provider_needs_operator", provider=PROVIDER, code=code, reason=words
        )
    if code == TOO_LONG:
        return errors.ValidationError(f"A text is too long for Suno: {words.rstrip('.')}.", details=_details(code))
    return errors.ProviderFailed(f"Suno has refused this: {words.rstrip('.')}.", details=_details(code))


def _details(code: int | str) -> dict[str, Any]:
    return {"provider": PROVIDER, "providerCode": str(code), "retryable": False}


def _code(status: int, body: Any) -> int:
    """What the body says, else what HTTP says."""
    said = body.get("code") if isinstance(body, dict) else None
    return said if isinstance(said, int) else status


def _words(body: Any) -> str:
    said = body.get("msg") if isinstance(body, dict) else None
    return str(said or "no reason given").strip().rstrip(".")
