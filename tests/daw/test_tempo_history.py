"""Tempo events and the clips that follow them: whatever is done to them is undone, and repeated, to the last digit."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dawg_server import errors
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from tests.daw import editors, replica

ADA = Actor("ada", "rest")
QUICK = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def change(project: dict[str, Any], dice: random.Random) -> Command | None:
    events = project["tempoEvents"]
    if dice.random() < 0.5:
        return editors.any_change(project, dice)
    if events and dice.random() < 0.5:
        event_id = dice.choice(events)["id"]
        if dice.random() < 0.4:
            return Command("deleteTempoEvent", {"tempoEventId": event_id})
        changes = dice.choice(({"beat": dice.randrange(12)}, {"bpm": 77.7}, {"curve": "linear"}))
        return Command("updateTempoEvent", {"tempoEventId": event_id, "changes": changes})
    curve = dice.choice(("jump", "linear"))
    return Command("createTempoEvent", {"beat": dice.randrange(12), "bpm": dice.choice((60, 91.3)), "curve": curve})


def seen(snapshot: dict[str, Any]) -> dict[str, Any]:
    events = [(each["beat"], each["bpm"], each["curve"]) for each in snapshot["tempoEvents"]]
    return {**replica.document(snapshot), "events": sorted(events)}


@QUICK
@given(seed=st.integers(0, 2**32), count=st.integers(3, 15))
async def test_undoing_everything_and_repeating_it_passes_the_same_documents(
    document: Document, seed: int, count: int
) -> None:
    project_id = (await document.create("ada", {"name": "Song"}))["id"]
    dice = random.Random(seed)
    states = [seen(await document.snapshot(project_id, "ada"))]
    for _ in range(count):
        command = change(await document.snapshot(project_id, "ada"), dice)
        try:
            done = await document.execute(project_id, [command] if command else [], ADA)
        except (errors.ValidationError, errors.Conflict, errors.NotFound):
            continue
        if done.operations:
            states.append(seen(await document.snapshot(project_id, "ada")))
    for expected in reversed(states[:-1]):
        await editors.undo(document, project_id, ADA)
        assert seen(await document.snapshot(project_id, "ada")) == expected
    for expected in states[1:]:
        await editors.redo(document, project_id, ADA)
        assert seen(await document.snapshot(project_id, "ada")) == expected
