"""Projects out to files and in again, over REST."""

from __future__ import annotations

import asyncio
import io
import json
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import mido  # type: ignore[import-untyped]
import numpy as np
import pytest
import pytest_asyncio
import soundfile

from dawg_server.database import projects
from dawg_server.daw import entity as registry
from tests.archives import packages
from tests.servers import dawg
from tests.servers.databases import TestDatabases

TIMES = ("createdAt", "updatedAt")
PLACED = ("projectId", "storageKey", "generationId", "lufs", "truePeak", "waveformStatus")  # of recordings


VARIABLES = {
    "REQUESTS_PER_MINUTE": "100000",
    "UPLOADS_PER_MINUTE": "100000",
    "MAX_ARCHIVE_MB": "2",
    "MAX_ARCHIVE_UNPACKED_MB": "4",
    "MAX_ARCHIVE_ENTRIES": "30",
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(test_databases: TestDatabases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dawg.Dawg]:
    """One for all tests of this module."""
    with test_databases.lent() as dsn:
        async with dawg.running(dsn, tmp_path_factory.mktemp("server"), **VARIABLES) as running:
            yield running


async def call(server: dawg.Dawg, method: str, path: str, body: Any, user: str = "ada") -> dict[str, Any]:
    status, reply = await server.json(method, f"/api{path}", user, json=body)
    assert status < 300, reply
    return dict(reply)


async def upload(server: dawg.Dawg, data: bytes, name: str, project: str | None, user: str = "ada") -> dict[str, Any]:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("audio", io.BytesIO(data), filename=name)
    if project:
        form.add_field("projectId", project)
    status, reply = await server.json("POST", "/api/audio/upload", user, data=form)
    assert status == 201, reply
    return dict(reply["audioFile"])


async def exported(server: dawg.Dawg, project: str, query: str = "", user: str = "ada") -> bytes:
    path = f"{server.url}/api/projects/{project}/export{query}"
    async with server.http.get(path, headers=server.as_user(user)) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.read()


async def imported(server: dawg.Dawg, archive: bytes, user: str = "ada", **headers: str) -> tuple[int, dict[str, Any]]:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(archive), filename="song.zip")
    return await server.json("POST", "/api/projects/import", user, data=form, headers=headers)


def stored(server: dawg.Dawg) -> set[Path]:
    """The files in the folders of the server."""
    folder = Path(server.services.platform.settings.data_dir)
    found = (path for name in ("files", "work") for path in (folder / name).rglob("*") if path.is_file())
    return {path for path in found if path.suffix != ".lock" and path.name != ".lock"}


async def song_of_all_kinds(server: dawg.Dawg) -> str:
    """A project with buses, sends, notes, clips, and recordings in three formats, one of them on no track."""
    made = await call(
        server,
        "POST",
        "/projects",
        {
            "name": "Ünï/../code “Song” <1>",
            "bpm": 93.5,
            "key": "F#m",
            "timeSignature": "7/8",
            "lyrics": "la\nla",
            "description": "mine",
            "sampleRate": 48000,
            "isPublic": True,
        },
    )
    project = made["id"]

    async def track(name: str, **fields: Any) -> str:
        return str((await call(server, "POST", "/tracks", {"projectId": project, "name": name, **fields}))["id"])

    reverb = await track("Reverb", trackType="AUX", color="#aabbcc")
    group = await track("Group", trackType="AUX", outputDestination=reverb, volume=0.5)
    drums = await track("Drums", outputDestination=group, pan=-0.25, isMuted=True, lyrics="boom")
    keys = await track("Keys", trackType="MIDI", channels="mono", order=0)
    await call(server, "POST", f"/tracks/{drums}/sends", {"destinationTrackId": reverb, "level": 0.3, "preFader": True})
    for format in ("wav", "flac", "mp3"):
        recording = await upload(server, packages.tone(1, format), f"tone.{format}", project)
        if format != "mp3":
            await call(
                server,
                "POST",
                "/clips",
                {
                    "trackId": drums,
                    "audioFileId": recording["id"],
                    "startTime": 2.5,
                    "offset": 0.25,
                    "fadeIn": 0.1,
                    "gain": -6,
                    "color": "#010203",
                },
            )
    notes = [{"pitch": 40 + n, "start": n / 4, "duration": 0.25, "velocity": 100} for n in range(40)]
    await call(server, "POST", "/clips", {"trackId": keys, "startTime": 0, "duration": 9, "midiData": {"notes": notes}})
    return str(project)


