"""The provider: the only module that imports its SDK, and only when it is first used.

Errors are told apart by `error.details.error_code` when present, else by `error.type`; by the message only where there
is no other sign: see `TOO_LONG`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.claude.message import acceptable

PROVIDER = "anthropic"
CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 45.0  # seconds without a byte; pings come far more often
WRITE_TIMEOUT = 15.0  # seconds
OPERATOR = {"authentication_error", "billing_error", "permission_error", "not_found_error"}  # for whoever runs us
UNWELL = ("overloaded_error", "api_error")
BUSY = ("rate_limit_error", "timeout_error")
TOO_LONG = "prompt is too long"  # the only word for it; there is no code
PROMPT_TOO_LONG = "prompt_too_long"  # ours
MAX_SENTENCE = 500  # characters of a refusal that are logged

log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


class Claude:
    def __init__(self, key: str | None, url: str, model: str, small_model: str) -> None:
        self.model, self.small_model = model, small_model
        self._key, self._url = key, url
        self._sdk: asyncio.Task[Any] | None = None

    @property
    def configured(self) -> bool:
        return bool(self._key)

    def require(self, what: str = "The AI brain") -> None:
        """Raises `ProviderUnconfigured`."""
        if not self._key:
            raise errors.ProviderUnconfigured(what, "ANTHROPIC_API_KEY")

    @contextlib.asynccontextmanager
    async def stream(self, request: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[Any]]:
        """The raw events of one message; `messages` may hold blank text. Leaving the block hangs up.

        Raises `RateLimited`, `ProviderFailed` (`details.retryable`) and `ProviderTimeout`, also in the middle.
        """
        client = await self._client()
        request = {**request, "messages": acceptable(request["messages"])}
        with _translated():
            stream = await client.messages.create(**request, stream=True)
            try:
                yield stream
            finally:
                await stream.close()

    def warm(self) -> None:
        """Begins to load the SDK, so that the first question need not wait for it; nothing is loaded without a key."""
        if self._key and self._sdk is None:
            self._sdk = asyncio.create_task(asyncio.to_thread(self._load), name="brain sdk")

    async def close(self) -> None:
        if self._sdk is not None:
            await (await self._sdk).close()

    async def _client(self) -> Any:
        self.require()
        self.warm()
        assert self._sdk is not None
        return await asyncio.shield(self._sdk)  # whoever is cancelled meanwhile takes it from nobody else

    def _load(self) -> Any:
        """Takes a second or more, so it is done beside the event loop."""
        if "anthropic" not in sys.modules:
            _import_for_good()
        import anthropic

        timeout = anthropic.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT, write=WRITE_TIMEOUT)
        # We retry by ourselves, because only we know whether something was said already.
        return anthropic.AsyncAnthropic(api_key=self._key, base_url=self._url, timeout=timeout, max_retries=0)


def _import_for_good() -> None:
    """Full garbage collections, which stop the event loop as well, never look through what is imported here: there is
    much of it, and none of it is garbage."""
    gc.disable()
    try:
        import anthropic.resources.messages  # noqa: F401

        gc.freeze()
    finally:
        gc.enable()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    import anthropic
    import httpx2

    try:
        yield
    except (anthropic.APITimeoutError, httpx2.TimeoutException) as error:
        raise too_slow() from error
    except anthropic.APIStatusError as error:
        raise _refusal(error) from error
    except (anthropic.APIError, httpx2.HTTPError, ValueError) as error:
        raise connection_lost() from error


def _refusal(error: Any) -> errors.DawgError:
    body = error.body if isinstance(error.body, Mapping) else {}
    told = body.get("error")
    told = told if isinstance(told, Mapping) else {}
    details = told.get("details")
    code = str((details.get("error_code") if isinstance(details, Mapping) else None) or told.get("type") or "")
    kind = str(told.get("type") or "")
    retry_after = _seconds(error.response.headers)
    sentence = str(told.get("message") or "")
    _log_refusal(error, kind, code, sentence)
    if kind == "rate_limit_error" or (not kind and error.status_code == 429):
        return errors.RateLimited(
            "The language model is in great demand just now. Try again in a moment.",
            details={"provider": PROVIDER, "providerCode": code},
            retry_after=retry_after or 5.0,
        )
    if kind == "timeout_error" or (not kind and error.status_code in (408, 504)):
        return too_slow()
    if error.status_code == 413 or (kind == "invalid_request_error" and TOO_LONG in sentence):
        return unusable(PROMPT_TOO_LONG, "This is more than the language model can read at once. Ask about less.")
    retryable = kind in UNWELL or (not kind and error.status_code >= 500)
    return _failed(code or str(error.status_code), retryable=retryable, retry_after=retry_after)


def _log_refusal(error: Any, kind: str, code: str, sentence: str) -> None:
    """In the provider's own words, with its id of the request: its support asks for that."""
    passing = kind in (*UNWELL, *BUSY) or (not kind and (error.status_code >= 500 or error.status_code in (408, 429)))
    if kind in OPERATOR:
        event = "The language model refuses this server's account or settings: look at its key, model and billing."
    elif passing:
        event = "The language model is too busy or unwell to answer."
    else:
        event = "The language model refused a request as wrong."
    (log.warning if passing else log.error)(
        event,
        action="provider_refused",
        provider=PROVIDER,
        code=code,
        status=error.status_code,
        provider_message=sentence[:MAX_SENTENCE],
        provider_request_id=error.request_id,
    )


def too_slow() -> errors.ProviderTimeout:
    return errors.ProviderTimeout(
        "The language model did not answer in time. Try again.", details={"provider": PROVIDER}
    )


def connection_lost() -> errors.ProviderFailed:
    return _failed("connection_lost", retryable=True)


def unusable(code: str, sentence: str) -> errors.ProviderFailed:
    """For an answer that came, and is of no use; the same question would not do better."""
    return errors.ProviderFailed(sentence, details={"provider": PROVIDER, "providerCode": code, "retryable": False})


def is_too_long(error: errors.ProviderFailed) -> bool:
    """Whether the request was refused as longer than the model can read."""
    return (error.details or {}).get("providerCode") == PROMPT_TOO_LONG


def _failed(code: str, *, retryable: bool, retry_after: float | None = None) -> errors.ProviderFailed:
    sentences = {
        "overloaded_error": "The language model is overloaded just now. Try again in a moment.",
        "connection_lost": "The connection to the language model was lost. Try again.",
    }
    usual = (
        "The language model is out of order just now. Try again."
        if retryable
        else ("The language model refused this request; whoever runs this server has been told.")
    )
    return errors.ProviderFailed(
        sentences.get(code, usual),
        details={"provider": PROVIDER, "providerCode": code, "retryable": retryable},
        retry_after=retry_after,
    )


def _seconds(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with contextlib.suppress(KeyError, ValueError):
            seconds = float(headers[name]) / unit
            if 0 <= seconds <= 86_400:
                return seconds
    return None
