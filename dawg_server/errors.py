"""Every error a client can meet: one class per stable `code`, mapped once for REST and once for socket acks.

The docstring of a class is its default sentence for people; raise it with a better one whenever the cause is known.
"""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from dawg_server.wire import timestamp


class DawgError(Exception):
    """Something went wrong on our side. Please try again; the request id helps us to find the cause."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(
        self, message: str | None = None, *, details: Mapping[str, Any] | None = None, retry_after: float | None = None
    ) -> None:
        """`retry_after` is in seconds and becomes the `Retry-After` header."""
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.details = details
        self.retry_after = retry_after
        super().__init__(self.message)

    def envelope(self, request_id: str | None = None) -> dict[str, Any]:
        """The one error body of REST replies, socket acks and `error` events."""
        body: dict[str, Any] = {"success": False, "error": self.message, "message": self.message, "code": self.code}
        if self.details:
            body["details"] = dict(self.details)
        if self.retry_after is not None:
            # Rounded up: whoever comes back sooner is refused again.
            body["retryAfter"] = math.ceil(self.retry_after * 1000) / 1000
        if request_id is not None:
            body["requestId"] = request_id
        return body


class MalformedRequest(DawgError):
    """This is not a proper HTTP request."""

    code, status = "malformed_request", 400


class MalformedJson(DawgError):
    """The body has to be a JSON object."""

    code, status = "malformed_json", 400


class ValidationError(DawgError):
    """Some fields are missing or have a wrong value; `details` names each."""

    code, status = "validation_error", 400


class InvalidArchive(DawgError):
    """This file is not a project archive that this server can read."""

    code, status = "invalid_archive", 400


class Unauthorized(DawgError):
    """Sign in first: send a valid access token."""

    code, status = "unauthorized", 401


class TokenExpired(DawgError):
    """The access token has expired. Refresh it and try again."""

    code, status = "token_expired", 401


class InvalidCredentials(DawgError):
    """The e-mail address or the password is wrong."""

    code, status = "invalid_credentials", 401


class RefreshReused(DawgError):
    """This refresh token was used before, so its login has been ended. Please sign in again."""

    code, status = "refresh_reused", 401


class Forbidden(DawgError):
    """Your role in this project does not allow that."""

    code, status = "forbidden", 403


class CsrfFailed(DawgError):
    """This may have been sent by another page than ours. Fetch /api/csrf-token and send it as X-CSRF-Token, or send an
    Authorization header."""

    code, status = "csrf_failed", 403


class NotJoined(DawgError):
    """Join the project's room first with `join:project`."""

    code, status = "not_joined", 403


class NotFound(DawgError):
    """There is nothing here under that name or id."""

    code, status = "not_found", 404


class MethodNotAllowed(DawgError):
    """This path exists, but not with this method; the `Allow` header lists what does."""

    code, status = "method_not_allowed", 405


class Conflict(DawgError):
    """The present state does not allow that."""

    code, status = "conflict", 409


class EmailTaken(Conflict):
    """An account with this e-mail address exists already. Sign in instead."""

    code = "email_taken"


class UnknownHere(Conflict):
    """This is an id of the page's own, which this server does not know. Store the thing here first."""

    code = "unknown_here"


class InUse(Conflict):
    """This is still in use; `details` says where."""

    code = "in_use"


class NoAudio(Conflict):
    """There is no audio here to work on."""

    code = "no_audio"


class AudioTooQuiet(Conflict):
    """This recording is silent, or so quiet that only its noise would come forward."""

    code = "audio_too_quiet"


class MelodyTooShort(Conflict):
    """Fewer than three notes could be heard in this recording. Sing or hum a longer melody, clearly and alone."""

    code = "melody_too_short"


class RevisionConflict(Conflict):
    """The object has changed since the revision that you named. Read it again and repeat the change."""

    code = "revision_conflict"


class JobNotCompleted(Conflict):
    """This job has not finished yet."""

    code = "job_not_completed"


class JobFailed(Conflict):
    """This job has failed, so it has no result."""

    code = "job_failed"


class JobCancelled(Conflict):
    """This job was cancelled, so it has no result."""

    code = "job_cancelled"


class JobFinished(Conflict):
    """This job has ended already and cannot be cancelled any more."""

    code = "job_finished"


class IdempotencyConflict(Conflict):
    """This Idempotency-Key was used before with another body. Use a new key for a new request."""

    code = "idempotency_conflict"


class IdempotencyInProgress(Conflict):
    """The first request with this Idempotency-Key is still running. Ask again in a moment."""

    code = "idempotency_in_progress"


