"""Section labels as people write them: `[Chorus]`, `Verse 2:`, `CHORUS`, `(Bridge)`, `**Hook x2**`, `Chorus: la la la`.

Square and curly brackets are read generously, because nobody sings them (`[Verse 1: Ana]`, `[Guitar solo]`). Round
brackets and bare lines have to be nothing but a label, because backing vocals and one-word lines are sung.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LABEL_CHARS = 80
UNKNOWN = "unknown"
SECTION_TYPES = ("intro", "verse", "pre-chorus", "chorus", "bridge", "outro", "hook", UNKNOWN)

# Terms that stand for a section even without brackets or a colon.
_BARE_TERMS = {
    "intro": "intro",
    "introduction": "intro",
    "verse": "verse",
    "prechorus": "pre-chorus",
    "chorus": "chorus",
    "refrain": "chorus",
    "postchorus": "hook",
    "hook": "hook",
    "bridge": "bridge",
    "middleeight": "bridge",
    "outro": "outro",
    "coda": "outro",
    "interlude": UNKNOWN,
    "instrumental": UNKNOWN,
}
_TERMS = _BARE_TERMS | {
    "vers": "verse",
    "verso": "verse",
    "stanza": "verse",
    "strophe": "verse",
    "couplet": "verse",
    "estrofa": "verse",
    "strofa": "verse",
    "куплет": "verse",
    "主歌": "verse",
    "prehook": "pre-chorus",
    "lift": "pre-chorus",
    "climb": "pre-chorus",
    "prerefrain": "pre-chorus",
    "prérefrain": "pre-chorus",
    "precoro": "pre-chorus",
    "coro": "chorus",
    "estribillo": "chorus",
    "refrão": "chorus",
    "ritornello": "chorus",
    "refräng": "chorus",
    "припев": "chorus",
    "サビ": "chorus",
    "副歌": "chorus",
    "후렴": "chorus",
    "puente": "bridge",
    "ponte": "bridge",
    "pont": "bridge",
    "brücke": "bridge",
    "middle": "bridge",
    "tag": "outro",
    "ending": "outro",
    "solo": UNKNOWN,
    "break": UNKNOWN,
    "breakdown": UNKNOWN,
    "drop": UNKNOWN,
    "spoken": UNKNOWN,
}
_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "i": 1,
    "ii": 2,
    "iii": 3,
    "iv": 4,
    "v": 5,
    "vi": 6,
}
_BEFORE_A_TERM = {"repeat", "final", "last", "double", "half", "alternate", "alt", "opening", "closing"}
_AFTER_A_TERM = {"repeat", "repeats", "repeated", "again", "times", "st", "nd", "rd", "th", "a", "b", "c", "d"}

_BRACKETED = re.compile(r"([\[({<【（［])([^\[\](){}<>【】（）［］]{1,80})[\])}>】）］]\s*[:：]?\s*(.*)", re.DOTALL)
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_TAIL = re.compile(r"[:：,|/]| [-–—] ")
_DECORATION = " \t\r*_#=~-–—•>"
_SUNG_BRACKETS = "(（"  # backing vocals stand in round brackets
_SEPARATOR = re.compile(r"[-–—*_=~•.\s]{3,}")


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says. `section_type` is None for a note that begins no section, such as `(x2)` or `[Ana]`."""

    text: str
    section_type: str | None
    number: int | None = None
    repeats: int = 1


def read(line: str) -> tuple[Label | None, str]:
    """Split one line into the label at its head, if there is one, and the words that are sung ("" when none are)."""
    text = line.strip()
    bracketed = _BRACKETED.match(text.lstrip("*_# "))
    if bracketed:
        return _read_bracketed(text, *bracketed.groups())
    core = text[: MAX_LABEL_CHARS * 2].strip(_DECORATION)
    head, colon, _ = core.replace("：", ":", 1)[: MAX_LABEL_CHARS + 1].partition(":")
    if colon and (label := _parse(head, _TERMS)):
        sung = re.split("[:：]", text, maxsplit=1)[1].lstrip(_DECORATION)
        return _with_repeats(label, sung)
    if len(core) <= MAX_LABEL_CHARS and (label := _parse(core, _BARE_TERMS) or _repeat_mark(core)):
        return label, ""
    return None, text


def is_separator(line: str) -> bool:
    """True for a drawn line (`---`, `***`), which parts sections as a blank line does. At least three characters."""
    text = line.strip()
    return len(text) >= 3 and text.strip(".") != "" and _SEPARATOR.fullmatch(text) is not None


