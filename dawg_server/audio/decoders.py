"""The two decoders behind `codecs`: libsndfile, and FFmpeg for what libsndfile does not read.

Both yield float32 blocks `(frames, channels)` and raise `Undecodable` for what they cannot read. FFmpeg gets the
container by name and may open nothing but the one file, so a playlist in disguise leads nowhere.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any, Protocol

from dawg_server.audio import arrays, formats

_SNDFILE_FORMATS = {
    "WAV": "wav",
    "WAVEX": "wav",
    "RF64": "wav",
    "AIFF": "aiff",
    "FLAC": "flac",
    "OGG": "ogg",
    "MP3": "mp3",
}
_SNDFILE_CODECS = {  # subtype: codec, bits
    "PCM_S8": ("pcm", 8),
    "PCM_U8": ("pcm", 8),
    "PCM_16": ("pcm", 16),
    "PCM_24": ("pcm", 24),
    "PCM_32": ("pcm", 32),
    "FLOAT": ("float", 32),
    "DOUBLE": ("float", 64),
    "VORBIS": ("vorbis", None),
    "OPUS": ("opus", None),
    "MPEG_LAYER_III": ("mp3", None),
}
_LENGTH_UNKNOWN = 2**60  # frames; libsndfile says its largest number when a FLAC header leaves the length open
_FFMPEG_FORMATS = {
    "wav": "wav",
    "aiff": "aiff",
    "flac": "flac",
    "mp3": "mp3",
    "ogg": "ogg",
    "m4a": "mov",
    "aac": "aac",
    "webm": "matroska",
}
_FFMPEG_CODECS = ("aac", "alac", "flac", "mp3", "mp3float", "opus", "libopus", "vorbis", "libvorbis")
_FFMPEG_CODEC_FAMILIES = ("pcm_", "adpcm_")
_FFMPEG_DEPTHS = {"s16": 16, "s16p": 16, "s32": 24, "s32p": 24}


_DAMAGED = "it is damaged or holds something else"


class Undecodable(Exception):
    """Why a file cannot be read, as the end of a sentence for people; the library's own words are its cause."""


class Decoder(Protocol):
    """One open file."""

    info: formats.AudioInfo

    def blocks(self, frames: int) -> Iterator[arrays.Samples]:
        """From the beginning, once; each block has at most `frames` frames."""

    def close(self) -> None: ...


def open_decoder(path: pathlib.Path, format: str) -> Decoder:
    """libsndfile for what it can read to the end, FFmpeg for everything else. Raises Undecodable when both fail."""
    if format in _SNDFILE_FORMATS.values():
        with contextlib.suppress(Undecodable):
            decoder = SndfileDecoder(path, format)
            if decoder.reaches_its_end():
                return decoder
            decoder.close()
    return FFmpegDecoder(path, format)


class SndfileDecoder:
    def __init__(self, path: pathlib.Path, format: str) -> None:
        import soundfile  # type: ignore[import-untyped]

        self._soundfile = soundfile
        self._path = path
        self._file = self._open()
        # Otherwise soundfile seeks after every read, and each seek in an MP3 or Opus file is audible.
        self._file.seekable = lambda: False
        if _SNDFILE_FORMATS.get(self._file.format) != format:
            self._file.close()
            raise Undecodable(_DAMAGED)
        codec, bits = _SNDFILE_CODECS.get(self._file.subtype, (self._file.subtype.lower(), None))
        self.info = formats.AudioInfo(
            format=format,
            mime_type=formats.MIME_TYPES[format],
            codec="flac" if format == "flac" else codec,
            rate=self._file.samplerate,
            channels=self._file.channels,
            frames=self._file.frames,
            bit_depth=bits,
        )

    def reaches_its_end(self) -> bool:
        """False for a truncated file, and for a header that keeps the length open or promises too much."""
        if not 0 < self.info.frames < _LENGTH_UNKNOWN:
            return False
        try:
            with self._open() as trial:
                trial.seek(self.info.frames - 1)
                return len(trial.read(1, dtype="float32")) == 1
        except self._soundfile.LibsndfileError:
            return False

    def blocks(self, frames: int) -> Iterator[arrays.Samples]:
        left = self.info.frames
        try:
            while len(block := self._file.read(min(frames, left) if left > 0 else frames, "float32", always_2d=True)):
                left -= len(block)
                yield block
        except self._soundfile.LibsndfileError as error:
            if left > 0:  # else it is a tag of another format behind the sound, such as ID3 in a FLAC file
                raise Undecodable(_DAMAGED) from error

    def close(self) -> None:
        self._file.close()

    def _open(self) -> Any:
        descriptor = os.open(self._path, os.O_RDONLY)  # soundfile would judge a path by its suffix
        try:
            return self._soundfile.SoundFile(descriptor, closefd=True)
        except self._soundfile.LibsndfileError as error:
            raise Undecodable(_DAMAGED) from error


