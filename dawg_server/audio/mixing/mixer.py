"""The mixer at work: every track's clips through its devices, its fader and its sends, block by block."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Generator, Mapping, Sequence

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.devices import stage as stages
from dawg_server.audio.devices.base import Held, scaled
from dawg_server.audio.filters import Value
from dawg_server.audio.mixing.arrangement import Arrangement, Envelope, Track, TrackSend
from dawg_server.audio.mixing.envelopes import Curve
from dawg_server.audio.mixing.players import Player
from dawg_server.audio.mixing.signal_graph import Node, SignalGraph, pan_gains

BLOCK = 32_768  # frames
Process = Callable[[arrays.Samples], arrays.Samples]
Blocks = Generator[arrays.Samples, None, None]


def played(
    project: Arrangement,
    start: int,
    frames: int,
    *,
    strips: Mapping[str, Callable[[], Process]] | None = None,
    only: str | None = None,
) -> Blocks:
    """The mix: `frames` frames from frame `start` of the timeline on, float32 `(frames, 2)`, not limited to -1..1.

    `strips`: what makes that through which the sound of tracks goes between their devices and their faders, without
    latency, in blocks of `BLOCK`. With `only`, that track's sound before its fader.
    """
    graph = SignalGraph(project, only)
    # Devices remember what was before, so with any of them everything begins at the beginning.
    first = 0 if any(node.track.devices for node in graph.order) else start
    with contextlib.ExitStack() as stack:
        channels: dict[Node, _Channel] = {}
        for node in graph.order:
            strip = (strips or {}).get(node.track.id)
            channels[node] = channel = _Channel(project, node, graph, channels, strip() if strip else None)
            channel.open(first)
            stack.callback(channel.close)
        out = _Output(channels.values(), only)
        skipped = start - first + out.late
        for position in range(0, skipped + frames, BLOCK):
            length = min(BLOCK, skipped + frames - position)
            size = BLOCK if strips else length
            for channel in channels.values():
                channel.play(first + position, size)
            ready = out.mix(size)[max(0, skipped - position) : length]
            if len(ready):
                yield ready


def beat_seconds(project: Arrangement, times: arrays.Doubles) -> arrays.Doubles:
    """How long a beat is at times in seconds."""
    tempo = project.tempo_map
    return 60.0 / tempo.bpm_of(tempo.beats_of(times))


class _Channel:
    """A node of the graph with its devices; all that meets in it is brought to the same time.

    `late_in`: frames by which its sound is late when it comes, `late` when it leaves. After each `play`, `before_fader`
    and `ways` (one block for each way of the node, by its place) hold what has left it.
    """

    def __init__(
        self,
        project: Arrangement,
        node: Node,
        graph: SignalGraph,
        others: Mapping[Node, _Channel],
        strip: Process | None,
    ) -> None:
        track, rate = node.track, project.rate
        self.node, self._project, self._strip = node, project, strip
        self._stages: list[stages.Stage] = []
        listening: list[list[_Channel]] = []
        latency = 0
        feeders = [others[each] for each in graph.feeders(node)]
        self.late_in: int = max((each.late for each in feeders), default=0)
        for device in track.devices:
            if not stages.is_effect(device):
                continue
            curves = {
                each.parameter: Curve(each, rate)
                for each in track.envelopes
                if each.target == "device" and each.of == device.id
            }
            stage = stages.Stage(device, curves, rate, functools.partial(beat_seconds, project))
            heard = [others[each] for each in graph.nodes_of(device.sidechain or "") if stage.device.listens]
            self.late_in = max(self.late_in, *(each.late - latency for each in heard), 0)
            stage.late = latency
            latency += stage.device.latency
            self._stages.append(stage)
            listening.append(heard)
        for stage in self._stages:
            stage.late += self.late_in
        self.late: int = self.late_in + latency
        self._sides = [
            [(each, Held(stage.late - each.late)) for each in heard]
            for stage, heard in zip(self._stages, listening, strict=True)
        ]
        self._feeds = [
            (each, way, Held(self.late_in - each.late))
            for each in feeders
            for way, (_, to) in enumerate(each.node.ways)
            if to is node
        ]
        self._own = Held(self.late_in)  # its clips wait for what feeds it
        self._player: Player | None = None
        self._fader = _Fader(track, rate)
        self.before_fader = np.zeros((0, 2), np.float32)
        self.ways: list[arrays.Samples] = []

    @property
    def is_end(self) -> bool:
        return any(to is None for _, to in self.node.ways)

    def open(self, start: int) -> None:
        if self.node.track.clips and not self.node.passed:
            self._player = Player(self.node.track.clips, self._project.rate, self._project.tempo_map, start)

    def close(self) -> None:
        if self._player is not None:
            self._player.close()

    def play(self, position: int, frames: int) -> None:
        """`position`: the frame of the stream at which the block begins."""
        found = None if self._player is None else self._player.block(frames)
        sound = self._own.process(np.zeros((frames, 2), np.float32) if found is None else found)
        for feeder, way, held in self._feeds:
            sound = sound + held.process(feeder.ways[way])
        for stage, sides in zip(self._stages, self._sides, strict=True):
            side = _sum([held.process(each.before_fader) for each, held in sides]) if sides else None
            sound = stage.process(sound, position, side)
        if self._strip is not None:
            sound = self._strip(sound)
        self.before_fader = sound
        sends = [send for send, _ in self.node.ways]
        self.ways = self._fader.ways(sound, position - self.late, sends)


class _Output:
    """What comes out of the whole, or one track's sound before its fader. `late`: by how many frames."""

    def __init__(self, channels: Collection[_Channel], only: str | None) -> None:
        self._only = only
        ends = [each for each in channels if each.node.track.id == only or (only is None and each.is_end)]
        self.late = max((each.late for each in ends), default=0)
        self._ends = [(each, Held(self.late - each.late)) for each in ends]

    def mix(self, frames: int) -> arrays.Samples:
        """Of what has just been played."""
        total = np.zeros((frames, 2), np.float32)
        for channel, held in self._ends:
            if self._only is not None:
                total += held.process(channel.before_fader)
            else:
                outs = [way for way, (_, to) in zip(channel.ways, channel.node.ways, strict=True) if to is None]
                total += held.process(_sum(outs))
        return total


