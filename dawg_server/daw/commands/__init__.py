"""Every command there is, by name: the one way to change a project."""

from __future__ import annotations

from dawg_server import errors
from dawg_server.daw import entities
from dawg_server.daw.commands import clips, declared, projects, sends, tracks, versions
from dawg_server.daw.commands.base import Command as Command
from dawg_server.daw.commands.base import Spec as Spec

OWN: dict[str, Spec] = {**projects.SPECS, **tracks.SPECS, **sends.SPECS, **clips.SPECS, **versions.SPECS}


def find(name: str) -> Spec:
    """Raises `ValidationError`."""
    spec = OWN.get(name)
    for kind in entities.declared() if spec is None else ():
        spec = spec or declared.specs(kind).get(name)
    if spec is None:
        raise errors.ValidationError(f"There is no command “{name[:60]}”.")
    return spec
