"""The projects that people work on: the document, who works on it, its recordings, versions and archives."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dawg_server.archives.layout import ArchiveLimits
from dawg_server.archives.midi_files import MidiFiles
from dawg_server.archives.service import Archives
from dawg_server.audiofiles.analyses import Analyses
from dawg_server.audiofiles.cleaner import Cleaner
from dawg_server.audiofiles.comparison import Comparison
from dawg_server.audiofiles.measuring import Measuring
from dawg_server.audiofiles.renditions import Renditions
from dawg_server.audiofiles.service import AudioFiles
from dawg_server.audiofiles.track_metadata import TrackMetadata
from dawg_server.daw.access import Access
from dawg_server.daw.change_stream import ChangeStream
from dawg_server.daw.document import Document
from dawg_server.daw.functions import executors
from dawg_server.daw.functions.service import Functions
from dawg_server.daw.presence import Presence
from dawg_server.daw.queries import Queries
from dawg_server.daw.share_links import LinkSharing
from dawg_server.daw.sharing import Sharing
from dawg_server.daw.versions import Versions
from dawg_server.platform import Platform
from dawg_server.settings import MEBIBYTE


@dataclass(frozen=True, slots=True)
class Documents:
    """`measuring` and `cleaner` work without being asked once they are started: see `dawg_server.app`."""

    access: Access
    document: Document
    queries: Queries
    functions: Functions
    changes: ChangeStream
    presence: Presence
    sharing: Sharing
    share_links: LinkSharing
    versions: Versions
    audio: AudioFiles
    analyses: Analyses
    comparison: Comparison
    track_metadata: TrackMetadata
    archives: Archives
    midi_files: MidiFiles
    measuring: Measuring
    cleaner: Cleaner


@contextlib.asynccontextmanager
async def opened(platform: Platform) -> AsyncIterator[Documents]:
    settings, database, bus = platform.settings, platform.database, platform.bus
    async with contextlib.AsyncExitStack() as stack:
        access = Access(database)
        document = Document(database, bus)
        functions = Functions(document)
        executors.register(functions)
        measuring = Measuring(database, document, platform.storage, platform.workers, platform.work)
        stack.push_async_callback(measuring.close)
        cleaner = Cleaner(database, platform.storage)
        stack.push_async_callback(cleaner.close)
        analyses = Analyses(database, platform.storage, platform.workers, platform.work)
        renditions = Renditions(platform.storage, platform.workers, platform.work)
        archive_limits = ArchiveLimits(
            packed=settings.max_archive_mb * MEBIBYTE,
            unpacked=settings.max_archive_unpacked_mb * MEBIBYTE,
            entries=settings.max_archive_entries,
        )
        yield Documents(
            access=access,
            document=document,
            queries=Queries(database),
            functions=functions,
            changes=ChangeStream(bus, document),
            presence=Presence(database, bus, platform.replicas.own, platform.replicas.own_address),
            sharing=Sharing(database, bus, access),
            share_links=LinkSharing(database, bus, access),
            versions=Versions(database, document),
            audio=AudioFiles(database, platform.storage, access, platform.probes, measuring, cleaner, renditions),
            analyses=analyses,
            comparison=Comparison(platform.small_model),
            track_metadata=TrackMetadata(database, document, analyses),
            archives=Archives(database, platform.storage, platform.workers, platform.work, measuring, archive_limits),
            midi_files=MidiFiles(database, platform.workers, document),
            measuring=measuring,
            cleaner=cleaner,
        )
