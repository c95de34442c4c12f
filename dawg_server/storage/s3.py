"""Files in an S3 bucket, or in a store that speaks like S3.

The keys need s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucket (without the last
one S3 calls a missing file forbidden). A lifecycle rule of the bucket should remove unfinished uploads after a day: a
server that is killed in the middle of one cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from dawg_server import errors, logs
from dawg_server.storage.base import StoredFile

MULTIPART_FROM = 16 * 1024 * 1024  # bytes; larger files go up in parts
PART = 8 * 1024 * 1024  # bytes; S3 wants 5 MiB at least, and takes 10,000 parts
PIECE = 256 * 1024  # bytes per read
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 30.0  # seconds
ATTEMPTS = 3  # of each call, the first one included
CONNECTIONS = 20
ABORT_TIMEOUT = 5.0  # seconds to take back an upload that failed
# Settings of the SDK (config name, environment variables, default, conversion) that a shell or a home folder may have.
NOTHING_OF_THE_SHELL = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
MISSING = ("404", "NoSuchKey", "NotFound")

log: structlog.stdlib.BoundLogger = logs.get("main")


class S3Storage:
    """One bucket. Use `open`."""

    name = "s3"

    def __init__(self, client: Any, bucket: str, origin: str, sign: Callable[[str, dict[str, str], int], str]) -> None:
        self._client, self._bucket, self._sign = client, bucket, sign
        self.origin: str | None = origin
        self._life = contextlib.AsyncExitStack()

    @classmethod
    async def open(
        cls,
        *,
        bucket: str,
        access_key: str,
        secret_key: str,
        region: str,
        endpoint: str | None = None,
        public_endpoint: str | None = None,
        addressing: str = "auto",
    ) -> S3Storage:
        """`endpoint`: the address of an S3-compatible store; then the bucket stands in the path, unless `addressing` is
        `virtual`, and checksums, on which such stores differ, are sent only where S3 requires them. `public_endpoint`:
        the address that links begin with where browsers reach the store under another one; signed with them, so no
        proxy may rename it. Nothing else is taken from the environment or from files of the SDK. Connects to nobody
        yet."""
        from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
        from aiobotocore.session import AioSession  # type: ignore[import-untyped]
        from botocore.auth import S3SigV4QueryAuth  # type: ignore[import-untyped]
        from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
        from botocore.credentials import Credentials  # type: ignore[import-untyped]

        only_if_required = {
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }
        config = AioConfig(
            signature_version="s3v4",
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=CONNECTIONS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ignore_configured_endpoint_urls=True,
            s3={"addressing_style": "path" if endpoint and addressing == "auto" else addressing},
            **(only_if_required if endpoint else {}),
        )
        life = contextlib.AsyncExitStack()
        client = await life.enter_async_context(
            AioSession(session_vars=NOTHING_OF_THE_SHELL).create_client(
                "s3",
                region_name=region,
                endpoint_url=endpoint,
                config=config,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret_key,
            )
        )
        some_key = "key"  # the SDK knows best under which host a bucket lies
        link = await client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": some_key})
        address = link.partition("?")[0].removesuffix(some_key)
        if public_endpoint and addressing == "virtual":
            address = f"{public_endpoint.rstrip('/').replace('://', f'://{bucket}.')}/"
        elif public_endpoint:
            address = f"{public_endpoint.rstrip('/')}/{bucket}/"
        credentials = Credentials(access_key, secret_key)

        def sign(key: str, parameters: dict[str, str], seconds: int) -> str:
            request = AWSRequest("GET", address + key, params=parameters)
            S3SigV4QueryAuth(credentials, "s3", region, expires=seconds).add_auth(request)
            return str(request.prepare().url)

        storage = cls(client, bucket, "/".join(address.split("/")[:3]), sign)
        storage._life = life
        return storage

    async def put(self, key: str, source: Path, content_type: str) -> StoredFile:
        about = {"Bucket": self._bucket, "Key": key}
        with _translated(), await asyncio.to_thread(source.open, "rb") as file:
            size = source.stat().st_size
            if size <= MULTIPART_FROM:
                data = await asyncio.to_thread(file.read)
                await self._client.put_object(**about, Body=data, ContentType=content_type)
            else:
                await self._put_in_parts(about, file, content_type)
        return StoredFile(key, size)

    async def size(self, key: str) -> int | None:
        try:
            with _translated():
                head = await self._client.head_object(Bucket=self._bucket, Key=key)
        except errors.NotFound:
            return None
        return int(head["ContentLength"])

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        if end is not None and end <= start:
            return
        wanted = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        try:
            with _translated():
                reply = await self._client.get_object(Bucket=self._bucket, Key=key, **wanted)
        except errors.RangeNotSatisfiable:
            return
        body = reply["Body"]
        try:
            while True:
                with _translated():
                    piece = await body.read(PIECE)
                if not piece:
                    return
                yield piece
        finally:
            body.close()

    async def fetch(self, key: str, target: Path) -> None:
        pieces = self.read(key)
        first = await anext(pieces, b"")
        with await asyncio.to_thread(target.open, "wb") as file:
            await asyncio.to_thread(file.write, first)
            async for piece in pieces:
                await asyncio.to_thread(file.write, piece)

    async def delete(self, key: str) -> None:
        with _translated():
            await self._client.delete_object(Bucket=self._bucket, Key=key)

    def link(self, key: str, *, seconds: int, disposition: str, content_type: str) -> str | None:
        parameters = {"response-content-disposition": disposition, "response-content-type": content_type}
        return self._sign(key, parameters, seconds)

    async def check(self) -> None:
        with _translated():
            await self._client.head_bucket(Bucket=self._bucket)

    async def close(self) -> None:
        await self._life.aclose()

    async def _put_in_parts(self, about: dict[str, str], file: BinaryIO, content_type: str) -> None:
        upload = await self._client.create_multipart_upload(**about, ContentType=content_type)
        about = {**about, "UploadId": upload["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            while piece := await asyncio.to_thread(file.read, PART):
                number = len(parts) + 1
                part = await self._client.upload_part(**about, PartNumber=number, Body=piece)
                checksums = {name: value for name, value in part.items() if name.startswith("Checksum")}
                parts.append({"PartNumber": number, "ETag": part["ETag"], **checksums})
            await self._client.complete_multipart_upload(**about, MultipartUpload={"Parts": parts})
        except BaseException:
            await asyncio.shield(self._abort(about))
            raise

    async def _abort(self, about: dict[str, str]) -> None:
        try:
            async with asyncio.timeout(ABORT_TIMEOUT):
                await self._client.abort_multipart_upload(**about)
        except Exception as error:
            log.warning(
                "An unfinished upload is left to the bucket's lifecycle rule.",
                action="s3_upload_left",
                key=about["Key"],
                error=type(error).__name__,
            )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    import aiohttp
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in MISSING and error.operation_name in ("GetObject", "HeadObject"):
            raise errors.NotFound("The stored file is gone.") from None
        if code == "InvalidRange":
            raise errors.RangeNotSatisfiable from None
        log.error("The bucket refused.", action="s3_refused", operation=error.operation_name, code=code)
        raise errors.DependencyUnavailable("storage") from error
    except (BotoCoreError, aiohttp.ClientError, TimeoutError) as error:
        log.warning("The bucket does not answer.", action="s3_unreachable", error=type(error).__name__)
        raise errors.DependencyUnavailable("storage") from error
