"""What an export writes, an import reads: on another server, with everything that may be in a project."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dawg_server.daw import entity as registry
from tests.archives import any_song, packages
from tests.handlers.rest import recordings
from tests.servers import dawg
from tests.servers.databases import TestDatabases

FORMATS = (*recordings.SNDFILE, *recordings.FFMPEG)
FREE = {"REQUESTS_PER_MINUTE": "1000000", "UPLOADS_PER_MINUTE": "100000", "JOB_CONCURRENCY": "0"}
ALL = settings(deadline=None, suppress_health_check=list(HealthCheck))


class Two:
    """A server where songs are made, and another one, with a database and a storage of its own."""

    def __init__(self, here: dawg.Dawg, there: dawg.Dawg, folder: Path) -> None:
        self.here, self.there, self.folder = here, there, folder
        self.kinds = set[str]()

    async def there_and_back(self, seed: int, count: int) -> None:
        dice = random.Random(seed)
        _, made = await self.here.json("POST", "/api/projects", json={"name": dice.choice(any_song.TEXTS[:5])})
        files = []
        for number, kind in enumerate(dice.sample(FORMATS, 2)):
            data = recordings.encoded(kind, self.folder, dice.choice((0.1, 2.0)))
            name = dice.choice((f"Lead vocal take 3.{kind}", f"{number} a/b:?“é”.{kind}", f"CON.{kind}"))
            files.append((await recordings.uploaded(self.here, data, filename=name, projectId=made["id"]))["id"])
        self.kinds |= await any_song.fill(self.here, made["id"], files, dice, count)
        first = await _exported(self.here, made["id"])
        status, copy = await _imported(self.there, first)
        assert status == 201, copy
        second = await _exported(self.there, copy["id"])
        found = differences(*(packages.document_of(each) for each in (first, second)))
        assert not found, "\n".join(found)
        assert packages.files_of(second) == packages.files_of(first)
        assert copy["leftOut"] == []
        versions = [
            [{"audioFiles": packages.document_of(each)["audioFiles"], **one} for one in packages.versions_of(each)]
            for each in (first, second)
        ]
        for one, other in zip(*versions, strict=True):
            assert not (found := differences(one, other)), "\n".join(found)
        for format in ("midi", "dawproject"):
            await self._settles(made["id"], format)

    async def _settles(self, project: str, format: str) -> None:
        """What a format of others can say of a project, it says of what was made of that as well."""
        documents = []
        for _ in range(2):
            status, copy = await _imported(self.here, await _exported(self.here, project, f"?format={format}"))
            assert status == 201, copy
            project = copy["id"]
            documents.append(packages.document_of(await _exported(self.here, project, "?audio=false")))
        assert not (found := differences(*documents, digits=4)), "\n".join(found)


@pytest.fixture
async def two(test_databases: TestDatabases, tmp_path: Path) -> AsyncIterator[Two]:
    with test_databases.lent() as one, test_databases.lent() as other:
        async with (
            dawg.running(one, tmp_path / "here", **FREE) as here,
            dawg.running(other, tmp_path / "there", **FREE) as there,
        ):
            yield Two(here, there, tmp_path)


async def _exported(server: dawg.Dawg, project: str, query: str = "") -> bytes:
    path = f"{server.url}/api/projects/{project}/export{query}"
    async with server.http.get(path, headers=server.as_user("ada")) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.read()


async def _imported(server: dawg.Dawg, archive: bytes) -> tuple[int, dict[str, Any]]:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(archive), filename="song.zip")
    return await server.json("POST", "/api/projects/import", data=form)


def differences(one: dict[str, Any], other: dict[str, Any], digits: int = 15) -> list[str]:
    """What is in one of the documents alone."""
    found = []
    shown = [
        {name: value if isinstance(value, list) else [value] for name, value in same(each, digits).items()}
        for each in (one, other)
    ]
    for name in shown[0].keys() | shown[1].keys():
        lists = [list(map(repr, each.get(name, []))) for each in shown]
        found += [f"- {name} {each}" for each in lists[0] if each not in lists[1]]
        found += [f"+ {name} {each}" for each in lists[1] if each not in lists[0]]
    return found


def same(document: dict[str, Any], digits: int) -> dict[str, Any]:
    """Without ids and times: each thing is called by what is in it and by what it leads to, and so on."""
    called = {part["id"]: "it" for part in _parts(document)}
    for _ in range(4):
        called = {part["id"]: f"the {_hashed(_renamed(part, called, digits))}" for part in _parts(document)}
    left = {name: value for name, value in document.items() if name != "exportedAt"}
    return {name: _renamed(value, called, digits) for name, value in left.items()}


def _parts(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = [each for value in document.values() if isinstance(value, list) for each in value if "id" in each]
    return found + [send for track in document["tracks"] for send in track["sends"]]


def _renamed(part: Any, called: dict[str, str], digits: int) -> Any:
    if isinstance(part, dict):
        left = {name: value for name, value in part.items() if name != "soundDigest"}  # made of ids
        return {
            name: _renamed(value, called, digits) for name, value in left.items() if name != "id" or value not in called
        }
    if isinstance(part, list):
        found = [_renamed(each, called, digits) for each in part]
        # Notes and points have their places; things with ids have them in `order`, or in none.
        return sorted(found, key=repr) if part and isinstance(part[0], dict) and part[0].get("id") in called else found
    if isinstance(part, str):
        return called.get(part, part)
    # JSONB knows one kind of numbers.
    return round(float(part), digits) if isinstance(part, (int, float)) and not isinstance(part, bool) else part


def _hashed(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


@settings(ALL, max_examples=2)
@given(seed=st.integers(2, 2**32), count=st.integers(10, 40))
@example(seed=1, count=150)
async def test_whatever_a_project_may_have_comes_to_another_server(two: Two, seed: int, count: int) -> None:
    await two.there_and_back(seed, count)
    assert seed > 1 or two.kinds >= {kind.name for kind in registry.every()}


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(ALL, max_examples=120)
@given(seed=st.integers(0, 2**32), count=st.integers(10, 150))
async def test_many_projects_come_to_another_server_as_few_do(two: Two, seed: int, count: int) -> None:
    await two.there_and_back(seed, count)
