"""A stand-in for OpenAI Realtime on loopback: the GA websocket and the endpoint for client secrets.

async with openai_realtime.RealtimeSimulator() as realtime:
    realtime.script(openai_realtime.answer(openai_realtime.say("Hello", ms=800)))
    client = AsyncOpenAI(api_key="any", base_url=realtime.base_url)
    async with client.realtime.connect(model="gpt-realtime-2.1") as connection: ...
"""

from tests.simulators.openai_realtime.connection import Connection
from tests.simulators.openai_realtime.link import Ending
from tests.simulators.openai_realtime.scripts import Answer, Script, answer, call, say, write
from tests.simulators.openai_realtime.server import RealtimeSimulator
from tests.simulators.openai_realtime.sound import silence, speech

__all__ = [
    "Answer",
    "Connection",
    "Ending",
    "RealtimeSimulator",
    "Script",
    "answer",
    "call",
    "say",
    "silence",
    "speech",
    "write",
]
