"""The socket events of `handlers.analyses`: one person asks, everybody in the project hears."""

from __future__ import annotations

from handlers import analyses
from handlers.analyses import Analysis, AnalysisRequester
from handlers.sockets.events import Ack, Events, SocketCall

events = Events("/", "main")


def _declare(each: Analysis) -> None:
    @events.on(each.event, each.summary, payload=each.payload, ack=each.reply, concurrent=True)
    async def analyze(call: SocketCall) -> Ack:
        member = call.membership(each.role, project_id=call.payload["project_id"])
        await call.count()
        by = AnalysisRequester(call.caller.user_id, member.username, call.sid)
        return await each.perform(call.services, by, call.payload)

    analyze.__name__, analyze.__doc__ = each.name, each.about


for analysis in analyses.ALL:
    _declare(analysis)
