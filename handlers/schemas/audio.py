"""Recordings."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import Body, Choice, Flag, Id, Number, Page, Query, Text, Uuid
from handlers.schemas.shown import Shown, done

FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "mid")
SOURCES = ("upload", "generation", "stem", "mix", "master", "render", "edit", "vocals", "import")


class UploadForm(Query):
    """What comes with an upload. `name` is what its owner calls the recording; the file's own name otherwise."""

    project_id = Id("project", load_default=None)
    name = Text(1, 255, load_default=None)


class RecordingsQuery(Page):
    """`projectId`: the recordings of that project instead of one's own."""

    project_id = Uuid(load_default=None)


class WaveformQuery(Query):
    """`points`: how many pairs of extremes; there are fewer where no more are known. `start` and `end`: only of that
    part, in seconds."""

    points = Number(50, 8000, whole=True, load_default=1000)
    start = Number(0, 86_400, load_default=0)
    end = Number(0, 86_400, load_default=None)


class ContentQuery(Query):
    """`expires` and `signature` come with a signed link; `format` has it converted: formats that are not
    stored are made when they are asked for (`mid` is there for generated music).

    `attachment`: browsers save the file instead of playing it.
    """

    expires = Text(0, 20, load_default="")
    signature = Text(0, 128, load_default="")
    format = Choice(FORMATS, load_default=None)
    attachment = Flag(load_default=False)


class DownloadQuery(Query):
    """`redirect`: answer with 302 to the link instead of JSON."""

    redirect = Flag(load_default=False)


class DownloadLink(Body):
    """Links that need no headers and work for an hour: `url` plays the recording, `downloadUrl` saves it."""

    success = fields.Boolean()
    url = fields.Url()
    download_url = fields.Url()
    expires_in = fields.Integer()
    expires_at = fields.DateTime()
    filename = fields.String()


class ProjectAudioFile(Shown):
    """A recording, as its project lists it. `lufs`, `truePeak` and the waveform are measured soon after it came in;
    null for silence."""

    id = fields.UUID()
    project_id = fields.UUID(allow_none=True)
    generation_id = fields.UUID(allow_none=True, metadata={"description": "the job that made it"})
    filename = fields.String()
    original_name = fields.String(allow_none=True)
    mime_type = fields.String()
    size = fields.Integer(metadata={"description": "bytes"})
    duration = fields.Float(allow_none=True, metadata={"description": "seconds"})
    sample_rate = fields.Integer(allow_none=True)
    channels = fields.Integer(allow_none=True)
    bit_depth = fields.Integer(allow_none=True)
    lufs = fields.Float(allow_none=True)
    true_peak = fields.Float(allow_none=True, metadata={"description": "dBTP"})
    checksum = fields.String(allow_none=True, metadata={"description": "SHA-256 of the file"})
    source = fields.String(metadata={"enum": SOURCES})
    waveform_status = fields.String(metadata={"enum": ["pending", "ready", "failed"]})
    audio_url = fields.Url(metadata={"description": "plays without headers for an hour"})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class AudioFile(ProjectAudioFile):
    """A recording."""

    download_url = fields.Url(metadata={"description": "saves it under its name, for an hour"})


class AudioFileReply(AudioFile):
    """The recording twice: its fields at the top level, and the whole under `audioFile`."""

    success = done()
    audio_file = fields.Nested(AudioFile)


class AudioFileList(Body):
    """Recordings, newest first; `files` and `audioFiles` are the same list."""

    success = fields.Boolean()
    files = fields.List(fields.Nested(AudioFile))
    audio_files = fields.List(fields.Nested(AudioFile))
    total = fields.Integer()
    page = fields.Integer()
    limit = fields.Integer()
    total_pages = fields.Integer()
    pagination = fields.Dict()


class WaveformPart(Shown):
    """`peaks`: `[[min, max], …]` of the decoded samples, -1..1, evenly spread from `start` to `end`, which lie as close
    to those that were asked for as can be."""

    peaks = fields.List(fields.List(fields.Float()))
    length = fields.Integer(metadata={"description": "how many pairs"})
    start = fields.Float(metadata={"description": "seconds"})
    end = fields.Float(metadata={"description": "seconds"})
    duration = fields.Float(metadata={"description": "of the recording, in seconds"})
    sample_rate = fields.Integer()


class Waveform(Shown):
    """`waveformData` is the list of `peaks`."""

    success = done()
    waveform = fields.Nested(WaveformPart)
    waveform_data = fields.List(fields.List(fields.Float()))


class FilesQuery(Query):
    """Which files: `search` is looked for in their names."""

    project_id = Uuid(load_default=None)
    search = Text(0, 255, load_default=None)
    sort_by = Choice(("uploadedAt", "fileName", "size"), load_default="uploadedAt")
    sort_order = Choice(("asc", "desc"), load_default="desc")
    limit = Number(1, 100, whole=True, load_default=50)
    offset = Number(0, 1_000_000, whole=True, load_default=0)


class NewName(Body):
    """What the recording is called from now on; what a download is called ends in its format all the same."""

    new_name = Text(1, 255, required=True)


class FileLinkQuery(Query):
    """`inline`: a link that plays instead of saving."""

    inline = Flag(load_default=False)


class StoredFileInfo(AudioFile):
    """A recording, as a file."""

    user_id = fields.String()
    file_name = fields.String()
    uploaded_at = fields.DateTime()
    is_public = fields.Boolean()


class FileReply(Body):
    """`url`: where a link was asked for."""

    success = fields.Boolean()
    url = fields.Url()
    file = fields.Nested(StoredFileInfo)


class FileList(Body):
    """`hasMore`: after these."""

    success = fields.Boolean()
    files = fields.List(fields.Nested(StoredFileInfo))
    total = fields.Integer()
    has_more = fields.Boolean()


class StorageQuota(Body):
    """Bytes."""

    success = fields.Boolean()
    quota = fields.Dict()
