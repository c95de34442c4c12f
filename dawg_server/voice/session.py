"""One voice session: a browser on one side, the realtime service on the other.

The session outlives its upstream connections: one that is lost, too old or has the wrong voice is replaced, and the
new one is told the talk so far as text.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from dawg_server import errors, logs
from dawg_server.tools import ToolBox, Turn
from dawg_server.voice import news, realtime
from dawg_server.voice.announcer import Announcer
from dawg_server.voice.books import Books
from dawg_server.voice.brief import Brief
from dawg_server.voice.dialect import events, ga, talk
from dawg_server.voice.functions import Functions
from dawg_server.voice.leg import Ending, Leg
from dawg_server.voice.limits import CALL_SECONDS, VoiceLimits
from dawg_server.voice.microphone import Microphone
from dawg_server.voice.reconnecting import SETTLED, Reconnecting
from dawg_server.voice.scribe import Scribe
from dawg_server.voice.talker import Talker
from dawg_server.voice.upstream import Refused

READY_TIMEOUT = 15.0  # seconds for the service to accept the configuration
EXPIRY_MARGIN = 60.0  # seconds
BILL_PATIENCE = 0.5  # seconds that a session which is stopped in the middle of an answer waits for its bill
TICK = 0.25  # seconds between two looks at the clock

log = logs.get("voice")


class VoiceSession:
    """Made and run by `VoiceService`. The methods for the browser return at once."""

    def __init__(
        self,
        *,
        user_id: str,
        voice: str,
        base_url: str,
        listener: news.Listener,
        service: realtime.Realtime,
        brief: Brief,
        books: Books,
        scribe: Scribe,
        toolbox: ToolBox,
        limits: VoiceLimits,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.user_id = user_id
        self.reason = ""  # why the session ends
        self.project_id = brief.project_id
        self._voice, self._service, self._announcer = voice, service, Announcer(listener)
        self._brief, self._books, self._scribe, self._limits = brief, books, scribe, limits
        self._functions = Functions(toolbox, listener, self._function_result, self.change_voice, f"voice {self.id}")
        first = Turn(user_id, "voice", self.project_id, str(uuid.uuid4()), base_url)
        self._talker = Talker(first, listener, self._functions, scribe, self._bill)
        self._microphone = Microphone()
        self._commit_waits = False
        self._leg: Leg | None = None
        self._talk: talk.Talk | None = None  # of the upstreams before
        self._spoken_voice = voice  # the present upstream's
        self._ready_at: float | None = None
        self._recycle_at = 0.0
        self._started = False
        self._recycling = ""  # why the present upstream is not the first
        self._refusal: errors.DawgError | None = None
        self._talking: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """There is an upstream that listens."""
        return self._leg is not None and self._leg.dialect.ready

    @property
    def seconds(self) -> float:
        return self._books.seconds

    @property
    def dropped_audio(self) -> int:
        """Messages of either direction that were given up."""
        return self._talker.dropped_audio + self._microphone.dropped

    # -- what the browser does -----------------------------------------------------------------------------------------

    def hear(self, base64_text: str) -> None:
        """Audio from the microphone, checked by `microphone.as_base64`."""
        if self._leg is not None and self._leg.dialect.ready:
            self._leg.speak(base64_text)
        else:
            self._microphone.keep(base64_text)

    def played(self, item_id: str, played_ms: int) -> None:
        if self._leg is not None:
            self._leg.dialect.played(item_id, played_ms)

    def interrupt(self) -> None:
        self._talker.begin_turn()
        if self._leg is not None:
            self._leg.act(self._leg.dialect.interrupt())

    def commit_audio(self) -> None:
        self._talker.begin_turn()
        if self._leg is not None and self._leg.dialect.ready:
            self._leg.act(self._leg.dialect.commit_audio())
        else:
            self._commit_waits = True

    def browser_answered(self, call_id: str, output: Any) -> None:
        """Raises `NotFound` and `PayloadTooLarge`."""
        self._functions.browser_answered(call_id, output)

    def change_voice(self, voice: str) -> None:
        """At once where the service allows it, else by another upstream between two answers."""
        self._voice = voice
        if self._leg is None or not self._leg.dialect.ready:
            return  # the next upstream begins with it
        if voice == self._spoken_voice:
            self._announcer.voice(self._spoken_voice, "immediate")
        elif self._leg.dialect.voice_can_change:
            self._leg.act(self._leg.dialect.change_voice(voice))

    def stop(self, reason: str) -> None:
        """Ends the session; `run` returns soon after. An answer under way is cancelled; its bill may still come."""
        if self.reason:
            return
        self.reason = reason
        if self._leg is not None and self._talker.unpaid:
            self._leg.act(self._leg.dialect.interrupt())
            asyncio.get_running_loop().call_later(BILL_PATIENCE, self._hang_up)
        else:
            self._hang_up()

    # -- what others do ------------------------------------------------------------------------------------------------

    def refuse(self, error: errors.DawgError) -> None:
        """The answer under way may end; then the session does, and the browser is told why."""
        if self._refusal is None and not self.reason:
            self._refusal = error
            if not self._talker.underway:
                self._end_refused(error)

    def project_changed(self, group_id: str, sentence: str) -> None:
        """Somebody changed the project; the model is told between two answers, unless it was its own doing."""
        if group_id not in self._talker.groups:
            self._brief.note(sentence)

    def project_closed(self) -> None:
        """The project is gone, or none of the user's business any more; its functions say so by themselves."""
        self.project_id = None
        self._brief.forget_project()

    # -- life ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Returns when the session is over and everything about it is written down. Never raises."""
        name = f"voice {self.id}"
        self._talking = asyncio.create_task(self._talk_on(), name=name)
        helpers = [
            asyncio.create_task(self._watch_clock(), name=f"{name} clock"),
            asyncio.create_task(self._books.watch(self.refuse), name=f"{name} books"),
        ]
        if self.reason:
            self._hang_up()
        try:
            await asyncio.wait({self._talking})
            if not self._talking.cancelled() and (error := self._talking.exception()) is not None:
                log.error("A voice session broke.", action="voice_session_broke", exc_info=error)
                self.reason = "internal_error"
                self._announcer.error(errors.DawgError(), fatal=True)
        finally:
            for helper in (*helpers, self._talking):
                helper.cancel()
            await asyncio.gather(*helpers, self._talking, return_exceptions=True)
            await self._functions.close()
            self._scribe.close()
            await self._books.close()
            self._announcer.stopped(self.id, self.reason, self.seconds, self._books.cost)

    async def _talk_on(self) -> None:
        reconnecting = Reconnecting(min(SETTLED, self._limits.recycle_seconds / 2))
        while True:
            ending = await self._one_upstream()
            lived = time.monotonic() - self._ready_at if self._ready_at is not None else None
            pause = reconnecting.pause(ending, lived)
            if pause is None:
                self._give_up(ending)
                return
            self._recycling = ending.reason
            if pause:
                self._announcer.disconnected(self.id, ending, will_reconnect=True)
                await asyncio.sleep(pause)

    async def _one_upstream(self) -> Ending:
        self._ready_at = None
        settings = await self._brief.settings(self._voice)
        try:
            upstream = await self._service.connect(f"voice {self.id}")
        except Refused as refused:
            sentence = f"The voice service refuses the connection ({refused.code})."
            if not refused.status:
                sentence = "The voice service cannot be reached."
            return Ending("final" if refused.final else "lost", "upstream", refused.code, sentence)
        dialect = ga.GaDialect(settings, self._talk)
        self._leg = Leg(upstream, dialect, self._react, f"voice {self.id}")
        late = Ending("lost", "upstream", "timeout", "The voice service did not become ready in time.")
        timer = asyncio.get_running_loop().call_later(READY_TIMEOUT, self._end_unready, self._leg, late)
        try:
            return await self._leg.run()
        finally:
            timer.cancel()
            if dialect.ready:
                self._talk = dialect.talk
            self._leg = None
            for response_id, received_ms in self._talker.lose().items():
                self._books.lost(response_id, received_ms)
            self._microphone.dropped += upstream.dropped_frames
            await upstream.close()

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            if not self._talker.speaking and now - self._talker.active_at > self._limits.idle_seconds:
                self.stop("idle")
                return
            leg = self._leg
            if leg is not None and leg.dialect.ready and leg.dialect.between_answers and not self._functions.busy:
                self._between_answers(leg, now)

    def _between_answers(self, leg: Leg, now: float) -> None:
        if self._voice != self._spoken_voice and not leg.dialect.voice_can_change:
            leg.end(Ending("recycle", "voice", "", "The voice changes."))
        elif now >= self._recycle_at:
            leg.end(Ending("recycle", "age", "", "The connection is old."))
        elif note := self._brief.take_notes():
            leg.act(leg.dialect.note(note))

    def _end_unready(self, leg: Leg, ending: Ending) -> None:
        if not leg.dialect.ready:
            leg.end(ending)

    def _hang_up(self) -> None:
        if self._talking is not None and not self._talking.cancelling():
            self._talking.cancel()

    def _end_refused(self, error: errors.DawgError) -> None:
        self._announcer.error(error, fatal=True)
        self.stop(error.code)

    def _give_up(self, ending: Ending) -> None:
        self.reason = self.reason or "upstream"
        final = ending.how == "final"
        write = log.error if final else log.warning
        write("A voice session lost the service for good.", action="voice_upstream_lost", code=ending.code)
        self._announcer.error(realtime.failed(ending.code, retryable=not final, message=ending.message), fatal=True)
        self._announcer.disconnected(self.id, ending, will_reconnect=False)

    # -- what the service says -----------------------------------------------------------------------------------------

    def _react(self, event: events.Event) -> None:
        match event:
            case events.Ready():
                self._on_ready(event)
            case events.Reconfigured():
                self._spoken_voice = event.voice
                self._announcer.voice(self._spoken_voice, "immediate")
            case events.Fault():
                self._on_fault(event)
            case events.FunctionCall() if self.reason:
                pass  # nobody is there any more
            case _:
                self._talker.take(event)
                if self.reason and not self._talker.unpaid:
                    self._hang_up()
                elif self._refusal is not None and not self._talker.underway:
                    self._end_refused(self._refusal)

    def _on_ready(self, event: events.Ready) -> None:
        assert self._leg is not None
        self._ready_at = now = time.monotonic()
        expires_at = event.expires_at or time.time() + CALL_SECONDS
        left = expires_at - time.time() - EXPIRY_MARGIN
        # A time that has (nearly) passed is no reason for one new connection after the other.
        self._recycle_at = now + min(self._limits.recycle_seconds, left if left > 0 else CALL_SECONDS)
        self._spoken_voice = event.voice
        for audio in self._microphone.take():
            self._leg.speak(audio)
        if self._commit_waits:
            self._commit_waits = False
            self._leg.act(self._leg.dialect.commit_audio())
        previous = self.id if self._started else None
        if self._started:
            self.id = str(uuid.uuid4())
        self._started = True
        model = event.model or self._service.model
        self._announcer.listening(self.id, event.voice, model, expires_at, previous=previous, reason=self._recycling)
        if self._recycling == "voice":
            self._announcer.voice(event.voice, "recycled")
        if event.voice != self._voice:
            self.change_voice(self._voice)

    def _on_fault(self, fault: events.Fault) -> None:
        assert self._leg is not None
        if fault.kind is events.Class.FINAL:
            realtime.alert_operator(fault.code, fault.message, fault.event_id)
        write = log.debug if fault.kind is events.Class.NOISE else log.warning
        write(
            "The voice service reported an error.",
            action="voice_fault",
            code=fault.code,
            kind=fault.kind.value,
            during=fault.during,
            said=fault.message,
            provider_request_id=fault.event_id,
        )
        # What the service says may name keys and accounts, so browsers get a sentence of ours.
        if fault.kind is events.Class.FINAL:
            sentence = f"The voice service refuses to go on ({fault.code})."
            self._leg.end(Ending("final", "upstream", fault.code, sentence))
        elif fault.code == "session_expired":
            self._leg.end(Ending("recycle", "age", fault.code, "The voice service has ended the connection."))
        elif fault.kind is events.Class.OTHER:
            sentence = f"The voice service reported an error ({fault.code})."
            self._announcer.error(realtime.failed(fault.code, retryable=True, message=sentence), fatal=False)

    def _function_result(self, call_id: str, output: str) -> None:
        self._talker.active_at = time.monotonic()
        if self._leg is not None:
            self._leg.act(self._leg.dialect.function_result(call_id, output))

    def _bill(self, bill: events.UsageReported) -> None:
        self._books.bill(bill, self.id, self.refuse)