def parse_structure(text: str) -> list[str]:
    """The section types named in a text such as `Verse-Pre-Chorus-Chorus`, `V, C, V, C` or `Intro > Verse 1 > Hook`."""
    words, found, at = _WORDS.findall(text.casefold()[:4000]), [], 0
    while at < len(words):
        kind, used = _term_at(words, at, _TERMS)
        if kind is None:
            kind, used = _INITIALS.get(words[at]), 1
        if kind is not None:
            found.append(kind)
        at += used
    return found


_INITIALS = {"v": "verse", "c": "chorus", "b": "bridge", "p": "pre-chorus", "h": "hook", "o": "outro"}


def _read_bracketed(text: str, opening: str, content: str, rest: str) -> tuple[Label | None, str]:
    rest = rest.strip(_DECORATION) if not any(c.isalnum() for c in rest) else rest.strip()
    head = _TAIL.split(content, maxsplit=1)[0] if opening not in _SUNG_BRACKETS else content
    label = _parse(head, _TERMS) or _repeat_mark(content)
    if label is None and opening not in _SUNG_BRACKETS:
        label = _parse_anywhere(head)
        if label is None and not rest:
            return Label(content.strip(), None), ""
    if label is None:
        return None, text
    return _with_repeats(label, rest)


def _with_repeats(label: Label, rest: str) -> tuple[Label, str]:
    mark = _repeat_mark(rest) if len(rest) <= MAX_LABEL_CHARS else None
    if mark is None:
        return label, rest
    return Label(label.text, label.section_type, label.number, mark.repeats), ""


def _parse(text: str, terms: dict[str, str]) -> Label | None:
    words = _label_words(text)
    at, number = 0, None
    while at < len(words) - 1 and (words[at] in _BEFORE_A_TERM or words[at] in _NUMBERS or words[at].isdecimal()):
        number = _number(words[at]) or number
        at += 1
        if words[at] in {"st", "nd", "rd", "th"}:
            at += 1
    if at >= len(words):
        return None
    kind, used = _term_at(words, at, terms)
    return _parse_rest(text, kind, words[at + used :], number) if kind else None


def _parse_anywhere(text: str) -> Label | None:
    words = _label_words(text)
    for at in range(len(words)):
        kind, used = _term_at(words, at, _TERMS)
        if kind:
            number = _number(words[at + used]) if at + used < len(words) else None
            return Label(text.strip(), kind, number)
    return None


def _parse_rest(text: str, kind: str, words: list[str], number: int | None) -> Label | None:
    repeats, at = 1, 0
    while at < len(words):
        pair = words[at : at + 2]
        if _is_repeat_mark(pair) and not (number is None and _is_repeat_mark(words[at + 1 : at + 3])):
            repeats, at = _repeats(pair), at + 2
            continue
        if _number(pair[0]) is not None and number is None:
            number = _number(pair[0])
        elif pair[0] not in _AFTER_A_TERM:
            return None
        at += 1
    return Label(text.strip(), kind, number, repeats)


def _repeat_mark(text: str) -> Label | None:
    words = _label_words(text)
    if words in (["repeat"], ["repeats"]):
        return Label(text.strip(), None, repeats=2)
    if _is_repeat_mark(words):
        return Label(text.strip(), None, repeats=_repeats(words))
    return None


def _is_repeat_mark(words: list[str]) -> bool:
    return len(words) == 2 and "x" in words and any(word.isdecimal() for word in words)


def _term_at(words: list[str], at: int, terms: dict[str, str]) -> tuple[str | None, int]:
    if words[at] == "middle" and words[at + 1 : at + 2] in (["8"], ["eight"]):
        return "bridge", 2
    two = "".join(words[at : at + 2])
    if len(words) > at + 1 and two in terms:
        return terms[two], 2
    return (terms[words[at]], 1) if words[at] in terms else (None, 1)


def _label_words(text: str) -> list[str]:
    return _WORDS.findall(text.replace("×", "x").casefold()) if len(text) <= MAX_LABEL_CHARS else []


def _number(word: str) -> int | None:
    return int(word) if word.isdecimal() and len(word) <= 2 else _NUMBERS.get(word)


def _repeats(words: list[str]) -> int:
    return min(8, max(1, next(int(word[:2]) for word in words if word.isdecimal())))
