"""The simulator is believed only because the real SDK believes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic as sdk
import pytest

from tests.simulators import anthropic
from tests.simulators.anthropic import replies

Claude = anthropic.AnthropicSimulator
Client = sdk.AsyncAnthropic
MODEL = "claude-sonnet-5-5"
TOOL = {"name": "setTempo", "input_schema": {"type": "object", "properties": {"bpm": {"type": "number"}}}}
ASK: dict[str, Any] = {"model": MODEL, "max_tokens": 512, "messages": [{"role": "user", "content": "faster please"}]}
AWKWARD = {"name": 'Käse "früh" \\ 🎹\n', "bpm": 128.5, "deep": {"list": [1, None, True], "empty": {}}}


@pytest.fixture
async def claude() -> AsyncIterator[Claude]:
    async with anthropic.AnthropicSimulator() as simulator:
        yield simulator


@pytest.fixture
async def client(claude: Claude) -> AsyncIterator[Client]:
    async with sdk.AsyncAnthropic(api_key="sk-test", base_url=claude.base_url, max_retries=0) as made:
        yield made


async def test_the_stream_helper_hears_every_delta_and_the_final_message(claude: Claude, client: Client) -> None:
    claude.script([anthropic.turn(anthropic.text("Fas", "ter it", " is. 🎚️"))])
    async with client.messages.stream(**ASK) as stream:
        heard = [piece async for piece in stream.text_stream]
        message = await stream.get_final_message()
    assert heard == ["Fas", "ter it", " is. 🎚️"]
    assert message.content[0].text == "Faster it is. 🎚️"
    assert (message.stop_reason, message.model, message.role) == ("end_turn", MODEL, "assistant")
    assert claude.requests[0].headers["authorization"] == "Bearer sk-test"
    assert claude.requests[0].headers["anthropic-version"] == "2026-10-21"
    assert claude.requests[0].body["stream"] is True


async def test_the_same_turn_without_a_stream_is_the_same_message(claude: Claude, client: Client) -> None:
    said = anthropic.turn(anthropic.thinking("hm"), anthropic.text("a", "b"), anthropic.tool_use("setTempo", AWKWARD))
    claude.script([said, said])
    whole = await client.messages.create(**ASK)
    async with client.messages.stream(**ASK) as stream:
        streamed = await stream.get_final_message()
    assert [block.to_dict() for block in whole.content] == [block.to_dict() for block in streamed.content]
    assert whole.usage.output_tokens == streamed.usage.output_tokens


@pytest.mark.parametrize("every", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("chunk", [None, 1, 5])
async def test_tool_arguments_survive_cuts_inside_strings_escapes_and_utf8(
    claude: Claude, client: Client, every: int, chunk: int | None
) -> None:
    calls = [anthropic.tool_use("setTempo", AWKWARD, every=every), anthropic.tool_use("setTempo", {}, every=every)]
    raw = anthropic.tool_use("setTempo", json.dumps(AWKWARD, ensure_ascii=False), every=every)
    claude.script([anthropic.turn(anthropic.text("Käse"), *calls, raw, chunk=chunk)])
    async with client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert [block.input for block in message.content[1:]] == [AWKWARD, {}, AWKWARD]
    assert len({block.id for block in message.content[1:]}) == 3


@pytest.mark.parametrize("reason", replies.STOP_REASONS)
async def test_every_stop_reason_reaches_the_caller(claude: Claude, client: Client, reason: replies.StopReason) -> None:
    options = {"refusal_category": "cyber"} if reason == "refusal" else {}
    claude.script([anthropic.turn(anthropic.text("so far"), stop_reason=reason, **options)])
    async with client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert message.stop_reason == reason
    assert (message.stop_details.category if message.stop_details else None) == options.get("refusal_category")


async def test_usage_is_cumulative_so_only_the_last_counts(claude: Claude, client: Client) -> None:
    usage = anthropic.ReportedUsage(input=11, output=40, cache_write=5, cache_read=2000)
    claude.script([anthropic.turn(anthropic.text("a" * 40), anthropic.text("b" * 40), usage=usage, running_usage=True)])
    seen = []
    async with client.messages.stream(**ASK) as stream:
        async for event in stream:
            if event.type == "message_delta":
                seen.append(event.usage.output_tokens)
        final = (await stream.get_final_message()).usage
    assert seen == [10, 20, 40]
    assert (final.input_tokens, final.output_tokens) == (11, 40)
    assert (final.cache_creation_input_tokens, final.cache_read_input_tokens) == (5, 2000)


async def test_an_unchanged_prefix_is_read_from_the_cache_and_a_changed_byte_is_not(
    claude: Claude, client: Client
) -> None:
    def ask(system: str, question: str) -> dict[str, Any]:
        marked = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
        return ASK | {"system": marked, "messages": [{"role": "user", "content": question}]}

    claude.handler = lambda request: anthropic.turn(anthropic.text("ok"))
    long = "You mix records. " * 400
    first = (await client.messages.create(**ask(long, "one"))).usage
    second = (await client.messages.create(**ask(long, "two"))).usage
    third = (await client.messages.create(**ask(long + ".", "two"))).usage
    short = (await client.messages.create(**ask("short", "two"))).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 1024
    assert first.cache_creation.ephemeral_1h_input_tokens == first.cache_creation_input_tokens
    assert (first.cache_read_input_tokens, second.cache_creation_input_tokens) == (0, 0)
    assert third.cache_read_input_tokens == short.cache_read_input_tokens == short.cache_creation_input_tokens == 0


async def test_a_whole_tool_loop_with_thinking_goes_back_unchanged(claude: Claude, client: Client) -> None:
    claude.script(
        [
            anthropic.turn(anthropic.thinking("to", "gether"), anthropic.tool_use("setTempo", {"bpm": 128})),
            anthropic.turn(anthropic.text("done"), stop_reason="pause_turn"),
            anthropic.turn(anthropic.text("really")),
        ]
    )
    history = list(ASK["messages"])
    for _ in range(3):
        async with client.messages.stream(**ASK | {"messages": history, "tools": [TOOL]}) as stream:
            message = await stream.get_final_message()
        history.append(message.to_param())
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "ok"}
            for block in message.content
            if block.type == "tool_use"
        ]
        if results:
            history += [{"role": "user", "content": results}, {"role": "user", "content": "and then?"}]
    assert message.content[0].text == "really"
    assert claude.unused == 0


ERRORS = [
    (anthropic.unauthorized(), sdk.AuthenticationError, "authentication_error"),
    (anthropic.forbidden(), sdk.PermissionDeniedError, "permission_error"),
    (anthropic.rate_limited(7), sdk.RateLimitError, "rate_limit_error"),
    (anthropic.broken(), sdk.InternalServerError, "api_error"),
    (anthropic.overloaded(), sdk.OverloadedError, "overloaded_error"),
]


@pytest.mark.parametrize(("refusal", "expected", "kind"), ERRORS)
async def test_an_error_before_the_stream_is_the_sdks_own_class(
    claude: Claude, client: Client, refusal: anthropic.ErrorReply, expected: type[sdk.APIStatusError], kind: str
) -> None:
    claude.script([refusal])
    with pytest.raises(expected) as caught:
        async with client.messages.stream(**ASK):
            pass
    assert caught.value.type == kind
    assert caught.value.request_id.startswith("req_")
    assert caught.value.response.headers.get("retry-after") == ("7" if refusal.status == 429 else None)


async def test_an_error_code_is_told_apart_from_its_type(claude: Claude, client: Client) -> None:
    refusal = anthropic.ErrorReply(429, "rate_limit_error", "no", error_code="contract_spend_limit_reached")
    claude.script([refusal])
    with pytest.raises(sdk.RateLimitError) as caught:
        await client.messages.create(**ASK)
    assert caught.value.error_code == "contract_spend_limit_reached"


async def test_the_default_client_retries_as_told_and_then_succeeds(claude: Claude) -> None:
    claude.script([anthropic.rate_limited(0.6), anthropic.overloaded(), anthropic.turn(anthropic.text("at last"))])
    patient = sdk.AsyncAnthropic(api_key="sk-test", base_url=claude.base_url)
    async with patient, patient.messages.stream(**ASK) as stream:
        assert await stream.get_final_text() == "at last"
    assert [request.retry for request in claude.requests] == [0, 1, 2]
    # By itself the SDK would wait for half a second at most.
    assert claude.requests[1].began - claude.requests[0].ended >= 0.6


async def test_an_error_after_status_200_breaks_the_stream_with_what_was_said_before(
    claude: Claude, client: Client
) -> None:
    claude.script([anthropic.turn(anthropic.text("half a ", anthropic.Fail("overloaded_error"), "never said"))])
    heard = []
    with pytest.raises(sdk.APIStatusError) as caught:
        async with client.messages.stream(**ASK) as stream:
            async for piece in stream.text_stream:
                heard.append(piece)
    assert (heard, caught.value.type, caught.value.status_code) == (["half a "], "overloaded_error", 200)


async def test_a_connection_cut_in_the_middle_of_an_event_is_an_error(claude: Claude, client: Client) -> None:
    claude.script([anthropic.turn(anthropic.text("half", anthropic.CUT))])
    heard = []
    with pytest.raises(Exception) as caught:  # the SDK lets its transport's own class through
        async with client.messages.stream(**ASK) as stream:
            async for piece in stream.text_stream:
                heard.append(piece)
    assert heard == ["half"]
    assert "RemoteProtocolError" in type(caught.value).__name__ or "ReadError" in type(caught.value).__name__


async def test_malformed_data_is_an_error(claude: Claude, client: Client) -> None:
    claude.script([anthropic.turn(anthropic.text("half", anthropic.GARBAGE))])
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        async with client.messages.stream(**ASK) as stream:
            await stream.until_done()


async def test_a_slow_answer_takes_its_time_and_pings_do_not_disturb(claude: Claude, client: Client) -> None:
    words = anthropic.text("a", anthropic.PING, anthropic.Pause(0.05), "b")
    claude.script([anthropic.turn(words, delay=0.02)])
    async with client.messages.stream(**ASK) as stream:
        assert await stream.get_final_text() == "ab"
    request = await claude.requests[0].over()
    assert 0.1 <= request.ended - request.began < 2
    assert not request.hung_up


async def test_a_hanging_answer_ends_by_the_clients_deadline_and_is_recorded(claude: Claude, client: Client) -> None:
    claude.script([anthropic.turn(anthropic.text("half", anthropic.HANG))])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), client.messages.stream(**ASK) as stream:
            async for _ in stream.text_stream:
                assert claude.open == 1
    request = await claude.requests[0].over()
    assert request.hung_up
    assert 0.1 < request.ended - request.began < 2
    assert claude.open == 0


async def test_scripts_may_look_at_the_request(claude: Claude, client: Client) -> None:
    async def echo(request: anthropic.ReceivedRequest) -> anthropic.ScriptedMessage:
        return anthropic.turn(anthropic.text(request.messages[-1]["content"]))

    claude.script([echo])
    assert (await client.messages.create(**ASK)).content[0].text == "faster please"
    with pytest.raises(sdk.InternalServerError, match="no further reply"):
        await client.messages.create(**ASK)


def held_to(schema: Any) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


USER = {"role": "user", "content": "hi"}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "setTempo", "input": {}}]}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
MARK = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
FORGED = {"type": "thinking", "thinking": "x", "signature": "y"}
FAILED = {"content": "\n", "is_error": True}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"extra_body": {"temperature": 0.5}}, "temperature"),
    ({"extra_body": {"top_p": 0.5}}, "top_p"),
    ({"extra_body": {"top_k": 5}}, "top_k"),
    ({"extra_body": {"foo": 1}}, "foo: Extra inputs"),
    ({"extra_body": {"max_tokens": None}}, "max_tokens"),
    ({"messages": []}, "at least one message"),
    ({"messages": [{"role": "user", "content": ""}]}, "non-empty content"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "must be non-empty"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "\n\n"}]}]}, "non-whitespace text"),
    ({"messages": [{"role": "user", "content": " "}]}, "non-whitespace text"),
    ({"system": "\n"}, "system: text content blocks must contain non-whitespace text"),
    (
        {"messages": [*ASK["messages"], {"role": "assistant", "content": "\n"}, *ASK["messages"]]},
        "text content blocks must contain non-whitespace text",
    ),
    ({"messages": [CALL]}, "first message"),
    ({"messages": [USER, {"role": "assistant", "content": "The answer is"}]}, "prefill"),
    ({"messages": [USER, CALL, USER]}, "without `tool_result`"),
    ({"messages": [USER, CALL, {"role": "user", "content": [MARK, RESULT]}]}, "without `tool_result`"),
    ({"messages": [USER, CALL, {"role": "user", "content": [RESULT, RESULT]}]}, "single result"),
    ({"messages": [{"role": "user", "content": [RESULT]}]}, "unexpected `tool_use_id`"),
    ({"messages": [USER, {"role": "assistant", "content": CALL["content"] * 2}, USER]}, "must be unique"),
    ({"messages": [USER, {"role": "assistant", "content": [FORGED]}, USER]}, "signature"),
    ({"messages": [USER, CALL, {"role": "user", "content": [RESULT | FAILED]}]}, "cannot be empty if `is_error`"),
    (
        {
            "messages": [
                USER,
                CALL,
                {"role": "user", "content": [RESULT | {"content": [{"type": "text", "text": " "}]}]},
            ]
        },
        "non-whitespace text",
    ),
    ({"tools": [TOOL, TOOL]}, "unique"),
    ({"tools": [{"name": "has space", "input_schema": {"type": "object"}}]}, "name"),
    ({"tools": [{"name": "x", "input_schema": {}}]}, "input_schema"),
    ({"tool_choice": {"type": "any"}}, "tool_choice"),
    ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "budget_tokens"),
    (held_to(None), "schema: Field required"),
    (held_to({"type": "object", "properties": {}}), "additionalProperties"),
    (held_to({"type": "integer", "minimum": 1}), "minimum"),
    (held_to({"type": "array", "items": {"type": "string", "maxLength": 5}}), "maxLength"),
    (held_to({"type": "array", "minItems": 2, "items": {"type": "string"}}), "other than 0 or 1"),
    ({"system": [MARK] * 5}, "maximum of 4"),
    ({"system": [MARK, {**MARK, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}, "ttl"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[message for _, message in REFUSED])
async def test_what_the_real_service_refuses_is_refused(
    claude: Claude, client: Client, change: dict[str, Any], message: str
) -> None:
    claude.script([anthropic.turn(anthropic.text("never"))])
    with pytest.raises(sdk.BadRequestError, match=message):
        await client.messages.create(**ASK | change)
    assert claude.unused == 1


async def test_thoughts_alone_and_white_space_at_the_end_do_not_go_back(claude: Claude, client: Client) -> None:
    claude.script(
        [
            anthropic.turn(anthropic.thinking("hm")),
            anthropic.turn(anthropic.text("Well. \n"), stop_reason="pause_turn"),
            anthropic.turn(anthropic.text("ok")),
        ]
    )
    thought = (await client.messages.create(**ASK)).to_param()
    with pytest.raises(sdk.BadRequestError, match="final block in an assistant message cannot be `thinking`"):
        await client.messages.create(**ASK | {"messages": [USER, thought, USER]})
    paused = (await client.messages.create(**ASK)).to_param()
    with pytest.raises(sdk.BadRequestError, match="cannot end with trailing whitespace"):
        await client.messages.create(**ASK | {"messages": [USER, paused]})
    trimmed = {"role": "assistant", "content": "Well."}
    assert (await client.messages.create(**ASK | {"messages": [USER, trimmed]})).stop_reason == "end_turn"


async def test_an_answer_can_be_held_to_a_schema(claude: Claude, client: Client) -> None:
    claude.script([anthropic.turn(anthropic.form({"bpm": 90}))])
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["bpm"],
        "properties": {"bpm": {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "20 to 300"}},
    }
    message = await client.messages.create(**ASK | held_to(schema))
    assert json.loads(message.content[0].text) == {"bpm": 90}


async def test_results_first_and_two_user_messages_in_a_row_are_fine(claude: Claude, client: Client) -> None:
    claude.script([anthropic.turn(anthropic.text("ok"))])
    history = [USER, CALL, {"role": "user", "content": [RESULT]}, {"role": "user", "content": "go on"}]
    assert (await client.messages.create(**ASK | {"messages": history})).stop_reason == "end_turn"


async def test_only_the_right_key_as_bearer_and_known_models_get_in() -> None:
    async with anthropic.AnthropicSimulator(key="right", models={MODEL}) as claude:
        wrong = sdk.AsyncAnthropic(api_key="wrong", base_url=claude.base_url, max_retries=0)
        right = sdk.AsyncAnthropic(api_key="right", base_url=claude.base_url, max_retries=0)
        async with wrong, right:
            with pytest.raises(sdk.AuthenticationError):
                await wrong.messages.create(**ASK)
            older = {"Authorization": sdk.Omit(), "x-api-key": "right"}
            with pytest.raises(sdk.AuthenticationError):
                await right.messages.create(**ASK, extra_headers=older)
            with pytest.raises(sdk.BadRequestError, match="anthropic-version"):
                await right.messages.create(**ASK, extra_headers={"anthropic-version": "2023-06-01"})
            with pytest.raises(sdk.NotFoundError):
                await right.messages.create(**ASK | {"model": "claude-3-opus"})
        assert [request.status for request in claude.requests] == [401, 401, 400, 404]


async def test_max_tokens_zero_fills_the_cache_without_an_answer(claude: Claude, client: Client) -> None:
    message = await client.messages.create(**ASK | {"max_tokens": 0})
    assert message.content == []
