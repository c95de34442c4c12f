"""What a prompt asks for, leaves out, or wants less of: a small grammar over the words of `prompt_words`.

A negation ("no", "not", "without", "don't want", "leave out", "instead of") holds for its phrase: up to punctuation,
"but", "with" and the like, or the first word that is not understood. Within it, "or", "nor", "and" and lists go on:
"no drums, bass or piano". Two negations are none ("not without drums"). "In the intro" narrows what is left out. "Less"
and "more" change how loud something is, or how far a mood goes; so do quantities ("not too much bass", "hardly any
drums", "a little piano"), which leave nothing out even when they are negated. A compound is its last word: a beat drop
is no beat. What is not understood changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dawg_server.music import moods, prompt_words
from dawg_server.music.prompt_words import Term

SWUNG = 0.62  # where "swing" puts the offbeat at least; a triplet would be 0.667
OPPOSITE = -0.4  # of a mood that is not wanted
SOFTLY_OPPOSITE = -0.2  # of one that is wanted less, or not too much

_JOINTS = frozenset({",", "and", "or", "nor"})


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is left out: a `kind` and `name` as of `Term`, in the sections of a name, or everywhere (None)."""

    kind: str
    name: str
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """What is to be less (-1) or more (1): a stem, an instrument or a drum piece."""

    kind: str
    name: str
    sign: int


@dataclass(frozen=True, slots=True)
class PromptHints:
    """What a prompt asked for. `swing` is None when the style decides; `unwanted` are mood words."""

    mood: moods.Mood = moods.Mood()
    asked: tuple[tuple[str, str], ...] = ()
    refused: tuple[Exclusion, ...] = ()
    amounts: tuple[Amount, ...] = ()
    unwanted: frozenset[str] = frozenset()
    swing: float | None = None
    genres: tuple[str, ...] = ()

    def instrument(self, stem: str) -> str | None:
        """The instrument asked for in a stem."""
        return next((name for asked_stem, name in self.asked if asked_stem == stem), None)

    def without(self, kind: str) -> frozenset[str]:
        """What of a kind is left out everywhere."""
        return frozenset(each.name for each in self.refused if each.kind == kind and each.section is None)


def read(prompt: str) -> PromptHints:
    """Understand what can be understood of a prompt."""
    reader = _Reader(prompt_words.tokens(prompt))
    reader.read()
    return _hints(reader.said)


@dataclass(slots=True)
class _Said:
    """A term as the prompt has it: `sign` -1 is a negation; `degree` -1 less, 1 more; `softly` is "not too"; `some`
    asks for little of the term."""

    term: Term
    sign: int
    degree: int
    softly: bool
    some: bool
    section: str | None = None

    @property
    def wanted(self) -> bool:
        return self.sign > 0 and (self.degree >= 0 or self.some)