async def shape(server: dawg.Dawg, project: str) -> dict[str, Any]:
    """A project without ids: tracks by name, recordings by checksum."""
    found = await projects.snapshot(server.services.platform.database, project, "ada", registry.tables())
    assert found is not None
    names = {each["id"]: each["name"] for each in found["tracks"]} | {"master": "master"}
    sums = {each["id"]: each["checksum"] for each in found["audioFiles"]} | {None: None}

    def bare(thing: dict[str, Any], *besides: str) -> dict[str, Any]:
        return {name: value for name, value in thing.items() if name not in (*TIMES, "id", *besides)}

    def clip(each: dict[str, Any]) -> dict[str, Any]:
        return bare(each, "trackId") | {"track": names[each["trackId"]], "audioFileId": sums.get(each["audioFileId"])}

    def track(each: dict[str, Any]) -> dict[str, Any]:
        sends = [
            bare(send, "trackId") | {"destinationTrackId": names[send["destinationTrackId"]]} for send in each["sends"]
        ]
        return bare(each, "projectId") | {"outputDestination": names[each["outputDestination"]], "sends": sends}

    return {
        "project": bare(found["project"], "revision", "version", "isPublic", "userId"),
        "tracks": [track(each) for each in found["tracks"]],
        "clips": sorted((clip(each) for each in found["clips"]), key=str),
        "recordings": sorted((bare(each, *PLACED) for each in found["audioFiles"]), key=str),
    }


async def test_what_goes_out_and_comes_in_again_is_the_same_under_new_ids(server: dawg.Dawg) -> None:
    project = await song_of_all_kinds(server)
    archive = await exported(server, project)
    status, reply = await imported(server, archive, "bob")
    assert status == 201, reply
    assert reply["project"]["id"] == reply["id"] != project
    assert (reply["role"], reply["userId"], reply["isPublic"], reply["revision"]) == ("owner", "bob", False, 0)
    assert [each["name"] for each in reply["tracks"]] == ["Keys", "Reverb", "Group", "Drums"]
    before, after = await shape(server, project), await shape(server, reply["id"])
    # `ada` cannot see it: the shape is read from the database.
    assert before == after
    first, second = (packages.document_of(each) for each in (archive, await exported(server, reply["id"], user="bob")))
    ids = [
        {part["id"] for kind in ("tracks", "clips", "audioFiles") for part in each[kind]} for each in (first, second)
    ]
    assert not ids[0] & ids[1]
    assert (await server.json("GET", f"/api/projects/{reply['id']}"))[0] == 404


async def test_the_recordings_of_an_import_are_byte_for_byte_those_of_the_original(server: dawg.Dawg) -> None:
    archive = await exported(server, await song_of_all_kinds(server))
    _, reply = await imported(server, archive, "bob")
    sums = sorted(packages.files_of(archive).values())
    assert sorted(packages.files_of(await exported(server, reply["id"], user="bob")).values()) == sums
    played = []
    assert "storageKey" not in str(reply)
    for each in reply["audioFiles"]:
        async with server.http.get(each["audioUrl"]) as file:  # a link of its own, for players
            assert file.status == 200
        async with server.http.get(
            f"{server.url}/api/audio/{each['id']}/content", headers=server.as_user("bob")
        ) as file:
            played.append(await file.read())
    assert sorted(played) == sums
    assert sorted(played) == sorted(packages.tone(1, format) for format in ("wav", "flac", "mp3"))


async def test_an_archive_is_a_plain_zip_that_says_what_is_in_it(server: dawg.Dawg) -> None:
    project = await song_of_all_kinds(server)
    async with server.http.get(f"{server.url}/api/projects/{project}/export", headers=server.as_user("ada")) as reply:
        assert reply.headers["Content-Type"] == "application/zip"
        assert "Content-Encoding" not in reply.headers
        disposition = reply.headers["Content-Disposition"]
        archive = await reply.read()
    plain = disposition.partition('filename="')[2].partition('"')[0]
    assert disposition.startswith("attachment; ")
    assert plain.endswith(".zip")
    assert plain.isascii()
    assert not set(plain) & set("/\\<>:;\"'|?*")
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        assert package.testzip() is None
        assert package.namelist()[0] == "project.json"
        for info in package.infolist():
            compressed = info.filename.endswith((".json", ".txt", ".wav"))
            assert (info.compress_type == zipfile.ZIP_DEFLATED) is compressed, info.filename
    document = packages.document_of(archive)
    assert (document["format"], document["formatVersion"], len(document["audioFiles"])) == ("dawg-project", 1, 3)
    assert "'ada'" not in str(document)
    async with server.http.head(f"{server.url}/api/projects/{project}/export", headers=server.as_user("ada")) as reply:
        assert (reply.status, await reply.read()) == (200, b"")


