"""The analysis of lyrics that clients receive, computed here without a model, and the check before it."""

from __future__ import annotations

from typing import Any

from dawg_server.lyrics import advice, genres, structure, syllables
from dawg_server.lyrics.structure import LyricsSection

METHOD = "computed"
MIN_LINES = 4
MAX_LINES = 100
MIN_DISTINCT_SHARE = 0.3


def analyze(lyrics: str, genre: str | None = None, suggested_structure: object = None) -> dict[str, Any]:
    """`{structure, recommendations, genreAdvice (only with a genre), method}`; never fails on any text.

    `suggested_structure` (`Verse-Chorus-…` or a list of names) decides where the text itself says nothing, provided
    that it names as many sections as the text has. Raises `errors.ValidationError` for an unknown genre.
    """
    profile = genres.resolve(genre) if genre is not None else genres.OTHER
    sections = structure.read(lyrics, structure.parse_suggested(suggested_structure))
    return of_sections(sections, profile, for_genre=genre is not None)


def of_sections(sections: list[LyricsSection], profile: genres.GenreProfile, *, for_genre: bool) -> dict[str, Any]:
    """The same for sections that have been read already."""
    analysis = {
        "structure": describe(sections, profile),
        "recommendations": advice.for_sections(sections, profile),
        "method": METHOD,
    }
    if for_genre:
        analysis["genreAdvice"] = advice.for_genre(sections, profile)
    return analysis


def describe(sections: list[LyricsSection], profile: genres.GenreProfile) -> dict[str, Any]:
    """`{sections, repeatedSections, estimatedLength in seconds, structure}`."""
    return {
        "sections": [
            {
                "lineStart": section.start,
                "lineEnd": section.end,
                "sectionType": section.kind,
                "sectionNumber": section.number,
                "confidence": round(section.confidence, 2),
                "reasoning": section.reasoning,
                "syllables": [syllables.count(line) for line in section.lines],
            }
            for section in sections
        ],
        "repeatedSections": [
            {
                "sectionType": together[0].kind,
                "occurrences": len(together),
                "lineRanges": [{"start": section.start, "end": section.end} for section in together],
            }
            for together in structure.repeated(sections)
        ],
        "estimatedLength": structure.seconds(sections, profile),
        "structure": structure.form(sections),
    }


def validate(lyrics: str) -> dict[str, Any]:
    """`{valid, warnings, lyricsLength, lineCount}` before anything costs time or money. Warnings stop nothing.

    `lyricsLength` in characters; `lineCount` without blank lines; `valid`: no warnings.
    """
    lines = [line.strip().casefold() for line in lyrics.split("\n") if line.strip()]
    warnings = []
    if len(lines) < MIN_LINES:
        warnings.append(f"These lyrics are very short: {len(lines)} lines. At least {MIN_LINES} make a section.")
    if len(lines) > MAX_LINES:
        warnings.append(f"These lyrics are very long: {len(lines)} lines. Most songs have fewer than {MAX_LINES}.")
    distinct = len(set(lines))
    if lines and distinct < MIN_DISTINCT_SHARE * len(lines):
        warnings.append(f"Only {distinct} of {len(lines)} lines are different. Is that meant?")
    return {"valid": not warnings, "warnings": warnings, "lyricsLength": len(lyrics), "lineCount": len(lines)}
