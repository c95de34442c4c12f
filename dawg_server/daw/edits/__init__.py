"""Edits that are one step for a person: commands on clips and notes, each of which undo takes back at once."""

from dawg_server.daw.edits import clips as clips
from dawg_server.daw.edits import notes as notes
from dawg_server.daw.edits import parts as parts
from dawg_server.daw.edits import single_notes as single_notes
