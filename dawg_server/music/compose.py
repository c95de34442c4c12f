"""The composer: genre, tempo, key, mood and a seed become a score. The same request always gives the same score."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import random
from collections.abc import Sequence

from dawg_server.music import (
    arrangement,
    bar_grid,
    bass,
    comping,
    faces,
    genres,
    groove,
    harmony,
    melody,
    moods,
    prompt_effects,
    prompt_form,
    prompt_hints,
    prompt_record,
    rhythm,
    score,
    styles,
    theory,
)
from dawg_server.music.style import GenreStyle

_TAIL_SECONDS = 0.25  # the last note ends this long before the piece does, so that its release is heard
_CYCLE_BARS = 4  # after which the drummer's hands do the same again
_OTHER_BASSES = ("sub bass", "synth bass", "finger bass")  # for who wants none of the genre's own
_RANGES = {"bpm": (20.0, 300.0), "duration": (5.0, 300.0)}


def compose(
    *,
    genre: str,
    bpm: float,
    key: str,
    mood: str,
    duration: float,
    seed: int,
    prompt: str | prompt_record.PromptHints = "",
    beats_per_bar: float = 4,
    compound: bool = False,
    loop: bool = False,
) -> score.Score:
    """Write a piece of `duration` seconds (5..300) at `bpm` (20..300) in `key`.

    A `loop` is the whole number of bars next to `duration` (to 300 seconds, at least one bar) and has no ending.
    `beats_per_bar` counts quarter notes: 6/8 is 3, 7/8 is 3.5. With `compound` beats are dotted quarters: 6/8, not 3/4.

    `genre` and `key` are read in any spelling (see `genres` and `theory`); `mood` is free text (see `moods`),
    `prompt` may steer (see `prompt_hints`), read already or not. Raises ValueError with a sentence for people.
    """
    found = genres.find(genre)
    if found is None:
        raise ValueError(f"Unknown genre. Choose one of: {', '.join(genres.names())}.")
    for name, value in (("bpm", bpm), ("duration", duration)):
        least, most = _RANGES[name]
        if not (0.0 < value <= most if loop and name == "duration" else least <= value <= most):
            raise ValueError(f"{name} has to be between {least:g} and {most:g}.")
    parsed = theory.parse_key(key)
    hints = prompt_hints.read(prompt) if isinstance(prompt, str) else prompt
    leaning = moods.combine(moods.read(mood, without=hints.unwanted), hints.mood)
    style = prompt_effects.styled(styles.of(found.name), hints)
    decided = bool(hints.moods) or mood not in ("", found.moods[0])
    writer = _Writer(style, parsed, leaning, hints, bpm, seed, decided=decided)
    form = writer.face.form
    beats = duration * bpm / 60
    if loop:
        count = max(1, round(beats / beats_per_bar))
        beats = count * beats_per_bar
        duration = beats * 60 / bpm
        sections = arrangement.arrange_loop(style.forms, count, beats_per_bar, leaning.energy)
    else:
        sections = arrangement.arrange(style.forms, form, beats, beats_per_bar, bpm, leaning.energy)
    sections = prompt_form.formed(sections, hints, beats_per_bar, leaning.energy)
    bars = harmony.lay(
        sections,
        key=parsed,
        style=style,
        progressions=writer.face.progressions,
        mood=leaning,
        beats_per_bar=beats_per_bar,
        metre=bar_grid.metre(beats_per_bar, compound=compound, half_time=rhythm.in_half_time(writer.face.groove)),
        rng=writer.rng("harmony"),
        loop=loop,
    )
    parts = writer.parts(bars, beats, loop)
    return score.Score(
        genre=found.name,
        mood=mood,
        bpm=bpm,
        key=parsed.name,
        beats_per_bar=beats_per_bar,
        duration=duration,
        seed=seed,
        sections=sections,
        parts=tuple(prompt_effects.obeyed(parts, hints, sections, beats_per_bar)),
        brightness=_shade(style.brightness, leaning.brightness),
        space=_shade(style.space, leaning.space),
        grit=_shade(style.grit, leaning.grit),
        loop=loop,
        trims=prompt_effects.trims(parts, hints),
        chords=harmony.symbols(bars, parsed, max((layer.size for layer in style.layers.values()), default=3)),
        compound=compound,
        drawn=writer.face.drawn(),
    )


def _shade(base: float, leaning: float) -> float:
    return round(max(0.0, min(1.0, base + 0.3 * leaning)), 3)


class _Writer:
    """One piece in the making: what every part needs to know."""

    def __init__(
        self,
        style: GenreStyle,
        key: theory.MusicalKey,
        mood: moods.Mood,
        hints: prompt_record.PromptHints,
        bpm: float,
        seed: int,
        *,
        decided: bool,
    ) -> None:
        self.style = style
        self._key = key
        self._mood = mood
        self._hints = hints
        self._bpm = bpm
        self._seed = seed
        self.face = faces.draw(
            style,
            minor=key.minor,
            mood=mood,
            seed=seed,
            rng=self.rng("face"),
            decided=decided,
            refused=hints.without("instrument"),
        )

    def rng(self, concern: str) -> random.Random:
        """A stream of its own for each part, so that a change in one leaves the others as they are."""
        return random.Random(f"{self._seed}/{self.style.genre}/{concern}")

    def parts(self, bars: Sequence[bar_grid.Bar], beats: float, loop: bool) -> list[score.Part]:
        """All parts that have something to play."""
        end = beats if loop else beats - min(_TAIL_SECONDS * self._bpm / 60, bars[-1].beats / 4)
        made = [self._drums(bars, end), self._bass(bars, end), *self._layers(bars, end), *self._leads(bars, end)]
        made += self._effects(bars, beats)
        return [part for part in made if part.notes]

    def _timing(self, bars: Sequence[bar_grid.Bar], end: float) -> groove.Timing:
        style, beat_ms = self.style, 60_000 / self._bpm
        asked = self._hints.swing
        swing = style.swing if asked is None else max(asked, style.swing) if asked > 0.5 else asked
        if bars[0].metre.compound:
            swing = 0.5  # its eighths are the swung ones already
        return groove.Timing(swing, style.swing_grid, style.loose_ms / beat_ms, style.snare_lag_ms / beat_ms, end)

    def _drums(self, bars: Sequence[bar_grid.Bar], end: float) -> score.Part:
        rng = self.rng("drums")
        written = rhythm.drums(bars, self.style, self.face.groove, self._mood, rng)
        # A section that comes back is played as before, to the last hair of its timing.
        feel, timing = rng.getrandbits(32), self._timing(bars, end)
        starts = sorted(bar.start for bar in bars)
        by_bar: dict[int, list[score.Note]] = {}
        for note in written:
            by_bar.setdefault(bisect.bisect_right(starts, note.start + 1e-6) - 1, []).append(note)
        played: list[score.Note] = []
        for place, inside in by_bar.items():
            bar = bars[place]
            again = random.Random(f"{feel}/{bar.section.name}/{bar.number % _CYCLE_BARS}")
            played += groove.perform(inside, timing, again, drums=True)
        notes = groove.untangle(played)
        return score.Part("drums", self.face.kit, tuple(notes), self.style.drums_gain_db)

    def _bass(self, bars: Sequence[bar_grid.Bar], end: float) -> score.Part:
        rng, line = self.rng("bass"), self.style.bass
        instrument = self._player("bass", "bass") or _OTHER_BASSES[0]
        notes, slides = bass.line(bars, line, self.face.bass, self._key, self._mood, rng)
        played = groove.perform(notes, self._timing(bars, end), rng)
        glides = groove.glide(slides, played) if instrument == "808" else ()
        return score.Part("bass", instrument, tuple(played), line.gain_db, 0.0, tuple(glides))

    def _layers(self, bars: Sequence[bar_grid.Bar], end: float) -> list[score.Part]:
        parts: list[score.Part] = []
        for role, layer in self.style.layers.items():
            instrument = self._player(role, "" if parts else "chords")
            if instrument is None:
                continue
            rng = self.rng(role)
            notes = groove.perform(comping.layer(bars, layer, self._key, self._mood, rng), self._timing(bars, end), rng)
            parts.append(score.Part("chords", instrument, tuple(notes), layer.gain_db, layer.pan))
        return parts

    def _leads(self, bars: Sequence[bar_grid.Bar], end: float) -> list[score.Part]:
        parts: list[score.Part] = []
        for role, lead in self.style.leads.items():
            instrument = self._player(role, "" if parts else "melody")
            if instrument is None:
                continue
            rng = self.rng(role)
            notes = groove.perform(melody.lead(bars, lead, self._key, self._mood, rng), self._timing(bars, end), rng)
            parts.append(score.Part("melody", instrument, tuple(notes), lead.gain_db, lead.pan))
        return parts

    def _player(self, role: str, stem: str) -> str | None:
        """Who plays a role of the line-up: what the prompt asked for in that stem, and never what it refused."""
        drawn = self.face.lineup.instruments.get(role)
        asked = self._hints.instrument(stem) if stem and drawn else None
        refused = self._hints.without("instrument")
        if asked or drawn is None or drawn not in refused:
            return asked or drawn
        others = [each.instruments[role] for each in self.style.lineups if role in each.instruments]
        options = [name for name in (*others, *(_OTHER_BASSES if role == "bass" else ())) if name not in refused]
        return options[0] if options else None

    def _effects(self, bars: Sequence[bar_grid.Bar], beats: float) -> list[score.Part]:
        tonic = theory.pitch_in(self._key.tonic, 60)
        parts = []
        opening = [bar for bar in bars if bar.number == 0]
        if "riser" in self.style.effects:
            notes = [
                score.Note(bar.start, bar.section.beats, tonic, 84)
                for bar, following in itertools.pairwise(opening)
                if bar.section.name in ("build", "breakdown") and following.section.name == "drop"
            ]
            parts.append(score.Part("melody", "riser", tuple(notes), -8.0))
        if "impact" in self.style.effects:
            loud = [bar for bar in opening if bar.section.name in ("drop", "hook", "chorus") and bar.start > 0]
            parts.append(
                score.Part("drums", "impact", tuple(score.Note(bar.start, 4.0, tonic - 24, 92) for bar in loud), -8.0)
            )
        if "vinyl noise" in self.style.effects:
            parts.append(score.Part("drums", "vinyl noise", (score.Note(0.0, beats, tonic, 64),), -14.0))
        return [dataclasses.replace(part, notes=tuple(groove.untangle(part.notes))) for part in parts]
