"""Whatever people do to a project, it can be undone to the last detail, and everybody sees the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus import events
from bus.local import LocalBus, Scope
from dawg_server import errors
from dawg_server.database.pool import Database
from dawg_server.daw.actor import Actor
from dawg_server.daw.document import Document
from handlers import document_news
from tests.daw import editors, replica
from tests.daw.conftest import join

ADA, BOB = Actor("ada", "rest"), Actor("bob", "rest")
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
REFUSALS = (errors.ValidationError, errors.Conflict, errors.NotFound)


async def test_the_dice_reach_every_command_and_few_are_refused(document: Document, project_id: str) -> None:
    dice, done, refused = random.Random(1), set(), 0
    for _ in range(300):
        command = editors.any_change(await document.snapshot(project_id, "ada"), dice)
        try:
            if command is not None and (await document.execute(project_id, [command], ADA)).operations:
                done.add(command.name)
        except REFUSALS:
            refused += 1
    assert len(done) == 15
    assert refused < 60


@QUICK
@given(seed=st.integers(0, 2**32), count=st.integers(1, 20))
async def test_undoing_every_group_gives_back_the_same_project_and_redoing_it_the_changed_one(
    document: Document, seed: int, count: int
) -> None:
    project_id = (await document.create("ada", {"name": "Song"}))["id"]
    before = replica.document(await document.snapshot(project_id, "ada"))
    dice, groups = random.Random(seed), 0
    states = [before]
    for _ in range(count):
        snapshot = await document.snapshot(project_id, "ada")
        commands = [each for each in (editors.any_change(snapshot, dice) for _ in range(dice.randrange(1, 3))) if each]
        try:
            executed = await document.execute(project_id, commands, ADA)
        except REFUSALS:
            assert replica.document(await document.snapshot(project_id, "ada")) == states[-1]
            continue
        if executed.operations:
            groups += 1
            states.append(replica.document(await document.snapshot(project_id, "ada")))
    for expected in reversed(states[:-1]):
        await document.undo(project_id, ADA)
        assert replica.document(await document.snapshot(project_id, "ada")) == expected
    with pytest.raises(errors.Conflict):
        await document.undo(project_id, ADA)
    for expected in states[1:]:
        await document.redo(project_id, ADA)
        assert replica.document(await document.snapshot(project_id, "ada")) == expected
    with pytest.raises(errors.Conflict):
        await document.redo(project_id, ADA)
    if groups:
        await document.undo(project_id, ADA, min(groups, 20))
        assert replica.document(await document.snapshot(project_id, "ada")) == before


@QUICK
@given(seed=st.integers(0, 2**32), count=st.integers(5, 40))
async def test_two_people_who_change_and_undo_at_random_end_up_with_the_document_of_the_server(
    document: Document, bus: LocalBus, database: Database, seed: int, count: int
) -> None:
    """Each copy is made from the events that its person received and the acks of own changes, and from nothing else."""
    project_id = (await document.create("ada", {"name": "Song"}))["id"]
    await join(database, project_id, "bob", "editor")
    start = await document.snapshot(project_id, "ada")
    copies = {sid: replica.Replica(start) for sid in ("ada", "bob")}

    def tell(event: events.ProjectChanged) -> None:
        if event.project_id == project_id:
            for name, payload in document_news.told(event):
                for sid, copy in copies.items():
                    if sid != event.skip_sid:
                        copy.hear(name, payload)

    stop = bus.subscribe(events.ProjectChanged, tell, Scope.EVERYWHERE)
    dice = random.Random(seed)
    for _ in range(count):
        sid = dice.choice(("ada", "bob"))
        actor = Actor(sid, "socket", sid)
        command = editors.any_change(await document.snapshot(project_id, sid), dice)
        try:
            if dice.random() < 0.25:
                await (document.undo if dice.random() < 0.6 else document.redo)(project_id, actor, dice.randrange(1, 3))
            elif command is not None:
                copies[sid].catch_up((await document.execute(project_id, [command], actor)).operations)
        except REFUSALS:
            pass
    stop()
    server = replica.document(await document.snapshot(project_id, "ada"))
    assert copies["ada"].document() == server
    assert copies["bob"].document() == server
    log = replica.Replica(start)
    log.catch_up(await document.missed(project_id, 0, copies["ada"].revision) or [])
    assert log.document() == server
