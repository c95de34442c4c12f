"""Every device against an implementation that shares no code with it: SciPy, FFmpeg, or its law written out as loops."""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
import pytest
from scipy import signal  # type: ignore[import-untyped]

from dawg_server.audio.devices import catalogue, reverb
from tests.audio import signals
from tests.audio.devices.streams import RATE, decibels, made, through

FRAMES = 20_000
NOISE = signals.noise(RATE, FRAMES / RATE, -18.0)
LOOPED = NOISE[:6_000]  # for laws that are written out as loops
EFFECTS = [name for name, each in catalogue.TYPES.items() if each.kind == "effect"]


def ffmpeg(sound: np.ndarray, filter: str, options: str) -> np.ndarray:
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="dblp", layout="stereo", time_base=Fraction(1, RATE))
    work, sink = graph.add(filter, options), graph.add("abuffersink")
    source.link_to(work)
    work.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T.astype(np.float64)), format="dblp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    graph.push(frame)
    graph.push(None)
    parts = []
    while True:
        try:
            parts.append(graph.pull().to_ndarray())
        except (av.EOFError, BlockingIOError):
            return np.concatenate(parts, axis=1).T


def butterworth(sound: np.ndarray, kind: str, frequency: float) -> np.ndarray:
    return signal.sosfilt(signal.butter(2, frequency, kind, fs=RATE, output="sos"), sound, axis=0)


@pytest.mark.parametrize("type", EFFECTS)
def test_blocks_of_any_size_give_the_same_and_so_do_moved_parameters(type: str) -> None:
    kind = catalogue.TYPES[type]
    names = [name for name, each in kind.parameters.items() if each.range and not each.fixed]
    if type == "equalizer":
        names = ["frequency1", "gain2", "q3"]
    ways = {name: np.linspace(*(kind.parameters[name].range or (0, 1)), FRAMES) for name in names}
    side = NOISE[::-1] if kind.sidechain else None
    for moved in ({}, ways):
        whole = through(type, NOISE, moved=moved, side=side)
        assert whole.dtype == np.float32 and whole.shape == NOISE.shape and np.isfinite(whole).all()
        pieces = through(type, NOISE, moved=moved, side=side, sizes=(1000, 1, 37, 4096, 9000))
        assert decibels(whole - pieces) < -120
        # What stays is the same as what an envelope holds still.
    held = {name: np.full(FRAMES, float(kind.parameters[name].default)) for name in names}
    assert decibels(through(type, NOISE, moved=held, side=side) - through(type, NOISE, side=side)) < -100


@pytest.mark.parametrize(
    ("kind", "filter", "options"),
    [
        ("peaking", "equalizer", "f=1200:t=q:w=1.4:g=7"),
        ("lowshelf", "lowshelf", "f=1200:t=s:w=1:g=7"),
        ("highshelf", "highshelf", "f=1200:t=s:w=1:g=7"),
        ("lowpass", "lowpass", "f=1200:t=q:w=1.4"),
        ("highpass", "highpass", "f=1200:t=q:w=1.4"),
        ("bandpass", "bandpass", "f=1200:t=q:w=1.4"),
        ("notch", "bandreject", "f=1200:t=q:w=1.4"),
        ("allpass", "allpass", "f=1200:t=q:w=1.4:o=2"),
    ],
)
def test_equaliser_bands_are_those_of_ffmpeg(kind: str, filter: str, options: str) -> None:
    bands = {f"type{band}": "off" for band in range(1, 9)}
    bands |= {"type3": kind, "frequency3": 1200, "gain3": 7, "q3": 1.4}
    out = through("equalizer", NOISE, **bands)
    assert decibels(out - ffmpeg(NOISE, filter, options)) < -90
    moved = through("equalizer", NOISE, moved={"frequency3": np.full(FRAMES, 1200.0)}, **bands)
    assert decibels(out - moved) < -90