async def test_without_recordings_an_archive_works_for_those_who_have_them(server: dawg.Dawg) -> None:
    project = await song_of_all_kinds(server)
    archive = await exported(server, project, "?audio=false")
    assert packages.files_of(archive) == {}
    status, reply = await imported(server, archive, "ada")
    assert status == 201, reply
    assert (await shape(server, reply["id"]))["tracks"] == (await shape(server, project))["tracks"]
    status, reply = await imported(server, archive, "zoe")
    assert (status, reply["code"]) == (400, "invalid_archive")
    assert len(reply["details"]["missing"]) == 2
    assert reply["details"]["missingNames"] == ["tone.wav", "tone.flac"]
    assert "tone.flac" in reply["error"]


async def test_viewers_export_and_strangers_know_nothing(server: dawg.Dawg) -> None:
    made = await call(server, "POST", "/projects", {"name": "Song"})
    for path in (f"/api/projects/{made['id']}/export", "/api/projects/nonsense/export"):
        assert (await server.json("GET", path, "eve"))[0] == 404
    await server.services.platform.database.execute(
        "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, 'eve', 'viewer', now())",
        (made["id"],),
    )
    assert packages.document_of(await exported(server, made["id"], user="eve"))["project"]["name"] == "Song"


async def test_an_export_of_a_recording_whose_bytes_are_gone_breaks_off(server: dawg.Dawg) -> None:
    made = await call(server, "POST", "/projects", {"name": "Song"})
    before = stored(server)
    await upload(server, packages.tone(), "one.wav", made["id"])
    for file in stored(server) - before:
        file.unlink()
    with pytest.raises(aiohttp.ClientError):
        await exported(server, made["id"])


def _listed(archive: bytes, count: int) -> bytes:
    """The archive with another number of entries in its table."""
    at = archive.rfind(b"PK\x05\x06")
    return archive[: at + 8] + struct.pack("<HH", count, count) + archive[at + 12 :]


