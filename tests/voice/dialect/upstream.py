"""Upstream events as the GA wire has them, with the fields that the dialect looks at."""

from __future__ import annotations

import base64
from typing import Any, get_args

from openai.types.realtime import realtime_server_event

BYTES_PER_MS = 48
TYPES = [
    kind
    for model in get_args(get_args(realtime_server_event.RealtimeServerEvent)[0])
    for kind in get_args(model.model_fields["type"].annotation)
    if "mcp" not in kind
]
"""Every event that the SDK knows, but for those of tools that the service runs itself."""


def sound(ms: int) -> str:
    """Base64 of that many milliseconds of PCM16 mono at 24 kHz."""
    return base64.b64encode(bytes(ms * BYTES_PER_MS)).decode()


def created(response: str = "resp_1") -> dict[str, Any]:
    return {"type": "response.created", "response": {"id": response, "status": "in_progress"}}


def audio(ms: int, item: str = "item_1", response: str = "resp_1") -> dict[str, Any]:
    return {"type": "response.output_audio.delta", "response_id": response, "item_id": item, "delta": sound(ms)}


def audio_done(item: str = "item_1", response: str = "resp_1") -> dict[str, Any]:
    return {"type": "response.output_audio.done", "response_id": response, "item_id": item}


def words(text: str, item: str = "item_1", response: str = "resp_1") -> dict[str, Any]:
    kind = "response.output_audio_transcript.delta"
    return {"type": kind, "response_id": response, "item_id": item, "delta": text}


def words_done(text: str, item: str = "item_1", response: str = "resp_1") -> dict[str, Any]:
    kind = "response.output_audio_transcript.done"
    return {"type": kind, "response_id": response, "item_id": item, "transcript": text}


def call(call_id: str = "call_1", response: str = "resp_1", arguments: str = '{"bpm": 128}') -> dict[str, Any]:
    kind = "response.function_call_arguments.done"
    named = {"call_id": call_id, "name": "setTempo", "arguments": arguments}
    return {"type": kind, "response_id": response, "item_id": f"item_{call_id}", **named}


def done(
    response: str = "resp_1", status: str = "completed", reason: str | None = None, **fields: Any
) -> dict[str, Any]:
    details = {"type": status, "reason": reason} if reason else None
    body = {"id": response, "status": status, "status_details": details, **fields}
    return {"type": "response.done", "response": body}


def call_item(call_id: str = "call_1", arguments: str = '{"bpm": 128}') -> dict[str, Any]:
    named = {"call_id": call_id, "name": "setTempo", "arguments": arguments}
    return {"id": f"item_{call_id}", "type": "function_call", "status": "completed", **named}


def speech(item: str = "item_u") -> dict[str, Any]:
    return {"type": "input_audio_buffer.speech_started", "item_id": item, "audio_start_ms": 0}


def silence(item: str = "item_u") -> dict[str, Any]:
    return {"type": "input_audio_buffer.speech_stopped", "item_id": item, "audio_end_ms": 0}


def committed(item: str = "item_u", after: str | None = None) -> dict[str, Any]:
    return {"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": after}


def heard(text: str, item: str = "item_u", **usage: Any) -> dict[str, Any]:
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": item, "content_index": 0, "transcript": text, "usage": usage or None}


def error(code: str | None, event_id: str | None = None, message: str = "no") -> dict[str, Any]:
    body = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": event_id}
    return {"type": "error", "event_id": "event_9", "error": body}
