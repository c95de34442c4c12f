import { effect, signal } from "@preact/signals";
import { socket } from "../api/sockets";
import { connection, openProject } from "../project/connection";
import { acknowledged } from "../project/store";
import { player } from "../sound/player";
import { selectedClips, selectedTrack } from "../view";

/** What another browser shows of its person at this moment; times in seconds. */
export interface Other {
  name: string;
  pointer?: { time: number; track: number } | undefined; // `track`: its place in the list
  playhead?: number | undefined;
  clips: ReadonlySet<string>;
  seen: number; // ms
}

const FRESH = 20_000; // ms after which what was not told again is forgotten
const EVERY = 100; // ms between two pointers that are told

/** By user. */
export const others = signal<ReadonlyMap<string, Other>>(new Map());

/** Which clips others have selected, by clip: it changes less often than their pointers. */
export const heldByOthers = signal<ReadonlyMap<string, string>>(new Map());

const refreshHeld = (): void => {
  const held = [...others.peek()].flatMap(([user, { clips }]) => [...clips].map((clip) => [clip, user] as const));
  if (held.length + heldByOthers.peek().size > 0) heldByOthers.value = new Map(held);
};

type Event = Record<string, unknown>;

const learn = (event: Event, changes: Partial<Other>): void => {
  if (event.projectId !== openProject()) return;
  const id = String(event.userId);
  const known = others.value.get(id) ?? { name: "", clips: new Set<string>() };
  const other: Other = { ...known, name: String(event.username), seen: performance.now(), ...changes };
  others.value = new Map(others.value).set(id, other);
};

socket.on("cursor:moved", (event: Event) => {
  const { time, y } = event.position as { time: number; y: number };
  learn(event, { pointer: { time, track: y } });
});
socket.on("selection:changed", (event: Event) => {
  learn(event, { clips: new Set((event.selectedClips ?? []) as string[]) });
  refreshHeld();
});
socket.on("playback:synced", (event: Event) => {
  const { isPlaying, currentTime } = event.state as { isPlaying: boolean; currentTime: number };
  learn(event, { playhead: isPlaying ? currentTime : undefined });
});
socket.on("collaborator:left", (event: Event) => {
  const left = new Map(others.value);
  left.delete(String(event.userId));
  others.value = left;
  refreshHeld();
});
setInterval(() => {
  const now = performance.now();
  const fresh = [...others.value].filter(([, { seen }]) => now - seen < FRESH);
  if (fresh.length < others.value.size) others.value = new Map(fresh);
}, FRESH / 4);

// Another song, other people.
acknowledged.subscribe((document) => {
  if (document || others.peek().size === 0) return;
  others.value = new Map();
  refreshHeld();
});

let told = 0;

/** Tells the others where the pointer is. `track`: its place in the list, fractions of a row included. */
export const point = (time: number, track: number): void => {
  const now = performance.now();
  if (connection.peek() !== "online" || now - told < EVERY) return;
  told = now;
  socket.volatile.emit("cursor:move", { projectId: openProject(), position: { time, x: 0, y: track } });
};

let selectionTold = "";
effect(() => {
  const clips = [...selectedClips.value].slice(0, 500);
  const tracks = selectedTrack.value ? [selectedTrack.value] : [];
  const selection = { projectId: openProject(), selectedClips: clips, selectedTracks: tracks };
  if (connection.value !== "online" || JSON.stringify(selection) === selectionTold) return;
  selectionTold = JSON.stringify(selection);
  socket.emit("selection:change", selection);
});

let beat: ReturnType<typeof setInterval> | undefined;
effect(() => {
  const isPlaying = player.playing.value;
  clearInterval(beat);
  const tell = () => {
    if (connection.peek() !== "online") return;
    const state = { isPlaying, currentTime: Math.max(0, player.now()) };
    socket.volatile.emit("playback:sync", { projectId: openProject(), state });
  };
  tell();
  if (isPlaying) beat = setInterval(tell, 500);
});
