import { batch, computed, effect, signal } from "@preact/signals";
import { answered, api } from "../api/client";
import { brain } from "../api/sockets";
import { openProject, type Touched, touched } from "../project/connection";
import { undoAlone } from "../project/edits";
import { acknowledged } from "../project/store";
import { runHere } from "./functions";
import { lastConversation, rememberChange } from "./past";

/** Something that the assistant does with the song, while and after it does it. */
export interface Step {
  callId: string;
  name: string;
  state: "running" | "done" | "failed";
  words: string;
  revision?: number | undefined; // of what it changed
  undone?: boolean | undefined;
}

export interface Message {
  id: string;
  role: "user" | "assistant";
  text: string;
  steps: readonly Step[];
  groupId?: string | undefined; // of what it changed, which can be taken back as one step
  trouble?: string;
  ended: boolean;
}

type Event = Record<string, unknown>;

export const messages = signal<readonly Message[]>([]);
export const answering = computed(() => messages.value.some(({ ended }) => !ended));

/** What is missing for text and voice; null while it is not known, "" when nothing is. */
export const missing = signal<{ text: string; voice: string } | null>(null);

const NEEDS = { text: "ANTHROPIC_API_KEY", voice: "OPENAI_API_KEY" };
let conversationId: string | null = null;

export const lookForKeys = async (): Promise<void> => {
  const { features } = await answered(api.GET("/api/ai/status"));
  const known = (features ?? {}) as Record<string, boolean>;
  missing.value = { text: known.chat ? "" : NEEDS.text, voice: known.voice ? "" : NEEDS.voice };
};

/** Asks, and shows the answer as it comes. */
export const ask = async (text: string): Promise<void> => {
  const requestId = crypto.randomUUID();
  const question: Message = { id: crypto.randomUUID(), role: "user", text, steps: [], ended: true };
  const answer: Message = { id: requestId, role: "assistant", text: "", steps: [], ended: false };
  messages.value = [...messages.value, question, answer];
  const projectId = acknowledged.value ? openProject() : null;
  if (!brain.connected) brain.connect();
  try {
    const reply = (await brain
      .timeout(15_000)
      .emitWithAck("message", { message: text, requestId, projectId, conversationId })) as Event;
    if (reply.success) conversationId = String(reply.conversationId);
    else end(requestId, { trouble: String(reply.error) });
  } catch {
    end(requestId, { trouble: "The assistant does not answer. Try it again in a moment." });
  }
};

export const stopAnswer = (): void => {
  for (const { id, ended } of messages.value) if (!ended) brain.emit("cancel", { requestId: id }, () => {});
};

/** Of another song another conversation: what was said about it before is shown again. */
const openSong = computed(() => acknowledged.value?.project.id ?? null);
effect(() => {
  const projectId = openSong.value;
  if (!projectId) return;
  conversationId = null;
  messages.value = [];
  const show = async () => {
    const last = await lastConversation(projectId);
    if (!last || openSong.peek() !== projectId || messages.peek().length > 0) return;
    conversationId = last.id;
    messages.value = last.said.map(({ id, role, text, calls }): Message => {
      const steps = calls.map(({ done, ...call }): Step => ({ ...call, state: done ? "done" : "failed", words: "" }));
      return { id, role, text, steps, ended: true };
    });
  };
  void show().catch(() => {}); // what was said before is no need
});

const change = (id: unknown, changes: (message: Message) => Partial<Message>): void => {
  messages.value = messages.value.map((each) => (each.id === id ? { ...each, ...changes(each) } : each));
};

const end = (id: unknown, changes: Partial<Message>): void => change(id, () => ({ ...changes, ended: true }));

/** "createTrack" as people say it: "Create track". */
export const spoken = (name: string): string => {
  const words = name.replaceAll(/([A-Z])/g, " $1").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

brain.on("response-delta", (event: Event) => {
  change(event.requestId, ({ text }) => ({ text: text + String(event.text) }));
});
brain.on("tool-start", (event: Event) => {
  const step: Step = { callId: String(event.callId), name: String(event.name), state: "running", words: "" };
  change(event.requestId, ({ steps }) => ({ steps: [...steps, step] }));
});
brain.on("tool-result", (event: Event) => {
  const state = event.success ? "done" : "failed";
  const words = event.success ? "" : String((event.error as Event | undefined)?.error ?? event.error ?? "");
  const revision = typeof event.revision === "number" ? event.revision : undefined;
  if (revision !== undefined) rememberChange(String(event.callId), { revision });
  change(event.requestId, ({ steps }) => ({
    steps: steps.map((step) => (step.callId === event.callId ? { ...step, state, words, revision } : step)),
  }));
});

/** Takes one of its changes back, whatever came after it. */
export const undoStep = async (messageId: string, { callId, revision }: Step): Promise<void> => {
  if (revision === undefined) return;
  const answer = await undoAlone(revision);
  if (!answer.success) return;
  rememberChange(callId, { revision, undone: true });
  change(messageId, ({ steps }) => ({
    steps: steps.map((step) => (step.callId === callId ? { ...step, undone: true } : step)),
  }));
};

/** What one of its changes was about: everything that came with it at once. */
export const touchedBy = ({ revision }: Step, steps: readonly Step[]): readonly Touched[] => {
  if (revision === undefined) return [];
  const group = touched.value.find((each) => each.revision === revision)?.groupId;
  const before = Math.max(0, ...steps.map((each) => each.revision ?? 0).filter((each) => each < revision));
  return touched.value.filter((each) => each.groupId === group && each.revision <= revision && each.revision > before);
};
brain.on("function-call", async (event: Event) => {
  const step: Step = { callId: String(event.callId), name: String(event.name), state: "done", words: "" };
  change(event.requestId, ({ steps }) => ({ steps: [...steps, step] }));
  const result = await runHere(step.name, event.arguments);
  brain.emit("function-result", { callId: step.callId, ...result }, () => {});
});
brain.on("response-done", (event: Event) => {
  batch(() => {
    const groupId = event.groupId ? String(event.groupId) : undefined;
    end(event.requestId, { text: String(event.text ?? ""), groupId });
  });
});
brain.on("error", (event: Event) => {
  end(event.requestId, { trouble: String(event.error) });
});
brain.on("disconnect", () => {
  for (const { id, ended } of messages.value) if (!ended) end(id, { trouble: "The connection was lost." });
});
