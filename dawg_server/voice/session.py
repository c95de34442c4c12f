"""One voice session: a browser on one side, the realtime service on the other.

The session outlives its upstream connections: one that is lost, too old or has the wrong voice is replaced, and the
new one is told the talk so far as text.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from bus.events import ProjectChanged
from dawg_server import errors, logs
from dawg_server.tools import ToolBox, ToolContext
from dawg_server.voice import realtime
from dawg_server.voice.billing import SessionBilling
from dawg_server.voice.browser import BrowserSocket, MicrophoneBuffer, SessionEvents
from dawg_server.voice.connection import Ending, ReconnectingUpstream, UpstreamConnection
from dawg_server.voice.dialect import events
from dawg_server.voice.functions import VoiceFunctions
from dawg_server.voice.prompt import SessionPrompt, SessionRequest
from dawg_server.voice.responses import ResponseTracker
from dawg_server.voice.transcript import SpokenTranscript

BILL_PATIENCE = 0.5  # seconds that a session which is stopped in the middle of a response waits for its bill
TICK = 0.25  # seconds between two looks at the clock

log = logs.get("voice")


class VoiceSession:
    """Made and run by `VoiceService`. The methods for the browser return at once."""

    def __init__(
        self,
        request: SessionRequest,
        socket: BrowserSocket,
        service: realtime.Realtime,
        prompt: SessionPrompt,
        toolbox: ToolBox,
        billing: SessionBilling,
        transcript: SpokenTranscript,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.user_id, self.project_id = request.user_id, request.project_id
        self.reason = ""  # why the session ends
        self._prompt, self._billing, self._transcript, self._model = prompt, billing, transcript, service.model
        self._events = SessionEvents(socket)
        name = f"voice {self.id}"
        self._functions = VoiceFunctions(toolbox, socket, self._function_result, self.change_voice, prompt.allows, name)
        first = ToolContext(self.user_id, "voice", self.project_id, str(uuid.uuid4()), request.base_url)
        self._tracker = ResponseTracker(first, socket, self._functions, transcript, self._bill)
        self._upstream = ReconnectingUpstream(
            service,
            prompt,
            request.voice,
            self._react,
            self._connection_lost,
            lambda ending: self._events.disconnected(self.id, ending, will_reconnect=True),
            billing.limits.recycle_seconds,
        )
        self._microphone = MicrophoneBuffer()
        self._commit_waits = False
        self._late_results: list[tuple[str, str, bool]] = []  # of functions that ended while nothing listened
        self._spoken_voice = request.voice  # the present connection's
        self._started = False
        self._refusal: errors.DawgError | None = None
        self._talking: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """There is a connection that listens."""
        return self._upstream.ready is not None

    @property
    def seconds(self) -> float:
        return self._billing.seconds

    @property
    def dropped_audio(self) -> int:
        """Messages of either direction that were given up."""
        return self._tracker.dropped_audio + self._microphone.dropped + self._upstream.dropped_audio

    @property
    def _unpaid(self) -> bool:
        """Bills are still to come."""
        connection = self._upstream.connection
        return self._tracker.unpaid or (connection is not None and connection.dialect.awaited)

    # -- what the browser does -----------------------------------------------------------------------------------------

    def hear(self, base64_text: str) -> None:
        """Audio from the microphone, checked by `browser.as_base64`."""
        if connection := self._upstream.ready:
            connection.speak(base64_text)
        else:
            self._microphone.keep(base64_text)

    def played(self, item_id: str, played_ms: int) -> None:
        if connection := self._upstream.connection:
            connection.dialect.played(item_id, played_ms)

    def interrupt(self) -> None:
        self._tracker.begin_turn()
        if connection := self._upstream.connection:
            connection.act(connection.dialect.interrupt())

    def commit_audio(self) -> None:
        self._tracker.begin_turn()
        if connection := self._upstream.ready:
            self._tell_changes(connection)
            connection.act(connection.dialect.commit_audio())
        else:
            self._commit_waits = True

    def browser_answered(self, call_id: str, output: Any) -> None:
        """Raises `NotFound` and `PayloadTooLarge`."""
        self._functions.browser_answered(call_id, output)

    def change_voice(self, voice: str) -> None:
        """At once where the service allows it, else by another connection between two responses."""
        self._upstream.voice = voice
        connection = self._upstream.ready
        if connection is None:
            return  # the next connection begins with it
        if voice == self._spoken_voice:
            self._events.voice_changed(self._spoken_voice, "immediate")
        elif connection.dialect.voice_can_change:
            connection.act(connection.dialect.change_voice(voice))

    def stop(self, reason: str) -> None:
        """Ends the session; `run` returns soon after. A response under way is cancelled; its bill may still come."""
        if self.reason:
            return
        self.reason = reason
        connection = self._upstream.connection
        if connection is not None and self._unpaid:
            connection.act(connection.dialect.interrupt())
            asyncio.get_running_loop().call_later(BILL_PATIENCE, self._hang_up)
        else:
            self._hang_up()

    # -- what others do ------------------------------------------------------------------------------------------------

    def refuse(self, error: errors.DawgError) -> None:
        """The response under way may end; then the session does, and the browser is told why."""
        if self._refusal is None and not self.reason:
            self._refusal = error
            if not self._tracker.responding:
                self._end_refused(error)

    def project_changed(self, event: ProjectChanged) -> None:
        """Somebody changed the project; the model is told between two responses, unless it was its own doing."""
        if event.group_id not in self._tracker.groups:
            self._prompt.changes.note(event.username, event.operations, event.things)

    def project_closed(self) -> None:
        """The project is gone, or its user has no access any more; its functions say so by themselves."""
        self.project_id = None
        self._prompt.forget_project()

    # -- life ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Returns when the session is over and everything about it is written down. Never raises."""
        name = f"voice {self.id}"
        self._talking = asyncio.create_task(self._talk(name), name=name)
        helpers = [
            asyncio.create_task(self._watch_clock(), name=f"{name} clock"),
            asyncio.create_task(self._billing.watch(self.refuse), name=f"{name} billing"),
        ]
        if self.reason:
            self._hang_up()
        try:
            await asyncio.wait({self._talking})
            if not self._talking.cancelled() and (error := self._talking.exception()) is not None:
                log.error("A voice session broke.", action="voice_session_broke", exc_info=error)
                self.reason = "internal_error"
                self._events.error(errors.DawgError(), fatal=True)
        finally:
            for helper in (*helpers, self._talking):
                helper.cancel()
            await asyncio.gather(*helpers, self._talking, return_exceptions=True)
            await self._functions.close()
            self._transcript.close()
            await self._billing.close()
            self._events.stopped(self.id, self.reason, self.seconds, self._billing.cost)

    async def _talk(self, name: str) -> None:
        ending = await self._upstream.run(name)
        self.reason = self.reason or "upstream"
        final = ending.how == "final"
        write = log.error if final else log.warning
        write("A voice session lost the service for good.", action="voice_upstream_lost", code=ending.code)
        self._events.error(realtime.failed(ending.code, retryable=not final, message=ending.message), fatal=True)
        self._events.disconnected(self.id, ending, will_reconnect=False)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            connection = self._upstream.ready
            if self._tracker.speaking or (connection is not None and connection.dialect.audible):
                self._tracker.active_at = time.monotonic()
            if time.monotonic() - self._tracker.active_at > self._billing.limits.idle_seconds:
                self.stop("idle")
                return
            if connection is not None and connection.dialect.idle and not self._functions.busy:
                self._while_idle(connection)

    def _while_idle(self, connection: UpstreamConnection) -> None:
        if self._upstream.voice != self._spoken_voice and not connection.dialect.voice_can_change:
            connection.end(Ending("recycle", "voice", "", "The voice changes."))
        elif self._upstream.old:
            connection.end(Ending("recycle", "age", "", "The connection is old."))
        elif note := self._prompt.take_notes():
            connection.act(connection.dialect.note(note))

    def _tell_changes(self, connection: UpstreamConnection) -> None:
        """What the user says next may be about them."""
        self._prompt.changes.turn_begins()
        if note := self._prompt.take_notes(at_once=True):
            connection.act(connection.dialect.note(note))

    def _hang_up(self) -> None:
        if self._talking is not None and not self._talking.cancelling():
            self._talking.cancel()

    def _end_refused(self, error: errors.DawgError) -> None:
        self._events.error(error, fatal=True)
        self.stop(error.code)

    def _connection_lost(self) -> None:
        self._billing.lost(*self._tracker.connection_lost())

    # -- what the service says -----------------------------------------------------------------------------------------

    def _react(self, event: events.Event) -> None:
        match event:
            case events.Ready():
                self._on_ready(event)
            case events.Reconfigured():
                self._spoken_voice = event.voice
                self._events.voice_changed(self._spoken_voice, "immediate")
            case events.Fault():
                self._on_fault(event)
            case events.FunctionRequested() if self.reason:
                pass  # the browser has gone, or is about to be told that the session is over
            case _:
                self._tracker.take(event)
                if type(event) is events.SpeechStarted and (connection := self._upstream.ready):
                    self._tell_changes(connection)
                if self.reason and not self._unpaid:
                    self._hang_up()
                elif self._refusal is not None and not self._tracker.responding:
                    self._end_refused(self._refusal)

    def _on_ready(self, event: events.Ready) -> None:
        connection = self._upstream.connection
        assert connection is not None
        self._spoken_voice = event.voice
        for audio in self._microphone.take():
            connection.speak(audio)
        if self._commit_waits:
            self._commit_waits = False
            connection.act(connection.dialect.commit_audio())
        for call_id, output, respond in self._late_results:
            connection.act(connection.dialect.function_result(call_id, output, respond=respond))
        self._late_results.clear()
        self._announce(event)
        if event.voice != self._upstream.voice:
            self.change_voice(self._upstream.voice)

    def _announce(self, event: events.Ready) -> None:
        model, expires_at = event.model or self._model, event.expires_at or time.time() + realtime.CALL_SECONDS
        if not self._started:
            self._started = True
            self._events.started(self.id, event.voice, model, expires_at)
            return
        previous, self.id, reason = self.id, str(uuid.uuid4()), self._upstream.reason
        self._events.recycled(self.id, event.voice, model, expires_at, previous=previous, reason=reason)
        if reason == "voice":
            self._events.voice_changed(event.voice, "recycled")

    def _on_fault(self, fault: events.Fault) -> None:
        connection = self._upstream.connection
        assert connection is not None
        realtime.log_fault(fault)
        # What the service says may name keys and accounts, so browsers get a sentence of ours.
        if fault.kind is events.FaultKind.FINAL:
            sentence = f"The voice service refuses to go on ({fault.code})."
            connection.end(Ending("final", "upstream", fault.code, sentence))
        elif fault.code == "session_expired":
            connection.end(Ending("recycle", "age", fault.code, "The voice service has ended the connection."))
        elif fault.kind is events.FaultKind.OTHER:
            again = f" It is asked again in {fault.retry_after:g} s." if fault.retry_after is not None else ""
            sentence = f"The voice service reported an error ({fault.code}).{again}"
            error = realtime.failed(fault.code, retryable=True, message=sentence, retry_after=fault.retry_after)
            self._events.error(error, fatal=False)

    def _function_result(self, call_id: str, output: str, *, respond: bool = True) -> None:
        self._tracker.active_at = time.monotonic()
        if connection := self._upstream.ready:
            connection.act(connection.dialect.function_result(call_id, output, respond=respond))
        else:
            self._late_results.append((call_id, output, respond))

    def _bill(self, bill: events.UsageReported) -> None:
        self._billing.bill(bill, self.id, self.refuse)
