"""The functions that make or change sound: most of them begin a job."""

from __future__ import annotations

from dawg_server.daw.functions.function import Function, known_as, of_command
from dawg_server.schema import Choice, Flag, Genre, Id, Items, Key, Number, OneNumber, Text, parameters

STEMS = ("drums", "bass", "vocals", "melody", "other", "guitar", "piano")
_SOURCE = {"clipId": Id("clip"), "audioFileId": Id("audioFile", "the recording, if no clip is named")}
_ONE = ("clipId", "audioFileId")

SOUND = (
    Function(
        "pitchShift",
        "Makes clips sound higher or lower without changing their length.",
        parameters(
            {
                "clipIds": Items(Id("clip"), 1, 20, required=True),
                "semitones": Number(-12, 12, required=True),
            }
        ),
        run="job",
        undo=True,
        aliases=known_as("pitch_shift"),
    ),
    Function(
        "autotune",
        "Pulls the pitch of a single voice to the notes of a key.",
        parameters(
            {
                "clipIds": Items(Id("clip"), 1, 20, required=True),
                "key": Key(required=True),
                "strength": Number(0, 100, "percent of the way", load_default=80),
            }
        ),
        run="job",
        undo=True,
        aliases=known_as("apply_autotune", "pitch_correct"),
    ),
    Function(
        "reverseClips",
        "Plays the recordings of clips backwards.",
        parameters({"clipIds": Items(Id("clip"), 1, 20, required=True)}),
        run="job",
        undo=True,
    ),
    Function(
        "normalizeClips",
        "Sets the gains of clips so that each has the same peak, or the same loudness.",
        parameters(
            {
                "clipIds": Items(Id("clip"), 1, 20, required=True),
                "peakDb": Number(-60, 0, "dBTP", load_default=-1),
                "lufs": Number(-60, 0, "loudness, instead of peakDb", allow_none=True, load_default=None),
            }
        ),
        run="job",
        undo=True,
    ),
    Function(
        "glueAudio",
        "Makes one recording of clips of one track that play different recordings.",
        parameters({"clipIds": Items(Id("clip"), 1, 500, required=True)}),
        run="job",
        undo=True,
    ),
    Function(
        "bounceTrack",
        "Makes one recording of a track's clips with its devices, in their place; the devices are bypassed then.",
        parameters(
            {
                "trackId": Id("track", required=True),
                "from": Number(
                    0, 86_400, "seconds; without it from the first clip", allow_none=True, load_default=None
                ),
                "to": Number(0, 90_000, "seconds; without it to the last clip", allow_none=True, load_default=None),
            }
        ),
        run="job",
        undo=True,
    ),
    Function(
        "autoComp",
        "Puts the best take of each segment on a new track, crossfaded, or chooses among the takes of a clip.",
        parameters(
            {
                "trackIds": Items(Id("track"), 2, 16, "the takes"),
                "clipId": Id("clip", "instead of trackIds: the clip whose takes are chosen from"),
                "segmentSeconds": Number(1, 30, "length of a segment", load_default=5),
            },
            one_of=("trackIds", "clipId"),
        ),
        undo=True,
        aliases=known_as("auto_comp"),
    ),
    Function(
        "smartMix",
        "Sets volumes and pans of tracks from their measured loudness.",
        parameters(
            {
                "trackIds": Items(Id("track"), 1, 64, required=True),
                "style": Choice(("balanced", "bass-heavy", "bright", "warm"), load_default="balanced"),
            }
        ),
        undo=True,
        aliases=known_as("smart_mix"),
    ),
    Function(
        "master",
        "Masters the project to a loudness.",
        parameters({"targetLoudness": Number(-24, -6, "LUFS", load_default=-14), "genre": Text(1, 60)}),
        run="job",
        aliases=known_as("master_audio", "auto_master"),
    ),
    Function(
        "generateMusic",
        "Makes a song or an instrumental from a description, on a new track.",
        parameters(
            {
                "prompt": Text(1, 2000, "what it is to sound like", required=True),
                "genre": Genre(),
                "bpm": Number(60, 200, "beats per minute"),
                "key": Key(),
                "duration": Number(5, 300, "seconds", load_default=30),
                "lyrics": Text(1, 5000, strip=False),
                "instrumental": Flag("whether nobody sings; true when no lyrics are given"),
            }
        ),
        run="job",
        undo=True,
        aliases=known_as("generate_music"),
    ),
    Function(
        "generateBeat",
        "Makes a beat of a genre, on new tracks, in tempo, key and metre of the project.",
        parameters(
            {
                "genre": Genre(required=True),
                "prompt": Text(1, 500, "instruments, drums, form and mood, in the user's own words"),
                "bpm": Number(60, 200, "beats per minute"),
                "key": Key(),
                "mood": Text(1, 60),
                "bars": Number(1, 128, whole=True, load_default=16),
                "startBar": Number(1, 10_000, "where it begins, counted from 1", whole=True),
                "as": Choice(("stems", "midi", "mix"), "recordings of its parts, their notes, or one recording"),
            },
            aliases={"tempo": "bpm"},
        ),
        run="job",
        undo=True,
        aliases=known_as("generateBeats", "generate_beat"),
    ),
    of_command(
        "generateMidi",
        aliases=known_as(
            generateChords={"part": "chords"}, generateMelody={"part": "melody"}, generateDrums={"part": "drums"}
        ),
    ),
    Function(
        "separateStems",
        "Takes a recording apart into drums, bass, vocals and more, on new tracks.",
        parameters(
            {**_SOURCE, "stemTypes": Items(Choice(STEMS), 1, 6, "which ones, if not the four basic ones")}, one_of=_ONE
        ),
        run="job",
        undo=True,
        aliases=known_as(
            "separate_stems",
            isolate_vocals={"stemTypes": ["vocals"]},
            remove_vocals={"stemTypes": ["drums", "bass", "other"]},
        ),
    ),
    Function(
        "melodyToVocals",
        "Turns a hummed or played melody into sung vocals.",
        parameters(
            {
                **_SOURCE,
                "prompt": Text(3, 500, "what to sing about", required=True),
                "genre": Text(1, 60),
                "mood": Text(1, 60),
                "theme": Text(1, 120),
            },
            one_of=_ONE,
        ),
        run="job",
        undo=True,
        aliases=known_as("melody_to_vocals"),
    ),
    Function(
        "exportProject",
        "Renders the project to an audio file.",
        parameters(
            {
                "format": Choice(("wav", "flac", "mp3", "ogg"), load_default="wav"),
                "bitDepth": OneNumber((16, 24, 32)),
                "sampleRate": OneNumber((44_100, 48_000, 88_200, 96_000, 192_000), "Hz"),
            }
        ),
        run="job",
        aliases=known_as("export_project"),
    ),
)
