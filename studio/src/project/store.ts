import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { parseMetre, TempoMap } from "../time/tempo-map";
import { appliedAll, type Document, inOrder, type Operation } from "./document";
import type {
  Automation,
  Chord,
  Clip,
  Device,
  Freeze,
  Marker,
  Recording,
  Role,
  Section,
  Send,
  Take,
  TempoEvent,
  TimeSignatureEvent,
  Track,
} from "./entities";

/** An edit on its way: what is sent, and what it comes to here until the server has answered. */
export interface Edit {
  readonly id: string; // its `clientOperationId`: sent twice, it is done once
  readonly event: string;
  readonly payload: Record<string, unknown>;
  readonly operations: readonly Operation[];
  readonly gesture?: string | undefined;
}

/** What the server has said, and what is on its way to it. The page shows both together. */
export const acknowledged = signal<Document | null>(null);
export const waiting = signal<readonly Edit[]>([]);

/** What a drag would come to if it ended now; nobody else sees it. */
export const preview = signal<readonly Operation[]>([]);

/** What is heard and shown on trial beside the document, such as an idea; nobody else has it. */
export const audition = signal<readonly Operation[]>([]);

const edited = computed(() => {
  const base = acknowledged.value;
  const operations = waiting.value.flatMap((edit) => edit.operations);
  return base && appliedAll(base, operations);
});
export const document = computed(() => edited.value && appliedAll(edited.value, [...audition.value, ...preview.value]));

/** Each follows its own part alone: a fader that moves does not redraw the clips. */
export const project = computed(() => document.value?.project ?? null);
const trackMap = computed(() => document.value?.entities.track);
const clipMap = computed(() => document.value?.entities.clip);
const sendMap = computed(() => document.value?.entities.send);

export const tracks: ReadonlySignal<readonly Track[]> = computed(() => inOrder(trackMap.value?.values() ?? []));
export const clips: ReadonlySignal<ReadonlyMap<string, Clip>> = computed(() => clipMap.value ?? new Map());
export const sends: ReadonlySignal<readonly Send[]> = computed(() => [...(sendMap.value?.values() ?? [])]);

const sectionMap = computed(() => document.value?.entities.section);
const markerMap = computed(() => document.value?.entities.marker);
export const sections: ReadonlySignal<readonly Section[]> = computed(() => inTime(sectionMap.value?.values() ?? []));
export const markers: ReadonlySignal<readonly Marker[]> = computed(() => inTime(markerMap.value?.values() ?? []));

const chordMap = computed(() => document.value?.entities.chord);
const tempoEventMap = computed(() => document.value?.entities.tempoEvent);
const timeSignatureEventMap = computed(() => document.value?.entities.timeSignatureEvent);
const automationMap = computed(() => document.value?.entities.automation);
export const chords: ReadonlySignal<readonly Chord[]> = computed(() => inTime(chordMap.value?.values() ?? []));
export const tempoEvents: ReadonlySignal<readonly TempoEvent[]> = computed(() =>
  inTime(tempoEventMap.value?.values() ?? []),
);
export const timeSignatureEvents: ReadonlySignal<readonly TimeSignatureEvent[]> = computed(() =>
  [...(timeSignatureEventMap.value?.values() ?? [])].sort((one, other) => one.bar - other.bar),
);
export const automations: ReadonlySignal<readonly Automation[]> = computed(() => [
  ...(automationMap.value?.values() ?? []),
]);

const freezeMap = computed(() => document.value?.entities.freeze);
export const freezes: ReadonlySignal<readonly Freeze[]> = computed(() => [...(freezeMap.value?.values() ?? [])]);

const deviceMap = computed(() => document.value?.entities.device);
export const devices: ReadonlySignal<readonly Device[]> = computed(() => inOrder(deviceMap.value?.values() ?? []));

const takeMap = computed(() => document.value?.entities.take);

/** The takes of each clip that has some, as they were made. */
export const takesByClip = computed(() => {
  const found = new Map<string, Take[]>();
  for (const take of takeMap.value?.values() ?? []) found.set(take.clipId, [...(found.get(take.clipId) ?? []), take]);
  return found;
});

/** Of each track, in the order of time. */
export const clipsByTrack = computed(() => {
  const found = new Map<string, Clip[]>();
  for (const clip of clips.value.values()) {
    const list = found.get(clip.trackId);
    if (list) list.push(clip);
    else found.set(clip.trackId, [clip]);
  }
  for (const list of found.values()) list.sort((one, other) => one.startTime - other.startTime);
  return found;
});

const inTime = <Each extends { beat: number }>(entities: Iterable<Each>): Each[] =>
  [...entities].sort((one, other) => one.beat - other.beat);

const tempo = computed(() => project.value?.bpm ?? 120);
const metre = computed(() => project.value?.timeSignature ?? "4/4");
/** An event at the beginning is the tempo, or the metre, of the project. */
export const tempoMap = computed(() => {
  const tempos = tempoEvents.value.map(({ beat, bpm, curve }) => ({ beat, bpm, ramp: curve === "linear" }));
  const metres = timeSignatureEvents.value.map(({ bar, timeSignature }) => ({ bar, ...parseMetre(timeSignature) }));
  if (tempos[0]?.beat !== 0) tempos.unshift({ beat: 0, bpm: tempo.value, ramp: false });
  if (metres[0]?.bar !== 0) metres.unshift({ bar: 0, ...parseMetre(metre.value) });
  return new TempoMap(tempos, metres);
});

/** The region that is played again and again while `looping`, in seconds; none while it has no length. */
export const loop = computed(() => {
  const { loopStart = 0, loopEnd = 0 } = project.value ?? {};
  const map = tempoMap.value;
  return loopEnd > loopStart ? { from: map.seconds(loopStart), to: map.seconds(loopEnd) } : null;
});
export const looping = computed(() => project.value?.looping ?? false);

/** In seconds: where the last clip ends. */
export const end = computed(() =>
  [...clips.value.values()].reduce((latest, clip) => Math.max(latest, clip.startTime + clip.duration), 0),
);

export const role = computed<Role>(() => project.value?.role ?? "viewer");
export const mayEdit = computed(() => role.value !== "viewer");

/** The recordings that are known here; others are asked for when a clip plays them. */
export const recordings = signal<ReadonlyMap<string, Recording>>(new Map());
export const remember = (...known: Recording[]): void => {
  recordings.value = new Map([...recordings.value, ...known.map((each) => [each.id, each] as const)]);
};
