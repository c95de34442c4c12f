"""What a prompt says of the form of a piece: places, sections, and the course of the energy.

It is taken out of the text, or said again in the words that `prompt_reader` knows ("start with just piano" is "only
piano in the intro", "the drums come in at bar 9" is "no drums in bars 1 to 8").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from dawg_server.music import prompt_words
from dawg_server.music.prompt_record import Form, FormStep

_SECTION = "|".join(sorted(prompt_words.SECTIONS, key=len, reverse=True))
_BEFORE = 40  # characters in which a negation is looked for
_NOT = r"\b(?:not|no|isnt|dont want|without|never)(?:\s+(?:a|an|in|at|the|too))*\s+$"
_ANY_PLACE = r"(?:\s+(?:starts?|begins?|comes?|enters?|hits?|lands?|drops?|kicks?|joins?|arrives?|appears?|is|are))?"
_SMALL = "calm|quiet|soft|slow|small|sparse|gentle|low|minimal"
_BIG = "big|huge|loud|intense|hard|full|busy|wild|massive|strong|energetic"
_GETS = r"(?:gets?|getting|grows?|growing|becomes?|becoming) (?:more and more )?"
_SLOWLY = "slowly|gradually|steadily"
_CURVES = (
    (
        "arch",
        r"(?:energy (?:that )?)?ris(?:es?|ing) and (?:then )?fall(?:s|ing)?",
        r"peaks? in the middle",
        r"builds? up and (?:then )?(?:calms?|winds?) down",
        r"swells?(?: and fades?)?",
    ),
    (
        "rising",
        rf"(?:it )?starts? (?:off |out )?(?:{_SMALL})\w* (?:(?:and|then|but) ){{1,3}}"
        r"(?:ends?|gets?|grows?|builds?|becomes?)"
        rf"(?: (?:up|in|with|a|more|much|{_BIG})\b\w*){{0,4}}",
        rf"(?:(?:{_SLOWLY}) )?build(?:s|ing)?(?: up)?(?: the)?(?: energy)?"
        rf" (?:{_SLOWLY}|over time|to a climax)(?: towards? the end)?",
        r"build(?:s|ing)? up towards? the end",
        rf"(?:{_SLOWLY}) (?:build|grow|ris)(?:s|es|ing)?(?: up)?(?: energy)?",
        r"(?:ris(?:es?|ing)|growing|increasing|building) energy",
        r"energy (?:that )?(?:rises|builds|grows|goes up)",
        r"crescendo",
        r"slow build",
        rf"{_GETS}(?:more intense|intenser?|louder|bigger|busier|fuller|wilder|stronger)(?: and \w+er)?"
        r"(?: over time| towards? the end)?",
    ),
    (
        "falling",
        rf"(?:(?:{_SLOWLY}) )?(?:fad(?:es?|ing)|winds?|winding|dies|dying|calms?|calming) (?:out|away|down)",
        r"decrescendo",
        r"diminuendo",
        r"(?:falling|decreasing) energy",
        r"energy (?:that )?(?:falls|drops off|sinks|goes down)",
        r"ends? (?:quietly|softly|calmly)",
        rf"{_GETS}(?:quieter|calmer|softer|smaller|sparser|emptier)(?: and \w+er)?(?: towards? the end)?",
    ),
    (
        "steady",
        r"(?:the )?(?:same|constant|steady|even|flat) energy(?: throughout| all the way)?",
        r"no build",
        r"energy stays the same",
    ),
)


@dataclass
class StructureReader:
    """`text` is the prompt, less what was read of it."""

    text: str
    steps: list[FormStep] = field(default_factory=list)
    sequence: tuple[str, ...] = ()
    curve: str = ""
    understood: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def read(self) -> None:
        self._places()
        self._form()

    @property
    def form(self) -> Form:
        return Form(tuple(self.steps), self.sequence, self.curve)

    def _each(self, pattern: str, take: Callable[[re.Match[str], bool], str | None], flags: int = re.I) -> None:
        """`take(match, negated)` says what stays of each match; None: all of it."""

        def replaced(match: re.Match[str]) -> str:
            said = take(
                match, re.search(_NOT, match.string[max(0, match.start() - _BEFORE) : match.start()], re.I) is not None
            )
            return match[0] if said is None else f" {said or prompt_words.NOTHING} "

        self.text = re.sub(pattern, replaced, self.text, flags=flags)

    def _places(self) -> None:
        """Places of the piece, in the words in which exclusions are narrowed."""
        span = "in span{}x{}".format
        last = prompt_words.LAST
        self._each(
            r"\b(?:in|during|for|over|from)? ?\bbars? (\d+) ?(?:-|to|through|until) ?(?:bar )?(\d+)\b",
            lambda m, _: span(m[1], m[2]),
        )
        self._each(r"\b(?:in|during) bar (\d+)\b", lambda m, _: span(m[1], m[1]))
        self._each(r"\b(?:in|during|for|over) (?:the )?first (\d+) bars?\b", lambda m, _: span(1, m[1]))
        self._each(r"\b(?:until|till|before|up to) bar (\d+)\b", lambda m, _: span(1, max(1, int(m[1]) - 1)))
        self._each(r"\bafter bar (\d+)\b", lambda m, _: span(int(m[1]) + 1, last))
        self._each(r"\bfrom bar (\d+)(?: on(?:wards)?)?\b", lambda m, _: span(m[1], last))
        comes = r"(?:comes?|enters?|kicks?|joins?|starts?|drops?|begins?|sets?|arrives?)(?: in)?"
        self._each(
            rf"\b((?:[a-z0-9-]+ ){{1,6}}?)(?:only |should |to )?{comes} (?:only )?"
            r"(?:(?:at|on|in|from) bar (\d+)|after (\d+) bars?)\b",
            self._entry,
        )
        next_one = r"then|before|until|build\w*|add\w*|bring\w*|ends?\w*|finish\w*|drop\w*"
        rest = rf"([^,.;:!?()\n]{{1,80}}?)(?=\s+(?:and )?(?:{next_one})\b|[,.;:!?()\n]|$)"
        begin = r"\b(?:(?:it|that|and|then) ){0,3}(?:should )?"
        alone = r"(?:just|only|nothing but|solo)?\s*"
        self._each(
            rf"{begin}(?:start|open|begin)(?:s|ing)?(?: off| out)? with {alone}{rest}",
            lambda m, _: self._alone(m[1], "intro"),
        )
        self._each(
            rf"{begin}(?:end|finish|close)(?:s|ing|es)?(?: off| out)? with {alone}{rest}",
            lambda m, _: self._alone(m[1], "outro"),
        )
        self._each(
            rf"\b(\d+)[\s-]bars? (?:of )?(?:just|only|solo|nothing but) {rest}",
            lambda m, _: self._alone(m[2], f"span1x{m[1]}"),
        )
        self._each(r"(?:^|(?<=[,.;] )) *in (span\d+x\d+),? ([^,.;]{1,80})", lambda m, _: f"{m[2]} in {m[1]} ,")
        self._each(
            rf"(?:^|(?<=[,.;] ))(?:in|during) the ({_SECTION}),? ([^,.;]{1, 80})",
            lambda m, _: f"{m[2]} in the {m[1]} ,",
        )
        self._each(
            rf"\b(?:the |an? )?({_SECTION})s?(?: is| are| has| with|:)* (?:just|only|nothing but|solo) {rest}",
            lambda m, _: self._alone(m[2], prompt_words.SECTIONS[m[1]]),
        )
        self._each(
            r"\b(?:an? )?(?:solo |lone )?([a-z0-9]+(?: [a-z0-9]+)?) (intro|outro)\b",
            lambda m, negated: (
                None if negated or re.search(r"\b(?:no|not|without)\b", m[1]) else self._alone(m[1], m[2])
            ),
        )

    def _alone(self, words: str, section: str) -> str | None:
        """Only what plays there; None where the words name nothing that plays."""
        names = prompt_words.tokens(words)
        if not any(prompt_words.find(names, at)[0] for at in range(len(names)) if _plays(names, at)):
            return None
        if (
            prompt_words.find(names, 0)[0] < len(names)
            and section == "intro"
            and names
            and not _plays(names, len(names) - 1)
        ):
            return None
        return f", only {words} in the {section} ,"

    def _entry(self, match: re.Match[str], negated: bool) -> str | None:
        bar = int(match[2]) if match[2] else int(match[3]) + 1
        words = prompt_words.tokens(match[1])
        for length in range(min(len(words), 6), 0, -1):
            tail = words[-length:]
            if prompt_words.SECTIONS.get(tail[-1]) and length == 1:
                name = prompt_words.SECTIONS[tail[-1]]
                self.steps.append(FormStep(name, bar))
                self.understood.append(f"{name} at bar {bar}")
                return " ".join(words[:-1])
            if _plays(tail, 0) and _plays(tail, len(tail) - 1):
                before = " ".join(words[:-length])
                return (
                    f"{before} , no {' '.join(tail).replace(' and ', ' or ')} in span1x{bar - 1} ," if bar > 1 else ""
                )
        return None

    def _form(self) -> None:
        def step(name: str, bar: int | None, bars: int | None) -> str:
            name = prompt_words.SECTIONS[name]
            self.steps.append(FormStep(name, bar, bars))
            length = f" of {bars} bars" if bars else ""
            self.understood.append(f"{name}{length}" + (f" at bar {bar}" if bar else ""))
            return ""

        at = rf"{_ANY_PLACE}(?: in)?"
        self._each(
            rf"\b(?:the |an? )?(?:beat |bass )?({_SECTION}){at} (?:at|on|in|from|span) ?bar (\d+)\b",
            lambda m, _: step(m[1], int(m[2]), None),
        )
        self._each(
            rf"\b(?:the |an? )?({_SECTION}){at} (?:at|on|in) span(\d+)x\d+", lambda m, _: step(m[1], int(m[2]), None)
        )
        self._each(
            rf"\b(?:the |an? )?(?:beat |bass )?({_SECTION}){at} after (\d+) bars?\b",
            lambda m, _: step(m[1], int(m[2]) + 1, None),
        )
        self._each(
            rf"\b(?:an? |the )?(\d+)[\s-]bars? (?:of |long )?({_SECTION})s?\b", lambda m, _: step(m[2], None, int(m[1]))
        )
        self._each(
            rf"\b({_SECTION})s?\s*(?:of|is|lasts|for|with|:|\(|=)?\s*(\d+)[\s-]bars?\b\)?",
            lambda m, _: step(m[1], None, int(m[2])),
        )
        one = rf"(?:{_SECTION})s?\b"
        after = rf"\s*(?:-|>|→|then)+\s*{one}"
        self._each(rf"\b{one}(?:\s*(?:,|-|>|→|then|to|/)*\s*{one}){{2,}}|\b{one}(?:{after})+", self._order)
        for curve, *patterns in _CURVES:
            self._each(
                rf"\b(?:(?:it|that|which|and|then) ){{0,3}}(?:{'|'.join(patterns)})\b",
                lambda _, negated, curve=curve: self._course(curve, negated),  # type: ignore[misc]
            )

    def _order(self, match: re.Match[str], negated: bool) -> str | None:
        if negated or re.search(r"\b(?:in|during|for|the|no|without)\s+$", match.string[: match.start()]):
            return None
        names = re.findall(_SECTION, match[0])
        self.sequence = tuple(prompt_words.SECTIONS[name] for name in names)
        self.understood.append(" ".join(self.sequence))
        return ""

    def _course(self, curve: str, negated: bool) -> str:
        curve = "steady" if negated else curve
        if {self.curve, curve} == {"rising", "falling"}:
            self.understood.remove(f"energy: {self.curve}")
            self.curve, curve = "", "arch"
        if not self.curve:
            self.curve = curve
            self.understood.append(f"energy: {curve}")
        return ""


def _plays(words: list[str], place: int) -> bool:
    _, terms = prompt_words.find(words, place)
    return bool(terms) and terms[0].kind in ("stem", "piece", "instrument")
