"""What a prompt says in numbers: tempo, key, metre and length. Each is taken out of the text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from dawg_server.music import moods
from dawg_server.music.prompt_record import PromptSettings
from dawg_server.music.prompt_structure import StructureReader

TEMPOS = (60.0, 200.0)  # beats per minute
MOST_BARS = 128
SECONDS = (5.0, 300.0)
SIGNATURES = ("2/4", "3/4", "4/4", "5/4", "6/4", "7/4", "5/8", "6/8", "7/8", "9/8", "12/8")

_COUNTS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "sixteen": 16,
    "twenty four": 24,
    "thirty two": 32,
    "sixty four": 64,
}
_ACCIDENTAL = r"(\s*(?:#|♯|b|♭)(?![a-z])|[\s-]*(?:sharp|flat)\b)?"
_MODES = {
    "dorian": (True, "dorian"),
    "phrygian": (True, "phrygian"),
    "aeolian": (True, ""),
    "natural minor": (True, ""),
    "harmonic minor": (True, ""),
    "mixolydian": (False, "mixolydian"),
    "lydian": (False, ""),
    "ionian": (False, ""),
}
_MODE = "|".join(_MODES)


@dataclass
class SettingsReader(StructureReader):
    """The settings besides."""

    values: dict[str, Any] = field(default_factory=dict)
    colour: str = ""

    def read(self) -> None:
        self.text = re.sub(r"['’]", "", self.text).replace("–", "-")
        for word, digits in _COUNTS.items():
            self.text = re.sub(
                rf"\b{word}(?=[\s-]+(?:bars?|seconds?|minutes?|four|eight)\b)", str(digits), self.text, flags=re.I
            )
        self._keys()  # by capital letters, too
        self.text = re.sub(r"\bstraight (?:in ?to|to|away)\b", "into", self.text.lower())
        self._metre()
        self._tempo()
        super().read()
        self._length()

    @property
    def settings(self) -> PromptSettings:
        return PromptSettings(**self.values)

    def _set(self, name: str, value: Any, words: str) -> str:
        """The first one counts."""
        if name in self.values and self.values[name] != value:
            self.ignored.append(f"{words}: something else was said before")
        elif name not in self.values:
            self.values[name] = value
            self.understood.append(words)
        return ""

    def _keys(self) -> None:
        def key(match: re.Match[str], negated: bool) -> str | None:
            tonic = match["tonic"].upper() + _accidental(match["accidental"])
            word = " ".join((match["mode"] or "major").lower().split())
            minor, colour = _MODES.get(word, (word.startswith("min") or word == "m", ""))
            if negated:
                return None
            self.colour = self.colour or colour
            self._unplayed(word, minor)
            named = f"{tonic} {word if colour else 'minor' if minor else 'major'}"
            return self._set("key", f"{tonic}{'m' if minor else ''}", f"in {named}")

        def mode(match: re.Match[str], negated: bool) -> str:
            word = match["mode"].lower()
            minor, colour = _MODES.get(word, (word == "minor", ""))
            if not negated:
                self.colour = self.colour or colour
                self._unplayed(word, minor)
            minor = minor is not negated
            return self._set("minor", minor, word if colour and not negated else "minor" if minor else "major")

        lead = r"\b(?:in\s+)?(?:the\s+)?(?:key\s*(?:of|:|=|is)?\s*)?"
        no_article = r"(?!a[\s-]+(?:minor|major)\s+(?:key|scale|mode|feel|mood|tonality|chords?|third)\b)"
        named = rf"(?P<mode>major|minor|maj|min|{_MODE})"
        self._each(rf"{lead}{no_article}\b(?P<tonic>[a-g]){_named_accidental()}[\s-]*{named}\b", key)
        self._each(rf"{lead}\b(?P<tonic>[A-G])(?P<accidental>[#♯b♭])?(?P<mode>m)\b", key, 0)
        self._each(rf"\b(?:in|[Kk]ey\s*(?:of|:|=)?)\s+(?P<tonic>[A-G]){_named_accidental()}(?P<mode>)(?![\w'])", key, 0)
        scale = r"(?:\s+(?:key|scale|mode|tonality))"
        self._each(rf"\b(?:in\s+)?(?:an?\s+)?(?:(?P<mode>{_MODE})\b{scale}?)", mode)
        self._each(rf"\b(?:in\s+(?:an?\s+)?(?P<mode>minor|major)\b{scale}?)", mode)
        self._each(rf"\b(?P<mode>minor|major){scale}", mode)

    def _unplayed(self, mode: str, minor: bool) -> None:
        if mode in ("lydian", "harmonic minor"):
            self.ignored.append(f"{mode}: played as {'minor' if minor else 'major'}")

    def _metre(self) -> None:
        def metre(match: re.Match[str], negated: bool) -> str:
            signature = f"{match[1]}/{match[2]}"
            if negated or signature not in SIGNATURES:
                self.ignored.append(f"{signature}: metres are {', '.join(SIGNATURES)}")
                return ""
            return self._set("time_signature", signature, signature)

        for count, word in ((3, "three"), (4, "four"), (5, "five"), (6, "six"), (7, "seven"), (12, "twelve")):
            self.text = re.sub(
                rf"\b(?:{word}|{count})[\s-](four|eight)(?: time| metre| meter)\b", rf"{count}/\1", self.text
            )
            self.text = re.sub(rf"\b(?:{word}|{count})[\s-](four|eight)\b(?![\s-]bar)", rf"{count}/\1", self.text)
        self.text = re.sub(r"/four\b", "/4", re.sub(r"/eight\b", "/8", self.text))
        self._each(
            r"(?:\bin )?(?:\ba )?\b(\d{1,2})\s*/\s*(\d{1,2})\b(?:[\s-]*(?:time|metre|meter|signature|feel|beat))?",
            metre,
        )
        if "time_signature" in self.values and self.values["time_signature"] == "3/4":
            self._each(r"\b(?:an? )?waltz(?:es| time)?\b", lambda _, negated: None if negated else "")
        self._each(
            r"\b(?:an? )?waltz(?:es| time)?\b",
            lambda _, negated: None if negated else self._set("time_signature", "3/4", "waltz: 3/4"),
        )

    def _tempo(self) -> None:
        def tempo(bpm: float, negated: bool) -> str:
            if negated or not TEMPOS[0] <= bpm <= TEMPOS[1]:
                self.ignored.append(
                    f"{bpm:g} bpm: {TEMPOS[0]:g} to {TEMPOS[1]:g} are made" if not negated else f"not {bpm:g} bpm"
                )
                return ""
            return self._set("bpm", bpm, f"{bpm:g} bpm")

        number = r"(\d{2,3}(?:\.\d{1,2})?)"
        unit = r"\s*-?(?:bpm|beats per minute|beats a minute)\b"
        about = r"(?:\b(?:at|around|about|exactly|roughly|with|a tempo of|tempo of|~)\s*)*"
        self._each(
            rf"{about}(?:between )?\b{number}(?:{unit})?\s*(?:-|to|and)\s*{number}{unit}",
            lambda match, negated: tempo((float(match[1]) + float(match[2])) / 2, negated),
        )
        self._each(rf"{about}\b{number}{unit}", lambda match, negated: tempo(float(match[1]), negated))
        self._each(
            rf"\b(?:bpm|tempo)\s*(?:of|at|is|=|:|around|about|should be|\s)*{number}\b",
            lambda match, negated: tempo(float(match[1]), negated),
        )
        self._each(
            rf"\b(?:at|around)\s+{number}\b(?!\s*(?:bars?|sec\w*|s\b|min\w*|%|hz|db|th\b|/))",
            lambda match, negated: tempo(float(match[1]), negated),
        )

    def _length(self) -> None:
        def bars(match: re.Match[str], negated: bool) -> str:
            count = int(match[1])
            if negated or not 1 <= count <= MOST_BARS:
                self.ignored.append(f"{count} bars: 1 to {MOST_BARS} are made")
                return ""
            return self._set("bars", count, f"{count} bars")

        def seconds(match: re.Match[str], unit: float) -> str:
            length = float(match[1]) * unit
            if not SECONDS[0] <= length <= SECONDS[1]:
                self.ignored.append(f"{length:g} seconds: {SECONDS[0]:g} to {SECONDS[1]:g} are made")
                return ""
            return self._set("seconds", length, f"{length:g} seconds")

        def ending(_: re.Match[str], negated: bool) -> str:
            return self._set("ending", not negated, "no ending" if negated else "an ending")

        self.text = re.sub(r"\bhalf a minute\b", "30 seconds", re.sub(r"\b(?:a|one) minute\b", "1 minute", self.text))
        self._each(r"\b(\d{1,3})[\s-]*bars?(?: long)?\b", bars)
        self._each(
            r"\b(\d{1,3})[\s-]*(?:s|secs?|seconds?)(?: long)?\b",
            lambda m, _: None if m[0] in moods.WORDS else seconds(m, 1.0),  # the 80s
        )
        self._each(r"\b(\d(?:\.\d)?)[\s-]*(?:mins?|minutes?)(?: long)?\b", lambda m, _: seconds(m, 60.0))
        self._each(r"\b(?:with )?(?:an? )?(?:proper |real |clear |final )?ending\b", ending)
        self._each(
            r"\b(?:as )?(?:an? )?(?:seamless(?:ly)? |endless )?(?:loops?|loopable|looping|looped)\b",
            lambda _, negated: self._set("ending", negated, "an ending" if negated else "a loop"),
        )


def _named_accidental() -> str:
    return _ACCIDENTAL.replace("(", "(?P<accidental>", 1)


def _accidental(found: str | None) -> str:
    text = (found or "").strip(" -").lower()
    return "#" if text in ("#", "♯", "sharp") else "b" if text else ""
