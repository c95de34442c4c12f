"""What is known about the sound of a track: measured, unless a person knows better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dawg_server import errors
from dawg_server.audiofiles.analyses import Analyses, Excerpt, Question
from dawg_server.database import analyses
from dawg_server.database.pool import Database
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document

MARK = "setByUser"  # in the metadata: paths of the values that a person has set
GROUPS = ("rhythmCharacteristics", "vocalCharacteristics", "style")
_INSIDE = ("timbre",)  # groups inside of groups

Metadata = dict[str, Any]


class TrackMetadata:
    """Every change is one of the document: it has a revision, can be undone, and the room hears of it."""

    def __init__(self, database: Database, document: Document, analyses: Analyses) -> None:
        self._database, self._document, self._analyses = database, document, analyses

    async def analyze(
        self, project_id: str, track_id: str, by: Actor, question: Question, clip_id: str | None = None
    ) -> tuple[Metadata, dict[str, Any]]:
        """(the track's metadata now, `{audioFileId, clipId, seconds}` that was measured): of the named clip, or of the
        longest. What a person has set stays. Raises `NoAudio`, and `NotFound` for a clip that is not on the track."""
        row = await self._clip(track_id, clip_id)
        excerpt = Excerpt.of_clip(row)
        measured = await self._analyses.of_stored(row, excerpt, question)
        metadata = await self._change(project_id, track_id, by, lambda old: _kept(old, measured))
        seconds = excerpt.seconds if excerpt.seconds is not None else (row["duration"] or 0.0) - excerpt.offset
        source = {"audioFileId": row["id"], "clipId": row["clip_id"], "seconds": round(seconds, 3)}
        return metadata, source

    async def set(self, project_id: str, track_id: str, by: Actor, values: Mapping[str, Any]) -> Metadata:
        """Values of a person, by group; None takes a value back, and the next analysis fills it in again."""
        return await self._change(project_id, track_id, by, lambda old: _set(old, values))

    async def _change(self, project_id: str, track_id: str, by: Actor, change: Any) -> Metadata:
        async with self._document.editing(project_id, by) as editing:
            old = await analyses.lock_metadata(editing.connection, project_id, track_id)
            metadata: Metadata = change(old or {})
            await editing.execute([Command("setTrackMetadata", {"trackId": track_id, "metadata": metadata})])
        return metadata

    async def _clip(self, track_id: str, clip_id: str | None) -> dict[str, Any]:
        rows = await analyses.clips_of_track(self._database, track_id)
        if clip_id is not None:
            named = (await analyses.clips(self._database, [clip_id])).get(clip_id)
            if named is None or named["track_id"] != track_id:
                raise errors.NotFound("There is no such clip on this track.", details={"kind": "clip"})
            rows = [named] if named["id"] is not None else []
        if not rows:
            raise errors.NoAudio("There is no recording on this track that could be analysed.")
        return rows[0]


def _kept(old: Metadata, measured: Metadata) -> Metadata:
    """The measured metadata, with what a person has set put over it."""
    new = {**measured}
    marks = old.get(MARK, [])
    for path in marks:
        new = _with(new, path.split("."), _at(old, path.split(".")))
    return {**new, MARK: marks}


def _set(old: Metadata, values: Mapping[str, Any]) -> Metadata:
    new, marks = {**old}, dict.fromkeys(old.get(MARK, []))
    for path, value in _leaves(values):
        new = _with(new, path, value)
        if value is None:
            marks.pop(".".join(path), None)
        else:
            marks[".".join(path)] = None
    return {**new, MARK: sorted(marks)}


def _leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[list[str], Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and (name in GROUPS or name in _INSIDE):
            yield from _leaves(value, (*path, name))
        else:
            yield [*path, name], value


def _with(tree: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    head, *rest = path
    return {**tree, head: _with(tree.get(head) or {}, rest, value) if rest else value}


def _at(tree: Mapping[str, Any], path: list[str]) -> Any:
    for name in path:
        tree = (tree or {}).get(name)  # type: ignore[assignment]
    return tree
