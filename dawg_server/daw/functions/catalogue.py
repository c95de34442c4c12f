"""The one list of functions that feeds the models' tools, the pages that show them, and whoever runs them."""

from __future__ import annotations

import datetime
import functools
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from dawg_server import errors
from dawg_server.daw.functions import table
from dawg_server.daw.functions.function import Function
from dawg_server.wire import timestamp

Part = Literal["voice", "daw", "all"]
VERSION = "2.12.0"  # raised with every change of the list, which its hash makes known


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function with what it is to be called with, aliases resolved."""

    function: Function
    arguments: dict[str, Any]

    @property
    def legacy_name(self) -> str:
        """Of a client's function: the name under which earlier browsers know it."""
        return self.function.legacy_name(self.arguments)


class Catalogue:
    """The same on every replica. `hash` is the SHA-256 of `functions(voice=True)` as compact JSON with sorted keys."""

    version = VERSION

    def __init__(self, functions: Sequence[Function] = table.ALL) -> None:
        self.all = tuple(functions)
        self._names: dict[str, tuple[Function, Mapping[str, Any]]] = {}
        for function in self.all:
            self._names[function.name] = function, {}
            for alias, arguments in function.aliases.items():
                self._names.setdefault(alias, (function, arguments))

    @functools.cached_property
    def hash(self) -> str:
        return hashlib.sha256(orjson.dumps(self.functions(voice=True), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def functions(self, *, voice: bool = False) -> list[dict[str, Any]]:
        """`{name, description, parameters}` of each, in the table's order; `voice`: with those for voice alone."""
        return [
            {"name": each.name, "description": each.help, "parameters": each.parameters.json_schema()}
            for each in self.all
            if voice or not each.voice_only
        ]

    def tools(self, *, voice: bool = False) -> list[dict[str, Any]]:
        """The same as `{name, description, input_schema}`."""
        return [
            {"name": each["name"], "description": each["description"], "input_schema": each["parameters"]}
            for each in self.functions(voice=voice)
        ]

    def find(self, name: str) -> Function:
        """By name or alias; raises `ValidationError`."""
        return self._entry(name)[0]

    def resolve(self, name: str, arguments: Any) -> FunctionCall:
        """Checks a call; what an alias stands for is filled in. Raises `ValidationError`.

        Nothing but the parameters may be given, so that a model learns at once what it has made up.
        """
        function, preset = self._entry(name)
        given = {} if arguments is None else arguments
        if isinstance(given, Mapping):
            given = {**preset, **given}
        return FunctionCall(function, function.parameters.check(given, closed=True))

    def _entry(self, name: str) -> tuple[Function, Mapping[str, Any]]:
        entry = self._names.get(name)
        if entry is None:
            raise errors.ValidationError(f"There is no function “{name[:60]}”.", details={"name": "is not known"})
        return entry


@dataclass(frozen=True, slots=True)
class _Published:
    """One document, ready in both forms."""

    plain: bytes
    packed: bytes  # gzip


class PublishedCatalogue:
    """The catalogue as clients fetch and keep it.

    Built when somebody first asks. Counters are those of this process.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._bodies: dict[Part, _Published] = {}
        self._since = datetime.datetime.now(datetime.UTC)
        self._fetched = self._unchanged = 0
        self._sent_bytes = self._saved_bytes = 0

    @property
    def etag(self) -> str:
        return f'"{self.catalogue.hash}"'

    def metadata(self) -> dict[str, Any]:
        voice, daw = self.catalogue.functions(voice=True), self.catalogue.functions()
        return {
            "version": self.catalogue.version,
            "hash": self.catalogue.hash,
            "voiceFunctionCount": len(voice),
            "dawFunctionCount": len(daw),
            "totalFunctionCount": len(self.catalogue.all),
            "uncompressedSize": len(orjson.dumps(voice)),
            "timestamp": self._since,
        }

    def is_current(self, version: str, hash: str) -> bool:
        return (version, hash) == (self.catalogue.version, self.catalogue.hash)

    def fetch(self, part: Part, *, packed: bool) -> bytes:
        body = self._bodies.get(part) or self._build(part)
        data = body.packed if packed else body.plain
        self._fetched += 1
        self._sent_bytes += len(data)
        self._saved_bytes += len(body.plain) - len(data)
        return data

    def unchanged(self, part: Part) -> None:
        """Somebody asked for what they have already."""
        self._unchanged += 1
        self._saved_bytes += len((self._bodies.get(part) or self._build(part)).plain)

    def stats(self) -> dict[str, Any]:
        asked = self._fetched + self._unchanged
        return {
            "cache": {
                "hits": self._unchanged,
                "misses": self._fetched,
                "hitRate": round(self._unchanged / asked, 4) if asked else 0.0,
            },
            "bandwidth": {"sentBytes": self._sent_bytes, "savedBytes": self._saved_bytes},
        }

    def _build(self, part: Part) -> _Published:
        voice = [{"type": "function", **each} for each in self.catalogue.functions(voice=True)]
        content: Any
        match part:
            case "voice":
                content = voice
            case "daw":
                content = self.catalogue.functions()
            case "all":
                metadata = self.metadata() | {"timestamp": timestamp(self._since)}
                content = {"voice": voice, "daw": self.catalogue.functions(), "metadata": metadata}
        plain = orjson.dumps(content)
        body = self._bodies[part] = _Published(plain, gzip.compress(plain, mtime=0))
        return body
