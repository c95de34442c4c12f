"""Whatever people do to a project, it can be undone to the last detail, and everybody sees the same."""

from __future__ import annotations

import inspect
import random
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus import events
from bus.local import LocalBus, Scope
from dawg_server import errors
from dawg_server.database.pool import Database
from dawg_server.daw.access import Actor
from dawg_server.daw.document import Document
from handlers.sockets import document as sockets
from tests.daw import editors, replica
from tests.daw.conftest import join

ADA, BOB = Actor("ada", "rest"), Actor("bob", "rest")
QUICK = settings(max_examples=18, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HISTORIES = 60
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
    assert len(done) >= 21
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
        await editors.undo(document, project_id, ADA)
        assert replica.document(await document.snapshot(project_id, "ada")) == expected
    with pytest.raises(errors.Conflict):
        await editors.undo(document, project_id, ADA)
    for expected in states[1:]:
        await editors.redo(document, project_id, ADA)
        assert replica.document(await document.snapshot(project_id, "ada")) == expected
    with pytest.raises(errors.Conflict):
        await editors.redo(document, project_id, ADA)
    if groups:
        await editors.undo(document, project_id, ADA, min(groups, 20))
        assert replica.document(await document.snapshot(project_id, "ada")) == before


@QUICK
@given(seed=st.integers(0, 2**32), count=st.integers(3, 25))
async def test_one_person_in_several_groups_at_once_undoes_everything_and_repeats_it(
    document: Document, seed: int, count: int
) -> None:
    """Groups go on while others of the same person are begun, and after parts of them were undone."""
    project_id = (await document.create("ada", {"name": "Song"}))["id"]
    before = replica.document(await document.snapshot(project_id, "ada"))
    dice = random.Random(seed)
    groups = [str(uuid.UUID(int=dice.getrandbits(128))) for _ in range(3)]
    for _ in range(count):
        command = editors.any_change(await document.snapshot(project_id, "ada"), dice)
        try:
            if dice.random() < 0.15:
                await editors.undo(document, project_id, ADA, within=dice.choice((None, groups[0])))
            elif command is not None:
                await document.execute(project_id, [command], ADA, group=dice.choice((None, *groups)))
        except REFUSALS:
            pass
    states = [replica.document(await document.snapshot(project_id, "ada"))]
    for _ in range(3 * count):
        try:
            undone = await editors.undo(document, project_id, ADA)
        except errors.Conflict:
            break
        if undone.operations:
            states.append(replica.document(await document.snapshot(project_id, "ada")))
    assert states[-1] == before
    for expected in states[-2::-1]:
        await editors.redo(document, project_id, ADA)
        assert replica.document(await document.snapshot(project_id, "ada")) == expected


@QUICK
@given(seed=st.integers(0, 2**32), count=st.integers(5, 30))
async def test_whoever_undoes_often_enough_gets_past_every_conflict(
    document: Document, database: Database, seed: int, count: int
) -> None:
    """And a redo of an undo of anything is the same document, whatever the others have done before."""
    project_id = (await document.create("ada", {"name": "Song"}))["id"]
    await join(database, project_id, "bob", "editor")
    dice = random.Random(seed)
    recordings = editors.Recordings(database, document, dice)
    groups = {name: [str(uuid.UUID(int=dice.getrandbits(128))) for _ in range(2)] for name in ("ada", "bob")}
    for _ in range(count):
        actor = dice.choice((ADA, BOB))
        snapshot = await document.snapshot(project_id, actor.user_id)
        try:
            if dice.random() < 0.3:
                await recordings.change(project_id, snapshot, actor)
                continue
            command = editors.any_change(snapshot, dice)
            if dice.random() < 0.2:
                await (editors.undo if dice.random() < 0.6 else editors.redo)(document, project_id, actor)
            elif command is not None:
                group = dice.choice((None, *groups[actor.user_id]))
                await document.execute(project_id, [command], actor, group=group)
        except REFUSALS:
            pass
    for actor in (ADA, BOB):
        left = 5 * count
        while left:
            left -= 1
            before = replica.document(await document.snapshot(project_id, "ada"))
            try:
                undone = await editors.undo(document, project_id, actor)
            except errors.Conflict as error:
                assert error.code == "conflict"
                break
            after = replica.document(await document.snapshot(project_id, "ada"))
            if undone.operations:
                redone = await editors.redo(document, project_id, actor)
                assert redone.results[0]["skipped"] == []
                assert replica.document(await document.snapshot(project_id, "ada")) == before
                again = await editors.undo(document, project_id, actor)
                assert again.results[0]["skipped"] == [] or again.results[0]["groupIds"]
                assert replica.document(await document.snapshot(project_id, "ada")) == after
        assert left, "undo never ends"
        rest = await database.fetch_value(
            """SELECT count(*) FROM operations WHERE project_id = %s AND actor_id = %s AND undone_at IS NULL
               AND source NOT IN ('undo', 'redo', 'measuring')""",
            (project_id, actor.user_id),
        )
        assert rest == 0


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
            for name, payload in sockets.told(event):
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
                await (editors.undo if dice.random() < 0.6 else editors.redo)(
                    document, project_id, actor, dice.randrange(1, 3)
                )
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


@pytest.mark.long
@pytest.mark.timeout(60 + 10 * HISTORIES)
@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), count=st.integers(5, 60))
async def test_many_histories_end_as_few_do(document: Document, database: Database, seed: int, count: int) -> None:
    for each in (
        test_whoever_undoes_often_enough_gets_past_every_conflict,
        test_one_person_in_several_groups_at_once_undoes_everything_and_repeats_it,
    ):
        inner = each.hypothesis.inner_test
        known = {"document": document, "database": database, "seed": seed, "count": count}
        await inner(**{name: known[name] for name in inspect.signature(inner).parameters})
