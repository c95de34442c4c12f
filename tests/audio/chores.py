"""What the tests let the worker processes do."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import sys
import time
from typing import Any, Protocol

from dawg_server import errors, logs
from dawg_server.audio import codecs


class Report(Protocol):
    def __call__(self, fraction: float, stage: str) -> None: ...


def add(a: int, b: int = 0) -> int:
    return a + b


def process_id() -> int:
    return os.getpid()


def facts() -> dict[str, Any]:
    import numpy

    return {
        "environment": dict(os.environ),
        "niceness": os.nice(0),
        "numpy": numpy.__version__,
        "stdin": sys.stdin.read(),
    }


def count(steps: int, report: Report) -> int:
    for step in range(steps):
        report(step / steps, f"step {step}")
    return steps


def busy(seconds: float, started: str | None = None) -> str:
    """Burns processor time without giving Python's signal handlers a chance to be late."""
    if started:
        pathlib.Path(started).write_text(str(os.getpid()))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))
    return "done"


def segfault() -> None:
    ctypes.string_at(0)


def leave() -> None:
    os._exit(0)


def devour(megabytes: int) -> int:
    import numpy

    hoard = [numpy.ones(1024 * 1024 // 8) for _ in range(megabytes)]
    return len(hoard)


def chatter() -> str:
    print("printed to standard output")
    os.write(1, b"written to descriptor 1\n")
    print("printed to standard error", file=sys.stderr)
    return "still understood"


def log_a_line() -> None:
    logs.get("main").warning("A packet is damaged.", action="audio_packet_damaged", packet=7)


def endless_lines(count: int) -> None:
    sys.stderr.write("x" * 300_000 + "\n")
    for number in range(count):
        sys.stderr.write(f"line {number}\n")


class Peculiar(errors.DawgError):
    """Has a constructor of its own."""

    code, status = "peculiar", 418

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}", details={"sum": first + second}, retry_after=1.5)
        self.second = second


def fail(kind: str) -> None:
    if kind == "dawg":
        raise errors.PayloadTooLarge("Far too long.", details={"limit": 3, "unit": "seconds"})
    if kind == "dependency":
        raise errors.DependencyUnavailable("database")
    if kind == "peculiar":
        raise Peculiar(2, 3)
    if kind == "value":
        raise ValueError("of no value")
    if kind == "stdlib":
        json.loads("{")
    if kind == "timeout":
        raise TimeoutError("its own")
    if kind == "local":

        class Local(Exception):
            pass

        raise Local("at /some/secret/path")
    if kind == "exit":
        sys.exit(7)


def unpicklable() -> Any:
    return lambda: None


def large(megabytes: int) -> bytes:
    return bytes(megabytes * 1024 * 1024)


def size(data: bytes) -> int:
    return len(data)


def read_all(path: str) -> tuple[int, int]:
    """Frames as told and as read."""
    told = codecs.probe(path).frames
    return told, sum(len(block) for block in codecs.read_blocks(path))


def probe_all(paths: list[str]) -> list[codecs.AudioInfo | str]:
    """What each file is, or the words in which it is refused."""
    found: list[codecs.AudioInfo | str] = []
    for path in paths:
        try:
            found.append(codecs.probe(path))
        except (errors.UnsupportedMediaType, errors.PayloadTooLarge, errors.ValidationError) as error:
            found.append(error.message)
    return found
