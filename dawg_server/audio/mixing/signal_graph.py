"""Where each track's sound goes: what has to be played, in which order, and how late everything is.

- Pan is equal-power with 0 dB in the middle (`√2 cos`, `√2 sin`): the two sides' powers always add up to the same, and
  a track in the middle passes untouched. A mono recording is as loud as a stereo one with the same on both sides.
- Solo: only what passes at least one soloed track on its way is heard; soloing a bus lets its feeders through it. So a
  bus that hears both soloed tracks and others is two nodes, one for each.
- Mute silences a track's output and all of its sends, also those before the fader. What listens to a track (a side
  chain) hears it before its fader, muted or not, soloed or not.
- A send before the fader takes the track's sound as it is, one after the fader times its volume; the track's pan does
  not matter to a send, which has its own.
- Where devices are late, everything that meets their sound is delayed by as much.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from dawg_server import errors
from dawg_server.audio.filters import Value
from dawg_server.audio.mixing import arrangement
from dawg_server.audio.mixing.arrangement import Arrangement, Track, TrackSend


def pan_gains(pan: Value) -> tuple[Value, Value]:
    """Of the left and the right side."""
    angle = (np.clip(pan, -1.0, 1.0) + 1) * (math.pi / 4)
    return math.sqrt(2) * np.cos(angle), math.sqrt(2) * np.sin(angle)


@dataclass(eq=False)
class Node:
    """A track, or that part of a bus's sound that has passed a soloed track (`passed`) or has not.

    `ways`: by which send, or by its output, to which node its sound goes; None is the output of the whole.
    """

    track: Track
    passed: bool
    ways: list[tuple[TrackSend | None, Node | None]] = field(default_factory=list)


class SignalGraph:
    """`order`: the nodes that have to be played, each after those that it needs. Raises ValidationError for a loop.

    They are those that are heard, and what they listen to; with `only` those that are needed for that track's sound
    before its fader.
    """

    def __init__(self, project: Arrangement, only: str | None = None) -> None:
        self._tracks = {track.id: track for track in project.tracks}
        self._master = next((track for track in project.tracks if track.kind == arrangement.MASTER), None)
        self._any_solo = any(track.solo for track in project.tracks if track is not self._master)
        self._nodes: dict[tuple[str, bool], Node] = {}
        self._open: list[str] = []
        for track in project.tracks:
            self._enter(track, passed=False)
        self._feeders: dict[Node, list[Node]] = {node: [] for node in self._nodes.values()}
        for node in self._nodes.values():
            for _, to in node.ways:
                if to is not None and node not in self._feeders[to]:
                    self._feeders[to].append(node)
        wanted = (
            self.nodes_of(only)
            if only is not None
            else [node for node in self._nodes.values() if any(to is None for _, to in node.ways)]
        )
        self.order: list[Node] = []
        self._visiting: set[Node] = set()
        self._sounding: set[Node] = set()
        self._listened = {each.sidechain for track in project.tracks for each in track.devices}
        for node in wanted:
            self._visit(node)
        self.order = [node for node in self.order if self._sounds(node)]

    def nodes_of(self, track_id: str) -> list[Node]:
        return [node for (id, _), node in self._nodes.items() if id == track_id]

    def listened(self, node: Node) -> list[tuple[int, list[Node]]]:
        """Which of its devices hear which nodes."""
        return [
            (number, self.nodes_of(device.sidechain))
            for number, device in enumerate(node.track.devices)
            if device.sidechain in self._tracks
        ]

    def feeders(self, node: Node) -> Collection[Node]:
        return [each for each in self._feeders[node] if each in self._sounding]

    def _enter(self, track: Track, *, passed: bool) -> Node:
        key = track.id, passed
        if key in self._nodes:
            if track.id in self._open:
                self._refuse(track)
            return self._nodes[key]
        if track.id in self._open:
            self._refuse(track)
        self._open.append(track.id)
        node = self._nodes[key] = Node(track, passed)
        if not track.unheard and (not track.muted or track.envelope("mute")):
            heard = passed or (track.solo and track is not self._master)
            node.ways += self._out(None, track.output, track, heard)
            for send in track.sends if track is not self._master else ():
                if send.enabled and send.destination in self._tracks:
                    node.ways += self._out(send, send.destination, track, heard)
        self._open.pop()
        return node

    def _out(
        self, send: TrackSend | None, destination: str | None, track: Track, passed: bool
    ) -> Iterable[tuple[TrackSend | None, Node | None]]:
        if track is self._master:
            return [(send, None)] if passed or not self._any_solo else []
        target = self._tracks.get(destination) if destination else self._master
        if target is None:
            return [(send, None)] if passed or not self._any_solo else []
        return [(send, self._enter(target, passed=passed))]

    def _visit(self, node: Node) -> None:
        if node in self._visiting:
            self._refuse(node.track)
        if node in self.order:
            return
        self._visiting.add(node)
        for each in (*self._feeders[node], *(one for _, nodes in self.listened(node) for one in nodes)):
            self._visit(each)
        self._visiting.discard(node)
        self.order.append(node)

    def _sounds(self, node: Node) -> bool:
        """Whether anything can be heard of it, or be missed by what listens to it."""
        listened = node.track.id in self._listened
        if (node.track.clips and not node.passed) or listened or self.feeders(node):
            self._sounding.add(node)
            return True
        return False

    def _refuse(self, track: Track) -> None:
        raise errors.ValidationError("The routing of this project has a loop.", details={"track": track.id})
