import { computed, signal } from "@preact/signals";
import { updateClip } from "../project/edits";
import type { Clip, Track } from "../project/entities";
import { clips, preview, tempoMap, tracks } from "../project/store";
import { running } from "../sound/context";
import { type Note, notesOf, tone } from "../sound/notes";
import { player } from "../sound/player";
import { selectedClips } from "../view";

/** Which clip of notes is open: the selected one, if it is one alone. */
export const openClip = computed<Clip | null>(() => {
  const [id, other] = selectedClips.value;
  const clip = id && !other ? clips.value.get(id) : undefined;
  return clip?.midiData ? clip : null;
});
export const openTrack = computed<Track | null>(
  () => tracks.value.find(({ id }) => id === openClip.value?.trackId) ?? null,
);
export const notes = computed<readonly Note[]>(() => (openClip.value ? notesOf(openClip.value) : []));
export const isDrums = computed(() => /drum|kit|perc/i.test(openTrack.value?.name ?? ""));

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

export const store = (changed: readonly Note[]): void => {
  preview.value = [];
  const clip = openClip.peek();
  if (clip) void updateClip(clip.id, withNotes(clip, changed));
};

export const hide = (): void => {
  preview.value = [];
};

export const snapped = (beat: number, free: boolean): number =>
  free || !grid.value ? Math.max(0, beat) : Math.max(0, Math.round(beat / grid.value) * grid.value);

/** What is selected, or everything, moved to the grid; halves go up. */
export const quantize = (): void => {
  const chosen = selectedNotes.value;
  if (!grid.value) return;
  const moved = notes.value.map((note, index) =>
    chosen.size === 0 || chosen.has(index)
      ? { ...note, start: Math.floor(note.start / grid.value + 0.5) * grid.value }
      : note,
  );
  store(moved);
};

export const removeSelected = (): void => {
  store(notes.value.filter((_, index) => !selectedNotes.value.has(index)));
  selectedNotes.value = new Set();
};

export const transpose = (semitones: number): void => {
  const chosen = selectedNotes.value;
  store(
    notes.value.map((note, index) =>
      chosen.size === 0 || chosen.has(index)
        ? { ...note, pitch: Math.min(127, Math.max(0, note.pitch + semitones)) }
        : note,
    ),
  );
};

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
