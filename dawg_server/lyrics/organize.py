"""A song sheet from rough lyrics: verses, one chorus, one bridge. No sung line gets lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dawg_server.lyrics import structure
from dawg_server.lyrics.structure import LyricsSection


def organize(lyrics: str) -> dict[str, Any]:
    """`{verses[], chorus, bridge, suggestions[], structure}`.

    The chorus is written once; a song without one shows its hook there. Parts that have no place of their own (intro,
    pre-chorus, outro and so on) stand among the verses, where they are sung, and a suggestion says so. Each sung line
    is in one of the texts, or quoted in a suggestion as removed. `chorus` and `bridge` are None when there are none.
    """
    everything = structure.read(lyrics)
    sections = [section for section in everything if section.lines]
    refrain_kind = "chorus" if any(section.kind == "chorus" for section in sections) else "hook"
    refrain = max((s for s in sections if s.kind == refrain_kind), key=lambda s: len(s.lines), default=None)
    bridges = [section for section in sections if section.kind == "bridge"]
    among_verses = _without_repeats([s for s in sections if s.kind not in (refrain_kind, "bridge")])
    kept = {line for s in (*among_verses, *bridges, *([refrain] if refrain else [])) for line in s.lines}
    return {
        "verses": [_text(section) for section in among_verses],
        "chorus": _text(refrain) if refrain else None,
        "bridge": "\n\n".join(_text(section) for section in bridges) or None,
        "suggestions": [*_placed(among_verses), *_once(sections, refrain), *_removed(sections, kept)],
        "structure": structure.form(everything),
    }


def _without_repeats(sections: Sequence[LyricsSection]) -> list[LyricsSection]:
    first: dict[tuple[str, ...], LyricsSection] = {}
    for section in sections:
        first.setdefault(section.lines, section)
    return list(first.values())


def _placed(among_verses: Sequence[LyricsSection]) -> list[str]:
    return [
        f"Entry {at} of the verses is the section {section.title}."
        for at, section in enumerate(among_verses, 1)
        if section.kind != "verse"
    ]


def _once(sections: Sequence[LyricsSection], refrain: LyricsSection | None) -> list[str]:
    said = [
        f"The words of {together[0].title} come {len(together)} times and are written once."
        for together in structure.repeated(sections)
        if together[0].kind == (refrain and refrain.kind) or len({section.lines for section in together}) == 1
    ]
    if refrain is None and sections:
        said.append("No part comes again yet. Choose the lines that carry the title and make them the chorus.")
    if not sections:
        said.append("There are no sung lines yet.")
    return said


def _removed(sections: Sequence[LyricsSection], kept: set[str]) -> list[str]:
    removed = []
    for section in sections:
        lines = [line for line in dict.fromkeys(section.lines) if line not in kept]
        if lines:
            quoted = " / ".join(f"“{line}”" for line in lines)
            removed.append(f"Removed from {section.title}, which is written once: {quoted}")
    return removed


def _text(section: LyricsSection) -> str:
    return "\n".join(section.lines)
