"""What a mixing engineer hears of each track before touching a fader: how loud it is, where, and what part it plays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dawg_server.audio import recording_meter
from dawg_server.audio.mastering import balance
from dawg_server.audio.mixing import mixer
from dawg_server.audio.mixing.arrangement import Arrangement, Track

ROLES = ("drums", "bass", "vocals", "other")
_NAMED = {  # words in a track's name that say what it is
    "drums": ("drum", "kick", "snare", "hat", "perc", "beat", "clap", "tom", "808 kit"),
    "bass": ("bass", "808", "sub"),
    "vocals": ("voc", "voice", "sing", "lead vox", "vox", "rap", "choir", "lyric"),
}
_LOW_BANDS = 3  # of `balance.BANDS`, below 220 Hz
_HIGH_BANDS = 2  # above 3.5 kHz
_SOME, _MOST = 0.3, 0.6  # of the energy
_STRUCK_DB, _HATS_CREST_DB = -8.3, 15.0  # told apart on the stems of nine genres


@dataclass(frozen=True, slots=True)
class TrackLevels:
    """`lufs` while it sounds (-inf for silence), before the fader; `crest` in dB."""

    track: Track
    lufs: float
    crest: float
    balance: balance.Balance
    role: str

    @property
    def silent(self) -> bool:
        return math.isinf(self.lufs)


def listen(project: Arrangement, track: Track, frames: int) -> TrackLevels:
    """Plays the track alone with its devices, from the beginning, before its fader."""
    meter, listener = (
        recording_meter.RecordingMeter(project.rate, 2, with_true_peak=False),
        balance.BalanceMeter(project.rate),
    )
    for block in mixer.played(project, 0, frames, only=track.id):
        meter.add(block)
        listener.add(block)
    found = listener.result()
    return TrackLevels(track, meter.lufs, meter.crest, found, _role(track, found, meter.crest))


def _role(track: Track, found: balance.Balance, crest: float) -> str:
    name = track.name.lower()
    for role, words in _NAMED.items():
        if any(word in name for word in words):
            return role
    power = 10 ** (np.array(found.bands) / 10)
    low, high = power[:_LOW_BANDS].sum() / power.sum(), power[-_HIGH_BANDS:].sum() / power.sum()
    struck = 10 * np.log10(high + 1e-12) + crest  # cymbals and sharp attacks
    if (low > _SOME and struck > _STRUCK_DB) or (high > _SOME and crest > _HATS_CREST_DB):
        return "drums"
    return "bass" if low > _MOST else "other"
