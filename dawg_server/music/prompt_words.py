"""The words that a prompt may steer with, as terms: what a word is about, and which of it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from dawg_server.music import genres, moods, prompt_instruments

STEMS = {
    "drums": "drums",
    "drum": "drums",
    "drum kit": "drums",
    "drum beat": "drums",
    "beat": "drums",
    "percussion": "drums",
    "bass": "bass",
    "bassline": "bass",
    "bass line": "bass",
    "chord": "chords",
    "harmony": "chords",
    "harmonies": "chords",
    "melody": "melody",
    "melodies": "melody",
    "lead": "melody",
}

PIECES = {  # of a drum kit: General MIDI percussion pitches
    "kick": (35, 36),
    "bassdrum": (35, 36),
    "kick drum": (35, 36),
    "bass drum": (35, 36),
    "snare": (38, 40),
    "snare drum": (38, 40),
    "rim": (37,),
    "rimshot": (37,),
    "clap": (39,),
    "hat": (42, 44, 46),
    "hi hat": (42, 44, 46),
    "hihat": (42, 44, 46),
    "open hat": (46,),
    "open hi hat": (46,),
    "cymbal": (49, 51, 52, 53, 55, 57, 59),
    "crash": (49, 57),
    "ride": (51, 53, 59),
    "tom": (41, 43, 45, 47, 48, 50),
    "tambourine": (54,),
    "cowbell": (56,),
    "shaker": (70, 82),
    "conga": (62, 63, 64),
    "bongo": (60, 61),
}

PACES = {  # within the tempos of a genre
    "slow": -0.8,
    "downtempo": -0.7,
    "down tempo": -0.7,
    "unhurried": -0.5,
    "mid tempo": 0.0,
    "midtempo": 0.0,
    "quick": 0.6,
    "uptempo": 0.7,
    "up tempo": 0.7,
    "fast": 0.8,
    "rapid": 0.9,
}

SOUNDS = {  # nouns that shade the whole
    "reverb": moods.Mood(space=0.5),
    "echo": moods.Mood(space=0.5),
    "ambience": moods.Mood(space=0.4),
    "distortion": moods.Mood(grit=0.6),
    "saturation": moods.Mood(grit=0.4),
    "noise": moods.Mood(grit=0.5),
    "hiss": moods.Mood(grit=0.4),
    "warmth": moods.Mood(brightness=-0.3, grit=0.1),
    "treble": moods.Mood(brightness=0.5),
    "energy": moods.Mood(energy=0.5),
}

VOICES = ("vocal", "voice", "singing", "singer", "rap", "rapping", "vocal chop", "acapella", "lyric")

EVENTS = {  # what happens in a piece
    "drop": "drop",
    "beat drop": "drop",
    "bass drop": "drop",
    "riser": "riser",
    "build up": "riser",
    "buildup": "riser",
    "impact": "impact",
    "fill": "fill",
    "drum fill": "fill",
    "roll": "roll",
    "drum roll": "roll",
    "snare roll": "roll",
    "hat roll": "roll",
    "hi hat roll": "roll",
    "vinyl noise": "vinyl noise",
    "vinyl crackle": "vinyl noise",
    "record noise": "vinyl noise",
    "crackle": "vinyl noise",
}

SWINGS = {"swing": True, "swung": True, "shuffle": True, "straight": False}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEGATIONS = _words("""
    no not without never neither none nothing dont doesnt isnt arent shouldnt cant cannot wont avoid skip remove omit
    minus sans hate mute
""")
LONG_NEGATIONS = frozenset(
    {"leave out", "leaving out", "take out", "cut out", "turn off", "get rid", "instead of", "rather than", "free of"}
)
LESS, MORE = _words("less fewer"), _words("more extra")
QUANTITIES: dict[str, tuple[int, int]] = {  # before a noun: the degree as said, and after a negation; 0 says nothing
    **dict.fromkeys(("much", "many", "as much", "as many"), (0, -1)),
    **dict.fromkeys(("a lot of", "lots of", "plenty of", "heavy on"), (1, -1)),
    **dict.fromkeys(("too much", "too many", "hardly", "barely", "scarcely"), (-1, -1)),
    **dict.fromkeys(("shortage of", "lack of", "easy on", "light on"), (-1, 1)),
    **dict.fromkeys(("a little", "a few", "a bit of", "little", "few"), (-1, 0)),
    "enough": (0, 1),
    "more than": (0, -1),
}
SOME = frozenset({"a little", "a few", "a bit of"})  # asks for what it weighs
BREAKS = _words(". ; : ! ? ( ) but with though however while then yet") | {"\n"}  # a phrase ends there
ONLY = _words("only just solely purely exclusively merely solo")
ALONE = _words("alone only solo")
NOTHING = "zzz"  # stands where something was taken out
SOFTENERS = _words("too so very really overly quite that much")
FILLERS = SOFTENERS | _words("""
    a an the any my our your this these it to of at all do i we you us is are be being want need like use using add
    adding include including have having put play playing make making sound sounding feel feeling give me get getting
    let many few lot lots plenty kind sort bit little single nearly please should would there zzz
