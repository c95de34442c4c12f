"""The functions, in the order in which they are shown; each with its closed parameters and a sentence of help."""

from __future__ import annotations

from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.daw import edits, history  # noqa: F401 (declare commands)
from dawg_server.daw.entities.chord import CHORD
from dawg_server.daw.entities.marker import MARKER
from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entities.section import SECTION
from dawg_server.daw.entities.send import SEND
from dawg_server.daw.entities.track import MAX_DECIBELS, MAX_GAIN, TRACK
from dawg_server.daw.entity import needed, the
from dawg_server.daw.functions.function import Function, known_as, of_command
from dawg_server.daw.functions.sound import SOUND
from dawg_server.schema import Choice, Decibels, Flag, Id, Number, Text, parameters

_EFFECTS = {
    "brightness": "adjust_brightness",
    "compression": "adjust_compression",
    "warmth": "adjust_warmth",
    "presence": "adjust_presence",
    "autotune": "add_autotune",
    "reverb": "add_reverb",
    "delay": "add_delay",
    "deharsh": "remove_harshness",
    "reset": "reset_effects",
}

READING = (
    Function(
        "getProject",
        "Tells the project's name, tempo, key, time signature, length and what is in it.",
        parameters({}),
        kind="read",
        aliases=known_as("get_project"),
    ),
    Function(
        "getTracks",
        "Lists the tracks with their ids, names, types, volumes, pans and sends.",
        parameters({"includeClips": Flag("whether to list their clips as well", load_default=False)}),
        kind="read",
        aliases=known_as("get_tracks", "listTracks"),
    ),
    Function(
        "analyzeAudio",
        "Measures tempo, key, loudness and more of a clip or a recording.",
        parameters(
            {"clipId": Id("clip"), "audioFileId": Id("audioFile", "the recording, if no clip is named")},
            one_of=("clipId", "audioFileId"),
        ),
        kind="read",
        aliases=known_as("detect_bpm", "detect_key", "analyze_vocal", "analyze_beats"),
    ),
    Function(
        "analyzeLyrics",
        "Looks at the lyrics of the project, of a track, or at the given text.",
        parameters(
            {
                "trackId": Id("track"),
                "lyrics": Text(1, 20_000, "text, if not what is written there", strip=False),
                "genre": Text(1, 60),
            }
        ),
        kind="read",
        aliases=known_as("analyze_lyrics"),
    ),
    Function(
        "getJobStatus",
        "Tells how far a job is, and its result when it is done.",
        parameters({"jobId": the("job")}),
        kind="read",
        aliases=known_as("get_job_status"),
    ),
)

PLAYING = (
    Function(
        "playProject",
        "Starts playback.",
        parameters({"fromStart": Flag(load_default=False)}),
        run="client",
        aliases=known_as("play"),
        legacy_names={"": "play"},
    ),
    Function(
        "stopPlayback",
        "Stops playback.",
        parameters({}),
        run="client",
        aliases=known_as("stop"),
        legacy_names={"": "stop"},
    ),
    Function(
        "startRecording",
        "Starts recording on a track.",
        parameters(
            {
                "trackId": Id("track", "which one, if not the selected one"),
                "armed": Flag("whether to arm the track first", load_default=True),
            }
        ),
        run="client",
        aliases=known_as("start_recording", "record"),
        legacy_names={"": "start_recording"},
    ),
    Function(
        "stopRecording",
        "Stops recording.",
        parameters({}),
        run="client",
        aliases=known_as("stop_recording"),
        legacy_names={"": "stop_recording"},
    ),
    Function(
        "applyEffect",
        "Puts an effect on a track, or takes all of them away with reset.",
        parameters(
            {
                "trackId": Id("track", "which one, if not the selected one"),
                "effect": Choice(tuple(_EFFECTS), required=True),
                "amount": Number(0, 100, "percent", load_default=50),
                "style": Choice(("natural", "moderate", "tpain", "plate", "room", "hall"), "of autotune or reverb"),
                "timing": Choice(("eighth", "quarter", "dotted-eighth"), "of a delay"),
                "feedback": Number(0, 100, "percent, of a delay"),
                "mix": Number(0, 100, "percent of the effect in the sound"),
            }
        ),
        run="client",
        legacy_by="effect",
        legacy_names=_EFFECTS,
        aliases=known_as(
            **{alias: {"effect": effect} for effect, alias in _EFFECTS.items()},
            apply_compression={"effect": "compression"},
        ),
    ),
)

