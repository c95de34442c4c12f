"""When another connection is worth it."""

from __future__ import annotations

import pytest

from dawg_server.voice.connection import SETTLED, Ending, ReconnectPolicy

LOST = Ending("lost", "upstream", "1006", "gone")
FINAL = Ending("final", "upstream", "invalid_api_key", "no")
OLD = Ending("recycle", "age", "session_expired", "old")
VOICE = Ending("recycle", "voice", "", "another voice")


def test_three_tries_with_growing_pauses_then_none() -> None:
    policy = ReconnectPolicy()
    pauses = [policy.pause(LOST, None) for _ in range(4)]
    assert pauses[3] is None
    for pause, middle in zip(pauses, (1, 2, 4), strict=False):
        assert pause == pytest.approx(middle, rel=0.2)


def test_pauses_differ_so_that_browsers_do_not_return_at_once() -> None:
    assert len({ReconnectPolicy().pause(LOST, None) for _ in range(20)}) > 10


def test_a_connection_that_was_good_wipes_out_the_losses_before_it() -> None:
    policy = ReconnectPolicy()
    for _ in range(3):
        policy.pause(LOST, 1.0)
    assert policy.pause(LOST, SETTLED) == pytest.approx(1, rel=0.2)


def test_short_connections_do_not_loop_for_ever() -> None:
    for ending in (LOST, OLD):
        policy = ReconnectPolicy()
        assert [policy.pause(ending, 0.5) for _ in range(5)][3:] == [None, None]


def test_what_is_only_replaced_goes_on_at_once() -> None:
    policy = ReconnectPolicy()
    assert [policy.pause(VOICE, 0.5) for _ in range(6)] == [0.0] * 6
    assert policy.pause(OLD, SETTLED) == 0.0


def test_what_is_final_is_final() -> None:
    assert ReconnectPolicy().pause(FINAL, SETTLED) is None
