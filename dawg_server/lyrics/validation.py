"""The quick look at lyrics before anything costs time or money (contract, section 9.2). Its warnings never block."""

from __future__ import annotations

from typing import Any

MIN_LINES = 4
MAX_LINES = 100
MIN_DISTINCT_SHARE = 0.3


def validate(lyrics: str) -> dict[str, Any]:
    """`{valid, warnings, lyricsLength, lineCount}`: characters, and lines that are not blank; `valid` = no warnings."""
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
