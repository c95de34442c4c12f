"""A project as a browser keeps it: made from a snapshot, and from then on only from what it is told."""

from __future__ import annotations

import copy
from typing import Any

from dawg_server.daw import entity as registry

TIMES = ("createdAt", "updatedAt")


class Gap(Exception):
    """Something was missed: the next change is further than one revision away."""


class Replica:
    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.load(snapshot)

    def load(self, snapshot: dict[str, Any]) -> None:
        snapshot = copy.deepcopy(snapshot)
        self.revision: int = snapshot["revision"]
        self.project = {
            name: snapshot[name]
            for name in ("id", "name", "description", "bpm", "key", "timeSignature", "sampleRate", "isPublic", "lyrics")
        }
        self.tracks: dict[str, dict[str, Any]] = {}
        self.clips: dict[str, dict[str, Any]] = {}
        for track in snapshot["tracks"]:
            for clip in track["clips"]:
                self.clips[clip["id"]] = clip
            for kind in registry.contents():
                if kind.within == "whole parent":
                    track.pop(kind.plural, None)
            self.tracks[track["id"]] = track

    def document(self) -> dict[str, Any]:
        """Everything but times, in a form that can be compared."""
        tracks = sorted(self.tracks.values(), key=lambda track: track["order"])
        clips = sorted(self.clips.values(), key=lambda clip: clip["id"])
        return {
            "project": self.project,
            "tracks": [
                _timeless({**track, "sends": sorted(track["sends"], key=lambda send: send["id"])}) for track in tracks
            ],
            "clips": [_timeless(clip) for clip in clips],
        }

    def hear(self, name: str, news: dict[str, Any]) -> None:
        """One event of a room. What is known already is passed over."""
        if name.startswith("project:") and name in ("project:undone", "project:redone", "project:deleted"):
            return
        if not self._next(news["revision"]):
            return
        if name == "project:updated":
            self.project |= news["update"]
        elif name == "lyrics:updated":
            target = self.tracks[news["trackId"]] if news["trackId"] else self.project
            target["lyrics"] = news["lyrics"]
        elif name == "track:created":
            self.tracks[news["track"]["id"]] = {"sends": [], **copy.deepcopy(news["track"])}
        elif name == "track:updated":
            if news["trackId"] in self.tracks:
                self.tracks[news["trackId"]] |= copy.deepcopy(news["changes"])
        elif name == "track:deleted":
            del self.tracks[news["trackId"]]
        elif name == "track:reordered":
            self._reorder(news["trackOrders"])
        elif name == "clip:created":
            self.clips[news["clip"]["id"]] = copy.deepcopy(news["clip"])
        elif name == "clip:updated":
            self.clips[news["clipId"]] |= copy.deepcopy(news["changes"])
        elif name == "clip:deleted":
            del self.clips[news["clipId"]]
        else:
            raise AssertionError(f"unknown event {name}")

    def catch_up(self, operations: list[dict[str, Any]]) -> None:
        """Operations of the log, or of the ack of an own change."""
        for operation in operations:
            if self._next(operation["revision"]):
                self._apply(**{name: operation[name] for name in ("kind", "entity", "entityId", "changes")})

    def _apply(self, kind: str, entity: str, entityId: str, changes: dict[str, Any]) -> None:
        changes = copy.deepcopy(changes)
        if kind == "reorder":
            self._reorder(changes["trackOrders"])
        elif entity == "project":
            self.project |= changes
        elif entity == "send":
            self._apply_send(kind, entityId, changes)
        else:
            things = self.tracks if entity == "track" else self.clips
            if kind == "create":
                things[entityId] = {"sends": [], **changes} if entity == "track" else changes
            elif kind == "update":
                things[entityId] |= changes
            else:
                del things[entityId]

    def _apply_send(self, kind: str, id: str, changes: dict[str, Any]) -> None:
        if kind == "create":
            self.tracks[changes["trackId"]]["sends"].append(changes)
            return
        track = next(each for each in self.tracks.values() if any(send["id"] == id for send in each["sends"]))
        if kind == "delete":
            track["sends"] = [send for send in track["sends"] if send["id"] != id]
        else:
            next(send for send in track["sends"] if send["id"] == id).update(changes)

    def _reorder(self, orders: list[dict[str, Any]]) -> None:
        for pair in orders:
            if pair["id"] in self.tracks:
                self.tracks[pair["id"]]["order"] = pair["order"]

    def _next(self, revision: int) -> bool:
        if revision <= self.revision:
            return False
        if revision != self.revision + 1:
            raise Gap(f"from {self.revision} to {revision}")
        self.revision = revision
        return True


def document(snapshot: dict[str, Any]) -> dict[str, Any]:
    return Replica(snapshot).document()


def _timeless(thing: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if name not in TIMES}
