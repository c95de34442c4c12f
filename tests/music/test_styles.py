"""The files that say what a genre is made of: read without a fault, or refused with a sentence that names the field."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from dawg_server.music import arrangement, genres, styles
from dawg_server.music.styles import fields, reading


@pytest.mark.parametrize("genre", genres.names())
def test_every_genre_has_a_file_with_enough_to_draw_from(genre: str) -> None:
    style = styles.of(genre)
    assert len(style.grooves) >= 6
    assert len(style.bass.patterns) >= 8
    assert len({*style.minor, *style.major}) >= 12
    assert min(len(style.minor), len(style.major)) >= 7
    assert len(set(style.kits)) >= 3
    assert len(style.lineups) >= 5
    assert len(arrangement.forms(style.forms)) >= 7
    assert len({groove.name for groove in style.grooves}) == len(style.grooves)
    players = {each.instruments[role] for each in style.lineups for role in style.leads if role in each.instruments}
    assert len(players) >= 3
    for lineup in style.lineups:
        assert "bass" in lineup.instruments
        assert set(lineup.instruments) & set(style.layers)
        assert set(lineup.instruments) & set(style.leads)


def test_every_file_keeps_to_the_schema_that_editors_read() -> None:
    schema = jsonschema_rs.validator_for(fields.load("schema.json"))
    for genre in genres.names():
        schema.validate(fields.load(f"{reading.file_name(genre)}.json"))
    assert not schema.is_valid(_changed(lambda data: data["grooves"]["rolling"].update(gong="x... x... x... x...")))
    drums = fields.load("schema.json")["$defs"]["lanes"]["patternProperties"]
    assert all(re.fullmatch(next(iter(drums)), name) for name in reading.DRUMS)


def _changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    data = copy.deepcopy(fields.load("trap.json"))
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda data: data.pop("bass"), "trap.json: lacks 'bass'"),
        (lambda data: data.update(colour="red"), "trap.json: has 'colour', which nobody reads"),
        (lambda data: data["grooves"]["rolling"].update(gong="x... x... x... x..."), "grooves > rolling > gong is no"),
        (lambda data: data["grooves"]["rolling"].update(kick="x..x."), "rolling > kick is no pattern: A bar of"),
        (lambda data: data["grooves"]["rolling"].update(kick="x... y..."), "rolling > kick has 'y'"),
        (lambda data: data["grooves"].update({"@polka": "all"}), "grooves > @polka is no set of shared.json"),
        (lambda data: data["kits"].append("bucket"), "kits > 3 has to be one of kit"),
        (lambda data: data["lineups"]["guitar"].update(lead="kazoo"), "lineups > guitar > lead has to be one of"),
        (lambda data: data["lineups"]["guitar"].update(choir="pad"), "lineups > guitar has 'choir'"),
        (lambda data: data["progressions"]["minor"].append("i IX"), "progressions > minor has 'i IX'"),
        (lambda data: data["leads"]["lead"].update(plans=["AXB"]), "leads > lead > plans are made of"),
        (lambda data: data["bass"].update(low="deep"), "bass > low has to be a number"),
        (lambda data: data.update(forms="sonata"), "forms has to be one of"),
        (lambda data: data["kits"].clear(), "has 0 kits; it needs 3"),
    ],
)
def test_a_mistake_is_named_with_file_and_field(change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    with pytest.raises(fields.StyleError) as caught:
        reading.style("trap", _changed(change))
    assert sentence in str(caught.value)


def test_broken_json_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "polka.json").write_text('{\n "forms": "song"\n "kits": []}')
    monkeypatch.setattr(fields, "FOLDER", tmp_path)
    with pytest.raises(fields.StyleError, match=r"polka.json, line 3"):
        fields.load("polka.json")
