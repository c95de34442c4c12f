"""The session object: its defaults, what may change, and what the GA service refuses."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
FLAT_BETA_FIELDS = frozenset(
    {"voice", "modalities", "input_audio_format", "output_audio_format", "input_audio_transcription", "turn_detection"}
    | {"input_audio_noise_reduction", "max_response_output_tokens", "temperature", "speed"}
)
PCM = {"type": "audio/pcm", "rate": 24000}
SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
SEMANTIC_VAD = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
SEMANTIC_SILENCE_MS = {"high": 200, "medium": 400, "auto": 400, "low": 800}

Check = Callable[[Any, str], None]
Schema = Mapping[str, Any]  # field -> Check, or Schema of the object below


class Refused(Exception):
    """Becomes an `error` event, or a 400."""

    def __init__(self, code: str | None, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param

    def body(self, event_id: str | None = None) -> dict[str, Any]:
        error = {"type": "invalid_request_error", "code": self.code, "message": self.message, "param": self.param}
        return error | {"event_id": event_id}


class BetaShape(Exception):
    """A session or a header of the dialect that was switched off."""


def default(model: str) -> dict[str, Any]:
    return {
        "type": "realtime",
        "object": "realtime.session",
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "You are a helpful assistant.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
        "audio": {
            "input": {
                "format": dict(PCM),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(SERVER_VAD),
            },
            "output": {"format": dict(PCM), "voice": "marin", "speed": 1.0},
        },
    }


def updated(session: Mapping[str, Any], change: Any, *, spoken: bool = False) -> dict[str, Any]:
    """The session after a `session.update`; `spoken` once the model has been heard. Raises when refused."""
    if not isinstance(change, Mapping):
        raise Refused("missing_required_parameter", "Missing required parameter: 'session'.", "session")
    if FLAT_BETA_FIELDS & change.keys():
        raise BetaShape
    if "type" not in change:
        raise Refused("missing_required_parameter", "Missing required parameter: 'session.type'.", "session.type")
    _check(change, _SESSION, "session")
    if change.get("model", session["model"]) != session["model"]:
        raise Refused("invalid_value", "The model of a session cannot be changed.", "session.model")
    if "reasoning" in change and not session["model"].startswith("gpt-realtime-2"):
        raise Refused("invalid_value", "This model does not support reasoning.", "session.reasoning")
    after = _merged(session, change)
    if spoken and after["audio"]["output"]["voice"] != session["audio"]["output"]["voice"]:
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise Refused("cannot_update_voice", message, "session.audio.output.voice")
    detection = after["audio"]["input"]["turn_detection"]
    if detection is not None:
        defaults = SERVER_VAD if detection["type"] == "server_vad" else SEMANTIC_VAD
        after["audio"]["input"]["turn_detection"] = defaults | detection
    return after


def check_response(response: Any) -> None:
    """The `response` object of a `response.create`."""
    if response is not None:
        _check(response, _RESPONSE, "response")


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    after = copy.deepcopy(dict(old))
    for name, value in new.items():
        nested = name in ("audio", "input", "output") and isinstance(value, Mapping)
        after[name] = _merged(after.get(name) or {}, value) if nested else copy.deepcopy(value)
    return after


def _check(value: Any, schema: Schema, where: str) -> None:
    if not isinstance(value, Mapping):
        raise Refused("invalid_type", f"Invalid type for '{where}': expected an object.", where)
    for name, inner in value.items():
        place = f"{where}.{name}"
        if name not in schema:
            raise Refused("unknown_parameter", f"Unknown parameter: '{place}'.", place)
        rule = schema[name]
        if isinstance(rule, Mapping):
            _check(inner, rule, place)
        else:
            rule(inner, place)


def _that(allowed: Callable[[Any], bool], described: str) -> Check:
    def check(value: Any, where: str) -> None:
        if not allowed(value):
            raise Refused("invalid_value", f"Invalid value for '{where}': expected {described}.", where)

    return check


def _one_of(*values: Any) -> Check:
    return _that(lambda value: value in values, " or ".join(map(repr, values)))


def _between(low: float, high: float) -> Check:
    numeric = (int, float)
    return _that(
        lambda value: isinstance(value, numeric) and not isinstance(value, bool) and low <= value <= high,
        f"a number from {low} to {high}",
    )


def _or_null(schema: Schema) -> Check:
    def check(value: Any, where: str) -> None:
        if value is not None:
            _check(value, schema, where)

    return check


def _tools(value: Any, where: str) -> None:
    if not isinstance(value, list):
        raise Refused("invalid_type", f"Invalid type for '{where}': expected an array.", where)
    for at, tool in enumerate(value):
        _check(tool, _TOOL, f"{where}[{at}]")
        for name in ("type", "name"):
            if name not in tool:
                place = f"{where}[{at}].{name}"
                raise Refused("missing_required_parameter", f"Missing required parameter: '{place}'.", place)


def _turn_detection(value: Any, where: str) -> None:
    if value is None:
        return
    kind = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or kind not in _DETECTIONS:
        raise Refused("invalid_value", f"Invalid value for '{where}.type'.", f"{where}.type")
    _check(value, _DETECTIONS[kind], where)


def _anything(_: Any, __: str) -> None:
    pass


_text = _that(lambda value: isinstance(value, str), "a string")
_flag = _that(lambda value: isinstance(value, bool), "a boolean")
_tokens = _that(lambda value: value == "inf" or (type(value) is int and 1 <= value <= 4096), "1 to 4096, or 'inf'")
_modalities = _one_of(["audio"], ["text"])
_choice = _that(
    lambda value: (
        value in ("auto", "none", "required")
        or (isinstance(value, Mapping) and value.get("type") == "function" and "name" in value)
    ),
    "auto, none, required or one function",
)
_voice = _that(lambda value: value in VOICES or (isinstance(value, Mapping) and set(value) == {"id"}), "a known voice")
_format = {"type": _one_of("audio/pcm", "audio/pcmu", "audio/pcma"), "rate": _one_of(24000)}
_answering = {"create_response": _flag, "interrupt_response": _flag}
_DETECTIONS: Mapping[str, Schema] = {
    "semantic_vad": {"type": _anything, "eagerness": _one_of("low", "medium", "high", "auto"), **_answering},
    "server_vad": {
        "type": _anything,
        "threshold": _between(0, 1),
        "prefix_padding_ms": _between(0, 5000),
        "silence_duration_ms": _between(0, 10000),
        "idle_timeout_ms": _anything,
        **_answering,
    },
}
_TOOL: Schema = {"type": _one_of("function"), "name": _text, "description": _text, "parameters": _anything}
_TRANSCRIPTION: Schema = {
    **dict.fromkeys(("model", "language", "prompt"), _text),
    **dict.fromkeys(("keywords", "languages", "delay"), _anything),
}
_TRUNCATION = _that(
    lambda value: (
        value in ("auto", "disabled")
        or (
            isinstance(value, Mapping)
            and value.get("type") == "retention_ratio"
            and set(value) <= {"type", "retention_ratio", "token_limits"}
            and 0 <= value.get("retention_ratio", -1) <= 1
        )
    ),
    "auto, disabled or a retention ratio",
)
_COMMON: Schema = {
    "output_modalities": _modalities,
    "instructions": _text,
    "tools": _tools,
    "tool_choice": _choice,
    "max_output_tokens": _tokens,
    "prompt": _anything,
    "parallel_tool_calls": _flag,
    "reasoning": {"effort": _one_of("minimal", "low", "medium", "high", "xhigh")},
}
_OUTPUT: Schema = {"format": _format, "voice": _voice, "speed": _between(0.25, 1.5)}
_SESSION: Schema = {
    **_COMMON,
    "type": _one_of("realtime"),
    "model": _text,
    "tracing": _anything,
    "include": _anything,
    "truncation": _TRUNCATION,
    "audio": {
        "input": {
            "format": _format,
            "noise_reduction": _or_null({"type": _one_of("near_field", "far_field"), "strength": _between(0, 1)}),
            "transcription": _or_null(_TRANSCRIPTION),
            "turn_detection": _turn_detection,
        },
        "output": _OUTPUT,
    },
}
_RESPONSE: Schema = {
    **_COMMON,
    "audio": {"output": _OUTPUT},
    "conversation": _one_of("auto"),
    "metadata": _anything,
}
