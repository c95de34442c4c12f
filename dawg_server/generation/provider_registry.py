"""The providers that cost money, put together from the settings: those whose key is set."""

from __future__ import annotations

import contextlib
from pathlib import Path

from dawg_server import errors
from dawg_server.database import audio_files
from dawg_server.database.pool import Database
from dawg_server.generation.providers.base import PaidProvider
from dawg_server.generation.providers.download import Downloader
from dawg_server.generation.providers.download_takes import TakeDownloader
from dawg_server.generation.providers.replicate import ReplicateProvider
from dawg_server.generation.providers.replicate_api import ReplicateApi
from dawg_server.generation.providers.suno import SunoProvider
from dawg_server.generation.providers.suno_api import SunoApi
from dawg_server.generation.providers.webhook_hints import WebhookHints
from dawg_server.generation.vocals.lyricist import Lyricist
from dawg_server.generation.vocals.singing import MelodySinger
from dawg_server.generation.webhooks import Signatures, Webhooks
from dawg_server.platform import Platform
from dawg_server.storage import Storage


class StoredRecordings:
    """Recordings of our own, as material for a provider."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database, self._storage = database, storage

    async def fetch(self, audio_id: str, target: Path) -> None:
        row = await audio_files.get(self._database, audio_id)
        if row is None:
            raise errors.NotFound("The recording is not there any more.", details={"kind": "audioFile"})
        await self._storage.fetch(row["storage_key"], target)


class ProviderRegistry:
    """`providers`, and `webhooks` for what they tell by themselves."""

    def __init__(self, platform: Platform, callback_key: bytes) -> None:
        """`callback_key` makes the secrets in addresses of webhooks."""
        settings, database, bus = platform.settings, platform.database, platform.bus
        self._stack = contextlib.AsyncExitStack()
        hints = WebhookHints(bus)
        self._stack.callback(hints.close)
        replicate_url = settings.replicate_url
        api = ReplicateApi(settings.replicate_key, replicate_url) if settings.replicate_key else None
        signatures = Signatures(api.webhook_secret) if api else None
        self.webhooks = Webhooks(database, bus, callback_key, settings.link_base, signatures)
        recordings = StoredRecordings(database, platform.storage)
        downloads = TakeDownloader(Downloader(replicate_url, settings.suno_url), platform.workers)
        found: list[PaidProvider] = []
        if api:
            # Replicate calls back over https alone and refuses to begin with any other address.
            reachable = (settings.link_base or "").startswith("https://") or replicate_url.startswith("http://")
            provider = ReplicateProvider(
                api,
                downloads,
                recordings,
                hints,
                webhook=self.webhooks.replicate_url if reachable else None,
            )
            self._stack.push_async_callback(provider.close)
            found.append(provider)
        if settings.suno_key:
            singer = SunoProvider(
                SunoApi(settings.suno_key, settings.suno_url),
                downloads,
                hints,
                MelodySinger(recordings, platform.workers, Lyricist(platform.small_model)),
                callback=self.webhooks.suno_url,
            )
            self._stack.push_async_callback(singer.close)
            found.append(singer)
        self.providers = tuple(found)

    async def close(self) -> None:
        await self._stack.aclose()
