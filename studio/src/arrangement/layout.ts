import { computed, signal } from "@preact/signals";
import type { Clip, Track } from "../project/entities";
import { clipsByTrack, end, takesByClip, tracks } from "../project/store";
import { left, selectedClips, top, trackHeight, zoom } from "../view";
import { keyOf, type Target } from "./envelopes";
import { RULER } from "./geometry";

export const LANE = 56; // pixels of a lane of automation
export const SMALLEST = 32; // pixels of a track
export const TALLEST = 240;
const MIN_ZOOM = 0.5; // pixels per second
const MAX_ZOOM = 2000;
const INDENT = 12; // pixels a group

/** What this person has opened and made taller: by track. */
export const ownHeights = signal<ReadonlyMap<string, number>>(new Map());
export const openLanes = signal<ReadonlyMap<string, readonly Target[]>>(new Map());
export const openTakes = signal<ReadonlySet<string>>(new Set());
export const folded = signal<ReadonlySet<string>>(new Set());

/** Of the canvas, in pixels. */
export const size = signal({ width: 1000, height: 400 });

/** A lane below a track: of an envelope, or of the takes of its clips, the `take`-th of each. */
export interface LaneRow {
  key: string;
  target: Target;
  track: Track;
  top: number;
  take?: undefined;
}
export interface TakeRow {
  key: string;
  take: number;
  track: Track;
  top: number;
}

/** A track in sight or not: pixels from the top of the first one. `bottom` is below its lanes. */
export interface Row {
  track: Track;
  place: number; // in the list of all tracks
  indent: number;
  top: number;
  height: number;
  lanes: readonly (LaneRow | TakeRow)[];
  bottom: number;
}

export const rows = computed<readonly Row[]>(() => {
  const byId = new Map(tracks.value.map((track) => [track.id, track]));
  let y = 0;
  return tracks.value.flatMap((track, place) => {
    const groups = groupsOf(track, byId);
    if (groups.some((id) => folded.value.has(id))) return [];
    const height = ownHeights.value.get(track.id) ?? trackHeight.value;
    const takes = openTakes.value.has(track.id) ? takesOn(track.id) : 0;
    const targets = openLanes.value.get(track.id) ?? [];
    const top = y;
    const lanes = [
      ...Array.from({ length: takes }, (_, take) => ({ key: `take ${take + 1}`, take, track })),
      ...targets.map((target) => ({ key: keyOf(target), target, track })),
    ].map((lane, index) => ({ ...lane, top: top + height + index * LANE }));
    const row = { track, place, indent: groups.length * INDENT, top: y, height, lanes, bottom: 0 };
    row.bottom = y = y + height + lanes.length * LANE;
    return [row];
  });
});

/** The most that a clip of the track has. */
export const takesOn = (trackId: string): number =>
  (clipsByTrack.value.get(trackId) ?? []).reduce(
    (most, { id }) => Math.max(most, takesByClip.value.get(id)?.length ?? 0),
    0,
  );

/** From the innermost one outwards. */
const groupsOf = ({ groupId }: Track, byId: ReadonlyMap<string, Track>): string[] => {
  const found: string[] = [];
  for (let id = groupId; id && !found.includes(id); id = byId.get(id)?.groupId ?? null) found.push(id);
  return found;
};

export const rowOf = computed(() => new Map(rows.value.map((row) => [row.track.id, row])));
export const contentHeight = computed(() => rows.value.at(-1)?.bottom ?? 0);

/** Those that touch the canvas, and `margin` pixels more. */
export const rowsInSight = (margin = 0): readonly Row[] => {
  const list = rows.value;
  const first = firstWhere(list.length, (index) => (list[index] as Row).bottom > top.value - margin);
  const bottom = top.value + size.value.height - RULER + margin;
  let last = first;
  while (last < list.length && (list[last] as Row).top < bottom) last++;
  return list.slice(first, last);
};

/** Where a row or a lane begins, in pixels from the top of the canvas. */
export const yOf = ({ top: from }: { top: number }): number => RULER + from - top.value;

export interface Spot {
  row: Row;
  lane: LaneRow | TakeRow | null;
}

