"""A project over the wire, as tests of what is in it use it."""

from __future__ import annotations

import io
from typing import Any, Self

import aiohttp

from tests.servers import dawg

TIMES = ("createdAt", "updatedAt")


class Song:
    def __init__(self, server: dawg.Dawg, id: str) -> None:
        self.server, self.id = server, id

    @classmethod
    async def new(cls, server: dawg.Dawg, **fields: Any) -> Self:
        status, made = await server.json("POST", "/api/projects", json={"name": "Song", **fields})
        assert status == 201, made
        return cls(server, made["id"])

    async def call(self, method: str, path: str, body: Any = None, *, user: str = "ada", expect: int = 200) -> Any:
        status, reply = await self.server.json(method, f"/api{path}", user, json=body)
        assert status == expect, reply
        return reply

    async def add(self, kind: str, *, expect: int = 201, **fields: Any) -> dict[str, Any]:
        on = {} if "trackId" in fields else {"projectId": self.id}
        reply = await self.call("POST", f"/{kind}s", {**on, **fields}, expect=expect)
        return dict(reply[kind] if expect == 201 else reply)

    async def change(self, kind: str, id: str, *, expect: int = 200, **fields: Any) -> dict[str, Any]:
        reply = await self.call("PATCH", f"/{kind}s/{id}", fields, expect=expect)
        return dict(reply[kind] if expect == 200 else reply)

    async def shown(self) -> dict[str, Any]:
        return dict(await self.call("GET", f"/projects/{self.id}"))

    async def undo(self) -> Any:
        return await self.call("POST", f"/projects/{self.id}/undo", {})

    async def redo(self) -> Any:
        return await self.call("POST", f"/projects/{self.id}/redo", {})

    async def version(self) -> int:
        return int((await self.call("POST", f"/projects/{self.id}/versions", {}, expect=201))["version"]["number"])

    async def restore(self, version: int) -> None:
        await self.call("POST", f"/projects/{self.id}/versions/{version}/restore")

    async def copied(self) -> dict[str, Any]:
        """The project that an import of its export makes."""
        headers = self.server.as_user("ada")
        async with self.server.http.get(f"{self.server.url}/api/projects/{self.id}/export", headers=headers) as reply:
            assert reply.status == 200, await reply.text()
            archive = await reply.read()
        form = aiohttp.FormData()
        form.add_field("file", io.BytesIO(archive), filename="song.zip")
        status, copy = await self.server.json("POST", "/api/projects/import", data=form)
        assert status == 201, copy
        return dict(copy["project"])


def content(entities: list[dict[str, Any]], *besides: str) -> list[dict[str, Any]]:
    """Without what tells when it was made, and without the fields `besides`, in an order of their own."""
    left = ({name: value for name, value in each.items() if name not in (*TIMES, *besides)} for each in entities)
    return sorted(left, key=lambda each: sorted((name, repr(value)) for name, value in each.items()))
