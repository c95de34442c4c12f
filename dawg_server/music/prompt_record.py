"""What a prompt comes to, whoever has read it: the grammar of `prompt_hints`, or a language model."""

from __future__ import annotations

from dataclasses import dataclass

from dawg_server.music import moods


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is left out, or (in `only`) what alone is left: a `kind` and `name` as of `prompt_words.Term`.

    It holds in the sections of a name, in bars ("span9x16": from the ninth to the sixteenth), or everywhere (None).
    """

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
class FormStep:
    """A section that is wanted: where it begins (bars count from 1) and how many bars it has; None leaves that open."""

    name: str
    bar: int | None = None
    bars: int | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """`sequence`: all sections in order, if they were named; `curve` of the energy: rising, falling, arch or steady."""

    steps: tuple[FormStep, ...] = ()
    sequence: tuple[str, ...] = ()
    curve: str = ""


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """What a request may say in fields too. `pace` is -1 (slow) to 1 (fast) within the genre's tempos; `minor` the mode
    of a key whose tonic is left open; None and 0 say nothing."""

    bpm: float | None = None
    pace: float = 0.0
    key: str | None = None
    minor: bool | None = None
    time_signature: str | None = None
    bars: int | None = None
    seconds: float | None = None
    ending: bool | None = None


@dataclass(frozen=True, slots=True)
class PromptHints:
    """What a prompt asked for. `swing` is None when the style decides; `unwanted` are mood words.

    `asked`: (stem, instrument) of what is to play; `moods` are the words that `mood` comes from.
    `understood` and `ignored` are for people, in words.
    """

    mood: moods.Mood = moods.Mood()
    asked: tuple[tuple[str, str], ...] = ()
    only: tuple[Exclusion, ...] = ()
    refused: tuple[Exclusion, ...] = ()
    amounts: tuple[Amount, ...] = ()
    moods: tuple[str, ...] = ()
    unwanted: frozenset[str] = frozenset()
    swing: float | None = None
    genres: tuple[str, ...] = ()
    settings: PromptSettings = PromptSettings()
    form: Form = Form()
    understood: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def instrument(self, stem: str) -> str | None:
        """The instrument asked for in a stem."""
        return next((name for asked_stem, name in self.asked if asked_stem == stem), None)

    def without(self, kind: str) -> frozenset[str]:
        """What of a kind is left out everywhere."""
        return frozenset(each.name for each in self.refused if each.kind == kind and each.section is None)
