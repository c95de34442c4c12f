"""Chooses faders, pans, equalisers, compressors and space for tracks, from what was heard of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dawg_server.audio.filters import Band
from dawg_server.audio.mixing import dynamics
from dawg_server.audio.mixing.listening import TrackLevels

PROFILES = ("balanced", "bass-heavy", "bright", "warm")

_LEVELS = {"drums": 0.0, "bass": -2.5, "vocals": 0.0, "other": -4.5}  # LU beside one another, each while it sounds
_PROFILE_LEVELS: dict[str, dict[str, float]] = {
    "balanced": {},
    "bass-heavy": {"bass": 3.0, "drums": 1.0},
    "bright": {"bass": -1.5, "other": 1.0},
    "warm": {"drums": -1.0, "bass": 0.5},
}
_CROWD = 3.0  # dB less for each doubling of the tracks of one role
_TOP = 0.9  # the highest fader
_LOWEST = 0.02
_LOW_CUTS = {"drums": 30.0, "bass": 28.0, "vocals": 85.0, "other": 95.0}  # Hz
_ATTACKS = {"drums": 25.0, "bass": 20.0, "vocals": 8.0, "other": 15.0}  # ms
_SPACES = {"drums": -24.0, "bass": None, "vocals": -17.0, "other": -19.0}  # dB of the send into the room
_PLACES = (0.3, -0.3, 0.5, -0.5, 0.15, -0.15, 0.65, -0.65)  # pans given out among the accompaniment
_WIDE_DB = -12.0  # sides from which on a track has a place of its own already
_LIVELY, _WILD = 13.0, 17.0  # dB of crest
_TONES: dict[str, tuple[Band, ...]] = {
    "balanced": (),
    "bass-heavy": (Band("low shelf", 100.0, 3.0, 0.7), Band("bell", 350.0, -1.0, 1.0)),
    "bright": (Band("high shelf", 6_000.0, 3.0, 0.7), Band("bell", 250.0, -1.0, 1.0)),
    "warm": (Band("bell", 220.0, 2.0, 0.8), Band("high shelf", 7_000.0, -2.5, 0.7)),
}


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """The settings of one track. `send_db`: how much goes to the room, None for nothing."""

    track_id: str
    role: str
    volume: float
    pan: float
    lufs: float | None
    equaliser: tuple[Band, ...]
    low_cut: float
    compressor: dynamics.CompressorSettings | None
    send_db: float | None

    def describe(self) -> dict[str, Any]:
        compressor = self.compressor
        return {
            "trackId": self.track_id,
            "role": self.role,
            "measuredLUFS": self.lufs,
            "volume": self.volume,
            "pan": self.pan,
            "lowCut": self.low_cut,
            "equalizer": [
                {"type": b.kind, "frequency": b.frequency, "gain": b.gain_db, "q": b.q} for b in self.equaliser
            ],
            "compressor": None
            if compressor is None
            else {
                "threshold": compressor.threshold_db,
                "ratio": compressor.ratio,
                "attackMs": compressor.attack_ms,
                "releaseMs": compressor.release_ms,
            },
            "reverbSend": self.send_db,
        }


def strips(heard: Sequence[TrackLevels], profile: str) -> list[ChannelPlan]:
    """A strip for each track, in order. A track that is panned already keeps its place; silent ones keep everything."""
    counts = {role: sum(1 for each in heard if each.role == role and not each.silent) for role in _LEVELS}
    levels = {}
    for each in heard:
        if not each.silent:
            wanted = _LEVELS[each.role] + _PROFILE_LEVELS[profile].get(each.role, 0.0)
            levels[each.track.id] = wanted - _CROWD * math.log2(max(1, counts[each.role])) - each.lufs
    top = max(levels.values(), default=0.0)
    places = iter(_PLACES * 8)
    return [_strip(each, _fader(levels, each, top), _place(each, places), profile) for each in heard]


def tone(profile: str) -> tuple[Band, ...]:
    """The equaliser over the whole mix."""
    return _TONES[profile]


def _fader(levels: dict[str, float], each: TrackLevels, top: float) -> float:
    if each.track.id not in levels:
        return each.track.volume
    return round(max(_LOWEST, _TOP * 10 ** ((levels[each.track.id] - top) / 20)), 3)


def _place(each: TrackLevels, places: Any) -> float:
    alone = each.track.pan == 0 and each.role == "other" and not each.silent
    if alone and each.balance.side_db < _WIDE_DB:
        return float(next(places))
    return each.track.pan


def _strip(each: TrackLevels, volume: float, pan: float, profile: str) -> ChannelPlan:
    bands: list[Band] = []
    if each.role == "other":
        bands.append(Band("bell", 300.0, -1.5, 0.9))  # room for the voice and the bass
    if each.role == "vocals":
        bands.append(Band("bell", 3_500.0, 1.5, 0.9))
    if profile == "bass-heavy" and each.role in ("bass", "drums"):
        bands.append(Band("bell", 70.0, 1.5, 0.9))
    compressor = None
    if each.crest > _LIVELY and not each.silent:
        ratio = 3.0 if each.crest > _WILD else 2.0
        compressor = dynamics.CompressorSettings(
            round(each.balance.busy_db + 3.0, 1), ratio, _ATTACKS[each.role], 150.0
        )
    return ChannelPlan(
        each.track.id,
        each.role,
        volume,
        pan,
        None if each.silent else round(each.lufs, 1),
        tuple(bands),
        _LOW_CUTS[each.role],
        compressor,
        _SPACES[each.role],
    )
