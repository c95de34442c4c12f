"""Replies about documents and jobs are what `/openapi.json` promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import published
from tests.servers import dawg


async def test_replies_about_projects_and_jobs_have_what_is_published_and_no_more(
    database_dsn: str, tmp_path: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        replies = published.Replies(server.routes)

        async def ask(method: str, path: str, **options: Any) -> Any:
            status, body = await server.json(method, path, **options)
            assert replies.differences(method, path.partition("?")[0], status, body) == []
            return body

        project = (await ask("POST", "/api/projects", json={"name": "Song"}))["project"]["id"]
        body = {"genre": "trap", "duration": 5, "provider": "embedded", "projectId": project}
        job = (await ask("POST", "/api/generate/beat", json=body))["jobId"]
        await server.finished(job)
        result = (await ask("GET", f"/api/generate/result/{job}"))["result"]["result"]
        assert result["type"] == "beat"
        assert result["urls"].keys() >= {"wav", "mp3"}
        await ask("GET", f"/api/generate/status/{job}")
        await ask("GET", f"/api/generate/status/{job}?shape=flat")
        for path in ("/api/generate", "/api/generate/genres", "/api/generate/queue/stats", "/api/projects", "/health"):
            await ask("GET", path)
        track = (await ask("POST", "/api/tracks", json={"projectId": project, "name": "Voice"}))["track"]["id"]
        await ask("PATCH", f"/api/tracks/{track}", json={"volume": 0.5})
        await ask("POST", f"/api/projects/{project}/undo", json={})
        whole = (await ask("GET", f"/api/projects/{project}"))["project"]
        assert whole["tracks"][0]["clips"]
        await ask("GET", f"/api/projects/{project}/operations")
        await ask("GET", f"/api/audio/{result['audioFileId']}")
        await ask("DELETE", f"/api/tracks/{track}")
