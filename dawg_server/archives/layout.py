"""What is in an archive, and how much of it may be.

`project.json` is `{format, formatVersion, exportedAt, project, tracks, clips, audioFiles}`. Things look as they do on
the wire (tracks hold their sends), without times and people. Ids hold the parts together and mean nothing outside of
the archive. An entry of `audioFiles` is `{id, path, name, source, size, sha256}`; `path` is null when the recordings
were left out. `versions` are `{number, path}`; each of these files has `{number, name, description, automatic,
createdAt}` and a project as `project.json` has it. `README.txt` is for people, `notes.mid` is there on request; neither
is read again. Everything may lie in one folder, as it does when somebody has packed an archive anew.
"""

from __future__ import annotations

from dataclasses import dataclass

FORMAT = "dawg-project"
FORMAT_VERSION = 1
DOCUMENT = "project.json"
README = "README.txt"
NOTES = "notes.mid"
DAWPROJECT = "project.xml"  # what says that a zip is one of DAWproject
AUDIO_FOLDER = "audio/"
VERSIONS_FOLDER = "versions/"
MIX = "Mix"  # the name of a recording that is the whole song, without its ending
MAX_PACKED = 2 * 2**30 - 2**24  # bytes; from 2 GiB on another kind of zip would be needed

MAX_DOCUMENT = 32 * 2**20  # bytes
MAX_VERSIONS, MAX_VERSION_BYTES = 200, 64 * 2**20  # the newest ones; bytes of all of them
COMPRESSIBLE = frozenset({"wav", "aiff"})  # all other formats are compressed already


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Of archives that come in; `packed` and `unpacked` are in bytes."""

    packed: int
    unpacked: int
    entries: int
