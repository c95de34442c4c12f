"""Bytes and links: ranges, caching, signatures, on both storages."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import soundfile
import yarl

from dawg_server import filenames
from dawg_server.storage.links import LinkSigner
from tests.handlers.rest import recordings
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.servers.s3 import S3Server

DATA = recordings.wav(1.0)
SIZE = len(DATA)


@pytest.fixture(params=["folder", "s3"])
async def server(request: pytest.FixtureRequest, database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    variables = {}
    if request.param == "s3":
        bucket: S3Server = request.getfixturevalue("s3_server")
        variables = bucket.settings()
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0", **variables) as running:
        yield running


@pytest.fixture
async def audio(server: dawg.Dawg) -> dict[str, Any]:
    return await recordings.uploaded(server, DATA)


def get(server: dawg.Dawg, audio: dict[str, Any], method: str = "GET", **headers: str) -> Any:
    return server.http.request(
        method, f"{server.url}/api/audio/{audio['id']}/content", headers=server.as_user("ada") | headers
    )


async def test_ranges_are_answered_as_players_ask_for_them(server: dawg.Dawg, audio: dict[str, Any]) -> None:
    for asked, start, end in (
        ("bytes=0-", 0, SIZE),
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=-100", SIZE - 100, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("bytes=10-99999999999999999999999", 10, SIZE),
        ("bytes=-99999999", 0, SIZE),
    ):
        async with get(server, audio, Range=asked) as reply:
            assert reply.status == 206, asked
            assert reply.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
            assert int(reply.headers["Content-Length"]) == end - start
            assert await reply.read() == DATA[start:end]
    for asked in (f"bytes={SIZE}-", "bytes=5-4", "bytes=-0", "bytes=999999999-"):
        async with get(server, audio, Range=asked) as reply:
            body = await reply.json()
            assert (reply.status, body["code"], body["details"]) == (416, "range_not_satisfiable", {"size": SIZE})
            assert reply.headers["Content-Range"] == f"bytes */{SIZE}"
    for asked in ("bytes=0-1,5-6", "lines=1-2", "bytes=-", "nonsense"):
        async with get(server, audio, Range=asked) as reply:
            assert (reply.status, await reply.read()) == (200, DATA)


async def test_a_known_file_is_not_sent_again(server: dawg.Dawg, audio: dict[str, Any]) -> None:
    async with get(server, audio) as reply:
        assert (reply.status, reply.content_type, reply.content_length) == (200, "audio/wav", SIZE)
        assert reply.headers["Accept-Ranges"] == "bytes"
        assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Content-Encoding" not in reply.headers
        etag = reply.headers["ETag"]
    for condition, status in ((etag, 304), ("*", 304), (f'"other", {etag}', 304), ('"other"', 200)):
        async with get(server, audio, **{"If-None-Match": condition}) as reply:
            assert reply.status == status
    for condition, status in ((etag, 206), ('"other"', 200)):
        async with get(server, audio, Range="bytes=0-9", **{"If-Range": condition}) as reply:
            assert reply.status == status


async def test_head_tells_everything_but_the_bytes(server: dawg.Dawg, audio: dict[str, Any]) -> None:
    async with get(server, audio, "HEAD") as reply:
        assert (reply.status, reply.headers["Content-Length"], await reply.read()) == (200, str(SIZE), b"")
    for asked in ("bytes=0-9", f"bytes={SIZE}-"):  # ranges are for GET alone (RFC 9110, section 14.2)
        async with get(server, audio, "HEAD", Range=asked) as reply:
            assert (reply.status, reply.headers["Content-Length"]) == (200, str(SIZE))
            assert "Content-Range" not in reply.headers


async def test_a_signed_link_opens_this_file_for_this_time_only(server: dawg.Dawg, audio: dict[str, Any]) -> None:
    signed = yarl.URL(server.services.platform.links.sign(audio["id"], server.url))
    other = await recordings.uploaded(server, recordings.wav(0.1))
    expired_at = str(int(time.time()) - 1)
    signature = server.services.platform.links._signature(audio["id"], int(expired_at))
    links = [
        (signed, 200),
        (signed.with_path(f"/api/audio/{other['id']}/content").with_query(signed.query), 401),
        (signed.update_query(expires=str(int(signed.query["expires"]) + 1)), 401),
        (signed.update_query(signature=signed.query["signature"][:-1] + "x"), 401),
        (signed.update_query(expires=expired_at, signature=signature), 401),
        (signed.update_query(expires="soon"), 401),
        (yarl.URL(LinkSigner(b"another key", server.services.platform.storage).sign(audio["id"], server.url)), 401),
    ]
    async with aiohttp.ClientSession() as stranger:
        for link, status in links:
            async with stranger.get(link) as reply:
                assert reply.status == status, link
                if status == 401:
                    assert (await reply.json())["code"] == "unauthorized"


async def test_a_download_may_be_a_redirection(server: dawg.Dawg, audio: dict[str, Any]) -> None:
    path = f"{server.url}/api/audio/{audio['id']}/download?redirect=true"
    async with server.http.get(path, headers=server.as_user("ada"), allow_redirects=False) as reply:
        assert reply.status == 302
        link = reply.headers["Location"]
    async with aiohttp.ClientSession() as stranger, stranger.get(yarl.URL(link, encoded=True)) as reply:
        assert (reply.status, await reply.read()) == (200, DATA)


async def test_a_download_is_saved_under_its_name_and_what_plays_stays_inline(server: dawg.Dawg) -> None:
    for given in ("Night Drive.mp3", 'a "quoted" one', "🔥" * 10, "x" * 255, "夜のドライブ.wav"):
        body = recordings.form(DATA)
        body.add_field("name", given)
        _, audio = await server.json("POST", "/api/audio/upload", data=body)
        _, links = await server.json("GET", f"/api/audio/{audio['id']}/download")
        async with aiohttp.ClientSession() as stranger:
            for link, kind in (
                (links["downloadUrl"], "attachment"),
                (audio["downloadUrl"], "attachment"),
                (links["url"], "inline"),
                (audio["audioUrl"], "inline"),
            ):
                async with stranger.get(yarl.URL(link, encoded=True)) as reply:
                    assert (reply.status, await reply.read()) == (200, DATA)
                    header = reply.headers["Content-Disposition"]
                assert header == filenames.disposition(given, "wav", attachment=kind == "attachment")
                assert header.startswith(f'{kind}; filename="')
                assert header.endswith(".wav")


async def test_bytes_that_are_gone_are_said_to_be_gone(server: dawg.Dawg, audio: dict[str, Any]) -> None:
    key = await server.services.platform.database.fetch_value("SELECT storage_key FROM audio_files")
    await server.services.platform.storage.delete(key)
    async with get(server, audio) as reply:
        assert (reply.status, (await reply.json())["code"]) == (404, "not_found")


async def test_a_listener_who_leaves_is_no_accident(server: dawg.Dawg, capsys: pytest.CaptureFixture[str]) -> None:
    large = await recordings.uploaded(server, recordings.wav(60.0))
    async with get(server, large) as reply:
        await reply.content.readexactly(1000)
        reply.close()
    async with get(server, large, Range="bytes=0-9") as reply:  # and the server goes on
        assert reply.status == 206
    assert "A request broke" not in capsys.readouterr().out


async def test_what_a_job_made_is_linked_in_the_same_way(
    database_dsn: str, tmp_path: Path, s3_server: S3Server, javascript: JavaScript
) -> None:
    async with dawg.running(database_dsn, tmp_path, **s3_server.settings()) as server:
        browser = await javascript.connect(server.url, auth={"userId": "ada"})
        _, accepted = await server.json("POST", "/api/generate/beat", json={"genre": "house", "duration": 5})
        result = (await server.finished(accepted["jobId"]))["result"]
        news = await browser.wait_for("generation:completed", timeout=10)
        links = [result["audioUrl"], result["midiUrl"], news["audioUrl"], result["urls"]["flac"]]
        links += [stem["audioUrl"] for stem in result["takes"][0]["stems"]]
        assert len(links) > 5
        for format in ("wav", "mp3", "opus"):  # which this server makes when somebody asks
            assert result["urls"][format].startswith(f"{server.url}/api/audio/{result['audioFileId']}/content?format=")
        assert "storageKey" not in str(result) + str(news)
        async with aiohttp.ClientSession() as stranger:
            for link in links:
                assert link.startswith(s3_server.url), link
                async with stranger.get(yarl.URL(link, encoded=True), headers={"Range": "bytes=0-3"}) as reply:
                    assert reply.status == 206, link


async def test_another_format_is_made_when_it_is_asked_for_and_kept_for_a_while(
    server: dawg.Dawg, audio: dict[str, Any]
) -> None:
    cleaner, pieces = server.services.documents.cleaner, {}
    for format, decoded in (("flac", "FLAC"), ("mp3", "MP3"), ("opus", "OGG"), ("wav", "WAV")):
        url = f"{server.url}/api/audio/{audio['id']}/content?format={format}"
        whole = []
        for _ in range(2):
            async with server.http.get(url, headers=server.as_user("ada")) as reply:
                assert reply.status == 200, await reply.text()
                assert reply.headers["Content-Disposition"].endswith(f".{format}")
                whole.append(await reply.read())
        assert whole[0] == whole[1]
        info = soundfile.info(io.BytesIO(whole[0]))
        assert info.format == decoded
        assert info.duration == pytest.approx(1.0, abs=0.06)
        pieces[format] = whole[0]
        async with server.http.get(url, headers=server.as_user("ada") | {"Range": "bytes=10-19"}) as reply:
            assert (reply.status, await reply.read()) == (206, whole[0][10:20])
        async with server.http.get(url, headers=server.as_user("eve")) as reply:
            assert reply.status == 404
    assert pieces["wav"] == DATA
    # No row names them: the storage forgets them, and they are made again.
    database = server.services.platform.database
    await database.execute("UPDATE storage_leftovers SET remove_after = now()")
    assert await cleaner.clean() == 3
    async with get(server, audio, "GET") as reply:
        assert await reply.read() == DATA
    url = f"{server.url}/api/audio/{audio['id']}/content?format=mp3"
    async with server.http.get(url, headers=server.as_user("ada")) as reply:
        assert await reply.read() == pieces["mp3"]
    async with server.http.get(url.replace("mp3", "mid"), headers=server.as_user("ada")) as reply:
        assert reply.status == 404
