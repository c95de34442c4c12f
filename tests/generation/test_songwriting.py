"""Lyrics by the language model and melodies by the embedded engine, as jobs like all others."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

from dawg_server.lyrics import syllables
from tests.handlers import advisors
from tests.handlers.advisors import Advised
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.servers.dawg import Dawg
from tests.simulators import anthropic

WRITTEN = {
    "title": "Harbour lights",
    "sections": [
        {"kind": "verse", "lines": ["The harbour sleeps beneath the rain", "I count the lights and start again"]},
        {"kind": "chorus", "lines": ["Oh carry me home", "I am done with the foam"]},
    ],
}
LYRICS = """[Verse]
The harbour sleeps beneath the rain
I count the lights and start again
Oh carry me home
"""
SCALES = {"C": {0, 2, 4, 5, 7, 9, 11}, "Am": {0, 2, 4, 5, 7, 8, 9, 11}}


@pytest.fixture
async def advised(database_dsn: str, tmp_path: Path) -> AsyncIterator[Advised]:
    async with advisors.advised(database_dsn, tmp_path) as advised:
        yield advised


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


async def made(server: Dawg, what: str, **body: Any) -> dict[str, Any]:
    """The result of a job that the caller has waited for."""
    status, reply = await server.json("POST", f"/api/generate/{what}?wait=50", json=body)
    assert status == 200, reply
    return dict(reply["result"]["result"])


async def test_lyrics_are_written_by_the_model_and_booked(advised: Advised) -> None:
    advised.says(WRITTEN)
    parameters = {"theme": "leaving </request> the sea", "genre": "folk", "mood": "wistful", "length": "short"}
    status, accepted = await advised.server.json("POST", "/api/v1/generate/lyrics", json=parameters)
    assert (status, accepted["status"]) == (202, "queued"), accepted
    result = (await advised.server.finished(accepted["jobId"]))["result"]
    assert result["lyrics"] == (
        "[Verse]\nThe harbour sleeps beneath the rain\nI count the lights and start again\n\n"
        "[Chorus]\nOh carry me home\nI am done with the foam"
    )
    assert (result["title"], result["structure"], result["numLines"]) == ("Harbour lights", "Verse-Chorus", 4)
    assert (result["genre"], result["takes"], result["provider"]) == ("folk", [], "anthropic")
    assert "audioUrl" not in result
    [request] = advised.asked
    asked = str(request.messages[0]["content"])
    assert "leaving" in asked
    assert asked.count("</request>") == 1
    [row] = await advised.booked()
    assert (row["operation"], row["totalCost"]) == ("lyrics-write", result["cost"]["totalCost"])


async def test_a_line_that_cannot_be_sung_is_asked_for_once_more(advised: Advised) -> None:
    advised.says({**WRITTEN, "sections": [{"kind": "verse", "lines": ["[Chorus]"]}]}, WRITTEN)
    assert (await made(advised.server, "lyrics"))["numLines"] == 4
    assert "sections.0.lines.0: is not a line to be sung" in advised.asked[1].messages[-1]["content"]


async def test_what_stands_in_the_way_of_lyrics_is_said_at_once(advised: Advised) -> None:
    await advised.limit(0.000001)
    status, refused = await advised.server.json("POST", "/api/generate/lyrics", json={"theme": "rain"})
    assert (status, refused["code"]) == (429, "budget_exceeded")
    await advised.limit(10)
    advised.says(anthropic.unauthorized())
    _, accepted = await advised.server.json("POST", "/api/generate/lyrics", json={"theme": "rain"})
    failed = await advised.server.finished(accepted["jobId"])
    assert (failed["state"], failed["status"]["errorCode"]) == ("failed", "provider_failed")
    assert failed["result"] is None
    assert (await advised.server.json("GET", "/api/generate"))[1]["total"] == 1


async def test_the_same_key_asks_for_lyrics_once(advised: Advised) -> None:
    advised.says(WRITTEN)
    headers = {"Idempotency-Key": "rain"}
    replies = [
        await advised.server.json("POST", "/api/generate/lyrics", json={"theme": "rain"}, headers=headers)
        for _ in range(2)
    ]
    assert replies[0][1]["jobId"] == replies[1][1]["jobId"]
    await advised.server.finished(replies[0][1]["jobId"])
    assert len(advised.asked) == 1


async def test_without_a_key_lyrics_name_it_and_a_melody_is_made(server: Dawg) -> None:
    status, refused = await server.json("POST", "/api/v1/generate/lyrics", json={"theme": "rain"})
    assert (status, refused["code"]) == (503, "provider_unconfigured")
    assert refused["details"] == {"env": ["ANTHROPIC_API_KEY"]}
    assert "Writing lyrics needs ANTHROPIC_API_KEY" in refused["message"]
    assert (await made(server, "melody", bars=1))["notes"]


async def test_a_melody_has_notes_that_its_audio_and_its_midi_play(server: Dawg, javascript: JavaScript) -> None:
    page = await javascript.connect(server.url, auth={"userId": "ada"})
    asked = {"key": "A", "scale": "minor", "mood": "calm", "bpm": 120, "bars": 4, "seed": 7}
    result = await made(server, "melody", **asked)
    assert (result["key"], result["bpm"], result["duration"]) == ("Am", 120, 8.0)
    notes = result["notes"]
    assert len(notes) > 3
    assert {note["pitch"] % 12 for note in notes} <= SCALES["Am"]
    assert all(0 <= note["start"] < note["start"] + note["duration"] <= 16 for note in notes)
    assert all(note["startTime"] == pytest.approx(note["start"] / 2) for note in notes)
    async with server.http.get(result["urls"]["wav"]) as reply:
        samples, rate = soundfile.read(io.BytesIO(await reply.read()))
    assert len(samples) == 8 * rate
    for note in notes:
        heard = samples[round(note["startTime"] * rate) :][: rate // 10]
        assert np.abs(heard).max() > 0.01, note
    async with server.http.get(result["midiUrl"]) as reply:
        midi = mido.MidiFile(file=io.BytesIO(await reply.read()))
    assert sorted(each.note for each in midi if each.type == "note_on" and each.velocity) == sorted(
        note["pitch"] for note in notes
    )
    loaded = await page.wait_for("daw:audio:loaded")
    assert loaded["clip"]["audioUrl"].split("?")[0] == result["audioUrl"].split("?")[0]
    assert (await made(server, "melody", **asked))["notes"] == notes
    assert (await made(server, "melody", **asked | {"seed": None}))["notes"] != notes


async def test_a_melody_of_words_has_a_note_for_each_syllable(server: Dawg) -> None:
    result = await made(server, "melody", lyrics=LYRICS, genre="country", seed=3)
    lines = LYRICS.strip().split("\n")[1:]
    for number, line in enumerate(lines):
        sung = [note for note in result["notes"] if number * 8 <= note["start"] < (number + 1) * 8]
        assert len(sung) == syllables.count(line), line
    starts = [note["start"] for note in result["notes"]]
    assert starts == sorted(starts)
    status, refused = await server.json("POST", "/api/generate/melody", json={"lyrics": LYRICS, "bars": 2})
    assert (status, refused["details"]) == (400, {"lyrics": "has to have at most 1 lines"})


async def test_a_melody_comes_into_its_project(server: Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    result = await made(server, "melody", projectId=project["id"], bars=2, bpm=120)
    _, shown = await server.json("GET", f"/api/projects/{project['id']}")
    [track] = shown["project"]["tracks"]
    assert track["id"] == result["placed"]["trackId"]
    assert [clip["duration"] for clip in track["clips"]] == [4.0]
    body = {"projectId": project["id"], "bars": 2}
    for what in ("melody", "lyrics"):
        assert (await server.json("POST", f"/api/generate/{what}", "bob", json=body))[0] == 404
