import { signal } from "@preact/signals";
import { holding } from "../people/locks";
import { mayEdit } from "../project/store";
import type { Note } from "../sound/notes";
import { type Gesture, type Pointer, pointOf } from "../ui/canvas";
import { beatWidth, hitNote, hitVelocity, KEYS, RULER, toBeat, toPitch, VELOCITIES } from "./geometry";
import {
  grid,
  hide,
  isDrums,
  listen,
  newLength,
  newVelocity,
  notes,
  openClip,
  selectedNotes,
  show,
  snapped,
  store,
} from "./store";

const SHORTEST = 1 / 64; // beats
const SLOP = 3; // pixels

/** What is being drawn around notes: beats, and pitches. */
export const band = signal<{ from: number; to: number; low: number; high: number } | null>(null);

/** What a press on the piano roll begins; others are told that somebody works on the track. */
export const begin = (event: PointerEvent): Gesture | null => {
  const gesture = begun(event);
  return gesture && holding(gesture, [openClip.value?.trackId ?? ""]);
};

/** A note that is drawn, moved or made longer, a velocity, a selection. */
const begun = (event: PointerEvent): Gesture | null => {
  if (!openClip.value) return null;
  const { x, y } = pointOf(event);
  const bottom = (event.currentTarget as Element).clientHeight - VELOCITIES;
  if (x < KEYS) {
    if (y > RULER && y < bottom) void listen(toPitch(y));
    return null;
  }
  if (y > bottom) return mayEdit.value ? velocities(x, bottom + VELOCITIES) : null;
  const found = hitNote(x, y, notes.value);
  if (isDrums.value && mayEdit.value && !event.shiftKey) return step(x, y, found?.index ?? null);
  if (!found) return event.shiftKey || !mayEdit.value ? select(x, y) : write(x, y, event.altKey);
  choose(found.index, event.shiftKey);
  const note = notes.value[found.index] as Note;
  void listen(note.pitch, note.velocity);
  if (!mayEdit.value) return null;
  return found.part === "end" ? lengthen(x) : move(x, y, note);
};

/** A double click takes a note away. */
export const removeAt = (event: MouseEvent): void => {
  const { x, y } = pointOf(event);
  const found = hitNote(x, y, notes.value);
  if (!found || !mayEdit.value || isDrums.value) return;
  selectedNotes.value = new Set();
  store(notes.value.filter((_, index) => index !== found.index));
};

export const cursorAt = (event: MouseEvent): string => {
  const { x, y } = pointOf(event);
  if (x < KEYS) return "pointer";
  if (y > (event.currentTarget as Element).clientHeight - VELOCITIES) return "ns-resize";
  const found = hitNote(x, y, notes.value);
  if (isDrums.value) return "pointer";
  return found ? (found.part === "end" ? "ew-resize" : "grab") : "crosshair";
};

const choose = (index: number, more: boolean): void => {
  const chosen = new Set(more || selectedNotes.value.has(index) ? selectedNotes.value : []);
  if (more && selectedNotes.value.has(index)) chosen.delete(index);
  else chosen.add(index);
  selectedNotes.value = chosen;
};

/** A step of a kit is switched on, or off again; further steps of its row as the pointer passes them. */
const step = (x: number, y: number, there: number | null): Gesture => {
  const pitch = toPitch(y);
  const length = grid.value || 0.25;
  const stepOf = (beat: number) => Math.max(0, Math.floor(beat / length + 1e-6));
  const before = notes.value;
  const touched = new Set([there === null ? stepOf(toBeat(x)) : stepOf((before[there] as Note).start)]);
  const after = () => {
    const others = before.filter((note) => note.pitch !== pitch || !touched.has(stepOf(note.start)));
    if (there !== null) return others;
    const made = [...touched].map((each) => ({
      pitch,
      start: each * length,
      duration: length,
      velocity: newVelocity.value,
    }));
    return [...others, ...made];
  };
  if (there === null) void listen(pitch);
  selectedNotes.value = new Set();
  show(after());
  return {
    scrolls: true,
    move: (now) => {
      touched.add(stepOf(toBeat(now.x)));
      show(after());
    },
    end: (cancelled) => (cancelled ? hide() : store(after())),
  };
};

