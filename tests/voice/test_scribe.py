"""What of a talk stands in the conversation."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from dawg_server.database import conversations, messages, users
from dawg_server.database.pool import Database
from dawg_server.voice.clerk import Clerk
from dawg_server.voice.scribe import Scribe


class Desk:
    """A scribe with a conversation of its own."""

    def __init__(self, database: Database, conversation_id: str) -> None:
        self._database, self._conversation_id = database, conversation_id
        self._clerk = Clerk("desk")
        self.scribe = Scribe(database, self._clerk, conversation_id, "gpt-realtime-2.1")

    async def written(self) -> list[tuple[str, str]]:
        """Ends the talk; (role, words) of every message."""
        self.scribe.close()
        await self._clerk.close()
        rows = await messages.of_conversation(self._database, self._conversation_id)
        return [(row["role"], row["content"][0]["text"]) for row in rows]

    async def rows(self) -> list[dict[str, object]]:
        return await messages.of_conversation(self._database, self._conversation_id)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    await users.ensure(database, "ada", "development")
    conversation = await conversations.insert(database, "ada")
    desk = Desk(database, conversation["id"])
    yield desk
    await desk.written()


async def test_words_that_come_late_stand_before_their_answer(desk: Desk) -> None:
    desk.scribe.expect("user_1")
    desk.scribe.assistant_said("item_1", "gladly", None)
    desk.scribe.user_said("user_1", "faster")
    desk.scribe.expect("user_2")
    desk.scribe.assistant_said("item_2", "so?", None)
    desk.scribe.expect("user_3")
    desk.scribe.user_said("user_3", "much faster")
    desk.scribe.user_said("user_2", "more")
    assert await desk.written() == [
        ("user", "faster"),
        ("assistant", "gladly"),
        ("user", "more"),
        ("assistant", "so?"),
        ("user", "much faster"),
    ]


async def test_words_that_never_come_hold_nothing_up_for_ever(desk: Desk) -> None:
    desk.scribe.expect("user_1")
    desk.scribe.assistant_said("item_1", "pardon?", None)
    assert await desk.written() == [("assistant", "pardon?")]


async def test_silence_is_not_written_down(desk: Desk) -> None:
    for words in ("", "  "):
        desk.scribe.expect("user_1")
        desk.scribe.user_said("user_1", words)
    desk.scribe.assistant_said("item_1", "", None)
    assert await desk.written() == []


async def test_a_cut_before_the_end_keeps_what_was_heard(desk: Desk) -> None:
    desk.scribe.interrupted("item_1", "one two")
    desk.scribe.assistant_said("item_1", "one two three four", None)
    assert await desk.written() == [("assistant", "one two")]


async def test_a_cut_after_the_end_corrects_what_was_stored(desk: Desk) -> None:
    desk.scribe.assistant_said("item_1", "one two three four", None)
    desk.scribe.interrupted("item_1", "one")
    desk.scribe.assistant_said("item_2", "never heard", None)
    desk.scribe.interrupted("item_2", "")
    assert await desk.written() == [("assistant", "one")]


async def test_messages_say_where_they_come_from(desk: Desk) -> None:
    group = str(uuid.uuid4())
    desk.scribe.assistant_said("item_1", "done", group)
    await desk.written()
    (row,) = await desk.rows()
    assert (row["origin"], row["model"], row["group_id"]) == ("voice", "gpt-realtime-2.1", group)
