"""The small model: paid for, checked, corrected once; whatever happens, what was used is booked and nothing is held."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.claude import small
from dawg_server.claude.client import Claude
from dawg_server.claude.small import BillingContext, UsageSummary
from dawg_server.claude.structured import StructuredRequest, TextRequest
from dawg_server.schema import FieldError, Number, parameters
from tests import patience
from tests.claude.conftest import MODEL, USER, Study
from tests.simulators import anthropic
from tests.simulators.anthropic import HANG, ErrorReply, Pause, ScriptedMessage, form, text, turn

REQUEST = StructuredRequest(
    "test",
    "A test",
    "Count.",
    200,
    patience.SECONDS,
    fields=parameters({"count": Number(0, 9, whole=True, required=True)}),
)
LOOP_TURNS = 100  # in which a client reads what has arrived: it is in the same loop as the provider
INPUT, OUTPUT = Decimal("0.1"), Decimal("0.5")  # USD per million tokens


def even(values: dict[str, Any]) -> int:
    if values["count"] % 2:
        raise FieldError({"count": "has to be even"})
    return int(values["count"])


async def ask(study: Study, bill: UsageSummary | None = None, task: StructuredRequest = REQUEST) -> int:
    async with study.model.reserved(BillingContext(USER), task, 100, bill) as request:
        return await request.structured("how many?", even)


def counted(number: int, **options: Any) -> ScriptedMessage:
    return turn(form({"count": number}), usage=anthropic.ReportedUsage(1000, 100), **options)


async def test_an_answer_is_held_to_the_schema_and_booked(study: Study) -> None:
    study.provider.script([counted(4)])
    bill = UsageSummary()
    assert await ask(study, bill) == 4
    request = study.provider.requests[0].body
    assert (request["model"], request["system"], request["max_tokens"]) == (MODEL, "Count.", 200)
    assert request["output_config"]["format"]["type"] == "json_schema"
    [row] = await study.rows()
    assert (row["service"], row["operation"], row["model"], row["priced"]) == ("anthropic", "test", MODEL, True)
    assert (row["input_tokens"], row["output_tokens"]) == (1000, 100)
    cost = (1000 * INPUT + 100 * OUTPUT) / 1_000_000
    assert row["total_cost"] == float(cost)
    assert bill.shown() == {
        "totalCost": float(cost),
        "inputTokens": 1000,
        "outputTokens": 100,
        "breakdown": f"1 call of {MODEL}: 1000 tokens in, 100 out: ${cost:.6f}",
    }
    assert await study.held() == 0


@pytest.mark.parametrize(
    "wrong", [form({"count": 3}), form({"count": "4"}), form("{"), text()], ids=["rule", "type", "cut", "empty"]
)
async def test_a_wrong_answer_may_be_corrected_once(study: Study, wrong: anthropic.Block) -> None:
    study.provider.script([turn(wrong), counted(4)])
    bill = UsageSummary()
    assert await ask(study, bill) == 4
    first, second = study.provider.requests
    *said, corrected = second.messages
    assert said[0] == first.messages[0]
    assert [each["content"] for each in said[1:]] == ([wrong.spoken] if wrong.spoken else [])
    assert "cannot be used" in corrected["content"]
    assert len(await study.rows()) == bill.calls == 2
    assert await study.held() == 0


async def test_two_wrong_answers_are_an_error_and_both_are_paid_for(study: Study) -> None:
    study.provider.script([counted(3), counted(5), counted(4)])
    bill = UsageSummary()
    with pytest.raises(errors.ProviderFailed) as caught:
        await ask(study, bill)
    assert caught.value.details == {"provider": "anthropic", "providerCode": "invalid_answer", "retryable": False}
    assert study.provider.unused == 1
    assert bill.shown()["totalCost"] == sum(row["total_cost"] for row in await study.rows()) > 0
    assert await study.held() == 0


async def test_an_answer_that_was_cut_off_is_asked_for_more_briefly(study: Study) -> None:
    study.provider.script([counted(4, stop_reason="max_tokens"), counted(6)])
    assert await ask(study) == 6
    assert "briefer" in study.provider.requests[1].messages[-1]["content"]


async def test_a_refusal_is_not_asked_again_and_is_paid_for(study: Study) -> None:
    study.provider.script([turn(text("I would rather not"), stop_reason="refusal"), counted(4)])
    with pytest.raises(errors.ProviderFailed, match="declined"):
        await ask(study)
    assert (study.provider.unused, len(await study.rows())) == (1, 1)


@pytest.mark.parametrize(
    ("mishap", "expected"),
    [
        (anthropic.overloaded(), errors.ProviderFailed),
        (anthropic.rate_limited(3), errors.RateLimited),
        (anthropic.unauthorized(), errors.ProviderFailed),
        (anthropic.broken(), errors.ProviderFailed),
        (turn(anthropic.CUT), errors.ProviderFailed),
        (turn(anthropic.Fail()), errors.ProviderFailed),
    ],
)
async def test_trouble_of_the_provider_is_told_and_holds_no_money(
    study: Study, mishap: ErrorReply | ScriptedMessage, expected: type[errors.DawgError]
) -> None:
    study.provider.script([mishap])
    with pytest.raises(expected):
        await ask(study)
    assert len(study.provider.requests) == 1
    assert await study.held() == 0
    assert len(await study.rows()) == isinstance(
        mishap, ScriptedMessage
    )  # a stream that began has been billed for what it read


async def hang(study: Study, written: str) -> asyncio.Task[int]:
    """A question whose answer has been read as far as it goes, and goes no further."""
    study.provider.script([turn(text(written, HANG))])
    asking = asyncio.create_task(ask(study))
    await patience.until(lambda: study.provider.requests and study.provider.requests[0].events_sent > 2)
    for _ in range(LOOP_TURNS):
        await asyncio.sleep(0)
    return asking


async def test_who_is_too_slow_is_hung_up_on_and_what_was_written_is_booked(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = await hang(study, "x" * 400)
    loop = asyncio.get_running_loop()
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + REQUEST.seconds)
    with pytest.raises(errors.ProviderTimeout):
        await asking
    assert (await study.provider.requests[0].over()).hung_up
    [row] = await study.rows()
    assert row["output_tokens"] >= 100 and row["metadata"]["estimated"] is True
    assert await study.held() == 0


async def test_a_cancelled_question_is_hung_up_on_booked_and_holds_nothing(study: Study) -> None:
    asking = await hang(study, "x" * 40)
    assert await study.held() > 0
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await study.provider.requests[0].over()).hung_up
    assert len(await study.rows()) == 1
    assert await study.held() == 0


async def test_over_the_budget_nothing_is_asked(study: Study) -> None:
    await study.limit(0.0)
    with pytest.raises(errors.BudgetExceeded):
        await ask(study)
    assert study.provider.requests == []


async def test_an_answer_and_its_correction_stay_within_what_was_held(study: Study) -> None:
    held: list[float] = []

    async def reply(request: anthropic.ReceivedRequest) -> ScriptedMessage:
        held.append(await study.held())
        return turn(form({"count": 3}), usage=anthropic.ReportedUsage(len(str(request.body)) // 3, REQUEST.max_tokens))

    study.provider.script([reply, reply])
    with pytest.raises(errors.ProviderFailed):
        await ask(study)
    assert sum(row["total_cost"] for row in await study.rows()) <= held[0] == held[1]


async def test_questions_are_counted_per_minute_and_at_once(study: Study) -> None:
    study.provider.handler = lambda _: turn(Pause(0.3), form({"count": 4}))
    many = [ask(study) for _ in range(small.AT_ONCE_PER_USER + 2)]
    answers = await asyncio.gather(*many, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, errors.RateLimited)]
    assert (answers.count(4), len(refused)) == (small.AT_ONCE_PER_USER, 2)
    study.provider.handler = lambda _: counted(4)
    with pytest.raises(errors.RateLimited, match="20 times in a minute"):
        for _ in range(20):
            await ask(study)
    assert len(await study.rows()) == 20 - 2
    async with study.model.reserved(BillingContext(USER), REQUEST, 10, counted=False) as request:
        assert await request.structured("and one that was counted elsewhere", even) == 4


async def test_words_are_asked_for_without_a_schema(study: Study) -> None:
    study.provider.script([turn(text(" Faster", " drums "))])
    async with study.model.reserved(
        BillingContext(USER), TextRequest("title", "A title", "Name it.", 40), 10
    ) as request:
        assert await request.text("…") == "Faster drums"
    assert "output_config" not in study.provider.requests[0].body


async def test_without_a_key_the_variable_is_named(study: Study) -> None:
    silent = small.SmallModel(study.model._costs, study.model._limits, Claude(None, "http://x", "a", "b"), per_minute=1)
    assert not silent.configured
    with pytest.raises(errors.ProviderUnconfigured) as caught:
        async with silent.reserved(BillingContext(USER), REQUEST, 10):
            pass
    assert caught.value.details == {"env": ["ANTHROPIC_API_KEY"]}
