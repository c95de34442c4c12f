import { signal } from "@preact/signals";
import { answered, api } from "./client";

const WORDS: Record<string, string> = {
  healthy: "Ready",
  degraded: "Ready, but something that it can use is failing",
  unhealthy: "Its database does not answer",
};

/** `state`: `healthy`, `degraded` or `unhealthy` as `/health` says, `unknown` before, `unreachable` without an answer. */
export const health = signal({ state: "unknown", words: "…" });

export const showHealth = async (): Promise<void> => {
  try {
    const { status = "" } = await answered(api.GET("/health"));
    health.value = { state: status, words: WORDS[status] ?? status };
  } catch (error) {
    health.value = { state: "unreachable", words: (error as Error).message };
  }
};
