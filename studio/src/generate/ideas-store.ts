import { computed, effect, signal } from "@preact/signals";
import { answered, api, type Schemas } from "../api/client";
import { selection } from "../arrangement/actions";
import { openProject } from "../project/connection";
import { createClip, createTrack } from "../project/edits";
import type { Clip } from "../project/entities";
import { audition, loop, looping, project, tempoMap } from "../project/store";
import { player } from "../sound/player";
import { panel } from "../view";
import { begin, type Job, jobs, wish } from "./store";

export const PARTS = ["drums", "bass", "chords", "melody"] as const;
export type Part = (typeof PARTS)[number];

export const part = signal<Part>("bass");
export const count = signal(3);

/** In beats, and in bars of the metre there. */
export interface Range {
  from: number;
  bars: number;
}

const LONGEST = 128; // bars
const USUAL = 8;

export const between = (from: number, to: number): Range => {
  const map = tempoMap.value;
  const { beat: first, length } = map.metre(map.beat(from));
  const begins = first + Math.floor((map.beat(from) - first) / length + 1e-6) * length;
  const bars = Math.ceil((map.beat(to) - begins) / length - 1e-3);
  return { from: begins, bars: Math.min(LONGEST, Math.max(1, bars)) };
};

export const around = (clips: readonly Clip[]): Range =>
  between(
    Math.min(...clips.map(({ startTime }) => startTime)),
    Math.max(...clips.map(({ startTime, duration }) => startTime + duration)),
  );

/** Where an idea goes: under what is selected, else the loop region while it is on, else from the playhead's bar on. */
export const range = computed((): Range => {
  const chosen = selection();
  if (chosen.length > 0) return around(chosen);
  if (looping.value && loop.value) return between(loop.value.from, loop.value.to);
  const map = tempoMap.value;
  return { from: map.beatOfBar(map.position(map.beat(player.position.value)).bar - 1), bars: USUAL };
});

/** The ideas for this song, the oldest first, each with its place among those of its part. */
export const ideas = computed(() => {
  const own = jobs.value.filter(({ idea, projectId }) => idea && projectId === openProject()).toReversed();
  return own.map((job) => {
    const alike = own.filter((each) => each.part === job.part);
    return { job, name: `${titled(job.part ?? "idea")} ${alike.indexOf(job) + 1}` };
  });
});
const titled = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** Asks for several of one kind, in the tempo and the key of the song; nothing is placed before one is chosen. */
export const askForIdeas = async (): Promise<void> => {
  const { from, bars } = range.peek();
  const wanted = part.value;
  const map = tempoMap.peek();
  const startTime = map.seconds(from);
  const body: Schemas["StemsRequest"] = {
    type: wanted,
    genre: wish.genre.value,
    prompt: wish.prompt.value,
    key: project.peek()?.key ?? wish.key.value,
    bpm: map.bpm(from),
    bars,
    projectId: openProject(),
    startTime,
    addToProject: false,
  };
  for (let each = 0; each < count.value; each++) {
    await begin("beat", answered(api.POST("/api/generate/stems", { body })), { idea: true, part: wanted, startTime });
  }
};

const placeOf = ({ result, startTime = 0 }: Job) => {
  const { audioFileId, duration } = result as { audioFileId: string; duration: number };
  return { startTime, audioFileId, duration };
};

/** The idea that is heard within the song at this moment, without being in it. */
export const heard = signal<string | null>(null);

/** Plays an idea where it would lie, with everything else; another one takes its place without a pause. */
export const hearInSong = (job: Job, name: string): void => {
  if (heard.value === job.id) {
    stopHearing();
    return;
  }
  const wasHeard = heard.value !== null && player.playing.value;
  heard.value = job.id;
  const track = { name, trackType: "AUDIO", volume: 1, pan: 0, isMuted: false, isSolo: false, order: 1e6 };
  const sound = { offset: 0, fadeIn: 0, fadeOut: 0, gain: 0, name, ...placeOf(job) };
  audition.value = [
    { kind: "create", entity: "track", entityId: GHOST, changes: track },
    { kind: "create", entity: "clip", entityId: job.id, changes: { ...sound, trackId: GHOST } },
  ];
  if (wasHeard) return;
  player.seek(job.startTime ?? 0);
  void player.play();
};
const GHOST = "00000000-0000-4000-8000-000000000000";

export const stopHearing = (): void => {
  if (heard.value === null) return;
  heard.value = null;
  audition.value = [];
};
effect(() => {
  if (panel.value !== "ideas") stopHearing();
});

/** Puts an idea onto a track of its own. */
export const takeIdea = async (job: Job, name: string): Promise<void> => {
  stopHearing();
  const gesture = crypto.randomUUID();
  const track = (await createTrack({ name, trackType: "AUDIO", volume: 1 }, { gesture })).track as
    | { id: string }
    | undefined;
  if (track) await createClip({ trackId: track.id, name, ...placeOf(job) }, { gesture });
};
