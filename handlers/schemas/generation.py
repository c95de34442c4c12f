"""What is asked of generation, and what it answers."""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields

from dawg_server.schema import Body, Choice, Flag, Genre, Id, Key, Number, Page, Query, Text, Uuid

PROVIDERS = ("auto", "replicate", "suno", "embedded")
JOB_TYPES = ("beat", "music", "stems", "mix", "master", "render", "vocals", "edit", "lyrics", "melody")
STATES = ("waiting", "active", "completed", "failed", "cancelled")
MAX_SEED = 2**31 - 1


class Wait(Query):
    """`wait`: seconds to hold the reply back for the finished job."""

    wait = Number(0, 50, load_default=0)


class IntoProject(Body):
    """Where the audio goes when it is made."""

    project_id = Id("project", allow_none=True, load_default=None)
    add_to_project = Flag(load_default=True)
    start_time = Number(0, 86_400, load_default=0)


class BeatRequest(IntoProject):
    """An instrumental. `bpm` and `mood` default to the genre's own.

    `bars`, or a `duration` that is whole bars within 20 ms, is made to the sample; `bars` outweigh `duration`. Without
    an `ending` (the default with `bars`, and for whole bars below 24 s) it is a loop: repeated, it goes on without a
    seam. `ending: false` makes the whole bars that are nearest to `duration`.

    In a project it becomes one track, or with `as: "stems"` a track for each part, with its sections; a project without
    clips takes its tempo, metre and key. All of that is one step that can be undone.
    """

    aliases: ClassVar = {"tempo": "bpm"}

    genre = Genre(required=True)
    prompt = Text(0, 2000, load_default="", allow_none=True)
    bpm = Number(60, 200, allow_none=True, load_default=None)
    key = Key(load_default="Cm")
    mood = Text(0, 60, allow_none=True, load_default=None)
    duration = Number(5, 300, load_default=30)
    bars = Number(1, 128, whole=True, allow_none=True, load_default=None)
    ending = Flag(allow_none=True, load_default=None)
    provider = Choice(PROVIDERS, load_default="auto")
    seed = Number(0, MAX_SEED, whole=True, allow_none=True, load_default=None)
    as_ = Choice(("mix", "stems"), "what becomes of it in the project", load_default="mix", data_key="as")


class MusicRequest(IntoProject):
    """A song, or an instrumental. `instrumental` is true when no lyrics are given; `includeVocals` is its opposite.

    What is left open is decided by who makes the music.
    """

    aliases: ClassVar = {"style": "genre", "customLyrics": "lyrics", "tempo": "bpm"}

    prompt = Text(1, 2000, required=True)
    genre = Genre(allow_none=True, load_default=None)
    mood = Text(0, 60, allow_none=True, load_default=None)
    bpm = Number(60, 200, allow_none=True, load_default=None)
    key = Key(allow_none=True, load_default=None)
    duration = Number(5, 300, allow_none=True, load_default=None)
    lyrics = Text(0, 5000, allow_none=True, load_default=None)
    instrumental = Flag(allow_none=True, load_default=None)
    include_vocals = Flag(allow_none=True, load_default=None)
    title = Text(0, 80, allow_none=True, load_default=None)
    negative_tags = Text(0, 200, allow_none=True, load_default=None)
    vocal_gender = Choice(("m", "f"), allow_none=True, load_default=None)
    provider = Choice(PROVIDERS, load_default="auto")


class StatusQuery(Query):
    """`nested`: everything under `status`, the default of `/api`; `flat`: `status` is one word, that of `/api/v1`."""

    shape = Choice(("nested", "flat"), load_default=None)


class JobsQuery(Page):
    """Which jobs."""

    state = Choice(STATES, load_default=None)
    type = Choice(JOB_TYPES, load_default=None)
    project_id = Uuid(load_default=None)


class JobAccepted(Body):
    """The job is written down and survives a restart."""

    success = fields.Boolean()
    message = fields.String()
    job_id = fields.UUID()
    generation_id = fields.UUID(metadata={"description": "the same as jobId"})
    state = fields.String(metadata={"enum": STATES})
    status = fields.String(metadata={"enum": ["queued", "processing", "completed", "failed", "cancelled"]})
    progress = fields.Integer()
    estimated_seconds = fields.Float()


class JobStatus(Body):
    """Where a job stands; `result` is filled in when it has completed."""

    success = fields.Boolean()
    job_id = fields.UUID()
    generation_id = fields.UUID()
    state = fields.String(metadata={"enum": STATES})
    job_status = fields.String()
    progress = fields.Integer(metadata={"minimum": 0, "maximum": 100})
    stage = fields.String()
    result = fields.Dict(allow_none=True)
    error = fields.String(allow_none=True)


class JobResult(Body):
    """The result of a completed job, with links that play for an hour."""

    success = fields.Boolean()
    result = fields.Dict()


class JobCancelledReply(Body):
    """The job has ended without a result."""

    success = fields.Boolean()
    job_id = fields.UUID()
    generation_id = fields.UUID()
    state = fields.String()


class JobList(Body):
    """Jobs, newest first."""

    success = fields.Boolean()
    jobs = fields.List(fields.Dict())
    total = fields.Integer()
    page = fields.Integer()
    limit = fields.Integer()
    total_pages = fields.Integer()
    pagination = fields.Dict()


class QueueStats(Body):
    """`stats` are the caller's own jobs, `queue` is the whole server's."""

    success = fields.Boolean()
    stats = fields.Dict()
    queue = fields.Dict()


class GenreList(Body):
    """What the engine knows to play."""

    success = fields.Boolean()
    genres = fields.List(fields.Dict())


class CancelJob(Body):
    """Which job to cancel."""

    aliases: ClassVar = {"generationId": "jobId"}

    job_id = Text(1, 64, required=True)


class JobState(Body):
    """Where the job stands now."""

    success = fields.Boolean()
    job_id = fields.UUID()
    state = fields.String()
