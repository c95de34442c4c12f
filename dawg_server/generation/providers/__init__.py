"""Who can make audio. A provider is one module and one line in `dawg_server.app`."""

from dawg_server.generation.providers.base import LocalFile, LocalTake, Outcome, Provider, Report, Work

__all__ = ["LocalFile", "LocalTake", "Outcome", "Provider", "Report", "Work"]
