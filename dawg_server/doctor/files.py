"""Whether files can be written, read and deleted, by this server and by pages in a browser."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import yarl

from dawg_server.doctor.findings import PROBE_TIMEOUT, Finding, bad, good, note
from dawg_server.settings import Settings
from dawg_server.storage import Storage

OpenStorage = Callable[[Settings], Awaitable[Storage]]

CONTENT = b"The doctor was here."
LINK_SECONDS = 60
NOT_SHARED = (
    "Files of one replica are not seen by the others: set AWS_S3_BUCKET and its keys on all of them, or have them "
    "share the folder DATA_DIR."
)


async def examine(settings: Settings, open_storage: OpenStorage) -> list[Finding]:
    where = (
        f"bucket {settings.s3_bucket}" if settings.s3_bucket else f"folder {(settings.data_dir / 'files').resolve()}"
    )
    findings = [bad("files", NOT_SHARED)] if settings.files_apart else []
    key = f"doctor/{uuid.uuid4()}.txt"
    try:
        storage = await open_storage(settings)
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await _write(storage, key)
            try:
                async with asyncio.timeout(PROBE_TIMEOUT):
                    await _read(storage, key)
                pages = await _pages(settings, storage, key)
            finally:
                async with asyncio.timeout(PROBE_TIMEOUT):
                    await storage.delete(key)
        finally:
            await storage.close()
    except Exception as error:
        hint = (
            "Check AWS_S3_BUCKET, its keys and what they may do, AWS_REGION and AWS_ENDPOINT_URL."
            if settings.s3_bucket
            else "Check DATA_DIR."
        )
        return [*findings, bad("storage", f"The {where} does not work ({type(error).__name__}). {hint}")]
    return [*findings, good("storage", f"The {where} works: a file was written, read and deleted."), *pages]


async def _write(storage: Storage, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe")
        source.write_bytes(CONTENT)
        await storage.put(key, source, "text/plain")


async def _read(storage: Storage, key: str) -> None:
    if b"".join([piece async for piece in storage.read(key)]) != CONTENT:
        raise ValueError("what was read is not what was written")


async def _pages(settings: Settings, storage: Storage, key: str) -> list[Finding]:
    """Whether the pages of `CORS_ORIGINS` may read what links of this server lead to."""
    link = storage.link(key, seconds=LINK_SECONDS, disposition="inline", content_type="text/plain")
    if link is None:
        return []
    url = yarl.URL(link, encoded=True)
    refused = []
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT)) as http:
            for origin in settings.cors_origins:
                example = origin.replace("*", "preview")
                async with http.get(url, headers={"Origin": example, "Range": "bytes=0-3"}) as reply:
                    if reply.status != 206 or await reply.read() != CONTENT[:4]:
                        return [
                            bad(
                                "links",
                                f"A link to {url.origin()} is answered with {reply.status}. Check that "
                                "AWS_PUBLIC_ENDPOINT_URL leads to the store itself, unchanged, and the clocks.",
                            )
                        ]
                    if reply.headers.get("Access-Control-Allow-Origin") not in (example, "*"):
                        refused.append(origin)
    except (aiohttp.ClientError, OSError) as error:
        return [note("links", f"{url.origin()} cannot be reached from here ({type(error).__name__}); can browsers?")]
    if refused:
        return [
            bad(
                "links",
                f"Pages of {', '.join(refused)} may play files but not read them: the bucket needs a CORS "
                "rule for them, see docs/deployment.md.",
            )
        ]
    return [good("links", f"Files play from {url.origin()}, in parts too, on the pages of CORS_ORIGINS.")]
