"""Fetching files of providers: from where, how much, how long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from dawg_server import errors
from dawg_server.generation.providers import download
from dawg_server.generation.providers.base import Transient

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Host:
    """A file host on loopback."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        return await self.handlers[request.path](request)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    runner = web.ServerRunner(web.Server(made.answer))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def moved(to: str, status: int = 302) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": to})

    return answer


def sends(content: bytes, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=content, headers=headers)

    return answer


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("ff02::1", False),
    ],
)
def test_what_counts_as_a_public_address(address: str, public: bool) -> None:
    assert download.is_public(address) is public


async def test_a_redirect_into_a_private_network_is_not_followed(host: Host, tmp_path: Path) -> None:
    for target in (
        "http://127.0.0.1:1/x",
        "https://169.254.169.254/latest",
        "https://localhost/x",
        "file:///etc/passwd",
        "http://example.com/x",
        "//10.0.0.1/x",
        "",
    ):
        host.handlers["/a"] = moved(target)
        with pytest.raises(download.ForbiddenAddress):
            await download.Downloader(host.url).fetch(f"{host.url}/a", tmp_path / "x")


async def test_redirects_on_a_trusted_host_are_followed_a_few_times(host: Host, tmp_path: Path) -> None:
    host.handlers = {"/a": moved("/b", 307), "/b": sends(b"sound"), "/loop": moved("/loop")}
    fetched = download.Downloader(host.url)
    await fetched.fetch(f"{host.url}/a?x=1%2F2", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"sound"
    with pytest.raises(download.ForbiddenAddress):
        await fetched.fetch(f"{host.url}/loop", tmp_path / "x")


async def test_a_private_host_is_trusted_only_on_the_configured_port(host: Host, tmp_path: Path) -> None:
    host.handlers["/a"] = sends(b"sound")
    with pytest.raises(download.ForbiddenAddress):
        await download.Downloader("https://api.replicate.com").fetch(f"{host.url}/a", tmp_path / "x")
    with pytest.raises(download.ForbiddenAddress):
        await download.Downloader("http://127.0.0.1:1").fetch(f"{host.url}/a", tmp_path / "x")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_that_is_too_large_is_given_up(host: Host, tmp_path: Path, announced: bool) -> None:
    async def pours(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        if announced:
            reply.content_length = 5000
        await reply.prepare(request)
        await reply.write(b"x" * 5000)
        return reply

    host.handlers["/a"] = pours
    with pytest.raises(errors.ProviderFailed, match="larger than"):
        await download.Downloader(host.url, max_bytes=1000).fetch(f"{host.url}/a", tmp_path / "x")


async def test_packed_bytes_stay_packed_and_progress_is_told(host: Host, tmp_path: Path) -> None:
    host.handlers["/a"] = sends(b"not really gzip", **{"Content-Encoding": "gzip"})
    told: list[float] = []
    await download.Downloader(host.url).fetch(f"{host.url}/a", tmp_path / "x", told.append)
    assert (tmp_path / "x").read_bytes() == b"not really gzip"
    assert told[-1] == 1.0


@pytest.mark.parametrize(("status", "kind"), [(500, Transient), (429, Transient), (404, download.Gone)])
async def test_a_host_that_is_unwell_is_asked_again_and_a_missing_file_is_not(
    host: Host, tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    host.handlers["/a"] = moved("", status)
    with pytest.raises(kind):
        await download.Downloader(host.url).fetch(f"{host.url}/a", tmp_path / "x")


async def test_an_empty_file_is_no_file(host: Host, tmp_path: Path) -> None:
    host.handlers["/a"] = sends(b"")
    with pytest.raises(Transient):
        await download.Downloader(host.url).fetch(f"{host.url}/a", tmp_path / "x")
