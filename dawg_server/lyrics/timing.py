"""How long lyrics take to sing, estimated from lines and syllables at a genre's usual tempo."""

from __future__ import annotations

from collections.abc import Sequence

from dawg_server.lyrics import syllables
from dawg_server.lyrics.genres import Profile
from dawg_server.lyrics.structure import Section

FASTEST_SYLLABLES_PER_SECOND = 6.0
BARS_WITHOUT_WORDS = 4  # an instrumental intro, solo or break


def seconds(sections: Sequence[Section], profile: Profile) -> int:
    """The length of the whole song in seconds. A label alone counts like the last section of its kind with words."""
    total = 0.0
    latest: dict[str, float] = {}
    for section in sections:
        if section.lines:
            latest[section.kind] = sum(_line_seconds(line, profile) for line in section.lines)
            length = latest[section.kind]
        else:
            length = latest.get(section.kind, BARS_WITHOUT_WORDS * profile.bar_seconds)
        total += length * section.repeats
    return round(total)


def _line_seconds(line: str, profile: Profile) -> float:
    return max(profile.bars_per_line * profile.bar_seconds, syllables.count(line) / FASTEST_SYLLABLES_PER_SECOND)
