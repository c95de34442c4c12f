"""What a hummed recording tells about the song that it is to become; runs in a worker process."""

from __future__ import annotations

from typing import Any

from dawg_server.audio.analysis import track
from dawg_server.audio.pitch import melody


def hear(path: str, offset: float, seconds: float | None) -> dict[str, Any]:
    """`{melodyInfo, bpm, bpmConfidence}` of an excerpt; raises MelodyTooShort.

    `melodyInfo` as `audio.pitch.melody` has it; a tempo that cannot be judged is None.
    """
    found = melody.transcribe(path, offset=offset, seconds=seconds)
    pulse = track.measure_tempo_and_key(path, offset=offset, seconds=seconds)
    return {"melodyInfo": found, "bpm": pulse["bpm"], "bpmConfidence": pulse["bpmConfidence"]}
