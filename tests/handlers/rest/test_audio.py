"""Recordings come in, are measured, are listed, and go."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import struct
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile

from tests.handlers.rest import recordings
from tests.servers import dawg
from tests.servers.s3 import S3Server

SHOWN = {
    "id",
    "projectId",
    "filename",
    "originalName",
    "mimeType",
    "size",
    "duration",
    "sampleRate",
    "channels",
    "bitDepth",
    "lufs",
    "truePeak",
    "checksum",
    "source",
    "waveformStatus",
    "createdAt",
    "updatedAt",
}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, MAX_UPLOAD_MB="2", JOB_CONCURRENCY="0") as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
async def either(request: pytest.FixtureRequest, database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    """A server on each of the two storages."""
    variables = {}
    if request.param == "s3":
        bucket: S3Server = request.getfixturevalue("s3_server")
        variables = bucket.settings()
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0", **variables) as running:
        assert running.services.platform.storage.name == request.param
        yield running


async def project(server: dawg.Dawg, owner: str = "ada", *, public: bool = False, **members: str) -> str:
    """A project with members by role, written by hand: this is about audio."""
    database = server.services.platform.database
    for user in (owner, *members):
        await database.execute(
            "INSERT INTO users (id, origin) VALUES (%s, 'development') ON CONFLICT DO NOTHING", (user,)
        )
    project_id = await database.fetch_value(
        "INSERT INTO projects (owner_id, name, is_public) VALUES (%s, 'Song', %s) RETURNING id", (owner, public)
    )
    for user, role in members.items():
        await database.execute(
            "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, %s, %s, now())",
            (project_id, user, role),
        )
    return str(project_id)


async def clip(server: dawg.Dawg, project_id: str, audio_id: str) -> str:
    database = server.services.platform.database
    track = await database.fetch_value(
        "INSERT INTO tracks (project_id, name, position) VALUES (%s, 'T', 0) RETURNING id", (project_id,)
    )
    return str(
        await database.fetch_value(
            "INSERT INTO clips (track_id, name, duration, audio_file_id) VALUES (%s, 'C', 1, %s) RETURNING id",
            (track, audio_id),
        )
    )


async def measured(server: dawg.Dawg, audio_id: str, user: str = "ada") -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            status, body = await server.json("GET", f"/api/audio/{audio_id}", user)
            assert status == 200, body
            if body["waveformStatus"] != "pending":
                return dict(body)
            await asyncio.sleep(0.02)


def leftovers(folder: Path) -> list[Path]:
    """What uploads left behind among work and half-stored files."""
    places = [*(folder / "work").glob("*/**/*"), *(folder / "files").glob(".incoming/*")]
    return [path for path in places if path.is_file()]


async def test_an_upload_is_stored_shown_measured_and_played(either: dawg.Dawg, tmp_path: Path) -> None:
    data = recordings.wav(2.0)
    created = await recordings.uploaded(either, data, filename="My Tone (1).wav")
    assert created["audioFile"].keys() >= SHOWN
    assert {name: created[name] for name in created["audioFile"]} == created["audioFile"]
    expected = {
        "projectId": None,
        "originalName": "My Tone (1).wav",
        "filename": "My-Tone-1.wav",
        "mimeType": "audio/wav",
        "size": len(data),
        "duration": 2.0,
        "sampleRate": 48_000,
        "channels": 2,
        "bitDepth": 24,
        "source": "upload",
        "checksum": hashlib.sha256(data).hexdigest(),
        "waveformStatus": "pending",
    }
    assert {name: created[name] for name in expected} == expected
    later = await measured(either, created["id"])
    assert later["waveformStatus"] == "ready"
    assert later["lufs"] == pytest.approx(-6.0, abs=0.3)  # a stereo sine: +3 dB for two channels, -3 dB for a sine
    assert later["truePeak"] == pytest.approx(-6.0, abs=0.1)
    async with either.http.get(created["audioUrl"]) as reply:
        assert await reply.read() == data
    for prefix in ("/api", "/api/v1"):
        _, link = await either.json("GET", f"{prefix}/audio/{created['id']}/download")
        assert link["expiresIn"] == 3600
        async with either.http.get(link["url"], headers={"Range": "bytes=10-19"}) as reply:
            assert (reply.status, await reply.read()) == (206, data[10:20])
    assert ("X-Amz-Signature" in created["audioUrl"]) is (either.services.platform.storage.name == "s3")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("kind", [*recordings.SNDFILE, *recordings.FFMPEG])
async def test_every_format_is_taken_by_its_content(server: dawg.Dawg, tmp_path: Path, kind: str) -> None:
    data = recordings.encoded(kind, tmp_path)
    created = await recordings.uploaded(server, data, filename="lies.txt")
    assert created["filename"] == f"lies.txt.{kind.rpartition('.')[2]}"
    assert created["duration"] == pytest.approx(2.0, abs=0.1)
    later = await measured(server, created["id"])
    assert later["waveformStatus"] == "ready"
    assert later["lufs"] == pytest.approx(-6.0, abs=0.5)
    _, body = await server.json("GET", f"/api/audio/{created['id']}/waveform?points=50")
    assert len(body["waveform"]["peaks"]) == 50
    assert max(high for _, high in body["waveform"]["peaks"]) == pytest.approx(0.5, abs=0.03)


def _huge_header() -> bytes:
    """A WAV file that promises two hours and holds none of them."""
    promised = 2 * 3600 * 44_100 * 4
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", promised + 36, b"WAVE", b"fmt ", 16, 1, 2, 44_100, 176_400, 4, 16)
    return head + struct.pack("<4sI", b"data", promised)


def _half_a_block() -> bytes:
    """144 bytes of IMA ADPCM: 96 of the 1,024 that its only block should have, so there is not one whole frame."""
    form = struct.pack("<HHIIHHHH", 0x11, 1, 44_100, 22_050, 1024, 4, 2, 1017)
    chunks = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 96) + bytes(96)
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 415, "unsupported_media_type"),
        (_half_a_block(), 415, "unsupported_media_type"),
        (b"not audio at all" * 100, 415, "unsupported_media_type"),
        (b"RIFF\x00\x00\x00\x00WAVE" + b"\x00" * 500, 415, "unsupported_media_type"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb" * 300, 415, "unsupported_media_type"),
        (recordings.wav(0.2)[:44], 415, "unsupported_media_type"),
        (_huge_header(), 415, "unsupported_media_type"),
        (_huge_header() + b"\x01\x00" * 88_200, 201, None),  # a truncated file: what is there counts
        (recordings.written(np.zeros((4800, 9), np.float32), "wav"), 400, "validation_error"),
        (recordings.written(np.zeros((4000, 1), np.float32), "wav", 400), 415, "unsupported_media_type"),
        (recordings.written(np.zeros((1860 * 8000, 1), np.int16), "flac", 8000), 413, "payload_too_large"),
        (b"\x00" * 2_200_000, 413, "payload_too_large"),
    ],
    ids=[
        "empty",
        "half-a-block",
        "text",
        "only-a-name",
        "mp3-noise",
        "cut-off-at-the-header",
        "two-hours-of-nothing",
        "two-hours-that-are-a-second",
        "nine-channels",
        "impossible-rate",
        "half-an-hour-and-more",
        "too-many-bytes",
    ],
)
async def test_what_is_no_recording_is_refused_and_leaves_nothing(
    server: dawg.Dawg, tmp_path: Path, data: bytes, status: int, code: str | None
) -> None:
    given, body = await server.json("POST", "/api/audio/upload", data=recordings.form(data))
    assert (given, body.get("code")) == (status, code), body
    if status == 201:
        assert body["duration"] == pytest.approx(1.0, abs=0.01)
        return
    if status == 415:
        assert {"wav", "mp3", "webm"} <= set(body["details"]["supported"])
    if status == 413:
        assert body["details"].keys() == {"limit", "unit"}
    assert leftovers(tmp_path) == []
    assert await server.services.platform.database.fetch_value("SELECT count(*) FROM audio_files") == 0
    assert await server.services.platform.database.fetch_value("SELECT count(*) FROM storage_leftovers") == 0


async def test_the_parts_of_a_form_may_come_in_any_order_and_by_either_name(server: dawg.Dawg) -> None:
    project_id = await project(server)
    for file_name, order in itertools.product(("audio", "file"), itertools.permutations(("file", "project", "name"))):
        body = aiohttp.FormData()
        for part in order:
            if part == "file":
                body.add_field(file_name, recordings.wav(0.1), filename="x.wav")
            elif part == "project":
                body.add_field("projectId", project_id)
            else:
                body.add_field("name", "Kick")
        status, created = await server.json("POST", "/api/audio/upload", data=body)
        assert (status, created["projectId"], created["originalName"]) == (201, project_id, "Kick"), created


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"data": recordings.form(projectId=str(uuid.uuid4()))}, 400, "validation_error"),
        ({"data": recordings.form(b"x", b"y")}, 400, "validation_error"),
        ({"data": recordings.form(recordings.wav(0.1), projectId="7")}, 400, "validation_error"),
        ({"data": recordings.form(recordings.wav(0.1), projectId=str(uuid.uuid4()))}, 404, "not_found"),
        ({"data": recordings.form(recordings.wav(0.1), name="n" * 256)}, 400, "validation_error"),
        ({"data": recordings.form(recordings.wav(0.1), other="n" * 300_000)}, 413, "payload_too_large"),
        ({"data": recordings.form(recordings.wav(0.1), **{f"f{n}": "x" for n in range(70)})}, 400, "validation_error"),
        ({"json": {"audio": "x"}}, 415, "unsupported_media_type"),
        (
            {"data": b"nonsense", "headers": {"Content-Type": "multipart/form-data; boundary=abc"}},
            400,
            "validation_error",
        ),
        ({"data": b"nonsense", "headers": {"Content-Type": "multipart/form-data"}}, 400, "validation_error"),
        (
            {
                "data": b'--abc\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\nRIFF',
                "headers": {"Content-Type": "multipart/form-data; boundary=abc"},
            },
            400,
            "validation_error",
        ),
    ],
    ids=[
        "no-file",
        "two-files",
        "project-no-id",
        "no-such-project",
        "long-name",
        "huge-field",
        "many-fields",
        "json",
        "no-boundary-in-body",
        "no-boundary-in-header",
        "no-end",
    ],
)
async def test_a_wrong_form_is_refused_in_one_envelope(
    server: dawg.Dawg, tmp_path: Path, options: dict[str, Any], status: int, code: str
) -> None:
    given, body = await server.json("POST", "/api/audio/upload", **options)
    assert (given, body["code"], body["success"]) == (status, code, False), body
    assert leftovers(tmp_path) == []


async def test_a_client_that_vanishes_in_mid_upload_leaves_nothing(server: dawg.Dawg, tmp_path: Path) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /api/audio/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=abc\r\n"
        b'Content-Length: 1500000\r\n\r\n--abc\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\n'
        + b"\x00"
        * 1_000_000
    )
    await writer.drain()
    async with asyncio.timeout(5):
        while not leftovers(tmp_path):
            await asyncio.sleep(0.01)
        writer.transport.abort()
        while leftovers(tmp_path):
            await asyncio.sleep(0.01)
    assert await server.services.platform.database.fetch_value("SELECT count(*) FROM audio_files") == 0


async def test_a_repeated_upload_is_answered_with_the_first_reply(server: dawg.Dawg) -> None:
    data, other = recordings.wav(0.1), recordings.wav(0.2)
    key = {"Idempotency-Key": "upload-1"}
    replies = []
    for file in (data, data, other):
        async with server.http.post(
            server.url + "/api/audio/upload", data=recordings.form(file), headers=server.as_user("ada") | key
        ) as reply:
            replies.append((reply.status, reply.headers.get("Idempotency-Replayed"), await reply.json()))
    (first, _, one), (second, replayed, again), (third, _, refused) = replies
    assert (first, second, replayed, third) == (201, 201, "true", 409)
    assert one["id"] == again["id"]
    assert refused["code"] == "idempotency_conflict"
    assert await server.services.platform.database.fetch_value("SELECT count(*) FROM audio_files") == 1


async def test_only_editors_upload_into_a_project(server: dawg.Dawg) -> None:
    project_id = await project(server, vic="viewer", eda="editor", public=True)
    for user, expected in (("ada", 201), ("eda", 201), ("vic", 403), ("stranger", 403)):
        body = recordings.form(recordings.wav(0.1), projectId=project_id)
        status, _ = await server.json("POST", "/api/audio/upload", user, data=body)
        assert status == expected, user


async def test_recordings_are_seen_by_their_owner_and_by_who_may_read_the_project(server: dawg.Dawg) -> None:
    project_id = await project(server, vic="viewer")
    shared = await recordings.uploaded(server, recordings.wav(0.1), projectId=project_id)
    private = await recordings.uploaded(server, recordings.wav(0.2))
    paths = ("", "/waveform", "/content", "/download")
    for user, audio, expected in (
        ("ada", shared, 200),
        ("vic", shared, 200),
        ("eve", shared, 404),
        ("ada", private, 200),
        ("vic", private, 404),
    ):
        for path in paths:
            async with server.http.get(
                f"{server.url}/api/audio/{audio['id']}{path}", headers=server.as_user(user)
            ) as reply:
                assert reply.status == expected, (user, path)
    for user in ("vic", "eve"):
        assert (await server.json("DELETE", f"/api/audio/{private['id']}", user))[0] == 404
    for malformed in ("7", "not-a-uuid", str(uuid.uuid4())):
        assert (await server.json("GET", f"/api/audio/{malformed}"))[0] == 404
    await server.services.platform.database.execute("UPDATE projects SET deleted_at = now()")
    assert (await server.json("GET", f"/api/audio/{shared['id']}", "vic"))[0] == 404


async def test_lists_are_paged_and_twice_named(server: dawg.Dawg) -> None:
    project_id = await project(server, vic="viewer")
    made = [await recordings.uploaded(server, recordings.wav(0.1 + n / 100)) for n in range(3)]
    inside = await recordings.uploaded(server, recordings.wav(0.2), projectId=project_id)
    status, body = await server.json("GET", "/api/audio?limit=2")
    assert status == 200
    assert body["files"] == body["audioFiles"]
    assert [each["id"] for each in body["files"]] == [inside["id"], made[2]["id"]]
    assert (body["total"], body["totalPages"], body["pagination"]["page"]) == (4, 2, 1)
    _, rest = await server.json("GET", "/api/audio?limit=2&page=2")
    assert [each["id"] for each in rest["files"]] == [made[1]["id"], made[0]["id"]]
    for user, expected in (("ada", 200), ("vic", 200), ("eve", 404)):
        status, body = await server.json("GET", f"/api/audio?projectId={project_id}", user)
        assert status == expected
        if expected == 200:
            assert [each["id"] for each in body["files"]] == [inside["id"]]
    assert (await server.json("GET", "/api/audio", "eve"))[1]["total"] == 0


async def test_a_waveform_has_the_true_extremes(server: dawg.Dawg) -> None:
    generator = np.random.default_rng(5)
    samples = generator.uniform(-0.2, 0.2, (100_000, 2)).astype(np.float32)
    samples[54_321, 1], samples[12_345, 0] = 0.9, -0.8
    created = await recordings.uploaded(server, recordings.written(samples, "flac"))
    status, body = await server.json("GET", f"/api/audio/{created['id']}/waveform?points=500")
    assert status == 200
    shown = body["waveform"]
    assert (shown["length"], shown["sampleRate"]) == (500, 48_000)
    assert shown["duration"] == pytest.approx(100_000 / 48_000)
    assert body["waveformData"] == shown["peaks"]
    peaks = np.array(shown["peaks"])
    assert peaks.shape == (500, 2)
    assert peaks[:, 1].max() == pytest.approx(0.9, abs=1e-3)
    assert peaks[:, 0].min() == pytest.approx(-0.8, abs=1e-3)
    assert int(peaks[:, 1].argmax()) == 54_321 * 500 // 100_000
    assert int(peaks[:, 0].argmin()) == 12_345 * 500 // 100_000
    for points in (49, 8001, "x", 1.5):
        assert (await server.json("GET", f"/api/audio/{created['id']}/waveform?points={points}"))[0] == 400
    for there_is_nothing in ("start=1&end=1", "start=1.5&end=1", "start=2.1", "start=-1", "end=0", "end=NaN"):
        assert (await server.json("GET", f"/api/audio/{created['id']}/waveform?{there_is_nothing}"))[0] == 400
    _, body = await server.json("GET", f"/api/audio/{created['id']}/waveform?points=8000&start=1&end=1.25")
    part = body["waveform"]
    assert part["length"] == pytest.approx(12_000 / 4, abs=1)  # which is all that is kept of this length
    assert (part["start"], part["end"]) == pytest.approx((1, 1.25), abs=4 / 48_000)
    assert max(high for _, high in part["peaks"]) == pytest.approx(0.9, abs=1e-3)
    assert len((await server.json("GET", f"/api/audio/{created['id']}/waveform"))[1]["waveformData"]) == 1000


async def test_a_waveform_is_sent_once(server: dawg.Dawg) -> None:
    created = await recordings.uploaded(server, recordings.written(np.zeros((4_800, 1), np.float32), "wav"))
    path = f"{server.url}/api/audio/{created['id']}/waveform?points=50&start=0.01"
    async with server.http.get(path, headers=server.as_user("ada")) as first:
        assert first.headers["Cache-Control"] == "private, max-age=3600, immutable"
        known = {"If-None-Match": first.headers["ETag"]}
    async with server.http.get(path, headers=server.as_user("ada") | known) as again:
        assert (again.status, await again.read()) == (304, b"")
    async with server.http.get(path, headers=server.as_user("eve") | known) as strange:
        assert strange.status == 404


async def test_silence_has_a_waveform_and_no_loudness(server: dawg.Dawg) -> None:
    created = await recordings.uploaded(server, recordings.written(np.zeros((48_000, 1), np.float32), "wav"))
    later = await measured(server, created["id"])
    assert (later["waveformStatus"], later["lufs"], later["truePeak"]) == ("ready", None, None)


async def test_what_was_deleted_is_gone_with_its_bytes(either: dawg.Dawg) -> None:
    database, storage = either.services.platform.database, either.services.platform.storage
    created = await recordings.uploaded(either, recordings.wav(0.1))
    key = await database.fetch_value("SELECT storage_key FROM audio_files")
    assert await storage.size(key) == created["size"]
    status, body = await either.json("DELETE", f"/api/audio/{created['id']}")
    assert (status, body["deleted"], body["id"]) == (200, True, created["id"])
    assert await storage.size(key) is None
    assert (await either.json("DELETE", f"/api/audio/{created['id']}"))[0] == 404
    assert await database.fetch_value("SELECT count(*) FROM storage_leftovers") == 0


async def test_a_recording_in_use_stays_and_names_its_clips(server: dawg.Dawg) -> None:
    project_id = await project(server, eda="editor", oto="editor")
    created = await recordings.uploaded(server, recordings.wav(0.1), "eda", projectId=project_id)
    clip_id = await clip(server, project_id, created["id"])
    status, body = await server.json("DELETE", f"/api/audio/{created['id']}", "eda")
    assert (status, body["code"], body["details"]) == (409, "in_use", {"clipIds": [clip_id]})
    await server.services.platform.database.execute("DELETE FROM clips")
    status, body = await server.json("DELETE", f"/api/audio/{created['id']}", "oto")
    assert (status, body["code"]) == (403, "forbidden")
    assert (await server.json("DELETE", f"/api/audio/{created['id']}", "ada"))[0] == 200  # owns the project


async def test_the_documents_tell_how_to_upload(server: dawg.Dawg) -> None:
    _, document = await server.json("GET", "/openapi.json")
    operation = document["paths"]["/api/audio/upload"]["post"]
    assert {"201", "400", "403", "404", "409", "413", "415"} <= set(operation["responses"])
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    form, files = schema["allOf"]
    assert form == {"$ref": "#/components/schemas/UploadForm"}
    assert files["required"] == ["audio"]
    assert set(document["components"]["schemas"]["UploadForm"]["properties"]) == {"projectId", "name"}


async def test_a_folder_of_files_reads_back_as_other_programs_read_it(server: dawg.Dawg, tmp_path: Path) -> None:
    created = await recordings.uploaded(server, recordings.wav(0.5))
    async with server.http.get(created["audioUrl"]) as reply:
        (tmp_path / "back").write_bytes(await reply.read())
    samples, rate = soundfile.read(tmp_path / "back")
    assert (rate, len(samples)) == (48_000, 24_000)
