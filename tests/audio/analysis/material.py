"""Music with known truth, synthesised from a seed: what the analysis is judged on.

Every piece knows its tempo, key, metre and swing. Players are human (timing and loudness vary), rooms echo, tape
hisses and instruments may be tuned off 440 Hz, so that an estimator that only works on clean clicks fails here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np

SHARPS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR_STEPS = (0, 2, 4, 5, 7, 9, 11)
MINOR_STEPS = (0, 2, 3, 5, 7, 8, 10)

# Chords as (semitones above the tonic of the root, intervals).
MAJ, MIN, DOM7, MAJ7, MIN7 = (0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 4, 7, 11), (0, 3, 7, 10)
PROGRESSIONS = {
    "major": (
        ((0, MAJ), (5, MAJ), (7, MAJ), (0, MAJ)),
        ((0, MAJ), (7, MAJ), (9, MIN), (5, MAJ)),
        ((0, MAJ), (9, MIN), (5, MAJ), (7, MAJ)),
        ((2, MIN7), (7, DOM7), (0, MAJ7), (0, MAJ7)),
        ((0, MAJ), (5, MAJ), (0, MAJ), (7, DOM7)),
    ),
    "minor": (
        ((0, MIN), (5, MIN), (7, MAJ), (0, MIN)),
        ((0, MIN), (8, MAJ), (3, MAJ), (10, MAJ)),
        ((0, MIN), (10, MAJ), (8, MAJ), (7, MAJ)),
        ((0, MIN7), (5, MIN7), (0, MIN7), (7, DOM7)),
        ((0, MIN), (8, MAJ), (5, MIN), (7, MAJ)),
    ),
}

# Hits per bar as (beat, drum, loudness); a bar has four beats unless the name says otherwise.
_EIGHTHS = tuple((i / 2, "hat", 0.5 if i % 2 else 0.8) for i in range(8))
_SIXTEENTHS = tuple((i / 4, "hat", 0.4 if i % 2 else 0.7) for i in range(16))
PATTERNS: dict[str, tuple[tuple[float, str, float], ...]] = {
    "rock": ((0, "kick", 1), (1, "snare", 0.9), (2, "kick", 0.9), (2.5, "kick", 0.7), (3, "snare", 1), *_EIGHTHS),
    "house": (
        *((b, "kick", 1) for b in range(4)),
        *((b + 0.5, "hat", 0.9) for b in range(4)),
        (1, "clap", 0.7),
        (3, "clap", 0.7),
    ),
    "boom bap": (
        (0, "kick", 1),
        (1, "snare", 1),
        (1.75, "kick", 0.6),
        (2.5, "kick", 0.9),
        (3, "snare", 1),
        *_EIGHTHS,
    ),
    "trap": (
        (0, "kick", 1),
        (0.75, "kick", 0.7),
        (2, "snare", 1),
        (2.75, "kick", 0.9),
        (3.5, "kick", 0.6),
        *_SIXTEENTHS,
    ),
    "breakbeat": (
        (0, "kick", 1),
        (1, "snare", 1),
        (1.75, "snare", 0.3),
        (2.5, "kick", 0.9),
        (3, "snare", 1),
        *_EIGHTHS,
    ),
    "train": (
        *((i / 2, "snare", 0.8 if i % 2 else 0.35) for i in range(8)),
        (0, "kick", 0.9),
        (1, "kick", 0.7),
        (2, "kick", 0.9),
        (3, "kick", 0.7),
    ),
    "ride": (
        *((b, "ride", 0.7) for b in range(4)),
        (1.5, "ride", 0.5),
        (3.5, "ride", 0.5),
        (1, "hat", 0.7),
        (3, "hat", 0.7),
        (0, "kick", 0.4),
        (2.5, "kick", 0.5),
    ),
    "waltz": ((0, "kick", 1), (1, "snare", 0.6), (2, "snare", 0.6), (0, "hat", 0.6), (1, "hat", 0.5), (2, "hat", 0.5)),
}


@dataclass(frozen=True)
class Piece:
    """`samples`: float32, (frames, channels), -1..1; `key` is None where nothing is pitched."""

    samples: np.ndarray
    rate: int
    name: str = ""
    bpm: float | None = None
    key: str | None = None
    scale: str | None = None
    beats_per_bar: int | None = None
    swing: float | None = None


@dataclass
class Band:
    """What plays: everything about a piece that a seed may vary."""

    bpm: float = 120.0
    tonic: int = 0
    scale: str = "major"
    rate: int = 44_100
    seconds: float = 16.0
    drums: str | None = None
    chords: str | None = None
    bass: bool = False
    melody: str | None = None
    progression: int = 0
    swing: float = 0.0  # 0 straight .. 1 triplets
    looseness: float = 0.004  # seconds, standard deviation of each onset
    cents: float = 0.0
    snr: float | None = None  # dB against white noise
    reverb: float = 0.0  # wet share
    stereo: bool = False
    strum: tuple[float, ...] = (0.0, 2.0)  # beats of a bar on which the chord is struck
    levels: dict[str, float] = field(default_factory=dict)


def hertz(midi: float, cents: float = 0.0) -> float:
    return 440.0 * 2 ** ((midi - 69 + cents / 100) / 12)


@functools.lru_cache(maxsize=512)
def tone(frequency: float, seconds: float, rate: int, timbre: str) -> np.ndarray:
    """One note by additive synthesis."""
    count = int(seconds * rate)
    t = np.arange(count, dtype=np.float32) / rate
    out = np.zeros(count, np.float32)
    last = int(min({"saw": 16, "pad": 12, "bass": 8, "brass": 14}.get(timbre, 10), 0.45 * rate / frequency))
    for k in range(1, max(last, 1) + 1):
        partial = frequency * k
        if timbre == "piano":
            partial *= np.sqrt(1 + 0.0004 * k * k)
            amplitude = k**-1.3 * np.exp(-t * (1.2 + 0.5 * k))
        elif timbre == "pluck":
            amplitude = abs(np.sin(np.pi * k * 0.19)) / k * np.exp(-t * (1.0 + 1.1 * k))
        elif timbre == "organ":
            amplitude = 1.0 / k if k in (1, 2, 3, 4, 6, 8) else 0.0
        elif timbre == "sine":
            amplitude = 1.0 if k == 1 else 0.02 / k
        elif timbre == "bass":
            amplitude = k**-1.1 * np.exp(-t * (0.8 + 0.3 * k))
        elif timbre == "dark":
            amplitude = k**-2.5
        else:
            amplitude = 1.0 / k
        out += (amplitude * np.sin(np.float32(2 * np.pi * partial) * t + k * k)).astype(np.float32)
    attack = {"pad": 0.18, "organ": 0.02, "saw": 0.01, "brass": 0.05}.get(timbre, 0.004)
    return out * _envelope(count, rate, attack, 0.04) * np.float32(0.4)


def _envelope(count: int, rate: int, attack: float, release: float) -> np.ndarray:
    envelope = np.ones(count, np.float32)
    rise, fall = min(int(attack * rate), count // 2), min(int(release * rate), count // 2)
    if rise:
        envelope[:rise] = np.linspace(0, 1, rise)
    if fall:
        envelope[-fall:] = np.linspace(1, 0, fall)
    return envelope


def hit(drum: str, rate: int, rng: np.random.Generator) -> np.ndarray:
    seconds = {"kick": 0.25, "snare": 0.2, "clap": 0.18, "hat": 0.06, "ride": 0.4, "click": 0.03}[drum]
    t = np.arange(int(seconds * rate), dtype=np.float32) / rate
    noise = rng.standard_normal(len(t)).astype(np.float32)
    bright = np.diff(noise, prepend=noise[:1])
    if drum == "kick":
        body = np.sin(2 * np.pi * (50 * t + 3.2 * (1 - np.exp(-t * 35)))) * np.exp(-t * 16)
        return body + 0.15 * bright * np.exp(-t * 300)
    if drum == "snare":
        return 0.5 * noise * np.exp(-t * 22) + 0.5 * np.sin(2 * np.pi * 188 * t) * np.exp(-t * 30)
    if drum == "clap":
        return 0.5 * bright * (np.exp(-t * 25) + (t > 0.012) * np.exp(-(t - 0.012) * 40))
    if drum == "hat":
        return 0.35 * np.diff(bright, prepend=bright[:1]) * np.exp(-t * 70)
    if drum == "ride":
        ring = sum(np.sin(2 * np.pi * f * t) for f in (3110.0, 4370.0, 5230.0, 6610.0))
        return 0.08 * ring * np.exp(-t * 8) + 0.2 * bright * np.exp(-t * 40)
    return np.sin(2 * np.pi * 1500 * t) * np.exp(-t * 150)


def play(band: Band, seed: int = 0, name: str = "") -> Piece:
    """Renders a band; the same band and seed give the same samples."""
    rng = np.random.default_rng(seed)
    rate, beat = band.rate, 60.0 / band.bpm
    bar_beats = 3 if band.drums == "waltz" else 4
    mix = np.zeros((int(band.seconds * rate), 2), np.float32)

    def put(sound: np.ndarray, at_beat: float, level: float, pan: float = 0.0) -> None:
        whole, part = divmod(at_beat, 1.0)
        swung = part + band.swing / 6 * (1 - abs(part - 0.5) * 2)
        start = int((0.05 + (whole + swung) * beat + rng.normal(0, band.looseness)) * rate)
        if 0 <= start < len(mix):
            piece = sound[: len(mix) - start].astype(np.float32)
            mix[start : start + len(piece), 0] += piece * level * (1 - pan)
            mix[start : start + len(piece), 1] += piece * level * (1 + pan)

    def loud(part: str) -> float:
        return band.levels.get(part, 1.0)

    bars = int(np.ceil(band.seconds / (beat * bar_beats)))
    chords = PROGRESSIONS[band.scale][band.progression % len(PROGRESSIONS[band.scale])]
    steps = MAJOR_STEPS if band.scale == "major" else MINOR_STEPS
    degree = 7
    for bar in range(bars):
        first = bar * bar_beats
        root, intervals = chords[bar % len(chords)]
        if band.drums:
            for at, drum, strength in PATTERNS[band.drums]:
                put(
                    hit(drum, rate, rng),
                    first + at,
                    loud("drums") * strength * rng.uniform(0.8, 1.0) * 0.5,
                    0.3 if drum in ("hat", "ride") else 0.0,
                )
        if band.chords:
            strikes = [at for at in band.strum if at < bar_beats]
            for at, until in zip(strikes, [*strikes[1:], float(bar_beats)], strict=True):
                for index, interval in enumerate(intervals):
                    pitch = 48 + (band.tonic + root) % 12 + interval + (12 if index == 0 else 0)
                    put(
                        tone(hertz(pitch, band.cents), (until - at) * beat * 0.95, rate, band.chords),
                        first + at,
                        loud("chords") * 0.28 * rng.uniform(0.85, 1),
                        -0.2,
                    )
        if band.bass:
            low = 33 + (band.tonic + root - 9) % 12
            for at, interval in ((0.0, 0), (1.5, 0), (2.0, 7), (3.0, 0)):
                if at < bar_beats:
                    sound = tone(hertz(low + interval, band.cents), 0.9 * beat, rate, "bass")
                    put(sound, first + at, loud("bass") * 0.6)
        if band.melody:
            at = 0.0
            while at < bar_beats:
                length = float(rng.choice((0.5, 1.0, 1.0, 2.0)))
                degree = int(np.clip(degree + rng.integers(-2, 3), 3, 13))
                if at == 0.0 and rng.random() < 0.7:
                    degree = min(
                        range(3, 14), key=lambda d: ((steps[d % 7] - root - intervals[0]) % 12 != 0, abs(d - degree))
                    )
                pitch = 60 + band.tonic % 12 + steps[degree % 7] + 12 * (degree // 7) - 12
                if rng.random() < 0.9:
                    put(
                        tone(hertz(pitch, band.cents), length * beat * 0.9, rate, band.melody),
                        first + at,
                        loud("melody") * 0.4 * rng.uniform(0.8, 1),
                        0.15,
                    )
                at += length
    if band.reverb:
        mix = mix * np.float32(1 - band.reverb) + room(mix, rate, rng) * np.float32(band.reverb)
    if band.snr is not None:
        level = np.sqrt(np.mean(mix**2)) * 10 ** (-band.snr / 20)
        mix += rng.standard_normal(mix.shape).astype(np.float32) * np.float32(level)
    mix *= np.float32(0.8 / max(float(np.abs(mix).max()), 1e-9))
    pitched = bool(band.chords or band.bass or band.melody)
    return Piece(
        mix if band.stereo else mix.mean(axis=1, keepdims=True),
        rate,
        name or f"seed {seed}",
        band.bpm,
        SHARPS[band.tonic % 12] if pitched else None,
        band.scale if pitched else None,
        bar_beats,
        band.swing,
    )


def room(dry: np.ndarray, rate: int, rng: np.random.Generator, seconds: float = 0.9) -> np.ndarray:
    """A reverb tail: exponentially decaying noise, another one on each side."""
    count = int(seconds * rate)
    decay = np.exp(-6.9 * np.arange(count) / count)[:, None]
    impulse = rng.standard_normal((count, dry.shape[1])) * decay
    impulse /= np.sqrt((impulse**2).sum(axis=0))
    size = -(-(len(dry) + count) // 32768) * 32768
    spectra = (np.fft.rfft(np.ascontiguousarray(sound.T, np.float32), size) for sound in (dry, impulse))
    wet = np.fft.irfft(np.multiply(*spectra), size)
    return np.ascontiguousarray(wet.T[: len(dry)])


def clicks(bpm: float, seconds: float = 20.0, rate: int = 44_100) -> Piece:
    """A bare metronome, every click alike."""
    samples = np.zeros((int(seconds * rate), 1), np.float32)
    click = hit("click", rate, np.random.default_rng(0))
    for index in range(int(seconds * bpm / 60)):
        start = round(index * 60 / bpm * rate)
        samples[start : start + len(click), 0] = click[: len(samples) - start] * 0.8
    return Piece(samples, rate, f"clicks at {bpm}", bpm)


def cadence(tonic: int, scale: str, timbre: str = "piano", rate: int = 44_100) -> Piece:
    """I-IV-V-I (i-iv-V-i in minor), two seconds a chord, with the roots in the bass."""
    third = MAJ if scale == "major" else MIN
    out = []
    for root, intervals in ((0, third), (5, third), (7, MAJ), (0, third)):
        notes = [48 + (tonic + root) % 12 - 12, *(48 + (tonic + root) % 12 + i for i in intervals)]
        out.append(sum(tone(hertz(note), 2.0, rate, timbre) for note in notes))
    samples = np.concatenate(out)[:, None].astype(np.float32)
    return Piece(
        samples * np.float32(0.5 / np.abs(samples).max()), rate, f"{SHARPS[tonic]} {scale}", None, SHARPS[tonic], scale
    )


# Formants of sung vowels in Hz (Peterson & Barney 1952, men's averages).
_VOWELS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
_RESONANCES = ((1.0, 90.0), (0.5, 120.0), (0.25, 170.0))  # gain and half width in Hz of each formant


def singing(
    seconds: float = 8.0,
    rate: int = 44_100,
    seed: int = 0,
    *,
    sibilance: float = 0.5,
    breath: float = 0.0,
    noise: float = 1e-4,
    high: bool = False,
    wet: float = 0.0,
) -> Piece:
    """A voice by source and filter: glides, vibrato, vowels, pauses, and an "s" before every third syllable."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * rate), np.float32)
    at, pitch, count = 0.1, 57.0 + (9 if high else 0), 0
    while at < seconds - 0.4:
        length = float(rng.uniform(0.22, 0.55))
        if sibilance and count % 3 == 0:
            hiss = _hiss(int(0.11 * rate), rate, 5000.0, 9000.0, rng)
            _add(out, hiss * _envelope(len(hiss), rate, 0.02, 0.02) * np.float32(0.25 * sibilance), int(at * rate))
            at += 0.1
        target = float(np.clip(pitch + rng.choice((-4, -2, -1, 1, 2, 3, 5)), 52, 74))
        size = int(length * rate)
        t = np.arange(size) / rate
        vibrato = 0.35 * np.sin(2 * np.pi * 5.6 * t) * np.clip(t / 0.2, 0, 1)
        glide = pitch + (target - pitch) * (1 - np.exp(-t / 0.04)) + vibrato
        frequency = 440 * 2 ** ((glide - 69 + rng.normal(0, 0.03)) / 12)
        phase = 2 * np.pi * np.cumsum(frequency) / rate
        old, new = (np.array(_VOWELS[v]) for v in rng.choice(list(_VOWELS), 2))
        formants = old + (new - old) * np.clip(t / length, 0, 1)[:, None]
        sound = np.zeros(size)
        for k in range(1, int(min(40, 0.4 * rate / frequency.max())) + 1):
            gain = sum(
                height / (1 + ((k * frequency - formants[:, i]) / width) ** 2)
                for i, (height, width) in enumerate(_RESONANCES)
            )
            sound += gain / k**0.7 * np.sin(k * phase)
        sound *= _envelope(size, rate, 0.03, 0.06) / np.abs(sound).max()
        _add(out, sound.astype(np.float32), int(at * rate))
        pitch, at, count = target, at + length, count + 1
        if count % 5 == 0:
            if breath:
                gasp = _hiss(int(0.35 * rate), rate, 700.0, 4000.0, rng)
                _add(out, gasp * np.hanning(len(gasp)).astype(np.float32) * np.float32(0.12 * breath), int(at * rate))
            at += 0.4
    out *= np.float32(0.6 / np.abs(out).max())
    if wet:
        out = out * np.float32(1 - wet) + room(out[:, None], rate, rng, 0.7)[:, 0] * np.float32(wet)
    out += rng.standard_normal(len(out)).astype(np.float32) * np.float32(noise)
    return Piece(out[:, None], rate, f"voice {seed}")


