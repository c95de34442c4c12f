"""Projects are bounded, in the same words whichever way something comes in, and large ones are written in few steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.archives import checking
from dawg_server.database import pool, table
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from dawg_server.daw.entities import clip as clips
from dawg_server.daw.entities.clip import CLIP
from tests.archives import packages
from tests.daw import editors

ADA, BOB = Actor("ada", "rest"), Actor("bob", "rest")
NOTES = {"notes": [{"pitch": 60, "start": n, "duration": 1, "velocity": 90} for n in range(4)]}


@pytest.fixture
def small() -> Iterator[None]:
    """Bounds that a test can meet: five clips, twelve notes."""
    before = CLIP.limit, CLIP.weight
    assert before[0] == clips.MAX_CLIPS == 10_000
    assert before[1] is not None
    assert before[1].limit == clips.MAX_PROJECT_NOTES == 200_000
    object.__setattr__(CLIP, "limit", 5)
    object.__setattr__(CLIP, "weight", dataclasses.replace(before[1], limit=12))
    yield
    object.__setattr__(CLIP, "limit", before[0])
    object.__setattr__(CLIP, "weight", before[1])


async def _refused(document: Document, project_id: str, *commands: Command, by: Actor = ADA) -> str:
    with pytest.raises(errors.Conflict) as caught:
        await document.execute(project_id, commands, by)
    return caught.value.message


@pytest.mark.usefixtures("small")
async def test_clips_and_notes_are_bounded_in_the_same_words_everywhere(document: Document, project_id: str) -> None:
    made = await document.execute(project_id, [Command("createTrack", {"name": "Keys", "trackType": "MIDI"})], ADA)
    track_id = made.results[0]["track"]["id"]
    silent = Command("createClip", {"trackId": track_id, "startTime": 0, "midiData": {"notes": []}})
    full = Command("createClip", {"trackId": track_id, "startTime": 0, "midiData": NOTES})
    await document.execute(project_id, [full, full, full], ADA)
    notes = "A project has at most 12 notes."
    assert await _refused(document, project_id, full) == notes
    executed = await document.execute(project_id, [silent, silent], ADA)
    clip_id = executed.results[0]["clip"]["id"]
    change = Command("updateClip", {"clipId": clip_id, "changes": {"midiData": NOTES}})
    assert await _refused(document, project_id, change) == notes
    many = "A project has at most 5 clips."
    assert await _refused(document, project_id, silent) == many
    song = packages.song()
    with pytest.raises(errors.Conflict, match=many):
        checking.checked({**song, "clips": [{**song["clips"][0], "id": _id(n)} for n in range(6)]})
    with pytest.raises(errors.Conflict, match=notes):
        checking.checked({**song, "clips": [{**song["clips"][0], "midiData": {"notes": NOTES["notes"] * 4}}]})


@pytest.mark.usefixtures("small")
async def test_undo_brings_back_what_there_is_room_for_and_says_the_rest(document: Document, project_id: str) -> None:
    made = await document.execute(project_id, [Command("createTrack", {"name": "Keys", "trackType": "MIDI"})], ADA)
    track_id = made.results[0]["track"]["id"]
    silent = Command("createClip", {"trackId": track_id, "startTime": 0, "midiData": {"notes": []}})
    made = await document.execute(project_id, [silent] * 5, ADA)
    gone = [Command("deleteClip", {"clipId": each["clip"]["id"]}) for each in made.results[:3]]
    await document.execute(project_id, gone, ADA)
    await document.execute(project_id, [silent] * 2, BOB)
    skipped = (await editors.undo(document, project_id, ADA)).results[0]["skipped"]
    assert [each["reason"] for each in skipped] == ["A project has at most 5 clips."] * 2
    assert len((await document.snapshot(project_id, "ada"))["tracks"][0]["clips"]) == 5


async def test_many_things_are_written_and_read_with_few_statements(
    document: Document, project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many for a hundred clips as for a thousand, but for one more for every so many rows."""
    statements = 0
    run = pool.Connection._run

    async def counted(self: pool.Connection, sql: str, parameters: Any) -> Any:
        nonlocal statements
        statements += 1
        return await run(self, sql, parameters)

    monkeypatch.setattr(pool.Connection, "_run", counted)
    found: dict[int, list[int]] = {}
    for count in (100, 1000):
        made = await document.execute(project_id, [Command("createTrack", {"name": "Keys", "trackType": "MIDI"})], ADA)
        track_id = made.results[0]["track"]["id"]
        clip = Command("createClip", {"trackId": track_id, "startTime": 0, "midiData": {"notes": []}})
        counts = found[count] = []
        for step in (
            document.execute(project_id, [clip] * count, ADA),
            document.execute(project_id, [Command("deleteTrack", {"trackId": track_id})], ADA),
            editors.undo(document, project_id, ADA),
            editors.redo(document, project_id, ADA),
        ):
            statements = 0
            await step
            counts.append(statements)
    for few, many in zip(found[100], found[1000], strict=True):
        assert many - few <= 4 * 1000 / table.MAX_ROWS


def _id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"