const write = (x: number, y: number, free: boolean): Gesture => {
  const pitch = toPitch(y);
  const step = grid.value;
  const start = free || !step ? toBeat(x) : Math.max(0, Math.floor(toBeat(x) / step) * step);
  const before = notes.value;
  let note: Note = { pitch, start, duration: newLength.value, velocity: newVelocity.value };
  void listen(pitch);
  show([...before, note]);
  return {
    move: (now) => {
      const end = snapped(toBeat(now.x), now.altKey);
      if (Math.abs(now.x - x) > SLOP) note = { ...note, duration: Math.max(step || SHORTEST, end - start) };
      show([...before, note]);
    },
    end: (cancelled) => {
      if (cancelled) return hide();
      newLength.value = note.duration;
      store([...before, note]);
      selectedNotes.value = new Set([before.length]);
    },
  };
};

/** Changes all that is selected in the same way while the pointer moves. */
const change = (by: (note: Note, now: Pointer) => Note): Gesture => {
  const before = notes.value;
  const chosen = selectedNotes.value;
  let after = before;
  return {
    scrolls: true,
    move: (now) => {
      after = before.map((note, index) => (chosen.has(index) ? by(note, now) : note));
      show(after);
    },
    end: (cancelled) => (cancelled || after === before ? hide() : store(after)),
  };
};

const move = (x: number, y: number, held: Note): Gesture => {
  const begun = toBeat(x);
  const lowest = Math.min(
    ...notes.value.filter((_, index) => selectedNotes.value.has(index)).map(({ start }) => start),
  );
  let heard = held.pitch;
  return change((note, now) => {
    const wanted = snapped(held.start + toBeat(now.x) - begun, now.altKey) - held.start;
    const by = Math.abs(now.x - x) > SLOP ? Math.max(wanted, -lowest) : 0;
    const up = toPitch(now.y) - toPitch(y);
    if (held.pitch + up !== heard) {
      heard = held.pitch + up;
      void listen(heard, held.velocity);
    }
    return { ...note, start: note.start + by, pitch: Math.min(127, Math.max(0, note.pitch + up)) };
  });
};

const lengthen = (x: number): Gesture =>
  change((note, now) => {
    const end = snapped(note.start + note.duration + (now.x - x) / beatWidth.value, now.altKey);
    return { ...note, duration: Math.max(SHORTEST, end - note.start) };
  });

const velocities = (x: number, floor: number): Gesture | null => {
  const found = hitVelocity(x, notes.value);
  if (found === null) return null;
  if (!selectedNotes.value.has(found)) selectedNotes.value = new Set([found]);
  return change((note, now) => {
    const share = (floor - now.y) / (VELOCITIES - 8);
    return { ...note, velocity: Math.min(127, Math.max(1, Math.round(share * 127))) };
  });
};

const select = (x: number, y: number): Gesture => {
  const [from, pitch] = [toBeat(x), toPitch(y)];
  return {
    scrolls: true,
    move: (now) => {
      const [begins, ends] = [from, toBeat(now.x)].sort((one, two) => one - two) as [number, number];
      const [low, high] = [pitch, toPitch(now.y)].sort((one, two) => one - two) as [number, number];
      band.value = { from: begins, to: ends, low, high };
      const touched = notes.value.flatMap((note, index) =>
        note.pitch >= low && note.pitch <= high && note.start < ends && note.start + note.duration > begins
          ? index
          : [],
      );
      selectedNotes.value = new Set(touched);
    },
    end: () => {
      band.value = null;
    },
  };
};
