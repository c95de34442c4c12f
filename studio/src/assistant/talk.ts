import { signal } from "@preact/signals";
import { voice } from "../api/sockets";
import { openProject } from "../project/connection";
import { acknowledged } from "../project/store";
import { notify } from "../ui/notices";
import { type Message, messages, type Step } from "./chat";
import { runHere } from "./functions";
import { openMicrophone, RATE } from "./microphone";
import { rememberChange } from "./past";
import { Speaker } from "./speaker";

/** A talk by voice. What is said on both sides is shown among the written messages. */
export const talk = signal<"off" | "connecting" | "listening" | "hearing" | "answering">("off");

/** The highest sample that the microphone has just heard, 0..1. */
export const level = signal(0);

const TELL = 250; // ms between two reports of what was heard

type Event = Record<string, unknown>;

let close: (() => void) | null = null;

export const toggleTalk = (): void => {
  if (close) close();
  else if (talk.value === "off") void begin();
};

const begin = async (): Promise<void> => {
  talk.value = "connecting";
  const audio = new AudioContext({ sampleRate: RATE });
  const speaker = new Speaker(audio);
  const undo: (() => void)[] = [() => void audio.close(), () => speaker.flush()];
  close = () => {
    close = null;
    if (voice.connected) voice.emit("stop-realtime", {}, () => {});
    for (const each of undo) each();
    level.value = 0;
    talk.value = "off";
  };
  try {
    if (!voice.connected) voice.connect();
    const projectId = acknowledged.value ? openProject() : null;
    const started = (await voice.timeout(20_000).emitWithAck("start-realtime", { projectId })) as Event;
    if (!started.success) throw new Error(String(started.error));
    const stop = await openMicrophone(audio, (packet, peak) => {
      level.value = peak;
      voice.emit("send-audio", { audio: packet as unknown as string }); // binary is taken as well
    });
    undo.push(stop);
  } catch (error) {
    const { name, message } = error as Error;
    notify("trouble", name === "NotAllowedError" ? "Allow the microphone in the browser, then talk again." : message);
    close?.();
    return;
  }
  if (!close) for (const each of undo) each(); // it was closed while the microphone was asked for
  const listeners = hear(speaker);
  const timer = setInterval(() => {
    const heard = speaker.heard();
    if (heard) voice.emit("playback-position", heard);
  }, TELL);
  undo.push(() => clearInterval(timer), listeners);
};

const put = (message: Partial<Message> & { id: string }): void => {
  const known = messages.value.find(({ id }) => id === message.id);
  const whole: Message = { role: "assistant", text: "", steps: [], ended: true, ...known, ...message };
  messages.value = known ? messages.value.map((each) => (each === known ? whole : each)) : [...messages.value, whole];
};
const textOf = (id: string): string => messages.value.find((each) => each.id === id)?.text ?? "";

/** Follows the talk until the returned function is called. */
const hear = (speaker: Speaker): (() => void) => {
  let response = "";
  const handlers: Record<string, (event: Event) => void> = {
    "realtime-started": () => (talk.value = "listening"),
    "speech-started": () => (talk.value = "hearing"),
    "speech-stopped": () => (talk.value = "listening"),
    "user-transcript-delta": ({ itemId, text }) => {
      put({ id: String(itemId), role: "user", text: textOf(String(itemId)) + String(text) });
    },
    "user-transcript-done": ({ itemId, text }) => put({ id: String(itemId), role: "user", text: String(text) }),
    "response-started": ({ responseId }) => {
      response = String(responseId);
      talk.value = "answering";
    },
    "ai-text-delta": ({ itemId, text }) => put({ id: String(itemId), text: textOf(String(itemId)) + String(text) }),
    "ai-text-done": ({ itemId, text }) => put({ id: String(itemId), text: String(text) }),
    "audio-delta": ({ audio, itemId }) => speaker.play(String(audio), String(itemId)),
    "ai-interrupted": () => speaker.flush(),
    "response-done": () => (talk.value = "listening"),
    "tool-start": ({ callId, name }) => {
      const id = `steps-${response}`;
      const before = messages.value.find((each) => each.id === id)?.steps ?? [];
      put({ id, steps: [...before, { callId: String(callId), name: String(name), state: "running", words: "" }] });
    },
    "tool-result": ({ callId, success, error, revision }) => {
      const id = `steps-${response}`;
      const before = messages.value.find((each) => each.id === id)?.steps ?? [];
      const words = success ? "" : String((error as Event | undefined)?.error ?? "");
      if (typeof revision === "number") rememberChange(String(callId), { revision });
      const state: Step["state"] = success ? "done" : "failed";
      const result = { state, words, revision: typeof revision === "number" ? revision : undefined };
      put({ id, steps: before.map((step) => (step.callId === callId ? { ...step, ...result } : step)) });
    },
    "function-call": async ({ callId, name, arguments: given }) => {
      const id = `steps-${response}`;
      const before = messages.value.find((each) => each.id === id)?.steps ?? [];
      put({ id, steps: [...before, { callId: String(callId), name: String(name), state: "done", words: "" }] });
      const result = await runHere(String(name), given);
      voice.emit("function-result", { call_id: String(callId), output: result.output }, () => {});
    },
    "realtime-stopped": () => close?.(),
    error: ({ error, fatal }) => {
      notify("trouble", String(error));
      if (fatal) close?.();
    },
    disconnect: () => {
      notify("trouble", "The connection was lost, and with it the talk. Press Talk to go on.");
      close?.();
    },
  };
  const events = voice as unknown as {
    on: (name: string, handler: (event: Event) => void) => void;
    off: (name: string, handler: (event: Event) => void) => void;
  };
  for (const [name, handler] of Object.entries(handlers)) events.on(name, handler);
  return () => {
    for (const [name, handler] of Object.entries(handlers)) events.off(name, handler);
  };
};
