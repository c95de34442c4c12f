"""A log line is one JSON object with the fields that operators filter by, and never holds a secret."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog

from dawg_server import logs

SECRET = "correct-horse-battery"  # a configured value that matches no pattern


@pytest.fixture(autouse=True)
def configured() -> Any:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level = before[0], before[1]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_line_has_what_operators_filter_by(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json", "replica-1")
    structlog.contextvars.bind_contextvars(request_id="r-1")
    logs.get("ai-brain").info("A turn has ended.", action="turn_done", tokens=12)
    (line,) = lines(capsys)
    assert line["message"] == "A turn has ended."
    assert (line["level"], line["service"], line["action"]) == ("info", "ai-brain", "turn_done")
    assert (line["request_id"], line["replica"], line["tokens"]) == ("r-1", "replica-1", 12)
    assert line["timestamp"].endswith("Z")


def test_lines_of_libraries_have_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json", "replica-1")
    logging.getLogger("some.library").warning("low on %s", "tea")
    (line,) = lines(capsys)
    assert (line["message"], line["level"], line["service"]) == ("low on tea", "warning", "main")


def test_a_traceback_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    try:
        raise ValueError("boom\nboom")
    except ValueError:
        logs.get("main").exception("It broke.", action="broke")
    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]


def test_loggers_made_before_the_configuration_obey_it(capsys: pytest.CaptureFixture[str]) -> None:
    early = logs.get("voice")
    logs.configure("warning", "json")
    early.info("not shown", action="quiet")
    early.warning("shown", action="loud")
    assert [line["action"] for line in lines(capsys)] == ["loud"]


@pytest.mark.parametrize(
    "fields",
    [
        {"password": SECRET},
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"note": f"header was Bearer {SECRET}"},
        {"body": {"user": [{"refreshToken": SECRET}]}},
        {"openai_api_key": SECRET},
        {"url": f"postgresql://ada:{SECRET}@db/dawg"},
        {"url": f"https://files/x?expires=1&signature={SECRET}"},
        {"text": f'{{"apiKey": "{SECRET}"}}'},
        {"detail": f"known value {SECRET} in the middle"},
        {"error": ValueError(f"token={SECRET}")},
        {"deep": {"a": {"b": {"c": {"d": {"e": {"f": {"password": SECRET}}}}}}}},
        {f"odd {SECRET} name": 1, "list": (SECRET, {SECRET})},
        {"env": [f"X_SECRET={SECRET}"]},
    ],
)
def test_no_way_of_logging_it_shows_a_secret(fields: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "json")
    logs.hide(SECRET)
    logs.get("main").info(f"message with {SECRET}", action="tried", **fields)
    logging.getLogger("library").warning("with args %s", SECRET, extra={"data": fields})
    out = capsys.readouterr().out
    assert SECRET not in out
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-abcdefghijkl",
        "r8_abcdefghijklmnop",
        "whsec_abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_keys_are_known_by_their_look(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "json")
    logs.get("main").info("look", action="look", text=f"here: {secret}.")
    assert secret not in capsys.readouterr().out


def test_a_secret_in_the_path_of_a_webhook_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "json")
    logs.get("main").info("POST /api/webhooks/suno/6f1c-22/h4Rk2n-_q.", path="/api/webhooks/suno/6f1c-22/h4Rk2n-_q")
    out = capsys.readouterr().out
    assert "6f1c-22" in out
    assert "h4Rk2n" not in out


def test_counts_of_tokens_are_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    logs.get("ai-brain").info("usage", action="usage", input_tokens=5, max_tokens=10, tokens=7)
    (line,) = lines(capsys)
    assert (line["input_tokens"], line["max_tokens"], line["tokens"]) == (5, 10, 7)
