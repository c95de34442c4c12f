"""What of a talk stands in the conversation."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import AsyncIterator

import pytest

from dawg_server.database import conversations, messages, users
from dawg_server.database.pool import Database
from dawg_server.transcript import TranscriptWriter
from dawg_server.voice import transcript
from dawg_server.voice.transcript import SpokenTranscript, WriteQueue


class Talk:
    """A conversation of its own, and who writes it down."""

    def __init__(self, database: Database, conversation_id: str) -> None:
        self._database, self._conversation_id = database, conversation_id
        self._queue = WriteQueue("test")
        self.writer = SpokenTranscript(
            TranscriptWriter(database, conversation_id, origin="voice"), self._queue, "gpt-realtime-2.1"
        )

    async def written(self) -> list[tuple[str, str]]:
        """Ends the talk; (role, words) of every message."""
        self.writer.close()
        await self._queue.close()
        rows = await messages.of_conversation(self._database, self._conversation_id)
        return [(row["role"], row["content"][0]["text"]) for row in rows]

    async def rows(self) -> list[dict[str, object]]:
        return await messages.of_conversation(self._database, self._conversation_id)


@pytest.fixture
async def talk(database: Database) -> AsyncIterator[Talk]:
    await users.ensure(database, "ada", "development")
    conversation = await conversations.insert(database, "ada")
    talk = Talk(database, conversation["id"])
    yield talk
    await talk.written()


async def test_words_that_come_late_stand_before_their_answer(talk: Talk) -> None:
    talk.writer.expect("user_1")
    talk.writer.assistant_said("item_1", "gladly", None)
    talk.writer.user_said("user_1", "faster")
    talk.writer.expect("user_2")
    talk.writer.assistant_said("item_2", "so?", None)
    talk.writer.expect("user_3")
    talk.writer.user_said("user_3", "much faster")
    talk.writer.user_said("user_2", "more")
    assert await talk.written() == [
        ("user", "faster"),
        ("assistant", "gladly"),
        ("user", "more"),
        ("assistant", "so?"),
        ("user", "much faster"),
    ]


async def test_words_that_never_come_hold_nothing_up_for_ever(talk: Talk) -> None:
    talk.writer.expect("user_1")
    talk.writer.assistant_said("item_1", "pardon?", None)
    assert await talk.written() == [("assistant", "pardon?")]


async def test_silence_is_not_written_down(talk: Talk) -> None:
    for words in ("", "  "):
        talk.writer.expect("user_1")
        talk.writer.user_said("user_1", words)
    talk.writer.assistant_said("item_1", "", None)
    assert await talk.written() == []


async def test_a_cut_before_the_end_keeps_what_was_heard(talk: Talk) -> None:
    talk.writer.interrupted("item_1", "one two")
    talk.writer.assistant_said("item_1", "one two three four", None)
    assert await talk.written() == [("assistant", "one two")]


async def test_a_cut_after_the_end_corrects_what_was_stored(talk: Talk) -> None:
    talk.writer.assistant_said("item_1", "one two three four", None)
    talk.writer.interrupted("item_1", "one")
    talk.writer.assistant_said("item_2", "never heard", None)
    talk.writer.interrupted("item_2", "")
    assert await talk.written() == [("assistant", "one")]


async def test_messages_say_where_they_come_from(talk: Talk) -> None:
    group = str(uuid.uuid4())
    talk.writer.assistant_said("item_1", "done", group)
    await talk.written()
    (row,) = await talk.rows()
    assert (row["origin"], row["model"], row["group_id"]) == ("voice", "gpt-realtime-2.1", group)


async def test_writes_that_a_hanging_database_delays_are_all_tried_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "CLOSE_TIMEOUT", 0.3)
    queue = WriteQueue("test")
    begun: list[int] = []

    async def write(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(0.2)

    for number in range(40):
        queue.put(functools.partial(write, number))
    await queue.close()
    assert sorted(begun) == list(range(40))