def _hiss(count: int, rate: int, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    out = np.fft.irfft(spectrum, count)
    return (out / max(np.abs(out).max(), 1e-9)).astype(np.float32)


def _add(out: np.ndarray, sound: np.ndarray, start: int) -> None:
    piece = sound[: max(len(out) - start, 0)]
    out[start : start + len(piece)] += piece


_TIMBRES = ("saw", "piano", "pluck", "organ", "pad", "brass")
_DRUMS = ("rock", "house", "boom bap", "trap", "breakbeat", "train", "ride", "waltz")
_STRUMS = ((0.0, 2.0), (0.0, 1.0, 2.0, 3.0), (0.0, 1.5, 2.5), (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5))


def varied(seed: int, kind: str = "mix", seconds: float = 16.0) -> Piece:
    """One of an endless series of pieces. `kind`: mix, drums, chords (with bass), melody (with chords), bass."""
    rng = np.random.default_rng(1000 + seed)
    drums = str(rng.choice(_DRUMS))
    swing = float(rng.choice((0.0, 0.6, 1.0))) if drums in ("boom bap", "ride") else 0.0
    chords = str(rng.choice(_TIMBRES))
    band = Band(
        bpm=round(float(rng.uniform(60, 180)), 1),
        tonic=seed % 12,
        scale="major" if (seed // 12) % 2 == 0 else "minor",
        rate=int(rng.choice((22_050, 44_100, 48_000))),
        seconds=seconds,
        drums=drums if kind in ("mix", "drums") else None,
        chords=chords if kind in ("mix", "chords", "melody") else None,
        bass=kind in ("mix", "chords", "bass"),
        melody=str(rng.choice(("saw", "pluck", "brass", "piano", "sine"))) if kind in ("mix", "melody") else None,
        progression=int(rng.integers(5)),
        swing=swing,
        looseness=float(rng.uniform(0.0, 0.008)),
        cents=float(rng.uniform(-35, 35)),
        snr=float(rng.choice((10.0, 20.0, 30.0, 45.0))),
        reverb=float(rng.choice((0.0, 0.15, 0.3))),
        stereo=bool(rng.random() < 0.5),
        strum=_STRUMS[int(rng.integers(0 if kind in ("mix", "melody") else 1, len(_STRUMS)))],
        levels={part: float(rng.uniform(0.5, 1.4)) for part in ("drums", "chords", "bass", "melody")},
    )
    if kind == "drums":
        band.chords = band.melody = None
        band.bass = False
    return play(band, seed, f"{kind} {seed}: {drums}/{chords} {band.bpm}")
