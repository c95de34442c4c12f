"""A master has the loudness asked for, a safe true peak, and says truly what was done to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from dawg_server import errors
from dawg_server.audio import codecs
from dawg_server.audio.mastering import balance, levelling, master, plan
from dawg_server.music import compose
from tests.audio import signals
from tests.benchmarks.finishing import measured
from tests.music.songs import Songs
from tests.sampling import sample

RATE = 44_100
BEAT_SECONDS = 8


def wav(path: Path, samples: np.ndarray, rate: int = RATE) -> str:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return str(path)


def judged(path: str) -> tuple[float, float]:
    """(LUFS, dBTP) by programs that share no code with ours."""
    samples, rate = soundfile.read(path)
    return pyloudnorm.Meter(rate).integrated_loudness(samples), signals.oversampled_peak(samples, 8)


@pytest.fixture(scope="module")
def beat(songs: Songs) -> Path:
    score = compose.compose(genre="trap", bpm=150, key="Cm", mood="dark", duration=BEAT_SECONDS, seed=3, prompt="")
    made = songs.rendered(score, keep_premaster=True)
    assert made.premaster is not None
    return made.premaster.parent


@pytest.mark.parametrize("target", sample([-24.0, -14.0, -9.0, -6.0], -9.0))
@pytest.mark.parametrize("kind", ["mix", "drums", "voice", "sine"])
def test_the_target_is_met_and_the_peaks_stay_below_minus_one(
    kind: str, target: float, beat: Path, tmp_path: Path
) -> None:
    time_axis = np.arange(5 * RATE) / RATE
    if kind in ("mix", "drums"):
        source = str(beat / ("premaster.wav" if kind == "mix" else "drums.wav"))
    elif kind == "sine":
        source = wav(tmp_path / "in.wav", signals.sine(RATE, 5, 997, -40))
    else:
        noise = np.random.default_rng(1).standard_normal(len(time_axis)) * 0.05
        phrases = np.abs(np.sin(2 * np.pi * 2 * time_axis)) ** 3 * (np.sin(2 * np.pi * 0.2 * time_axis) > -0.3)
        source = wav(tmp_path / "in.wav", (noise * phrases)[:, None])
    made = master.master(source, str(tmp_path / "out.wav"), "wav", loudness_target=target)
    lufs, peak = judged(str(tmp_path / "out.wav"))
    assert lufs == pytest.approx(target, abs=0.5)
    assert peak <= -1.0
    assert made["after"]["integratedLUFS"] == pytest.approx(lufs, abs=0.1)
    assert made["after"]["truePeak"] == pytest.approx(peak, abs=0.2)
    assert made["facts"]["duration"] == pytest.approx(codecs.probe(source).duration, abs=1e-6)


@pytest.mark.parametrize("quality", sample(["streaming", "cd", "club"], "streaming"))
@pytest.mark.parametrize("format", ["flac", "mp3"])
def test_presets_have_their_loudness_in_every_format(quality: str, format: str, beat: Path, tmp_path: Path) -> None:
    target = str(tmp_path / f"out.{format}")
    master.master(str(beat / "premaster.wav"), target, format, quality=quality, genre="trap")
    samples = codecs.read(target)
    assert pyloudnorm.Meter(RATE).integrated_loudness(samples) == pytest.approx(plan.LOUDNESS[quality], abs=0.5)
    assert signals.oversampled_peak(samples, 4) <= -0.95


@pytest.mark.parametrize("level", [None, -75.0])
def test_silence_is_refused(level: float | None, tmp_path: Path) -> None:
    samples = np.zeros((3 * RATE, 2)) if level is None else signals.sine(RATE, 3, 500, level)
    with pytest.raises(errors.AudioTooQuiet) as caught:
        master.master(wav(tmp_path / "in.wav", samples), str(tmp_path / "out.wav"), "wav")
    assert caught.value.code == "audio_too_quiet"


def coloured(slope_db: float, seconds: float = 8.0) -> np.ndarray:
    """Noise that falls by so many dB per octave, in mono."""
    count = round(RATE * seconds)
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 30)
    sound = np.fft.irfft(spectrum * 10 ** (slope_db * np.log2(hertz / 1000) / 20), count)
    return np.repeat((sound * 0.1 / np.sqrt(np.mean(sound**2)))[:, None], 2, axis=1)


def bands(samples: np.ndarray) -> np.ndarray:
    listener = balance.BalanceMeter(RATE)
    listener.add(samples.astype(np.float32))
    return np.array(listener.result().bands)


def test_dull_sound_gets_brighter_and_harsh_sound_gets_softer(tmp_path: Path) -> None:
    for slope, sign in ((-8.0, 1), (0.0, -1)):
        samples = coloured(slope)
        master.master(wav(tmp_path / "in.wav", samples), str(tmp_path / "out.wav"), "wav")
        change = bands(soundfile.read(tmp_path / "out.wav")[0]) - bands(samples)
        assert sign * (change[-2:].mean() - change[:3].mean()) > 2
        assert np.abs(change).max() < 6


def test_sound_that_is_usual_already_is_left_alone(tmp_path: Path) -> None:
    usual = (-3.0, 1.0, 0.0, -2.0, -4.0, -6.0, -8.5, -11.5, -15.5)
    count = 8 * RATE
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20)
    shape = np.interp(np.log2(hertz), np.log2(balance.BANDS), usual) - 10 * np.log10(hertz)
    sound = np.fft.irfft(spectrum * 10 ** (shape / 20), count)
    sound *= 0.1 / np.sqrt(np.mean(sound**2))
    made = master.master(wav(tmp_path / "in.wav", sound[:, None]), str(tmp_path / "out.wav"), "wav")
    assert made["chain"]["equalizer"] == []
    assert all(abs(value) < 1.5 for value in made["analysis"]["spectralBalance"].values())


def test_bass_goes_to_the_middle_and_sides_stay_within_reason(tmp_path: Path) -> None:
    time_axis = np.arange(6 * RATE) / RATE
    bass = 0.3 * np.sin(2 * np.pi * 60 * time_axis)
    middle = coloured(-3, 6.0)[:, 0]
    other = np.random.default_rng(2).standard_normal(len(time_axis)) * 0.1
    out_of_phase = np.stack((middle + bass + other, middle - bass - other), axis=1) * 0.5
    made = master.master(wav(tmp_path / "in.wav", out_of_phase), str(tmp_path / "out.wav"), "wav")
    samples = soundfile.read(tmp_path / "out.wav")[0]

    def side_share(stereo: np.ndarray, hertz: float) -> float:
        spectra = np.abs(np.fft.rfft([stereo.sum(axis=1), stereo[:, 0] - stereo[:, 1]], axis=1)) ** 2
        below = np.fft.rfftfreq(len(stereo), 1 / RATE) < hertz
        return float(10 * np.log10(spectra[1, below].sum() / spectra[0, below].sum()))

    assert made["chain"]["stereo"]["width"] < 1
    assert side_share(samples, 100) < side_share(out_of_phase, 100) - 10
    assert side_share(samples, RATE) < -2


def test_the_same_recording_gives_the_same_master(beat: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        master.master(str(beat / "premaster.wav"), str(tmp_path / f"{name}.wav"), "wav")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]


@pytest.mark.parametrize("target", sample([-14.0, -8.0], -8.0))
def test_a_long_recording_that_changes_meets_its_target_too(target: float, tmp_path: Path) -> None:
    """The stretches that are tried first are steady here, and all that is struck lies between them."""
    rate, random = 32_000, np.random.default_rng(4)
    steady = random.standard_normal(48 * rate) * 0.05
    decay = np.exp(-np.arange(rate // 2) / 900)
    struck = np.tile(random.standard_normal(rate // 2) * decay, 96) * 0.5
    tried = np.repeat([levelling.is_tried(second) for second in range(48)], rate)
    samples = np.where(tried, steady, struck).astype(np.float32)[:, None]
    source = wav(tmp_path / "in.wav", samples, rate)
    made = master.master(source, str(tmp_path / "out.wav"), "wav", loudness_target=target)
    found = soundfile.read(tmp_path / "out.wav")[0]
    lufs, peak = pyloudnorm.Meter(rate).integrated_loudness(found), signals.oversampled_peak(found, 4)
    assert lufs == pytest.approx(target, abs=0.5)
    assert made["after"]["integratedLUFS"] == pytest.approx(lufs, abs=0.1)
    assert peak <= -1.0


@pytest.mark.long
async def test_a_master_takes_less_than_a_tenth_of_its_length(beat: Path, tmp_path: Path) -> None:
    samples = np.tile(soundfile.read(beat / "premaster.wav", dtype="float32")[0], (60 // BEAT_SECONDS, 1))  # a minute
    source = wav(tmp_path / "in.wav", samples)
    for _ in range(3):  # the least disturbed of three
        used, _ = await measured(
            "dawg_server.audio.mastering.master:master", source, str(tmp_path / "out.wav"), "wav", quality="cd"
        )
        if used * RATE / len(samples) < 0.1:  # a thirtieth on a usual machine
            return
    raise AssertionError(f"one minute took {used:.1f} s")