@dataclass(slots=True)
class _Reader:
    words: list[str]
    said: list[_Said] = field(default_factory=list)
    _place: int = 0
    _sign: int = 1
    _degree: int = 0
    _softly: bool = False
    _some: bool = False
    _phrase: list[_Said] = field(default_factory=list)  # what the phrase has said so far

    def read(self) -> None:
        while self._place < len(self.words):
            self._place += self._step(self.words[self._place])

    def _step(self, word: str) -> int:
        """The words that this step has read."""
        length, terms = prompt_words.find(self.words, self._place)
        if word.endswith("less") and prompt_words.find([word.removesuffix("less")], 0)[0]:  # "drumless"
            self.words[self._place : self._place + 1] = ["no", word.removesuffix("less")]
            return 0
        if " ".join(self.words[self._place : self._place + 2]) in prompt_words.LONG_NEGATIONS:
            self._negate()
            return 2
        quantity = self._quantity()
        if quantity:
            return quantity
        if terms:
            return self._say(length, terms)
        if word in prompt_words.NEGATIONS:
            self._negate()
        elif word in prompt_words.LESS or (word in prompt_words.MORE and self._sign > 0):
            self._weigh(-1 if word in prompt_words.LESS else 1)
        elif word in prompt_words.BREAKS:
            self._begin()
        elif word in _JOINTS:
            if self._phrase and not self._goes_on(word):
                self._begin()
        elif word in prompt_words.PLACES and self._phrase:
            return self._narrow()
        elif word == "too" and self._sign > 0 and self._complains():
            self._weigh(-1)
        elif word in prompt_words.SOFTENERS and not self._phrase:
            self._softly = True
        elif word not in prompt_words.FILLERS | prompt_words.MORE | prompt_words.PLACES:
            self._begin()
        return 1

    def _complains(self) -> bool:
        """Whether it goes on as in "too dark"."""
        _, terms = prompt_words.find(self.words, self._place + 1)
        return bool(terms) and terms[0].adjective

    def _quantity(self) -> int:
        """The words of a quantity of something to play, which weighs it; 0 where there is none."""
        for length in (3, 2, 1):
            phrase = " ".join(self.words[self._place : self._place + length])
            negated = self._sign < 0 and not self._phrase
            degree = prompt_words.QUANTITIES.get(phrase, (0, 0))[negated]
            if degree and self._names_noun(self._place + length):
                self._begin()
                self._degree, self._some = degree, phrase in prompt_words.SOME
                return length
        return 0

    def _names_noun(self, place: int) -> bool:
        while place < len(self.words):
            _, terms = prompt_words.find(self.words, place)
            if terms:
                return not terms[0].adjective
            if self.words[place] not in prompt_words.FILLERS:
                return False
            place += 1
        return False

    def _begin(self) -> None:
        self._sign, self._degree, self._softly, self._some, self._phrase = 1, 0, False, False, []

    def _negate(self) -> None:
        before = self._sign if not self._phrase else 1
        self._begin()
        self._sign = -before

    def _weigh(self, degree: int) -> None:
        sign = self._sign if not self._phrase else 1
        self._begin()
        self._sign, self._degree = 1, degree * sign

    def _say(self, length: int, terms: tuple[Term, ...]) -> int:
        following = self.words[self._place + length : self._place + length + 1]
        if following and not terms[0].adjective and following[0].removesuffix("s") in prompt_words.COMPOUNDS:
            self._begin()
            return length + 1
        marked = self._sign < 0 or self._degree != 0
        if (
            marked
            and self._phrase
            and self._phrase[-1].term.adjective
            and not terms[0].adjective
            and not self._joined()
        ):
            self._begin()  # "no heavy drums" are drums
        said = [_Said(term, self._sign, self._degree, self._softly, self._some) for term in terms]
        self.said += said
        self._phrase += said
        return length

    def _joined(self) -> bool:
        return self.words[self._place - 1] in _JOINTS

    def _goes_on(self, joint: str) -> bool:
        """Whether a joint leads to more of the same phrase."""
        if self._sign > 0 and not self._degree:
            return True
        place = self._place + 1
        while place < len(self.words) and self.words[place] in prompt_words.FILLERS - prompt_words.ARTICLES:
            place += 1
        length, terms = prompt_words.find(self.words, place)
        if not terms or terms[0].adjective != self._phrase[-1].term.adjective:
            # "No drums and soft piano" asks for a piano; "no drums or soft piano" leaves nothing else to understand.
            return bool(terms) and joint in ("or", "nor")
        if joint != ",":
            return True
        # "No drums, bass or piano" is a list; "no drums, bass and piano" may ask for the last two.
        return self._list_ends(place + length)

    def _list_ends(self, place: int) -> bool:
        """Whether terms and commas lead to an "or"."""
        while place < len(self.words) and self.words[place] == ",":
            place += 1
            place += prompt_words.find(self.words, place)[0]
        return place < len(self.words) and self.words[place] in ("or", "nor")

    def _narrow(self) -> int:
        place = self._place + 1
        while place < len(self.words) and self.words[place] in prompt_words.SECTION_FILLERS:
            place += 1
        word = self.words[place] if place < len(self.words) else ""
        section = prompt_words.SECTIONS.get(word) or prompt_words.SECTIONS.get(word.removesuffix("s"))
        phrase = self._phrase
        self._begin()
        if section is None:
            return 1
        for said in phrase:
            said.section = section
        return place + 1 - self._place


def _hints(said: list[_Said]) -> PromptHints:
    refused = [
        Exclusion(each.term.kind, name, each.section)
        for each in said
        if each.sign < 0 and each.term.kind in ("stem", "piece", "instrument", "event")
        for name in _meant(each.term)
    ]
    if {each.name for each in refused if each.kind == "stem" and each.section is None} >= set(
        prompt_words.STEMS.values()
    ):
        refused = [each for each in refused if each.name != "chords"]
    wanted = [each for each in said if each.wanted]
    leanings = [each for each in said if each.term.adjective]
    unwanted = frozenset(each.term.name for each in leanings if each.sign < 0 or each.degree < 0)
    return PromptHints(
        mood=moods.combine(*(_leaning(each) for each in leanings)),
        asked=tuple(prompt_words.INSTRUMENTS[each.term.word] for each in wanted if each.term.kind == "instrument"),
        refused=tuple(refused),
        amounts=tuple(
            Amount(each.term.kind, name, each.degree)
            for each in said
            if each.degree and each.term.kind in ("stem", "piece", "instrument")
            for name in _meant(each.term)
        ),
        unwanted=unwanted,
        swing=_swing(said),
        genres=tuple(each.term.name for each in wanted if each.term.kind == "genre"),
    )


def _meant(term: Term) -> tuple[str, ...]:
    """Whoever wants no guitar wants no guitar of any kind."""
    general, members = prompt_words.FAMILIES.get(term.name, ("", ()))
    return members if term.kind == "instrument" and term.word == general else (term.name,)


def _leaning(said: _Said) -> moods.Mood:
    words = moods.WORDS if said.term.kind == "mood" else prompt_words.LEANINGS
    mood = words[said.term.name]
    if said.sign > 0 and said.degree >= 0:
        return mood
    return moods.scaled(mood, SOFTLY_OPPOSITE if said.softly or said.degree else OPPOSITE)


def _swing(said: list[_Said]) -> float | None:
    swings = [(prompt_words.SWINGS[each.term.name], each.wanted) for each in said if each.term.kind == "swing"]
    if not swings:
        return None
    return SWUNG if any(swung is wanted for swung, wanted in swings) else 0.5
