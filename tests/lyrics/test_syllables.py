from __future__ import annotations

import pytest

from dawg_server.lyrics import syllables

KNOWN = {
    1: "love the me loves sing eyes stopped loved whole smile stars school though queen your hour world girl sky",
    2: "little table wanted people roses being going crying nothing station heaven water ocean million believe"
    " baby castle candle houses changes lion quiet rhythm guitar every bottle whiskey alone blinded",
    3: "beautiful memory yesterday tomorrow radio remember together amazing violin piano telephone area idea",
    4: "hallelujah Mississippi",
    5: "California",
}


def test_words_are_counted_as_they_are_sung() -> None:
    wrong = {
        word: syllables.of_word(word)
        for count, words in KNOWN.items()
        for word in words.split()
        if syllables.of_word(word) != count
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("Amazing grace, how sweet the sound", 8),
        ("That saved a wretch like me", 6),
        ("", 0),
        ("— … !", 0),
        ("1999", 4),
        ("さくら", 3),
        ("사랑해", 3),
        ("моя любовь", 4),
        ("🎵", 0),
    ],
)
def test_lines_are_counted_in_several_scripts(line: str, count: int) -> None:
    assert syllables.count(line) == count


def test_an_endless_word_is_counted_quickly_and_only_roughly() -> None:
    assert syllables.count("ba" * 10_000) == 10_000
    assert syllables.count("x" * 100) == 50
