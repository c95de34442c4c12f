"""What a model reads about the user's things, as data: the text assistant and the voice assistant read the same.

People wrote it: it stands between tags that it cannot close, and the rules of each assistant say that it is data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

MAX_PROJECT = 12_000  # characters; the model can ask for the rest
MAX_CLIPS = 20  # of one track

_PROJECT = ("id", "name", "bpm", "key", "timeSignature", "revision", "role", "lyrics")
_TRACK = ("id", "name", "trackType", "volume", "pan", "isMuted", "isSolo")
_CLIP = ("id", "name", "startTime", "duration")


def quoted(text: str) -> str:
    """Without the characters that make tags."""
    return text.replace("<", "‹").replace(">", "›")


def tagged(name: str, text: str) -> str:
    """The text between `<name>` and `</name>`."""
    return f"<{name}>\n{quoted(text)}\n</{name}>"


def project(snapshot: Mapping[str, Any] | None) -> str:
    """The state of a project (a `Document.snapshot`) and what this user may do with it. None: no project is open."""
    if snapshot is None:
        return "No project is open: functions that need one will say so."
    told = tagged("project", overview(snapshot))
    if snapshot["role"] == "viewer":
        told += "\n\nThis user may only look at and listen to the project, not change it."
    return told


def browser(context: Any) -> str:
    """What the browser says about itself: any JSON."""
    return tagged("browser", orjson.dumps(context).decode())


def overview(snapshot: Mapping[str, Any]) -> str:
    """JSON of at most `MAX_PROJECT` characters; `complete` false when lyrics, clips or tracks were left out for that.

    `clips` are `{id, name, startTime, duration}`, in seconds, of at most `MAX_CLIPS`; a number where only they are
    counted.
    """
    shown: dict[str, Any] = {name: snapshot.get(name) for name in _PROJECT}
    shown["tracks"] = tracks = [_track(each) for each in snapshot["tracks"]]
    while len(text := orjson.dumps(shown).decode()) > MAX_PROJECT and (tracks or shown["lyrics"]):
        shown["complete"] = False
        if shown["lyrics"]:
            shown["lyrics"] = None
        elif any(isinstance(each["clips"], list) for each in tracks):
            for each, whole in zip(tracks, snapshot["tracks"], strict=True):
                each["clips"] = len(whole["clips"])
        else:
            del tracks[-max(1, len(tracks) // 4) :]
    return text


def _track(track: Mapping[str, Any]) -> dict[str, Any]:
    clips = [{name: clip[name] for name in _CLIP} for clip in track["clips"][:MAX_CLIPS]]
    return {
        **{name: track[name] for name in _TRACK},
        "clips": clips if len(track["clips"]) <= MAX_CLIPS else len(track["clips"]),
    }
