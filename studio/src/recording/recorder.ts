import { computed, signal } from "@preact/signals";
import { hold } from "../people/locks";
import { loop, looping, tempoMap, tracks } from "../project/store";
import { running } from "../sound/context";
import { Metronome } from "../sound/metronome";
import { player } from "../sound/player";
import { notify } from "../ui/notices";
import { selectedTrack } from "../view";
import { placeRecording } from "./placing";
import { wav } from "./wav";
import type { Block } from "./worklet";
import worklet from "./worklet.ts?worker&url";

const LONGEST = 1800; // seconds

/** `counting` the bar before it begins, then `recording`, then `storing` until the take lies on its track. */
export const state = signal<"idle" | "counting" | "recording" | "storing">("idle");
export const countIn = signal(true);
export const monitoring = signal(false);

/** The highest sample of the last block, 0..1. */
export const inputLevel = signal(0);

/** Where a take goes: the armed track, else the selected one if it takes recordings, else a new one. */
export const target = computed(() => {
  const audio = tracks.value.filter(({ trackType }) => trackType === "AUDIO");
  return audio.find(({ isArmed }) => isArmed) ?? audio.find(({ id }) => id === selectedTrack.value) ?? null;
});

let stopping: (() => void) | null = null;

export const toggle = (): void => {
  if (stopping) stopping();
  else if (state.value === "idle") void record();
};

const record = async (): Promise<void> => {
  // It may be stopped at any moment, while the microphone is asked for as well.
  const stopped = new Promise<false>((resolve) => {
    stopping = () => resolve(false);
  });
  const trackId = target.value?.id;
  let stream: MediaStream;
  try {
    // What browsers do for calls spoils music.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
  } catch (error) {
    const denied = (error as DOMException).name === "NotAllowedError";
    stopping = null;
    notify("trouble", denied ? "Allow the microphone in the browser, then record again." : "There is no microphone.");
    return;
  }
  const audio = await running();
  await audio.audioWorklet.addModule(worklet);
  const source = audio.createMediaStreamSource(stream);
  const recorder = new AudioWorkletNode(audio, "recorder", { numberOfOutputs: 0, channelCount: 1 });
  const blocks: Float32Array[] = [];
  source.connect(recorder);
  let heard = false;
  const unmonitor = monitoring.subscribe((on) => {
    if (on === heard) return;
    if (on) source.connect(player.mixer.master.input);
    else source.disconnect(player.mixer.master.input);
    heard = on;
  });
  let frames = 0;
  let begunAt = 0; // on the context's clock
  let collecting = false;
  recorder.port.onmessage = ({ data: { samples, time } }: MessageEvent<Block>) => {
    inputLevel.value = samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0);
    if (!collecting) return;
    if (frames === 0) begunAt = time;
    blocks.push(samples);
    frames += samples.length;
    if (frames > LONGEST * audio.sampleRate) stopping?.();
  };

  const from = player.position.value;
  const begun = await counted(audio, from, stopped);
  const startedAt = player.position.value;
  const region = loop.value;
  const round = looping.value && region && startedAt < region.to ? region : null;
  let heardAt = 0;
  let release: (() => void) | null = null;
  if (begun) {
    release = hold(trackId ? [trackId] : []);
    collecting = true;
    heardAt = await player.play(!round);
    state.value = "recording";
    await stopped;
  }
  stopping = null;
  release?.();
  player.stop();
  unmonitor();
  source.disconnect();
  for (const track of stream.getTracks()) track.stop();
  recorder.port.close();
  inputLevel.value = 0;
  if (frames > 0) {
    state.value = "storing";
    // What was played was heard later than it was scheduled, and what was sung arrived later still.
    const late = (audio.outputLatency || audio.baseLatency) + audio.baseLatency;
    const early = heardAt + late - begunAt;
    const kept = withoutFirst(blocks, Math.max(0, Math.round(early * audio.sampleRate)));
    const at = startedAt + Math.max(0, -early);
    const name = `Take ${new Date().toLocaleTimeString()}.wav`;
    const file = new File([wav(kept, audio.sampleRate)], name, { type: "audio/wav" });
    if (kept.length === 0) notify("news", "It was stopped before anything was heard.");
    else await placeRecording(file, at, trackId, round).catch((error: Error) => notify("trouble", error.message));
  }
  state.value = "idle";
};

/** A bar of clicks; false if it was stopped meanwhile. */
const counted = async (audio: AudioContext, from: number, stopped: Promise<false>): Promise<boolean> => {
  if (!countIn.value) return true;
  state.value = "counting";
  const click = new Metronome(audio);
  const { unit, length } = tempoMap.value.metre(tempoMap.value.beat(from));
  const beat = (unit * 60) / tempoMap.value.bpm(tempoMap.value.beat(from));
  const beats = Math.round(length / unit);
  for (let each = 0; each < beats; each++) click.click(audio.currentTime + 0.05 + each * beat, each === 0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), beats * beat * 1000);
  });
  const waited = await Promise.race([over, stopped]);
  clearTimeout(timer);
  if (!waited) click.silence();
  return waited;
};

const withoutFirst = (blocks: readonly Float32Array[], frames: number): Float32Array[] => {
  let left = frames;
  return blocks.flatMap((block) => {
    const cut = Math.min(left, block.length);
    left -= cut;
    return cut < block.length ? [block.subarray(cut)] : [];
  });
};
