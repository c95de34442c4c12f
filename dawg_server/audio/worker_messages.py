"""What the server and its worker processes say to each other: pickles, each behind its length in 8 bytes."""

from __future__ import annotations

import dataclasses
import pickle
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any

from dawg_server import errors

HEADER = struct.Struct("<Q")
MAX_BYTES = 512 * 1024 * 1024  # of one message; a longer one means that the stream is broken


@dataclasses.dataclass(frozen=True)
class WorkerTask:
    function: str  # "package.module:name"
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    reporting: bool  # whether the function is to be given `report`


@dataclasses.dataclass(frozen=True)
class Report:
    args: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class WorkerResult:
    value: Any


@dataclasses.dataclass(frozen=True)
class Failed:
    """An exception in the worker; `rebuild(*state)` makes it again."""

    rebuild: Callable[..., BaseException]
    state: tuple[Any, ...]
    traceback: str


@dataclasses.dataclass(frozen=True)
class OutOfMemory:
    """The worker ran into its limit and ends itself."""


Reply = Report | WorkerResult | Failed | OutOfMemory


class RemoteTraceback(Exception):
    """Where an error came from in the worker process; the cause of the error that is raised in the server."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def encode(message: WorkerTask | Reply) -> bytes:
    payload = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(len(payload)) + payload


def failure(error: BaseException) -> Failed:
    """An error of ours or of Python keeps its type; one of a library, or one that cannot travel, becomes a DawgError.

    The server would have to import the library only to know the type of an error that it cannot handle.
    """
    text = "".join(traceback.format_exception(error))
    if isinstance(error, errors.DawgError):
        failed = Failed(_rebuilt_dawg_error, (type(error), error.message, vars(error)), text)
    elif isinstance(error, Exception) and type(error).__module__.partition(".")[0] in _FAMILIAR_PACKAGES:
        failed = Failed(_as_it_is, (error,), text)
    else:
        failed = Failed(errors.DawgError, (), text)
    try:
        rebuilt = pickle.loads(pickle.dumps(failed))
        rebuilt.rebuild(*rebuilt.state)
    except Exception:
        return Failed(errors.DawgError, (), text)
    return failed


def raised(failed: Failed) -> BaseException:
    """The error as it was in the worker, with the worker's traceback as its cause."""
    error = failed.rebuild(*failed.state)
    error.__cause__ = RemoteTraceback(failed.traceback)
    return error


_FAMILIAR_PACKAGES = frozenset(sys.stdlib_module_names) | {"dawg_server", "builtins"}


def _rebuilt_dawg_error(kind: type[errors.DawgError], message: str, state: dict[str, Any]) -> errors.DawgError:
    error = kind.__new__(kind)  # subclasses have constructors of their own
    error.args = (message,)
    vars(error).update(state)
    return error


def _as_it_is(error: BaseException) -> BaseException:
    return error
