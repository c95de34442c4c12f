"""What every storage promises, kept by the folder and by S3."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
import urllib.parse
import uuid
from pathlib import Path

import aiohttp
import pytest
import yarl

from dawg_server import errors, filenames
from dawg_server.storage import Storage
from dawg_server.storage.folder import FolderStorage
from dawg_server.storage.s3 import MULTIPART_FROM, S3Storage
from tests.servers.s3 import S3Server


def content(size: int) -> bytes:
    return (b"".join(hashlib.sha256(str(part).encode()).digest() for part in range(size // 32 + 1)))[:size]


@pytest.fixture
def key() -> str:
    return filenames.storage_key("auth0|some/../body", str(uuid.uuid4()), b"\xab" * 32, "wav")


async def put(storage: Storage, key: str, data: bytes, folder: Path) -> None:
    source = folder / uuid.uuid4().hex
    source.write_bytes(data)
    stored = await storage.put(key, source, "audio/wav")
    assert (stored.key, stored.size) == (key, len(data))


async def read(storage: Storage, key: str, *limits: int | None) -> bytes:
    return b"".join([piece async for piece in storage.read(key, *limits)])  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 1000, 600_000, MULTIPART_FROM, MULTIPART_FROM + 1])
async def test_what_was_put_is_there_whole(storage: Storage, key: str, tmp_path: Path, size: int) -> None:
    data = content(size)
    await put(storage, key, data, tmp_path)
    assert await storage.size(key) == size
    assert await read(storage, key) == data
    await storage.fetch(key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (0, None), (999, None), (999, 1000), (10, 500), (0, 1000), (5, 5), (1000, None), (990, 2000)],
)
async def test_any_range_can_be_read(storage: Storage, key: str, tmp_path: Path, start: int, end: int | None) -> None:
    data = content(1000)
    await put(storage, key, data, tmp_path)
    assert await read(storage, key, start, end) == data[start:end]


async def test_a_large_file_comes_in_pieces(storage: Storage, key: str, tmp_path: Path) -> None:
    await put(storage, key, content(3_000_000), tmp_path)
    pieces = [len(piece) async for piece in storage.read(key)]
    assert sum(pieces) == 3_000_000
    assert max(pieces) <= 300_000


async def test_a_reader_may_leave_early(storage: Storage, key: str, tmp_path: Path) -> None:
    await put(storage, key, content(3_000_000), tmp_path)
    async for _ in storage.read(key):
        break
    assert await storage.size(key) == 3_000_000


async def test_a_file_is_replaced_as_a_whole(storage: Storage, key: str, tmp_path: Path) -> None:
    await put(storage, key, b"a longer first content", tmp_path)
    await put(storage, key, b"second", tmp_path)
    assert await read(storage, key) == b"second"


async def test_what_is_missing_is_said_to_be_missing(storage: Storage, key: str, tmp_path: Path) -> None:
    assert await storage.size(key) is None
    with pytest.raises(errors.NotFound):
        await read(storage, key)
    with pytest.raises(errors.NotFound):
        await storage.fetch(key, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_what_was_deleted_is_gone_and_may_be_deleted_again(storage: Storage, key: str, tmp_path: Path) -> None:
    await put(storage, key, b"some", tmp_path)
    await storage.delete(key)
    await storage.delete(key)
    assert await storage.size(key) is None


async def test_a_storage_that_works_says_so(storage: Storage) -> None:
    await storage.check()


async def test_many_files_may_be_put_and_read_at_once(storage: Storage, key: str, tmp_path: Path) -> None:
    async def one(number: int) -> bool:
        data = content(100_000 + number)
        await put(storage, f"{key}.{number}", data, tmp_path)
        return await read(storage, f"{key}.{number}") == data

    assert all(await asyncio.gather(*(one(number) for number in range(30))))


async def test_a_folder_gives_no_links_and_s3_gives_links_that_work_by_themselves(
    storage: Storage, key: str, tmp_path: Path
) -> None:
    await put(storage, key, content(1000), tmp_path)
    disposition = filenames.disposition("Ünïted & “more”.wav", "wav", attachment=False)
    link = storage.link(key, seconds=3600, disposition=disposition, content_type="audio/wav")
    if storage.name == "folder":
        assert link is None
        return
    assert link is not None
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
    assert query["X-Amz-Expires"] == ["3600"]
    async with aiohttp.ClientSession() as http:
        async with http.get(yarl.URL(link, encoded=True)) as reply:
            assert await reply.read() == content(1000)
            assert reply.headers["Content-Type"] == "audio/wav"
            assert reply.headers["Content-Disposition"] == disposition
        async with http.get(yarl.URL(link, encoded=True), headers={"Range": "bytes=10-19"}) as reply:
            assert (reply.status, await reply.read()) == (206, content(1000)[10:20])


async def test_a_link_is_signed_as_the_sdk_signs_it(s3_server: S3Server) -> None:
    """Another implementation of the same signature, for a bucket at Amazon's own address."""
    options = s3_server.options() | {"endpoint": None, "region": "eu-central-1"}
    storage = await S3Storage.open(**options)
    try:
        ours = storage.link("a/b.wav", seconds=60, disposition="inline", content_type="audio/wav")
        assert ours is not None
        parameters = {
            "Bucket": "songs",
            "Key": "a/b.wav",
            "ResponseContentType": "audio/wav",
            "ResponseContentDisposition": "inline",
        }
        theirs = await storage._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=60)
    finally:
        await storage.close()
    one, other = (yarl.URL(link, encoded=True) for link in (ours, theirs))
    assert (one.host, one.path) == (other.host, other.path)
    if one.query["X-Amz-Date"] == other.query["X-Amz-Date"]:  # else a second passed between them
        assert dict(one.query) == dict(other.query)


