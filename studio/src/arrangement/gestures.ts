import { batch, signal } from "@preact/signals";
import { holding } from "../people/locks";
import type { Operation } from "../project/document";
import { updateEach } from "../project/edits";
import type { Clip } from "../project/entities";
import { clips, mayEdit, preview, recordings, tempoMap } from "../project/store";
import { type Gesture, pointOf } from "../ui/canvas";
import { panel, selectedClips, selectedTrack, top, zoom } from "../view";
import { moveTogether, takes } from "./actions";
import { RULER, snapped, tidy, toSeconds } from "./geometry";
import { hit, type Part } from "./hit";
import { beginLane, openLane } from "./lane-gestures";
import { clipsWithin, rows, spotAt } from "./layout";
import { beginRuler, cursorOfRuler, openRuler } from "./ruler-gestures";
import { chooseTake } from "./takes";

const SLOP = 3; // pixels that a press may slip without being a drag
const SHORTEST = 0.02; // seconds of a clip

/** What is being drawn around clips: seconds, and pixels from the top of the first track. */
export const band = signal<{ from: number; to: number; upper: number; lower: number } | null>(null);

/** What a press on the arrangement begins. */
export const begin = (event: PointerEvent): Gesture | null => {
  const { x, y } = pointOf(event);
  if (y < RULER) return beginRuler(event);
  const spot = spotAt(y);
  if (spot?.lane) return spot.lane.take === undefined ? beginLane(event, spot.lane) : chooseTake(event, spot.lane);
  const found = hit(x, y);
  selectedTrack.value = spot?.row.track.id ?? null;
  if (!found) return select(event, x, y);
  choose(found.clip.id, event.shiftKey || event.metaKey || event.ctrlKey);
  if (!mayEdit.value) return null;
  const gesture = found.part === "body" ? moveClips(x, y, found.clip) : reshape(x, found.clip, found.part);
  return holding(gesture, tracksOf(selectedClips.value));
};

const tracksOf = (ids: Iterable<string>): string[] => [
  ...new Set([...ids].flatMap((id) => clips.value.get(id)?.trackId ?? [])),
];

export const open = (event: MouseEvent): void => {
  const { x, y } = pointOf(event);
  if (y < RULER) {
    openRuler(event);
    return;
  }
  const lane = spotAt(y)?.lane;
  if (lane && lane.take === undefined) openLane(event, lane);
  const found = hit(x, y);
  if (found && !found.clip.audioFileId) panel.value = "notes";
};

export const cursorAt = (event: MouseEvent): string => {
  const { x, y } = pointOf(event);
  if (y < RULER) return cursorOfRuler(event);
  if (spotAt(y)?.lane) return "crosshair";
  const part = hit(x, y)?.part;
  if (!part) return "default";
  return { body: "grab", start: "ew-resize", end: "ew-resize", fadeIn: "pointer", fadeOut: "pointer" }[part];
};

const choose = (id: string, more: boolean): void => {
  const chosen = new Set(selectedClips.value);
  if (more && chosen.has(id)) chosen.delete(id);
  else if (more || chosen.has(id)) chosen.add(id);
  else {
    chosen.clear();
    chosen.add(id);
  }
  selectedClips.value = chosen;
};

/** A press on empty ground: everything that the rectangle touches; a click takes the selection away. */
const select = (event: PointerEvent, x: number, y: number): Gesture => {
  const kept = event.shiftKey ? selectedClips.value : new Set<string>();
  selectedClips.value = kept;
  const begun = toSeconds(x);
  const begunAt = y - RULER + top.value;
  return {
    scrolls: true,
    move: (now) => {
      const at = Math.max(RULER, now.y) - RULER + top.value;
      const [from, to] = inOrder(begun, toSeconds(now.x));
      const [upper, lower] = inOrder(begunAt, at);
      const touched = rows.value
        .filter((row) => row.top < lower && row.top + row.height > upper)
        .flatMap(({ track }) => clipsWithin(track.id, from, to));
      batch(() => {
        band.value = { from, to, upper, lower };
        selectedClips.value = new Set([...kept, ...touched.map(({ id }) => id)]);
      });
    },
    end: () => {
      band.value = null;
    },
  };
};

const inOrder = (one: number, other: number): [number, number] => [Math.min(one, other), Math.max(one, other)];

const placeAt = (y: number): number => {
  const row = spotAt(Math.max(RULER, y))?.row;
  return row ? rows.value.indexOf(row) : rows.value.length - 1;
};

