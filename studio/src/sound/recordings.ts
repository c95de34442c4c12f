import { signal } from "@preact/signals";
import { answered, api } from "../api/client";
import type { Recording } from "../project/entities";
import { recordings, remember } from "../project/store";
import { context } from "./context";

const MOST = 1_500_000_000; // bytes of decoded sound that are kept

const decoded = new Map<string, Promise<AudioBuffer>>(); // by recording, the one used last at the end
const ready = new Map<string, AudioBuffer>();
let kept = 0;

/** Grows with each recording that has been decoded, for whoever waits for one. */
export const decodedCount = signal(0);

/** What is known of a recording; asks the server where the project did not tell. */
export const recording = async (id: string): Promise<Recording> => {
  const known = recordings.value.get(id);
  if (known) return known;
  const { audioFile } = await answered(api.GET("/api/audio/{audio_id}", { params: { path: { audio_id: id } } }));
  const found = { ...audioFile, originalName: audioFile.originalName ?? audioFile.filename };
  remember(found);
  return found;
};

/** The samples of a recording, decoded once. */
export const samples = (id: string): Promise<AudioBuffer> => {
  const known = decoded.get(id);
  if (known) {
    decoded.delete(id);
    decoded.set(id, known);
    return known;
  }
  const made = decode(id);
  decoded.set(id, made);
  made.then(
    (buffer) => {
      ready.set(id, buffer);
      kept += size(buffer);
      forgetOldest();
      decodedCount.value++;
    },
    () => decoded.delete(id),
  );
  return made;
};

/** The samples, if they are there already; otherwise they are fetched for the next time. */
export const samplesNow = (id: string): AudioBuffer | null => {
  const known = ready.get(id);
  if (!known) void samples(id).catch(() => {});
  return known ?? null;
};

const decode = async (id: string): Promise<AudioBuffer> => {
  const { audioUrl } = await recording(id);
  const response = await fetch(audioUrl);
  if (!response.ok) throw new Error("A recording could not be read. Load the page again.");
  return context().decodeAudioData(await response.arrayBuffer());
};

const size = (buffer: AudioBuffer): number => buffer.length * buffer.numberOfChannels * 4;

const forgetOldest = (): void => {
  for (const [id, buffer] of ready) {
    if (kept <= MOST || ready.size === 1) return;
    ready.delete(id);
    decoded.delete(id);
    kept -= size(buffer);
  }
};
