"""What the real API answers with a 400 (or 401), so that a test which passes here does not fail there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.simulators.anthropic.replies import ErrorReply

API_VERSION = "2026-10-21"
FIELDS = {
    *("model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "stop_sequences", "metadata"),
    *("thinking", "output_config", "service_tier", "cache_control", "container", "diagnostics", "inference_geo"),
    "speed",
}
REMOVED = ("temperature", "top_p", "top_k")
MAX_CACHE_MARKS = 4
SCHEMA_WORDS = {
    *("type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "title", "description", "format"),
    *("properties", "required", "additionalProperties", "items", "minItems"),
}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")


class Invalid(Exception):
    """Carries the message of an `invalid_request_error`."""


def check_headers(headers: Mapping[str, str], key: str | None) -> ErrorReply | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return ErrorReply(
            401, "authentication_error", "Authentication is required: send an Authorization: Bearer header."
        )
    if key is not None and token != key:
        return ErrorReply(401, "authentication_error", "invalid bearer token")
    version = headers.get("anthropic-version")
    if version != API_VERSION:
        return ErrorReply(400, "invalid_request_error", f"anthropic-version: {version!r} is not served here.")
    if "application/json" not in headers.get("content-type", ""):
        return ErrorReply(400, "invalid_request_error", "content-type: must be application/json")
    return None


def check_body(
    body: Any, *, models: Collection[str] | None, signatures: Mapping[str, str], paused: Collection[str]
) -> ErrorReply | None:
    """`signatures` maps every signature issued to its words; `paused` are contents that may be sent back last."""
    if isinstance(body, dict) and models is not None and body.get("model") not in models:
        return ErrorReply(404, "not_found_error", f"model: {body.get('model')}")
    try:
        _body(body, signatures, paused)
    except Invalid as refused:
        return ErrorReply(400, "invalid_request_error", str(refused))
    return None


def canonical(content: Any) -> str:
    """Content blocks with everything that is null left out, as text that can be compared."""
    if isinstance(content, list):
        return "[" + ",".join(canonical(item) for item in content) + "]"
    if isinstance(content, dict):
        kept = sorted((key, value) for key, value in content.items() if value is not None)
        return "{" + ",".join(f"{key}:{canonical(value)}" for key, value in kept) + "}"
    return repr(content)


def blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def resumed(content: Any) -> str:
    """Content of a paused message as it may come back: without blank text and without white space at its end."""
    kept = [dict(block) for block in blocks(content) if block["type"] != "text" or block["text"].strip()]
    for block in kept:
        block.pop("cache_control", None)
    if kept and kept[-1]["type"] == "text":
        kept[-1]["text"] = kept[-1]["text"].rstrip()
    return canonical(kept)


def _body(body: Any, signatures: Mapping[str, str], paused: Collection[str]) -> None:
    _need(isinstance(body, dict), "The request body is not a JSON object.")
    for name in body:
        _need(name not in REMOVED, f"{name}: This parameter is not supported in API version {API_VERSION}.")
        _need(name in FIELDS, f"{name}: Extra inputs are not permitted")
    for name in ("model", "max_tokens", "messages"):
        _need(name in body, f"{name}: Field required")
    limit = body["max_tokens"]
    _need(isinstance(limit, int) and not isinstance(limit, bool), "max_tokens: Input should be a valid integer")
    _need(limit >= 0, "max_tokens: Input should be greater than or equal to 0")
    _need(isinstance(body["messages"], list) and body["messages"], "messages: at least one message is required")
    for block in blocks(body.get("system") or []):
        _text("system", block["text"])
    _tools(body)
    _thinking(body.get("thinking"), limit)
    _output(body.get("output_config"))
    _messages(body["messages"], signatures, paused)
    _cache_marks(body)


def _need(condition: Any, message: str) -> None:
    if not condition:
        raise Invalid(message)


def _tools(body: dict[str, Any]) -> None:
    names: set[str] = set()
    for at, tool in enumerate(body.get("tools") or []):
        if tool.get("type") not in (None, "custom"):
            continue
        name = tool.get("name")
        valid = isinstance(name, str) and _TOOL_NAME.fullmatch(name) is not None
        _need(valid, f"tools.{at}.custom.name: String should match pattern")
        _need(name not in names, "tools: Tool names must be unique.")
        names.add(name)
        schema = tool.get("input_schema")
        valid = isinstance(schema, dict) and schema.get("type") == "object"
        _need(valid, f"tools.{at}.custom.input_schema.type: Field required")
    if body.get("tool_choice") is not None:
        _tool_choice(body["tool_choice"], names)


def _tool_choice(choice: dict[str, Any], names: set[str]) -> None:
    kind, name = choice.get("type"), choice.get("name")
    _need(kind in ("auto", "any", "tool", "none"), "tool_choice.type: unknown value")
    _need(names or kind == "none", "tool_choice may only be specified while providing tools.")
    _need(kind != "tool" or name in names, f"Tool '{name}' not found in provided tools")
    plain = kind != "none" or "disable_parallel_tool_use" not in choice
    _need(plain, "tool_choice.none: Extra inputs are not permitted")


def _thinking(thinking: Any, limit: int) -> None:
    if thinking is None:
        return
    kinds = ("adaptive", "enabled", "disabled", "between_tools")
    _need(thinking.get("type") in kinds, "thinking.type: unknown value")
    if thinking["type"] == "enabled":
        budget = thinking.get("budget_tokens", 0)
        _need(budget >= 1024, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        _need(limit > budget, "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _output(config: Any) -> None:
    if config is None:
        return
    _need(isinstance(config, dict) and not set(config) - {"effort", "format"}, "output_config: Extra inputs")
    effort = config.get("effort")
    _need(effort in (None, "low", "medium", "high", "xhigh", "max"), "output_config.effort: unknown value")
    if (format := config.get("format")) is not None:
        _need(format.get("type") == "json_schema", "output_config.format.type: Input should be 'json_schema'")
        _schema(format.get("schema"), "output_config.format.schema")


def _schema(schema: Any, where: str) -> None:
    """The subset of JSON Schema that answers can be held to (as the SDK's own transformation of schemas leaves it)."""
    _need(isinstance(schema, dict), f"{where}: Field required")
    strange = set(schema) - SCHEMA_WORDS
    _need(not strange, f"{where}: For '{schema.get('type')}' type, properties {sorted(strange)} are not supported")
    built = [name for name in ("type", "anyOf", "allOf", "enum", "const", "$ref") if name in schema]
    _need(built, f"{where}: Schema must have a 'type', 'anyOf', 'allOf', 'enum', 'const' or '$ref'")
    _need(isinstance(schema.get("type", ""), str), f"{where}.type: Input should be a valid string")
    if schema.get("type") == "object":
        closed = schema.get("additionalProperties") is False
        _need(closed, f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false")
        known = schema.get("properties", {})
        _need(set(schema.get("required", ())) <= set(known), f"{where}.required: names an unknown property")
        for name, inner in known.items():
            _schema(inner, f"{where}.properties.{name}")
    if "items" in schema:
        _schema(schema["items"], f"{where}.items")
    _need(schema.get("minItems", 0) in (0, 1), f"{where}.minItems: values other than 0 or 1 are not supported")
    for at, inner in enumerate(schema.get("anyOf", ())):
        _schema(inner, f"{where}.anyOf.{at}")


def _messages(messages: list[Any], signatures: Mapping[str, str], paused: Collection[str]) -> None:
    for at, message in enumerate(messages):
        known = isinstance(message, dict) and message.get("role") in ("user", "assistant", "system")
        _need(known, f"messages.{at}.role: unknown role")
        content = message.get("content")
        _need(isinstance(content, str | list) and content, f"messages.{at}: all messages must have non-empty content")
        for place, block in enumerate(blocks(content)):
            _block(f"messages.{at}.content.{place}", block, message["role"], signatures)
        thought = blocks(content)[-1]["type"] in ("thinking", "redacted_thinking")
        _need(not thought, f"messages.{at}: The final block in an assistant message cannot be `thinking`.")
    _need(messages[0]["role"] == "user", "messages: first message must use the user role")
    merged = list(_merged(messages))
    seen: set[str] = set()
    for at, (role, content) in enumerate(merged):
        before = merged[at - 1] if at else ("", [])
        after = merged[at + 1][1] if at + 1 < len(merged) else None
        _results(at, content, _calls(before[1]) if before[0] == "assistant" else [])
        calls = _calls(content) if role == "assistant" else []
        _need(len(set(calls)) == len(calls) and not seen & set(calls), "messages: `tool_use` ids must be unique")
        seen.update(calls)
        if calls and after is not None:
            _answered(at, calls, after)
    role, content = merged[-1]
    if role == "assistant":
        _need(
            resumed(content) in paused,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        )
        last = content[-1]
        trailing = last["type"] == "text" and last["text"] != last["text"].rstrip()
        _need(not trailing, "messages: final assistant content cannot end with trailing whitespace")


def _merged(messages: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    role, content = messages[0]["role"], list(blocks(messages[0]["content"]))
    for message in messages[1:]:
        if message["role"] == role:
            content += blocks(message["content"])
        else:
            yield role, content
            role, content = message["role"], list(blocks(message["content"]))
    yield role, content


def _calls(content: list[dict[str, Any]]) -> list[str]:
    return [block["id"] for block in content if block["type"] == "tool_use"]


def _results(at: int, content: list[dict[str, Any]], calls: list[str]) -> None:
    answered: set[str] = set()
    for place, block in enumerate(content):
        if block["type"] != "tool_result":
            continue
        ident = block["tool_use_id"]
        _need(
            ident in calls,
            f"messages.{at}.content.{place}: unexpected `tool_use_id` found in `tool_result` blocks: {ident}. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous message.",
        )
        _need(ident not in answered, f"messages.{at}.content.{place}: each tool_use must have a single result: {ident}")
        answered.add(ident)


def _answered(at: int, calls: list[str], after: list[dict[str, Any]]) -> None:
    first = _leading_results(after)
    open_calls = [ident for ident in calls if ident not in first]
    _need(
        not open_calls,
        f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(open_calls)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message.",
    )


def _leading_results(content: list[dict[str, Any]]) -> set[str]:
    found: set[str] = set()
    for block in content:
        if block["type"] != "tool_result":
            break
        found.add(block["tool_use_id"])
    return found


def _block(where: str, block: Any, role: str, signatures: Mapping[str, str]) -> None:
    _need(isinstance(block, dict) and isinstance(block.get("type"), str), f"{where}.type: Field required")
    match block["type"]:
        case "text":
            _need(isinstance(block.get("text"), str), f"{where}.text.text: Field required")
            _text("messages", block["text"])
        case "tool_use":
            _need(role == "assistant", f"{where}: `tool_use` blocks can only be in `assistant` messages")
            ident = block.get("id")
            valid = isinstance(ident, str) and _TOOL_ID.fullmatch(ident) is not None
            _need(valid, f"{where}.tool_use.id: String should match pattern")
            _need(isinstance(block.get("input"), dict), f"{where}.tool_use.input: Input should be a valid dictionary")
        case "tool_result":
            _need(role == "user", f"{where}: `tool_result` blocks can only be in `user` messages")
            _need(isinstance(block.get("tool_use_id"), str), f"{where}.tool_result.tool_use_id: Field required")
            valid = isinstance(block.get("content", ""), str | list)
            _need(valid, f"{where}.tool_result.content: Input should be a string or a list")
            _result(where, block)
        case "thinking":
            _need(role == "assistant", f"{where}: `thinking` blocks can only be in `assistant` messages")
            words = signatures.get(block.get("signature", ""))
            _need(words == block.get("thinking"), f"{where}: Invalid `signature` in `thinking` block")
            _need("cache_control" not in block, f"{where}.thinking.cache_control: Extra inputs are not permitted")


def _text(where: str, text: str) -> None:
    _need(text, f"{where}: text content blocks must be non-empty")
    _need(text.strip(), f"{where}: text content blocks must contain non-whitespace text")


def _result(where: str, block: dict[str, Any]) -> None:
    content = block.get("content", "")
    blank = not content.strip() if isinstance(content, str) else not content
    _need(not (block.get("is_error") and blank), f"{where}.tool_result: content cannot be empty if `is_error` is true")
    if isinstance(content, list):
        for inner in content:
            if inner.get("type") == "text":
                _text("messages", inner["text"])


def _cache_marks(body: dict[str, Any]) -> None:
    lifetimes = [block["cache_control"].get("ttl", "5m") for block in cacheable(body) if block.get("cache_control")]
    top = 1 if body.get("cache_control") else 0
    _need(
        len(lifetimes) + top <= MAX_CACHE_MARKS,
        f"A maximum of {MAX_CACHE_MARKS} blocks with cache_control may be provided. Found {len(lifetimes) + top}.",
    )
    ordered = sorted(lifetimes, key=("1h", "5m").index)
    _need(lifetimes == ordered, "a ttl='1h' cache_control block must not come after a ttl='5m' one")


def cacheable(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything that goes into the prompt, in the order in which the cache sees it: tools, system, messages."""
    yield from body.get("tools") or []
    yield from blocks(body.get("system") or [])
    for message in body["messages"]:
        yield from blocks(message["content"])
