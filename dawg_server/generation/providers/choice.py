"""Which provider does a job (contract, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server import errors
from dawg_server.generation.providers.base import Provider

ORDER = {"beat": ("replicate", "suno", "embedded"), "music": ("suno", "replicate", "embedded")}
KEYS = {"replicate": "REPLICATE_API_KEY", "suno": "SUNO_API_KEY"}


class Providers:
    """The providers of this server. The embedded engine is never a substitute: it is chosen here or not at all."""

    def __init__(self, *providers: Provider) -> None:
        self.by_name: Mapping[str, Provider] = {provider.name: provider for provider in providers}

    def choose(self, type: str, wanted: str, request: Mapping[str, Any]) -> str:
        """The name of the provider; raises `ProviderUnconfigured` when the wanted one has no key."""
        if wanted == "auto":
            return next(name for name in ORDER[type] if name in self.by_name)
        if wanted not in self.by_name:
            raise errors.ProviderUnconfigured(f"Generating with {wanted}", KEYS[wanted])
        return wanted
