"""What a page that holds its document runs by itself, in the words of the earlier front end: one function per answer.

Each word is an alias of the catalogue as well. Parameters are the catalogue's, except that ids are the page's own.
"""

from __future__ import annotations

from dawg_server.daw.functions import table
from dawg_server.daw.functions.function import Function, known_as
from dawg_server.schema import AnyField, Id, Text, parameters

MAX_ID = 200  # characters
_CATALOGUE = {each.name: each for each in table.ALL}


def _word(word: str, name: str, *known: str, help: str = "", **renamed: str) -> Function:
    """The page's `word` for the catalogue's function `name`.

    `known`: the parameters that the page knows; `renamed`: those that it calls something else. `help`: instead of the
    catalogue's.
    """
    function = _CATALOGUE[name]
    declared = function.parameters.declared
    fields = {each: _of_the_page(declared[old]) for each, old in {**{each: each for each in known}, **renamed}.items()}
    return Function(
        word,
        help or function.help,
        parameters(fields, aliases={old: new for new, old in renamed.items()}),
        run="client",
        kind=function.kind,
        aliases=known_as(name),
    )


def _of_the_page(field: AnyField) -> AnyField:
    if not isinstance(field, Id):
        return field
    help = field.metadata.get("description") or f"of a {field.kind}, as the page tells it"
    return Text(1, MAX_ID, help, required=field.required)


PAGE: tuple[Function, ...] = (
    _word("generateBeats", "generateBeat", "genre", "key", "bars", tempo="bpm"),
    _word("generate_music", "generateMusic", "prompt", "genre", "duration", tempo="bpm"),
    _word("setTempo", "setTempo", "bpm"),
    _word("setKey", "setKey", "key"),
    _word("createTrack", "createTrack", "name", "trackType", "channels"),
    _word("createAudioTrack", "createTrack", "name", "channels", help="Adds an audio track."),
    _word("createAuxTrack", "createTrack", "name", "channels", help="Adds an AUX track, which sends lead to."),
    _word("createSend", "createSend", "sourceTrackId", "destinationTrackId", "preFader", "level"),
    _word("removeSend", "removeSend", "sourceTrackId", "sendId"),
    _word("setSendLevel", "setSendLevel", "sourceTrackId", "sendId", "level"),
    _word("setTrackOutput", "setTrackOutput", "trackId", "outputDestination"),
    _word("setTrackVolume", "setTrackVolume", "trackId", "volume"),
    _word("setTrackPan", "setTrackPan", "trackId", "pan"),
    _word("muteTrack", "muteTrack", "trackId", "mute"),
    _word("soloTrack", "soloTrack", "trackId", "solo"),
    _word(
        "getTracks", "getTracks", help="Has the page list its tracks for the musician; you are not told what they are."
    ),
    _word("play", "playProject", "fromStart"),
    _word("stop", "stopPlayback"),
    _word("startRecording", "startRecording", "trackId", "armed"),
    _word("stopRecording", "stopRecording"),
)
