"""Recommendations for a song: what its form lacks for its genre, then what its words suggest (`craft`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dawg_server.lyrics import craft, genres, labels, repetition, structure
from dawg_server.lyrics.craft import Recommendation
from dawg_server.lyrics.genres import GenreProfile
from dawg_server.lyrics.structure import LyricsSection

UNSURE = 0.5  # below that confidence a section had better be labelled
SHORT_SONG_SECONDS, LONG_SONG_SECONDS = 90, 330
LATE_CHORUS_SECONDS = 60
_ORDER = {"warning": 0, "suggestion": 1, "info": 2}


def recommendations(structure: object, genre: str | None, lyrics: str | None = None) -> list[dict[str, Any]]:
    """At least one piece of advice, the most pressing first.

    `structure` is a text (`Verse-Chorus-Verse`) or sections as `analysis.analyze` returns them, alone or under
    `sections`; what cannot be read in it is passed over. With `lyrics` the words are judged too.
    Raises `errors.ValidationError` for an unknown genre.
    """
    profile = genres.resolve(genre) if genre is not None else genres.OTHER
    return for_sections(sections_of(structure, lyrics), profile)


def for_sections(sections: Sequence[LyricsSection], profile: GenreProfile) -> list[dict[str, Any]]:
    """The same for sections that have been read already."""
    found = [*_on_form(sections, profile), *craft.advise(sections, profile), *_on_certainty(sections)]
    found.append(_summary(sections, profile))
    return [one.as_dict() for one in sorted(found, key=lambda one: _ORDER[one.type])]


def for_genre(sections: Sequence[LyricsSection], profile: GenreProfile) -> dict[str, Any]:
    """`{genre, suggestions[]}`: how this song compares with what is usual in the genre. At least one suggestion."""
    suggestions = []
    present = {section.kind for section in sections}
    missing = [part for part in _parts_of(profile.form) if part not in present]
    if missing:
        named = " and ".join(f"no {part}" for part in missing)
        suggestions.append(f"A usual form for {profile.songs} is {profile.form}; this one has {named}.")
    low, high = profile.syllables
    mean = craft.mean_syllables([s for s in sections if s.kind == "verse"] or sections)
    if mean and not low <= mean <= high:
        more = "longer" if mean < low else "shorter"
        suggestions.append(
            f"Lines of {low} to {high} syllables are usual in {profile.songs}; yours have about {mean:.0f}. "
            f"Try {more} ones."
        )
    suggestions.append(f"For {profile.songs}: {profile.craft}.")
    return {"genre": profile.name, "suggestions": suggestions}


def _on_form(sections: Sequence[LyricsSection], profile: GenreProfile) -> Iterator[Recommendation]:
    if not any(section.kind != labels.UNKNOWN for section in sections):
        yield Recommendation(
            "warning",
            "No section of a song can be told yet. Write some lines, with a blank line between the parts.",
            None,
            "There are no sections besides unknown ones.",
            0.9,
        )
        return
    counts = {kind: sum(s.repeats for s in sections if s.kind == kind) for kind in labels.SECTION_TYPES}
    returning = counts["chorus"] + counts["hook"]
    if not returning and {"chorus", "hook"} & set(profile.wants):
        wanted = "hook" if "hook" in profile.wants else "chorus"
        yield Recommendation(
            "warning",
            f"Add a {wanted}: a part that comes again with the same words.",
            None,
            f"No part of this song comes again, and {profile.songs} live on one that does.",
            0.75,
        )
    if returning == 1 and len(sections) > 2:
        first = next(s for s in sections if s.kind in ("chorus", "hook"))
        yield Recommendation(
            "suggestion", f"Let the {first.kind} come again.", first.title, f"There is only one {first.kind}.", 0.7
        )
    if "bridge" in profile.wants and not counts["bridge"] and counts["verse"] > 1 and returning > 1:
        yield Recommendation(
            "suggestion",
            "Try a bridge before the last chorus: new words, another view.",
            "Bridge",
            f"After {counts['verse']} verses and {returning} choruses {profile.songs} usually bring something new.",
            0.6,
        )
    yield from _late_chorus(sections, profile)
    yield from _length(sections, profile)


def _late_chorus(sections: Sequence[LyricsSection], profile: GenreProfile) -> Iterator[Recommendation]:
    at = next((n for n, s in enumerate(sections) if s.kind in ("chorus", "hook")), None)
    if at is None or not any(s.lines for s in sections) or profile.name == "folk":
        return
    wait = structure.seconds(sections[:at], profile)
    if wait > LATE_CHORUS_SECONDS:
        yield Recommendation(
            "suggestion",
            f"Reach the {sections[at].kind} sooner.",
            sections[at].title,
            f"It comes after about {wait} seconds at {profile.tempo_bpm:.0f} bpm, usual for {profile.songs}.",
            0.55,
        )


def _length(sections: Sequence[LyricsSection], profile: GenreProfile) -> Iterator[Recommendation]:
    length = structure.seconds(sections, profile) if any(s.lines for s in sections) else 0
    if length > LONG_SONG_SECONDS or 0 < length < SHORT_SONG_SECONDS:
        size = "long" if length > LONG_SONG_SECONDS else "short"
        yield Recommendation(
            "info",
            f"The words make for a {size} song of about {length} seconds.",
            None,
            f"Estimated from lines and syllables at {profile.tempo_bpm:.0f} bpm.",
            0.5,
        )


def _on_certainty(sections: Sequence[LyricsSection]) -> Iterator[Recommendation]:
    unsure = [section for section in sections if section.confidence < UNSURE]
    if unsure:
        yield Recommendation(
            "info",
            "Label the sections, for example with [Verse 1] and [Chorus] on lines of their own.",
            unsure[0].title,
            f"{len(unsure)} of {len(sections)} sections could only be guessed.",
            0.8,
        )


def _summary(sections: Sequence[LyricsSection], profile: GenreProfile) -> Recommendation:
    shown = structure.form(sections[:12]) + ("…" if len(sections) > 12 else "")
    lines = sum(len(section.lines) for section in sections)
    words = f" and {lines} sung lines" if lines else ""
    usual = f" A usual form for {profile.songs} is {profile.form}."
    return Recommendation(
        "info",
        f"The form is {shown}." if shown else "There is no form yet.",
        None,
        f"{len(sections)} sections{words} were found.{usual}",
        0.7,
    )


def _parts_of(form: str) -> list[str]:
    return [part for part in dict.fromkeys(labels.parse_structure(form)) if part != "intro" and part != "outro"]


def sections_of(given: object, lyrics: str | None) -> list[LyricsSection]:
    """What can be understood of a form in a client's words; see `recommendations`."""
    if isinstance(given, Mapping):
        given = given.get("sections", given.get("structure"))
    ranged = [item for item in given if isinstance(item, Mapping)] if isinstance(given, list) else []
    if ranged:
        return _from_ranges(ranged, (lyrics or "").split("\n"))
    suggested = structure.parse_suggested(given)
    if lyrics is not None and lyrics.strip():
        return structure.read(lyrics, suggested)
    return _from_ranges([{"sectionType": kind} for kind in suggested], [])


def _from_ranges(ranged: Sequence[Mapping[str, Any]], lines: Sequence[str]) -> list[LyricsSection]:
    sung = [labels.read(line)[1] for line in lines]
    sections: list[LyricsSection] = []
    counted: dict[str, int] = defaultdict(int)
    for item in ranged:
        kind = str(item.get("sectionType"))
        kind = kind if kind in labels.SECTION_TYPES else labels.UNKNOWN
        after = sections[-1].end + 1 if sections else 0
        start = max(after, _whole_number(item.get("lineStart"), after))
        end = min(len(sung) - 1, _whole_number(item.get("lineEnd"), after - 1))
        counted[kind] = _whole_number(item.get("sectionNumber"), counted[kind] + 1)
        sure = item.get("confidence")
        words = tuple(words for words in sung[start : end + 1] if words)
        sections.append(
            LyricsSection(
                start,
                max(end, after - 1),
                kind,
                counted[kind],
                sure if isinstance(sure, float) else 1.0,
                "",
                words,
                repetition.NO_GROUP,
            )
        )
    return sections


def _whole_number(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