def _link(package: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("audio/link.wav")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    package.writestr(info, "/etc/passwd")


def _twice(package: zipfile.ZipFile) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        package.writestr("project.json", b"{}")


def _named(name: str) -> Callable[[zipfile.ZipFile], None]:
    return lambda package: package.writestr(name, b"x")


def _bomb(package: zipfile.ZipFile) -> None:
    package.writestr("audio/zeros.wav", bytes(8 * 2**20), zipfile.ZIP_DEFLATED)


def _strange(package: zipfile.ZipFile) -> None:
    package.writestr("audio/x.wav", b"x" * 1000, zipfile.ZIP_LZMA)


def _track(**fields: Any) -> list[dict[str, Any]]:
    return [packages.song()["tracks"][0] | fields]


def _clip(**fields: Any) -> list[dict[str, Any]]:
    return [packages.song()["clips"][0] | fields]


TONE = packages.tone()
AUX = {"id": "00000000-0000-4000-8000-000000000009", "name": "Bus", "order": 1, "trackType": "AUX", "sends": []}
ID_OF_TRACK = packages.song()["tracks"][0]["id"]
WRONG: dict[str, bytes] = {
    "nothing": b"",
    "no zip": b"PK\x03\x04" + bytes(500),
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "cut off": packages.made(packages.song())[:-30],
    "no project.json": packages.made(packages.song()).replace(b"project.json", b"projekt.json"),
    "no JSON": packages.made(b"{"),
    "deep JSON": packages.made(b"[" * 200_000),
    "a list": packages.made([1]),
    "another format": packages.made(packages.song(format="reaper")),
    "a later version": packages.made(packages.song(formatVersion=2)),
    "no version": packages.made(packages.song(formatVersion=None)),
    "a bad field": packages.made(packages.song(project={"name": "x", "bpm": 1000})),
    "no tracks": packages.made(packages.song(tracks=None)),
    "a bad track": packages.made(packages.song(tracks=_track(volume=2))),
    "two tracks of one id": packages.made(packages.song(tracks=_track() * 2)),
    "a bad id": packages.made(packages.song(tracks=_track(id="../x"))),
    "a clip on no track": packages.made(packages.song(tracks=[])),
    "a clip without content": packages.made(packages.song(clips=_clip(midiData=None))),
    "a clip of nobody's recording": packages.made(packages.song(clips=_clip(midiData=None, audioFileId=AUX["id"]))),
    "bad notes": packages.made(packages.song(clips=_clip(midiData={"notes": [{"pitch": 999}]}))),
    "long fades": packages.made(packages.song(clips=_clip(fadeIn=1, fadeOut=1))),
    "output to a track that is no bus": packages.made(packages.song(tracks=_track(outputDestination=ID_OF_TRACK))),
    "a routing loop": packages.made(
        packages.song(
            tracks=[
                *_track(trackType="AUX", outputDestination=AUX["id"]),
                AUX | {"outputDestination": ID_OF_TRACK},
            ]
        )
    ),
    "a send to nowhere": packages.made(
        packages.song(
            tracks=_track(
                sends=[
                    {"id": AUX["id"], "destinationTrackId": AUX["id"]},
                ]
            )
        )
    ),
    "a path to the parent": packages.made(packages.song(), more=_named("../../etc/cron.d/x")),
    "an absolute path": packages.made(packages.song(), more=_named("/etc/cron.d/x")),
    "a path of Windows": packages.made(packages.song(), more=_named("..\\x.wav")),
    "a drive": packages.made(packages.song(), more=_named("C:x.wav")),
    "a symbolic link": packages.made(packages.song(), more=_link),
    "one name twice": packages.made(packages.song(), more=_twice),
    "a bomb": packages.made(packages.song(), more=_bomb),
    "strange compression": packages.made(packages.song(), more=_strange),
    "too many files": packages.made(packages.song(), {f"audio/{n}": b"" for n in range(31)}),
    "too many files, and it lies": _listed(packages.made(packages.song(), {f"audio/{n}": b"" for n in range(31)}), 2),
    "a huge table": _listed(packages.made(packages.song()), 65_535),
    "a missing recording": packages.made(packages.with_recording(TONE)),
    "a changed recording": packages.made(packages.with_recording(TONE), {"audio/one.wav": TONE[:-1] + b"x"}),
    "a recording of another size": packages.made(packages.with_recording(TONE), {"audio/one.wav": TONE + b"x"}),
    "a recording outside": packages.made(packages.with_recording(TONE, "project.json"), {"audio/one.wav": TONE}),
    "no audio": packages.made(packages.with_recording(b"x" * 999), {"audio/one.wav": b"x" * 999}),
    "audio cut off": packages.made(packages.with_recording(TONE[:40]), {"audio/one.wav": TONE[:40]}),
    "an unknown source": packages.made(packages.with_recording(TONE, source="stolen"), {"audio/one.wav": TONE}),
}


async def test_what_is_not_exactly_an_archive_is_refused_with_a_reason_and_leaves_nothing(server: dawg.Dawg) -> None:
    await server.json("GET", "/api/projects", "ada")
    folder, before = Path(server.services.platform.settings.data_dir), stored(server)
    count = (
        "SELECT (SELECT count(*) FROM projects) + (SELECT count(*) FROM audio_files) + (SELECT count(*) FROM tracks)"
    )
    known = await server.services.platform.database.fetch_value(count)
    for name, archive in WRONG.items():
        status, reply = await imported(server, archive)
        assert (status, reply["code"]) == (400, "invalid_archive"), (name, reply)
        assert reply["details"]["reason"], name
        assert str(folder) not in str(reply), name
        assert await server.services.platform.database.fetch_value(count) == known, name
    assert stored(server) == before


async def test_what_is_right_is_not_refused(server: dawg.Dawg) -> None:
    extra = _named("__MACOSX/._project.json")
    for archive in (
        packages.made(packages.song()),
        packages.made(packages.song(), more=extra),
        packages.made(packages.with_recording(TONE), {"audio/one.wav": TONE}),
        packages.made(packages.song(tracks=[], clips=[])),
    ):
        status, reply = await imported(server, archive)
        assert status == 201, reply


async def test_a_clip_that_outlasts_its_recording_ends_with_it(server: dawg.Dawg) -> None:
    archive = packages.made(packages.with_recording(packages.tone(0.5)), {"audio/one.wav": packages.tone(0.5)})
    status, reply = await imported(server, archive)
    assert status == 201, reply
    assert reply["project"]["tracks"][0]["clips"][0]["duration"] == 0.5


async def test_a_large_upload_is_refused_by_its_size(server: dawg.Dawg) -> None:
    status, reply = await imported(server, bytes(3 * 2**20))
    assert (status, reply["code"], reply["details"]["limit"]) == (413, "payload_too_large", 2 * 2**20)
    status, reply = await server.json("POST", "/api/projects/import", json={"file": "x"})
    assert (status, reply["code"]) == (415, "unsupported_media_type")


async def test_an_import_with_a_key_is_done_once(server: dawg.Dawg) -> None:
    archive = packages.made(packages.song())
    replies = [await imported(server, archive, "kay", **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert replies[0] == replies[1]
    assert (await server.json("GET", "/api/projects", "kay"))[1]["total"] == 1


async def test_the_memory_of_an_export_does_not_grow_with_the_project(database_dsn: str, tmp_path: Path) -> None:
    """Whoever reads slowly holds back the reading of the files: at no time is more than a piece of one in memory."""
    async with dawg.running(database_dsn, tmp_path) as server:
        made = await call(server, "POST", "/projects", {"name": "Song"})
        for number in range(3):
            await upload(server, packages.noise(60, seed=number), f"{number}.wav", made["id"])
        address = f"{server.url}/api/projects/{made['id']}/export"
        tracemalloc.start()
        try:
            async with server.http.get(address, headers=server.as_user("ada")) as reply:
                size = 0
                async for piece in reply.content.iter_chunked(65_536):
                    size += len(piece)
                    await asyncio.sleep(0)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert size > 15 * 2**20
    assert peak < 6 * 2**20


async def test_an_archive_that_was_packed_anew_by_hand_is_read(server: dawg.Dawg) -> None:
    made = await call(server, "POST", "/projects", {"name": "Song"})
    for name in ("Lead vocal take 3.wav", "lead Vocal take 3.wav", "Ünïted.wav", "CON.wav", "../a:b?.wav"):
        await upload(server, packages.tone(0.2), name, made["id"])
    archive = await exported(server, made["id"])
    names = {"Lead vocal take 3.wav", "lead Vocal take 3 (2).wav", "Ünïted.wav", "-CON.wav", "a-b.wav"}
    assert set(packages.files_of(archive)) == {f"audio/{name}" for name in names}
    kept = ("originalName", "checksum")
    before = [[each[name] for name in kept] for each in (await shape(server, made["id"]))["recordings"]]
    for options in (
        {},
        {"top": "My Song/"},
        {"top": "My Song/", "spelling": "NFD", "method": zipfile.ZIP_STORED},
        {"top": "Ünï/", "spelling": "NFD", "utf_8": False},
    ):
        status, reply = await imported(server, packages.packed_anew(archive, **options))
        assert status == 201, (options, reply)
        after = (await shape(server, reply["id"]))["recordings"]
        assert sorted([each[name] for name in kept] for each in after) == sorted(before), options


async def test_an_archive_tells_people_what_is_in_it_and_has_the_notes_on_request(server: dawg.Dawg) -> None:
    project = await song_of_all_kinds(server)
    with zipfile.ZipFile(io.BytesIO(await exported(server, project, "?midi=true&audio=false"))) as package:
        text = package.read("README.txt").decode()
        notes = mido.MidiFile(file=io.BytesIO(package.read("notes.mid")))
    assert "93.5 bpm, 7/8, F#m" in text
    assert "tone.flac" in text
    assert [track.name for track in notes.tracks][1:] == ["Keys"]


async def test_a_flac_with_a_tag_behind_its_end_comes_back(server: dawg.Dawg) -> None:
    made = await call(server, "POST", "/projects", {"name": "Song"})
    await upload(server, packages.tone(1, "flac") + b"TAG" + bytes(125), "tagged.flac", made["id"])
    status, reply = await imported(server, await exported(server, made["id"]))
    assert status == 201, reply
    assert reply["audioFiles"][0]["duration"] == 1


async def test_what_is_longer_than_uploads_may_be_comes_back(server: dawg.Dawg) -> None:
    """A render may be longer than what is accepted as an upload."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(4_000 * 1801, np.int16), 4_000, format="FLAC")
    data = buffer.getvalue()
    document = packages.with_recording(data, "audio/long.flac", name="long.flac", source="render")
    status, reply = await imported(server, packages.made(document, {"audio/long.flac": data}))
    assert status == 201, reply
    status, again = await imported(server, await exported(server, reply["id"]))
    assert status == 201, again


async def test_what_could_not_be_imported_again_is_not_exported(server: dawg.Dawg) -> None:
    made = await call(server, "POST", "/projects", {"name": "Song"})
    for number in range(3):
        await upload(server, packages.noise(9, seed=number), f"{number}.wav", made["id"])
    reply = (await server.json("GET", f"/api/projects/{made['id']}/export"))[1]
    assert reply["code"] == "payload_too_large"
    assert "MAX_ARCHIVE_MB" in reply["error"]
    status, reply = await imported(server, await exported(server, made["id"], "?audio=false"))
    assert status == 201, reply


async def test_versions_come_along_and_can_be_restored_where_they_come_to(server: dawg.Dawg) -> None:
    project = await song_of_all_kinds(server)
    before = await shape(server, project)
    await call(server, "POST", f"/projects/{project}/versions", {"name": "Full", "description": "all of it"})
    track = next(each for each in (await whole(server, project))["tracks"] if each["name"] == "Drums")
    assert (await server.json("DELETE", f"/api/tracks/{track['id']}"))[0] == 200
    archive = await exported(server, project)
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        assert "1 Full" in package.read("README.txt").decode()
    for data in (archive, packages.packed_anew(archive, "My Song/")):
        status, copy = await imported(server, data, "bob")
        assert (status, copy["leftOut"]) == (201, []), copy
        assert "Drums" not in [each["name"] for each in copy["tracks"]]
        kept = (await server.json("GET", f"/api/projects/{copy['id']}/versions", "bob"))[1]["versions"]
        assert [(each["number"], each["name"], each["description"]) for each in kept] == [(1, "Full", "all of it")]
        status, restored = await server.json("POST", f"/api/projects/{copy['id']}/versions/1/restore", "bob", json={})
        assert (status, restored["missingAudio"]) == (200, []), restored
        assert await shape(server, copy["id"]) == before
    assert packages.versions_of(await exported(server, project, "?versions=false")) == []


async def test_a_version_cannot_bring_in_what_belongs_to_somebody_else(server: dawg.Dawg) -> None:
    """It names a recording that is not in the archive: whatever has that id here is not what was meant."""
    made = await call(server, "POST", "/projects", {"name": "Song"})
    foreign = (await upload(server, packages.tone(), "secret.wav", made["id"]))["id"]
    version = packages.with_recording(b"x", id=foreign) | {"number": 1, "createdAt": "2026-01-02T03:04:05Z"}
    version["clips"][0]["audioFileId"] = foreign
    document = packages.song(versions=[{"number": 1, "path": "versions/1.json"}])
    odd = {"createdAt": "soon"}, {"number": 2}, {"tracks": [{}]}
    for left_out, more in ([], {}), *((["version 1"], each) for each in odd):
        archive = packages.made(document, {"versions/1.json": json.dumps({**version, **more}).encode()})
        status, copy = await imported(server, archive, "eve")
        assert status == 201, copy
        assert [each[:9] for each in copy["leftOut"]] == left_out
        if not left_out:
            path = f"/api/projects/{copy['id']}/versions/1/restore"
            restored = (await server.json("POST", path, "eve", json={}))[1]
            assert len(restored["missingAudio"]) == 1
            assert foreign not in str(restored)
    wrong = packages.song(versions=[{"number": 1, "path": "audio/1.json"}])
    assert (await imported(server, packages.made(wrong)))[1]["code"] == "invalid_archive"


async def test_a_recording_that_is_the_mix_lies_before_all_others(server: dawg.Dawg) -> None:
    made = await call(server, "POST", "/projects", {"name": "Song"})
    await upload(server, packages.tone(), "one.wav", made["id"])
    mix = (await upload(server, packages.tone(1, "flac"), "Song.flac", made["id"]))["id"]
    for query, files in (("", {"Mix.flac", "audio/one.wav"}), ("&audio=false", {"Mix.flac"})):
        archive = await exported(server, made["id"], f"?mix={mix}{query}")
        with zipfile.ZipFile(io.BytesIO(archive)) as package:
            assert {name for name in package.namelist() if name.endswith(("flac", "wav"))} == files
        status, copy = await imported(server, archive)
        assert status == 201, copy
        assert "Song.flac" in [each["originalName"] for each in copy["audioFiles"]]
    other = await call(server, "POST", "/projects", {"name": "Other"})
    assert (await server.json("GET", f"/api/projects/{other['id']}/export?mix={mix}"))[0] == 404


async def whole(server: dawg.Dawg, project: str) -> dict[str, Any]:
    return dict((await server.json("GET", f"/api/projects/{project}"))[1])
