import { signal } from "@preact/signals";
import type { Note } from "../sound/notes";

export const KEYS = 48; // pixels, at the left edge
export const RULER = 20; // pixels, at the top
export const VELOCITIES = 56; // pixels, at the bottom

/** Of the piano roll: pixels per beat and per semitone, the beat at its left edge, the pitch at its upper one. */
export const beatWidth = signal(64);
export const rowHeight = signal(14);
export const leftBeat = signal(0);
export const topPitch = signal(84);

export const toX = (beat: number): number => KEYS + (beat - leftBeat.value) * beatWidth.value;
export const toBeat = (x: number): number => (x - KEYS) / beatWidth.value + leftBeat.value;
export const toY = (pitch: number): number => RULER + (topPitch.value - pitch) * rowHeight.value;
export const toPitch = (y: number): number => topPitch.value - Math.floor((y - RULER) / rowHeight.value);

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
