import { computed, signal } from "@preact/signals";
import { mayEdit } from "../project/store";
import { leftBeat, rowCount, size, topRow, toX } from "./geometry";
import { DRUMS, pitchName } from "./scale";
import { grid, isDrums, listen, newLength, newVelocity, notes, openClip, pitches, selectedNotes, store } from "./store";

/** Where the next note comes that is written by keys: beats of the material, and a pitch. Null until it is wanted. */
export const cursor = signal<{ beat: number; pitch: number } | null>(null);

const STEP = 0.25; // beats, where there is no grid

/** What a screen reader says of it. */
export const cursorText = computed(() => {
  const at = cursor.value;
  if (!at) return "";
  const name = isDrums.value ? (DRUMS[at.pitch] ?? pitchName(at.pitch)) : pitchName(at.pitch);
  return `${name}, beat ${Number((at.beat + 1).toFixed(3))}${noteAt() < 0 ? "" : ", a note"}`;
});

const noteAt = (): number => {
  const at = cursor.value;
  return at
    ? notes.value.findIndex(
        ({ pitch, start, duration }) =>
          pitch === at.pitch && at.beat > start - 1e-6 && at.beat < start + duration - 1e-6,
      )
    : -1;
};

/** By steps of the grid, and by rows. */
export const moveCursor = (along: number, down: number): void => {
  const list = pitches.value;
  const middle = list[Math.min(list.length - 1, Math.floor(topRow.value + rowCount() / 2))] ?? 60;
  const from = cursor.value ?? { beat: openClip.value?.offsetBeats ?? 0, pitch: middle };
  const row = Math.min(list.length - 1, Math.max(0, list.indexOf(from.pitch) + (cursor.value ? down : 0)));
  const beat = Math.max(0, from.beat + (cursor.value ? along * (grid.value || STEP) : 0));
  cursor.value = { beat, pitch: list[row] ?? from.pitch };
  reveal(beat, row);
};

const reveal = (beat: number, row: number): void => {
  const rows = rowCount();
  if (row < topRow.value) topRow.value = row;
  else if (row > topRow.value + rows - 1) topRow.value = row - rows + 1;
  if (toX(beat) < toX(leftBeat.value)) leftBeat.value = beat;
  else if (toX(beat) > size.value.width - 40) leftBeat.value = Math.max(0, beat - 1);
};

/** Writes a note and goes on behind it; where there is one, selects it, and of a kit switches the step off. */
export const writeAtCursor = (): void => {
  if (!cursor.value) moveCursor(0, 0);
  const at = cursor.value;
  if (!at || !mayEdit.value) return;
  const there = noteAt();
  if (there >= 0) {
    if (isDrums.value) store(notes.value.filter((_, index) => index !== there));
    else selectedNotes.value = new Set([there]);
    return;
  }
  const duration = isDrums.value ? grid.value || STEP : newLength.value;
  store([...notes.value, { pitch: at.pitch, start: at.beat, duration, velocity: newVelocity.value }]);
  void listen(at.pitch);
  if (!isDrums.value) cursor.value = { ...at, beat: at.beat + duration };
};