/** What is at a height of the canvas: a track, or one of its lanes. */
export const spotAt = (y: number): Spot | null => {
  const at = y - RULER + top.value;
  const list = rows.value;
  if (y < RULER) return null;
  const row = list[firstWhere(list.length, (index) => (list[index] as Row).bottom > at)];
  if (!row) return null;
  return { row, lane: [...row.lanes].reverse().find((lane) => at >= lane.top) ?? null };
};

/** A height as a place in the list of tracks, with the share of the row, for those whose rows are other ones. */
export const placeOf = (y: number): number => {
  const row = spotAt(Math.max(RULER, y))?.row;
  return row ? row.place + (y - yOf(row)) / (row.bottom - row.top) : tracks.value.length;
};
export const yOfPlace = (place: number): number => {
  const row = rows.value.find((each) => each.place === Math.floor(place)) ?? rows.value.at(-1);
  return row ? yOf(row) + (place % 1) * (row.bottom - row.top) : RULER;
};

interface Timed {
  clips: readonly Clip[];
  reach: Float64Array; // of each, the latest end of it and of those before it
}

const timed = computed(() => {
  const found = new Map<string, Timed>();
  for (const [id, clips] of clipsByTrack.value) {
    const reach = new Float64Array(clips.length);
    let latest = 0;
    clips.forEach(({ startTime, duration }, index) => {
      latest = Math.max(latest, startTime + duration);
      reach[index] = latest;
    });
    found.set(id, { clips, reach });
  }
  return found;
});

/** The clips of a track that touch a stretch of time, in seconds, in the order of time. */
export const clipsWithin = (trackId: string, from: number, to: number): readonly Clip[] => {
  const { clips, reach } = timed.value.get(trackId) ?? { clips: [], reach: new Float64Array() };
  const found: Clip[] = [];
  const first = firstWhere(clips.length, (index) => (reach[index] as number) > from);
  for (let index = first; index < clips.length; index++) {
    const clip = clips[index] as Clip;
    if (clip.startTime >= to) break;
    if (clip.startTime + clip.duration > from) found.push(clip);
  }
  return found;
};

/** The first of so many places for which it holds, if it holds for all later ones. */
const firstWhere = (count: number, holds: (index: number) => boolean): number => {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** By pixels. */
export const scrollBy = (across: number, down: number): void => {
  left.value = Math.max(0, left.value + across / zoom.value);
  const most = Math.max(0, contentHeight.value - size.value.height + RULER + 24);
  top.value = Math.min(most, Math.max(0, top.value + down));
};

/** Around a point, in pixels from the left edge, which stays where it is. */
export const zoomBy = (factor: number, x = size.value.width / 2): void => {
  const at = left.value + x / zoom.value;
  zoom.value = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom.value * factor));
  left.value = Math.max(0, at - x / zoom.value);
};

const zoomTo = (from: number, to: number): void => {
  const wide = size.value.width;
  zoom.value = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, (wide * 0.94) / Math.max(0.05, to - from)));
  left.value = Math.max(0, from - (wide * 0.03) / zoom.value);
};

export const zoomToFit = (): void => {
  zoomTo(0, Math.max(4, end.value));
  top.value = 0;
};

export const zoomToSelection = (): void => {
  const chosen = [...clipsByTrack.value.values()].flat().filter(({ id }) => selectedClips.value.has(id));
  if (chosen.length === 0) {
    zoomToFit();
    return;
  }
  const ends = chosen.map(({ startTime, duration }) => startTime + duration);
  zoomTo(Math.min(...chosen.map(({ startTime }) => startTime)), Math.max(...ends));
};

/** All tracks get this height; `by` is a factor. */
export const scaleTracks = (by: number): void => {
  trackHeight.value = Math.round(Math.min(TALLEST, Math.max(SMALLEST, trackHeight.value * by)));
  ownHeights.value = new Map();
  scrollBy(0, 0);
};

/** Scrolls until a track, and a moment if one is named, can be seen. */
export const reveal = (trackId: string, seconds?: number): void => {
  const row = rowOf.value.get(trackId);
  if (row) {
    const room = size.value.height - RULER;
    if (row.top < top.value) top.value = row.top;
    else if (row.top + row.height > top.value + room) top.value = row.top + row.height - room;
  }
  if (seconds === undefined) return;
  const x = (seconds - left.value) * zoom.value;
  if (x < 0 || x > size.value.width - 40) left.value = Math.max(0, seconds - size.value.width / zoom.value / 4);
};
