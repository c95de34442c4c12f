"""Which octave each chord tone takes: smooth voicings, where every voice moves as little as the register allows."""

from __future__ import annotations

from dawg_server.music import theory

KINDS = ("close", "open", "shell", "power", "guitar")


def voice(chord: theory.Chord, kind: str, low: int, high: int, before: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Pitches for the chord between `low` and `high`, rising, close to the voicing `before` it.

    `close` and `open` (second voice from the top dropped an octave) keep all tones, `shell` leaves the root (and in
    ninth chords the fifth) to the bass, `power` is root, fifth and octave, `guitar` spreads over five strings.
    """
    if kind == "power":
        root = theory.pitch_in(chord.root, low)
        return (root, root + 7, root + 12)
    if kind == "guitar":
        return _strings(chord, low)
    centre = (low + high) / 2
    candidates = _inversions(_shell(chord) if kind == "shell" else chord.tones, low - 12, high)
    if kind == "open":
        candidates = [_drop_two(pitches) for pitches in candidates]
    fitting = [pitches for pitches in candidates if pitches[0] >= low and pitches[-1] <= high] or candidates
    return min(fitting, key=lambda pitches: (_movement(pitches, before) + 0.5 * _distance(pitches, centre), pitches))


def _shell(chord: theory.Chord) -> tuple[int, ...]:
    # Third and seventh name the chord; the ninth is its colour, and where there is none, the fifth fills.
    kept = chord.tones if len(chord.intervals) < 4 else chord.tones[1:]
    return kept if len(kept) < 4 else (kept[0], *kept[2:])


def _strings(chord: theory.Chord, low: int) -> tuple[int, ...]:
    root = theory.pitch_in(chord.root, low)
    third, fifth = chord.intervals[1], chord.intervals[2]
    pitches = (root, root + fifth, root + 12, root + 12 + third, root + 12 + fifth)
    colour = chord.intervals[3:4]
    return (*pitches[:-1], root + 12 + colour[0]) if colour else pitches


def _inversions(tones: tuple[int, ...], low: int, high: int) -> list[tuple[int, ...]]:
    voicings = []
    for turn in range(len(tones)):
        order = tones[turn:] + tones[:turn]
        for bottom in range(theory.pitch_in(order[0], low), high + 1, 12):
            pitches = [bottom]
            for tone in order[1:]:
                pitches.append(theory.pitch_in(tone, pitches[-1] + 1))
            voicings.append(tuple(pitches))
    return voicings


def _drop_two(pitches: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted((*pitches[:-2], pitches[-2] - 12, pitches[-1]))) if len(pitches) > 2 else pitches


def _movement(pitches: tuple[int, ...], before: tuple[int, ...]) -> float:
    return float(sum(min(abs(pitch - other) for other in before) for pitch in pitches)) if before else 0.0


def _distance(pitches: tuple[int, ...], centre: float) -> float:
    return abs(sum(pitches) / len(pitches) - centre)
