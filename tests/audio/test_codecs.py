from __future__ import annotations

import pathlib
import struct

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dawg_server import errors
from dawg_server.audio import codecs
from tests.audio import media, signals

RATE = 48_000
TONE = signals.sine(RATE, 2.0, 440, -6.0)
TONE[:, 1] *= 0.5


def stored(folder: pathlib.Path, kind: str, samples: np.ndarray = TONE) -> pathlib.Path:
    """A file of that kind, under a name that lies about it."""
    path = folder / "picture.jpg"
    if kind in media.ENCODERS:
        return media.encode(path, kind, samples, RATE)
    format, _, subtype = kind.partition(":")
    with soundfile.SoundFile(path, "w", RATE, 2, format=format, subtype=subtype or None) as file:
        for block in signals.split(samples, [65_536]):
            file.write(block)
    return path


def ffmpeg_blocks(path: pathlib.Path, format: str | None) -> list[av.AudioFrame]:
    with av.open(str(path), format=format) as container:
        resampler = av.AudioResampler("flt", "stereo", RATE)
        return [block for frame in container.decode(audio=0) for block in resampler.resample(frame)]


def noise_db(samples: np.ndarray) -> float:
    error, tone = np.square(samples.astype(float) - TONE).mean(), np.square(TONE.astype(float)).mean()
    return float(10 * np.log10(error / tone + 1e-30))


