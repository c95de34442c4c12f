"""What a prompt asks for, leaves out, or wants less of: what is said (`prompt_reader`) as a record."""

from __future__ import annotations

import dataclasses

from dawg_server.music import moods, prompt_instruments, prompt_settings, prompt_words
from dawg_server.music.prompt_reader import PromptReader, SaidTerm
from dawg_server.music.prompt_record import Amount, Exclusion, Form, FormStep, PromptHints, PromptSettings

SWUNG = 0.62  # where "swing" puts the offbeat at least; a triplet would be 0.667
OPPOSITE = -0.4  # of a mood that is not wanted
NONE, LITTLE = -2.0, -0.8  # of a shade that is not wanted, or less of it
SOFTLY_OPPOSITE = -0.2  # of one that is wanted less, or not too much


def read(prompt: str) -> PromptHints:
    """Understand what can be understood of a prompt."""
    settings = prompt_settings.SettingsReader(prompt)
    settings.read()
    reader = PromptReader(prompt_words.tokens(settings.text))
    reader.read()
    said = reader.said
    unsung = (_unsung(each) for each in said if each.wanted and each.term.kind == "voice")
    return dataclasses.replace(
        of_terms(said, settings.settings, settings.form, settings.colour),
        understood=tuple(dict.fromkeys([*settings.understood, *_told(said)])),
        ignored=tuple(dict.fromkeys([*settings.ignored, *unsung, *reader.left])),
    )


def of_terms(said: list[SaidTerm], settings: PromptSettings, form: Form, colour: str = "") -> PromptHints:
    """The record of what was said of terms, of settings and of the form."""
    refused = [
        Exclusion(each.term.kind, name, each.section)
        for each in said
        if each.sign < 0 and each.term.kind in ("stem", "piece", "instrument", "event", "section")
        for name in _meant(each)
    ]
    if {each.name for each in refused if each.kind == "stem" and each.section is None} >= set(
        prompt_words.STEMS.values()
    ):
        refused = [each for each in refused if each.name != "chords"]
    wanted = [each for each in said if each.wanted]
    refused += [
        Exclusion(each.term.kind, name, f"span1x{int(span[1]) - 1}")  # "from bar 9 on"
        for each in wanted
        if each.term.kind in prompt_words.NOUNS
        and (span := prompt_words.SPAN.fullmatch(each.section or ""))
        and int(span[1]) > 1
        and span[2] == prompt_words.LAST
        for name in _meant(each)
    ]
    leanings = [each for each in said if each.term.kind in ("mood", "sound")]
    unwanted = frozenset(each.term.name for each in leanings if each.sign < 0 or each.degree < 0)
    named = [FormStep(each.term.name) for each in wanted if each.term.kind == "section"]
    named += [FormStep("drop") for each in wanted if (each.term.kind, each.term.name) == ("event", "drop")]
    return PromptHints(
        mood=moods.combine(moods.Mood(colour=colour), *(_leaning(each) for each in leanings)),
        asked=tuple(
            dict.fromkeys(
                prompt_instruments.PLAYED[each.term.word] for each in wanted if each.term.kind == "instrument"
            )
        ),
        only=_only(said),
        refused=tuple(refused),
        amounts=tuple(
            Amount(each.term.kind, name, each.degree)
            for each in said
            if each.degree and each.term.kind in prompt_words.NOUNS
            for name in _meant(each)
        ),
        moods=tuple(each.term.name for each in wanted if each.term.kind == "mood"),
        unwanted=unwanted,
        swing=_swing(said),
        genres=tuple(each.term.name for each in wanted if each.term.kind == "genre"),
        settings=dataclasses.replace(settings, pace=_pace(said) or settings.pace),
        form=dataclasses.replace(form, steps=(*form.steps, *named)),
    )


def _only(said: list[SaidTerm]) -> tuple[Exclusion, ...]:
    """What alone is to play; what else is asked for plays along."""
    limited = [
        each
        for each in said
        if each.only
        and each.wanted
        and each.term.kind in prompt_words.NOUNS
        and not (each.section or "").endswith(f"x{prompt_words.LAST}")  # "bass only from bar 5"
    ]
    if any(each.section is None for each in limited):
        limited += [
            each
            for each in said
            if each.wanted
            and not each.only
            and each.section is None
            and each.term.kind in prompt_words.NOUNS
            and each.term.word not in prompt_words.WHOLE
        ]
    return tuple(
        dict.fromkeys(Exclusion(each.term.kind, name, each.section) for each in limited for name in _meant(each))
    )


def _pace(said: list[SaidTerm]) -> float:
    """Of the tempo: -1..1."""
    found = 0.0
    for each in said:
        if each.term.kind == "pace":
            opposite = -0.4 if each.softly or each.degree else -0.7
            found += prompt_words.PACES[each.term.name] * (1.0 if each.sign > 0 and each.degree >= 0 else opposite)
    return max(-1.0, min(1.0, found))


def _told(said: list[SaidTerm]) -> list[str]:
    """What was understood, in words; genres are told by who knows which one was asked for."""
    found = []
    for each in said:
        if each.term.kind == "genre" or (each.term.kind == "voice" and each.wanted):
            continue
        how = "less" if each.degree < 0 and not each.some else "more" if each.degree > 0 else ""
        how = how or ("not too" if each.softly and each.sign < 0 else "no" if each.sign < 0 else "")
        if how == "no" and each.term.adjective:
            how = "not"
        words = [*(["only"] if each.only and each.wanted else []), *([how] if how else []), each.words]
        if each.section:
            span = prompt_words.SPAN.fullmatch(each.section)
            words.append(f"in bars {span[1]} to {span[2]}" if span else f"in the {each.section}")
        sentence = " ".join(words).replace(f" to {prompt_words.LAST}", " on")
        nearest = prompt_instruments.NEAREST.get(each.term.word)
        if each.wanted and nearest and each.term.name != nearest[1][0]:
            sentence += f": played by the {each.term.name}, the nearest that there is"
        found.append(sentence)
    return found


def _unsung(said: SaidTerm) -> str:
    return f"{said.words}: nobody sings in a beat"


def _meant(said: SaidTerm) -> tuple[str, ...]:
    """No guitar is none of any kind; no trumpet does not mean what would stand in for one."""
    term = said.term
    if not said.wanted and term.word in prompt_instruments.NEAREST:
        return prompt_instruments.NEAREST[term.word][1][:1]
    general, members = prompt_instruments.FAMILIES.get(term.name, ("", ()))
    return members if term.kind == "instrument" and term.word == general else (term.name,)


def _leaning(said: SaidTerm) -> moods.Mood:
    if said.term.kind == "sound":
        return moods.scaled(
            prompt_words.SOUNDS[said.term.name], NONE if said.sign < 0 else LITTLE if said.degree < 0 else 1.0
        )
    mood = moods.WORDS[said.term.name]
    if said.sign > 0 and said.degree >= 0:
        return mood
    return moods.scaled(mood, SOFTLY_OPPOSITE if said.softly or said.degree else OPPOSITE)


def _swing(said: list[SaidTerm]) -> float | None:
    swings = [(prompt_words.SWINGS[each.term.name], each.wanted) for each in said if each.term.kind == "swing"]
    if not swings:
        return None
    return SWUNG if any(swung is wanted for swung, wanted in swings) else 0.5
