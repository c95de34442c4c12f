"""A person with at least one of everything that belongs to people."""

from __future__ import annotations

import asyncio
import io
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt

from dawg_server.daw.presence import Member
from tests.archives import packages
from tests.servers import dawg

OWNERS = ("owner_id", "user_id", "created_by", "actor_id")  # columns that say whose a row is
PARENTS = ("project_id", "track_id", "conversation_id", "audio_file_id")  # and what it is a part of
FOREIGN = ("procrastinate", "schema_migrations")  # beginnings of the names of tables that are not ours


@dataclass
class Estate:
    """`ids` are of everything that the person has, by kind; `mark` is in every text that is theirs."""

    user_id: str
    mark: str
    token: str
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def settle(server: dawg.Dawg, name: str, secret: str) -> Estate:
    """Makes an account called `name` and gives it one of everything."""
    mark = f"{name}-{uuid.uuid4().hex[:8]}"
    account = {"email": f"{mark}@example.com", "password": "correct horse", "username": mark}
    _, made = await server.json("POST", "/api/auth/register", json=account)
    user_id = made["user"]["id"]
    # Not of a login, so that nothing in the walk can end it.
    token = jwt.encode({"sub": user_id, "exp": int(time.time()) + 600}, secret, "HS256")
    estate = Estate(user_id, mark, token, {"user": user_id})
    await _work(server, estate)
    await _remember(server, estate)
    return estate


async def _work(server: dawg.Dawg, estate: Estate) -> None:
    """What people make through the API."""
    mark, ids = estate.mark, estate.ids

    async def call(method: str, path: str, body: Any, **headers: str) -> dict[str, Any]:
        form = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
        status, reply = await server.json(method, f"/api{path}", headers=estate.headers | headers, **form)
        assert status < 300, (path, reply)
        return dict(reply)

    song = {"name": mark, "lyrics": mark, "description": mark}
    ids["project"] = project = (await call("POST", "/projects", song, **{"Idempotency-Key": mark}))["id"]
    bus = {"projectId": project, "name": mark, "trackType": "AUX"}
    ids["bus"] = (await call("POST", "/tracks", bus))["id"]
    ids["otherBus"] = (await call("POST", "/tracks", bus))["id"]
    ids["sidechain"] = (await call("POST", "/tracks", {"projectId": project, "name": mark}))["id"]
    ids["group"] = (await call("POST", "/tracks", {**bus, "trackType": "GROUP"}))["id"]
    ids["track"] = track = (await call("POST", "/tracks", {"projectId": project, "name": mark, "lyrics": mark}))["id"]
    send = await call("POST", f"/tracks/{track}/sends", {"destinationTrackId": ids["bus"]})
    ids["send"] = send["send"]["id"]
    form = aiohttp.FormData({"projectId": project, "name": mark})
    form.add_field("audio", io.BytesIO(packages.tone(2)), filename=f"{mark}.wav")
    ids["audio"] = (await call("POST", "/audio/upload", form))["id"]
    clip = {"trackId": track, "audioFileId": ids["audio"], "startTime": 0, "name": mark, "duration": 1}
    clip["clientOperationId"] = mark
    ids["clip"] = (await call("POST", "/clips", clip))["id"]
    clip |= {"startTime": 1, "offset": 1, "clientOperationId": f"{mark}-2"}
    ids["otherClip"] = (await call("POST", "/clips", clip))["id"]
    notes = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 90}]}
    midi = (await call("POST", "/tracks", {**bus, "trackType": "MIDI"}))["id"]
    clip = {"trackId": midi, "midiData": notes, "startTime": 4, "name": mark, "duration": 1}
    ids["notes"] = (await call("POST", "/clips", clip))["id"]
    on_track: dict[str, dict[str, Any]] = {
        "device": {"type": "compressor", "sidechainTrackId": ids["sidechain"]},
        "automation": {"target": "volume", "points": [{"beat": 0, "value": 0.5}]},
    }
    in_project: dict[str, dict[str, Any]] = {
        "take": {"clipId": ids["clip"], "audioFileId": ids["audio"], "name": mark},
        "marker": {"name": mark, "beat": 4},
        "section": {"name": mark, "beat": 4, "length": 4},
        "chord": {"symbol": "Cm", "beat": 4},
        "tempoEvent": {"beat": 64, "bpm": 100},
        "timeSignatureEvent": {"bar": 64, "timeSignature": "3/4"},
    }
    for parent, made in ({"trackId": track}, on_track), ({"projectId": project}, in_project):
        for kind, fields in made.items():
            ids[kind] = (await call("POST", f"/{kind}s", {**parent, **fields}))["id"]
    frozen = (await call("POST", "/tracks", {"projectId": project, "name": mark}))["id"]
    ids["freeze"] = (await call("POST", "/freezes", {"trackId": frozen, "audioFileId": ids["audio"]}))["id"]
    invitation = {"email": f"friend-of-{mark}@example.com", "role": "viewer"}
    ids["collaborator"] = (await call("POST", f"/projects/{project}/collaborators", invitation))["id"]
    ids["link"] = (await call("POST", f"/projects/{project}/links", {"role": "viewer"}))["id"]
    member = Member(f"socket of {mark}", estate.user_id, mark, "owner")
    await server.services.documents.presence.join(project, member)
    await server.services.documents.presence.lock(project, track, member.sid)
    ids["version"] = str((await call("POST", f"/projects/{project}/versions", {"name": mark}))["number"])
    async with asyncio.timeout(30):
        while (await call("GET", f"/audio/{ids['audio']}", None))["waveformStatus"] == "pending":
            await asyncio.sleep(0.05)


