"""Audio files in and out: what a file is, its samples in blocks, and new files.

Files are known by their content. Whatever cannot be read raises errors.UnsupportedMediaType. All of this runs in the
processes of `workers`: decoders crash on some files, and then only the one task fails.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from dawg_server import errors
from dawg_server.audio import arrays, decoders, formats
from dawg_server.audio.encoder import BIT_DEPTHS, BITRATES, Writer, writable_rate
from dawg_server.audio.formats import SUPPORTED, AudioInfo

__all__ = [
    "BITRATES",
    "BIT_DEPTHS",
    "BLOCK",
    "MAX_CHANNELS",
    "MAX_SECONDS",
    "SUPPORTED",
    "AudioInfo",
    "Writer",
    "probe",
    "read",
    "read_blocks",
    "writable_rate",
]

MAX_SECONDS = 1800.0
MAX_CHANNELS = 8
BLOCK = 65_536  # frames
_RATES = range(4_000, 768_001)  # Hz; outside of these a header lies


def probe(
    path: str | pathlib.Path, *, max_seconds: float | None = MAX_SECONDS, max_channels: int = MAX_CHANNELS
) -> AudioInfo:
    """What the file is; its beginning has been decoded, and its end looked at.

    `frames` is what will be decoded. Only for WebM it comes from the packets' times and may be some 10 ms off, and of a
    damaged file less may come out.
    Raises errors.UnsupportedMediaType, errors.PayloadTooLarge (longer than `max_seconds`; None allows any length) and
    errors.ValidationError (more than `max_channels`).
    """
    with _opened(path, max_channels) as decoder:
        info = decoder.info
        _check_length(info.frames, info.rate, max_seconds)
        # A lone packet cut short decodes to something, but has no length by its container.
        if info.frames < 1 or not any(len(block) for block in _decoded(decoder, max_seconds)):
            raise _unsupported("there is not one sample in it")
    return info


def read_blocks(
    path: str | pathlib.Path,
    frames: int = BLOCK,
    *,
    rate: int | None = None,
    mono: bool = False,
    max_seconds: float | None = MAX_SECONDS,
    max_channels: int = MAX_CHANNELS,
) -> Iterator[arrays.Samples]:
    """Blocks of exactly `frames` frames (the last may be shorter), float32 `(frames, channels)`.

    With `rate` (Hz) resampled by soxr in its high quality; with `mono` the channels' mean, `(frames, 1)`. The memory
    used does not grow with the file. Raises as `probe` does, also in the middle: once more than `max_seconds` came out
    of the decoder, whatever the header said.
    """
    with _opened(path, max_channels) as decoder:
        blocks = _decoded(decoder, max_seconds)
        channels = decoder.info.channels
        if mono and channels > 1:
            blocks = (block.mean(axis=1, keepdims=True) for block in blocks)
            channels = 1
        if rate is not None and rate != decoder.info.rate:
            blocks = _resampled(blocks, decoder.info.rate, rate, channels)
        yield from _regrouped(blocks, frames)


def read(
    path: str | pathlib.Path,
    *,
    rate: int | None = None,
    mono: bool = False,
    max_seconds: float | None = MAX_SECONDS,
    max_channels: int = MAX_CHANNELS,
) -> arrays.Samples:
    """All of `read_blocks` at once; a stereo minute at 48 kHz takes 23 MB."""
    blocks = list(read_blocks(path, rate=rate, mono=mono, max_seconds=max_seconds, max_channels=max_channels))
    if not blocks:
        raise _unsupported("there is not one sample in it")
    return np.concatenate(blocks)


def excerpt(
    blocks: Iterable[arrays.Samples], rate: int, offset: float, seconds: float | None
) -> Iterator[arrays.Samples]:
    """`seconds` of the sound from `offset` seconds on, None: to its end. Reads no further than that."""
    first = round(max(offset, 0.0) * rate)
    end = None if seconds is None else first + round(max(seconds, 0.0) * rate)
    at = 0
    for block in blocks:
        if end is not None and at >= end:
            return
        wanted = block[max(first - at, 0) : None if end is None else end - at]
        at += len(block)
        if len(wanted):
            yield wanted


@contextlib.contextmanager
def _opened(path: str | pathlib.Path, max_channels: int) -> Iterator[decoders.Decoder]:
    path = pathlib.Path(path)
    try:
        format = formats.detect(path)
        if format is None:
            raise _unsupported("its first bytes are those of no known format")
        decoder = decoders.open_decoder(path, format)
    except decoders.Undecodable as error:
        raise _unsupported(str(error)) from error
    with contextlib.closing(decoder):
        info = decoder.info
        if info.channels > max_channels:
            raise errors.ValidationError(
                f"This file has {info.channels} channels; up to {max_channels} are accepted.",
                details={"channels": f"has to be at most {max_channels}"},
            )
        if info.rate not in _RATES or info.channels < 1:
            raise _unsupported(f"a sample rate of {info.rate} Hz is not possible")
        yield decoder


def _decoded(decoder: decoders.Decoder, max_seconds: float | None) -> Iterator[arrays.Samples]:
    position = 0
    try:
        for block in decoder.blocks(BLOCK):
            position += len(block)
            _check_length(position, decoder.info.rate, max_seconds)
            yield _silent_where_undefined(block)
    except decoders.Undecodable as error:
        raise _unsupported(str(error)) from error


def _resampled(blocks: Iterator[arrays.Samples], rate: int, wanted: int, channels: int) -> Iterator[arrays.Samples]:
    import soxr  # type: ignore[import-untyped]

    stream = soxr.ResampleStream(rate, wanted, channels, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block)).reshape(-1, channels)
    yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True).reshape(-1, channels)


def _regrouped(blocks: Iterator[arrays.Samples], frames: int) -> Iterator[arrays.Samples]:
    waiting: list[arrays.Samples] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        if count >= frames:
            joined = np.concatenate(waiting)
            whole = count // frames * frames
            for start in range(0, whole, frames):
                yield joined[start : start + frames]
            waiting, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(waiting)


def _silent_where_undefined(block: arrays.Samples) -> arrays.Samples:
    """Floating-point files may hold NaN and infinities, which would spoil everything they touch."""
    return block if np.isfinite(block).all() else np.where(np.isfinite(block), block, np.float32(0))


def _check_length(frames: int, rate: int, max_seconds: float | None) -> None:
    if max_seconds is not None and frames > max_seconds * rate:
        raise errors.PayloadTooLarge(
            f"This file is longer than the {max_seconds / 60:g} minutes that are accepted.",
            details={"limit": max_seconds, "unit": "seconds"},
        )


def _unsupported(reason: str) -> errors.UnsupportedMediaType:
    return errors.UnsupportedMediaType(
        f"This file cannot be read as audio: {reason}.", details={"supported": [*SUPPORTED]}
    )
