import { signal } from "@preact/signals";
import { createClip, deleteClip, updateEach } from "../project/edits";
import type { Clip, Track } from "../project/entities";
import { clips, clipsByTrack, mayEdit, recordings, tempoMap, tracks } from "../project/store";
import { notesOf } from "../sound/notes";
import { peaksOf } from "../sound/peaks";
import { player } from "../sound/player";
import { notify } from "../ui/notices";
import { selectedClips, selectedTrack, snap } from "../view";
import { placedAt, snappedBeat, tidy } from "./geometry";
import { reveal, rows } from "./layout";

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

/** Makes clips and selects them when they are there. */
const make = async (wanted: readonly (Partial<Clip> & { trackId: string })[]): Promise<void> => {
  const made = await Promise.all(wanted.map((fields) => createClip(fields)));
  const ids = made.flatMap(({ clip }) => (clip as { id: string } | undefined)?.id ?? []);
  if (ids.length > 0) selectedClips.value = new Set(ids);
};

/** Cuts what is selected at a moment; without a selection what is there on the selected track. */
export const split = (at = player.position.value): void => {
  const chosen = selection();
  const list = chosen.length > 0 ? chosen : (clipsByTrack.value.get(selectedTrack.value ?? "") ?? []);
  const cut = list.filter((clip) => clip.startTime + 0.01 < at && endOf(clip) - 0.01 > at);
  if (cut.length === 0) {
    notify("news", "Put the playhead into a clip to split it there.");
    return;
  }
  const changes = new Map<string, Partial<Clip>>();
  const made = cut.map((clip) => {
    const [before, after] = [at - clip.startTime, endOf(clip) - at];
    const map = tempoMap.value;
    const [from, middle] = [map.beat(clip.startTime), map.beat(at)];
    const length = clip.audioFileId ? { duration: before } : { duration: before, lengthBeats: middle - from };
    changes.set(clip.id, { ...length, fadeIn: Math.min(clip.fadeIn, before), fadeOut: 0 });
    const rest = clip.audioFileId
      ? { startTime: at, offset: clip.offset + before, duration: after }
      : inBeats(at, clip.offsetBeats + middle - from, clip.lengthBeats - (middle - from));
    return { ...copyOf(clip, at), ...rest, fadeIn: 0, fadeOut: Math.min(clip.fadeOut, after) };
  });
  void updateEach(changes);
  void make(made);
};

/** Copies behind what is selected, `times` over, so that its first beat comes where the grid goes on. */
export const repeat = (times = 1): void => {
  const list = selection();
  if (list.length === 0) return;
  const map = tempoMap.value;
  const [from, to] = spanOf(list);
  const start = map.beat(from);
  const exact = map.beat(to) - start;
  const rounded = snappedBeat(start + exact) - start;
  // The next line of the grid, if the end is less than a tick away from it.
  const length = snap.value && Math.abs(rounded - exact) < 1 / 960 ? rounded : exact;
  void make(
    Array.from({ length: times }, (_, time) =>
      list.map((clip) => copyOf(clip, map.seconds(map.beat(clip.startTime) + length * (time + 1)))),
    ).flat(),
  );
};

export const clipboard = signal<readonly Clip[]>([]);

export const copy = (): void => {
  const list = selection();
  if (list.length === 0) return;
  clipboard.value = list;
  notify("news", list.length === 1 ? "1 clip copied." : `${list.length} clips copied.`);
};

export const removeSelected = (): void => {
  for (const { id } of selection()) void deleteClip(id);
  selectedClips.value = new Set();
};

export const cut = (): void => {
  copy();
  removeSelected();
};

/** The clipboard at a moment: on the tracks where it was, or from the selected one downwards. */
export const paste = (at = player.position.value): void => {
  const list = clipboard.value;
  if (list.length === 0) return;
  const order = rows.value.map(({ track }) => track);
  const places = list.map(({ trackId }) => order.findIndex(({ id }) => id === trackId));
  const target = order.findIndex(({ id }) => id === selectedTrack.value);
  const first = Math.min(...places.filter((place) => place >= 0));
  const down = target >= 0 && Number.isFinite(first) ? target - first : 0;
  const [from] = spanOf(list);
  const map = tempoMap.value;
  const by = map.beat(at) - map.beat(from);
  void make(
    list.flatMap((clip, index) => {
      const onto = [order[(places[index] as number) + down], order[places[index] as number]].find(
        (track) => track && takes(track, clip),
      );
      return onto ? copyOf(clip, map.seconds(map.beat(clip.startTime) + by), onto.id) : [];
    }),
  );
};

