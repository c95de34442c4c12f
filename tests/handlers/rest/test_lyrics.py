"""Lyrics over REST and sockets: always an answer, and everybody in the project hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.javascript.client import JavaScript
from tests.servers import dawg

SONG = """[Verse 1]
Walking down the empty street at night
Every window holds a different light

[Chorus]
Hold on, hold on, the morning comes
Hold on, hold on, we beat the drums

[Verse 2]
Counting all the reasons not to stay
Every one of them has slipped away

[Chorus]
Hold on, hold on, the morning comes
Hold on, hold on, we beat the drums"""


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


async def test_an_analysis_needs_no_key_and_says_how_it_was_made(server: dawg.Dawg) -> None:
    status, body = await server.json("POST", "/api/lyrics/analyze", json={"lyrics": SONG, "genre": "lo-fi"})
    assert status == 200
    analysis = body["analysis"]
    assert analysis["method"] == "computed"
    assert analysis["structure"]["structure"] == "Verse-Chorus-Verse-Chorus"
    assert analysis["structure"]["repeatedSections"][0]["occurrences"] == 2
    assert analysis["genreAdvice"]["suggestions"]
    assert analysis["cost"]["totalCost"] == 0
    assert body["validation"] == {"warnings": []}


async def test_recommendations_organizing_validation_and_estimates_answer(server: dawg.Dawg) -> None:
    _, better = await server.json(
        "POST", "/api/v1/lyrics/recommendations", json={"structure": "Verse-Chorus", "genre": "pop"}
    )
    assert better["recommendations"]
    assert (better["genre"], better["method"]) == ("pop", "computed")
    for path in ("/api/lyrics/organize", "/api/v1/ai/organize-lyrics"):
        _, organized = await server.json("POST", path, json={"lyrics": SONG})
        assert "the morning comes" in organized["organized"]["chorus"]
        assert organized["originalLyrics"] == SONG
    _, checked = await server.json("POST", "/api/lyrics/validate", json={"lyrics": "la\nla"})
    assert checked["validation"]["lineCount"] == 2
    assert checked["validation"]["warnings"]
    _, cost = await server.json("GET", "/api/lyrics/cost-estimate?lyricsLength=1000&includeGenreAdvice=true")
    assert (cost["estimate"]["inputTokens"], cost["estimate"]["outputTokens"]) == (250 + 500 + 600, 800 + 300)
    assert cost["estimate"]["estimatedCost"] > 0


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("analyze", {"lyrics": ""}, "lyrics"),
        ("analyze", {"lyrics": " \n "}, "lyrics"),
        ("analyze", {}, "lyrics"),
        ("analyze", {"lyrics": "x" * 20_001}, "lyrics"),
        ("analyze", {"lyrics": 5}, "lyrics"),
        ("analyze", {"lyrics": "la", "genre": "polka"}, "genre"),
        ("analyze", {"lyrics": "la", "trackId": "x"}, "trackId"),
        ("recommendations", {"structure": 5, "genre": "pop"}, "structure"),
        ("recommendations", {"structure": "V"}, "genre"),
        ("organize", {"lyrics": None}, "lyrics"),
    ],
)
async def test_a_wrong_field_is_named(server: dawg.Dawg, path: str, body: dict[str, Any], field: str) -> None:
    status, reply = await server.json("POST", f"/api/lyrics/{path}", json=body)
    assert (status, reply["code"], list(reply["details"])) == (400, "validation_error", [field])


async def test_huge_numbers_in_an_estimate_are_refused(server: dawg.Dawg) -> None:
    for length in ("20001", "99999999999999", "1e300", "-1", "x", ""):
        status, _ = await server.json("GET", f"/api/lyrics/cost-estimate?lyricsLength={length}")
        assert status == 400


async def test_with_a_track_the_room_and_the_one_who_asked_hear_the_analysis(
    server: dawg.Dawg, javascript: JavaScript
) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    _, track = await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Vocals"})
    in_room = await javascript.connect(server.url, auth={"userId": "ada"})
    elsewhere = await javascript.connect(server.url, auth={"userId": "ada"})
    stranger = await javascript.connect(server.url, auth={"userId": "eve"})
    assert (await in_room.emit_ack("join:project", {"projectId": project["id"]}))["success"]
    status, _ = await server.json("POST", "/api/lyrics/analyze", json={"lyrics": SONG, "trackId": track["id"]})
    assert status == 200
    for client in (in_room, elsewhere):
        analyzed = await client.wait_for("lyrics:analyzed")
        assert (analyzed["trackId"], analyzed["projectId"]) == (track["id"], project["id"])
        labels = await client.wait_for("lyrics:section-labels-updated")
        assert labels["sectionLabels"][0]["sectionType"] == "verse"
        await client.wait_for("lyrics:recommendations")
        assert len([name for name, _ in client.events if name == "lyrics:analyzed"]) == 1
    ack = await in_room.emit_ack(
        "lyrics:analyze-request", {"projectId": project["id"], "trackId": track["id"], "lyrics": SONG}
    )
    assert ack["analysis"]["method"] == "computed"
    refused = await elsewhere.emit_ack(
        "lyrics:analyze-request", {"projectId": project["id"], "trackId": track["id"], "lyrics": SONG}
    )
    assert refused["code"] == "not_joined"
    status, body = await server.json(
        "POST", "/api/lyrics/analyze", user="eve", json={"lyrics": SONG, "trackId": track["id"]}
    )
    assert (status, body["code"]) == (404, "not_found")
    assert stranger.events == []