EDITING = (
    Function(
        "setTempo",
        "Sets the project's tempo.",
        parameters({"bpm": needed(PROJECT.fields["bpm"])}),
        undo=True,
        aliases=known_as("set_tempo", "setBpm", "set_bpm"),
    ),
    Function(
        "setKey",
        "Sets the project's key.",
        parameters({"key": needed(PROJECT.fields["key"])}),
        undo=True,
        aliases=known_as("set_key"),
    ),
    Function(
        "writeLyrics",
        "Writes lyrics of the project, or of one track.",
        parameters(
            {
                "text": Text(1, 5000, strip=False, required=True),
                "append": Flag("false replaces what is there", load_default=True),
                "trackId": Id("track"),
            }
        ),
        undo=True,
        aliases=known_as("update_lyrics"),
    ),
    Function(
        "saveVersion",
        "Keeps the present state of the project as a version.",
        parameters({"name": Text(1, 120)}),
        aliases=known_as("save_project"),
    ),
    of_command("undo", undo=False),
    of_command("redo", undo=False),
    Function(
        "createTrack",
        "Adds a track.",
        parameters(
            {
                "name": TRACK.fields["name"],
                "trackType": Choice(("AUDIO", "MIDI", "INSTRUMENT", "AUX", "GROUP"), load_default="AUDIO"),
                "channels": TRACK.fields["channels"],
            }
        ),
        undo=True,
        aliases=known_as("create_track", createAudioTrack={"trackType": "AUDIO"}, createAuxTrack={"trackType": "AUX"}),
    ),
    of_command("deleteTrack", "Removes a track with its clips.", aliases=known_as("delete_track")),
    Function(
        "setTrackVolume",
        "Sets a track's volume, linear or in dB.",
        parameters(
            {
                "trackId": the("track"),
                "volume": Number(0, MAX_GAIN, "linear, 1 is unity"),
                "volumeDb": Number(Decibels.SILENCE, MAX_DECIBELS, "in dB, instead of volume"),
            },
            one_of=("volume", "volumeDb"),
        ),
        undo=True,
        aliases=known_as("set_track_volume"),
    ),
    Function(
        "setTrackPan",
        "Sets a track's place between left and right.",
        parameters({"trackId": the("track"), "pan": needed(TRACK.fields["pan"])}),
        undo=True,
        aliases=known_as("set_track_pan"),
    ),
    Function(
        "muteTrack",
        "Mutes a track, or lets it sound again.",
        parameters({"trackId": the("track"), "mute": needed(TRACK.fields["isMuted"])}),
        undo=True,
        aliases=known_as("mute_track"),
    ),
    Function(
        "soloTrack",
        "Lets a track sound alone, or not any more.",
        parameters({"trackId": the("track"), "solo": needed(TRACK.fields["isSolo"])}),
        undo=True,
        aliases=known_as("solo_track"),
    ),
    Function(
        "setTrackOutput",
        "Leads a track to the master or to an AUX track.",
        parameters(
            {
                "trackId": the("track"),
                "outputDestination": needed(TRACK.fields["outputDestination"]),
            }
        ),
        undo=True,
        aliases=known_as("set_track_output"),
    ),
    Function(
        "createSend",
        "Sends the sound of a track to an AUX track as well.",
        parameters(
            {
                "sourceTrackId": the("track"),
                "destinationTrackId": SEND.fields["destinationTrackId"],
                "preFader": SEND.fields["preFader"],
                "level": SEND.fields["level"],
            }
        ),
        undo=True,
        aliases=known_as("create_send"),
    ),
    Function(
        "removeSend",
        "Removes a send.",
        parameters({"sourceTrackId": the("track"), "sendId": the("send")}),
        undo=True,
        aliases=known_as("remove_send"),
    ),
    Function(
        "setSendLevel",
        "Sets how much of a track a send passes on.",
        parameters(
            {
                "sourceTrackId": the("track"),
                "sendId": the("send"),
                "level": needed(SEND.fields["level"]),
            }
        ),
        undo=True,
        aliases=known_as("set_send_level"),
    ),
    of_command("moveClip", aliases=known_as("move_clip")),
    of_command("deleteClip", aliases=known_as("delete_clip")),
    of_command("quantize", aliases=known_as("quantize_audio", "quantize_to_grid")),
    of_command("splitClip"),
    of_command("duplicateClips"),
    of_command("moveClips"),
    of_command("deleteClips"),
    of_command("glueClips"),
    of_command("crossfadeClips"),
    of_command("transposeNotes"),
    of_command("humanizeNotes"),
    of_command("rampVelocities"),
    of_command("legatoNotes"),
    of_command("reverseNotes"),
    of_command("editNotes"),
    Function("createMarker", "Names a place on the time line.", parameters(MARKER.fields), undo=True),
    Function("createSection", "Names a stretch of the time line.", parameters(SECTION.fields), undo=True),
    of_command("moveSection"),
    of_command("arrangeSections"),
    Function("createChord", "Writes a chord on the chord track.", parameters(CHORD.fields), undo=True),
    of_command("compTakes"),
    of_command(
        "createDevice",
        "Puts an effect, or a sampler for notes, at the end of a track's chain. Types with presets: "
        + "; ".join(f"{name} ({', '.join(kind.presets)})" for name, kind in TYPES.items())
        + ".",
    ),
    of_command("updateDevice"),
    of_command("deleteDevice"),
    of_command("createAutomation"),
    of_command("groupTracks"),
    of_command("ungroupTracks"),
)

TALKING = (
    Function(
        "changeVoice",
        "Changes the voice in which the assistant speaks.",
        parameters({"voice": Text(1, 40, required=True)}),
        aliases=known_as("change_my_voice"),
        voice_only=True,
    ),
)

ALL: tuple[Function, ...] = (*READING, *PLAYING, *EDITING, *SOUND, *TALKING)
