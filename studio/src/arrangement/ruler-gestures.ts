import { batch } from "@preact/signals";
import { change, toggleLoop, updateProject } from "../project/edits";
import type { Kind, Kinds, Project } from "../project/entities";
import {
  chords,
  loop,
  markers,
  mayEdit,
  preview,
  sections,
  tempoEvents,
  tempoMap,
  timeSignatureEvents,
} from "../project/store";
import { player } from "../sound/player";
import { type Gesture, pointOf } from "../ui/canvas";
import { BANDS, type Band, bandAt, EDGE, snapped, snappedBeat, toSeconds, toX } from "./geometry";
import { add, edit, type PlaceKind } from "./places";

const SLOP = 3; // pixels

/** What a double click adds into a band. */
const KIND_OF: Partial<Record<Band, PlaceKind>> = { places: "marker", chords: "chord", tempo: "tempoEvent" };

/** A thing in the ruler that can be held. `part`: its end makes it longer. */
export type Placed =
  | {
      kind: "marker" | "section" | "chord" | "tempoEvent";
      id: string;
      beat: number;
      length: number;
      part: "body" | "end";
    }
  | { kind: "timeSignatureEvent"; id: string; beat: number; length: 0; part: "body" };

const FLAG = 12; // pixels of a marker's flag
export const METRE = 32; // pixels of the sign of a metre, and of a tempo behind it
const TEMPO = 40;

/** Whether the sign of a metre stands at that beat, too. */
export const metreAt = (beat: number): boolean =>
  beat === 0 || timeSignatureEvents.value.some(({ bar }) => Math.abs(tempoMap.value.beatOfBar(bar) - beat) < 1e-6);

/** What of the ruler is under a point. */
export const placedAt = (x: number, y: number): Placed | null => {
  const map = tempoMap.value;
  const at = (beat: number) => toX(map.seconds(beat));
  const near = (beat: number, wide = FLAG) => x >= at(beat) - 4 && x <= at(beat) + wide;
  const held = (beat: number, length: number) =>
    x >= at(beat) && x <= at(beat + length) ? (x > at(beat + length) - EDGE ? "end" : "body") : null;
  const band = bandAt(y);
  if (band === "places") {
    const marker = markers.value.findLast(({ beat }) => near(beat));
    if (marker) return { kind: "marker", id: marker.id, beat: marker.beat, length: 0, part: "body" };
    for (const { id, beat, length } of sections.value.toReversed()) {
      const part = held(beat, length);
      if (part) return { kind: "section", id, beat, length, part };
    }
  }
  if (band === "chords") {
    for (const [index, { id, beat, length }] of [...chords.value.entries()].toReversed()) {
      const lasts = length ?? (chords.value[index + 1]?.beat ?? Number.POSITIVE_INFINITY) - beat;
      if (x >= at(beat) && x <= (Number.isFinite(lasts) ? at(beat + lasts) : at(beat) + 64)) {
        const part = length !== null && x > at(beat + length) - EDGE ? "end" : "body";
        return { kind: "chord", id, beat, length: length ?? 0, part };
      }
    }
  }
  if (band === "tempo") {
    const metre = timeSignatureEvents.value.findLast(({ bar }) => near(map.beatOfBar(bar), METRE));
    if (metre)
      return { kind: "timeSignatureEvent", id: metre.id, beat: map.beatOfBar(metre.bar), length: 0, part: "body" };
    const tempo = tempoEvents.value.findLast(({ beat }) => near(beat, TEMPO + (metreAt(beat) ? METRE : 0)));
    if (tempo) return { kind: "tempoEvent", id: tempo.id, beat: tempo.beat, length: 0, part: "body" };
  }
  return null;
};

/** Where the pointer is, in beats. */
export const beatAt = (x: number, free = false): number =>
  snappedBeat(tempoMap.value.beat(Math.max(0, toSeconds(x))), free);

export const beginRuler = (event: PointerEvent): Gesture | null => {
  const { x, y, altKey } = pointOf(event);
  const found = placedAt(x, y);
  if (found) return mayEdit.value ? movePlaced(x, found) : null;
  if (bandAt(y) === "bars") return loopFrom(x, y, altKey);
  return bandAt(y) === "seconds" ? scrub(x) : seekOnly(x);
};

