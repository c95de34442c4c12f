"""Functions that the model asks for, without a network."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database.pool import Database
from dawg_server.daw.document import Document
from dawg_server.daw.functions.service import Functions as Catalogued
from dawg_server.tools import ToolBox, ToolContext
from dawg_server.voice.dialect import events
from dawg_server.voice.functions import MAX_CALLS, VoiceFunctions
from tests import patience


class Notebook:
    """Stands in for a browser: remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def publish(self, event: str, payload: Mapping[str, Any]) -> None:
        self.told.append((event, payload))

    def play(self, payload: Mapping[str, str]) -> bool:
        return True


class Stage:
    """`answers` is what the model was given, by call id."""

    def __init__(self, database: Database) -> None:
        self.notebook = Notebook()
        self.answers: dict[str, Any] = {}
        self.voices: list[str] = []
        toolbox = ToolBox(Catalogued(Document(database, LocalBus())))
        self.functions = VoiceFunctions(
            toolbox, self.notebook, self._answer, self.voices.append, lambda name: True, "stage", patience=0.05
        )
        self.turn = ToolContext("ada", "voice", None, str(uuid.uuid4()))

    def call(self, name: str, arguments: str = "{}", call_id: str = "call_1") -> None:
        self.functions.start(events.FunctionRequested(call_id, name, arguments, "resp_1"), self.turn)

    async def rest(self) -> None:
        async with asyncio.timeout(patience.SECONDS):
            while self.functions.busy:
                await asyncio.sleep(0.01)

    def _answer(self, call_id: str, output: str, *, respond: bool = True) -> None:
        assert call_id not in self.answers
        self.answers[call_id] = json.loads(output)


@pytest.fixture
def stage(database: Database) -> Stage:
    return Stage(database)


async def test_a_browser_that_does_not_answer_is_given_up(stage: Stage) -> None:
    stage.call("playProject")
    assert stage.functions.busy
    await stage.rest()
    assert "did not answer" in stage.answers["call_1"]["error"]
    with pytest.raises(errors.NotFound):
        stage.functions.browser_answered("call_1", {})


async def test_a_result_that_is_too_large_is_refused_and_may_come_again(stage: Stage) -> None:
    stage.call("stopPlayback")
    with pytest.raises(errors.PayloadTooLarge):
        stage.functions.browser_answered("call_1", "x" * 70_000)
    stage.functions.browser_answered("call_1", {"stopped": True})
    assert stage.answers == {"call_1": {"stopped": True}}


async def test_without_a_project_the_model_is_told_so(stage: Stage) -> None:
    stage.call("setTempo", '{"bpm": 90}')
    await stage.rest()
    assert "project" in stage.answers["call_1"]["error"]


async def test_a_model_that_goes_in_circles_is_stopped_until_the_next_turn(stage: Stage) -> None:
    for number in range(MAX_CALLS + 1):
        stage.call("changeVoice", '{"voice": "ash"}', f"call_{number}")
    await stage.rest()
    assert len(stage.voices) == MAX_CALLS
    assert "at most" in stage.answers[f"call_{MAX_CALLS}"]["error"]
    stage.turn = ToolContext("ada", "voice", None, str(uuid.uuid4()))
    stage.call("changeVoice", '{"voice": "ash"}', "call_new")
    await stage.rest()
    assert stage.answers["call_new"]["success"] is True


async def test_closing_leaves_no_timer_and_no_task(stage: Stage) -> None:
    stage.call("playProject", call_id="call_1")
    stage.call("setTempo", '{"bpm": 90}', "call_2")
    await stage.functions.close()
    assert not stage.functions.busy
    await asyncio.sleep(0.1)
    assert "call_1" not in stage.answers
