import { signal } from "@preact/signals";
import {
  createClip,
  crossfadeClips,
  deleteClips,
  duplicateClips,
  glueClips,
  moveClips,
  splitClip,
} from "../project/edits";
import type { Clip, Track } from "../project/entities";
import { clips, clipsByTrack, mayEdit, tempoMap, tracks } from "../project/store";
import { player } from "../sound/player";
import { notify } from "../ui/notices";
import { selectedClips, selectedTrack, snap } from "../view";
import { snapped, tidy } from "./geometry";
import { reveal, rows } from "./layout";

const MOST = 500; // clips in one edit

/** The clips that are selected, in the order of time. */
export const selection = (): Clip[] =>
  [...selectedClips.value]
    .flatMap((id) => clips.value.get(id) ?? [])
    .sort((one, other) => one.startTime - other.startTime);

const endOf = ({ startTime, duration }: Clip): number => startTime + duration;
const spanOf = (list: readonly Clip[]): [from: number, to: number] => [
  Math.min(...list.map(({ startTime }) => startTime)),
  Math.max(...list.map(endOf)),
];

// What a copy of a clip has as well. Its place is told in the unit that counts for it.
const KEPT = [
  "audioFileId",
  "midiData",
  "name",
  "timebase",
  "stretch",
  "originalBpm",
  "gain",
  "color",
  "fadeCurve",
] as const;

const copyOf = (clip: Clip, at: number, trackId = clip.trackId): Partial<Clip> & { trackId: string } => {
  const kept = Object.fromEntries(KEPT.map((name) => [name, clip[name]]));
  const { duration, lengthBeats, offset, offsetBeats, fadeIn, fadeOut } = clip;
  const place = clip.audioFileId ? { startTime: at, offset, duration } : inBeats(at, offsetBeats, lengthBeats);
  return { ...kept, ...place, fadeIn, fadeOut, trackId };
};

/** In both units, so that it is seen at once where it will lie. */
const inBeats = (at: number, offsetBeats: number, lengthBeats: number): Partial<Clip> => {
  const map = tempoMap.value;
  const startBeat = tidy(map.beat(at));
  return { startBeat, startTime: at, offsetBeats, lengthBeats, duration: map.seconds(startBeat + lengthBeats) - at };
};

/** Selects what an edit has made, when it is there. */
const chosen = async (...edits: Promise<Record<string, unknown>>[]): Promise<void> => {
  const made = (await Promise.all(edits)).flatMap(
    ({ clips, clip }) => (clips ?? clip ?? []) as { id: string } | { id: string }[],
  );
  if (made.length > 0) selectedClips.value = new Set(made.map(({ id }) => id));
};

/** Cuts what is selected at a moment on the grid; without a selection what is there on the selected track. */
export const split = (at = snapped(player.position.value)): void => {
  const list = selection();
  const candidates = list.length > 0 ? list : (clipsByTrack.value.get(selectedTrack.value ?? "") ?? []);
  const cut = candidates.filter((clip) => clip.startTime + 0.01 < at && endOf(clip) - 0.01 > at);
  if (cut.length === 0) {
    notify("news", "Put the playhead into a clip to split it there.");
    return;
  }
  const beat = tidy(tempoMap.value.beat(at));
  void chosen(...cut.map(({ id }) => splitClip(id, beat)));
};

/** Copies behind what is selected, `times` over. */
export const repeat = (times = 1): void => {
  const list = selection();
  if (list.length === 0) return;
  const ids = list.map(({ id }) => id);
  const from = Math.min(...list.map(({ startBeat }) => startBeat));
  const to = Math.max(...list.map(({ startBeat, lengthBeats }) => startBeat + lengthBeats));
  const beats = Array.from({ length: times }, (_, time) => tidy(from + (to - from) * (time + 1)));
  void chosen(...beats.map((beat) => duplicateClips(ids, { beat })));
};

export const clipboard = signal<readonly Clip[]>([]);

export const copy = (): void => {
  const list = selection();
  if (list.length === 0) return;
  clipboard.value = list;
  notify("news", list.length === 1 ? "1 clip copied." : `${list.length} clips copied.`);
};

export const removeSelected = (): void => {
  const ids = selection().map(({ id }) => id);
  for (let from = 0; from < ids.length; from += MOST) void deleteClips(ids.slice(from, from + MOST));
  selectedClips.value = new Set();
};

export const cut = (): void => {
  copy();
  removeSelected();
};

/** The clipboard at a moment: on the tracks where it was, or from the selected one downwards. */
export const paste = (at = snapped(player.position.value)): void => {
  const list = clipboard.value;
  if (list.length === 0) return;
  const map = tempoMap.value;
  const beat = tidy(map.beat(at));
  const targets = pasteTargets(list);
  const [first] = targets.values();
  const here = list.every(({ id }) => clips.value.has(id));
  const ids = list.map(({ id }) => id);
  if (here && list.every(({ id, trackId }) => targets.get(id) === trackId)) void chosen(duplicateClips(ids, { beat }));
  else if (here && first && targets.size === list.length && new Set(targets.values()).size === 1)
    void chosen(duplicateClips(ids, { beat, trackId: first }));
  else {
    const by = beat - Math.min(...list.map(({ startBeat }) => startBeat));
    const copies = list.flatMap((clip) => {
      const trackId = targets.get(clip.id);
      return trackId ? copyOf(clip, map.seconds(clip.startBeat + by), trackId) : [];
    });
    void chosen(...copies.map((fields) => createClip(fields)));
  }
};