""")
COMMON = FILLERS | _words("""
    , and or nor in on at by as from into up out for over that which who where when whole so such than its his her
    id ill im ive music song track tune piece vibe vibes style type instrumental something thing things some time
    times last can could am will create write generate go goes come comes here more less also too well good nice
    great really lot bar bars key tempo everything else else all nothing first second third end start play plays
    playing part parts sounds sound feels
""")
ARTICLES = _words("a an some")
PLACES = _words("in during for over through throughout")
SECTION_FILLERS = _words("the my first second last whole entire every each all")
# A noun before one of these only says which kind of it is meant.
COMPOUNDS = _words("""
    drop switch solo intro outro break breakdown machine loop stop repeat roll fill sample tape change
""")

SECTIONS = {
    name: name for name in ("intro", "verse", "prechorus", "chorus", "bridge", "outro", "hook", "drop", "breakdown")
} | {"build": "build", "break": "breakdown", "beginning": "intro", "ending": "ending", "solo": "solo", "head": "head"}

SPAN = re.compile(r"span(\d+)x(\d+)")  # bars of a piece, counted from 1
LAST = "999"  # bar of a span that has no end
ADJECTIVES = frozenset({"mood", "pace"})
WHOLE = frozenset({"beat", "drum beat"})  # which may mean the drums, or everything
NOUNS = frozenset({"stem", "piece", "instrument"})  # what plays


@dataclass(frozen=True, slots=True)
class Term:
    """`kind`: stem, piece, instrument, mood, pace, sound, event, section, swing, voice or genre; `name`: which;
    `word`: as it was said."""

    kind: str
    name: str
    word: str

    @property
    def adjective(self) -> bool:
        return self.kind in ADJECTIVES


def tokens(text: str) -> list[str]:
    """Words in lower case, without apostrophes, and the punctuation that ends or joins phrases."""
    plain = re.sub(r"['’]", "", text.lower()).replace("&", " and ")
    plain = re.sub(r"\b([a-z0-9]+)-free\b", r"no \1", plain)
    return re.findall(r"[a-z0-9]+|[,.;:!?()\n]", plain)


def find(words: list[str], place: int) -> tuple[int, tuple[Term, ...]]:
    """How many words from `place` on name something, the more the better, and what (a mood may also be a genre)."""
    vocabulary = _vocabulary()
    for length in range(_LONGEST, 0, -1):
        phrase = words[place : place + length]
        if len(phrase) == length:
            for spelling in _spellings(" ".join(phrase)):
                if spelling in vocabulary:
                    return length, vocabulary[spelling]
    return 0, ()


_LONGEST = 4  # words of a term


def _spellings(phrase: str) -> list[str]:
    singular = [phrase[:-1]] if phrase.endswith("s") else []
    moody = [phrase.removesuffix(ending) for ending in ("ly", "er", "ness", "est") if phrase.endswith(ending)]
    moody += [f"{stem[:-1]}y" for stem in moody if stem.endswith("i")] + [f"{stem}e" for stem in moody]
    moody += [stem[:-1] for stem in moody if stem[-2:-1] == stem[-1:]]  # sadder
    return [phrase, *singular, *(stem for stem in moody if stem in moods.WORDS or stem in PACES)]


@functools.cache
def _vocabulary() -> dict[str, tuple[Term, ...]]:
    found: dict[str, tuple[Term, ...]] = {}

    def add(kind: str, word: str, name: str) -> None:
        spelt = " ".join(tokens(word))
        found[spelt] = (*found.get(spelt, ()), Term(kind, name, word))

    for word, stem in STEMS.items():
        add("stem", word, stem)
    for word in PIECES:
        add("piece", word, word)
    for word, (_, instrument) in prompt_instruments.PLAYED.items():
        add("instrument", word, instrument)
    for kind, words in (("mood", moods.WORDS), ("pace", PACES), ("sound", SOUNDS), ("voice", VOICES)):
        for word in words:
            add(kind, word, word)
    for word in ("intro", "outro", "bridge", "breakdown", "chorus", "verse", "prechorus", "hook"):
        add("section", word, word)
    for word, event in EVENTS.items():
        add("event", word, event)
    for word in SWINGS:
        add("swing", word, word)
    for genre in genres.GENRES:
        for spelling in {" ".join(tokens(spelling)) for spelling in (genre.name, *genre.aliases)}:
            add("genre", spelling, genre.name)
    return found