def _sum(blocks: Sequence[arrays.Samples]) -> arrays.Samples:
    total = blocks[0]
    for block in blocks[1:]:
        total = total + block
    return total


class _Fader:
    """Volume, pan, mute and sends, as they are or as envelopes move them."""

    def __init__(self, track: Track, rate: int) -> None:
        self._track = track

        def curve(envelope: Envelope | None) -> Curve | None:
            return Curve(envelope, rate) if envelope else None

        self._volume, self._pan, self._mute = (curve(track.envelope(each)) for each in ("volume", "pan", "mute"))
        self._levels = {send.id: curve(track.envelope("send", send.id)) for send in track.sends}

    def ways(self, sound: arrays.Samples, start: int, sends: Sequence[TrackSend | None]) -> list[arrays.Samples]:
        """The sound for the output (None) and for each send; `start`: the frame of the timeline at which it begins."""
        track, frames = self._track, len(sound)
        volume = _at(self._volume, start, frames, track.volume)
        if self._mute is not None:
            heard = np.asarray(self._mute.over(start, frames)) < 0.5
            if heard.ndim:
                sound = scaled(sound, heard.astype(np.float64))
            elif not heard:
                sound = np.zeros_like(sound)
        if track.mono:
            middle = (sound[:, 0] + sound[:, 1]) * np.float32(0.5)
            sound = np.stack((middle, middle), axis=1)
        found = []
        for send in sends:
            if send is None:
                found.append(_placed(sound, _at(self._pan, start, frames, track.pan), volume))
            else:
                level = _at(self._levels[send.id], start, frames, send.level)
                found.append(_placed(sound, send.pan, level if send.pre_fader else level * volume))
        return found


def _at(curve: Curve | None, start: int, frames: int, value: float) -> Value:
    return value if curve is None else curve.over(start, frames)


def _placed(sound: arrays.Samples, pan: Value, level: Value) -> arrays.Samples:
    gains = [np.asarray(side * level, np.float32) for side in pan_gains(pan)]
    placed = np.empty_like(sound)
    for lane, gain in enumerate(gains):
        np.multiply(sound[:, lane], gain, out=placed[:, lane])
    return placed
