"""Requests as they come in, and of those that aiohttp's parser refuses what is needed to answer them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import StreamReader, http_exceptions

KEPT = 262_144  # bytes of a request's head: browsers say only behind long headers which page it is that asks


class RequestParser:
    """aiohttp's parser, and the beginning of the request that came in last: it drops the headers of what it refuses.

    What is refused is so when its head is whole, `KEPT` bytes long or not `awaited` any more.
    """

    def __init__(self, parser: Any, refusing: Callable[[], None]) -> None:
        """`refusing` is called once the rest of a head is awaited."""
        self._parser, self._refusing = parser, refusing
        self.last: bytes | bytearray = b""
        self.body: StreamReader | None = None  # of the request that came last
        self.refused: http_exceptions.HttpProcessingError | None = None
        self.awaited = True
        self._in_head = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def feed_data(self, data: bytes) -> Any:
        if not self._in_head:
            self.last = data[:KEPT]
        else:
            self.last = self.last if isinstance(self.last, bytearray) else bytearray(self.last)
            self.last += data[: KEPT - len(self.last)]
        if self.refused is not None:
            return self._refuse(len(data))
        in_body = self.body is not None and not self.body.is_eof()
        try:
            found = messages, _, _ = self._parser.feed_data(data)
        except http_exceptions.HttpProcessingError as error:
            if in_body:
                raise
            self._in_head, self.refused = True, error
            return self._refuse(len(data))
        if messages:
            self.body = messages[-1][1]
        self._in_head = not messages and not in_body
        return found

    def _refuse(self, new: int) -> Any:
        assert self.refused is not None
        whole = self.last.find(b"\r\n\r\n", max(0, len(self.last) - new - 3)) >= 0
        if whole or not self.awaited or len(self.last) >= KEPT:
            raise self.refused
        self._refusing()
        return [], False, b""
