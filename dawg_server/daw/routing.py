"""Where the sound of a track goes: its output and its sends, and that it never comes back to itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

MASTER = "master"


def has_loop(tracks: Iterable[Mapping[str, Any]], sends: Iterable[Mapping[str, Any]]) -> bool:
    """Whether sound that leaves some track comes back to it by way of outputs and sends."""
    targets: dict[str, set[str]] = defaultdict(set)
    for track in tracks:
        if track["outputDestination"] != MASTER:
            targets[track["id"]].add(track["outputDestination"])
    for send in sends:
        targets[send["trackId"]].add(send["destinationTrackId"])
    # Takes away what leads nowhere, again and again; whatever remains lies on a loop or leads into one.
    while targets:
        ends = [id for id, reached in targets.items() if not any(each in targets for each in reached)]
        if not ends:
            return True
        for id in ends:
            del targets[id]
    return False
