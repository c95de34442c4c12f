"""Whatever is stored of a talk, what the model is sent of it is a request that its service accepts."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from dawg_server.brain import history, prompt
from dawg_server.claude import message
from tests.simulators.anthropic import rules

WORDS = ("Warm bass, please.", "\n\n", "", " \t", "\u200b", "Done. \n")
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "signed"}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def stored(chance: random.Random) -> list[dict[str, Any]]:
    """Rows of a talk that crashes, refusals, silent models and older servers may have left like this."""
    rows: list[dict[str, Any]] = []
    serial = itertools.count()

    def add(role: str, blocks: list[dict[str, Any]], stop_reason: str | None = None) -> None:
        rows.append({"role": role, "content": blocks, "seq": len(rows), "stop_reason": stop_reason})

    for _ in range(chance.randrange(12)):
        match chance.randrange(6):
            case 0 | 1:
                add("user", [text(chance.choice(WORDS))])
            case 2:
                add("assistant", chance.choice(([], [SIGNED], [SIGNED, text("\n")], [text(" ")])), "end_turn")
            case 3:
                add("assistant", [text(chance.choice(WORDS))], chance.choice(("end_turn", "refusal", "cancelled")))
            case _:
                calls = [
                    {"type": "tool_use", "id": f"toolu_{next(serial)}", "name": "recall", "input": {}}
                    for _ in range(chance.randrange(1, 4))
                ]
                add("assistant", [SIGNED, text(chance.choice(WORDS)), *calls], "tool_use")
                results = [
                    {"type": "tool_result", "tool_use_id": call["id"], "content": chance.choice((*WORDS, "x" * 3000))}
                    | chance.choice(({}, {"is_error": True}))
                    for call in calls
                ]
                if chance.random() < 0.8:
                    add("tool", results[: chance.randrange(len(results) + 1)])
    return rows[chance.randrange(3) :]


@pytest.mark.parametrize("seed", range(300))
def test_a_request_about_any_talk_is_accepted(seed: int) -> None:
    chance = random.Random(seed)
    rows = stored(chance)
    before = history.messages(history.shown(rows), chance.choice((None, "They like warm bass.", " \n")))
    now = [{"role": "user", "content": prompt.question("And now?", None, None, [])}]
    request = prompt.request("claude", [], before, now)
    body = {**request, "messages": message.acceptable(request["messages"])}
    body.pop("tools")
    refused = rules.check_body(body, models=None, signatures={"signed": "hm"}, paused=())
    assert refused is None, (refused, rows)


def exchange(number: int, result: str = "ok", answer: str = "Yes.") -> list[dict[str, Any]]:
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": "recall", "input": {}}
    blocks = (
        ("user", [text(f"question {number}")]),
        ("assistant", [call]),
        ("tool", [history.result(call["id"], result)]),
        ("assistant", [text(answer)]),
    )
    return [
        {"role": role, "content": each, "seq": number * 4 + at, "stop_reason": "end_turn"}
        for at, (role, each) in enumerate(blocks)
    ]


def test_old_results_go_before_old_words_and_the_last_exchange_never() -> None:
    rows = [row for number in range(5) for row in exchange(number, result="r" * 30_000, answer="a" * 100)]
    shown = history.shown(rows)
    assert len(shown) == len(rows)
    assert [len(row["content"][0]["content"]) > 1000 for row in shown if row["role"] == "tool"] == [False] * 4 + [True]
    words = [row for number in range(9) for row in exchange(number, answer="a" * 20_000)]
    assert [row["content"] for row in history.shown(words)[:1]] == [[text("question 8")]]
    whole = exchange(0, answer="a" * 200_000)
    assert history.shown(whole) == whole


def test_short_results_stay_as_they_are_so_that_the_prompt_cache_holds() -> None:
    rows = [row for number in range(3) for row in exchange(number)]
    assert history.shown(rows) == rows
