"""Which provider does a job (contract, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server import errors
from dawg_server.generation.providers.base import Provider

ORDER = {
    "beat": ("replicate", "suno", "embedded"),
    "music": ("suno", "replicate", "embedded"),
    "stems": ("replicate", "local"),
    "vocals": ("suno",),
}
KEYS = {"replicate": "REPLICATE_API_KEY", "suno": "SUNO_API_KEY"}
SINGERS = ("suno",)


class Providers:
    """The providers of this server. The embedded engine is never a substitute: it is chosen here or not at all."""

    def __init__(self, *providers: Provider) -> None:
        self.by_name: Mapping[str, Provider] = {provider.name: provider for provider in providers}

    def choose(self, type: str, wanted: str, request: Mapping[str, Any]) -> str:
        """The name of the provider.

        Raises `ProviderUnconfigured` when the one that is needed has no key, and `ValidationError` when the wanted one
        cannot do this at all.
        """
        able = _able(type, request)
        if wanted == "auto":
            found = next((name for name in able if name in self.by_name), None)
            if found is None:
                raise errors.ProviderUnconfigured(_work(type, request), *(KEYS[name] for name in able if name in KEYS))
            return found
        if wanted not in able:
            sentence = f"cannot do this; {' or '.join(able)} can"
            raise errors.ValidationError(f"provider {wanted} {sentence}.", details={"provider": sentence})
        if wanted not in self.by_name:
            raise errors.ProviderUnconfigured(f"Generating with {wanted}", *([KEYS[wanted]] if wanted in KEYS else []))
        return wanted

    def after(self, type: str, refused: str, request: Mapping[str, Any]) -> str | None:
        """Whom to ask instead of one that has refused and charged nothing; only `auto` asks anybody else."""
        able = _able(type, request)
        if request.get("provider", "auto") != "auto" or refused not in able:
            return None
        following = able[able.index(refused) + 1 :]
        return next((name for name in following if name in self.by_name and name != "embedded"), None)


def _able(type: str, request: Mapping[str, Any]) -> tuple[str, ...]:
    """Who can do this, the best first."""
    return ORDER[type] if request.get("instrumental", True) else SINGERS


def _work(type: str, request: Mapping[str, Any]) -> str:
    return "A song with vocals" if not request.get("instrumental", True) else f"A job of type {type}"