async def test_links_lead_to_where_browsers_reach_the_store_and_are_signed_for_it(s3_server: S3Server) -> None:
    public = "https://files.example.org"
    ours = await S3Storage.open(**s3_server.options(), public_endpoint=f"{public}/")
    theirs = await S3Storage.open(**s3_server.options() | {"endpoint": public})
    try:
        one, other = (
            yarl.URL(
                str(each.link("a/b.wav", seconds=60, disposition="inline", content_type="audio/wav")), encoded=True
            )
            for each in (ours, theirs)
        )
        await ours.check()  # the server itself goes to the other address
    finally:
        await ours.close()
        await theirs.close()
    assert (one.origin(), one.path) == (yarl.URL(public), f"/{s3_server.bucket}/a/b.wav")
    assert one.path == other.path
    if one.query["X-Amz-Date"] == other.query["X-Amz-Date"]:  # else a second passed between them
        assert one.query["X-Amz-Signature"] == other.query["X-Amz-Signature"]


async def test_an_upload_that_breaks_off_leaves_nothing_in_the_bucket(
    s3_server: S3Server, key: str, tmp_path: Path
) -> None:
    storage = await S3Storage.open(**s3_server.options())
    source = tmp_path / "large"
    source.write_bytes(content(MULTIPART_FROM + 1))
    try:
        putting = asyncio.create_task(storage.put(key, source, "audio/wav"))
        async with asyncio.timeout(10):
            while not (await storage._client.list_multipart_uploads(Bucket="songs")).get("Uploads"):
                await asyncio.sleep(0.01)
        putting.cancel()
        await asyncio.gather(putting, return_exceptions=True)
        assert putting.cancelled()
        assert not (await storage._client.list_multipart_uploads(Bucket="songs")).get("Uploads")
        assert await storage.size(key) is None
    finally:
        await storage.close()


async def test_a_bucket_that_cannot_be_reached_is_an_unavailable_storage(s3_server: S3Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for wrong in ({"endpoint": "http://127.0.0.1:9"}, {"bucket": "nobodys-bucket"}):
        storage = await S3Storage.open(**s3_server.options() | wrong)
        try:
            with pytest.raises(errors.DependencyUnavailable) as caught:
                await storage.put("a/b", tmp_path / "file", "audio/wav")
            assert caught.value.details == {"dependency": "storage"}
        finally:
            await storage.close()


async def test_a_key_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "files")
    (tmp_path / "secret").write_bytes(b"x")
    for wrong in ("../secret", "a/../../secret", "/etc/passwd"):
        with pytest.raises(errors.NotFound):
            await storage.size(wrong)


async def test_a_disk_that_refuses_is_an_unavailable_storage(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "files")
    (tmp_path / "source").write_bytes(b"x")
    (tmp_path / "files" / "owner").write_bytes(b"a file where a folder should be")
    with pytest.raises(errors.DependencyUnavailable):
        await storage.put("owner/id/x.wav", tmp_path / "source", "audio/wav")
    assert list((tmp_path / "files" / ".incoming").iterdir()) == []


async def test_a_copy_that_a_crash_left_behind_is_removed_at_the_next_start(tmp_path: Path, key: str) -> None:
    storage = FolderStorage(tmp_path / "files")
    await put(storage, key, b"kept", tmp_path)
    old, new = (tmp_path / "files" / ".incoming" / name for name in ("old", "new"))
    for copy in (old, new):
        copy.write_bytes(b"half a f")
    yesterday = time.time() - 86_400
    os.utime(old, (yesterday, yesterday))
    again = FolderStorage(tmp_path / "files")
    assert (old.exists(), new.exists()) == (False, True)
    assert await again.size(key) == 4


async def test_what_a_shell_says_of_other_buckets_is_not_heard(
    s3_server: S3Server, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what its configuration files say."""
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-9\ns3 =\n  addressing_style = virtual\n")
    for name, value in {
        "AWS_PROFILE": "work-of-somebody-else",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    storage = await S3Storage.open(**s3_server.options())
    (tmp_path / "file").write_bytes(b"x")
    try:
        await storage.put(key, tmp_path / "file", "audio/wav")
        assert await storage.size(key) == 1
    finally:
        await storage.close()


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ({}, "https://songs.s3.amazonaws.com/a/b.wav?"),
        ({"addressing": "path"}, "https://s3.amazonaws.com/songs/a/b.wav?"),
        ({"endpoint": "https://r2.example"}, "https://r2.example/songs/a/b.wav?"),
        ({"endpoint": "https://r2.example", "addressing": "virtual"}, "https://songs.r2.example/a/b.wav?"),
        (
            {"endpoint": "http://inside:9000", "public_endpoint": "https://cdn.example", "addressing": "virtual"},
            "https://songs.cdn.example/a/b.wav?",
        ),
    ],
)
async def test_links_lead_to_where_the_bucket_stands(options: dict[str, str], start: str) -> None:
    storage = await S3Storage.open(bucket="songs", access_key="key", secret_key="secret", region="us-east-1", **options)
    try:
        link = storage.link("a/b.wav", seconds=60, disposition="inline", content_type="audio/wav")
        assert link is not None
        assert link.startswith(start)
    finally:
        await storage.close()
