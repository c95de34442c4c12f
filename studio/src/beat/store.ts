import { computed, signal } from "@preact/signals";
import { answered, api, type Schemas } from "../api/client";
import { socket } from "../api/sockets";
import { player } from "../audio/player";
import type { Beat } from "./beat";

export interface Genre {
  name: string;
  defaultBpm: number;
  bpmRange: [number, number];
}

type Progress =
  | { state: "idle" }
  | { state: "working"; percent: number; words: string }
  | { state: "done" }
  | { state: "failed"; words: string };

/** What is asked for. `bpm` is null where the genre's own tempo will do. */
export const wish = {
  genre: signal("lo-fi"),
  key: signal("Cm"),
  bpm: signal<number | null>(null),
  bars: signal(8),
  prompt: signal(""),
};
export const genres = signal<Genre[]>([]);
export const progress = signal<Progress>({ state: "idle" });
export const beat = signal<Beat | null>(null);
export const tempo = computed(
  () => wish.bpm.value ?? genres.value.find(({ name }) => name === wish.genre.value)?.defaultBpm ?? 120,
);
const job = signal<string | null>(null);

export const loadGenres = async (): Promise<void> => {
  try {
    genres.value = (await answered(api.GET("/api/generate/genres"))).genres as unknown as Genre[];
  } catch (error) {
    fail(error);
  }
};

export const makeBeat = async (): Promise<void> => {
  player.stop();
  working(0, "Asking for a beat");
  try {
    const body: Schemas["BeatRequest"] = {
      genre: wish.genre.value,
      key: wish.key.value,
      bpm: wish.bpm.value,
      bars: wish.bars.value,
      prompt: wish.prompt.value,
    };
    const { jobId } = await answered(api.POST("/api/generate/beat", { body }));
    if (jobId) await follow(jobId);
  } catch (error) {
    fail(error);
  }
};

export const cancelBeat = async (): Promise<void> => {
  if (!job.value) return;
  try {
    await answered(api.POST("/api/generate/cancel/{job_id}", { params: { path: { job_id: job.value } } }));
  } catch (error) {
    fail(error);
  }
};

/** A beat survives a reload: its job stands in the address. */
export const resumeBeat = (): void => {
  const known = new URLSearchParams(location.hash.slice(1)).get("beat");
  if (known) void follow(known).catch(fail);
};

const follow = async (jobId: string): Promise<void> => {
  job.value = jobId;
  history.replaceState(null, "", `#beat=${jobId}`);
  if (socket.connected) await catchUp();
  else socket.connect(); // and then `catchUp`
};

/** Reads from REST what has happened, since events are lost while nobody is connected. */
const catchUp = async (): Promise<void> => {
  const jobId = job.value;
  if (!jobId) return;
  const path = { job_id: jobId };
  const status = await answered(
    api.GET("/api/generate/status/{job_id}", { params: { path, query: { shape: "flat" } } }),
  );
  if (status.state === "completed") {
    const reply = await answered(api.GET("/api/generate/result/{job_id}", { params: { path } }));
    finish(reply.result?.result as Beat);
  } else if (status.state === "failed" || status.state === "cancelled") {
    fail(new Error(status.error ?? `The beat was ${status.state}.`));
  } else {
    working(status.progress ?? 0, status.stage || "Waiting for its turn");
  }
};

const finish = (made: Beat): void => {
  job.value = null;
  beat.value = made;
  player.load(made.audioUrl);
  progress.value = { state: "done" };
};

const working = (percent: number, words: string): void => {
  progress.value = { state: "working", percent, words };
};

const fail = (error: unknown): void => {
  job.value = null;
  progress.value = { state: "failed", words: (error as Error).message };
};

const ours = (event: { [name: string]: unknown }): boolean => event.jobId === job.value;

socket.on("connect", () => void catchUp().catch(fail));
socket.on("connect_error", (error) => fail(new Error(`No live connection: ${error.message}`)));
socket.on("generation:progress", (event) => {
  if (ours(event)) working(Number(event.percent), String(event.message));
});
socket.on("generation:completed", (event) => {
  if (ours(event)) finish(event.result as Beat);
});
socket.on("generation:failed", (event) => {
  if (ours(event)) fail(new Error(String(event.error)));
});
socket.on("generation:cancelled", (event) => {
  if (ours(event)) progress.value = { state: "idle" };
});
