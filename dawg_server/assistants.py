"""What speaks to models: the chat, the voice, the advice on lyrics, and the functions that they call."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dawg_server.brain.functions import BrainFunctions
from dawg_server.brain.places import Places, TurnLimits
from dawg_server.brain.service import Brain
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
    settings, database, bus = platform.settings, platform.database, platform.bus
    async with contextlib.AsyncExitStack() as stack:
        toolbox = ToolBox(documents.functions)
        conversations = Conversations(database, documents.access)
        voice = VoiceService(platform, documents, toolbox, conversations)
        stack.push_async_callback(voice.close)
        memory = Memory(database)
        brain = Brain(
            database=database,
            bus=bus,
            costs=platform.costs,
            access=documents.access,
            document=documents.document,
            conversations=conversations,
            toolbox=toolbox,
            generation=jobs.generation,
            memory=memory,
            places=Places(
                database,
                platform.limits,
                TurnLimits(
                    settings.turns_per_minute,
                    settings.turns_at_once,
                    settings.tokens_per_minute,
                    settings.turn_seconds,
                    settings.turn_function_seconds,
                ),
            ),
            claude=platform.claude,
            small=platform.small_model,
        )
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
