"""Prices: dated, by model and unit; what is unknown is never free."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from dawg_server.costs import Usage, reported
from dawg_server.costs.prices import Prices
from dawg_server.settings import Settings
from tests.costs.conftest import NOON, USER, Purse

PRICES = Prices.load()
MILLION = 1_000_000


def cost(service: str, model: str | None, billed: dict[str, float], at: datetime.datetime = NOON) -> Any:
    return PRICES.cost(service, model, billed, at)


def test_every_model_that_the_server_uses_by_default_has_a_price() -> None:
    chosen = Settings()
    for service, model, units in (
        (
            "anthropic",
            chosen.anthropic_model,
            ("input_tokens", "cache_write_tokens", "cache_write_1h_tokens", "cache_read_tokens", "output_tokens"),
        ),
        (
            "anthropic",
            chosen.anthropic_small_model,
            ("input_tokens", "cache_write_tokens", "cache_read_tokens", "output_tokens"),
        ),
        (
            "openai-realtime",
            chosen.openai_realtime_model,
            (
                "text_input_tokens",
                "audio_input_tokens",
                "image_input_tokens",
                "cached_text_input_tokens",
                "cached_audio_input_tokens",
                "text_output_tokens",
                "audio_output_tokens",
            ),
        ),
        (
            "transcription",
            chosen.openai_transcription_model,
            ("audio_seconds", "audio_input_tokens", "text_input_tokens", "text_output_tokens"),
        ),
        ("replicate", "meta/musicgen", ("predict_seconds",)),
        ("replicate", "cjwbw/demucs", ("predict_seconds",)),
        ("suno", "V5", ("requests", "credits")),
    ):
        for unit in units:
            rate = PRICES.rate(service, model, unit, NOON)
            assert rate is not None and rate > 0, (service, model, unit)


def test_a_price_holds_from_its_day_on() -> None:
    table = {
        "version": "7",
        "prices": [
            {"service": "suno", "model": "V5", "from": "2026-01-01", "per": 1, "units": {"requests": 1}},
            {"service": "suno", "model": "V5", "from": "2026-11-22", "per": 10, "units": {"requests": 20}},
        ],
    }
    prices = Prices(table)
    midnight = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    before = midnight - datetime.timedelta(microseconds=1)
    assert prices.cost("suno", "V5", {"requests": 3}, before) == (Decimal(3), True, "7")
    assert prices.cost("suno", "V5", {"requests": 3}, midnight).amount == Decimal(6)
    assert not prices.cost("suno", "V5", {"requests": 3}, datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)).priced


def test_costs_are_exact_to_the_last_digit_of_the_ledger() -> None:
    billed = {
        "input_tokens": 1234.0,
        "cache_write_tokens": 100.0,
        "cache_read_tokens": 50_000.0,
        "output_tokens": 777.0,
    }
    expected = (1234 * 2 + 100 * 2.5 + 50_000 * 0.1 + 777 * 10) / MILLION
    assert float(cost("anthropic", "claude-sonnet-5-5", billed).amount) == pytest.approx(expected, abs=5e-7)
    assert cost("anthropic", "claude-sonnet-5-5", {"input_tokens": 1}).amount == Decimal("0.000002")
    assert cost("transcription", "gpt-transcribe", {"audio_seconds": 60}).amount == Decimal("0.006")
    assert cost("anthropic", "claude-sonnet-5-5", {}).amount == 0


def test_long_prompts_of_a_model_with_two_prices_cost_more_including_their_answer() -> None:
    short = {"input_tokens": 50_000, "cache_read_tokens": 50_000, "output_tokens": 1000}
    long = short | {"input_tokens": 50_001}
    assert cost("anthropic", "claude-haiku-5-5", short).amount == Decimal("0.006")
    assert cost("anthropic", "claude-haiku-5-5", long).amount == Decimal("0.030001")


@pytest.mark.parametrize(
    ("service", "reported_as", "listed"),
    [
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("openai-realtime", "gpt-realtime-2.1-2026-09-01", "gpt-realtime-2.1"),
        (
            "replicate",
            "meta/musicgen:671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb",
            "meta/musicgen",
        ),
    ],
)
def test_a_version_of_a_model_has_the_price_of_the_model(service: str, reported_as: str, listed: str) -> None:
    unit = {"anthropic": "input_tokens", "openai-realtime": "audio_input_tokens"}.get(service, "predict_seconds")
    rate = PRICES.rate(service, reported_as, unit, NOON)
    assert rate is not None
    assert rate == PRICES.rate(service, listed, unit, NOON)


def test_an_unknown_model_costs_as_much_as_the_dearest_known_one() -> None:
    unknown = cost("anthropic", "claude-next", {"input_tokens": 1000, "output_tokens": 1000})
    assert (unknown.amount, unknown.priced) == (Decimal("0.06"), False)
    assert not cost("somebody-else", "model", {"requests": 1}).priced
    assert not cost("anthropic", "claude-sonnet-5-5", {"input_tokens": 1, "web_searches": 2}).priced


async def test_an_unknown_price_is_booked_as_such_and_told_to_the_operator(
    purse: Purse, capsys: pytest.CaptureFixture[str]
) -> None:
    await purse.costs.settle(USER, None, Usage("anthropic", "claude-next", "chat", {"output_tokens": 1000}, "msg_1"))
    row = await purse.database.fetch_one("SELECT total_cost, priced, metadata FROM usage_records")
    assert row is not None
    assert (row["total_cost"], row["priced"]) == (0.05, False)
    assert row["metadata"] == {"billed": {"output_tokens": 1000}, "prices": PRICES.version}
    out = capsys.readouterr().out
    assert "price_missing" in out
    assert "claude-next" in out


def test_anthropics_report_keeps_the_cache_apart() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 300,
        "cache_creation_input_tokens": 70,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 40},
        "service_tier": "standard",
    }
    assert reported.anthropic(usage) == {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_write_tokens": 30,
        "cache_write_1h_tokens": 40,
        "cache_read_tokens": 300,
    }
    assert reported.anthropic({"input_tokens": 5, "output_tokens": 1, "cache_creation_input_tokens": None}) == {
        "input_tokens": 5,
        "output_tokens": 1,
    }


def test_realtimes_report_includes_the_cache_and_is_not_charged_twice() -> None:
    usage = {
        "total_tokens": 821,
        "input_tokens": 789,
        "output_tokens": 32,
        "input_token_details": {
            "text_tokens": 313,
            "audio_tokens": 476,
            "cached_tokens": 640,
            "cached_tokens_details": {"text_tokens": 256, "audio_tokens": 384},
        },
        "output_token_details": {"text_tokens": 9, "audio_tokens": 23},
    }
    billed = reported.realtime(usage)
    assert billed == {
        "text_input_tokens": 57,
        "cached_text_input_tokens": 256,
        "audio_input_tokens": 92,
        "cached_audio_input_tokens": 384,
        "text_output_tokens": 9,
        "audio_output_tokens": 23,
    }
    expected = (57 * 4 + 256 * 0.4 + 92 * 32 + 384 * 0.4 + 9 * 24 + 23 * 64) / MILLION
    assert float(cost("openai-realtime", "gpt-realtime-2.1", billed).amount) == pytest.approx(expected, abs=5e-7)
    row = Usage("openai-realtime", "gpt-realtime-2.1", "voice", billed, "resp_1").row(
        cost("openai-realtime", "gpt-realtime-2.1", billed)
    )
    assert (row["input_tokens"], row["cached_tokens"], row["output_tokens"]) == (149, 640, 32)


def test_tokens_of_a_kind_that_was_not_told_are_charged_as_sound() -> None:
    assert reported.realtime({"input_tokens": 100, "output_tokens": 10}) == {
        "audio_input_tokens": 100,
        "audio_output_tokens": 10,
    }


def test_transcriptions_are_charged_by_time_or_by_tokens() -> None:
    assert reported.transcription({"type": "duration", "seconds": 7.5}) == {"audio_seconds": 7.5}
    tokens = {
        "type": "tokens",
        "input_tokens": 14,
        "output_tokens": 45,
        "total_tokens": 59,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
    }
    assert reported.transcription(tokens) == {
        "audio_input_tokens": 10,
        "text_input_tokens": 4,
        "text_output_tokens": 45,
    }


def test_a_prediction_is_charged_by_the_second() -> None:
    billed = reported.replicate({"predict_time": 12.5, "total_time": 40.0})
    assert cost("replicate", "meta/musicgen", billed).amount == Decimal("0.0175")
    row = Usage("replicate", "meta/musicgen", "beat", billed, "abc").row(cost("replicate", "meta/musicgen", billed))
    assert (row["units"], row["unit_cost"], row["total_cost"]) == (12.5, "0.001400", "0.017500")


def test_a_call_that_cannot_be_seen_is_marked() -> None:
    usage = Usage("openai-realtime", "gpt-realtime-2.1", "voice", {}, "secret-1", metered=False)
    row = usage.row(cost("openai-realtime", "gpt-realtime-2.1", {}))
    assert (row["metered"], row["priced"], row["total_cost"]) == (False, False, "0.000000")


@pytest.mark.parametrize("quantity", [-1, float("nan"), float("inf"), 1e10])
def test_impossible_quantities_are_a_bug_of_the_caller(quantity: float) -> None:
    with pytest.raises(ValueError, match="quantities"):
        Usage("suno", "V5", "music", {"credits": quantity}, "a")
