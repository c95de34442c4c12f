"""What is taken from a microphone, and how long it is kept."""

from __future__ import annotations

import base64

import pytest

from dawg_server import errors
from dawg_server.voice.browser import MAX_MESSAGE, MicrophoneBuffer, as_base64

SECOND = bytes(48_000)


@pytest.mark.parametrize("length", [0, 2, 4, 960, MAX_MESSAGE])
def test_bytes_and_base64_come_out_the_same(length: int) -> None:
    audio = bytes(length)
    assert as_base64(audio) == as_base64(base64.b64encode(audio).decode()) == base64.b64encode(audio).decode()


@pytest.mark.parametrize("audio", [None, 7, [], b"odd", "A", "AAAA", "AAA", "A A=", "AA==\n", "ÄÄÄÄ", "AAAAAAA=="])
def test_what_is_no_pcm_is_refused(audio: object) -> None:
    with pytest.raises(errors.ValidationError):
        as_base64(audio)


@pytest.mark.parametrize("audio", [bytes(MAX_MESSAGE + 2), base64.b64encode(bytes(MAX_MESSAGE + 2)).decode()])
def test_too_much_at_once_is_refused_whole(audio: object) -> None:
    with pytest.raises(errors.PayloadTooLarge):
        as_base64(audio)


def test_the_newest_ten_seconds_are_kept_in_their_order() -> None:
    microphone = MicrophoneBuffer()
    for number in range(13):
        microphone.keep(as_base64(bytes([number, 0]) * 24_000))
    kept = [base64.b64decode(each)[0] for each in microphone.take()]
    assert kept == list(range(3, 13))
    assert microphone.dropped == 3
    assert list(microphone.take()) == []


def test_what_was_taken_makes_room_again() -> None:
    microphone = MicrophoneBuffer()
    for _ in range(3):
        for _ in range(10):
            microphone.keep(as_base64(SECOND))
        assert len(list(microphone.take())) == 10
    assert microphone.dropped == 0