/** Whether a clip may lie on a track. */
export const takes = ({ trackType }: Track, clip: Pick<Clip, "audioFileId">): boolean =>
  clip.audioFileId ? trackType === "AUDIO" : trackType === "MIDI" || trackType === "INSTRUMENT";

export const selectAll = (): void => {
  selectedClips.value = new Set(clips.value.keys());
};

/** Neighbours that overlap, of those that are selected; one alone fades with those around it. */
export const overlaps = (): [Clip, Clip][] => {
  const chosen = selectedClips.value;
  return [...new Set(selection().map(({ trackId }) => trackId))].flatMap((trackId) => {
    const list = clipsByTrack.value.get(trackId) ?? [];
    return list.slice(1).flatMap((later, index): [Clip, Clip][] => {
      const earlier = list[index] as Clip;
      const met =
        chosen.size === 1
          ? chosen.has(earlier.id) || chosen.has(later.id)
          : chosen.has(earlier.id) && chosen.has(later.id);
      return met && endOf(earlier) > later.startTime + 0.001 && endOf(later) > endOf(earlier) ? [[earlier, later]] : [];
    });
  });
};

/** Equal power, as long as they overlap. */
export const crossfade = (): void => {
  const changes = new Map<string, Partial<Clip>>();
  for (const [earlier, later] of overlaps()) {
    const length = endOf(earlier) - later.startTime;
    const [before, after] = [changes.get(earlier.id), changes.get(later.id)];
    const fadeIn = Math.min(before?.fadeIn ?? earlier.fadeIn, earlier.duration - length);
    changes.set(earlier.id, { ...before, fadeIn, fadeOut: length, fadeCurve: "equalPower" });
    const fadeOut = Math.min(later.fadeOut, later.duration - length);
    changes.set(later.id, { ...after, fadeIn: length, fadeOut, fadeCurve: "equalPower" });
  }
  if (changes.size === 0) {
    notify("news", "Let two clips of a track overlap to crossfade them.");
    return;
  }
  void updateEach(changes);
};

/** Note clips of one track become one, from the first beat to the last. */
export const glue = (): void => {
  const list = selection();
  const [first, ...others] = list;
  if (!first || others.length === 0 || list.some(({ trackId, midiData }) => trackId !== first.trackId || !midiData)) {
    notify("news", "Select several clips of notes on one track to glue them.");
    return;
  }
  const map = tempoMap.value;
  const origin = map.beat(first.startTime);
  const [, to] = spanOf(list);
  const notes = list.flatMap((clip) => {
    const begins = map.beat(clip.startTime) - clip.offsetBeats;
    const [low, high] = [clip.offsetBeats, clip.offsetBeats + clip.lengthBeats];
    return notesOf(clip)
      .filter(({ start }) => start >= low - 1e-6 && start < high - 1e-6)
      .map((note) => ({
        ...note,
        start: Math.max(0, begins + note.start - origin),
        duration: Math.min(note.duration, high - note.start),
      }));
  });
  const midiData = { ...(first.midiData as object), notes } as Clip["midiData"];
  void make([{ ...copyOf(first, first.startTime), midiData, ...inBeats(first.startTime, 0, map.beat(to) - origin) }]);
  for (const { id } of list) void deleteClip(id);
};

/** The loudest sample of each recording comes to full scale. */
export const normalise = (): void => {
  const changes = new Map<string, Partial<Clip>>();
  for (const clip of selection()) {
    const length = recordings.value.get(clip.audioFileId ?? "")?.duration;
    const peaks = length ? peaksOf(clip.audioFileId as string, 1) : null;
    if (!peaks || !length) continue;
    const first = Math.floor((clip.offset / length) * peaks.count);
    const last = Math.ceil(((clip.offset + clip.duration) / length) * peaks.count);
    let highest = 0;
    for (let each = first; each < last; each++) {
      highest = Math.max(highest, -(peaks.low[each] ?? 0), peaks.high[each] ?? 0);
    }
    if (highest > 0) changes.set(clip.id, { gain: Math.min(24, Math.round(-200 * Math.log10(highest)) / 10) });
  }
  if (changes.size > 0) void updateEach(changes);
};

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
  const changes = list.map((clip, index): [string, Partial<Clip>] => [
    clip.id,
    {
      ...placedAt(clip, map.seconds(map.beat(clip.startTime) + by)),
      ...(down ? { trackId: targets[index]?.id ?? "" } : {}),
    },
  ]);
  void updateEach(new Map(changes));
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
