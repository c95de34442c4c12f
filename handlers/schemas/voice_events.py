"""What the socket hears that owns a voice session: on `/voice`, and on `/` in the dialect of earlier pages."""

from __future__ import annotations

from marshmallow import fields

from handlers.schemas.connection_events import ErrorEvent, Timed
from handlers.schemas.shown import Shown, maybe, one_of
from handlers.schemas.tool_events import BrowserCall, ToolResult, ToolStart, UsageEvent


class VoiceReady(Timed):
    """The service listens. `expiresAt`: when its connection ends, and is replaced."""

    session_id = fields.UUID()
    voice = fields.String()
    model = fields.String()
    expires_at = fields.DateTime()


class VoiceConnected(VoiceReady):
    """The service listens: the same as `realtime-started`."""


class VoiceDisconnected(Timed):
    """The connection to the service is lost."""

    session_id = fields.UUID()
    reason = fields.String()
    code = fields.Raw(allow_none=True)
    will_reconnect = fields.Boolean()


class VoiceStopped(Timed):
    """The session is over and paid."""

    session_id = fields.UUID()
    reason = fields.String()
    duration_seconds = fields.Float()
    cost_usd = fields.Float()


class VoiceRecycled(VoiceReady):
    """The talk goes on over another connection."""

    previous_session_id = fields.UUID()
    reason = one_of("age", "voice", "upstream")


class OfItem(Timed):
    """Which thing that is said."""

    item_id = fields.String()


class SpeechBegins(OfItem):
    """The user begins to speak."""


class SpeechEnds(OfItem):
    """The user has spoken."""


class UserWords(Shown):
    """More of what the user said."""

    item_id = fields.String()
    text = fields.String()


class UserSaid(OfItem):
    """All that the user said."""

    text = fields.String()


class UserNotWritten(OfItem):
    """What the user said could not be written down, though it was heard."""

    reason = fields.String(allow_none=True)


class AnswerBegins(Timed):
    """An answer begins."""

    response_id = fields.String()


class AnswerEnds(Timed):
    """An answer has ended."""

    response_id = fields.String()
    status = one_of("completed", "cancelled", "incomplete", "failed")
    reason = fields.String(allow_none=True)


class OfAnswer(Shown):
    """A part of an answer."""

    item_id = fields.String()
    response_id = fields.String()


class AnswerWords(OfAnswer):
    """More words of the answer."""

    text = fields.String()


class AnswerText(OfAnswer, Timed):
    """All words of an item, or those that were heard."""

    text = fields.String()


class AnswerSound(OfAnswer):
    """Sound of the answer: PCM16 mono, 24 kHz, in base64."""

    audio = fields.String()


class SoundEnds(OfAnswer, Timed):
    """All sound of an item was sent."""


class SoundDropped(OfAnswer, Timed):
    """Sound of this answer was left out, because the browser reads too slowly; once for each answer."""


class AnswerInterrupted(OfItem):
    """Flush playback now, nothing more of this answer follows."""

    played_ms = fields.Integer()


class VoiceChanged(Timed):
    """Another voice speaks."""

    voice = fields.String()
    applied = one_of("immediate", "recycled")


class VoiceFunctionCall(BrowserCall):
    """To be run by the browser within 30 s and answered with function-result; `arguments` is JSON text."""

    arguments = fields.String()


class EarlierFunctionCall(VoiceFunctionCall):
    """As on `/voice`; `name` is the earlier one, such as play, and `function` is the newer."""

    name = fields.String(allow_none=True)
    function = fields.String()


class EarlierConnected(VoiceReady):
    """The service listens; after the connection was lost, again, with what `session-recycled` says."""

    previous_session_id = maybe(fields.UUID())
    reason = maybe(fields.String())


class EarlierDisconnected(VoiceDisconnected):
    """The connection to the service is lost; at the end of the session with what `realtime-stopped` says."""

    duration_seconds = maybe(fields.Float())
    cost_usd = maybe(fields.Float())


class VoiceToolStart(ToolStart):
    """The server runs a function."""


class VoiceToolResult(ToolResult):
    """What a function came to: `result`, or `error`; `revision` of the project when it was changed."""

    duration_ms = maybe(fields.Integer())


class VoiceUsage(UsageEvent):
    """The bill of an answer; `remaining` is null where it is not known just now."""

    session_id = fields.UUID()
    response_id = fields.String()
    input_audio_tokens = fields.Integer()
    output_audio_tokens = fields.Integer()
    total_cost_usd = fields.Float()
    duration_seconds = fields.Float()


class VoiceError(ErrorEvent):
    """What went wrong; `fatal`: the session is over."""

    fatal = maybe(fields.Boolean())


SENT: dict[str, type[Shown]] = {
    "realtime-started": VoiceReady,
    "realtime-connected": VoiceConnected,
    "realtime-disconnected": VoiceDisconnected,
    "realtime-stopped": VoiceStopped,
    "session-recycled": VoiceRecycled,
    "speech-started": SpeechBegins,
    "speech-stopped": SpeechEnds,
    "user-transcript-delta": UserWords,
    "user-transcript-done": UserSaid,
    "user-transcript-failed": UserNotWritten,
    "response-started": AnswerBegins,
    "response-done": AnswerEnds,
    "ai-text-delta": AnswerWords,
    "ai-text-done": AnswerText,
    "audio-delta": AnswerSound,
    "audio-done": SoundEnds,
    "audio-dropped": SoundDropped,
    "ai-interrupted": AnswerInterrupted,
    "voice-changed": VoiceChanged,
    "function-call": VoiceFunctionCall,
    "tool-start": VoiceToolStart,
    "tool-result": VoiceToolResult,
    "usage": VoiceUsage,
    "error": VoiceError,
}
ON_MAIN = SENT | {
    "function-call": EarlierFunctionCall,
    "realtime-connected": EarlierConnected,
    "realtime-disconnected": EarlierDisconnected,
}
