"""Whatever the upstream sends in whatever order, the dialect neither raises nor lets interrupted sound through."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dawg_server.voice.dialect import events, ga
from tests.voice.dialect import upstream
from tests.voice.dialect.playbook import MANUAL, SETTINGS

RESPONSES = st.sampled_from(["resp_1", "resp_2", "resp_3"])
ITEMS = st.sampled_from(["item_1", "item_2", "item_3"])
CALLS = st.sampled_from(["call_1", "call_2"])
STATUSES = st.sampled_from(["completed", "cancelled", "incomplete", "failed", "odd"])
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("item", "item_id", "response", "response_id", "delta", "session", "error", "rate_limits", "usage", "call_id")

SENSIBLE = st.one_of(
    st.builds(upstream.created, RESPONSES),
    st.builds(upstream.audio, st.integers(0, 40), ITEMS, RESPONSES),
    st.builds(upstream.audio_done, ITEMS, RESPONSES),
    st.builds(upstream.words, st.text(max_size=8), ITEMS, RESPONSES),
    st.builds(upstream.words_done, st.text(max_size=8), ITEMS, RESPONSES),
    st.builds(upstream.call, CALLS, RESPONSES),
    st.builds(upstream.done, RESPONSES, STATUSES, output=st.lists(st.builds(upstream.call_item, CALLS), max_size=2)),
    st.builds(upstream.speech, ITEMS),
    st.builds(upstream.silence, ITEMS),
    st.builds(upstream.committed, ITEMS, ITEMS),
    st.builds(upstream.heard, st.text(max_size=8), ITEMS),
    st.builds(upstream.error, st.sampled_from(["session_expired", "odd", None]), st.sampled_from(["dawg_1", "dawg_2"])),
    st.just({"type": "session.created", "session": {"id": "sess_1"}}),
    st.just({"type": "session.updated", "session": {"id": "sess_1", "model": "m"}}),
)
TYPES = st.sampled_from(upstream.TYPES) | JUNK
BROKEN = st.builds(lambda kind, fields: {"type": kind, **fields}, TYPES, st.dictionaries(st.sampled_from(FIELDS), JUNK))
COMMANDS = st.one_of(
    st.tuples(st.just("interrupt")),
    st.tuples(st.just("played"), ITEMS, st.integers(0, 100)),
    st.tuples(st.just("function_result"), CALLS, st.just("ok")),
    st.tuples(st.just("commit_audio")),
)
STEPS = st.lists(SENSIBLE | BROKEN | COMMANDS, max_size=60)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans())
def test_any_order_of_events_keeps_the_promises(steps: list[Any], manual: bool) -> None:
    now = 0.0
    dialect = ga.GaDialect(MANUAL if manual else SETTINGS, clock=lambda: now)
    silenced: set[str] = set()
    begun: set[str] = set()
    received: dict[str, int] = {}
    run: list[str] = []
    for step in steps:
        now += 0.01
        command = isinstance(step, tuple)
        news = getattr(dialect, step[0])(*step[1:]) if command else dialect.receive(step)
        if step[0] == "interrupt" if command else step["type"] == "input_audio_buffer.speech_started":
            silenced |= begun
        for event in news or []:
            match event:
                case events.ResponseStarted(response_id):
                    begun.add(response_id)
                case events.ResponseDone(response_id):
                    begun.discard(response_id)
                case events.AudioDelta(item_id, response_id, audio):
                    assert response_id not in silenced
                    received[item_id] = received.get(item_id, 0) + len(audio)
                case events.Interrupted(item_id, response_id, played_ms):
                    silenced.add(response_id)
                    assert played_ms * 48 * 4 <= received[item_id] * 3
                case events.FunctionRequested(call_id):
                    run.append(call_id)
                case events.SendUpstream(message) if message["type"] == "conversation.item.truncate":
                    assert 0 < message["audio_end_ms"] * 48 * 4 <= received[message["item_id"]] * 3
    assert len(run) == len(set(run))
    assert dialect.conversation.carried() == dialect.conversation.lines