/** As many tracks lower as the selected one is below the first of them; where that does not fit, on their own. */
const pasteTargets = (list: readonly Clip[]): ReadonlyMap<string, string> => {
  const order = rows.value.map(({ track }) => track);
  const places = list.map(({ trackId }) => order.findIndex(({ id }) => id === trackId));
  const target = order.findIndex(({ id }) => id === selectedTrack.value);
  const first = Math.min(...places.filter((place) => place >= 0));
  const down = target >= 0 && Number.isFinite(first) ? target - first : 0;
  const found = new Map<string, string>();
  list.forEach((clip, index) => {
    const place = places[index] as number;
    const onto = [order[place + down], order[place]].find((track) => track && takes(track, clip));
    if (onto) found.set(clip.id, onto.id);
  });
  return found;
};

/** Whether a clip may lie on a track. */
export const takes = ({ trackType }: Track, clip: Pick<Clip, "audioFileId">): boolean =>
  clip.audioFileId ? trackType === "AUDIO" : trackType === "MIDI" || trackType === "INSTRUMENT";

export const selectAll = (): void => {
  selectedClips.value = new Set(clips.value.keys());
};

/** Neighbours that touch or overlap, of those that are selected; one alone fades with those around it. */
export const overlaps = (): [Clip, Clip][] => {
  const held = selectedClips.value;
  return [...new Set(selection().map(({ trackId }) => trackId))].flatMap((trackId) => {
    const list = (clipsByTrack.value.get(trackId) ?? []).filter(({ audioFileId }) => audioFileId);
    return list.slice(1).flatMap((later, index): [Clip, Clip][] => {
      const earlier = list[index] as Clip;
      const met =
        held.size === 1 ? held.has(earlier.id) || held.has(later.id) : held.has(earlier.id) && held.has(later.id);
      return met && endOf(earlier) > later.startTime - 0.0001 && endOf(later) > endOf(earlier)
        ? [[earlier, later]]
        : [];
    });
  });
};

/** Equal power, as long as they overlap; neighbours that only touch get a short one. */
export const crossfade = (): void => {
  const pairs = overlaps();
  if (pairs.length === 0) notify("news", "Select two neighbours that touch or overlap to crossfade them.");
  for (const [earlier, later] of pairs) void crossfadeClips([earlier.id, later.id]);
};

export const glue = (): void => void chosen(glueClips(selection().map(({ id }) => id)));

/** By so many lines of the grid, and to the track so many rows lower if all of them fit there. */
export const nudge = (lines: number, down: number): void => {
  const list = selection();
  if (list.length === 0 || !mayEdit.value) return;
  const map = tempoMap.value;
  const [from] = spanOf(list);
  const step = snap.value > 0 ? snap.value : map.metre(map.beat(from)).length;
  const by = Math.max(lines * step, -map.beat(from));
  const order = rows.value.map(({ track }) => track);
  const targets = list.map((clip) => order[order.findIndex(({ id }) => id === clip.trackId) + down]);
  const fits = targets.every((track, index) => track && takes(track, list[index] as Clip));
  if (down && !fits) return;
  moveTogether(list, by, new Map(down ? list.map((clip, index) => [clip.id, targets[index]?.id ?? clip.trackId]) : []));
};

/** Moves clips by beats, and each onto the track that is named for it, if any is: one step for so many as are `MOST`. */
export const moveTogether = (list: readonly Clip[], beats: number, onto: ReadonlyMap<string, string>): void => {
  const map = tempoMap.value;
  for (let from = 0; from < list.length; from += MOST) {
    const shown = list.slice(from, from + MOST).map((clip): [string, Partial<Clip>] => {
      const startBeat = tidy(clip.startBeat + beats);
      const trackId = onto.get(clip.id);
      return [clip.id, { startBeat, startTime: map.seconds(startBeat), ...(trackId ? { trackId } : {}) }];
    });
    void moveClips(tidy(beats), new Map(shown));
  }
};

/** Selects the clip beside the selected one, on its track or on the next one that has some. */
export const walk = (along: number, down: number): void => {
  const current = selection().at(along < 0 ? 0 : -1);
  const filled = tracks.value.filter(({ id }) => clipsByTrack.value.has(id));
  const track = filled.findIndex(({ id }) => id === (current?.trackId ?? selectedTrack.value));
  const list = clipsByTrack.value.get(filled[Math.max(0, track + (current ? down : 0))]?.id ?? "") ?? [];
  const at = current?.startTime ?? player.position.value;
  const place = current && !down ? list.indexOf(current) + along : nearest(list, at);
  const next = list[place];
  if (!next) return;
  selectedClips.value = new Set([next.id]);
  selectedTrack.value = next.trackId;
  reveal(next.trackId, next.startTime);
};

const nearest = (list: readonly Clip[], at: number): number =>
  list.reduce(
    (best, clip, index) => (Math.abs(clip.startTime - at) < Math.abs((list[best]?.startTime ?? 0) - at) ? index : best),
    0,
  );
