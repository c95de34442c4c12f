"""Which lines rhyme, judged from spelling.

A word's ending is turned into a coarse sound (last stressed vowel and what follows) by letter-to-sound rules for
English after Elovitz, Johnson, McHugh and Shore, "Automatic Translation of English Text to Phonetics by Means of
Letter-to-Sound Rules" (NRL Report 7948, 1976), cut down to word endings, with a list of common exceptions. s and z
count as one sound, as rhymers treat them. Words in other scripts are compared by their last two letters. The names of
the schemes are those of the New Princeton Encyclopedia of Poetry and Poetics.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence

from dawg_server.lyrics import sounds, syllables

UNRHYMED = "X"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWYZabcdefghijklmnopqrstuvwyz"
_ENDING_CHARS = 14
_LAST_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]*)*")

_EXCEPTIONS = {syllables.fold(word): sound for sound, words in sounds.SAME_SOUND.items() for word in words.split()}
_SUFFIXES = (("ing", "IHNG"), ("tion", "SHAHN"), ("sion", "SHAHN"), ("er", "ER"), ("le", "AHL"), ("en", "AHN"))


def scheme(lines: Sequence[str]) -> str:
    """One letter per line: equal letters rhyme, `X` rhymes with nothing. `ABAB`, `AABB`, `XAXA`…"""
    keys = [line_key(line) for line in lines]
    shared = {key for key, times in Counter(keys).items() if key and times > 1}
    letters: dict[str, str] = {}
    for key in keys:
        if key in shared and key not in letters:
            letters[key] = _LETTERS[len(letters) % len(_LETTERS)]
    return "".join(letters.get(key, UNRHYMED) for key in keys)


def name(pattern: str) -> str:
    """What poets call it: couplets, alternate, enclosed, ballad, rubaiyat, limerick, monorhyme, unrhymed or mixed."""
    if set(pattern) <= {UNRHYMED}:
        return "unrhymed"
    if len(set(pattern)) == 1:
        return "monorhyme"
    if re.fullmatch(r"(?:([^X])\1)+", pattern):
        return "couplets"
    if pattern == "AABBA":
        return "limerick"
    quatrains = {_quatrain(pattern[at : at + 4]) for at in range(0, len(pattern), 4)}
    return quatrains.pop() if len(quatrains) == 1 and len(pattern) % 4 == 0 else "mixed"


def rhymed_share(pattern: str) -> float:
    """The share of lines that rhyme with another one, 0..1."""
    return 1 - pattern.count(UNRHYMED) / len(pattern) if pattern else 0.0


def line_key(line: str) -> str:
    """The sound of a line's last word; "" when it has no letters."""
    words = _LAST_WORD.findall(line[-200:])
    return word_key(words[-1][-40:]) if words else ""


@functools.lru_cache(maxsize=8192)
def word_key(word: str) -> str:
    """A coarse sound for a word's ending; two words with the same key are taken to rhyme."""
    plain = syllables.fold(word)
    if word.endswith(("in'", "in’")):
        plain += "g"
    if not plain.isascii():
        return plain[-2:]
    return _sound(plain[-_ENDING_CHARS:])


def _quatrain(four: str) -> str:
    if len(four) < 4:
        return "mixed"
    a, b, c, d = tuple(four)
    if a == c != b == d and a != UNRHYMED:
        return "ballad" if b == UNRHYMED else "alternate"
    if a == d != b == c and UNRHYMED not in (a, b):
        return "enclosed"
    if a == b == d != c and a != UNRHYMED:
        return "rubaiyat"
    if b == d != UNRHYMED and a != b != c:
        return "ballad"
    return "mixed"


def _sound(word: str) -> str:
    if word in _EXCEPTIONS:
        return _EXCEPTIONS[word]
    if re.search("[aeiou][ts]ion$", word):
        return sounds.LONG[word[-5]] + "SHAHN"
    for suffix, sound in _SUFFIXES:
        stem = word.removesuffix(suffix)
        if stem != word and re.search("[aeiouy]", stem) and not (suffix in ("en", "er") and stem.endswith(("e", "o"))):
            return (_sound(_bare_stem(stem)) + sound).replace("AYER", "AYR").replace("AWER", "AWR")
    if re.search("(?:[sxz]|[cs]h)es$", word):
        return _sound(word[:-2]) + "IHS"
    if re.search("(?:[^aeious]{2}|..[^aeious]|[aeo]y|oo|[^s]e|[cw]o)s$", word):
        return _sound(word[:-1]) + "S"
    if word.endswith("ied"):
        return _sound(word[:-3] + "y") + "D"
    if re.search("[aeiouy].*[^e]ed$", word):
        stem = word[:-2]
        return _sound(_bare_stem(stem)) + ("IHD" if stem[-1] in "td" else "T" if stem[-1] in "pkfsxch" else "D")
    return _rime(re.sub("^wor", "wer", word.replace("qu", "kw")))


def _bare_stem(stem: str) -> str:
    if re.search(r"([^aeiouylsf])\1$", stem):
        return stem[:-1]
    return stem + "e" if re.search("(?:^|[^aeiouy])[aeiou][bcdgkmnptvzs]$", stem) else stem


def _rime(word: str) -> str:
    for size in range(min(5, len(word)), 1, -1):
        if word[-size:] in sounds.RIMES:
            return sounds.RIMES[word[-size:]]
    silent = re.search("([aeiouy]+)([^aeiouy]+)e$", word)
    if silent:
        vowel, coda = silent.groups()
        r_sound = sounds.RIMES.get(vowel + coda) if coda.startswith("r") else None
        soft = coda[:-1] + {"c": "s", "g": "j"}.get(coda[-1], coda[-1])
        return r_sound or _nucleus(vowel, sounds.LONG if len(coda) == 1 or coda == "th" else sounds.SHORT) + _coda(soft)
    final = re.search("([aeiouy]+w?)([^aeiouy]*)$", word)
    if final is None:
        return word.upper()
    vowel, coda = final.groups()
    if vowel in ("y", "ie", "ye") and not coda and not re.search("[aeiou]", word[: -len(vowel)]):
        return "AY"
    if coda.startswith("r") and vowel + "r" in sounds.RIMES:
        return sounds.RIMES[vowel + "r"] + _coda(coda[1:])
    return _nucleus(vowel, sounds.SHORT if coda else sounds.OPEN) + _coda(coda)


def _nucleus(vowel: str, single: dict[str, str]) -> str:
    if len(vowel) == 1:
        return single[vowel]
    return sounds.NUCLEI.get(vowel) or sounds.NUCLEI.get(vowel[-2:]) or single.get(vowel[-1], "UH")


def _coda(letters: str) -> str:
    letters, sound = re.sub(r"(.)\1", r"\1", letters), ""
    while letters:
        for spelled, spoken in sounds.CODAS:
            if letters.startswith(spelled):
                sound, letters = sound + spoken, letters[len(spelled) :]
                break
        else:
            sound, letters = sound + letters[0].upper(), letters[1:]
    return sound
