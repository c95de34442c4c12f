"""Packets as they stand on the wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socketio import packet as stock

from handlers.sockets.transport import packets

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)
BINARY = st.recursive(
    st.binary(max_size=20) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["/", "/voice"]), st.none() | st.integers(0, 10**9))
def test_events_are_what_python_socketio_would_understand(data: Any, namespace: str, id: int | None) -> None:
    message = packets.event("name", data, namespace, id)
    assert message.text[:1] == b"4"
    read = stock.Packet(encoded_packet=message.text[1:].decode())
    assert (read.packet_type, read.namespace or "/", read.id) == (packets.EVENT, namespace, id)
    assert read.data == (["name"] if data is None else ["name", data])


@given(BINARY)
def test_bytes_leave_as_attachments_and_come_back(data: Any) -> None:
    message = packets.event("name", data, "/voice", 7)
    packet = packets.decode(message.text[1:].decode())
    assert packet.expected == len(message.attachments)
    assert (packet.kind == packets.BINARY_EVENT) == bool(message.attachments)
    assert (packet.namespace, packet.id) == ("/voice", 7)
    packet.attachments = list(message.attachments)
    assert packet.data() == ["name", data]
    read = stock.Packet(encoded_packet=message.text[1:].decode())
    for attachment in message.attachments:
        read.add_attachment(attachment)
    assert (read.data, read.namespace, read.id) == (["name", data], "/voice", 7)


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_frames_have_the_shortest_length_field_of_rfc_6455(length: int) -> None:
    message = packets.Message(b"x" * length)
    header = message.frame[: len(message.frame) - length]
    expected = length.to_bytes(1, "big") if length < 126 else None
    if expected is None:
        wide = length > 65535
        expected = bytes([127 if wide else 126]) + length.to_bytes(8 if wide else 2, "big")
    assert header == b"\x81" + expected
    assert message.size == len(message.frame)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("0", (0, 0, "/", None, "")),
        ("0/voice", (0, 0, "/voice", None, "")),
        ('0/voice?token=x,{"a":1}', (0, 0, "/voice", None, '{"a":1}')),
        ('212["a"]', (2, 0, "/", 12, '["a"]')),
        ('2/voice,3["a,b"]', (2, 0, "/voice", 3, '["a,b"]')),
        ('51-/voice,3["a"]', (5, 1, "/voice", 3, '["a"]')),
        ("3/voice,4[]", (3, 0, "/voice", 4, "[]")),
    ],
)
def test_headers_are_read(text: str, header: tuple[Any, ...]) -> None:
    packet = packets.decode(text)
    assert (packet.kind, packet.expected, packet.namespace, packet.id, packet.body) == header


@pytest.mark.parametrize("text", ["", "7", "x", "5[]", "21-[]", "-"])
def test_what_is_no_packet_is_malformed(text: str) -> None:
    with pytest.raises(packets.Malformed):
        packets.decode(text)


def test_several_arguments_leave_as_such_and_keys_become_text() -> None:
    assert packets.event("name", (1, "b")).text == b'42["name",1,"b"]'
    assert packets.event("name", {1: "one"}).text == b'42["name",{"1":"one"}]'
    assert packets.ack("/", 3, (1, 2)).text == b"433[1,2]"
    assert packets.ack("/voice", 3, None).text == b"43/voice,3[]"
