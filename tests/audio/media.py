"""Audio files as other programs write them, by FFmpeg's encoders."""

from __future__ import annotations

import pathlib
from fractions import Fraction

import av
import numpy as np

from dawg_server.audio.arrays import Samples

ENCODERS = {  # by the file's kind: encoder, muxer
    "m4a": ("aac", "ipod"),
    "alac.m4a": ("alac", "ipod"),
    "aac": ("aac", "adts"),
    "webm": ("libopus", "webm"),
    "opus.ogg": ("libopus", "ogg"),
    "mulaw.wav": ("pcm_mulaw", "wav"),
    "u8.wav": ("pcm_u8", "wav"),
    "aifc": ("pcm_s16be", "aiff"),
}


def encode(path: pathlib.Path, kind: str, samples: Samples, rate: int, *, video: bool = False) -> pathlib.Path:
    encoder, muxer = ENCODERS[kind]
    layout = {1: "mono", 2: "stereo"}[samples.shape[1]]
    with av.open(str(path), "w", format=muxer) as container:
        pictures = _add_pictures(container) if video else None
        stream = container.add_stream(encoder, rate=rate)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        stream.codec_context.open()
        resampler = av.AudioResampler(
            stream.codec_context.format, layout, rate, frame_size=stream.codec_context.frame_size or None
        )
        for converted in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
        if pictures is not None:
            _draw(container, pictures)
    return path


def _add_pictures(container: av.container.OutputContainer) -> None:
    stream = container.add_stream("mpeg4", rate=25)
    stream.width = stream.height = 64
    stream.codec_context.time_base = Fraction(1, 25)
    return stream


def _draw(container: av.container.OutputContainer, stream: av.VideoStream) -> None:
    for number in range(3):
        picture = av.VideoFrame(64, 64, "yuv420p")
        picture.pts, picture.time_base = number, Fraction(1, 25)
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))


def only_picture(path: pathlib.Path) -> pathlib.Path:
    with av.open(str(path), "w", format="mp4") as container:
        _draw(container, _add_pictures(container))
    return path