const moveClips = (x: number, y: number, held: Clip): Gesture => {
  const moved = [...selectedClips.value].flatMap((id) => clips.value.get(id) ?? []);
  const earliest = Math.min(...moved.map(({ startBeat }) => startBeat));
  const from = placeAt(y);
  const begun = toSeconds(x);
  const map = tempoMap.value;
  let beats = 0;
  let onto: ReadonlyMap<string, string> = new Map();
  let dragged = false;
  return {
    scrolls: true,
    move: (now) => {
      if (!dragged && Math.abs(now.x - x) < SLOP && placeAt(now.y) === from) return;
      dragged = true;
      const wanted = snapped(held.startTime + toSeconds(now.x) - begun, now.altKey);
      // By beats, so that all of them stay on their lines where the tempo changes on the way.
      beats = Math.max(tidy(map.beat(wanted) - held.startBeat), -earliest);
      onto = onTracks(moved, placeAt(now.y) - from);
      show(
        new Map(
          moved.map((clip) => {
            const trackId = onto.get(clip.id) ?? clip.trackId;
            return [clip.id, { startTime: map.seconds(tidy(clip.startBeat + beats)), trackId }];
          }),
        ),
      );
    },
    end: (cancelled) =>
      batch(() => {
        preview.value = [];
        if (!cancelled && (beats !== 0 || onto.size > 0)) moveTogether(moved, beats, onto);
      }),
  };
};

/** So many tracks lower, if all of them fit there: the track of each. */
const onTracks = (moved: readonly Clip[], down: number): ReadonlyMap<string, string> => {
  if (down === 0) return new Map();
  const places = new Map(rows.value.map(({ track }, index) => [track.id, index]));
  const targets = moved.map((clip) => rows.value[(places.get(clip.trackId) ?? -1) + down]?.track);
  if (!targets.every((track, index) => track && takes(track, moved[index] as Clip))) return new Map();
  return new Map(moved.map((clip, index) => [clip.id, targets[index]?.id ?? clip.trackId]));
};

const reshape = (x: number, clip: Clip, part: Part): Gesture => {
  const begun = toSeconds(x);
  let changes: Partial<Clip> = {};
  return {
    scrolls: true,
    move: (now) => {
      const by = toSeconds(now.x) - begun;
      if (Math.abs(by * zoom.value) < SLOP && Object.keys(changes).length === 0) return;
      changes = shapes[part](clip, by, now.altKey);
      show(new Map([[clip.id, changes]]));
    },
    end: (cancelled) => finish(new Map(Object.keys(changes).length ? [[clip.id, changes]] : []), cancelled),
  };
};

const shapes: Record<Part, (clip: Clip, by: number, free: boolean) => Partial<Clip>> = {
  body: () => ({}),
  start: (clip, by, free) => {
    const map = tempoMap.value;
    const earliest = clip.audioFileId
      ? clip.startTime - clip.offset
      : map.seconds(Math.max(0, map.beat(clip.startTime) - clip.offsetBeats));
    const ends = clip.startTime + clip.duration;
    const startTime = Math.min(ends - SHORTEST, Math.max(earliest, 0, snapped(clip.startTime + by, free)));
    // The offset is a place in the material: in seconds of a recording, in beats of notes.
    const offset = clip.audioFileId
      ? { offset: Math.max(0, clip.offset + startTime - clip.startTime) }
      : { offsetBeats: Math.max(0, clip.offsetBeats + map.beat(startTime) - map.beat(clip.startTime)) };
    return withFades(clip, { startTime, ...offset, duration: ends - startTime });
  },
  end: (clip, by, free) => {
    const length = recordings.value.get(clip.audioFileId ?? "")?.duration;
    const most = length ? length - clip.offset : Number.POSITIVE_INFINITY;
    const wanted = snapped(clip.startTime + clip.duration + by, free) - clip.startTime;
    return withFades(clip, { duration: Math.min(most, Math.max(SHORTEST, wanted)) });
  },
  fadeIn: (clip, by) => ({ fadeIn: Math.min(clip.duration - clip.fadeOut, Math.max(0, clip.fadeIn + by)) }),
  fadeOut: (clip, by) => ({ fadeOut: Math.min(clip.duration - clip.fadeIn, Math.max(0, clip.fadeOut - by)) }),
};

/** Fades never last longer than their clip. */
const withFades = (clip: Clip, changes: Partial<Clip> & { duration: number }): Partial<Clip> => {
  const fades = clip.fadeIn + clip.fadeOut;
  if (fades <= changes.duration) return changes;
  const share = changes.duration / fades;
  return { ...changes, fadeIn: clip.fadeIn * share, fadeOut: clip.fadeOut * share };
};

const show = (changes: ReadonlyMap<string, Partial<Clip>>): void => {
  preview.value = [...changes].map(
    ([id, fields]): Operation => ({ kind: "update", entity: "clip", entityId: id, changes: fields }),
  );
};

const finish = (changes: ReadonlyMap<string, Partial<Clip>>, cancelled: boolean): void =>
  batch(() => {
    preview.value = [];
    if (!cancelled && changes.size > 0) void updateEach(changes);
  });
