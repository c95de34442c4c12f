"""Whether somebody sings or speaks, and how clean the recording of it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio import arrays
from dawg_server.audio.analysis import pitch, spectrum

GLIDE_CENTS = (4.0, 200.0)  # per 20 ms: instruments with keys or frets hold still, other intervals are new notes
SUNG_HZ = (80.0, 900.0)  # median pitch of a voice
VOCAL = 0.55  # score from which a recording counts as a voice
SIBILANT = 0.5  # share of a frame's energy between 5 and 11 kHz
SIBILANT_FRAMES = (3, 35)  # short frames: an "s" lasts 30 to 350 ms
SIBILANT_SHARE = 0.012  # of the sounding time
BREATH_FRAMES = 12  # a breath lasts at least 120 ms
BREATH_HZ = 700.0  # centroid above which it is air rather than the end of a note
BREATH_LEVELS = (0.004, 0.012)  # breath relative to voice, amplitude times duration
PAUSE_DB = 26.0  # below the median voiced level
PAUSE_FRAMES = 10  # short frames between phrases
ROOM_DBFS = -78.0  # quieter than that is the converter, not the room
ROOM_SPREAD = 9.0  # dB between the 10th and 90th percentile of a steady room

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Traces:
    """Marks of a voice. Each may be None where there is nothing to judge it by, such as no pause to hear the room."""

    sibilance: bool | None
    room_tone: bool | None
    breath: str | None


def likelihood(spectra: spectrum.Spectra) -> float:
    """0..1 from what sets a voice apart from instruments (features after Gerhard 2003, "Computationally measurable
    differences between speech and song"): it is periodic, its pitch is never still, and its formants move or an "s"
    interrupts it."""
    track = spectra.voice
    loud = track.rms > max(float(track.rms.max(initial=0)) * 0.05, 1e-4)
    voiced = (track.frequency > 0) & loud
    if voiced.sum() < 25:  # half a second
        return 0.0
    if not SUNG_HZ[0] < float(np.median(track.frequency[voiced])) < SUNG_HZ[1]:
        return 0.0
    voicing = arrays.ramp(float(voiced.sum() / loud.sum()), 0.3, 0.6)
    gliding = arrays.ramp(_gliding(track, voiced), 0.2, 0.5)
    marks = max(arrays.ramp(_movement(spectra), 0.06, 0.1), arrays.ramp(_sibilant(spectra)[1], 0.0, 0.03))
    return voicing * gliding * (0.35 + 0.65 * marks)


def traces(spectra: spectrum.Spectra) -> Traces:
    audible = spectra.audible
    voiced = _voiced_frames(spectra) & audible
    if voiced.sum() < 25:
        return Traces(None, None, None)
    level = float(np.median(spectra.rms[voiced]))
    sibilant, share = _sibilant(spectra)
    return Traces(share > SIBILANT_SHARE, _room(spectra, level), _breath(spectra, voiced, sibilant, level))


def _gliding(track: pitch.PitchFrames, voiced: Mask) -> float:
    both = voiced[1:] & voiced[:-1]
    cents = 1200 * np.abs(np.diff(np.log2(np.where(voiced, track.frequency, 1.0))))[both]
    held = cents[cents < GLIDE_CENTS[1]]
    return float((held > GLIDE_CENTS[0]).mean()) if len(held) else 0.0


def _movement(spectra: spectrum.Spectra) -> float:
    """Mean change per 60 ms of the lowest cepstral coefficients, which describe the vocal tract more than the pitch."""
    bands = np.log(spectra.mel[:, 4:36] + 1e-5)
    count = bands.shape[1]
    cosines = np.cos(np.pi * (np.arange(count) + 0.5)[:, None] * np.arange(1, 7) / count) / count
    cepstrum = bands @ cosines
    audible = spectra.audible
    both = audible[6:] & audible[:-6]
    return float(np.abs(cepstrum[6:] - cepstrum[:-6])[both].mean()) if both.any() else 0.0


def _sibilant(spectra: spectrum.Spectra) -> tuple[Mask, float]:
    """The frames of each "s", and their share of the sounding time."""
    hissing = (spectra.sibilance > SIBILANT) & (spectra.rms > 0.02 * float(spectra.rms.max(initial=0)))
    hissing &= spectra.audible
    kept = np.zeros(len(hissing), bool)
    for first, after in _runs(hissing):
        if SIBILANT_FRAMES[0] <= after - first <= SIBILANT_FRAMES[1]:
            kept[first:after] = True
    return kept, float(kept.sum() / max(int(spectra.audible.sum()), 1))


def _breath(spectra: spectrum.Spectra, voiced: Mask, sibilant: Mask, level: float) -> str:
    loudness = spectra.rms / level
    floor = 2 * float(np.percentile(loudness[3:-3], 5))
    airy = ~voiced & ~sibilant & (loudness > max(0.006, floor)) & (loudness < 0.4) & (spectra.centroid > BREATH_HZ)
    breath = sum(float(loudness[first:after].sum()) for first, after in _runs(airy) if after - first >= BREATH_FRAMES)
    index = breath / float(loudness[voiced].sum())
    return "low" if index < BREATH_LEVELS[0] else "moderate" if index < BREATH_LEVELS[1] else "high"


def _room(spectra: spectrum.Spectra, level: float) -> bool | None:
    """A steady sound in the pauses that is loud enough to be a room."""
    inner = spectra.rms[3:-3]
    quiet = inner < level * 10 ** (-PAUSE_DB / 20)
    pauses = [inner[first + 3 : after - 3] for first, after in _runs(quiet) if after - first >= PAUSE_FRAMES]
    if not pauses:
        return None
    decibels = 20 * np.log10(np.concatenate(pauses) + 1e-9)
    low, high = np.percentile(decibels, (10, 75))
    return bool(low > ROOM_DBFS and high - low < ROOM_SPREAD)


def _voiced_frames(spectra: spectrum.Spectra) -> Mask:
    track = spectra.voice
    at = np.arange(len(spectra.rms)) / spectrum.FRAME_RATE / track.step
    index = np.round(at).astype(int).clip(0, max(len(track.frequency) - 1, 0))
    return np.asarray(track.frequency[index] > 0) if len(track.frequency) else np.zeros(len(index), bool)


def _runs(mask: Mask) -> list[tuple[int, int]]:
    edges = np.diff(np.concatenate(([False], mask, [False])).astype(np.int8))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
