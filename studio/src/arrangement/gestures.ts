import { batch } from "@preact/signals";
import type { Operation } from "../project/document";
import { toggleLoop, updateClip, updateProject } from "../project/edits";
import type { Clip, Project } from "../project/entities";
import { clips, clipsByTrack, mayEdit, preview, recordings, tempoMap, tracks } from "../project/store";
import { player } from "../sound/player";
import { type Gesture, pointOf } from "../ui/canvas";
import { panel, selectedClips, selectedTrack, zoom } from "../view";
import { hit, type Part, RULER, snapped, toSeconds, trackAt } from "./geometry";

const SLOP = 3; // pixels that a press may slip without being a drag
const SHORTEST = 0.02; // seconds of a clip

/** What a press on the arrangement begins. */
export const begin = (event: PointerEvent): Gesture | null => {
  const { x, y } = pointOf(event);
  if (y < RULER) return y < RULER / 2 ? loopFrom(x, event.altKey) : scrub(x);
  const found = hit(x, y, clipsByTrack.value);
  selectedTrack.value = tracks.value[trackAt(y)]?.id ?? null;
  if (!found) return select(event, x, y);
  choose(found.clip.id, event.shiftKey || event.metaKey || event.ctrlKey);
  if (!mayEdit.value) return null;
  return found.part === "body" ? moveClips(x, y, found.clip) : reshape(x, found.clip, found.part);
};

export const open = (event: MouseEvent): void => {
  const { x, y } = pointOf(event);
  const found = hit(x, y, clipsByTrack.value);
  if (found && !found.clip.audioFileId) panel.value = "notes";
};

export const cursorAt = (event: MouseEvent): string => {
  const { x, y } = pointOf(event);
  if (y < RULER) return "text";
  const part = hit(x, y, clipsByTrack.value)?.part;
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

const scrub = (x: number): Gesture => {
  const go = (at: number) => player.seek(Math.max(0, toSeconds(at)));
  go(x);
  return { scrolls: true, move: (now) => go(now.x), end: () => {} };
};

/** Drags out the region that is looped; a click switches it on and off. */
const loopFrom = (x: number, free: boolean): Gesture => {
  const beatAt = (at: number, free: boolean) => tempoMap.value.beat(snapped(toSeconds(at), free));
  const first = beatAt(x, free);
  let changes: Partial<Project> | null = null;
  return {
    scrolls: true,
    move: ({ x: now, altKey }) => {
      const other = beatAt(now, altKey);
      if (other === first) return;
      changes = { loopStart: Math.min(first, other), loopEnd: Math.max(first, other), looping: true };
      preview.value = [{ kind: "update", entity: "project", entityId: null, changes }];
    },
    end: (cancelled) =>
      batch(() => {
        preview.value = [];
        if (cancelled || !mayEdit.value) return;
        void (changes ? updateProject(changes) : toggleLoop());
      }),
  };
};

/** A press on empty ground: everything that the rectangle touches; a click takes the selection away. */
const select = (event: PointerEvent, x: number, y: number): Gesture => {
  const kept = event.shiftKey ? selectedClips.value : new Set<string>();
  selectedClips.value = kept;
  const from = toSeconds(x);
  return {
    scrolls: true,
    move: (other) => {
      const [begins, ends] = [from, toSeconds(other.x)].sort((one, two) => one - two) as [number, number];
      const [first, last] = [trackAt(y), trackAt(other.y)].sort((one, two) => one - two) as [number, number];
      const rows = tracks.value.slice(Math.max(0, first), last + 1);
      const touched = rows.flatMap((track) =>
        (clipsByTrack.value.get(track.id) ?? []).filter(
          ({ startTime, duration }) => startTime < ends && startTime + duration > begins,
        ),
      );
      selectedClips.value = new Set([...kept, ...touched.map(({ id }) => id)]);
    },
    end: () => {},
  };
};

const moveClips = (x: number, y: number, held: Clip): Gesture => {
  const moved = [...selectedClips.value].flatMap((id) => clips.value.get(id) ?? []);
  const from = trackAt(y);
  const begun = toSeconds(x);
  let changes = new Map<string, Partial<Clip>>();
  return {
    scrolls: true,
    move: (now) => {
      if (changes.size === 0 && Math.abs(now.x - x) < SLOP && trackAt(now.y) === from) return;
      const wanted = snapped(held.startTime + toSeconds(now.x) - begun, now.altKey) - held.startTime;
      const by = Math.max(wanted, -Math.min(...moved.map(({ startTime }) => startTime)));
      const down = trackAt(now.y) - from;
      changes = new Map(moved.map((clip) => [clip.id, { startTime: clip.startTime + by, ...onTrack(clip, down) }]));
      show(changes);
    },
    end: (cancelled) => finish(changes, cancelled),
  };
};

/** Another track of the same kind, or none. */
const onTrack = (clip: Clip, down: number): Partial<Clip> => {
  const index = tracks.value.findIndex(({ id }) => id === clip.trackId);
  const target = tracks.value[index + down];
  const fits = target && (clip.audioFileId ? target.trackType === "AUDIO" : target.trackType !== "AUX");
  return fits && down !== 0 && target.trackType !== "MASTER" ? { trackId: target.id } : {};
};

const reshape = (x: number, clip: Clip, part: Part): Gesture => {
  const from = toSeconds(x);
  let changes: Partial<Clip> = {};
  return {
    scrolls: true,
    move: (now) => {
      const by = toSeconds(now.x) - from;
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

const operations = (changes: ReadonlyMap<string, Partial<Clip>>): Operation[] =>
  [...changes].map(([id, fields]) => ({ kind: "update", entity: "clip", entityId: id, changes: fields }));

const show = (changes: ReadonlyMap<string, Partial<Clip>>): void => {
  preview.value = operations(changes);
};

const finish = (changes: ReadonlyMap<string, Partial<Clip>>, cancelled: boolean): void =>
  batch(() => {
    preview.value = [];
    if (cancelled) return;
    for (const [id, fields] of changes) void updateClip(id, fields);
  });
