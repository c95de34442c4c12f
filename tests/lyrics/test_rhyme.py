from __future__ import annotations

import pytest

from dawg_server.lyrics import rhyme

RHYMES = (
    "night light|white bite|love above|day away|train pain|fire desire|higher fire|heart part|go know|show slow|"
    "now how|town down|found sound|eyes skies|lies cries|mind find|gold cold|told hold|walking talking|"
    "running gunning|making taking|better letter|never forever|trouble double|station nation|crying flying|"
    "mother brother|money honey|feel real|deep sleep|sea be|alone stone|phone bone|road load|boat note|moon soon|"
    "room doom|true blue|new through|you do|song long|strong wrong|fall call|walk talk|street beat|feet meet|"
    "sweet heat|hand land|dance chance|face place|grace space|fade made|played made|cried side|tried ride|wide died|"
    "kiss miss|bed red|head said|dead bread|best rest|king sing|hot got|rock clock|stop drop|run sun|luck truck|"
    "burn turn|word heard|door more|care there|near here|power hour|back track|crazy lazy|boy joy|soul whole|"
    "alive five|hide side|wait late|break take|stuff enough|bought thought|clothes those|please knees|believe leave|"
    "runnin' gunning"
)
NOT_RHYMES = (
    "night day|love give|move have|cat dog|light late|rain run|blue black|fire fear|low now|word lord|good food|"
    "walk work|moon man|sea say|tough though|friend find|back bake|hop hope|hid hide|boat bought|said paid|"
    "great threat|cow low|singing walking|better water|over never|town known|lost most"
)


def test_common_rhymes_are_heard() -> None:
    missed = [pair for pair in RHYMES.split("|") if len({rhyme.word_key(word) for word in pair.split()}) > 1]
    assert missed == []


def test_words_that_only_look_alike_do_not_rhyme() -> None:
    wrong = [pair for pair in NOT_RHYMES.split("|") if len({rhyme.word_key(word) for word in pair.split()}) == 1]
    assert wrong == []


@pytest.mark.parametrize(
    ("lines", "scheme", "name"),
    [
        (["the night", "the day", "the light", "away"], "ABAB", "alternate"),
        (["the night", "the light", "a day", "away!"], "AABB", "couplets"),
        (["the night", "a day", "away", "the light"], "ABBA", "enclosed"),
        (["the moon", "a day", "the sea", "away"], "XAXA", "ballad"),
        (["a night", "a light", "a stone", "a bite"], "AAXA", "rubaiyat"),
        (["a night", "my light", "a bite"], "AAA", "monorhyme"),
        (["the moon", "a night", "the sea", "the road"], "XXXX", "unrhymed"),
        (["a night", "a light", "a day", "away", "white"], "AABBA", "limerick"),
        (["the night", "a day", "light", "away", "the moon", "gold", "soon", "cold"], "ABABCDCD", "alternate"),
        (["я люблю", "и пою", "дом", "мир"], "XXXX", "unrhymed"),
        (["моя любовь", "и снова кровь"], "AA", "monorhyme"),
    ],
)
def test_schemes_are_found_and_named(lines: list[str], scheme: str, name: str) -> None:
    assert rhyme.scheme(lines) == scheme
    assert rhyme.name(scheme) == name


def test_a_line_without_letters_rhymes_with_nothing() -> None:
    assert rhyme.scheme(["123", "…", "", "night", "light"]) == "XXXAA"
    assert rhyme.rhymed_share("XXXAA") == pytest.approx(0.4)
    assert rhyme.rhymed_share("") == 0
