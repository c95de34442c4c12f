"""A project as the mixer sees it: tracks, what lies on them, and where they lead. Times in seconds, no database."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dawg_server.daw.tempo_map import TempoMap
from dawg_server.music.score import Note

AUX, MASTER = "AUX", "MASTER"


@dataclass(frozen=True, slots=True)
class MidiControls:
    """What moves the notes of a clip: `controllers` `(beat, number, value)`, `bends` `(beat, semitones)`, sorted."""

    controllers: tuple[tuple[float, int, int], ...] = ()
    bends: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class SampledSound:
    """A recording by which notes are played; parameters of the type `sampler` of `devices.catalogue`."""

    path: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording (`path`) or notes (`notes`, in beats from the beginning of the material) on the timeline, which
    `sampler` plays if there is one, else `instrument`.

    `offset` is where in the material the clip begins. With `original_bpm` a recording is stretched from that tempo to
    that of the project. Fades are straight lines in amplitude, as a browser's `linearRampToValueAtTime` draws them, or
    of `equal_power`: sin(x π/2), so that the powers of two clips of which one fades in while the other one fades out
    add up to 1. With `parts`
    these play instead, in seconds of the recording from `offset` on, through its gain and fades.
    """

    start: float
    duration: float
    offset: float = 0.0
    fade_in: float = 0.0
    fade_out: float = 0.0
    gain_db: float = 0.0
    path: str | None = None
    notes: tuple[Note, ...] = ()
    instrument: str = "grand piano"
    sampler: SampledSound | None = None
    equal_power: bool = False
    controls: MidiControls | None = None
    original_bpm: float | None = None
    parts: tuple[Clip, ...] = ()

    @property
    def end(self) -> float:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class TrackSend:
    """A second way out of a track, to an AUX track. `level` and `pan` as on tracks; envelopes know it by its `id`."""

    destination: str
    level: float = 0.8
    pan: float = 0.0
    pre_fader: bool = False
    enabled: bool = True
    id: str = ""


@dataclass(frozen=True, slots=True)
class Insert:
    """A device in the chain of a track: its type and parameters are those of `devices.catalogue`.

    `sidechain`: the track whose sound, after its own devices and before its fader, it listens to.
    """

    id: str
    type: str
    parameters: Mapping[str, Any]
    sidechain: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """Moves `target` (volume, pan, mute, send, device) of its track by points `(seconds, value, curve)`, sorted.

    `of`: the id of the send or the device, `parameter` that of the device. What the curves are: `envelopes.Curve`.
    """

    target: str
    points: tuple[tuple[float, float, str], ...]
    of: str = ""
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """`volume` is linear, 1 = unity; `pan` -1..1; `mono` folds the track before its pan; no `output` is the master, or
    the `group` that it is in. `unheard`: it is only there for the side chains that listen to it.
    """

    id: str
    name: str = ""
    kind: str = "AUDIO"
    volume: float = 1.0
    pan: float = 0.0
    muted: bool = False
    solo: bool = False
    mono: bool = False
    output: str | None = None
    group: str | None = None
    clips: tuple[Clip, ...] = ()
    sends: tuple[TrackSend, ...] = ()
    devices: tuple[Insert, ...] = ()
    envelopes: tuple[Envelope, ...] = ()
    unheard: bool = False

    def envelope(self, target: str, of: str = "") -> Envelope | None:
        return next((each for each in self.envelopes if (each.target, each.of) == (target, of)), None)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`rate` in Hz; the tracks in their order in the project; `tempo` where that is not `bpm` all the time."""

    rate: int
    bpm: float
    tracks: tuple[Track, ...] = ()
    tempo: TempoMap | None = None

    @property
    def tempo_map(self) -> TempoMap:
        return self.tempo or TempoMap(self.bpm)

    @property
    def end(self) -> float:
        """When the last clip is over, muted or not; 0 for an empty project."""
        return max((clip.end for track in self.tracks if not track.unheard for clip in track.clips), default=0.0)

    def clips(self) -> Iterator[Clip]:
        """Every clip, with what it is made of."""
        for track in self.tracks:
            for clip in track.clips:
                yield from clip.parts or (clip,)


def grouped(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """The same tracks, led into their groups: muted and soloed with them, and heard through their faders.

    What leads to an AUX track of its own does not pass its group, but is muted and soloed with it all the same.
    """
    known = {track.id: track for track in tracks}

    def around(track: Track) -> list[Track]:
        found: dict[str, Track] = {}
        while (group := known.get(track.group or "")) is not None and group.id not in found:
            track = found[group.id] = group
        return list(found.values())

    return tuple(
        dataclasses.replace(
            track,
            muted=track.muted or any(group.muted for group in around(track)),
            solo=track.solo or any(group.solo for group in around(track)),
            output=track.output or track.group,
        )
        for track in tracks
    )