def test_a_moved_band_is_direct_form_one_sample_by_sample() -> None:
    x = LOOPED.astype(np.float64)
    frequency, q = np.geomspace(200, 8_000, len(x)), np.linspace(0.5, 4, len(x))
    y = np.zeros_like(x)
    for n in range(len(x)):
        omega = 2 * math.pi * frequency[n] / RATE
        a, alpha = 10 ** (9 / 40), math.sin(omega) / (2 * q[n])
        b0, b1, b2 = 1 + alpha * a, -2 * math.cos(omega), 1 - alpha * a
        a0, a1, a2 = 1 + alpha / a, b1, 1 - alpha / a
        x1, x2 = (x[n - k] if n >= k else 0 for k in (1, 2))
        y1, y2 = (y[n - k] if n >= k else 0 for k in (1, 2))
        y[n] = (b0 * x[n] + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2) / a0
    moved = {"frequency2": frequency, "q2": q}
    assert decibels(through("equalizer", LOOPED, moved=moved, gain2=9) - y) < -100


def test_the_compressor_follows_its_law_and_its_static_curve() -> None:
    values = {"threshold": -30, "ratio": 3, "knee": 8, "attack": 3, "release": 60, "makeup": 4}
    sound = np.concatenate((LOOPED, LOOPED * 0.05, LOOPED))
    side = sound[::-1]
    gains, reduction, last, now = np.empty(len(sound)), 0.0, 1.0, 1.0
    for step in range(0, len(sound), 32):
        ramp = np.arange(1, 33)[: len(sound) - step] / 32
        gains[step : step + 32] = last + (now - last) * ramp
        p = np.mean(np.square(side[step : step + 32].astype(np.float64)))
        over = 10 * math.log10(p + 1e-12) + 30
        wanted = 0 if over <= -4 else (2 / 3) * (over + 4) ** 2 / 16 if over < 4 else (2 / 3) * over
        t = 0.003 if wanted > reduction else 0.06
        reduction = wanted + (reduction - wanted) * math.exp(-32 / (t * RATE))
        last, now = now, 10 ** (-reduction / 20)
    expected = sound * gains[:, None] * 10 ** (4 / 20)
    assert decibels(through("compressor", sound, side=side, **values) - expected) < -100
    tone = signals.sine(RATE, 1.5, RATE / 8, -12 + 3.0103)
    steady = through("compressor", tone, **{**values, "makeup": 0})[RATE // 2 : RATE]
    level = 10 * np.log10(np.mean(np.square(steady)))
    assert level == pytest.approx(-30 + 18 / 3, abs=0.1)


def test_the_gate_follows_its_law() -> None:
    sound = np.concatenate([LOOPED * gain for gain in (1, 0.003, 0.5, 0.002)])
    level, hold = -30.0, 5.0
    gains, g, last, now, is_open, since = np.empty(len(sound)), 1.0, 1.0, 1.0, True, 0
    for step in range(0, len(sound), 32):
        gains[step : step + 32] = last + (now - last) * (np.arange(1, 33)[: len(sound) - step] / 32)
        found = 10 * math.log10(np.mean(np.square(sound[step : step + 32].astype(np.float64))) + 1e-12)
        is_open = found >= level or (is_open and (found >= level - 6 or since < hold * RATE / 1000 / 32))
        since = 0 if found >= level - 6 else since + 1
        target = 1.0 if is_open else 10 ** (-50 / 20)
        t = 0.002 if target > g else 0.04
        g = target + (g - target) * math.exp(-32 / (t * RATE))
        last, now = now, g
    values = {"threshold": level, "hysteresis": 6, "range": -50, "attack": 2, "hold": hold, "release": 40}
    out = through("gate", sound, **values)
    assert decibels(out - sound * gains[:, None]) < -100
    assert np.abs(out[11_000:12_000]).max() < np.abs(sound[11_000:12_000]).max() / 10


def test_the_limiter_keeps_the_true_peak_and_leaves_the_rest_alone() -> None:
    loud = signals.music(RATE, 1.0, seed=3)
    out = through("limiter", loud, ceiling=-3, gain=6)
    assert signals.oversampled_peak(out, 4) < -2.95
    late = made("limiter").latency
    quiet = loud * np.float32(0.1 / np.abs(loud).max())
    assert decibels(through("limiter", quiet)[late:] - quiet[: len(quiet) - late]) < -120


@pytest.mark.parametrize(("curve", "law"), [("soft", np.tanh), ("hard", lambda u: np.clip(u, -1, 1)), ("fold", np.sin)])
def test_saturation_has_the_harmonics_of_its_curve(curve: str, law: np.ufunc) -> None:
    tone = signals.sine(RATE, 1.0, 441, -6)
    out = through("saturation", tone, curve=curve, drive=12, output=-3)[10_000:32_000, 0]
    spectrum = np.abs(np.fft.rfft(out)) / (len(out) / 2)
    turn = np.linspace(0, 2 * np.pi, 65_536, endpoint=False)
    bent = np.abs(np.fft.rfft(law(10 ** (6 / 20) * np.sin(turn)))) / 32_768 * 10 ** (-3 / 20)
    for harmonic in (1, 3, 5, 7):
        found = spectrum[round(441 * harmonic * len(out) / RATE)]
        assert 20 * np.log10((found + 1e-6) / (bent[harmonic] + 1e-6)) == pytest.approx(0, abs=0.1)
    late, quiet = made("saturation").latency, signals.sine(RATE, 0.5, 5_000, -70)
    clean = through("saturation", quiet, curve=curve, drive=0)
    assert decibels(clean[late:] - quiet[: len(quiet) - late]) < -70 - 60


def test_the_delay_repeats_filtered_sound() -> None:
    late = round(0.06 * RATE)
    values = {"sync": "off", "time": 60, "lowCut": 200, "highCut": 4_000, "mix": 1}

    def again(sound: np.ndarray) -> np.ndarray:
        moved = np.concatenate((np.zeros((late, 2)), sound))[: len(sound)]
        return butterworth(butterworth(moved, "lowpass", 4_000), "highpass", 200)

    first = again(NOISE)
    assert decibels(through("delay", NOISE, feedback=0, **values) - first) < -100
    expected = sum(0.5**count * each for count, each in enumerate(repeated(first, again, 8)))
    assert decibels(through("delay", NOISE, feedback=0.5, **values) - expected) < -100
    sides = through("delay", NOISE, feedback=0, pingPong=True, **values)
    left = again(np.repeat(NOISE.mean(axis=1, keepdims=True), 2, axis=1))
    assert decibels(sides - np.stack((left[:, 0], again(left)[:, 0]), axis=1)) < -100
    synced = {**values, "sync": "1/8", "feedback": 0}  # half a second a beat
    expected = butterworth(butterworth(NOISE, "lowpass", 4_000), "highpass", 200)
    assert decibels(through("delay", NOISE, **synced)[RATE // 4 :] - expected[: FRAMES - RATE // 4]) < -100


def repeated(first: np.ndarray, again: object, count: int) -> list[np.ndarray]:
    found = [first]
    for _ in range(count):
        found.append(again(found[-1]))  # type: ignore[operator]
    return found


def test_the_reverb_is_the_convolution_with_its_room() -> None:
    state, numbers = 1, []
    for _ in range(5):
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        t = ((state ^ state >> 15) * (state | 1)) & 0xFFFFFFFF
        t ^= (t + (((t ^ t >> 7) * (t | 61)) & 0xFFFFFFFF)) & 0xFFFFFFFF
        numbers.append(2 * (t ^ t >> 14) / 2**32 - 1)
    assert reverb.noise(1, 5) == pytest.approx(numbers, abs=1e-12)
    count = round(0.7 * RATE)
    white = np.stack([reverb.noise(seed, count) for seed in (1, 2)], axis=1)
    dark = butterworth(white, "lowpass", 3_000)
    fall, time = math.log(1000) / 0.7, np.arange(count)[:, None] / RATE
    room = dark * np.exp(-fall * time) + (white - dark) * np.exp(-fall / 0.55 * time)
    room /= np.sqrt(np.square(room).sum(axis=0))
    wet = np.stack([signal.fftconvolve(NOISE[:, lane], room[:, lane])[:FRAMES] for lane in (0, 1)], axis=1)
    wet = np.concatenate((np.zeros((round(0.02 * RATE), 2)), wet))[:FRAMES]
    wet = butterworth(butterworth(wet, "highpass", 150), "lowpass", 9_000)
    values = {"decay": 0.7, "preDelay": 20, "damping": 0.5, "lowCut": 150, "highCut": 9_000}
    assert decibels(through("reverb", NOISE, mix=1, **values) - wet) < -100
    half = through("reverb", NOISE, mix=0.25, **values)
    assert decibels(half - (NOISE * 0.75 + wet * 0.25)) < -100


def test_the_chorus_reads_where_it_says() -> None:
    out = through("chorus", NOISE, rate=3, delay=9, depth=2, mix=1)
    n = np.arange(FRAMES)
    for lane, wave in enumerate((np.sin, np.cos)):
        late = (9 + 2 * wave(2 * np.pi * 3 * n / RATE)) / 1000 * RATE
        expected = np.interp(n - late, np.arange(-1000, FRAMES), np.concatenate((np.zeros(1000), NOISE[:, lane])))
        assert decibels(out[:, lane] - expected) < -100


def test_the_flanger_and_the_phaser_follow_their_laws() -> None:
    n = np.arange(len(LOOPED))
    line, wet = np.concatenate((np.zeros((1000, 2)), LOOPED)).astype(np.float64), np.empty((len(n), 2))
    late = (1.5 + 2 * (1 - np.cos(2 * np.pi * 2 * n / RATE)) / 2) / 1000 * RATE
    for at in n:
        place = 1000 + at - late[at]
        low = int(place)
        wet[at] = line[low] + (line[low + 1] - line[low]) * (place - low)
        line[1000 + at] = LOOPED[at] - 0.7 * wet[at]
    out = through("flanger", LOOPED, rate=2, delay=1.5, depth=2, feedback=-0.7, mix=0.5)
    assert decibels(out - (LOOPED + wet) / 2) < -100

    y = LOOPED.astype(np.float64)
    centre = 900 * 2 ** (1.5 * np.sin(2 * np.pi * 4 * n / RATE))
    for _ in range(3):
        x, y = y, np.zeros_like(y)
        for at in n:
            omega = 2 * math.pi * centre[at] / RATE
            alpha, cosine = math.sin(omega) / (2 * 0.8), math.cos(omega)
            x1, x2 = (x[at - k] if at >= k else 0 for k in (1, 2))
            y1, y2 = (y[at - k] if at >= k else 0 for k in (1, 2))
            forward = (1 - alpha) * x[at] - 2 * cosine * x1 + (1 + alpha) * x2
            y[at] = (forward + 2 * cosine * y1 - (1 - alpha) * y2) / (1 + alpha)
    out = through("phaser", LOOPED, rate=4, frequency=900, depth=1.5, q=0.8, stages="3", mix=0.5)
    assert decibels(out - (LOOPED + y) / 2) < -100


def test_the_pitch_shift_moves_frequencies_by_semitones() -> None:
    late = made("pitchShift").latency
    assert decibels(through("pitchShift", NOISE)[late:] - NOISE[: FRAMES - late]) < -100
    tone = signals.sine(RATE, 2.0, 440, -12)
    for semitones in (-12, -5, 7, 12):
        out = through("pitchShift", tone, semitones=semitones, window=80)[RATE // 2 : RATE // 2 + RATE, 0]
        spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
        nearest = np.arange(len(spectrum))[np.argmax(spectrum)]
        assert nearest == pytest.approx(440 * 2 ** (semitones / 12), abs=1000 / 80)


def test_width_and_utility() -> None:
    left, right = NOISE.T.astype(np.float64)
    middle, side = (left + right) / 2, (left - right) / 2
    wide = np.stack((middle + 1.6 * side, middle - 1.6 * side), axis=1)
    assert decibels(through("stereoWidth", NOISE, width=1.6) - wide) < -120
    flipped = through("utility", NOISE, gain=-6, invertRight=True)
    assert decibels(flipped - np.stack((left, -right), axis=1) * 10 ** (-6 / 20)) < -120
    assert decibels(through("utility", NOISE, mono=True) - np.stack((middle, middle), axis=1)) < -120
    high = butterworth(side, "highpass", 150)
    low = through("utility", NOISE, monoBelow=150)
    assert decibels(low - np.stack((middle + high, middle - high), axis=1)) < -100
