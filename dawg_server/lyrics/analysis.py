"""The analysis of lyrics that clients receive (contract, section 9.2), computed here without a model."""

from __future__ import annotations

from typing import Any

from dawg_server.lyrics import advice, genres, structure, timing
from dawg_server.lyrics.structure import Section

METHOD = "computed"


def analyze(lyrics: str, genre: str | None = None, suggested_structure: object = None) -> dict[str, Any]:
    """`{structure, recommendations, genreAdvice (only with a genre), method}`; never fails on any text.

    `suggested_structure` (`Verse-Chorus-…` or a list of names) decides where the text itself says nothing, provided
    that it names as many sections as the text has. Raises `errors.ValidationError` for an unknown genre.
    """
    profile = genres.resolve(genre) if genre is not None else genres.OTHER
    sections = structure.read(lyrics, structure.parse_suggested(suggested_structure))
    return of_sections(sections, profile, for_genre=genre is not None)


def of_sections(sections: list[Section], profile: genres.Profile, *, for_genre: bool) -> dict[str, Any]:
    """The same for sections that have been read already."""
    analysis = {
        "structure": describe(sections, profile),
        "recommendations": advice.for_sections(sections, profile),
        "method": METHOD,
    }
    if for_genre:
        analysis["genreAdvice"] = advice.for_genre(sections, profile)
    return analysis


def describe(sections: list[Section], profile: genres.Profile) -> dict[str, Any]:
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
        "estimatedLength": timing.seconds(sections, profile),
        "structure": structure.form(sections),
    }
