"""What is asked of generation, and what it answers."""

from __future__ import annotations

from typing import ClassVar

from marshmallow import fields

from dawg_server.generation.job import STAGES
from dawg_server.schema import Body, Choice, Flag, Genre, Id, Items, Key, Number, Page, Query, Text, TimeSignature, Uuid
from handlers.schemas.replies import PagedList
from handlers.schemas.results import RESULTS, no_result_yet, result
from handlers.schemas.shown import Either, Shown, done, maybe, one_of, several

PROVIDERS = ("auto", "replicate", "suno", "embedded")
JOB_TYPES = tuple(RESULTS)
STATES = ("waiting", "active", "completed", "failed", "cancelled")
WORDS = ("queued", "processing", "completed", "failed", "cancelled")  # for the same, to older clients
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
    """An instrumental. What the fields leave open is decided by the `prompt`, then by the project that it is made for,
    if clips lie in it, then by mood and genre; `duration` is 30 s then.

    `bars`, or a `duration` that is whole bars within 20 ms, is made to the sample; `bars` outweigh `duration`. Without
    an `ending` (the default with `bars`, and for whole bars below 24 s) it is a loop: repeated, it goes on without a
    seam. `ending: false` makes the whole bars that are nearest to `duration`.

    In a project it becomes a track for each part, or with `as: "midi"` a track of notes for each instrument, or with
    `as: "mix"` one track; with its sections and chords where there are none. It begins at `startTime` or at `startBar`,
    counted from 1. A project without clips takes its tempo, metre and key. All of that is one step that can be undone.
    """

    aliases: ClassVar = {"tempo": "bpm"}

    genre = Genre(required=True)
    prompt = Text(0, 2000, load_default="", allow_none=True)
    bpm = Number(60, 200, allow_none=True, load_default=None)
    key = Key(allow_none=True, load_default=None)
    time_signature = TimeSignature(allow_none=True, load_default=None)
    mood = Text(0, 60, allow_none=True, load_default=None)
    duration = Number(5, 300, allow_none=True, load_default=None)
    bars = Number(1, 128, whole=True, allow_none=True, load_default=None)
    ending = Flag(allow_none=True, load_default=None)
    provider = Choice(PROVIDERS, load_default="auto")
    seed = Number(0, MAX_SEED, whole=True, allow_none=True, load_default=None)
    loudness = Number(
        -30, -8, "LUFS; -9 for genres of clubs and -14 for others by default", allow_none=True, load_default=None
    )
    as_ = Choice(
        ("stems", "midi", "mix"),
        "what becomes of it in the project; stems by default, mix under /api/v1",
        allow_none=True,
        load_default=None,
        data_key="as",
    )
    start_bar = Number(1, 10_000, "instead of startTime", whole=True, allow_none=True, load_default=None)


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


class JobAccepted(Shown):
    """The job is written down and survives a restart."""

    success = done()
    message = fields.String()
    job_id = fields.UUID()
    generation_id = fields.UUID(metadata={"description": "the same as jobId"})
    state = one_of(*STATES)
    status = one_of(*WORDS)
    progress = fields.Integer()
    estimated_seconds = fields.Float()


class JobDetails(Shown):
    """All about a job. `data` is the request as it was understood; `result` is there when it has completed."""

    id = maybe(fields.UUID())
    job_id = fields.UUID()
    generation_id = fields.UUID(metadata={"description": "the same as jobId"})
    type = one_of(*JOB_TYPES)
    state = one_of(*STATES)
    status = one_of(*WORDS)
    progress = fields.Integer(metadata={"minimum": 0, "maximum": 100})
    stage = one_of(*STAGES)
    queue_position = fields.Integer(allow_none=True)
    data = fields.Dict()
    result = no_result_yet()
    failed_reason = fields.String(allow_none=True)
    error_code = fields.String(allow_none=True)
    attempts_made = fields.Integer()
    provider = fields.String(allow_none=True)
    created_at = fields.DateTime()
    processed_on = fields.DateTime(allow_none=True)
    finished_on = fields.DateTime(allow_none=True)


class JobStatus(Shown):
    """Where a job stands; `result` is filled in when it has completed. `status`: all about it, or, with `shape=flat`,
    the word that is `jobStatus` otherwise."""

    success = done()
    job_id = fields.UUID()
    generation_id = fields.UUID(metadata={"description": "the same as jobId"})
    type = maybe(one_of(*JOB_TYPES))
    state = one_of(*STATES)
    status = Either(lambda: (JobDetails,), words=WORDS)
    job_status = maybe(one_of(*WORDS))
    progress = fields.Integer(metadata={"minimum": 0, "maximum": 100})
    stage = one_of(*STAGES)
    result = no_result_yet()
    error = fields.String(allow_none=True)


class FlatJobStatus(Shown):
    """Where a job stands, with `status` as one word; `result` is filled in when it has completed."""

    success = done()
    job_id = fields.UUID()
    generation_id = fields.UUID(metadata={"description": "the same as jobId"})
    type = one_of(*JOB_TYPES)
    state = one_of(*STATES)
    status = one_of(*WORDS)
    progress = fields.Integer(metadata={"minimum": 0, "maximum": 100})
    stage = one_of(*STAGES)
    result = no_result_yet()
    error = fields.String(allow_none=True)


class FinishedJob(Shown):
    """A completed job; the links of its first recording, if it has one, stand beside."""

    audio_url = maybe(fields.Url())
    download_url = maybe(fields.Url())
    job_id = fields.UUID()
    generation_id = fields.UUID(metadata={"description": "the same as jobId"})
    result = result()
    completed_at = fields.DateTime(allow_none=True)


class JobResult(Shown):
    """The result of a completed job, with links that play for an hour."""

    success = done()
    job_id = fields.UUID()
    result = fields.Nested(FinishedJob)


class JobCancelledReply(Shown):
    """The job has ended without a result."""

    success = done()
    job_id = fields.UUID()
    generation_id = fields.UUID()
    state = one_of(*STATES)


class JobList(PagedList):
    """Jobs, newest first."""

    jobs = several(JobDetails)


class JobCounts(Shown):
    """How many jobs are in each state; `total` are those that have not ended."""

    waiting = fields.Integer()
    active = fields.Integer()
    completed = fields.Integer()
    failed = fields.Integer()
    cancelled = fields.Integer()
    total = fields.Integer()


class QueueLength(Shown):
    """Jobs of everybody."""

    waiting = fields.Integer()
    active = fields.Integer()


class QueueStats(Shown):
    """`stats` are the caller's own jobs, `queue` is the whole server's."""

    success = done()
    stats = fields.Nested(JobCounts)
    queue = fields.Nested(QueueLength)


class GenreFacts(Shown):
    """What the engine knows of a genre; `bpmRange` is its slowest and its fastest tempo."""

    name = fields.String()
    bpm_range = Items(Number(), 2, 2)
    default_bpm = fields.Float()
    characteristics = fields.List(fields.String())
    mood_options = fields.List(fields.String())
    other_names = fields.List(fields.String(), data_key="aliases")


class GenreList(Shown):
    """What the engine knows to play."""

    success = done()
    genres = several(GenreFacts)


class CancelJob(Body):
    """Which job to cancel."""

    aliases: ClassVar = {"generationId": "jobId"}

    job_id = Text(1, 64, required=True)


class JobState(Shown):
    """Where the job stands now."""

    success = done()
    job_id = fields.UUID()
    state = one_of(*STATES)
