"""A small grammar over the words of `prompt_words`: what a prompt says of each.

A negation ("no", "not", "without", "don't want", "leave out", "instead of") holds for its phrase: up to punctuation,
"but", "with" and the like, or the first word that is not understood. Within it, "or", "nor", "and" and lists go on:
"no drums, bass or piano". Two negations are none ("not without drums"). "In the intro" narrows what is left out. "Less"
and "more" change how loud something is, or how far a mood goes; so do quantities ("not too much bass", "hardly any
drums", "a little piano"), which leave nothing out even when they are negated. A compound is its last word: a beat drop
is no beat. What is not understood changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dawg_server.music import prompt_words
from dawg_server.music.prompt_words import Term

_JOINTS = frozenset({",", "and", "or", "nor"})


@dataclass(slots=True)
class SaidTerm:
    """A term as the prompt has it: `sign` -1 is a negation; `degree` -1 less, 1 more; `softly` is "not too"; `some`
    asks for little of the term."""

    term: Term
    sign: int
    degree: int
    softly: bool
    some: bool
    only: bool = False
    words: str = ""
    section: str | None = None

    @property
    def wanted(self) -> bool:
        return self.sign > 0 and (self.degree >= 0 or self.some)


@dataclass(slots=True)
class PromptReader:
    words: list[str]
    said: list[SaidTerm] = field(default_factory=list)
    _place: int = 0
    _sign: int = 1
    _degree: int = 0
    _softly: bool = False
    _some: bool = False
    _only: bool = False
    _phrase: list[SaidTerm] = field(default_factory=list)  # what the phrase has said so far
    _left: list[tuple[int, str]] = field(default_factory=list)  # what was not understood, and where

    def read(self) -> None:
        while self._place < len(self.words):
            self._place += self._step(self.words[self._place])

    @property
    def left(self) -> list[str]:
        """What was not understood: words that follow each other are one."""
        found: list[str] = []
        before = -2
        for place, word in self._left:
            if found and place == before + 1:
                found[-1] += f" {word}"
            else:
                found.append(word)
            before = place
        return found

    def _step(self, word: str) -> int:
        """The words that this step has read."""
        length, terms = prompt_words.find(self.words, self._place)
        if word.endswith("less") and prompt_words.find([word.removesuffix("less")], 0)[0]:  # "drumless"
            self.words[self._place : self._place + 1] = ["no", word.removesuffix("less")]
            return 0
        if " ".join(self.words[self._place : self._place + 2]) in prompt_words.LONG_NEGATIONS:
            self._negate()
            return 2
        if " ".join(self.words[self._place : self._place + 2]) in ("nothing but", "nothing except"):
            self._begin()
            self._only = True
            return 2
        quantity = self._quantity()
        if quantity:
            return quantity
        if word in prompt_words.ONLY | prompt_words.ALONE:
            self._limit(word)
            return 1
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
            if word not in prompt_words.COMMON:
                self._left.append((self._place, word))
            self._begin()
        return 1

    def _limit(self, word: str) -> None:
        """ "Only" before what plays, or after it."""
        negated = self._sign < 0 and not self._phrase
        nouns = [said for said in self._phrase if said.term.kind in prompt_words.NOUNS and said.wanted]
        if not negated and word in prompt_words.ONLY and self._names_alone():
            self._begin()
            self._only = True
        elif word in prompt_words.ALONE and nouns:
            for said in nouns:
                said.only = True
        else:
            self._begin()

    def _names_alone(self) -> bool:
        """Whether what follows plays; "just a dark beat" has a bass as well."""
        place = self._place + 1
        while place < len(self.words):
            length, terms = prompt_words.find(self.words, place)
            if terms and terms[0].kind in prompt_words.NOUNS:
                return terms[0].word not in prompt_words.WHOLE
            if not (terms and (terms[0].adjective or terms[0].kind == "genre")) and (
                self.words[place] not in prompt_words.FILLERS
            ):
                return False
            place += max(1, length)
        return False

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
        self._only = False

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
            self._left += [(place, self.words[place]) for place in range(self._place, self._place + length + 1)]
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
        words = " ".join(self.words[self._place : self._place + length])
        said = [SaidTerm(term, self._sign, self._degree, self._softly, self._some, self._only, words) for term in terms]
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
        section = word if prompt_words.SPAN.fullmatch(word) else section
        phrase = self._phrase
        self._begin()
        if section is None:
            return 1
        for said in phrase:
            said.section = section
        return place + 1 - self._place
