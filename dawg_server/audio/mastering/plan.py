"""Decides what the mastering chain does, from what was measured and what was asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.audio.mastering.balance import BANDS, BASS_HZ, Balance
from dawg_server.audio.mixing.dynamics import CompressorSettings

LOUDNESS = {"streaming": -14.0, "cd": -9.0, "club": -8.0}  # LUFS

# dB per octave band: flat in the bass, falling 2 dB per octave in the middle and faster at the top, as the long-term
# spectra of popular recordings do (Pestana, Ma, Reiss, Barbosa, Black: "Spectral characteristics of popular commercial
# recordings 1950-2010", 135th AES Convention, 2013).
_USUAL = (-3.0, 1.0, 0.0, -2.0, -4.0, -6.0, -8.5, -11.5, -15.5)
_TILTS = {  # dB added at the lowest and the highest band of a genre; those between in a straight line
    "trap": (2.5, 1.0),
    "drill": (2.5, 0.0),
    "hip hop": (1.5, 0.0),
    "boom bap": (1.0, -1.5),
    "lo-fi": (0.0, -4.0),
    "house": (1.5, 0.5),
    "techno": (2.0, 0.0),
    "drum and bass": (2.0, 1.0),
    "r&b": (1.0, 0.5),
    "pop": (0.0, 1.0),
    "rock": (-0.5, 0.5),
}
_QUALITY_TILTS = {"streaming": (0.0, 0.0), "cd": (0.0, 0.5), "club": (1.5, 0.0)}
_TOLERANCE_DB = 2.0  # a deviation as small as that is character
_SHARE = 0.5  # of what is beyond, corrected
_MOST_DB = 3.0
_CLOSE_DB, _CLOSE_ENOUGH_DB, _MOST_MATCHED_DB, _MATCHED_Q = 0.7, 1.6, 8.0, 1.2
_LOW_CUT_HZ = 24.0
_GLUE = {"streaming": (1.4, 1.0), "cd": (1.8, 3.0), "club": (2.0, 4.0)}  # ratio, dB below the busy level
_WIDEST_DB = -3.0  # sides relative to the middle
_WIDEST_BASS_DB = -15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`width`: factor of the sides; `mono_bass_hz`: below it, only the middle stays (0 = untouched)."""

    low_cut_hz: float
    equaliser: tuple[Band, ...]
    width: float
    mono_bass_hz: float
    compressor: CompressorSettings

    def describe(self) -> dict[str, Any]:
        """For people and for the job's result."""
        settings = asdict(self.compressor)
        return {
            "lowCut": {"frequency": self.low_cut_hz},
            "equalizer": [
                {"type": b.kind, "frequency": b.frequency, "gain": b.gain_db, "q": b.q} for b in self.equaliser
            ],
            "stereo": {"width": self.width, "monoBassBelow": self.mono_bass_hz},
            "compressor": {
                "threshold": settings["threshold_db"],
                "ratio": settings["ratio"],
                "attackMs": settings["attack_ms"],
                "releaseMs": settings["release_ms"],
                "knee": settings["knee_db"],
            },
        }


def make(measured: Balance, quality: str, genre: str | None) -> Plan:
    """`quality` is a key of `LOUDNESS`; an unknown or absent `genre` has no taste of its own."""
    ratio, depth = _GLUE[quality]
    wide = min(1.0, 10 ** ((_WIDEST_DB - measured.side_db) / 20))
    return Plan(
        low_cut_hz=_LOW_CUT_HZ,
        equaliser=_equaliser(deviation(measured, quality, genre)),
        width=round(wide, 3),
        mono_bass_hz=BASS_HZ if measured.bass_side_db > _WIDEST_BASS_DB else 0.0,
        compressor=CompressorSettings(round(measured.busy_db - depth, 1), ratio, 30.0, 200.0, 8.0, ear_hz=100.0),
    )


def deviation(measured: Balance, quality: str, genre: str | None) -> tuple[float, ...]:
    """dB per band by which the sound is above what is usual, level not counted."""
    low, high = np.array(_TILTS.get(genre or "", (0.0, 0.0))) + _QUALITY_TILTS[quality]
    wanted = np.array(_USUAL) + np.linspace(low, high, len(BANDS))
    differs = np.array(measured.bands) - wanted
    # Bands that hold nothing at all say nothing about the tone of the others.
    heard = np.array(measured.bands) > max(measured.bands) - 45
    differs = np.where(heard, differs - differs[heard].mean(), 0.0)
    return tuple(float(value) for value in differs)


def matched(measured: Balance, genre: str, rate: int) -> tuple[Band, ...]:
    """The equaliser that brings what was not recorded, and can be changed at will, close to the genre's spectrum:
    about `_CLOSE_DB` in every octave from 60 Hz up, as far as `_MOST_MATCHED_DB` reach."""
    differs = np.array(deviation(measured, "streaming", genre))[1:]
    differs -= differs.mean()
    beyond = np.sign(differs) * np.maximum(0.0, np.abs(differs) - _CLOSE_DB)
    if np.abs(differs).max() <= _CLOSE_ENOUGH_DB:
        return ()
    centres = np.array(BANDS[1:])
    inside = centres[:, None] * 2 ** np.linspace(-0.45, 0.45, 7)
    z = np.exp(-2j * np.pi * inside / rate)
    effects = []  # of one decibel of each bell in all bands
    for centre in centres:
        bell = Band("bell", centre, 1.0, _MATCHED_Q).section(rate)
        response = (bell.b0 + z * (bell.b1 + z * bell.b2)) / (1 + z * (bell.a1 + z * bell.a2))
        effects.append((20 * np.log10(np.abs(response))).mean(axis=1))
    gains = np.clip(np.linalg.solve(np.array(effects).T, -beyond), -_MOST_MATCHED_DB, _MOST_MATCHED_DB)
    return tuple(
        Band("bell", centre, round(float(gain), 2), _MATCHED_Q)
        for centre, gain in zip(centres, gains, strict=True)
        if abs(gain) >= 0.2
    )


def _equaliser(differs: tuple[float, ...]) -> tuple[Band, ...]:
    bands = []
    for index, (frequency, off) in enumerate(zip(BANDS, differs, strict=True)):
        beyond = np.sign(off) * max(0.0, abs(off) - _TOLERANCE_DB)
        gain = round(float(np.clip(-_SHARE * beyond, -_MOST_DB, _MOST_DB)), 2)
        kind = "low shelf" if index == 0 else "high shelf" if index == len(BANDS) - 1 else "bell"
        if abs(gain) >= 0.2:
            bands.append(Band(kind, frequency, gain, 0.7 if kind != "bell" else 1.1))
    return tuple(bands)
