import { createDevice, deleteDevice } from "../project/edits";
import type { Device } from "../project/entities";
import { devices, tempoMap, tracks } from "../project/store";
import * as recorder from "../recording/recorder";
import { player } from "../sound/player";
import { selectedTrack } from "../view";

type Arguments = Record<string, unknown>;

/** What the assistants ask this page to do, since only it can: to play, to move the playhead, to record. */
const functions: Record<string, (given: Arguments) => unknown> = {
  playProject: async ({ fromStart }) => {
    if (fromStart) player.seek(0);
    if (!player.playing.value) await player.play();
    return where();
  },
  stopPlayback: () => {
    player.stop();
    return where();
  },
  startRecording: () => {
    if (recorder.state.value === "idle") recorder.toggle();
    return { recording: true, track: recorder.target.value?.name ?? "a new track" };
  },
  applyEffect: (given) => applyEffect(given),
  stopRecording: () => {
    if (recorder.state.value !== "idle") recorder.toggle();
    return { recording: false };
  },
};

type Effect = (amount: number, given: Arguments) => { type: Device["type"]; parameters: Arguments };
const NOTES: Record<string, string> = { eighth: "1/8", quarter: "1/4", "dotted-eighth": "1/8d" };
const ROOMS: Record<string, number> = { plate: 1.6, room: 0.5, hall: 2.8 }; // seconds

/** What a word for an effect comes to as a device; `amount` is 0..1. */
const effects: Record<string, Effect> = {
  brightness: (amount) => ({ type: "equalizer", parameters: { gain4: 8 * amount } }),
  warmth: (amount) => ({ type: "equalizer", parameters: { gain1: 6 * amount, gain4: -2 * amount } }),
  presence: (amount) => ({ type: "equalizer", parameters: { gain3: 6 * amount } }),
  deharsh: (amount) => ({ type: "equalizer", parameters: { frequency3: 3500, q3: 1.4, gain3: -8 * amount } }),
  compression: (amount) => ({
    type: "compressor",
    parameters: { threshold: -12 - 24 * amount, ratio: 2 + 4 * amount },
  }),
  reverb: (amount, { mix, style }) => ({
    type: "reverb",
    parameters: { mix: share(mix, 0.5 * amount), decay: ROOMS[String(style)] ?? 1.8 },
  }),
  delay: (amount, { mix, timing, feedback }) => ({
    type: "delay",
    parameters: {
      mix: share(mix, 0.5 * amount),
      sync: NOTES[String(timing)] ?? "1/8d",
      feedback: Math.min(0.95, share(feedback, 0.35)),
    },
  }),
};

const share = (percent: unknown, otherwise: number): number =>
  typeof percent === "number" ? percent / 100 : otherwise;

const applyEffect = async (given: Arguments): Promise<unknown> => {
  const trackId = String(given.trackId ?? selectedTrack.value ?? tracks.value[0]?.id ?? "");
  const track = tracks.value.find(({ id }) => id === trackId);
  if (!track) throw new Error("There is no track to put it on.");
  if (given.effect === "reset") {
    const chain = devices.value.filter((device) => device.trackId === trackId);
    for (const { id } of chain) await deleteDevice(id);
    return { track: track.name, removed: chain.length };
  }
  const effect = effects[String(given.effect)];
  if (!effect) throw new Error(`${given.effect} is a job of the server: use autotune for it.`);
  const { type, parameters } = effect(share(given.amount, 0.5), given);
  const answer = await createDevice({ trackId, type, parameters });
  if (!answer.success) throw new Error(answer.error);
  return { track: track.name, device: type };
};

const where = () => {
  const { bar, beat } = tempoMap.value.position(tempoMap.value.beat(player.position.value));
  return { isPlaying: player.playing.value, position: `${bar}.${beat}` };
};

/** What a `function-call` comes to, as `function-result` tells it. */
export const runHere = async (name: string, given: unknown): Promise<{ output: unknown; isError: boolean }> => {
  const run = functions[name];
  if (!run) return { output: `This page does not know ${name}.`, isError: true };
  try {
    const parsed = typeof given === "string" ? (JSON.parse(given || "{}") as Arguments) : (given as Arguments);
    return { output: await run(parsed ?? {}), isError: false };
  } catch (error) {
    return { output: (error as Error).message, isError: true };
  }
};