/** A double click names what is there, or adds what belongs into the band. */
export const openRuler = (event: MouseEvent): void => {
  const { x, y, altKey } = pointOf(event);
  if (!mayEdit.value) return;
  const found = placedAt(x, y);
  if (found) edit(found.kind, found.id, event.clientX, event.clientY);
  else if (KIND_OF[bandAt(y)])
    void add(KIND_OF[bandAt(y)] as PlaceKind, beatAt(x, altKey), event.clientX, event.clientY);
};

export const cursorOfRuler = (event: MouseEvent): string => {
  const { x, y } = pointOf(event);
  const found = placedAt(x, y);
  if (found) return found.part === "end" ? "ew-resize" : "grab";
  return bandAt(y) === "bars" && loopEdge(x, y) ? "ew-resize" : "text";
};

const scrub = (x: number): Gesture => {
  const go = (at: number, free = false) => player.seek(snapped(toSeconds(at), free));
  go(x);
  return { scrolls: true, move: ({ x, altKey }) => go(x, altKey), end: () => {} };
};

const seekOnly = (x: number): null => {
  player.seek(snapped(toSeconds(x)));
  return null;
};

const loopEdge = (x: number, y: number): "from" | "to" | null => {
  const region = loop.value;
  if (!region || y > BANDS.bars + EDGE) return null;
  if (Math.abs(x - toX(region.from)) < EDGE) return "from";
  return Math.abs(x - toX(region.to)) < EDGE ? "to" : null;
};

/** Drags out the region that is looped, or moves its end; a click on it switches it on and off, elsewhere it seeks. */
const loopFrom = (x: number, y: number, free: boolean): Gesture => {
  const map = tempoMap.value;
  const region = loop.value;
  const edge = mayEdit.value ? loopEdge(x, y) : null;
  const first = edge && region ? map.beat(edge === "from" ? region.to : region.from) : beatAt(x, free);
  const onRegion = region && y <= BANDS.bars + EDGE && toX(region.from) <= x && x <= toX(region.to);
  let changes: Partial<Project> | null = null;
  return {
    scrolls: true,
    move: ({ x: now, altKey }) => {
      const other = beatAt(now, altKey);
      if (!mayEdit.value || other === first || (!changes && Math.abs(now - x) < SLOP)) return;
      changes = { loopStart: Math.min(first, other), loopEnd: Math.max(first, other), looping: true };
      preview.value = [{ kind: "update", entity: "project", entityId: null, changes }];
    },
    end: (cancelled) =>
      batch(() => {
        preview.value = [];
        if (cancelled) return;
        if (changes) void updateProject(changes);
        else if (onRegion && mayEdit.value) void toggleLoop();
        else player.seek(snapped(toSeconds(x), free));
      }),
  };
};

const movePlaced = (x: number, held: Placed): Gesture => {
  const map = tempoMap.value;
  const begun = map.beat(Math.max(0, toSeconds(x)));
  let changes: Partial<Kinds[Kind]> | null = null;
  return {
    scrolls: true,
    move: (now) => {
      if (!changes && Math.abs(now.x - x) < SLOP) return;
      const by = map.beat(Math.max(0, toSeconds(now.x))) - begun;
      if (held.part === "end") {
        const end = snappedBeat(held.beat + held.length + by, now.altKey);
        changes = { length: Math.max(0.25, end - held.beat) };
      } else if (held.kind === "timeSignatureEvent") {
        changes = { bar: Math.max(0, map.position(Math.max(0, held.beat + by) + 0.5).bar - 1) };
      } else changes = { beat: snappedBeat(held.beat + by, now.altKey) };
      preview.value = [
        { kind: "update", entity: held.kind, entityId: held.id, changes: changes as Record<string, unknown> },
      ];
    },
    end: (cancelled) =>
      batch(() => {
        preview.value = [];
        if (!cancelled && changes) void change(held.kind, held.id, changes);
      }),
  };
};
