"""Writes audio files, the same bytes for the same samples."""

from __future__ import annotations

import functools
import pathlib
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from dawg_server import errors
from dawg_server.audio import arrays, ogg

WriteFormat = Literal["wav", "flac", "mp3", "ogg", "opus"]

BIT_DEPTHS: dict[str, tuple[int, ...]] = {"wav": (16, 24, 32), "flac": (16, 24)}  # 32 is floating point
BITRATES = (128, 192, 320)  # kbit/s; constant for MP3, the nominal rate of Vorbis' quality for OGG and of Opus
DEFAULT_BIT_DEPTH = 24
DEFAULT_BITRATE = 320
MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATE = 48_000
MAX_CHANNELS = {"wav": 64, "flac": 8, "mp3": 2, "ogg": 8, "opus": 2}

_BLOCK = 65_536  # frames; libsndfile crashes on a minute of OGG at once, and cuts OGG pages where a write ends
_DITHER_SEED = 1770
_SFC_SET_ADD_PEAK_CHUNK = 0x1050  # libsndfile's sndfile.h
_VORBIS_QUALITY = {128: 0.4, 192: 0.6, 320: 0.9}


def writable_rate(format: WriteFormat, rate: int) -> int:
    """`rate`, or the one to resample to when the format cannot carry it: MP3 ends at 48 kHz, and Opus is 48 kHz."""
    if format == "opus":
        return OPUS_RATE
    if format != "mp3" or rate in MP3_RATES:
        return rate
    return 44_100 if rate % 11_025 == 0 else 48_000


class Writer:
    """A context manager; when its body fails, the unfinished file is removed.

    with codecs.Writer(path, "flac", 48_000, 2, bit_depth=16) as writer:
        writer.write(block)

    Raises errors.ValidationError for a combination that the format does not know. 16 bits are dithered with TPDF noise
    from a fixed seed; samples that fit 16 bits exactly, such as silence, are written as they are.
    """

    def __init__(
        self,
        path: str | pathlib.Path,
        format: WriteFormat,
        rate: int,
        channels: int,
        *,
        bit_depth: int | None = None,
        bitrate: int | None = None,
    ) -> None:
        """`bit_depth` 16, 24 or 32 (wav and flac, 24 by default); `bitrate` in kbit/s (lossy ones, 320 by default)."""
        self.frames = 0
        self._path = pathlib.Path(path)
        self._format = format
        self._channels = channels
        self._bit_depth = bit_depth or DEFAULT_BIT_DEPTH
        self._bitrate = bitrate or DEFAULT_BITRATE
        _check(format, rate, channels, self._bit_depth, self._bitrate)
        self._pending = np.empty((_BLOCK, channels), np.float32)
        self._filled = 0
        self._file = self._open(rate)

    def write(self, block: npt.NDArray[Any]) -> None:
        """`block`: float `(frames, channels)`, or `(frames,)` for one channel; what exceeds -1..1 is clipped in PCM."""
        block = arrays.as_frames(block, self._channels)
        self.frames += len(block)
        while len(block):
            taken = block[: _BLOCK - self._filled]
            self._pending[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            block = block[len(taken) :]
            if self._filled == _BLOCK:
                self._drain()

    def close(self) -> None:
        """Completes the file; a second call does nothing."""
        if not self._file.closed:
            self._drain()
            self._file.close()
            if self._format in ("ogg", "opus"):
                ogg.fix_serial(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        complete = False
        try:
            if kind is None:
                self.close()
                complete = True
        finally:
            if not complete:
                self._file.close()
                self._path.unlink(missing_ok=True)

    def _open(self, rate: int) -> Any:
        import soundfile  # type: ignore[import-untyped]

        lossless = self._format in BIT_DEPTHS
        options: dict[str, Any] = {}
        if lossless:
            options["subtype"] = "FLOAT" if self._bit_depth == 32 else f"PCM_{self._bit_depth}"
        elif self._format == "mp3":
            highest, lowest = (320, 32) if rate >= 32_000 else (160, 8)
            level = (highest - self._bitrate) / (highest - lowest)
            options = {"subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": max(0.0, level)}
        elif self._format == "opus":
            # libsndfile spreads its levels over 6 to 256 kbit/s a channel.
            level = 1 - (self._bitrate / self._channels - 6) / 250
            options = {"subtype": "OPUS", "compression_level": min(max(level, 0.0), 1.0)}
        else:
            options = {"subtype": "VORBIS", "compression_level": 1 - _VORBIS_QUALITY[self._bitrate]}
        container = "OGG" if self._format == "opus" else self._format.upper()
        file = soundfile.SoundFile(
            str(self._path), "w", samplerate=rate, channels=self._channels, format=container, **options
        )
        # The peak chunk of float files holds the time of writing.
        soundfile._snd.sf_command(file._file, _SFC_SET_ADD_PEAK_CHUNK, soundfile._ffi.NULL, 0)
        return file

    def _drain(self) -> None:
        self._file.write(self._encoded(self._pending[: self._filled]))
        self._filled = 0

    def _encoded(self, block: arrays.Samples) -> npt.NDArray[Any]:
        if self._format not in BIT_DEPTHS or self._bit_depth == 32:
            return block
        if self._bit_depth == 24:
            steps = np.rint(block.astype(np.float64) * 2.0**23)
            return np.clip(steps, -(2.0**23), 2.0**23 - 1).astype(np.int32) << 8
        scaled = block * np.float32(2.0**15)
        inexact = np.rint(scaled) != scaled
        noise = _dither(_BLOCK * self._channels)[: scaled.size].reshape(scaled.shape)
        np.add(scaled, noise, out=scaled, where=inexact)
        np.rint(scaled, out=scaled)
        np.clip(scaled, -(2.0**15), 2.0**15 - 1, out=scaled)
        return scaled.astype(np.int16)


@functools.lru_cache(maxsize=4)
def _dither(count: int) -> npt.NDArray[np.float32]:
    """Triangular noise within one step; the same for every block, which nobody hears at its level."""
    noise = np.random.Generator(np.random.PCG64(_DITHER_SEED)).random((2, count), dtype=np.float32)
    triangular: npt.NDArray[np.float32] = noise[0] - noise[1]
    return triangular


def _check(format: str, rate: int, channels: int, bit_depth: int, bitrate: int) -> None:
    wrong: dict[str, str] = {}
    if format not in MAX_CHANNELS:
        raise errors.ValidationError("This format cannot be written.", details={"format": f"one of {[*MAX_CHANNELS]}"})
    if not 1 <= channels <= MAX_CHANNELS[format]:
        wrong["channels"] = f"has to lie between 1 and {MAX_CHANNELS[format]} for {format}"
    if format in BIT_DEPTHS and bit_depth not in BIT_DEPTHS[format]:
        wrong["bitDepth"] = f"has to be one of {', '.join(map(str, BIT_DEPTHS[format]))} for {format}"
    if format not in BIT_DEPTHS and bitrate not in BITRATES:
        wrong["bitrate"] = f"has to be one of {', '.join(map(str, BITRATES))} kbit/s"
    if (
        not 4_000 <= rate <= 192_000
        or (format == "mp3" and rate not in MP3_RATES)
        or (format == "opus" and rate != OPUS_RATE)
    ):
        wrong["sampleRate"] = f"{rate} Hz does not exist in {format}"
    if wrong:
        raise errors.ValidationError("This kind of audio file does not exist.", details=wrong)
