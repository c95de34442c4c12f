"""What a model's reading of lyrics would cost: arithmetic alone."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

CHARS_PER_TOKEN = 4
PROMPT_TOKENS = 500
ANSWER_TOKENS = 800
GENRE_INPUT_TOKENS, GENRE_OUTPUT_TOKENS = 600, 300


class TokenPrices(NamedTuple):
    """USD per million tokens."""

    input: float
    output: float


def estimate_cost(length: int, include_genre_advice: bool, prices: TokenPrices) -> dict[str, Any]:
    """`{estimatedCost in USD, inputTokens, outputTokens, breakdown}` for lyrics of `length` characters."""
    input_tokens = math.ceil(length / CHARS_PER_TOKEN) + PROMPT_TOKENS
    output_tokens = ANSWER_TOKENS
    if include_genre_advice:
        input_tokens += GENRE_INPUT_TOKENS
        output_tokens += GENRE_OUTPUT_TOKENS
    input_cost = input_tokens * prices.input / 1_000_000
    output_cost = output_tokens * prices.output / 1_000_000
    return {
        "estimatedCost": round(input_cost + output_cost, 6),
        "inputTokens": input_tokens,
        "outputTokens": output_tokens,
        "breakdown": f"Input: {input_tokens} tokens (${input_cost:.6f}), output: {output_tokens} tokens "
        f"(${output_cost:.6f}), total: ${input_cost + output_cost:.6f}",
    }
