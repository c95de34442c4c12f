"""The parts of the running server, as its faces see them. Built in `dawg_server.app`, which is the only writer."""

from __future__ import annotations

from dataclasses import dataclass

from bus.local import LocalBus
from dawg_server.accounts.service import Accounts
from dawg_server.archives.service import Archives
from dawg_server.audiofiles.analyses import Analyses
from dawg_server.audiofiles.comparison import Comparison
from dawg_server.audiofiles.service import AudioFiles
from dawg_server.audiofiles.track_metadata import TrackMetadata
from dawg_server.brain.service import Brain
from dawg_server.costs import Costs
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.document import Document
from dawg_server.daw.feed import Feed
from dawg_server.daw.functions.service import Functions
from dawg_server.daw.presence import Presence
from dawg_server.daw.sharing import Sharing
from dawg_server.daw.versions import Versions
from dawg_server.generation.finishing.requests import Requests
from dawg_server.generation.providers.choice import Providers
from dawg_server.generation.service import GenerationService
from dawg_server.generation.webhooks import Webhooks
from dawg_server.health import Health
from dawg_server.identity import Identity
from dawg_server.limits import Limits
from dawg_server.lyrics.service import Lyrics
from dawg_server.memory.service import Memory
from dawg_server.metrics import Metrics
from dawg_server.replicas import Replicas
from dawg_server.settings import Settings
from dawg_server.storage import Storage
from dawg_server.storage.links import LinkSigner
from dawg_server.storage.work import WorkFolder
from dawg_server.tools import ToolBox
from dawg_server.voice.service import VoiceService


@dataclass(slots=True)
class Lifecycle:
    """How far this process is on its way out."""

    leaving: bool = False  # nobody new should come; whoever is here is served as before
    draining: bool = False  # no new work at all


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    lifecycle: Lifecycle
    metrics: Metrics
    database: Database
    bus: LocalBus
    storage: Storage
    links: LinkSigner
    identity: Identity
    accounts: Accounts
    limits: Limits
    costs: Costs
    health: Health
    access: Access
    document: Document
    feed: Feed
    replicas: Replicas
    presence: Presence
    functions: Functions
    work: WorkFolder
    audio: AudioFiles
    analyses: Analyses
    comparison: Comparison
    track_metadata: TrackMetadata
    sharing: Sharing
    versions: Versions
    archives: Archives
    providers: Providers
    generation: GenerationService
    finishing: Requests
    toolbox: ToolBox
    voice: VoiceService
    brain: Brain
    memory: Memory
    lyrics: Lyrics
    webhooks: Webhooks
