"""Small pieces to render, and judges that share no code with the product."""

from __future__ import annotations

import numpy as np
import soundfile
import soxr

from dawg_server.music.score import Note, Part, Score, ScoreSection

CHORDS = ((57, 60, 64), (53, 57, 60), (60, 64, 67), (55, 59, 62))  # A minor, F, C, G
LISTENED_TO = ("trap", "lo-fi", "house", "drum and bass", "techno", "jazz", "rock", "folk")
KITS = {
    "trap": "kit trap",
    "lo-fi": "kit lofi",
    "boom bap": "kit boom bap",
    "house": "kit house",
    "drill": "kit trap",
    "drum and bass": "kit dnb",
    "techno": "kit techno",
    "hip hop": "kit boom bap",
    "r&b": "kit rnb",
    "pop": "kit acoustic",
    "edm": "kit house",
    "dubstep": "kit dubstep",
    "jazz": "kit jazz",
    "rock": "kit acoustic",
    "country": "kit country",
    "indie": "kit acoustic",
    "folk": "kit acoustic",
}


def piece(
    genre: str = "house",
    duration: float = 6.0,
    seed: int = 1,
    bass: str = "synth bass",
    chords: str = "electric piano",
    melody: str = "lead synth",
    bpm: float = 120.0,
    space: float = 0.4,
    grit: float = 0.4,
) -> Score:
    """Four bars that repeat: kick, backbeat, sixteenth hats, bass on the root, held triads, a line of quarters."""
    beats = duration * bpm / 60
    drums, low, held, line = [], [], [], []
    for beat in range(int(beats) + 1):
        root = CHORDS[beat // 4 % 4]
        drums.append(Note(beat, 0.25, 38 if beat % 2 else 36, 112))
        drums += [Note(beat + k / 4, 0.2, 46 if k == 2 else 42, 70 + 10 * (k % 2)) for k in range(4)]
        low.append(Note(beat + 0.5, 0.4, root[0] - 24, 100))
        line.append(Note(beat, 0.9, root[beat % 3] + 12, 95))
        if beat % 4 == 0:
            held += [Note(beat, 3.9, pitch, 90) for pitch in root]
    return Score(
        genre,
        "energetic",
        bpm,
        "A minor",
        4,
        duration,
        seed,
        (ScoreSection("verse", 0, beats, 0.8),),
        (
            Part("drums", KITS.get(genre, "kit acoustic"), tuple(sorted(drums, key=lambda note: note.start))),
            Part("bass", bass, tuple(low)),
            Part("chords", chords, tuple(held), pan=-0.2),
            Part("melody", melody, tuple(line), pan=0.2),
        ),
        0.5,
        space,
        grit,
    )


def heard(genre: str) -> Score:
    """The piece of a genre that is measured for loudness, tempo and key."""
    return piece(genre, duration=10.0, bpm=113.0) if genre in LISTENED_TO else piece(genre)


def read(path: object) -> np.ndarray:
    samples, _ = soundfile.read(str(path), dtype="float64", always_2d=True)
    return samples


def true_peak_db(samples: np.ndarray, rate: int = 44_100) -> float:
    """By eightfold oversampling with soxr."""
    return float(20 * np.log10(max(np.abs(soxr.resample(samples, rate, 8 * rate)).max(), 1e-9)))


def cents_off(samples: np.ndarray, frequency: float, rate: int = 44_100) -> float:
    """How far the strongest partial near `frequency` is from it, by a zero-padded spectrum."""
    size = 1 << 18
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size)) + 1e-12)
    low, high = (int(frequency * 2 ** (cents / 1200) * size / rate) for cents in (-80, 80))
    place = low + int(spectrum[low : high + 1].argmax())
    before, there, after = spectrum[place - 1 : place + 2]
    found = (place + 0.5 * (before - after) / (before - 2 * there + after)) * rate / size  # the peak is a parabola
    return float(1200 * np.log2(found / frequency))


def tempo(samples: np.ndarray, rate: int = 44_100) -> float:
    """Beats a minute between 70 and 180 by the autocorrelation of the spectral flux."""
    hop = 441
    frames = np.lib.stride_tricks.sliding_window_view(samples.mean(axis=1), 1024)[::hop] * np.hanning(1024)
    flux = np.maximum(np.diff(np.log1p(20 * np.abs(np.fft.rfft(frames, axis=1))), axis=0), 0).sum(axis=1)
    flux -= flux.mean()
    likeness = np.fft.irfft(np.abs(np.fft.rfft(flux, 2 * len(flux))) ** 2)[: len(flux)]
    candidates = np.arange(70, 180, 0.25)
    lags = 60 * rate / hop / candidates
    scores = sum(np.interp(lags * k, np.arange(len(likeness)), likeness) for k in (1, 2, 4))
    return float(candidates[np.argmax(scores * np.exp(-0.5 * (np.log2(candidates / 120) / 0.8) ** 2))])


def scale_share(samples: np.ndarray, pitch_classes: tuple[int, ...], rate: int = 44_100) -> np.ndarray:
    """How much of the steady sound between 150 and 2000 Hz lies on a scale, for its twelve transpositions.

    Every bin is limited to its median over a second, which takes the drums' hits out.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples.mean(axis=1), 8192)[::2048] * np.hanning(8192)
    freqs = np.fft.rfftfreq(8192, 1 / rate)
    heard = (freqs > 150) & (freqs < 2000)
    power = np.abs(np.fft.rfft(frames, axis=1))[:, heard] ** 2
    steady = np.median(np.lib.stride_tricks.sliding_window_view(power, 15, axis=0), axis=2)
    spectrum = np.minimum(power[7:-7], steady).sum(axis=0)
    classes = np.round(69 + 12 * np.log2(freqs[heard] / 440)).astype(int) % 12
    chroma = np.bincount(classes, spectrum, 12)
    return np.array([chroma[[(p + shift) % 12 for p in pitch_classes]].sum() for shift in range(12)]) / chroma.sum()
