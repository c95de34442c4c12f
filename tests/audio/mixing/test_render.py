"""A render is the project as heard, to the sample."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from dawg_server import errors
from dawg_server.audio import codecs
from dawg_server.audio.mixing import render
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Track, TrackSend
from dawg_server.daw.tempo_map import TempoChange, TempoMap
from dawg_server.music.score import Note
from tests.audio import signals

RATE = 44_100


def wav(path: Path, samples: np.ndarray, rate: int = RATE, format: str = "wav") -> str:
    with codecs.Writer(path, format, rate, samples.shape[1], bit_depth=32 if format == "wav" else None) as writer:
        writer.write(samples)
    return str(path)


def rendered(project: Arrangement, folder: Path, **options: object) -> np.ndarray:
    path = folder / "render.wav"
    render.render(project, str(path), "wav", bit_depth=32, **{"tail": 0.0, **options})
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def project(*tracks: Track, rate: int = RATE) -> Arrangement:
    return Arrangement(rate, 120.0, tracks)


@pytest.fixture
def music(tmp_path: Path) -> tuple[str, np.ndarray]:
    samples = signals.music(RATE, 3.0) * np.float32(0.2)
    return wav(tmp_path / "music.wav", samples), samples


def test_clips_lie_at_their_sample_cut_by_offset_and_duration(music: tuple[str, np.ndarray], tmp_path: Path) -> None:
    path, samples = music
    out = rendered(project(Track("a", clips=(Clip(0.5, 1.0, 0.25, path=path),))), tmp_path)
    start, offset = RATE // 2, RATE // 4
    assert len(out) == round(1.5 * RATE)
    assert not out[:start].any()
    assert np.array_equal(out[start:], samples[offset : offset + RATE])


def test_fades_are_straight_lines_and_gain_is_in_decibels(tmp_path: Path) -> None:
    path = wav(tmp_path / "ones.wav", np.ones((RATE, 2), np.float32))
    out = rendered(project(Track("a", clips=(Clip(0, 1.0, 0, 0.2, 0.4, -6.0, path),))), tmp_path)[:, 0]
    unity = 10 ** (-6 / 20)
    for at, level in ((0.1, 0.5), (0.05, 0.25), (0.2, 1.0), (0.6, 1.0), (0.8, 0.5), (0.9, 0.25)):
        assert out[round(at * RATE)] == pytest.approx(level * unity, abs=1e-3)
    assert out[0] == 0.0


def test_a_crossfade_of_equal_power_keeps_the_power_of_two_recordings(tmp_path: Path) -> None:
    """sin² + cos² = 1 all the way, where straight lines lose 3 dB in the middle."""
    noise = np.random.default_rng(5).normal(0, 0.1, (2, 2 * RATE, 2)).astype(np.float32)
    old, new = (wav(tmp_path / f"{number}.wav", each) for number, each in enumerate(noise))
    quarters = {}
    for equal_power in (True, False):
        clips = (
            Clip(0, 2.0, fade_out=1.0, path=old, equal_power=equal_power),
            Clip(1.0, 2.0, fade_in=1.0, path=new, equal_power=equal_power),
        )
        out = rendered(project(Track("a", clips=clips)), tmp_path)[RATE : 2 * RATE]
        way = np.arange(RATE)[:, None] / RATE
        gains = np.sin(np.stack((1 - way, way)) * np.pi / 2) if equal_power else np.stack((1 - way, way))
        assert np.allclose(out, noise[0][RATE:] * gains[0] + noise[1][:RATE] * gains[1], atol=1e-6)
        quarters[equal_power] = [np.square(part).mean() for part in np.split(out, 4)]
    assert np.allclose(quarters[True], 0.01, rtol=0.05)
    assert quarters[False][1] < 0.0065


def test_pan_keeps_the_power_and_the_middle_untouched(music: tuple[str, np.ndarray], tmp_path: Path) -> None:
    mono = wav(tmp_path / "mono.wav", signals.sine(RATE, 1.0, 440.0, -12.0, channels=1))
    powers = {}
    for pan in (-1.0, -0.5, 0.0, 0.5, 1.0):
        out = rendered(project(Track("a", pan=pan, clips=(Clip(0, 1.0, path=mono),))), tmp_path)
        powers[pan] = np.square(out, dtype=np.float64).sum(axis=0)
    total = powers[0.0].sum()
    assert all(power.sum() == pytest.approx(total, rel=1e-5) for power in powers.values())
    assert powers[-1.0][1] < 1e-9 > powers[1.0][0]
    assert powers[0.5][1] > powers[0.5][0]
    path, samples = music
    assert np.allclose(rendered(project(Track("a", clips=(Clip(0, 3.0, path=path),))), tmp_path), samples, atol=1e-6)


def test_mute_solo_and_volume(tmp_path: Path) -> None:
    tones = [wav(tmp_path / f"{i}.wav", signals.sine(RATE, 0.5, 300.0 * i, -20.0)) for i in (1, 2, 3)]
    tracks = [Track(str(i), clips=(Clip(0, 0.5, path=path),)) for i, path in enumerate(tones)]
    alone = [rendered(project(track), tmp_path) for track in tracks]

    def changed(index: int, **values: object) -> list[Track]:
        return [dataclasses.replace(track, **values) if i == index else track for i, track in enumerate(tracks)]

    assert np.allclose(rendered(project(*changed(1, muted=True)), tmp_path), alone[0] + alone[2], atol=1e-6)
    assert np.allclose(rendered(project(*changed(1, solo=True)), tmp_path), alone[1], atol=1e-6)
    assert np.allclose(rendered(project(*changed(1, solo=True, muted=True)), tmp_path), 0.0)
    louder = rendered(project(*changed(0, volume=10 ** (6 / 20))), tmp_path)
    assert np.allclose(louder, alone[0] * 1.99526 + alone[1] + alone[2], atol=1e-5)
    halved = rendered(project(*changed(0, volume=0.5)), tmp_path)
    assert np.allclose(halved, alone[0] / 2 + alone[1] + alone[2], atol=1e-6)
    master = Track("m", kind="MASTER", volume=0.25)
    assert np.allclose(rendered(project(*tracks, master), tmp_path), sum(alone) / 4, atol=1e-6)


def test_sends_before_and_after_the_fader_and_buses(tmp_path: Path) -> None:
    path = wav(tmp_path / "tone.wav", signals.sine(RATE, 0.5, 500.0, -20.0))
    clips = (Clip(0, 0.5, path=path),)
    dry = rendered(project(Track("a", clips=clips)), tmp_path)
    bus = Track("bus", kind="AUX", volume=0.5)

    def level(*tracks: Track) -> float:
        out = rendered(project(*tracks), tmp_path)
        return float(np.abs(out).max() / np.abs(dry).max())

    def track(**values: object) -> Track:
        return dataclasses.replace(Track("a", clips=clips, volume=0.4), **values)

    before, after = (TrackSend("bus", 0.8, pre_fader=True),), (TrackSend("bus", 0.8),)
    assert level(track(sends=after), bus) == pytest.approx(0.4 + 0.4 * 0.8 * 0.5, rel=1e-4)
    assert level(track(sends=before), bus) == pytest.approx(0.4 + 0.8 * 0.5, rel=1e-4)
    assert level(track(sends=before, muted=True), bus) == 0.0
    assert level(track(output="bus"), bus) == pytest.approx(0.4 * 0.5, rel=1e-4)
    assert level(track(output="bus"), dataclasses.replace(bus, muted=True)) == 0.0
    # Soloing the bus lets its feeder through it, but not past it.
    assert level(track(sends=after), dataclasses.replace(bus, solo=True)) == pytest.approx(0.4 * 0.8 * 0.5, rel=1e-4)
    # Soloing the track takes it wherever it goes.
    assert level(track(sends=after, solo=True), bus) == pytest.approx(0.4 + 0.4 * 0.8 * 0.5, rel=1e-4)
    with pytest.raises(errors.ValidationError):
        level(track(output="bus"), dataclasses.replace(bus, output="a"))


def test_the_mix_nulls_against_the_sum_of_its_parts(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    tracks = []
    for number in range(6):
        path = wav(tmp_path / f"{number}.wav", signals.music(RATE, 2.0, seed=number) * np.float32(0.05))
        clips = tuple(
            Clip(start, 0.7, 0.1 * number, 0.05, 0.1, -3.0, path) for start in np.sort(random.uniform(0, 3, 4))
        )
        tracks.append(Track(str(number), pan=number / 5 - 0.5, volume=0.9, clips=clips))
    whole = project(*tracks)
    total = np.zeros((round(whole.end * RATE), 2))
    for track in tracks:
        part = rendered(project(track), tmp_path, end=whole.end)
        total += part
    path = tmp_path / "mix.wav"
    render.render(whole, str(path), "wav", bit_depth=24, tail=0.0)
    mix = soundfile.read(path)[0]
    assert 20 * np.log10(np.abs(mix - total).max()) < -90


def test_any_stretch_equals_that_part_of_the_whole(music: tuple[str, np.ndarray], tmp_path: Path) -> None:
    path, _ = music
    notes = tuple(Note(beat, 1.0, 60 + beat, 90) for beat in range(4))
    whole = project(
        Track("a", clips=(Clip(0.1, 2.0, 0.3, path=path), Clip(1.0, 1.5, path=path))),
        Track("b", kind="MIDI", clips=(Clip(0.2, 2.0, notes=notes),)),
    )
    full = rendered(whole, tmp_path)
    part = rendered(whole, tmp_path, start=0.777, end=1.9)
    first = round(0.777 * RATE)
    assert np.array_equal(part, full[first : round(1.9 * RATE)])
    assert np.array_equal(rendered(whole, tmp_path), full)


def test_recordings_of_another_rate_are_resampled_in_place(tmp_path: Path) -> None:
    samples = signals.music(48_000, 2.0) * np.float32(0.2)
    path = wav(tmp_path / "48.wav", samples, 48_000)
    out = rendered(project(Track("a", clips=(Clip(0.5, 2.0, path=path),))), tmp_path)[RATE // 2 :]
    expected = soxr.resample(samples, 48_000, RATE, quality="VHQ")[: len(out)]
    error = (out - expected)[1000:-1000]
    assert 20 * np.log10(np.abs(error).max()) < -65


@pytest.mark.parametrize("rate", [44_100, 48_000, 88_200, 96_000, 192_000])
def test_silence_has_the_right_length(rate: int, tmp_path: Path) -> None:
    muted = Track("a", muted=True, clips=(Clip(0, 1.25, path="never opened"),))
    for tracks, seconds in (((), 2.0), ((muted,), 3.25)):
        out = rendered(project(*tracks, rate=rate), tmp_path, tail=2.0)
        assert len(out) == round(seconds * rate)
        assert not out.any()
    with pytest.raises(errors.ValidationError):
        rendered(project(rate=rate), tmp_path, tail=0.0)


def test_notes_are_played_within_their_clip_and_ring_out(tmp_path: Path) -> None:
    notes = (Note(0, 1, 60, 100), Note(2, 8, 64, 100), Note(50, 1, 67, 100))
    track = Track("a", kind="MIDI", clips=(Clip(1.0, 2.0, notes=notes),))
    out = rendered(project(track), tmp_path, tail=5.0)
    assert not out[: RATE - 10].any()
    assert np.abs(out[RATE : RATE + RATE // 4]).max() > 0.02
    assert np.abs(out[3 * RATE : round(3.1 * RATE)]).max() > 1e-4  # the second note's release
    assert np.abs(out[-RATE // 2 :]).max() < 1e-3
    shifted = rendered(project(Track("a", clips=(Clip(0, 1.0, offset=1.0, notes=notes),))), tmp_path)
    assert np.abs(shifted[: RATE // 4]).max() > 0.02  # at 120 bpm the second note begins one second in


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("wav", {"bit_depth": 16}),
        ("wav", {"bit_depth": 24}),
        ("flac", {"bit_depth": 16}),
        ("flac", {"bit_depth": 24}),
        ("mp3", {"bitrate": 192}),
        ("ogg", {"bitrate": 128}),
    ],
)
def test_every_format_holds_the_same_music(
    format: str, options: dict[str, int], music: tuple[str, np.ndarray], tmp_path: Path
) -> None:
    path, samples = music
    target = str(tmp_path / f"out.{format}")
    made = render.render(project(Track("a", clips=(Clip(0, 3.0, path=path),))), target, format, tail=1.0, **options)
    found = codecs.read(target)
    assert made["facts"]["duration"] == pytest.approx(4.0, abs=0.01)
    assert len(found) == pytest.approx(4 * RATE, abs=1200)
    assert np.corrcoef(found[: 3 * RATE, 0], samples[:, 0])[0, 1] > 0.96  # noise at 128 kbit/s


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("wav", {"bit_depth": 16}),
        ("wav", {"bit_depth": 24}),
        ("wav", {"bit_depth": 32}),
        ("flac", {"bit_depth": 24}),
        ("mp3", {"bitrate": 320}),
        ("ogg", {"bitrate": 320}),
    ],
)
def test_everything_falls_on_its_sample_in_every_format_and_rate(
    format: str, options: dict[str, int], rate: int, tmp_path: Path
) -> None:
    """A burst of noise (below 12 kHz, which every format keeps) on each side, at times that no block begins at."""
    count = rate // 10
    spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(count))
    spectrum[np.fft.rfftfreq(count, 1 / rate) > 12_000] = 0
    burst = np.fft.irfft(spectrum, count) * 0.1
    source = wav(tmp_path / "burst.wav", np.repeat(burst[:, None], 2, axis=1).astype(np.float32), rate)
    starts = (0.25, 1.537, 2.0)
    clips = tuple(Clip(start, 0.1, path=source) for start in starts)
    target = str(tmp_path / f"out.{format}")
    render.render(project(Track("a", clips=clips), rate=rate), target, format, tail=0.5, **options)
    found, real = codecs.read(target), codecs.probe(target).rate
    assert real == (48_000 if format == "mp3" and rate == 96_000 else rate)
    if real != rate:
        burst = soxr.resample(burst, rate, real, quality="VHQ")
    for start in starts:
        at = round(start * real)
        heard = found[at - 200 : at + len(burst) + 200, 0]
        match = np.correlate(heard, burst, "valid")
        assert int(np.argmax(match)) - 200 == 0
        assert match.max() / np.dot(burst, burst) == pytest.approx(1, abs=0.05)


def test_clips_of_a_compressed_file_fall_where_those_of_the_original_do(tmp_path: Path) -> None:
    samples = signals.music(RATE, 3.0) * np.float32(0.2)
    path = wav(tmp_path / "music.ogg", samples, format="ogg")
    clips = tuple(Clip(start, 0.5, start, path=path) for start in (0.0, 0.5, 1.0, 1.5))
    out = rendered(project(Track("a", clips=clips)), tmp_path)
    assert np.allclose(out, codecs.read(path)[: len(out)], atol=1e-6)


def test_notes_lie_where_the_tempo_map_has_their_beats(tmp_path: Path) -> None:
    tempo = TempoMap(120, [TempoChange(2, 120, "linear"), TempoChange(6, 60), TempoChange(8, 200)])
    beats = np.array([0.0, 1.5, 2.0, 3.25, 5.5, 6.0, 7.0, 8.0, 9.5])
    notes = tuple(Note(float(beat), 0.5, 60 + number, 100) for number, beat in enumerate(beats))
    start, offset, length = tempo.seconds(3.0), tempo.seconds(3.0) - tempo.seconds(2.5), 5.0
    # The material begins at beat 2.5; here every note is where it lies in seconds, at 60 bpm.
    times = tempo.seconds_of(2.5 + np.stack([beats, beats + 0.5])) - (start - offset)
    plain = tuple(
        Note(float(begin), float(end - begin), 60 + number, 100) for number, (begin, end) in enumerate(times.T)
    )
    clip = Clip(start, length, offset, notes=notes)
    found = rendered(Arrangement(RATE, 120.0, (Track("a", kind="MIDI", clips=(clip,)),), tempo), tmp_path)
    clip = Clip(start, length, offset, notes=plain)
    expected = rendered(Arrangement(RATE, 60.0, (Track("a", kind="MIDI", clips=(clip,)),)), tmp_path)
    assert found.any()
    assert np.abs(found - expected).max() < 1e-6
