"""A front end that was built elsewhere, served at `/` by this server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yarl

from dawg_server import settings
from dawg_server.errors import ConfigurationError
from dawg_server.music.genres import GENRES
from tests.browser.client import Browser
from tests.handlers.rest.test_origins import raw
from tests.servers import dawg

INDEX = '<!doctype html><title>Front end</title><script src="/assets/index-DiwrgTda.js"></script><p id="said"></p>'
SCRIPT = """fetch("/api/generate/genres").then((reply) => reply.json()).then(({ genres }) => {
  document.querySelector("#said").textContent = `${location.pathname}: ${genres.length} genres`;
});"""
FOR_GOOD = "public, max-age=31536000, immutable"


@pytest.fixture
def front_end(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "dist-other").mkdir()
    (tmp_path / "dist-other" / "index.html").write_text("secret")
    for name, text in {
        "index.html": INDEX,
        "assets/index-DiwrgTda.js": SCRIPT,
        "assets/index-DiwrgTda.js.gz": "",
        "static/js/main.8e7b9a2c.chunk.js": "1",
        "service-register.js": "1",
        "app.webmanifest": "{}",
        "icon-180x180.png": "",
        "report-20241001.txt": "",
        "my-Document.pdf": "",
        "logo-Business.svg": "",
        "app-MyWidget.js": "1",
        "app-FullPage.html": "",
        "assets/app-FullPage.html": "",
        "samples/kick-Drum_808.json": "",
        ".env": "secret",
        ".well-known/security.txt": "Contact: ada",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "assets" / "index-DiwrgTda.js.gz").unlink()
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    (folder / "packed.js").write_text("1")
    (folder / "packed.js.gz").symlink_to(tmp_path / "secret.txt")
    (folder / "circle.txt").symlink_to(folder / "circle.txt")
    (folder / "inside.txt").symlink_to(folder / ".well-known" / "security.txt")
    return folder


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, front_end: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path / "data", WEB_DIR=str(front_end)) as running:
        yield running


async def test_its_pages_run_and_call_this_server(server: dawg.Dawg, browser: Browser) -> None:
    for path in ("/", "/projects/42", "/studio"):
        page = await browser.open(server.url + path)
        await page.wait_for(f"#said:has-text('{path}: {len(GENRES)} genres')")
        assert await page.trouble() == []


@pytest.mark.parametrize(
    ("path", "kept", "content_type"),
    [
        ("/", "no-cache", "text/html"),
        ("/index.html", "no-cache", "text/html"),
        ("/projects/42", "no-cache", "text/html"),
        ("/healthy", "no-cache", "text/html"),
        ("/assets/index-DiwrgTda.js", FOR_GOOD, "text/javascript"),
        ("/static/js/main.8e7b9a2c.chunk.js", FOR_GOOD, "text/javascript"),
        ("/service-register.js", "no-cache", "text/javascript"),
        ("/icon-180x180.png", "no-cache", "image/png"),
        ("/report-20241001.txt", "no-cache", "text/plain"),
        ("/my-Document.pdf", "no-cache", "application/pdf"),
        ("/logo-Business.svg", "no-cache", "image/svg+xml"),
        ("/app-MyWidget.js", "no-cache", "text/javascript"),
        ("/app-FullPage.html", "no-cache", "text/html"),
        ("/assets/app-FullPage.html", "no-cache", "text/html"),
        ("/samples/kick-Drum_808.json", "no-cache", "application/json"),
        ("/app.webmanifest", "no-cache", "application/manifest+json"),
        ("/.well-known/security.txt", "no-cache", "text/plain"),
        ("/inside.txt", "no-cache", "text/plain"),
    ],
)
async def test_hashed_files_are_kept_for_good_and_pages_never(
    server: dawg.Dawg, path: str, kept: str, content_type: str
) -> None:
    for method in ("GET", "HEAD"):
        async with server.http.request(method, server.url + path) as reply:
            assert (reply.status, reply.content_type) == (200, content_type)
            assert reply.headers["Cache-Control"] == kept
            assert reply.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        async with server.http.request(
            method, server.url + path, headers={"If-None-Match": reply.headers["ETag"]}
        ) as again:
            assert again.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/nothing.js",
        "/assets/nothing-DiwrgTda.js",
        "/.env",
        "/link.txt",
        "/up/secret.txt",
        "/up/dist-other/index.html",
        "/packed.js",
        "/circle.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/../dist-other/index.html",
        "//secret.txt",
        "/%00.txt",
        "/%ff.txt",
        "/..%5csecret.txt",
        f"/{'x' * 300}.txt",
    ],
)
async def test_no_address_leads_out_of_the_folder(server: dawg.Dawg, path: str) -> None:
    status, _, body = await raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert status == 404
    assert b"secret" not in body.replace(b"/secret", b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/generate/beat", 405),
        ("GET", "/health/nothing", 404),
        ("PUT", "/health", 405),
        ("GET", "/socket.io/?EIO=4&transport=polling&sid=unknown", 400),
        ("POST", "/projects/42", 404),
        ("GET", "/docs/files/nothing.js", 404),
        ("GET", "/studio/assets/nothing.js", 404),
        ("GET", "/openapi.json", 200),
        ("GET", "/docs", 200),
        ("GET", "/health", 200),
    ],
)
async def test_what_is_the_servers_own_keeps_its_meaning(
    server: dawg.Dawg, method: str, path: str, status: int
) -> None:
    async with server.http.request(method, server.url + path) as reply:
        assert reply.status == status
        assert "Front end" not in await reply.text()


async def test_a_new_build_is_served_without_a_restart(server: dawg.Dawg, front_end: Path) -> None:
    (front_end / "index.html").write_text("<title>Another</title>")
    async with server.http.get(yarl.URL(server.url)) as reply:
        assert "Another" in await reply.text()


def test_a_folder_without_an_index_stops_the_start_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    for folder in ("nothing", "dist"):
        with pytest.raises(ConfigurationError, match=rf"WEB_DIR .*{tmp_path / folder / 'index.html'}"):
            settings.load({"WEB_DIR": str(tmp_path / folder)})
