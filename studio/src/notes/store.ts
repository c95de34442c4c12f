import { computed, signal } from "@preact/signals";
import { editNotes, updateClip } from "../project/edits";
import type { Clip, Track } from "../project/entities";
import { clips, preview, tempoMap, tracks } from "../project/store";
import { running } from "../sound/context";
import { type Note, notesOf, tone } from "../sound/notes";
import { player } from "../sound/player";
import { selectedClips } from "../view";
import { DRUMS } from "./scale";

/** Which clip of notes is open: the selected one, if it is one alone. */
export const openClip = computed<Clip | null>(() => {
  const [id, other] = selectedClips.value;
  const clip = id && !other ? clips.value.get(id) : undefined;
  return clip?.midiData ? clip : null;
});
export const openTrack = computed<Track | null>(
  () => tracks.value.find(({ id }) => id === openClip.value?.trackId) ?? null,
);
/** With an id each, by which they are edited. */
export const notes = computed<readonly Note[]>(() =>
  (openClip.value ? notesOf(openClip.value) : []).map((note, place) => ({ ...note, id: note.id ?? `n${place}` })),
);
export const isDrums = computed(() => /drum|kit|perc/i.test(openTrack.value?.name ?? ""));

const ALL = Array.from({ length: 128 }, (_, index) => 127 - index);

/** What each row is, from the top: all semitones, or the sounds of a kit and whatever else is played. */
export const pitches = computed<readonly number[]>(() => {
  if (!isDrums.value) return ALL;
  const kit = new Set([...Object.keys(DRUMS).map(Number), ...notes.value.map(({ pitch }) => pitch)]);
  return [...kit].sort((one, other) => other - one);
});

/** Indices of the notes that are selected. */
export const selectedNotes = signal<ReadonlySet<number>>(new Set());
export const grid = signal(0.25); // beats
export const newLength = signal(0.5); // beats of the next note that is drawn
export const newVelocity = signal(100);

const withNotes = (clip: Clip, changed: readonly Note[]): Partial<Clip> => ({
  midiData: { ...(clip.midiData as object), notes: [...changed] } as Clip["midiData"],
});

/** Shows notes as they would be; `store` makes them so. */
export const show = (changed: readonly Note[]): void => {
  const clip = openClip.peek();
  if (!clip) return;
  preview.value = [{ kind: "update", entity: "clip", entityId: clip.id, changes: withNotes(clip, changed) }];
};

const MOST = 1000; // notes of each sort in one edit
const FIELDS = ["pitch", "start", "duration", "velocity"] as const;

/** Edits what differs note by note, so that two people can work on one clip; a whole clip of new notes is one field. */
export const store = (changed: readonly Note[]): void => {
  preview.value = [];
  const clip = openClip.peek();
  if (!clip) return;
  const before = new Map(notes.peek().map((note) => [note.id, note]));
  const taken = new Set<string>(); // a copy of a note is another note
  const after = changed.map((note) => {
    const id = note.id && !taken.has(note.id) ? note.id : crypto.randomUUID().slice(0, 12);
    taken.add(id);
    return { ...note, id };
  });
  const add = after.filter(({ id }) => !before.has(id));
  const change = after.filter((note) => {
    const old = before.get(note.id);
    return old && FIELDS.some((field) => old[field] !== note[field]);
  });
  const kept = new Set(after.map(({ id }) => id));
  const remove = [...before.keys()].filter((id) => id !== undefined && !kept.has(id)) as string[];
  if (add.length + change.length + remove.length === 0) return;
  if (Math.max(add.length, change.length, remove.length) > MOST) void updateClip(clip.id, withNotes(clip, after));
  else void editNotes(clip.id, { add, change, remove }, withNotes(clip, after));
};

export const hide = (): void => {
  preview.value = [];
};

export const snapped = (beat: number, free: boolean): number =>
  free || !grid.value ? Math.max(0, beat) : Math.max(0, Math.round(beat / grid.value) * grid.value);

/** What is selected, or everything, moved to the grid; halves go up. */
export const quantize = (): void => {
  if (!grid.value) return;
  changeChosen((note) => ({ ...note, start: Math.floor(note.start / grid.value + 0.5) * grid.value }));
};

