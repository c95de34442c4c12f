from __future__ import annotations

import pathlib
import time
from typing import Any

import numpy as np
import pytest
import soundfile

from dawg_server import errors
from dawg_server.audio import codecs, ogg
from tests.audio import signals

SOUND = signals.music(48_000, 2.0) * np.float32(0.25)
CHOICES: list[tuple[str, dict[str, Any]]] = [
    ("wav", {"bit_depth": 16}),
    ("wav", {"bit_depth": 24}),
    ("wav", {"bit_depth": 32}),
    ("flac", {"bit_depth": 16}),
    ("flac", {"bit_depth": 24}),
    ("mp3", {"bitrate": 128}),
    ("mp3", {"bitrate": 320}),
    ("ogg", {"bitrate": 128}),
    ("ogg", {"bitrate": 320}),
    ("opus", {"bitrate": 128}),
    ("opus", {"bitrate": 320}),
]


def written(
    path: pathlib.Path, samples: np.ndarray, format: Any, sizes: tuple[int, ...] = (65_536,), **options: Any
) -> bytes:
    with codecs.Writer(path, format, 48_000, samples.shape[1], **options) as writer:
        for block in signals.split(samples, sizes):
            writer.write(block)
    assert writer.frames == len(samples)
    return path.read_bytes()


@pytest.mark.parametrize(("format", "options"), CHOICES)
def test_what_was_written_is_read_again(tmp_path: pathlib.Path, format: str, options: dict[str, Any]) -> None:
    path = tmp_path / "sound"
    written(path, SOUND, format, **options)
    info = codecs.probe(path)
    container = {"opus": "ogg"}.get(format, format)
    assert (info.format, info.rate, info.channels, info.frames) == (container, 48_000, 2, len(SOUND))
    assert info.bit_depth == options.get("bit_depth")
    difference = codecs.read(path) - SOUND
    noise_db = 10 * np.log10(np.square(difference.astype(float)).mean() + 1e-30)
    assert noise_db < {16: -93, 24: -140, 32: -290, 128: -30, 320: -38}[options.get("bit_depth") or options["bitrate"]]


@pytest.mark.parametrize(("format", "options"), CHOICES)
def test_the_same_samples_make_the_same_bytes(tmp_path: pathlib.Path, format: str, options: dict[str, Any]) -> None:
    first = written(tmp_path / "first", SOUND, format, **options)
    time.sleep(1.1 if options.get("bit_depth") == 32 else 0)  # libsndfile would store the second of writing
    second = written(tmp_path / "second", SOUND, format, (7, 30_000, 1), **options)
    assert first == second


@pytest.mark.parametrize("format", ["mp3", "ogg", "opus"])
def test_the_bit_rate_is_the_one_asked_for(tmp_path: pathlib.Path, format: str) -> None:
    sizes = [len(written(tmp_path / str(rate), SOUND, format, bitrate=rate)) for rate in codecs.BITRATES]
    assert sizes == sorted(sizes)
    if format == "mp3":
        for size, rate in zip(sizes, codecs.BITRATES, strict=True):
            assert size * 8 / 2.0 / 1000 == pytest.approx(rate, rel=0.04)


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_sixteen_bits_are_dithered_so_that_quiet_sound_survives(tmp_path: pathlib.Path, format: str) -> None:
    tone = signals.sine(48_000, 4.0, 1000, -100.0)  # a third of the smallest step
    written(tmp_path / "quiet", tone, format, bit_depth=16)
    heard = codecs.read(tmp_path / "quiet")[:, 0]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert spectrum.argmax() == 4000  # of 0.25 Hz each
    assert spectrum[3990:4010].max() > 8 * np.median(spectrum)


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_samples_that_fit_sixteen_bits_are_kept_to_the_bit(tmp_path: pathlib.Path, format: str) -> None:
    steps = np.random.default_rng(5).integers(-32_768, 32_768, (10_000, 2))
    samples = (steps / 32_768).astype(np.float32)
    samples[3000:6000] = 0
    written(tmp_path / "exact", samples, format, bit_depth=16)
    assert np.array_equal(codecs.read(tmp_path / "exact"), samples)


