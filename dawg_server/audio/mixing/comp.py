"""The best of several recordings of the same part, as one recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dawg_server import errors
from dawg_server.audio import codecs
from dawg_server.audio.mixing import render, takes
from dawg_server.audio.mixing.arrangement import Arrangement, Clip, Track

_BPM = 120.0  # nothing here is counted in beats
_SHORTEST = 1e-3  # seconds

Report = Callable[[float], None]


def comp(
    sources: Sequence[str],
    target: str,
    seconds: float,
    *,
    bit_depth: int = 24,
    report: Report = lambda fraction: None,
) -> dict[str, Any]:
    """Writes the best stretches of `sources`, which begin at the same moment, to the WAV file `target`.

    `seconds`: of a stretch. Returns `facts` (columns of `audio_files`) and `segments`, each with the number of its
    source. Raises NoAudio where none of them can be heard.
    """
    infos = [codecs.probe(source, max_seconds=None) for source in sources]
    lengths = [info.frames / info.rate for info in infos]
    recordings = tuple(
        Track(str(number), clips=(Clip(0.0, length, path=source),))
        for number, (source, length) in enumerate(zip(sources, lengths, strict=True))
    )
    rate = max(info.rate for info in infos)
    parts = takes.compare(
        Arrangement(rate, _BPM, recordings),
        [track.id for track in recordings],
        seconds,
        lambda done: report(0.7 * done),
    )
    if not parts:
        raise errors.NoAudio("None of these recordings can be heard.")
    clips, segments = [], []
    for part in parts:
        number, start = int(part["trackId"]), float(part["start"])
        duration = min(float(part["duration"]), lengths[number] - start)
        if duration < _SHORTEST:
            continue
        fade_in = min(part["fadeIn"], duration)
        fade_out = min(part["fadeOut"], duration - fade_in)
        clips.append(Clip(start, duration, start, fade_in, fade_out, path=sources[number]))
        segments.append({"take": number, "start": round(start, 3), "duration": round(duration, 3)})
    chosen = Arrangement(rate, _BPM, (Track("comp", clips=tuple(clips)),))
    made = render.render(
        chosen,
        target,
        "wav",
        end=max(lengths),
        bit_depth=bit_depth,
        report=lambda done: report(0.7 + 0.3 * done),
    )
    return {"facts": made["facts"], "segments": segments}