class FFmpegDecoder:
    def __init__(self, path: pathlib.Path, format: str) -> None:
        import av

        av.logging.set_level(av.logging.PANIC)
        self._problem = av.FFmpegError
        self._path, self._format = path, format
        self._resamplers: dict[tuple[str, str, int], av.AudioResampler] = {}
        self._container, self._stream = self._open()
        try:
            self.info = self._described()
        except BaseException:
            self._container.close()
            raise

    def blocks(self, frames: int) -> Iterator[arrays.Samples]:
        # What an MP4 holds beyond its stated length is the padding of the last packet.
        left = self.info.frames if self._format == "m4a" else None
        for frame in self._frames():
            for converted in self._converted(frame):
                block = converted.to_ndarray().reshape(-1, self.info.channels)
                if left is not None:
                    block = block[:left]
                    left -= len(block)
                for start in range(0, len(block), frames):
                    yield block[start : start + frames]

    def close(self) -> None:
        self._container.close()

    def _open(self) -> tuple[Any, Any]:
        import av

        try:
            container = av.open(
                f"file:{self._path}", format=_FFMPEG_FORMATS[self._format], options={"protocol_whitelist": "file"}
            )
        except (self._problem, ValueError) as error:
            raise Undecodable(_DAMAGED) from error
        try:
            return container, _audio_stream(container)
        except BaseException:
            container.close()
            raise

    def _described(self) -> formats.AudioInfo:
        context = self._stream.codec_context
        codec = "pcm" if context.name.startswith("pcm_") else context.name.removeprefix("lib").removesuffix("float")
        return formats.AudioInfo(
            format=self._format,
            mime_type=formats.MIME_TYPES[self._format],
            codec=codec,
            rate=context.rate,
            channels=context.channels,
            frames=round(self._seconds() * context.rate),
            bit_depth=_FFMPEG_DEPTHS.get(context.format.name) if codec in ("pcm", "alac", "flac") else None,
        )

    def _seconds(self) -> float:
        """To the end of the last packet: headers may be silent, as in a browser's recording, or promise too much."""
        end = 0
        container, stream = self._open()
        with container:
            stated = stream.duration if self._format == "m4a" else None
            for packet in self._packets(container, stream):
                if packet.pts is not None:
                    end = max(end, packet.pts + (packet.duration or 0))
            return float(min(end, stated or end) * stream.time_base)

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        try:
            yield from container.demux(stream)
        except self._problem:  # the end of a truncated file
            return

    def _frames(self) -> Iterator[Any]:
        for packet in self._packets(self._container, self._stream):
            try:
                yield from packet.decode()
            except self._problem:  # a damaged packet; a player would skip it too
                continue

    def _converted(self, frame: Any) -> list[Any]:
        import av

        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind not in self._resamplers:
            layout = self._stream.codec_context.layout
            self._resamplers[kind] = av.AudioResampler(format="flt", layout=layout, rate=self.info.rate)
        try:
            return list(self._resamplers[kind].resample(frame))
        except (self._problem, ValueError) as error:
            raise Undecodable(_DAMAGED) from error


def _audio_stream(container: Any) -> Any:
    if not container.streams.audio:
        raise Undecodable("there is no audio in it")
    stream = container.streams.audio[0]
    context = stream.codec_context
    if context is None or not (context.name in _FFMPEG_CODECS or context.name.startswith(_FFMPEG_CODEC_FAMILIES)):
        raise Undecodable("its codec is not accepted")
    if not context.rate or not context.channels or context.format is None:
        raise Undecodable("it does not say its sample rate and channels")
    context.thread_count = 1
    return stream
