"""Socket.IO 5 packets inside Engine.IO 4 messages, encoded once for any number of recipients.

Grammar: "<engine type><packet type>[<attachments>-][<namespace>,][<id>][<JSON>]", attachments follow as binary frames
(Socket.IO protocol, revision 5; Engine.IO protocol, revision 4; frames by RFC 6455, section 5.2).
"""

from __future__ import annotations

import base64
import functools
import re
import struct
from collections.abc import Sequence
from typing import Any

import orjson

from dawg_server import errors
from handlers import payloads

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"  # of Engine.IO
CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)  # of Socket.IO
_BINARY = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}  # no other kind has attachments

MAX_ATTACHMENTS = 64  # of one packet
MAX_ID_DIGITS = 15  # of an acknowledgement

_HEADER = re.compile(rf"([0-6])(?:([0-9]{{1,3}})-)?(?:(/[^,]*),?)?([0-9]{{1,{MAX_ID_DIGITS}}})?")
_EVENT_NAME = re.compile(r'\["([^"\\]{1,100})"')
_TEXT_FRAME, _BINARY_FRAME = 0x81, 0x82  # FIN and opcode
_SMALL = {first: [bytes((first, length)) for length in range(126)] for first in (_TEXT_FRAME, _BINARY_FRAME)}


class Malformed(Exception):
    """The peer does not speak the protocol; its connection ends."""


class Message:
    """One packet with its attachments, ready for websocket (`frame`) and polling (`encode`)."""

    __slots__ = ("attachments", "frame", "size", "text")

    def __init__(self, text: bytes, attachments: Sequence[bytes] = ()) -> None:
        self.text = text
        self.attachments = attachments
        self.frame = _frame(_TEXT_FRAME, text)
        if attachments:
            self.frame += b"".join(_frame(_BINARY_FRAME, each) for each in attachments)
        self.size = len(self.frame)  # bytes

    def encode(self) -> str:
        """The form in a polling body."""
        return "\x1e".join([self.text.decode(), *("b" + base64.b64encode(each).decode() for each in self.attachments)])


class Packet:
    """One received packet. `body` is its JSON, still as text; `expected` is how many attachments come after it."""

    __slots__ = ("attachments", "body", "expected", "id", "kind", "namespace")

    def __init__(self, kind: int, expected: int, namespace: str, id: int | None, body: str) -> None:
        self.kind, self.expected, self.namespace, self.id, self.body = kind, expected, namespace, id, body
        self.attachments: list[bytes] = []

    @property
    def size(self) -> int:
        """Bytes."""
        body = len(self.body) if self.body.isascii() else len(self.body.encode())
        return body + sum(map(len, self.attachments)) if self.attachments else body

    def data(self) -> Any:
        """What it says; nothing that comes out of here can exhaust the stack of a handler. Raises `ValidationError`."""
        if not self.body:
            return None
        try:
            data = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise errors.ValidationError("The payload is not valid JSON.") from error
        if len(self.body) > 2 * payloads.MAX_DEPTH and payloads.is_too_deep(self.body, data):
            raise errors.ValidationError(f"The payload is nested more than {payloads.MAX_DEPTH} levels deep.")
        return data if self.kind < BINARY_EVENT else _put_attachments(data, self.attachments)

    def event_name(self) -> str | None:
        """The name of an event whose payload could not be read."""
        match = _EVENT_NAME.match(self.body)
        return match.group(1) if match else None


def event(name: str, data: Any, namespace: str = "/", id: int | None = None) -> Message:
    """A tuple is several arguments, `None` is none, everything else is one."""
    if isinstance(data, tuple):
        return _encode(EVENT, namespace, id, [name, *data])
    return _encode(EVENT, namespace, id, [name] if data is None else [name, data])


def ack(namespace: str, id: int, result: Any) -> Message:
    if isinstance(result, tuple):
        return _encode(ACK, namespace, id, list(result))
    return _encode(ACK, namespace, id, [] if result is None else [result])


def connect(namespace: str, sid: str) -> Message:
    return _encode(CONNECT, namespace, None, {"sid": sid})


def disconnect(namespace: str) -> Message:
    return _encode(DISCONNECT, namespace, None, None)


def connect_error(namespace: str, reason: Any) -> Message:
    return _encode(CONNECT_ERROR, namespace, None, reason)


def engine(kind: str, data: Any = None) -> Message:
    """An Engine.IO packet that carries no Socket.IO packet: open, close, ping, pong, noop."""
    body = b"" if data is None else data.encode() if isinstance(data, str) else orjson.dumps(data)
    return Message(kind.encode() + body)


def decode(text: str) -> Packet:
    """Raises `Malformed`."""
    if text[:1] == "2" and (start := text.find("[", 1, MAX_ID_DIGITS + 2)) > 0:
        # Most of what comes is an event in the main namespace, which is read without the whole grammar.
        digits = text[1:start]
        if not digits or (digits.isdecimal() and digits.isascii()):
            return Packet(EVENT, 0, "/", int(digits) if digits else None, text[start:])
    match = _HEADER.match(text)
    if match is None:
        raise Malformed("unknown packet type")
    kind, expected, namespace, id = match.groups()
    if (kind in "56") != (expected is not None):
        raise Malformed("wrong number of attachments")
    if int(expected or 0) > MAX_ATTACHMENTS:
        raise Malformed("too many binary attachments")
    namespace = (namespace or "/").partition("?")[0]
    return Packet(int(kind), int(expected or 0), namespace, None if id is None else int(id), text[match.end() :])


def _put_attachments(data: Any, attachments: Sequence[bytes]) -> Any:
    """Replaces the placeholders of a binary packet."""
    if isinstance(data, list):
        return [_put_attachments(each, attachments) for each in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is not True:
        return {key: _put_attachments(value, attachments) for key, value in data.items()}
    number = data.get("num")
    if type(number) is not int or not 0 <= number < len(attachments):
        raise errors.ValidationError("The payload names a binary attachment that does not exist.")
    return attachments[number]


def _encode(kind: int, namespace: str, id: int | None, data: Any) -> Message:
    tail = b"" if namespace == "/" else f"{namespace},".encode()
    if id is not None:
        tail += b"%d" % id
    try:
        return Message(b"4%d%b%b" % (kind, tail, orjson.dumps(data) if data is not None else b""))
    except TypeError:
        # Bytes, or keys that are not text: rare enough to be found by failing first.
        attachments: list[bytes] = []
        body = orjson.dumps(data, functools.partial(_attach, attachments), orjson.OPT_NON_STR_KEYS)
    if not attachments:
        return Message(b"4%d%b%b" % (kind, tail, body))
    return Message(b"4%d%d-%b%b" % (_BINARY[kind], len(attachments), tail, body), attachments)


def _attach(attachments: list[bytes], value: Any) -> dict[str, Any]:
    if not isinstance(value, bytes | bytearray):
        raise TypeError(f"{type(value).__name__} cannot be sent.")
    attachments.append(bytes(value))
    return {"_placeholder": True, "num": len(attachments) - 1}


def _frame(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return _SMALL[first][length] + payload
    if length < 65536:
        return struct.pack(">BBH", first, 126, length) + payload
    return struct.pack(">BBQ", first, 127, length) + payload
