"""`python -m dawg_server doctor`: checks settings and everything the server stands on, and says what to fix.

It starts nothing, changes nothing that lasts, and calls no paid service.
"""

from __future__ import annotations

import asyncio

from dawg_server.doctor import cluster, database, files, machine, redis
from dawg_server.doctor.files import OpenStorage
from dawg_server.doctor.findings import Finding, Verdict, healthy, report
from dawg_server.settings import Settings

__all__ = ["Finding", "Verdict", "examine", "healthy", "report"]


async def examine(settings: Settings, open_storage: OpenStorage) -> list[Finding]:
    """Every finding, in the order in which the server would need things."""
    found = await redis.examine(settings)
    return [
        *machine.examine(settings),
        *machine.identity(settings),
        *await asyncio.to_thread(list, database.examine(settings)),
        found,
        *await cluster.examine(settings, listen=found.verdict is Verdict.GOOD),
        *await files.examine(settings, open_storage),
        *machine.keys(settings),
    ]