class TurnInProgress(Conflict):
    """A turn is running in this conversation already. Wait for it or cancel it."""

    code = "turn_in_progress"


class DuplicateRequest(Conflict):
    """A request with this id is running already."""

    code = "duplicate_request"


class SessionActive(Conflict):
    """A voice session is running on this socket already. Stop it first."""

    code = "session_active"


class NoSession(Conflict):
    """There is no voice session on this socket. Begin one with `start-realtime`."""

    code = "no_session"


class PayloadTooLarge(DawgError):
    """That is larger than this server accepts; `details` names the limit."""

    code, status = "payload_too_large", 413


class UriTooLong(DawgError):
    """This address is longer than this server accepts."""

    code, status = "uri_too_long", 414


class UnsupportedMediaType(DawgError):
    """This content type is not supported here."""

    code, status = "unsupported_media_type", 415


class RangeNotSatisfiable(DawgError):
    """The byte range lies outside of the file."""

    code, status = "range_not_satisfiable", 416


class HeadersTooLarge(DawgError):
    """The headers of this request are larger than this server accepts; a shorter token or fewer cookies help."""

    code, status = "headers_too_large", 431


class RateLimited(DawgError):
    """Too many requests. Wait a moment; `Retry-After` says how long."""

    code, status = "rate_limited", 429

    def __init__(
        self, message: str | None = None, *, details: Mapping[str, Any] | None = None, retry_after: float = 1.0
    ) -> None:
        """`details`: `limit`, and `resetsAt` in ISO-8601 where it is not simply `retry_after` seconds from now."""
        self.resets_at = time.time() + retry_after  # epoch seconds
        super().__init__(
            message, details={"resetsAt": timestamp(self.resets_at), **(details or {})}, retry_after=retry_after
        )


class QueueFull(RateLimited):
    """You have as many jobs waiting as are allowed. Wait until some have finished."""

    code = "queue_full"


class SessionLimit(RateLimited):
    """You have reached the limit of voice sessions or voice minutes."""

    code = "session_limit"


class BudgetExceeded(RateLimited):
    """This would go over your budget. Raise the limit or wait until it starts anew."""

    code = "budget_exceeded"

    def __init__(self, message: str | None = None, *, remaining: float = 0.0, **kinds: Any) -> None:
        """`remaining`: USD that could still be reserved."""
        super().__init__(message, **kinds)
        self.remaining = remaining


class NotImplementedHere(DawgError):
    """This server does not do that."""

    code, status = "not_implemented", 501


class ProviderFailed(DawgError):
    """An outside service refused or broke."""

    code, status = "provider_failed", 502


class DependencyUnavailable(DawgError):
    """Something this server depends on does not answer at the moment. Try again soon."""

    code, status = "dependency_unavailable", 503

    def __init__(self, dependency: str, message: str | None = None, *, retry_after: float = 2.0) -> None:
        super().__init__(
            message or f"The {dependency} does not answer at the moment. Try again soon.",
            details={"dependency": dependency},
            retry_after=retry_after,
        )


def full_disk(setting: str | None = None) -> DependencyUnavailable:
    """`setting`: the one that keeps some of the disk free."""
    kept = f" ({setting} is kept free)" if setting else ""
    return DependencyUnavailable(
        "storage", f"The disk of this server is full{kept}. Whoever runs it has to make room.", retry_after=60.0
    )


def is_full_disk(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class Contention(DawgError):
    """Others are changing the same at this moment, and this gave way to them: nothing of it was done. Try it again."""

    code, status = "contention", 503

    def __init__(self, reason: str = "") -> None:
        """`reason`: the database's own words, for the log."""
        super().__init__(retry_after=1.0)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.message} ({self.reason})"


class ProviderUnconfigured(DawgError):
    """The key of the service that this needs is not set."""

    code, status = "provider_unconfigured", 503

    def __init__(self, what: str, *env: str) -> None:
        """`what` is the feature as the user knows it; `env` are the variables that would switch it on."""
        names = " and ".join(env)
        super().__init__(f"{what} needs {names}. Set it and restart the server.", details={"env": list(env)})


class Draining(DawgError):
    """This server is shutting down. Connect again in a moment; another one takes over."""

    code, status = "draining", 503


class ProviderTimeout(DawgError):
    """An outside service did not answer in time."""

    code, status = "provider_timeout", 504


class HungUp(DawgError):
    """The client has gone."""

    code, status = "client_gone", 499  # as nginx logs it: nobody reads this answer


class ConfigurationError(Exception):
    """A start-up error with one sentence for the operator: printed without a traceback, exit status 2."""
