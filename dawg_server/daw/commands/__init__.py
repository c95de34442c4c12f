"""Every command there is, by name: the one way to change a project."""

from dawg_server.daw.commands import clips, projects, sends, tracks, versions
from dawg_server.daw.commands.base import Command as Command
from dawg_server.daw.commands.base import Spec as Spec

COMMANDS: dict[str, Spec] = {**projects.SPECS, **tracks.SPECS, **sends.SPECS, **clips.SPECS, **versions.SPECS}
