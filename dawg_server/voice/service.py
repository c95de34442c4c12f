"""All voice sessions of this process: who may begin one, and how each of them ends."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bus import events
from bus.local import Scope
from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.conversations import Conversations
from dawg_server.database import voice_sessions
from dawg_server.daw.functions.catalogue import Catalogue, PublishedCatalogue
from dawg_server.daw.functions.page import SPOKEN
from dawg_server.daw.functions.service import Functions
from dawg_server.documents import Documents
from dawg_server.platform import Platform
from dawg_server.tools import ToolBox
from dawg_server.transcript import TranscriptWriter
from dawg_server.voice import billing
from dawg_server.voice.billing import SessionBilling, UsageMeter
from dawg_server.voice.browser import BrowserSocket
from dawg_server.voice.prompt import SessionPrompt, SessionRequest
from dawg_server.voice.realtime import CALL_SECONDS, MintedSecret, Realtime
from dawg_server.voice.session import VoiceSession
from dawg_server.voice.transcript import SpokenTranscript, WriteQueue

CLOSE_TIMEOUT = 8.0  # seconds for all sessions to be closed and booked
REVIEW_INTERVAL = 60.0  # seconds between two looks at who may still hear a project, when nothing asks for one

log: structlog.stdlib.BoundLogger = logs.get("voice")


@dataclass(frozen=True, slots=True)
class _Running:
    session: VoiceSession
    task: asyncio.Task[None]
    forget_project: Callable[[], None]  # ends what the session hears of its project


class VoiceService:
    """Sessions by the socket that owns them: one per socket."""

    def __init__(
        self, platform: Platform, documents: Documents, toolbox: ToolBox, conversations: Conversations
    ) -> None:
        settings = platform.settings
        self._database, self._costs, self._metrics = platform.database, platform.costs, platform.metrics
        self._access, self._document = documents.access, documents.document
        self._toolbox, self._conversations = toolbox, conversations
        self._page_toolbox = ToolBox(Functions(documents.document, Catalogue(SPOKEN)))
        self._realtime = Realtime(
            settings.openai_url,
            settings.openai_key,
            settings.openai_realtime_model,
            settings.openai_transcription_model,
        )
        self._limits = billing.VoiceLimits(
            settings.voice_sessions,
            settings.voice_minutes * 60,
            settings.voice_idle_seconds,
            settings.voice_recycle_seconds,
        )
        self.published = PublishedCatalogue(toolbox.catalogue)
        self._running: dict[str, _Running] = {}
        self._starting: set[str] = set()
        self._closed = False
        self._access_changes = 0  # that were heard of
        self._reviews = SupervisedLoop(
            "access-review",
            self._review_access,
            doing="Looking who may still hear a project",
            interval=REVIEW_INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )
        platform.metrics.voice_sessions.set_function(lambda: len(self._running))
        self._bus = platform.bus
        platform.bus.subscribe(events.ProjectDeleted, self._project_deleted, Scope.EVERYWHERE)
        platform.bus.subscribe(events.MembershipChanged, self._membership_changed, Scope.EVERYWHERE)
        platform.bus.subscribe(events.PublicityChanged, lambda _: self._access_changed(), Scope.EVERYWHERE)
        platform.bus.subscribe(events.BusRestored, lambda _: self._access_changed())

    @property
    def active(self) -> int:
        return len(self._running)

    @property
    def connected(self) -> bool:
        """At least one upstream is open."""
        return any(running.session.connected for running in self._running.values())

    def require(self) -> None:
        """Raises `ProviderUnconfigured`."""
        self._realtime.require()

    def session(self, sid: str) -> VoiceSession | None:
        running = self._running.get(sid)
        return running.session if running else None

    async def start(self, sid: str, request: SessionRequest, socket: BrowserSocket) -> tuple[str, str]:
        """(session id, conversation id) of a session that is about to connect.

        Raises `ProviderUnconfigured`, `SessionActive`, `SessionLimit`, `BudgetExceeded`, and `NotFound` for a project
        or conversation to which the caller has no access.
        """
        self._realtime.require()
        if self._closed:
            raise errors.Draining(retry_after=2.0)
        if sid in self._running or sid in self._starting:
            raise errors.SessionActive
        if not self._reviews.running:
            self._reviews.start()
        self._starting.add(sid)
        known_changes = self._access_changes
        try:
            session, conversation_id = await self._prepare(sid, request, socket)
        finally:
            self._starting.discard(sid)
        hear = functools.partial(self._project_changed, session)
        forget_project = self._bus.subscribe(events.ProjectChanged, hear, Scope.EVERYWHERE)
        task = asyncio.create_task(self._run(sid, session), name=f"voice session {session.id}")
        self._running[sid] = _Running(session, task, forget_project)
        if self._access_changes != known_changes:
            self._reviews.wake()  # perhaps after this session's access was checked
        return session.id, conversation_id

    async def stop(self, sid: str) -> None:
        """Ends the session of a socket and waits for its end. Raises `NoSession`."""
        running = self._running.get(sid)
        if running is None:
            raise errors.NoSession
        running.session.stop("client")
        await asyncio.shield(running.task)

    def leave(self, sid: str) -> None:
        """The socket is gone; also while its session is being prepared."""
        self._starting.discard(sid)
        if running := self._running.get(sid):
            running.session.stop("disconnected")

    async def mint(self, request: SessionRequest, seconds: int) -> MintedSecret:
        """A secret that begins calls for so many `seconds`, which this server cannot hear and cannot end.

        The service tells nobody whether a secret was used, how often, or for how long. So the most that it allows is
        booked before it is given away, and it is one of the user's sessions until the last call must have ended.
        Raises as `start` does, and `ProviderFailed`, `ProviderTimeout` and `DependencyUnavailable`.
        """
        self._realtime.require()
        if self._closed:
            raise errors.Draining(retry_after=2.0)
        if request.project_id is not None:
            await self._access.require(request.project_id, request.user_id, "viewer")
        settings = await self._prompt(request).settings(request.voice)
        # Calls of full length, one after the other, that can begin within so many seconds.
        talked = CALL_SECONDS * (seconds // CALL_SECONDS + 1)
        grant = await billing.open_session(self._database, request.user_id, self._limits, reserved_seconds=talked)
        try:
            reservation = await UsageMeter.reserve(
                self._costs, request.user_id, self._realtime.model, minutes=talked / 60
            )
            try:
                secret = await self._realtime.mint(settings, seconds)
                await voice_sessions.confirm(self._database, grant.id, seconds + CALL_SECONDS)
                reservation.add(billing.secret_usage(self._realtime.model, grant.id, request.project_id, talked))
            except BaseException:
                await reservation.settle(outcome="failed")
                raise
        except BaseException:
            await voice_sessions.end(self._database, grant.id)
            raise
        await reservation.settle()
        return secret

    async def close(self) -> None:
        """Ends every session, and books it."""
        self._closed = True
        for running in self._running.values():
            running.session.stop("draining")
        tasks = [running.task for running in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._reviews.close()
        await self._realtime.close()

    async def _prepare(self, sid: str, request: SessionRequest, socket: BrowserSocket) -> tuple[VoiceSession, str]:
        user_id, project_id = request.user_id, request.project_id
        if project_id is not None:
            await self._access.require(project_id, user_id, "viewer")
        if request.conversation_id is not None:
            await self._conversations.get(request.conversation_id, user_id)
        grant = await billing.open_session(self._database, user_id, self._limits)
        try:
            reservation = await UsageMeter.reserve(self._costs, user_id, self._realtime.model)
            try:
                conversation_id = request.conversation_id or await self._new_conversation(user_id, project_id)
                if sid not in self._starting:
                    raise errors.NoSession("The socket left while its session was being prepared.")
                if self._closed:
                    raise errors.Draining(retry_after=2.0)
            except BaseException:
                await reservation.settle(outcome="cancelled")
                raise
        except BaseException:
            await voice_sessions.end(self._database, grant.id)
            raise
        meter = UsageMeter(
            self._costs,
            reservation,
            model=self._realtime.model,
            project_id=project_id,
            transcription_model=self._realtime.transcription_model,
            conversation_id=conversation_id,
        )
        queue = WriteQueue(f"voice {grant.id}")
        writer = TranscriptWriter(self._database, conversation_id, origin="voice")
        session = VoiceSession(
            request,
            socket,
            self._realtime,
            self._prompt(request),
            self._toolbox_for(request),
            SessionBilling(self._database, grant, meter, queue, socket, self._limits),
            SpokenTranscript(writer, queue, self._realtime.model),
        )
        return session, conversation_id

    def _prompt(self, request: SessionRequest) -> SessionPrompt:
        toolbox = self._toolbox_for(request)
        return SessionPrompt(self._document, toolbox, request, self._realtime.transcription_model)

    def _toolbox_for(self, request: SessionRequest) -> ToolBox:
        return self._page_toolbox if request.holds_document else self._toolbox

    async def _new_conversation(self, user_id: str, project_id: str | None) -> str:
        return str((await self._conversations.create(user_id, project_id=project_id))["id"])

    async def _run(self, sid: str, session: VoiceSession) -> None:
        log.info("A voice session began.", action="voice_started", session_id=session.id)
        try:
            await session.run()
        finally:
            self._running.pop(sid).forget_project()
            self._metrics.voice_minutes.inc(session.seconds / 60)
            if session.dropped_audio:
                self._metrics.dropped_events.labels("voice_audio").inc(session.dropped_audio)
            log.info(
                "A voice session ended.",
                action="voice_ended",
                session_id=session.id,
                reason=session.reason,
                duration_s=round(session.seconds, 1),
                dropped_audio=session.dropped_audio,
            )

    def _project_changed(self, session: VoiceSession, event: events.ProjectChanged) -> None:
        if session.project_id == event.project_id:
            session.project_changed(event)

    def _project_deleted(self, event: events.ProjectDeleted) -> None:
        for session in self._in_project(event.project_id):
            session.project_closed()
        self._access_changed()

    def _membership_changed(self, event: events.MembershipChanged) -> None:
        for session in self._in_project(event.project_id):
            if event.role is None and session.user_id == event.user_id:
                session.project_closed()
        self._access_changed()

    def _access_changed(self) -> None:
        self._access_changes += 1
        self._reviews.wake()

    async def _review_access(self) -> None:
        for running in tuple(self._running.values()):
            session = running.session
            if (project_id := session.project_id) is None:
                continue
            try:
                await self._access.require(project_id, session.user_id, "viewer")
            except errors.NotFound:
                session.project_closed()

    def _in_project(self, project_id: str) -> list[VoiceSession]:
        sessions = (running.session for running in self._running.values())
        return [session for session in sessions if session.project_id == project_id]
