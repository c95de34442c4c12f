import { signal } from "@preact/signals";
import { answered, api } from "../api/client";

/** The lowest and highest sample of each of `count` equal parts of a recording, -1..1. */
export interface Peaks {
  low: Float32Array;
  high: Float32Array;
  count: number;
}

const COARSE = 1000;
const FINEST = 8000;

const known = new Map<string, Peaks>(); // by recording, the finest so far
const asked = new Map<string, number>(); // how fine

/** Grows with each outline that has come. */
export const peaksCount = signal(0);

/** The outline of a recording with at least so many points if there are any, or what is known by now. */
export const peaksOf = (audioFileId: string, wanted: number): Peaks | null => {
  const needed = Math.min(FINEST, wanted <= COARSE ? COARSE : 2 ** Math.ceil(Math.log2(wanted)));
  const found = known.get(audioFileId) ?? null;
  if ((!found || found.count < needed) && (asked.get(audioFileId) ?? 0) < needed) {
    asked.set(audioFileId, needed);
    void ask(audioFileId, needed);
  }
  return found;
};

const ask = async (audioFileId: string, points: number): Promise<void> => {
  const params = { path: { audio_id: audioFileId }, query: { points } };
  try {
    const { waveformData } = await answered(api.GET("/api/audio/{audio_id}/waveform", { params }));
    const pairs = waveformData as [number, number][];
    known.set(audioFileId, {
      low: Float32Array.from(pairs, ([low]) => low),
      high: Float32Array.from(pairs, ([, high]) => high),
      count: pairs.length,
    });
    peaksCount.value++;
  } catch {
    asked.delete(audioFileId); // the next drawing asks again
  }
};
