import { computed, signal } from "@preact/signals";
import { answered, api, type Schemas } from "../api/client";
import { socket } from "../api/sockets";
import { connection, openProject } from "../project/connection";
import { end, tempoMap } from "../project/store";
import { notify } from "../ui/notices";

export type Genre = Schemas["GenreFacts"];

/** A piece of work of the server for this person, as its events tell it. */
export interface Job {
  id: string;
  type: string;
  state: "working" | "done" | "failed" | "cancelled";
  percent: number;
  words: string;
  ends?: number; // when it is expected to be done, in ms of `Date.now`
  result?: Record<string, unknown>;
  idea?: boolean; // a part that is to be listened to before it is taken
  projectId?: string; // whose song it is about
  part?: string; // of an idea: drums, bass, chords or melody
  startTime?: number; // seconds; where an idea goes
}

const TYPES: Record<string, string> = {
  beat: "Beat",
  music: "Song",
  stems: "Taking apart",
  mix: "Mix",
  master: "Master",
  render: "Export",
  vocals: "Vocals",
  edit: "Edit of a recording",
  lyrics: "Lyrics",
  melody: "Melody",
};

/** What a job is, in words. */
export const titleOf = ({ type, idea }: Job): string => (idea ? "Idea" : (TYPES[type] ?? type));

/** What is asked for. `bpm` is null where the genre's own tempo will do. */
export const wish = {
  genre: signal("lo-fi"),
  key: signal("Cm"),
  bpm: signal<number | null>(null),
  bars: signal(8),
  prompt: signal(""),
};
export const genres = signal<Genre[]>([]);
export const jobs = signal<readonly Job[]>([]);
export const tempo = computed(
  () => wish.bpm.value ?? genres.value.find(({ name }) => name === wish.genre.value)?.defaultBpm ?? 120,
);
export const busy = computed(() => jobs.value.filter(({ state }) => state === "working"));

/** The bars of the present metre, in seconds at the tempo that is asked for. */
export const seconds = (bars: number): number => (bars * tempoMap.value.metre(0).length * 60) / tempo.value;

export const loadGenres = async (): Promise<void> => {
  genres.value = (await answered(api.GET("/api/generate/genres"))).genres;
};

/** The genre that the words speak of, which counts more than a chip. */
const named = (words: string): string | undefined => {
  const said = ` ${words.toLowerCase().replaceAll(/[^a-z0-9&]+/g, " ")} `;
  const names = genres.peek().flatMap(({ name, aliases = [] }) => [name, ...aliases].map((each) => ({ name, each })));
  const plain = (each: string) => ` ${each.toLowerCase().replaceAll(/[^a-z0-9&]+/g, " ")} `;
  return names.sort((one, other) => other.each.length - one.each.length).find(({ each }) => said.includes(plain(each)))
    ?.name;
};

/** Asks for a beat in the open project, where its parts land as tracks. */
export const makeBeat = async (): Promise<void> => {
  wish.genre.value = named(wish.prompt.value) ?? wish.genre.value;
  const body: Schemas["BeatRequest"] = {
    genre: wish.genre.value,
    key: wish.key.value,
    bpm: wish.bpm.value,
    bars: wish.bars.value,
    prompt: wish.prompt.value,
    projectId: openProject(),
    as: "stems",
    startTime: end.value,
  };
  await begin("beat", answered(api.POST("/api/generate/beat", { body })));
};

/** Follows a job from the request that begins it on; what is refused is said. `known`: what else is known of it. */
export const begin = async (
  type: string,
  request: Promise<{ jobId?: string; estimatedSeconds?: number }>,
  known: Partial<Job> = {},
): Promise<void> => {
  try {
    const { jobId, estimatedSeconds } = await request;
    const projectId = openProject();
    const begun = { type, projectId, state: "working" as const, percent: 0, words: "Waiting for its turn" };
    if (jobId) change(jobId, { ...begun, ...expected(estimatedSeconds), ...known });
  } catch (error) {
    notify("trouble", (error as Error).message);
  }
};

