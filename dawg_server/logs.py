"""Logs for people and machines: one JSON object a line, or colours on a terminal.

    log = logs.get("main")
    log.info("A job has finished.", action="job_completed", job_id=job_id, duration_ms=812)

`service` is `main`, `ai-brain` or `voice`, so that `grep ai-brain` finds the brain. Fields of the task at hand
(`request_id`, `user_id`) are bound once with `structlog.contextvars.bind_contextvars` and stand in every line.
"""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import sys
from collections import deque
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO

import orjson
import structlog

Service = Literal["main", "ai-brain", "voice"]

HIDDEN = "[hidden]"
_SECRET_NAME = re.compile(
    r"(authorization|cookie|password|passwd|secret|api[-_]?key|access[-_]?key|private[-_]?key|signature|credential|dsn"
    r"|(?<![a-z])token(?!s)|[a-z]Token$|_token$|jwt)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"""(?P<keep>\b(?:Bearer|Basic)\s+|/webhooks/suno/[^/\s"']+/|://[^\s:/@]*:(?=[^\s/@]*@)|\b(?:token|signature|secret|password|api_?key)["']?\s*[=:]\s*["']?)
        [^\s"'&@,;}]{3,}
      | \beyJ[\w-]{8,}\.[\w-]+\.[\w-]+            # a JSON Web Token
      | \b(?:sk|ek|r8|whsec|rk|pk)[-_][\w-]{8,}   # keys of model services
      | \bsl_[\w-]{16,}                            # links that share a project
      | \bAKIA[0-9A-Z]{12,}                       # AWS access key ids
    """,
    re.IGNORECASE | re.VERBOSE,
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROCESS, _NUMBERS = secrets.token_hex(8), itertools.count(1)
_MAX_DEPTH = 6
TAIL, MAX_LINE = 200, 4000  # lines that are remembered, and characters of each
_tail: deque[str] = deque(maxlen=TAIL)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_known_secrets: set[str] = set()


def hide(*secrets: str | None) -> None:
    """Registers the literal values of configured secrets; none of them is ever written, wherever it turns up."""
    _known_secrets.update(secret for secret in secrets if secret and len(secret) >= 6)


def service_of(path: str) -> Service:
    if "/ai-brain" in path or path.endswith("/chat"):
        return "ai-brain"
    return "voice" if "/voice" in path or "/functions" in path else "main"


def get(service: Service) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(service=service)
    return logger


def request_id(given: object = None) -> str:
    """What a request or event is called in errors and in the log: as its client calls it, or as no other is called."""
    if isinstance(given, str) and _REQUEST_ID.fullmatch(given):
        return given
    return f"{_PROCESS}-{next(_NUMBERS):x}"


def configure(level: str = "info", style: str = "json", replica: str = "local") -> None:
    """Routes our own and every library's log lines through one chain to standard output."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _defaults(replica),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: structlog.typing.Processor
    if style == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_dumps)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if style == "json":
        last.append(structlog.processors.EventRenamer("message"))
    handler = _Handler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*last, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in (
        "aiohttp.access",
        "procrastinate",
        "botocore",
        "aiobotocore",
        "httpx2",
        "httpcore2",
        "socketio",
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def tail() -> list[str]:
    """The last lines that this process has written, without colours."""
    return [_COLOUR.sub("", line) for line in _tail]


class _Handler(logging.StreamHandler[TextIO]):
    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        _tail.append(line[:MAX_LINE])
        return line


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The one place where secrets are taken out: by the name of a field, by the look of a value, by known value."""
    own = ("_record", "_from_structlog")  # of structlog; taken out before the line is written
    return {
        name if name in own else _scrub(name): value if name in own else _clean(name, value, 0)
        for name, value in event.items()
    }


def _clean(name: str, value: Any, depth: int) -> Any:
    if value is not None and not isinstance(value, bool) and _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, bool | int | float | None):
        return value
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {_scrub(str(key)): _clean(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item, depth + 1) for item in value]
    return _scrub(value if isinstance(value, str) else str(value))


def _scrub(text: str) -> str:
    for secret in _known_secrets:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return _SECRET_VALUE.sub(lambda match: (match.group("keep") or "") + HIDDEN, text)


def _defaults(replica: str) -> structlog.typing.Processor:
    def fill(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        event.setdefault("service", "main")
        event.setdefault("action", event.get("logger", "log"))
        event.setdefault("request_id", None)
        event["replica"] = replica
        return event

    return fill


def _dumps(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")
