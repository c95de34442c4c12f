"""Audio from the browser: what is taken, and what is kept until the upstream listens."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Iterator

from dawg_server import errors
from dawg_server.voice.dialect.playback import decoded_length

MAX_BYTES = 256 * 1024  # of one message, decoded
MAX_KEPT = 10 * 48_000  # bytes: 10 s of PCM16 mono at 24 kHz


def as_base64(audio: object) -> str:
    """Checked audio as base64 text. `audio` is base64 text or bytes: PCM16 little-endian mono 24 kHz.

    Raises `ValidationError` and `PayloadTooLarge`.
    """
    if isinstance(audio, str):
        _check_size(len(audio) * 3 // 4 - 2)
        try:
            length = len(binascii.a2b_base64(audio, strict_mode=True))
        except (binascii.Error, ValueError):
            raise _wrong("has to be base64") from None
        text = audio
    elif isinstance(audio, bytes | bytearray):
        length = len(audio)
        _check_size(length)
        text = base64.b64encode(audio).decode()
    else:
        raise _wrong("has to be base64 text or binary")
    _check_size(length)
    if length % 2:
        raise _wrong("has to be an even number of bytes: PCM16")
    return text


class Microphone:
    """Keeps the newest 10 s. `dropped` counts the messages that had to go."""

    def __init__(self) -> None:
        self.dropped = 0
        self._kept: deque[str] = deque()
        self._bytes = 0

    def keep(self, base64_text: str) -> None:
        self._kept.append(base64_text)
        self._bytes += decoded_length(base64_text)
        while self._bytes > MAX_KEPT:
            self._bytes -= decoded_length(self._kept.popleft())
            self.dropped += 1

    def take(self) -> Iterator[str]:
        """Everything that was kept, oldest first; afterwards nothing is."""
        while self._kept:
            yield self._kept.popleft()
        self._bytes = 0


def _check_size(length: int) -> None:
    if length > MAX_BYTES:
        raise errors.PayloadTooLarge(
            "One message holds at most 256 KiB of audio.", details={"limit": MAX_BYTES, "unit": "bytes"}
        )


def _wrong(sentence: str) -> errors.ValidationError:
    return errors.ValidationError(f"audio {sentence}.", details={"audio": sentence})