LOSSY = -20.0
KINDS = {  # format, codec, bits, MIME type, power of the error below that of the tone in dB
    "WAV:PCM_16": ("wav", "pcm", 16, "audio/wav", -75.0),
    "WAV:PCM_24": ("wav", "pcm", 24, "audio/wav", -120.0),
    "WAV:FLOAT": ("wav", "float", 32, "audio/wav", -290.0),
    "WAVEX:PCM_32": ("wav", "pcm", 32, "audio/wav", -130.0),
    "RF64:PCM_16": ("wav", "pcm", 16, "audio/wav", -75.0),
    "u8.wav": ("wav", "pcm", 8, "audio/wav", -30.0),
    "mulaw.wav": ("wav", "ulaw", None, "audio/wav", -25.0),
    "AIFF:PCM_24": ("aiff", "pcm", 24, "audio/aiff", -120.0),
    "aifc": ("aiff", "pcm", 16, "audio/aiff", -75.0),
    "FLAC:PCM_16": ("flac", "flac", 16, "audio/flac", -75.0),
    "FLAC:PCM_24": ("flac", "flac", 24, "audio/flac", -120.0),
    "MP3:": ("mp3", "mp3", None, "audio/mpeg", LOSSY),
    "OGG:VORBIS": ("ogg", "vorbis", None, "audio/ogg", LOSSY),
    "opus.ogg": ("ogg", "opus", None, "audio/ogg", LOSSY),
    "OGG:OPUS": ("ogg", "opus", None, "audio/ogg", LOSSY),
    "m4a": ("m4a", "aac", None, "audio/mp4", LOSSY),
    "alac.m4a": ("m4a", "alac", 24, "audio/mp4", -120.0),
    "webm": ("webm", "opus", None, "audio/webm", LOSSY),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_known_and_read_by_its_content(tmp_path: pathlib.Path, kind: str) -> None:
    path = stored(tmp_path, kind)
    format, codec, bits, mime_type, noise = KINDS[kind]
    info = codecs.probe(path)
    assert (info.format, info.codec, info.bit_depth, info.mime_type) == (format, codec, bits, mime_type)
    assert (info.rate, info.channels) == (RATE, 2)
    samples = codecs.read(path)
    assert samples.dtype == np.float32
    assert samples.shape == TONE.shape
    assert noise_db(samples) < noise
    assert abs(info.frames - len(TONE)) <= (RATE // 50 if kind == "webm" else 0)
    assert info.duration == pytest.approx(2.0, abs=0.02)


def test_raw_aac_is_read_with_the_silence_that_its_encoder_put_around(tmp_path: pathlib.Path) -> None:
    path = stored(tmp_path, "aac")
    info = codecs.probe(path)
    assert (info.format, info.codec, info.mime_type) == ("aac", "aac", "audio/aac")
    samples = codecs.read(path)
    assert info.frames == len(samples)
    assert noise_db(samples[1024 : 1024 + len(TONE)]) < LOSSY


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_wav_may_begin_with_the_large_end_of_its_numbers(tmp_path: pathlib.Path, subtype: str) -> None:
    path = tmp_path / "rifx"
    soundfile.write(path, TONE, RATE, format="WAV", subtype=subtype, endian="BIG")
    assert path.read_bytes()[:4] == b"RIFX"
    assert codecs.probe(path).mime_type == "audio/wav"
    assert noise_db(codecs.read(path)) < -75


def test_the_sound_of_a_film_is_audio_and_a_silent_film_is_not(tmp_path: pathlib.Path) -> None:
    assert codecs.probe(media.encode(tmp_path / "film", "m4a", TONE, RATE, video=True)).codec == "aac"
    with pytest.raises(errors.UnsupportedMediaType):
        codecs.probe(media.only_picture(tmp_path / "silent"))


def test_a_browsers_recording_without_a_length_is_measured(tmp_path: pathlib.Path) -> None:
    content = stored(tmp_path, "webm").read_bytes()
    duration = content.index(b"\x44\x89")  # the element Duration; 0xEC is Void, which says nothing
    path = tmp_path / "recording"
    path.write_bytes(content[:duration] + b"\xec" + bytes([0x80 | 9]) + bytes(9) + content[duration + 11 :])
    assert codecs.probe(path).duration == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("kind", ["MP3:", "OGG:VORBIS", "OGG:OPUS", "m4a", "webm", "FLAC:PCM_16"])
def test_reading_in_blocks_leaves_no_trace_at_their_borders(tmp_path: pathlib.Path, kind: str) -> None:
    path = stored(tmp_path, kind, signals.music(RATE, 4.0) * np.float32(0.2))
    whole = codecs.read(path)
    format = "mp3" if kind == "MP3:" else None  # FFmpeg would believe the name
    judge = np.concatenate([block.to_ndarray().reshape(-1, 2) for block in ffmpeg_blocks(path, format)])[: len(whole)]
    assert np.abs(whole - judge).max() < 2e-3


def test_a_tag_in_front_hides_nothing(tmp_path: pathlib.Path) -> None:
    for kind, format in (("MP3:", "mp3"), ("FLAC:PCM_16", "flac"), ("aac", "aac")):
        tag = b"ID3\x04\x00\x00" + bytes([0, 0, 2, 0]) + bytes(256)
        path = tmp_path / "tagged"
        path.write_bytes(tag + stored(tmp_path, kind).read_bytes())
        assert codecs.probe(path).format == format
        assert len(codecs.read(path)) >= len(TONE)


@given(st.integers(1, 100_000))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_have_the_length_asked_for_and_join_to_the_whole(tmp_path: pathlib.Path, frames: int) -> None:
    path = tmp_path / "tone"
    if not path.exists():
        soundfile.write(path, TONE, RATE, format="WAV", subtype="FLOAT")
    blocks = list(codecs.read_blocks(path, max(frames, 50)))
    assert all(len(block) == max(frames, 50) for block in blocks[:-1])
    assert np.array_equal(np.concatenate(blocks), TONE)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
@pytest.mark.parametrize("mono", [False, True])
def test_resampling_keeps_length_pitch_and_level(tmp_path: pathlib.Path, rate: int, mono: bool) -> None:
    samples = codecs.read(stored(tmp_path, "WAV:FLOAT"), rate=rate, mono=mono)
    expected = signals.sine(rate, 2.0, 440, -6.0)
    expected[:, 1] *= 0.5
    if mono:
        expected = expected.mean(axis=1, keepdims=True)
    assert samples.shape == expected.shape
    assert np.abs(samples - expected).max() < 2e-3


def test_numbers_that_are_none_become_silence(tmp_path: pathlib.Path) -> None:
    broken = TONE.copy()
    broken[100:103, 0] = np.nan, np.inf, -np.inf
    soundfile.write(tmp_path / "broken", broken, RATE, format="WAV", subtype="FLOAT")
    samples = codecs.read(tmp_path / "broken")
    assert np.array_equal(samples[100:103, 0], np.zeros(3))
    assert np.array_equal(samples[103:], TONE[103:])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"R",
        b"RIFF",
        b"hello, world" * 100,
        b"%PDF-1.7\n" + bytes(1000),
        b"\x89PNG\r\n\x1a\n" + bytes(1000),
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/secret\n",
        b".snd" + struct.pack(">5I", 24, 8000, 3, 8000, 1) + bytes(8000),  # AU, which libsndfile would read
        b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(1000),
        b"RIFF\xff\xff\xff\xffWAVE",
        b"fLaC" + bytes(1000),
        b"OggS" + bytes(1000),
        b"\x1a\x45\xdf\xa3" + bytes(1000),
        b"\0\0\0\x20ftypM4A " + bytes(1000),
        np.random.default_rng(0).bytes(50_000),
        b"\xff\xfb\x90\x00" + np.random.default_rng(1).bytes(50_000),
    ],
)
def test_what_is_no_audio_is_refused_with_the_formats_that_are_read(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    for use in (codecs.probe, codecs.read):
        with pytest.raises(errors.UnsupportedMediaType) as caught:
            use(path)
        assert caught.value.details == {"supported": ["wav", "aiff", "flac", "mp3", "ogg", "m4a", "aac", "webm"]}
        assert str(tmp_path) not in caught.value.message


def test_a_file_without_samples_is_refused(tmp_path: pathlib.Path) -> None:
    for format in ("WAV", "FLAC", "OGG", "MP3"):
        soundfile.write(tmp_path / "empty", np.zeros((0, 2), np.float32), RATE, format=format)
        with pytest.raises(errors.UnsupportedMediaType):
            codecs.probe(tmp_path / "empty")


@pytest.mark.parametrize("kind", ["WAV:PCM_16", "AIFF:PCM_24", "FLAC:PCM_16", "MP3:", "OGG:VORBIS", "opus.ogg", "aac"])
def test_of_a_truncated_file_the_first_part_is_read_and_its_true_length_told(tmp_path: pathlib.Path, kind: str) -> None:
    content = stored(tmp_path, kind, signals.music(RATE, 6.0)).read_bytes()
    path = tmp_path / "half"
    path.write_bytes(content[: len(content) * 3 // 4])
    samples = codecs.read(path)
    assert 3 * RATE < len(samples) < 6 * RATE
    assert abs(codecs.probe(path).frames - len(samples)) <= RATE // 10


def test_a_flac_header_that_leaves_the_length_open_is_measured(tmp_path: pathlib.Path) -> None:
    content = bytearray(stored(tmp_path, "FLAC:PCM_16").read_bytes())
    content[21] &= 0xF0  # the 36 bits of STREAMINFO that tell the number of samples
    content[22:26] = bytes(4)
    (tmp_path / "open").write_bytes(content)
    assert codecs.probe(tmp_path / "open").frames == len(TONE)


def test_a_header_that_promises_more_than_there_is_is_not_believed(tmp_path: pathlib.Path) -> None:
    content = bytearray(stored(tmp_path, "FLAC:PCM_16").read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff\xff\xff\xff"
    (tmp_path / "liar.flac").write_bytes(content)
    assert codecs.probe(tmp_path / "liar.flac").frames <= len(TONE)
    wav = bytearray(stored(tmp_path, "WAV:PCM_16").read_bytes())
    wav[40:44] = b"\xf0\xff\xff\xff"
    (tmp_path / "liar.wav").write_bytes(wav)
    assert codecs.probe(tmp_path / "liar.wav").frames == len(TONE)


def test_too_long_is_refused_before_and_while_reading(tmp_path: pathlib.Path) -> None:
    for kind in ("WAV:PCM_16", "MP3:", "webm"):
        path = stored(tmp_path, kind)
        with pytest.raises(errors.PayloadTooLarge) as caught:
            codecs.probe(path, max_seconds=1.5)
        assert caught.value.details == {"limit": 1.5, "unit": "seconds"}
        with pytest.raises(errors.PayloadTooLarge):
            codecs.read(path, max_seconds=1.5)
        assert len(codecs.read(path, max_seconds=None)) == len(TONE)


def test_too_many_channels_are_refused(tmp_path: pathlib.Path) -> None:
    soundfile.write(tmp_path / "nine", np.zeros((100, 9), np.float32), RATE, format="WAV")
    for use in (codecs.probe, codecs.read):
        with pytest.raises(errors.ValidationError) as caught:
            use(tmp_path / "nine")
        assert caught.value.details == {"channels": "has to be at most 8"}


def test_impossible_sample_rates_are_refused(tmp_path: pathlib.Path) -> None:
    for rate in (1, 3_000_000):
        soundfile.write(tmp_path / "rate", np.zeros((100, 1), np.float32), rate, format="WAV")
        with pytest.raises(errors.UnsupportedMediaType):
            codecs.probe(tmp_path / "rate")


def test_reading_leaves_no_file_open(tmp_path: pathlib.Path) -> None:
    def open_files() -> int:
        return len(list(pathlib.Path("/proc/self/fd").iterdir()))

    paths = [stored(tmp_path, kind).rename(tmp_path / str(n)) for n, kind in enumerate(("WAV:PCM_16", "MP3:", "m4a"))]
    (tmp_path / "bad").write_bytes(b"RIFF\0\0\0\0WAVEfmt " + bytes(50))
    before = open_files()
    for path in paths:
        codecs.probe(path)
        blocks = codecs.read_blocks(path, 100)
        next(blocks)
        blocks.close()  # type: ignore[attr-defined]
        with pytest.raises(errors.UnsupportedMediaType):
            codecs.probe(tmp_path / "bad")
    assert open_files() == before


def test_a_file_that_is_not_there_is_no_matter_of_formats(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        codecs.probe(tmp_path / "nothing")
