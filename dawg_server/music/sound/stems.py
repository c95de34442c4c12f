"""The processing of one stem: saturation, wow and flutter, equaliser and reverb, ducking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music import score as scores
from dawg_server.music.sound import kits, profiles, space
from dawg_server.music.sound.movement import Ducker, Wobble
from dawg_server.music.sound.sequencer import SoundEvent, StemBlock
from dawg_server.music.sound.strip import ChannelStrip
from dawg_server.music.sound.tone import Samples

DUCKED = {"bass": 1.0, "chords": 1.0, "melody": 0.5}  # share of the genre's ducking
PUSH = 0.5  # of the drums' saturation more for each LU above what streaming services play
ROOM_DB = {"drums": -3.0, "bass": -9.0, "chords": 0.0, "melody": 1.0}  # beside the common amount


class Stem:
    """Processes the adjoining blocks of one stem."""

    def __init__(
        self,
        name: str,
        score: scores.Score,
        events: Sequence[SoundEvent],
        rate: int,
        block: int,
        loudness_target: float = profiles.STREAMING,
    ) -> None:
        """`loudness_target` (LUFS) is that of the whole: drums that are to be loud have their peaks rounded here, where
        nothing else suffers from it."""
        profile = profiles.of(score.genre)
        beat = 60.0 / score.bpm
        pushed = 1 + PUSH * max(0.0, loudness_target - profiles.STREAMING) if name == "drums" else 1.0
        self._drive = _drive(name, profile, score.grit) * pushed
        sends = any(event.wet for event in events if event.stem == name)
        room = _impulse(name, profile, score, rate, beat) if sends else None
        self._strip = ChannelStrip(rate, block, _bands(name, profile, score), room)
        worn = profile.wobble * score.grit if name in ("chords", "melody") else 0.0
        period = score.duration if score.loop else None
        self._wobble = Wobble(rate, worn, 3, period) if worn > 0 else None
        depth = profile.duck_db * DUCKED.get(name, 0.0)
        kicks = [event.start for event in events if event.stem == "drums" and event.pitch in kits.KICKS]
        self._ducker = Ducker(kicks, rate, depth, profile.duck_beats * beat) if depth and kicks else None

    def process(self, dry_block: StemBlock, start: int) -> tuple[Samples, float]:
        """The finished block (frames, 2) and its K-weighted power."""
        dry, wet, silent, sends = dry_block.dry, dry_block.wet, dry_block.silent, dry_block.sends
        if self._drive > 0 and not silent:
            dry = np.tanh(dry * np.float32(self._drive)) * np.float32(1 / self._drive)
        if self._wobble is not None and not (silent and self._wobble.still):
            moved = self._wobble.process(np.column_stack([dry, wet]), start)
            dry, wet, silent, sends = moved[:, :2], moved[:, 2], False, True
        out, power = self._strip.process(dry, wet if sends else None, silent)
        if self._ducker is not None:
            out *= self._ducker.gain(start, len(out))[:, None]
        return out, power


def _drive(name: str, profile: profiles.MixProfile, grit: float) -> float:
    if name == "drums":
        return profile.drive * (0.5 + grit)
    return {"bass": 0.4 + 0.8 * grit, "chords": 1.2 * max(0.0, grit - 0.3), "melody": 0.8 * max(0.0, grit - 0.3)}[name]


def _bands(name: str, profile: profiles.MixProfile, score: scores.Score) -> tuple[Band, ...]:
    tilt = score.brightness - 0.5
    bands = [Band("high shelf", 5500.0, 9.0 * tilt, 0.6), Band("low shelf", 190.0, -2.5 * tilt, 0.6)]
    if name == "drums":
        bands.append(Band("high pass", 26.0))
    elif name == "bass":
        bands += [Band("high pass", 26.0), Band("bell", 250.0, -1.5, 0.9)]
    else:
        low = profile.chords_low if name == "chords" else 140.0
        bands += [Band("high pass", low), Band("bell", 300.0, -1.5, 0.8)]
        if profile.wobble:
            bands.append(Band("low pass", 15_000.0 - 8_500.0 * score.grit))
    return tuple(bands)


def _impulse(name: str, profile: profiles.MixProfile, score: scores.Score, rate: int, beat: float) -> Samples:
    level = 10 ** ((-19.0 + 15.0 * score.space + ROOM_DB[name]) / 20)
    seconds = (0.5 + 1.7 * score.space) * profile.room * (0.55 if name in ("drums", "bass") else 1.0)
    echo = profile.echo * (0.4 + 1.2 * score.space) if name == "melody" else 0.0
    return space.impulse(rate, score.seed & 0xFFFF, max(0.25, seconds), level, profile.echo_beats * beat, echo)
