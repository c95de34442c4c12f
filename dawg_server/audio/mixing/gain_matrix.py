"""Where each track's sound goes, worked out once: faders, pans, sends and buses are linear and have no memory.

So all ways from a track to the output add up to one 2×2 matrix, and buses need no buffers.

- Pan is equal-power with 0 dB in the middle (`√2 cos`, `√2 sin`): the two sides' powers always add up to the same, and
  a track in the middle passes untouched. A mono recording is as loud as a stereo one with the same on both sides.
- Solo: only what passes at least one soloed track on its way is heard; soloing a bus lets its feeders through it.
- Mute silences a track's output and all of its sends, also those before the fader.
- A send before the fader takes the track's sound as it is, one after the fader times its volume; the track's pan does
  not matter to a send, which has its own.
"""

from __future__ import annotations

import math

import numpy as np

from dawg_server import errors
from dawg_server.audio.arrays import Doubles
from dawg_server.audio.mixing import arrangement
from dawg_server.audio.mixing.arrangement import Arrangement, Track

_FOLD = np.full((2, 2), 0.5)
_NOTHING = np.zeros((2, 2))


def pan_matrix(pan: float) -> Doubles:
    angle = (min(1.0, max(-1.0, pan)) + 1) * math.pi / 4
    return np.diag([math.sqrt(2) * math.cos(angle), math.sqrt(2) * math.sin(angle)])


def gains(project: Arrangement) -> dict[str, Doubles]:
    """For each track's id the matrix M of its clips: `output += block @ M`. Raises ValidationError for a loop."""
    return _Desk(project).gains()


class _Desk:
    def __init__(self, project: Arrangement) -> None:
        self._tracks = {track.id: track for track in project.tracks}
        self._master = next((track for track in project.tracks if track.kind == arrangement.MASTER), None)
        self._any_solo = any(track.solo for track in project.tracks if track is not self._master)
        self._known: dict[tuple[str, bool], Doubles] = {}
        self._open: set[str] = set()

    def gains(self) -> dict[str, Doubles]:
        return {track.id: self._from(track, soloed=False) for track in self._tracks.values()}

    def _from(self, track: Track, soloed: bool) -> Doubles:
        """What becomes of sound that enters a track, having passed a soloed one before or not."""
        if track is self._master:
            return _NOTHING if track.muted or (self._any_solo and not soloed) else _fader(track)
        if track.muted:
            return _NOTHING
        soloed = soloed or track.solo
        key = track.id, soloed
        if key not in self._known:
            if track.id in self._open:
                raise errors.ValidationError("The routing of this project has a loop.", details={"track": track.id})
            self._open.add(track.id)
            self._known[key] = self._ways(track, soloed)
            self._open.discard(track.id)
        return self._known[key]

    def _ways(self, track: Track, soloed: bool) -> Doubles:
        total = _fader(track) @ self._to(track.output, soloed)
        folded = _FOLD if track.mono else np.eye(2)
        for send in track.sends:
            if send.enabled and send.destination in self._tracks:
                level = send.level * (1.0 if send.pre_fader else track.volume)
                total = total + folded @ pan_matrix(send.pan) * level @ self._to(send.destination, soloed)
        return total

    def _to(self, destination: str | None, soloed: bool) -> Doubles:
        track = self._tracks.get(destination) if destination else self._master
        if track is not None:
            return self._from(track, soloed)
        return _NOTHING if self._any_solo and not soloed else np.eye(2)


def _fader(track: Track) -> Doubles:
    panned = pan_matrix(track.pan) * track.volume
    return _FOLD @ panned if track.mono else panned
