import { signal } from "@preact/signals";
import type { Note } from "../sound/notes";
import { pitches } from "./store";

export const KEYS = 80; // pixels, at the left edge
export const RULER = 20; // pixels, at the top
export const VELOCITIES = 56; // pixels, at the bottom

/** Of the piano roll: pixels per beat and per row, the beat at its left edge, the row at its upper one. */
export const beatWidth = signal(64);
export const rowHeight = signal(14);
export const leftBeat = signal(0);
export const topRow = signal(43);

/** Of the canvas, in pixels. */
export const size = signal({ width: 800, height: 240 });

export const toX = (beat: number): number => KEYS + (beat - leftBeat.value) * beatWidth.value;
export const toBeat = (x: number): number => (x - KEYS) / beatWidth.value + leftBeat.value;
/** Rows are semitones, or the sounds of a kit. */
export const toY = (pitch: number): number => RULER + (rowOf(pitch) - topRow.value) * rowHeight.value;
export const toPitch = (y: number): number => {
  const row = Math.floor((y - RULER) / rowHeight.value + topRow.value);
  return pitches.value[Math.min(pitches.value.length - 1, Math.max(0, row))] ?? 60;
};
const rowOf = (pitch: number): number => {
  const found = pitches.value.indexOf(pitch);
  return found < 0 ? pitches.value.length : found;
};

/** How many rows can be seen whole. */
export const rowCount = (): number =>
  Math.max(1, Math.floor((size.value.height - RULER - VELOCITIES) / rowHeight.value));

/** The rows that can be seen. */
export const pitchesInSight = (): readonly number[] => {
  const count = Math.ceil((size.value.height - RULER - VELOCITIES) / rowHeight.value) + 1;
  return pitches.value.slice(Math.floor(topRow.value), Math.floor(topRow.value) + count);
};

export const scrollBy = (across: number, down: number): void => {
  leftBeat.value = Math.max(0, leftBeat.value + across / beatWidth.value);
  const most = Math.max(0, pitches.value.length - (size.value.height - RULER - VELOCITIES) / rowHeight.value);
  topRow.value = Math.min(most, Math.max(0, topRow.value + down / rowHeight.value));
};

/** Around a point, in pixels from the left edge, which stays where it is. */
export const zoomBy = (factor: number, x: number): void => {
  const at = toBeat(x);
  beatWidth.value = Math.min(400, Math.max(8, beatWidth.value * factor));
  leftBeat.value = Math.max(0, at - (x - KEYS) / beatWidth.value);
};

const EDGE = 6; // pixels at the end of a note that change its length

export interface NoteHit {
  index: number;
  part: "body" | "end";
}

/** The note under a point, the later ones lying above. */
export const hitNote = (x: number, y: number, notes: readonly Note[]): NoteHit | null => {
  const pitch = toPitch(y);
  for (let index = notes.length - 1; index >= 0; index--) {
    const note = notes[index] as Note;
    const [from, to] = [toX(note.start), toX(note.start + note.duration)];
    if (note.pitch === pitch && x >= from && x <= to)
      return { index, part: x > to - EDGE && to - from > 2 * EDGE ? "end" : "body" };
  }
  return null;
};

/** The note whose bar of velocity is under a point of the lowest lane. */
export const hitVelocity = (x: number, notes: readonly Note[]): number | null => {
  const found = notes.findIndex(({ start }) => Math.abs(toX(start) - x) < 5);
  return found < 0 ? null : found;
};