def test_what_exceeds_full_scale_is_clipped_and_never_wraps_around(tmp_path: pathlib.Path) -> None:
    loud = signals.sine(48_000, 0.5, 100, 12.0)
    for depth in (16, 24):
        written(tmp_path / "loud", loud, "wav", bit_depth=depth)
        assert np.abs(codecs.read(tmp_path / "loud") - np.clip(loud, -1, 1)).max() < 1e-4
    written(tmp_path / "loud", loud, "wav", bit_depth=32)
    assert np.array_equal(codecs.read(tmp_path / "loud"), loud)


def test_minutes_of_ogg_in_one_call_do_not_crash(tmp_path: pathlib.Path) -> None:
    written(tmp_path / "long", np.zeros((48_000 * 90, 1), np.float32), "ogg", (48_000 * 90,))
    assert codecs.probe(tmp_path / "long").duration == 90.0


def test_every_page_of_an_ogg_file_keeps_a_valid_checksum(tmp_path: pathlib.Path) -> None:
    content = written(tmp_path / "pages", SOUND, "ogg")
    position = pages = 0
    while position < len(content):
        segments = content[position + 26]
        end = position + 27 + segments + sum(content[position + 27 : position + 27 + segments])
        page = bytearray(content[position:end])
        stated = int.from_bytes(page[22:26], "little")
        page[22:26] = bytes(4)
        remainder = 0  # by the polynomial division of RFC 3533 itself
        for byte in page:
            remainder ^= byte << 24
            for _ in range(8):
                remainder = (remainder << 1 ^ 0x04C11DB7 if remainder & 0x80000000 else remainder << 1) & 0xFFFFFFFF
        assert stated == remainder
        assert page[14:18] == ogg.SERIAL.to_bytes(4, "little")
        position, pages = end, pages + 1
    assert pages > 5


def test_a_failure_leaves_no_half_written_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(RuntimeError, match="on the way"), codecs.Writer(tmp_path / "half", "wav", 48_000, 2) as writer:
        writer.write(SOUND)
        raise RuntimeError("on the way")
    assert not (tmp_path / "half").exists()


@pytest.mark.parametrize(
    ("format", "rate", "channels", "options", "field"),
    [
        ("aac", 48_000, 2, {}, "format"),
        ("wav", 48_000, 2, {"bit_depth": 12}, "bitDepth"),
        ("flac", 48_000, 2, {"bit_depth": 32}, "bitDepth"),
        ("mp3", 48_000, 2, {"bitrate": 100}, "bitrate"),
        ("mp3", 96_000, 2, {}, "sampleRate"),
        ("mp3", 48_000, 3, {}, "channels"),
        ("wav", 1, 2, {}, "sampleRate"),
    ],
)
def test_files_that_cannot_exist_are_refused(
    tmp_path: pathlib.Path, format: Any, rate: int, channels: int, options: dict[str, int], field: str
) -> None:
    with pytest.raises(errors.ValidationError) as caught:
        codecs.Writer(tmp_path / "impossible", format, rate, channels, **options)
    assert field in (caught.value.details or {})
    assert not (tmp_path / "impossible").exists()


def test_every_rate_of_a_render_has_one_that_the_format_can_carry(tmp_path: pathlib.Path) -> None:
    assert [codecs.writable_rate("mp3", rate) for rate in (44_100, 48_000, 88_200, 96_000, 192_000)] == [
        44_100,
        48_000,
        44_100,
        48_000,
        48_000,
    ]
    for format in ("wav", "flac", "ogg"):
        for rate in (44_100, 48_000, 88_200, 96_000, 192_000):
            assert codecs.writable_rate(format, rate) == rate  # type: ignore[arg-type]
            with codecs.Writer(tmp_path / "rate", format, rate, 2) as writer:  # type: ignore[arg-type]
                writer.write(SOUND[:2000])
            assert soundfile.info(tmp_path / "rate").samplerate == rate


def test_a_flat_block_is_one_channel(tmp_path: pathlib.Path) -> None:
    with codecs.Writer(tmp_path / "flat", "wav", 48_000, 1, bit_depth=32) as writer:
        writer.write(SOUND[:, 0])
    assert np.array_equal(codecs.read(tmp_path / "flat")[:, 0], SOUND[:, 0])
