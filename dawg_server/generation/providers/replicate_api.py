"""Replicate's HTTP API through its SDK's client, which knows the address, the key and when to repeat a reading.

Predictions are read as plain JSON: the SDK's own class refuses the status `aborted`.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.generation.providers.base import ContentRefused, Late, Refused, Transient, Unanswered

PROVIDER = "replicate"
CREATE_TIMEOUT = 15.0  # seconds; a server that stops waits for the answer
ANSWER_TIMEOUT = 20.0  # seconds for everything else, the SDK's own repetitions included
UPLOAD_TIMEOUT = 300.0  # seconds
CANCEL_AFTER = "10m"  # a prediction that nobody waits for any more ends by itself: the time limit of a job
LISTED_PAGES = 10  # of 100 predictions
OPERATOR_STATUSES = (401, 402, 403)  # somebody has to look after the key or the account
WEBHOOK_EVENTS = ["start", "completed"]

log: structlog.stdlib.BoundLogger = logs.get("main")
Prediction = Mapping[str, Any]


class ReplicateApi:
    """One account. The SDK is imported at the first call."""

    def __init__(self, key: str, base_url: str) -> None:
        self.create_seconds, self.answer_seconds = CREATE_TIMEOUT, ANSWER_TIMEOUT
        self._key, self._base_url = key, base_url
        self._made: Any = None

    async def create(self, version: str, input: Mapping[str, Any], webhook: str | None) -> Prediction:
        """Buys one prediction.

        Raises `Refused`, `Transient` when nothing can have been made, and `Unanswered` when that is not known.
        """
        import httpx

        body: dict[str, Any] = {"version": version, "input": input}
        if webhook:
            body |= {"webhook": webhook, "webhook_events_filter": WEBHOOK_EVENTS}
        try:
            async with asyncio.timeout(self.create_seconds):
                return await self._json("POST", "/v1/predictions", json=body, headers={"Cancel-After": CANCEL_AFTER})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise Transient("Replicate could not be reached.") from None
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            raise Unanswered(type(error).__name__) from None
        except Answer as answer:
            if answer.status >= 500:
                raise Unanswered(f"status {answer.status}") from None
            if answer.status == 429:
                raise Transient("Replicate has too much to do at the moment.") from None
            raise Refused(answer.told()) from None

    async def read(self, ref: str) -> Prediction:
        """Raises `Transient`, and `ProviderFailed` when the prediction cannot be read at all."""
        return await self._ask("GET", f"/v1/predictions/{urllib.parse.quote(ref, safe='')}")

    async def cancel(self, ref: str) -> Prediction:
        """The prediction as it is after the request; cancelling one that has ended changes nothing."""
        return await self._ask("POST", f"/v1/predictions/{urllib.parse.quote(ref, safe='')}/cancel")

    async def recent(self) -> AsyncIterator[Prediction]:
        """The account's predictions, newest first.

        Raises `Transient` as `read` does, and `Unanswered` when there are more than can be looked through.
        """
        path = "/v1/predictions"
        for _ in range(LISTED_PAGES):
            page = await self._ask("GET", path)
            for prediction in page.get("results") or ():
                yield prediction
            following = urllib.parse.urlsplit(page.get("next") or "")
            if not following.query:
                return
            path = f"/v1/predictions?{following.query}"  # never to another host, for the key goes along
        raise Unanswered("the list of predictions is too long")

    async def webhook_secret(self) -> str:
        return str((await self._ask("GET", "/v1/webhooks/default/secret"))["key"])

    async def upload(self, path: Path) -> str:
        """Gives a file to Replicate, which keeps it for a day; returns its address. Costs nothing."""
        with path.open("rb") as file:
            sent = {"content": (path.name, file, "application/octet-stream")}
            found = await self._ask("POST", "/v1/files", seconds=UPLOAD_TIMEOUT, files=sent)
        return str(found["urls"]["get"])

    async def close(self) -> None:
        if self._made is not None:
            await self._made._async_client.aclose()

    async def _ask(self, method: str, path: str, *, seconds: float | None = None, **options: Any) -> Prediction:
        import httpx

        try:
            async with asyncio.timeout(seconds or self.answer_seconds):
                return await self._json(method, path, **options)
        except (TimeoutError, httpx.TimeoutException):
            raise Late("Replicate did not answer in time.") from None
        except (httpx.HTTPError, ValueError) as error:
            raise Transient(f"Replicate could not be reached ({type(error).__name__}).") from None
        except Answer as answer:
            if answer.status >= 500 or answer.status == 429:
                raise Transient(f"Replicate answered with {answer.status}.") from None
            raise answer.told() from None

    async def _json(self, method: str, path: str, **options: Any) -> Prediction:
        from replicate.exceptions import ReplicateError

        try:
            reply = await self._client._async_request(method, path, **options)
        except ReplicateError as error:
            raise Answer(error.status or 500, error.title, error.detail) from None
        found = reply.json()
        if not isinstance(found, dict):
            raise ValueError("an object was expected")
        return found

    @property
    def _client(self) -> Any:
        if self._made is None:
            from replicate.client import Client

            self._made = Client(api_token=self._key, base_url=self._base_url)
        return self._made


class Answer(Exception):
    """An answer that is an error. Gateways before the service send HTML, so there may be no words."""

    def __init__(self, status: int, title: str | None, detail: str | None) -> None:
        self.status = status
        self.words = str(detail or title or "no reason given").strip()
        super().__init__(self.words)

    def told(self) -> errors.ProviderFailed:
        if self.status in OPERATOR_STATUSES:
            log.error(
                "Replicate refuses this account.",
                action="provider_needs_operator",
                provider=PROVIDER,
                status=self.status,
                reason=self.words,
            )
        return failure(self.words, str(self.status), refused=self.status != 404)


def failure(words: str, provider_code: str, *, refused: bool = False) -> errors.ProviderFailed:
    """The error for people, with the provider's own reason in it."""
    kind: Callable[..., errors.ProviderFailed] = ContentRefused if _is_about_content(words) else errors.ProviderFailed
    verb = "has refused this" if refused else "has failed"
    return kind(
        f"Replicate {verb}: {words.rstrip('.')}.",
        details={"provider": PROVIDER, "providerCode": provider_code, "retryable": False},
    )


def _is_about_content(words: str) -> bool:
    return any(word in words.lower() for word in ("nsfw", "sensitive", "content policy", "moderation"))