export const removeSelected = (): void => {
  store(notes.value.filter((_, index) => !selectedNotes.value.has(index)));
  selectedNotes.value = new Set();
};

/** What is selected, or everything, changed in one way. */
export const changeChosen = (by: (note: Note) => Note): void => {
  const chosen = selectedNotes.value;
  store(notes.value.map((note, index) => (chosen.size === 0 || chosen.has(index) ? by(note) : note)));
};

export const transpose = (semitones: number): void =>
  changeChosen((note) => ({ ...note, pitch: Math.min(127, Math.max(0, note.pitch + semitones)) }));

export const shift = (beats: number): void =>
  changeChosen((note) => ({ ...note, start: Math.max(0, note.start + beats) }));

/** Longer by beats, or shorter; nothing becomes shorter than a 64th of a quarter. */
export const lengthen = (beats: number): void =>
  changeChosen((note) => ({ ...note, duration: Math.max(1 / 64, note.duration + beats) }));

export const setVelocity = (velocity: number): void => changeChosen((note) => ({ ...note, velocity }));

/** Each note lasts until the next one begins. */
export const legato = (): void => {
  const chosen = selectedNotes.value;
  const starts = [...new Set(chosenNotes().map(({ start }) => start))].sort((one, other) => one - other);
  if (starts.length < 2) return;
  store(
    notes.value.map((note, index) => {
      const next = starts.find((start) => start > note.start + 1e-6);
      return next !== undefined && (chosen.size === 0 || chosen.has(index))
        ? { ...note, duration: next - note.start }
        : note;
    }),
  );
};

const chosenNotes = (): Note[] =>
  selectedNotes.value.size === 0 ? [...notes.value] : notes.value.filter((_, index) => selectedNotes.value.has(index));

export const selectAll = (): void => {
  selectedNotes.value = new Set(notes.value.keys());
};

const clipboard = signal<readonly Note[]>([]); // from the first one's beat on

export const copy = (): void => {
  if (selectedNotes.value.size === 0) return;
  const list = chosenNotes();
  const from = Math.min(...list.map(({ start }) => start));
  clipboard.value = list.map((note) => ({ ...note, start: note.start - from }));
};

const insert = (list: readonly Note[], at: number): void => {
  const before = notes.value;
  if (list.length === 0) return;
  store([...before, ...list.map((note) => ({ ...note, start: note.start + at }))]);
  selectedNotes.value = new Set(list.map((_, index) => before.length + index));
};

/** At the playhead, if it is in the clip, else behind what is selected. */
export const paste = (): void => insert(clipboard.value, snapped(playhead.value ?? endOfChosen(), false));

/** Copies what is selected behind itself, on the grid. */
export const duplicate = (): void => {
  if (selectedNotes.value.size === 0) return;
  const list = chosenNotes();
  const from = Math.min(...list.map(({ start }) => start));
  const step = grid.value || 0.25;
  const length = Math.ceil((endOfChosen() - from) / step - 1e-6) * step;
  insert(list, length);
};

const endOfChosen = (): number =>
  chosenNotes().reduce(
    (latest, { start, duration }) => Math.max(latest, start + duration),
    openClip.value?.offsetBeats ?? 0,
  );

/** Lets a pitch be heard for a moment. */
export const listen = async (pitch: number, velocity = newVelocity.value): Promise<void> => {
  const audio = await running();
  const channel = player.mixer.channel(openTrack.value?.id ?? "") ?? player.mixer.master;
  const quieter = new GainNode(audio, { gain: 0.25 });
  quieter.connect(channel.input);
  tone(audio, quieter, { pitch, velocity }, audio.currentTime, 0.2);
};

/** Beats of the clip's material that the playhead is at; null while it is elsewhere. */
export const playhead = computed<number | null>(() => {
  const clip = openClip.value;
  if (!clip) return null;
  const map = tempoMap.value;
  const at = map.beat(player.position.value) - map.beat(clip.startTime) + clip.offsetBeats;
  return at < clip.offsetBeats || at > clip.offsetBeats + clip.lengthBeats ? null : at;
});