async def _remember(server: dawg.Dawg, estate: Estate) -> None:
    """What the server itself writes down about people."""
    ids = estate.ids
    values = {
        "user": estate.user_id,
        "mark": estate.mark,
        "text": json.dumps({"text": estate.mark}),
        "blocks": json.dumps([{"type": "text", "text": estate.mark}]),
        "key": uuid.uuid4().bytes,
        **{kind: ids[kind] for kind in ("project", "audio")},
    }

    known = await tables(server)

    async def insert(kind: str, table: str, columns: str, row: str) -> None:
        if table not in known:
            return
        returning = "RETURNING id" if kind else ""
        sql = f"INSERT INTO {table} ({columns}) VALUES ({row}) {returning}"
        id = await (
            server.services.platform.database.fetch_value if kind else server.services.platform.database.execute
        )(sql, values)
        if kind:
            values[kind] = ids[kind] = str(id)

    for kind, type in (("job", "beat"), ("render", "render"), ("separation", "stems")):
        await insert(
            kind,
            "generations",
            "owner_id, project_id, type, input, state, result, progress, finished_at",
            f"%(user)s, %(project)s, '{type}', %(text)s, 'completed', %(text)s, 100, now()",
        )
    await insert(
        "",
        "audio_renditions",
        "audio_file_id, format, mime_type, size_bytes, storage_key, sha256",
        "%(audio)s, 'mp3', 'audio/mpeg', 1, %(mark)s, %(key)s",
    )
    await insert(
        "conversation",
        "conversations",
        "owner_id, project_id, title, summary",
        "%(user)s, %(project)s, %(mark)s, %(mark)s",
    )
    await insert(
        "message",
        "messages",
        "conversation_id, seq, role, content, request_id",
        "%(conversation)s, 0, 'user', %(blocks)s, %(mark)s",
    )
    await insert("memory", "memories", "user_id, type, content", "%(user)s, 'fact', %(mark)s")
    await insert(
        "usage",
        "usage_records",
        "owner_id, project_id, service, operation, total_cost, metadata",
        "%(user)s, %(project)s, 'anthropic', %(mark)s, 0.5, %(text)s",
    )
    link = "%(user)s, %(key)s, now(), now() + interval '1 hour'"
    await insert("", "password_resets", "user_id, token_hash, sent_at, expires_at", link)
    await insert("", "budgets", "user_id, monthly_limit", "%(user)s, 7.77")
    await insert(
        "reservation", "budget_reservations", "user_id, amount, service, settled_at", "%(user)s, 0.25, %(mark)s, now()"
    )
    await insert(
        "alert",
        "alerts",
        "user_id, type, severity, period, period_start, message, current_spent, budget_limit, percentage",
        "%(user)s, 'threshold', 'warning', 'month', '2000-01-01', %(mark)s, 1, 2, 50",
    )
    await insert("session", "voice_sessions", "user_id, ended_at", "%(user)s, now()")
    await insert(
        "",
        "brain_turns",
        "id, user_id, conversation_id, request_id, expires_at",
        "gen_random_uuid(), %(user)s, %(conversation)s, %(mark)s, now()",
    )


async def tables(server: dawg.Dawg) -> dict[str, set[str]]:
    """Our tables with their columns."""
    rows = await server.services.platform.database.fetch_all(
        """SELECT c.table_name, c.column_name FROM information_schema.columns c
           JOIN information_schema.tables t USING (table_schema, table_name)
           WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"""
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        if not row["table_name"].startswith(FOREIGN):
            found.setdefault(row["table_name"], set()).add(row["column_name"])
    return found


async def belongings(server: dawg.Dawg, estate: Estate) -> dict[str, set[str]]:
    """By table, every row in which anything of that person is named, as text."""
    words = [estate.mark, *(id for id in estate.ids.values() if len(id) > 8)]
    pattern = "|".join(words)
    dump = {}
    for table in await tables(server):
        rows = await server.services.platform.database.fetch_all(
            f"SELECT row FROM (SELECT to_jsonb(t)::text AS row FROM {table} t) rows WHERE row ~ %s", (pattern,)
        )
        dump[table] = {row["row"] for row in rows}
    return dump
