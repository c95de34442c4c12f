"""What speaks to models: the chat, the voice, the advice on lyrics, and the functions that they call."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dawg_server.brain.functions import BrainFunctions
from dawg_server.brain.service import Brain
from dawg_server.brain.tool_runner import Toolkit
from dawg_server.conversations import Conversations
from dawg_server.documents import Documents
from dawg_server.jobs import Jobs
from dawg_server.lyrics.service import Lyrics
from dawg_server.memory.service import Memory
from dawg_server.platform import Platform
from dawg_server.tools import ToolBox
from dawg_server.voice.service import VoiceService


@dataclass(frozen=True, slots=True)
class Assistants:
    brain: Brain
    voice: VoiceService
    toolbox: ToolBox
    memory: Memory
    conversations: Conversations
    lyrics: Lyrics


@contextlib.asynccontextmanager
async def opened(platform: Platform, documents: Documents, jobs: Jobs) -> AsyncIterator[Assistants]:
    database, bus = platform.database, platform.bus
    async with contextlib.AsyncExitStack() as stack:
        toolbox = ToolBox(documents.functions)
        conversations = Conversations(database, documents.access)
        voice = VoiceService(platform, documents, toolbox, conversations)
        stack.push_async_callback(voice.close)
        memory = Memory(database)
        brain = Brain(platform, documents, Toolkit(toolbox, memory, jobs.generation), conversations)
        stack.push_async_callback(brain.close)
        lyrics = Lyrics(bus, platform.small_model)
        BrainFunctions(
            database,
            documents.access,
            jobs.generation,
            jobs.providers,
            lyrics,
            documents.versions,
            documents.analyses,
        ).register(documents.functions)
        yield Assistants(brain, voice, toolbox, memory, conversations, lyrics)