const expected = (seconds: unknown): Pick<Job, "ends"> =>
  Number(seconds) > 0 ? { ends: Date.now() + 1000 * Number(seconds) } : {};

export const cancel = async (jobId: string): Promise<void> => {
  try {
    await answered(api.POST("/api/generate/cancel/{job_id}", { params: { path: { job_id: jobId } } }));
  } catch (error) {
    notify("trouble", (error as Error).message);
  }
};

const MOST = 50; // jobs that are remembered

const change = (id: string, changes: Partial<Job>): void => {
  const known = jobs.value.find((each) => each.id === id);
  const job: Job = { id, type: "", state: "working", percent: 0, words: "", ...known, ...changes };
  jobs.value = [job, ...jobs.value.filter((each) => each !== known)].slice(0, MOST);
};

/** Events are lost while nobody is connected; the list of jobs has them all. */
const catchUp = async (): Promise<void> => {
  for (const { id } of busy.peek()) {
    const params = { path: { job_id: id }, query: { shape: "flat" as const } };
    const status = await answered(api.GET("/api/generate/status/{job_id}", { params }));
    if (status.state === "completed") change(id, { state: "done", percent: 100, words: "Done" });
    else if (status.state === "failed") change(id, { state: "failed", words: status.error ?? "It failed." });
    else if (status.state === "cancelled") change(id, { state: "cancelled", words: "Cancelled" });
    else change(id, { percent: status.progress ?? 0, words: status.stage || "Waiting for its turn" });
  }
};
connection.subscribe((state) => {
  if (state !== "online") return;
  void catchUp().catch(() => {});
  void loadJobs().catch(() => {});
});

const STATES: Record<string, Job["state"]> = { completed: "done", failed: "failed", cancelled: "cancelled" };

/** What this person has asked for before the page was opened. */
const loadJobs = async (): Promise<void> => {
  const query = { limit: 20 };
  const { jobs: listed = [] } = await answered(api.GET("/api/generate", { params: { query } }));
  for (const each of [...listed].reverse() as unknown as Event[]) {
    const id = String(each.jobId);
    if (jobs.peek().some((job) => job.id === id)) continue;
    const state = STATES[String(each.state)] ?? "working";
    const words = state === "done" ? "Done" : String(each.error ?? each.stage ?? each.state);
    const result = (each.result ?? undefined) as Event | undefined;
    const { part, addToProject, projectId, sourceProjectId, audioFileId, startTime, genre } = (each.data ??
      {}) as Event;
    const source = jobs.peek().find((job) => audioFileId && job.result?.audioFileId === audioFileId);
    const about = projectId ?? sourceProjectId ?? source?.projectId;
    if (genre && about === openProject() && wish.genre.peek() !== genre) wish.genre.value = String(genre);
    change(id, {
      ...(about ? { projectId: String(about) } : {}),
      idea: Boolean(part) && addToProject === false,
      ...(part ? { part: String(part), startTime: Number(startTime ?? 0) } : {}),
      type: String(each.type),
      state,
      percent: Number(each.progress ?? 0),
      words,
      ...(result ? { result } : {}),
    });
  }
};

type Event = Record<string, unknown>;
const told = (event: Event, changes: Partial<Job>): void =>
  change(String(event.jobId), { type: String(event.type ?? ""), ...changes });

socket.on("generation:queued", (event) => {
  told(event, { words: "Waiting for its turn", ...expected(event.estimatedTime) });
});
socket.on("generation:started", (event) => told(event, { words: "Begun" }));
socket.on("generation:progress", (event) => {
  told(event, { percent: Number(event.percent), words: String(event.message) });
});
socket.on("generation:completed", (event) => {
  told(event, { state: "done", percent: 100, words: "Done", result: event.result as Event });
});
socket.on("generation:failed", (event) => {
  told(event, { state: "failed", words: String(event.error) });
  notify("trouble", String(event.error));
});
socket.on("generation:cancelled", (event) => told(event, { state: "cancelled", words: "Cancelled" }));
