"""The doctor finds what is wrong, and says what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dawg_server import app, doctor, settings


async def findings(folder: Path, **variables: str) -> dict[str, doctor.Finding]:
    chosen = settings.load({"DATA_DIR": str(folder), **variables})
    return {each.what: each for each in await doctor.examine(chosen, app.open_storage)}


async def test_a_machine_with_nothing_set_is_fine(tmp_path: Path) -> None:
    found = await findings(tmp_path)
    assert doctor.healthy(list(found.values()))
    assert "Embedded" in found["database"].sentence
    assert not (tmp_path / "postgres").exists()


async def test_working_servers_are_told(tmp_path: Path, database_dsn: str, valkey_url: str) -> None:
    found = await findings(tmp_path, DATABASE_URL=database_dsn, REDIS_URL=valkey_url, WEBSOCKET_REDIS_ADAPTER="true")
    assert doctor.healthy(list(found.values()))
    assert "answers" in found["database"].sentence
    assert "share events" in found["Redis"].sentence
    assert "bucket" in found["files"].sentence


async def test_what_does_not_answer_is_named_with_its_variable_and_without_its_password(tmp_path: Path) -> None:
    found = await findings(
        tmp_path, DATABASE_URL="postgres://me:hidden-pass@127.0.0.1:1/none", REDIS_URL="redis://:hidden-pass@127.0.0.1:1",
        AWS_S3_BUCKET="songs", AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="hidden-pass",
        AWS_ENDPOINT_URL="http://127.0.0.1:1",
    )  # fmt: skip
    for what, variable in (("database", "DATABASE_URL"), ("Redis", "REDIS_URL"), ("storage", "AWS_S3_BUCKET")):
        assert found[what].verdict is doctor.Verdict.BAD
        assert variable in found[what].sentence
    text = doctor.report(list(found.values()))
    assert "hidden-pass" not in text
    assert "3 to fix" in text


async def test_replicas_without_a_common_database_are_a_fault(tmp_path: Path, valkey_url: str) -> None:
    found: dict[str, Any] = await findings(tmp_path, REDIS_URL=valkey_url, WEBSOCKET_REDIS_ADAPTER="true")
    assert found["replicas"].verdict is doctor.Verdict.BAD
