"""The parts of the running server in four groups, as its API layer sees them. Built in `dawg_server.app`."""

from __future__ import annotations

from dataclasses import dataclass

from dawg_server.assistants import Assistants
from dawg_server.documents import Documents
from dawg_server.jobs import Jobs
from dawg_server.platform import Platform


@dataclass(frozen=True, slots=True)
class Services:
    platform: Platform
    documents: Documents
    jobs: Jobs
    assistants: Assistants
