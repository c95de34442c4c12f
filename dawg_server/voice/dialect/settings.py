"""The configuration of a realtime session: in our words, as `session.update` of the GA dialect, and as accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dawg_server.voice.dialect import events
from dawg_server.voice.dialect.wire import Wire, number, part, text

TurnDetection = Literal["semantic", "server", "none"]

MAX_OUTPUT_TOKENS = 2048  # of one answer
RETENTION_RATIO = 0.8  # cut history in few large steps, so that the prompt cache stays warm
MAX_HISTORY_TOKENS = 12_000
# Above the default of 0.5: this choice is for rooms where the loudspeaker reaches the microphone.
SERVER_VAD_THRESHOLD = 0.7
_PCM: Mapping[str, Any] = {"type": "audio/pcm", "rate": 24000}


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """`tools` are function definitions in their fixed order; `language` is an ISO 639-1 hint for the transcription."""

    instructions: str
    voice: str
    transcription_model: str
    turn_detection: TurnDetection = "semantic"
    tools: Sequence[Mapping[str, Any]] = field(default=())
    language: str | None = None

    @property
    def automatic_turns(self) -> bool:
        return self.turn_detection != "none"


class SessionState:
    """How much of the configuration the service has accepted."""

    def __init__(self, wanted: SessionSettings) -> None:
        self.wanted, self.voice = wanted, wanted.voice
        self.ready = False
        self._id = ""

    def created(self, event: Wire) -> dict[str, Any]:
        """The session to ask for, now that there is one."""
        self._id = text(part(event, "session"), "id")
        return wire(self.wanted)

    def updated(self, event: Wire) -> events.Ready | events.Reconfigured:
        accepted = part(event, "session")
        self.voice = text(part(part(accepted, "audio"), "output"), "voice") or self.voice
        if self.ready:
            return events.Reconfigured(self.voice)
        self.ready = True
        session_id, expires_at = text(accepted, "id") or self._id, number(accepted, "expires_at")
        return events.Ready(session_id, text(accepted, "model"), self.voice, expires_at)


def wire(settings: SessionSettings) -> dict[str, Any]:
    """The `session` object of `session.update`, and of a request for a client secret."""
    transcription = {"model": settings.transcription_model}
    if settings.language is not None:
        transcription["language"] = settings.language
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": settings.instructions,
        "tools": [{"type": "function", **tool} for tool in settings.tools],
        "tool_choice": "auto",
        "max_output_tokens": MAX_OUTPUT_TOKENS,
        "truncation": {
            "type": "retention_ratio",
            "retention_ratio": RETENTION_RATIO,
            "token_limits": {"post_instructions": MAX_HISTORY_TOKENS},
        },
        "audio": {
            "input": {
                "format": dict(_PCM),
                "noise_reduction": {"type": "near_field"},
                "transcription": transcription,
                "turn_detection": _turn_detection(settings.turn_detection),
            },
            "output": {"format": dict(_PCM), "voice": settings.voice, "speed": 1.0},
        },
    }


def wire_voice(voice: str) -> dict[str, Any]:
    """The smallest `session` object that changes the voice and nothing else."""
    return {"type": "realtime", "audio": {"output": {"voice": voice}}}


def _turn_detection(kind: TurnDetection) -> dict[str, Any] | None:
    automatic = {"create_response": True, "interrupt_response": True}
    match kind:
        case "none":
            return None
        case "semantic":
            return {"type": "semantic_vad", "eagerness": "auto", **automatic}
        case "server":
            timing = {"prefix_padding_ms": 300, "silence_duration_ms": 500}
            return {"type": "server_vad", "threshold": SERVER_VAD_THRESHOLD, **timing, **automatic}
