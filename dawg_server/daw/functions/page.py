"""What a page that holds its document runs by itself, in the words of the earlier front end.

Each word is an alias of the catalogue as well. Parameters are the catalogue's, except that ids are the page's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

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


def _spoken(word: str | Mapping[str, str], name: str, *known: str, by: str = "", **renamed: str) -> Function:
    """The catalogue's function `name` as the page runs it while somebody talks: under `word`, or one `by` argument."""
    names = {"": word} if isinstance(word, str) else word
    function = _word(name, name, *known, **renamed)
    return replace(function, aliases=_CATALOGUE[name].aliases, legacy_by=by, legacy_names=names)


# For the text assistant, whose answer has one of them.
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

# For the voice assistant: under the catalogue's names, since the page is asked in the words of `legacy_names`.
SPOKEN: tuple[Function, ...] = (
    _spoken("generate_music", "generateMusic", "prompt", "genre", "duration", tempo="bpm"),
    _spoken("set_tempo", "setTempo", "bpm"),
    _spoken("set_key", "setKey", "key"),
    _spoken(
        {"AUDIO": "createAudioTrack", "AUX": "createAuxTrack", "MIDI": "create_track", "INSTRUMENT": "create_track"},
        "createTrack",
        "name",
        "trackType",
        "channels",
        by="trackType",
    ),
    _spoken("createSend", "createSend", "sourceTrackId", "destinationTrackId", "preFader", "level"),
    _spoken("removeSend", "removeSend", "sourceTrackId", "sendId"),
    _spoken("setSendLevel", "setSendLevel", "sourceTrackId", "sendId", "level"),
    _spoken("setTrackOutput", "setTrackOutput", "trackId", "outputDestination"),
    _spoken("setTrackVolume", "setTrackVolume", "trackId", "volume"),
    _spoken("setTrackPan", "setTrackPan", "trackId", "pan"),
    _spoken("muteTrack", "muteTrack", "trackId", "mute"),
    _spoken("soloTrack", "soloTrack", "trackId", "solo"),
    _spoken("getTracks", "getTracks"),
    _spoken("play", "playProject", "fromStart"),
    _spoken("stop", "stopPlayback"),
    _spoken("start_recording", "startRecording", "trackId", "armed"),
    _spoken("stop_recording", "stopRecording"),
    *table.TALKING,
)
